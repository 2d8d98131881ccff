//! What the maker writes and the device floor reads: numbers, headers, bodies; and what it costs.
//!
//! Each file is the other half of one on the device floor. The steps of the model codec are not
//! here: maker and applier share them.

pub(crate) mod address_map;
mod header;
mod images;
#[cfg(feature = "lz4")]
pub(crate) mod lz4;
mod meter;
pub(crate) mod operations;
pub(crate) mod price;
mod range;
mod tables;
mod tally;
#[cfg(feature = "zstd")]
pub(crate) mod zstd;

pub(crate) use address_map::Maps;
pub(crate) use header::MapBytes;
pub(crate) use images::{ahead, CopyRun, InMemory};
pub(crate) use meter::Meter;
pub(crate) use range::RangeEncoder;
pub(crate) use tables::tables_for;
pub(crate) use tally::Tally;
