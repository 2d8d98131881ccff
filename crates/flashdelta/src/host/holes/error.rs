//! Why an image cannot have holes, or not these.

use core::fmt;

use crate::device::error::codes;
use crate::host::image::{Format, ImageError};

/// Why an image cannot have holes, or not these; or why they cannot be filled.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HoleError {
    /// No hole may be called so: names have 1 to 16 letters, digits, `-`, `_` and `.`.
    BadName {
        /// The name.
        name: String,
    },
    /// Two holes have the same name.
    SameName {
        /// The name.
        name: String,
    },
    /// There are more holes than a patch can have.
    TooMany {
        /// How many.
        found: usize,
        /// The most.
        limit: usize,
    },
    /// The range has no bytes, or reaches past the end of the image, or of what of it may differ.
    Outside {
        /// The hole.
        name: String,
        /// One past its last byte.
        end: u32,
        /// Bytes of the image that may have holes.
        limit: u32,
    },
    /// Two holes have a byte in common.
    Overlap {
        /// One of them.
        name: String,
        /// The other one.
        other: String,
    },
    /// The hole has more bytes in one image than in the other.
    OtherLength {
        /// The hole.
        name: String,
        /// Bytes that it has in the old image.
        old: u32,
        /// Bytes that it has in the new image.
        new: u32,
    },
    /// The value is to be kept, but the old image has no such hole.
    NothingToKeep {
        /// The hole.
        name: String,
    },
    /// The ELF file has no such symbol, or there is none, or what it names is not in the image.
    NoSymbol {
        /// The hole.
        name: String,
        /// The symbol.
        symbol: String,
    },
    /// A marker is not there, or more than once.
    Marker {
        /// The hole.
        name: String,
        /// How often it is there.
        found: usize,
    },
    /// The image is signed, or its digest is checked by a bootloader: it would not start with other
    /// bytes.
    Vouched {
        /// By what.
        by: &'static str,
    },
    /// Files of this format have checks of their own that would be wrong.
    Format {
        /// The format.
        format: Format,
    },
    /// It is an image of an ESP chip, but the hole is not in one of its segments.
    NoSegment {
        /// The hole.
        name: String,
    },
    /// An image of an ESP chip does not end with its checksum or digest: something follows.
    Trailing {
        /// Where the image ends.
        end: usize,
        /// Where the file ends.
        found: usize,
    },
    /// The checksum or the digest of an image of an ESP chip is wrong from the start.
    WrongSum,
    /// The device has to compute the digest that ends the new image, which takes the model codec
    /// and a write unit that divides what comes before.
    OwnDigest,
    /// The file has no data for bytes of the hole.
    Gap {
        /// The hole.
        name: String,
    },
    /// The file cannot be read.
    File(ImageError),
    /// No hole is called so.
    Unknown {
        /// The name.
        name: String,
    },
    /// A hole has no value.
    NoValue {
        /// The hole.
        name: String,
    },
    /// A value is longer than its hole.
    TooLong {
        /// The hole.
        name: String,
        /// Bytes of the value.
        found: usize,
        /// Bytes of the hole.
        limit: u32,
    },
}

codes! {
    impl[] HoleError {
        Self::BadName { .. } => "hole-name", Misuse;
        Self::SameName { .. } => "hole-same-name", Misuse;
        Self::TooMany { .. } => "holes-too-many", Misuse;
        Self::Outside { .. } => "hole-outside", Misuse;
        Self::Overlap { .. } => "hole-overlap", Misuse;
        Self::OtherLength { .. } => "hole-other-length", Misuse;
        Self::NothingToKeep { .. } => "hole-nothing-to-keep", Misuse, GiveValue;
        Self::NoSymbol { .. } => "hole-no-symbol", Misuse;
        Self::Marker { .. } => "hole-marker", Misuse;
        Self::Vouched { .. } => "hole-vouched", DoesNotFit, UseDataPartition;
        Self::Format { .. } => "hole-format", DoesNotFit, UseDataPartition;
        Self::NoSegment { .. } => "hole-no-segment", Misuse;
        Self::Trailing { .. } => "hole-trailing", DoesNotFit, UseDataPartition;
        Self::WrongSum => "hole-wrong-sum", BadFile, MakeFileAgain;
        Self::OwnDigest => "hole-own-digest", DoesNotFit, OtherCodec;
        Self::Gap { .. } => "hole-gap", Misuse;
        Self::Unknown { .. } => "hole-unknown", Misuse;
        Self::NoValue { .. } => "hole-value-missing", Misuse, GiveValue;
        Self::TooLong { .. } => "hole-value-too-long", Misuse;
    } else {
        Self::File(error) => error;
    }
}

impl fmt::Display for HoleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadName { name } => write!(
                f,
                "no hole can be called \"{name}\": names have 1 to 16 letters, digits, -, _ and ."
            ),
            Self::SameName { name } => write!(f, "two holes are called {name}"),
            Self::TooMany { found, limit } => {
                write!(f, "there are {found} holes, a patch can have {limit}")
            }
            Self::Outside { name, end, limit } => write!(
                f,
                "hole {name} ends at byte {end}, but only the first {limit} bytes of the image can \
                 have holes of 1 byte or more"
            ),
            Self::Overlap { name, other } => {
                write!(f, "holes {name} and {other} have a byte in common")
            }
            Self::OtherLength { name, old, new } => write!(
                f,
                "hole {name} has {old} bytes in the old image, but {new} in the new one: its value \
                 cannot be kept"
            ),
            Self::NothingToKeep { name } => write!(
                f,
                "the value of hole {name} is to be kept, but the old image does not have the hole"
            ),
            Self::NoSymbol { name, symbol } => write!(
                f,
                "hole {name}: no symbol {symbol} with a size is in the symbol table of an ELF \
                 file, or its bytes are not in the image"
            ),
            Self::Marker { name, found } => write!(
                f,
                "the marker of hole {name} is in the image {found} times, and has to be there once"
            ),
            Self::Vouched { by } => write!(
                f,
                "an image with {by} cannot have holes: with other bytes in it, it would not start"
            ),
            Self::Format { format } => write!(
                f,
                "an image of format {} cannot have holes: its own checks would be wrong",
                format.name()
            ),
            Self::NoSegment { name } => {
                write!(f, "hole {name} is not in a segment of the ESP image")
            }
            Self::Trailing { end, found } => write!(
                f,
                "the ESP image ends at byte {end}, but the file has {found}: with something after \
                 its digest it cannot have holes"
            ),
            Self::WrongSum => f.write_str("the checksum or digest of the ESP image is wrong"),
            Self::OwnDigest => f.write_str(
                "the device has to compute the digest that ends the new image: that takes the \
                 model codec, and pages that divide what comes before it",
            ),
            Self::Gap { name } => {
                write!(f, "hole {name} is in a gap of the file: no record has all of its bytes")
            }
            Self::File(error) => error.fmt(f),
            Self::Unknown { name } => write!(f, "no hole is called {name}"),
            Self::NoValue { name } => write!(f, "there is no value for hole {name}"),
            Self::TooLong { name, found, limit } => {
                write!(f, "the value for hole {name} has {found} bytes, the hole has {limit}")
            }
        }
    }
}

impl core::error::Error for HoleError {}

impl From<ImageError> for HoleError {
    fn from(error: ImageError) -> Self {
        Self::File(error)
    }
}
