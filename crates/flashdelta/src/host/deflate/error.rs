//! Why compressed data cannot be read.

use core::fmt;

use crate::device::error::codes;
use crate::host::budget::Halt;

/// Why a deflate stream cannot be read, or not be made from a recipe.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeflateError {
    /// The stream or the recipe ends too early.
    CutShort,
    /// A block has the reserved type 3.
    ReservedBlockType,
    /// The length of a stored block contradicts its complement.
    StoredLength,
    /// Code lengths do not make a prefix code.
    BadCode,
    /// A code that stands for nothing.
    UnknownCode,
    /// A match reaches before the start of the data.
    TooFarBack,
    /// The stream holds more than it may.
    TooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// The recipe contradicts itself or the data.
    BadRecipe {
        /// In what.
        what: &'static str,
    },
}

codes! {
    impl[] DeflateError {
        Self::CutShort => "deflate-cut-short", BadFile, MakeFileAgain;
        Self::ReservedBlockType => "deflate-reserved-block", BadFile, MakeFileAgain;
        Self::StoredLength => "deflate-stored-length", BadFile, MakeFileAgain;
        Self::BadCode => "deflate-bad-code", BadFile, MakeFileAgain;
        Self::UnknownCode => "deflate-unknown-code", BadFile, MakeFileAgain;
        Self::TooFarBack => "deflate-too-far-back", BadFile, MakeFileAgain;
        Self::TooLong { .. } => "deflate-too-long", DoesNotFit;
        Self::BadRecipe { .. } => "deflate-bad-recipe", BadPatch, TransferAgain;
    }
}

impl fmt::Display for DeflateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CutShort => f.write_str("it ends too early"),
            Self::ReservedBlockType => f.write_str("a block has the reserved type 3"),
            Self::StoredLength => {
                f.write_str("the length of a stored block contradicts its complement")
            }
            Self::BadCode => f.write_str("code lengths do not make a prefix code"),
            Self::UnknownCode => f.write_str("a code stands for nothing"),
            Self::TooFarBack => f.write_str("a match reaches before the start of the data"),
            Self::TooLong { limit } => write!(f, "it holds more than {limit} bytes"),
            Self::BadRecipe { what } => write!(f, "the recipe contradicts the data: {what}"),
        }
    }
}

impl core::error::Error for DeflateError {}

impl From<DeflateError> for Halt<DeflateError> {
    fn from(error: DeflateError) -> Self {
        Self::Bad(error)
    }
}
