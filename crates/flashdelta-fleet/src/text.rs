//! Why a text cannot be what it should.

use core::fmt;

use flashdelta::codes;

/// Why a text cannot be a name, a version or a digest.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TextError {
    /// It cannot be a name.
    BadName {
        /// What was found, cut short.
        found: String,
        /// The longest name, in bytes.
        limit: usize,
    },
    /// It cannot be a version.
    BadVersion {
        /// What was found, cut short.
        found: String,
        /// The longest version, in characters.
        limit: usize,
    },
    /// It is not 64 hexadecimal digits.
    BadDigest {
        /// What was found, cut short.
        found: String,
    },
}

codes! {
    impl[] TextError {
        Self::BadName { .. } => "bad-name", Misuse;
        Self::BadVersion { .. } => "bad-version", Misuse;
        Self::BadDigest { .. } => "bad-digest", Misuse;
    }
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadName { found, limit } => write!(
                f,
                "found {found:?}, expected a name: 1 to {limit} bytes of text without slashes, \
                 blanks at its ends, or a dot in front"
            ),
            Self::BadVersion { found, limit } => write!(
                f,
                "found {found:?}, expected a version: 1 to {limit} ASCII characters without \
                 blanks and slashes"
            ),
            Self::BadDigest { found } => {
                write!(f, "found {found:?}, expected a SHA-256 of 64 hexadecimal digits")
            }
        }
    }
}

impl core::error::Error for TextError {}
