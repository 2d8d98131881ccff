//! The byte codecs: the operations of a patch as bytes, plain or compressed.
//!
//! One stream of operations, three ways to store it: as it is ([`Codec::Raw`](crate::Codec::Raw)),
//! in [LZ4 blocks](lz4), through [Zstandard](zstd). An operation is a copy from the old image, a
//! copy from the new image as far as it is written, or new bytes. A copy from the old image is
//! predicted unit by unit by the same walker as in the [model codec](crate::device::codec::model);
//! differences from the *prediction* follow as bytes. The stream may end early: then the rest of
//! the new image is a copy from the old one, which is why a patch between identical images has no
//! body at all.
//!
//! `docs/format.md` specifies the bytes.

#[cfg(feature = "lz4")]
pub(crate) mod lz4;
#[cfg(feature = "zstd")]
pub(crate) mod zstd;

#[cfg_attr(not(feature = "prediction"), path = "copies_unpredicted.rs")]
mod copies;
mod operations;

pub(crate) use copies::Copies;
pub(crate) use operations::{OpFault, OpSource, Operations, COPY_NEW, COPY_OLD, LITERAL};
