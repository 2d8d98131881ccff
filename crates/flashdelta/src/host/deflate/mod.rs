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
mod error;
mod huffman;
mod inflate;
mod predict;
mod recipe;
mod token;

pub use error::DeflateError;
pub(crate) use inflate::inflate;
pub(crate) use recipe::{analyse, recreate};

#[cfg(test)]
mod tests;
