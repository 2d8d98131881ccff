//! Firmware files as they come: one file per container format.
//!
//! - [`detect`] recognises a format by content, never by name.
//! - [`address_map`] says which bytes of a file stand at which addresses, for containers whose bytes stay as they are.
//!
//! Every format has a lossless view of the file (ranges and fields as they stand there); nothing here panics, whatever the input,
//! and nothing is allocated by a size that a file merely claims.

mod bytes;
mod cyacd;
mod error;
mod format;
mod lines;
mod map;
mod memory;
mod records;

pub mod dfu;
pub mod ebl;
pub mod elf;
pub mod esp;
pub mod gbl;
pub mod ihex;
pub mod mcuboot;
pub mod raw;
pub mod srec;
pub mod telink;
pub mod titxt;
pub mod uf2;
pub mod zigbee;

pub use error::ImageError;
pub use format::{detect, Format};
pub use map::{address_map, AddressMap, AddressSpan, IsaHint, MapSegment, SegmentKind};
pub use memory::{AfterEnd, Image, Overlap, ReadOptions, Segment};
pub use records::{join, split, Split};
