//! The address map of a firmware file: which bytes of the file are at which addresses when the
//! firmware runs.
//!
//! The maker of a patch needs it to predict branches, calls and pointers. It is only a hint: a
//! wrong or missing map makes a patch larger, never wrong, so everything here is lenient and
//! nothing here fails. To read a file *exactly*, use the modules of the formats.

use core::ops::Range;

use super::bytes;
use super::format::Format;
use super::isa_hint::IsaHint;
use crate::device::isa::AddressRange;
use crate::device::predict::address_map::SegmentKind;

/// Bytes of a file that have an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MapSegment {
    /// First byte, as an offset into the file.
    pub offset: u32,
    /// Length in bytes; never 0.
    pub len: u32,
    /// Address of the first byte when the firmware runs (of 64-bit addresses the low 32 bits).
    pub address: u32,
    /// What the bytes are; `None`: code, data or both.
    pub kind: Option<SegmentKind>,
}

/// The address map of a file.
///
/// Those that are [found](super::address_map) are in order. Others that are given to the maker of
/// patches may hold anything: it sorts the segments, leaves out what overlaps or is past the end of
/// the image, joins neighbours, and of these and of the reserved ranges uses the 16 largest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AddressMap {
    /// The (outermost) container.
    pub format: Format,
    /// The instruction set, if it could be told.
    pub isa: Option<IsaHint>,
    /// Bytes with addresses, in file order, without overlap in the *file*. (Addresses may overlap:
    /// a merged flash image holds a bootloader and an application that use the same RAM.) Headers
    /// and the like are not in it.
    pub segments: Vec<MapSegment>,
    /// Addresses that pointers may point to although the file has no bytes for them, sorted,
    /// without overlap.
    pub reserved: Vec<AddressRange>,
}

impl AddressMap {
    /// The map of a raw image of `len` bytes that runs at `address`.
    pub fn at(address: u32, len: usize) -> Self {
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        let segment = MapSegment { offset: 0, len, address, kind: Some(SegmentKind::Code) };
        let segments = if len == 0 { Vec::new() } else { vec![segment] };
        Self { segments, ..Self::empty(Format::Raw) }
    }

    /// A map without any addresses.
    pub(crate) fn empty(format: Format) -> Self {
        Self { format, isa: None, segments: Vec::new(), reserved: Vec::new() }
    }

    /// Everything that a pointer may point to: the addresses of `segments` and `reserved`, sorted,
    /// merged where they touch or overlap.
    pub fn ranges(&self) -> Vec<AddressRange> {
        let mut ranges: Vec<_> =
            self.segments.iter().map(|s| s.range()).chain(self.reserved.iter().copied()).collect();
        merge(&mut ranges);
        ranges
    }

    /// The address of the byte at `offset` in the file, if it has one.
    pub fn address_of(&self, offset: u32) -> Option<u32> {
        let next = self.segments.partition_point(|s| s.offset <= offset);
        let segment = self.segments.get(next.checked_sub(1)?)?;
        let into = offset - segment.offset;
        (into < segment.len).then(|| segment.address.wrapping_add(into))
    }

    /// The offset in the file of the byte at `address`. Where several have this address: of the
    /// largest segment.
    pub fn offset_of(&self, address: u32) -> Option<u32> {
        let holds = |s: &&MapSegment| address.wrapping_sub(s.address) < s.len;
        let segment = self.segments.iter().filter(holds).max_by_key(|s| s.len)?;
        Some(segment.offset + (address - segment.address))
    }

    /// Adds the bytes `range` of the file at `address`. Empty ranges and offsets beyond 4 GiB are
    /// left out.
    pub(crate) fn push(
        &mut self,
        range: Range<usize>,
        address: u32,
        kind: impl Into<Option<SegmentKind>>,
    ) {
        let (Some(offset), Some(end)) = (bytes::offset32(range.start), bytes::offset32(range.end))
        else {
            return;
        };
        let Some(len) = end.checked_sub(offset).filter(|len| *len != 0) else { return };
        // A segment does not run past the end of the address space, whose last byte has an address,
        // too.
        let room = (1u64 << 32) - u64::from(address);
        let len = u32::try_from(room).map_or(len, |room| len.min(room));
        self.segments.push(MapSegment { offset, len, address, kind: kind.into() });
    }

    /// Adds addresses without bytes.
    pub(crate) fn reserve(&mut self, start: u32, end: u32) {
        if start < end {
            self.reserved.push(AddressRange { start, end });
        }
    }

    /// Takes over what another version of the same plain binary shows.
    pub(super) fn complete_from(&mut self, file: &[u8], other: &Self) {
        if self.format != Format::Raw || other.format != Format::Raw || !self.segments.is_empty() {
            return;
        }
        let (Some(address), true) =
            (other.address_of(0), self.isa.is_none() || self.isa == other.isa)
        else {
            return;
        };
        self.isa = other.isa;
        self.push(0..file.len(), address, None);
        self.reserved.clone_from(&other.reserved);
    }

    /// Sorts, and drops what overlaps something that is before it in the file.
    pub(crate) fn finish(mut self) -> Self {
        self.segments.sort_by_key(|s| s.offset);
        let mut end = 0;
        self.segments.retain(|s| {
            let keep = s.offset >= end;
            if keep {
                end = s.offset.saturating_add(s.len);
            }
            keep
        });
        merge(&mut self.reserved);
        self
    }
}

impl MapSegment {
    /// The addresses of this segment.
    pub fn range(&self) -> AddressRange {
        AddressRange { start: self.address, end: self.address.saturating_add(self.len) }
    }
}

/// Sorts ranges and joins those that touch or overlap.
fn merge(ranges: &mut Vec<AddressRange>) {
    ranges.sort_unstable();
    let mut merged: Vec<AddressRange> = Vec::with_capacity(ranges.len());
    for range in ranges.drain(..) {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    *ranges = merged;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_merged_and_lookups_agree() {
        let mut map = AddressMap::empty(Format::Raw);
        map.push(16..32, 0x1000, SegmentKind::Code);
        map.push(40..48, 0x1010, SegmentKind::Data);
        map.push(44..50, 0x9000, SegmentKind::Data); // overlaps the one before it: dropped
        map.reserve(0x2000_0000, 0x2000_0100);
        map.reserve(0x2000_0080, 0x2000_0200);
        let map = map.finish();
        assert_eq!(
            map.ranges(),
            [
                AddressRange { start: 0x1000, end: 0x1018 },
                AddressRange { start: 0x2000_0000, end: 0x2000_0200 }
            ]
        );
        assert_eq!(map.address_of(15), None);
        assert_eq!(map.address_of(31), Some(0x100f));
        assert_eq!(map.address_of(32), None);
        assert_eq!(map.offset_of(0x1012), Some(42));
        assert_eq!(map.offset_of(0x9000), None);
    }

    #[test]
    fn a_segment_at_the_end_of_the_address_space_does_not_overflow() {
        let mut map = AddressMap::empty(Format::Raw);
        map.push(0..100, 0xffff_fff0, SegmentKind::Code);
        let map = map.finish();
        assert_eq!(map.ranges(), [AddressRange { start: 0xffff_fff0, end: 0xffff_ffff }]);
    }
}
