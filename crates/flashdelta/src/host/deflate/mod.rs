//! Deflate streams (RFC 1951) that come back bit by bit.
//!
//! A compressed file hides that two versions of a firmware are alike: after the first difference
//! all its bits are others. So a deflate stream is taken apart into what it holds (the *plain*
//! bytes, which are compared) and a *recipe*: how the compressor said it. Nearly all compressors do
//! as zlib does, so the recipe names one of zlib's levels and lists where the stream departs from
//! what zlib would have done: usually nowhere. The idea is that of *preflate* (D. Steinke); the
//! algorithm that predicts is that of zlib 1.2 and 1.3 (`deflate.c`, `trees.c`).
//!
//! The recipe is specified in `docs/format.md`. Everything here runs on damaged input, too: it ends
//! in an error, in bounded time.

mod bits;
mod huffman;
mod inflate;
mod predict;
mod recipe;

pub(crate) use inflate::inflate;
pub(crate) use recipe::{analyse, recreate};

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
        Self::TooLong { .. } => "deflate-too-long", BadFile, MakeFileAgain;
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

/// A literal (the byte), or a match (its length, 3 to 258, in the upper half, its distance, 1 to
/// 32768, in the lower).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Token(u32);

impl Token {
    fn literal(byte: u8) -> Self {
        Self(byte.into())
    }

    fn matched(len: usize, distance: usize) -> Self {
        Self((len as u32) << 16 | distance as u32)
    }

    /// Length and distance of a match; `None`: a literal.
    fn as_match(self) -> Option<(usize, usize)> {
        let len = (self.0 >> 16) as usize;
        (len > 0).then_some((len, (self.0 & 0xFFFF) as usize))
    }

    /// Bytes that it stands for.
    fn len(self) -> usize {
        self.as_match().map_or(1, |(len, _)| len)
    }
}

/// Base and extra bits of the length codes from 257 on (RFC 1951, 3.2.5).
const LENGTHS: [(u16, u8); 29] = [
    (3, 0),
    (4, 0),
    (5, 0),
    (6, 0),
    (7, 0),
    (8, 0),
    (9, 0),
    (10, 0),
    (11, 1),
    (13, 1),
    (15, 1),
    (17, 1),
    (19, 2),
    (23, 2),
    (27, 2),
    (31, 2),
    (35, 3),
    (43, 3),
    (51, 3),
    (59, 3),
    (67, 4),
    (83, 4),
    (99, 4),
    (115, 4),
    (131, 5),
    (163, 5),
    (195, 5),
    (227, 5),
    (258, 0),
];

/// Base and extra bits of the distance codes (RFC 1951, 3.2.5).
const DISTANCES: [(u16, u8); 30] = [
    (1, 0),
    (2, 0),
    (3, 0),
    (4, 0),
    (5, 1),
    (7, 1),
    (9, 2),
    (13, 2),
    (17, 3),
    (25, 3),
    (33, 4),
    (49, 4),
    (65, 5),
    (97, 5),
    (129, 6),
    (193, 6),
    (257, 7),
    (385, 7),
    (513, 8),
    (769, 8),
    (1025, 9),
    (1537, 9),
    (2049, 10),
    (3073, 10),
    (4097, 11),
    (6145, 11),
    (8193, 12),
    (12289, 12),
    (16385, 13),
    (24577, 13),
];

/// The code of a value: its index in the table, the value's offset from the base, and the number of
/// extra bits.
fn code_of(table: &[(u16, u8)], value: usize) -> (usize, u32, u32) {
    let index = table.partition_point(|(base, _)| usize::from(*base) <= value).saturating_sub(1);
    let (base, extra) = table.get(index).copied().unwrap_or_default();
    (index, (value - usize::from(base)) as u32, extra.into())
}

#[cfg(test)]
mod tests;
