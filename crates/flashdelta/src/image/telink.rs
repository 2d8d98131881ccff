//! Telink TC32 images (`TLSR82xx`): a plain binary, executed from flash mapped at address 0.
//!
//! Source: the start-up code of Telink's SDK: the word at 8 is `KNLT`, the word at 24 the length of the image in bytes.

use core::ops::Range;

use super::bytes::array;
use super::map::{AddressMap, IsaHint, SegmentKind};

/// RAM of the TLSR82xx family.
const RAM: Range<u32> = 0x0084_0000..0x0085_0000;

/// Does this begin like a Telink image?
pub fn is(bytes: &[u8]) -> bool {
    array::<4>(bytes, 8) == Some(*b"KNLT")
}

/// Maps the image that stands at `range`.
pub(crate) fn map(range: Range<usize>, map: &mut AddressMap) {
    map.isa = Some(IsaHint::Tc32);
    map.push(range, 0, SegmentKind::Unknown);
    map.reserve(RAM.start, RAM.end);
}
