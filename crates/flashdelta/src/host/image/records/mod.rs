//! Files of records (Intel HEX, S-records, TI-TXT, UF2), taken apart into the data they carry and a
//! small *template* that says how it was written.
//!
//! A firmware delta compares data with data. What a linker or converter wrapped around it (record
//! lengths, address records, line ends, checksums) is mostly habit: a [`Writer`] with the same
//! [`Habits`] writes it again. The template holds the habits, where each block of data is, and
//! whatever the writer would not have written by itself. It is made by writing each record and
//! comparing, so joining data and template always gives the identical file; a file that resists is
//! carried whole.

mod habits;
mod make;
mod render;
mod split;
mod uf2_blocks;

pub(crate) use split::{blocks, data_operations, join_within, split_within};
pub use split::{join, split};

#[cfg(test)]
mod quirks;
#[cfg(test)]
mod tests;
