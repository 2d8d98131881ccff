//! Readers and writers of firmware formats: one file per format.
//!
//! - [`detect`] recognises a format by content, never by name.
//! - [`address_map`] says which bytes of a file are at which addresses, for containers whose
//!   bytes stay as they are ([`address_maps`]: of two versions).
//! - [`split`] takes a file of records (Intel HEX, S-records, TI-TXT, UF2), or one in which the
//!   image is packed (APJ), apart into data with addresses and a small template; [`join`] gives the
//!   identical file back. Any other file is its own data: a differ can split everything.
//! - [`Image::parse`] reads what a file *means*: bytes in memory, with policies for what is
//!   dubious; [`Image::write`] writes it in another format.
//!
//! Every format has a lossless view of the file (ranges and fields as they are there); nothing
//! here panics, whatever the input, and nothing is allocated by a size that a file merely claims.

mod address_map;
mod bytes;
mod check;
mod detect;
mod error;
mod facts;
mod finding;
mod format;
mod isa_hint;
mod lines;
pub(crate) mod map;
mod memory;
mod read;
mod record_lines;
mod records;
mod rows;
mod select;
mod template;
mod wrapping;
mod write;
mod write_options;

mod formats;
pub use formats::{
    apj, dfu, ebl, elf, esp, gbl, ihex, mcuboot, raw, rbl, srec, telink, titxt, uf2, vmem, zigbee,
};

pub(crate) use address_map::completed;
pub use address_map::{address_map, address_maps, base_conflict, BaseConflict};
pub use check::check;
pub(crate) use check::check_within;
pub use detect::{detect, targets};

pub use crate::device::isa::AddressRange;
pub use crate::device::predict::address_map::SegmentKind;
pub use error::ImageError;
pub use facts::{entropy, packed, Facts};
pub use finding::{Check, Finding, Value};
pub use format::Format;
pub use isa_hint::IsaHint;
pub use map::{AddressMap, MapSegment};
pub use memory::{AfterEnd, Image, Overlap, ReadOptions, Segment};
pub use read::check_promise;
pub(crate) use read::{check_promise_within, parse_named};
pub(crate) use records::{blocks, data_operations, join_within, split_within};
pub use records::{join, split};
pub use select::{Selection, Target};
pub use template::Split;
pub(crate) use template::{push_operation, Block};
pub use wrapping::{wrapping, Wrapping};
pub use write::WriteError;
pub use write_options::WriteOptions;

#[cfg(test)]
mod tests;
