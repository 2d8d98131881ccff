//! Why a text declares no hole, or is no value.

use core::fmt;

use crate::device::error::codes;

/// Why a text is no [`HoleRequest`](super::HoleRequest), no [`Place`](super::Place), or no value.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HoleSyntaxError {
    /// It has no `=` between a name and a place.
    NoName {
        /// The whole text.
        found: String,
    },
    /// Neither a range nor a symbol nor a marker.
    Place {
        /// What is there instead.
        found: String,
    },
    /// The end of a range is not above its start.
    Range {
        /// The range.
        found: String,
    },
    /// What follows `hex:` is not pairs of hexadecimal digits.
    Digits {
        /// The digits.
        found: String,
    },
    /// A source of values is none of `kept`, `given` and `either`.
    Source {
        /// What is there instead.
        found: String,
    },
    /// A fill is no number from 0 to 0xff.
    Fill {
        /// What is there instead.
        found: String,
    },
}

codes! {
    impl[] HoleSyntaxError {
        Self::Digits { .. } => "hole-digits", Misuse;
        _ => "hole-syntax", Misuse;
    }
}

impl fmt::Display for HoleSyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (found, expected) = match self {
            Self::NoName { found } => (found, "NAME=PLACE"),
            Self::Place { found } => {
                (found, "a range such as 0x400-0x420, symbol:NAME or marker:TEXT")
            }
            Self::Range { found } => (found, "a range whose end is above its start"),
            Self::Digits { found } => (found, "pairs of hexadecimal digits"),
            Self::Source { found } => (found, "kept, given or either"),
            Self::Fill { found } => (found, "a fill from 0 to 0xff"),
        };
        write!(f, "found \"{found}\", expected {expected}")
    }
}

impl core::error::Error for HoleSyntaxError {}
