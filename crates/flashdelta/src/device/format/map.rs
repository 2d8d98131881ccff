//! The address maps in a header: both images', the new one's as differences from the old one's.

use super::varint::Reader;
use super::HeaderError;
use crate::device::isa::AddressRange;
use crate::device::predict::address_map::{PointerRanges, Segment, SegmentKind, SegmentWords};

/// At most this many segments in each image.
pub(crate) const MOST_SEGMENTS: usize = 15;
/// At most this many ranges without bytes.
pub(crate) const MOST_RANGES: usize = 15;

/// How many entries there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct MapCounts {
    pub(crate) old: u8,
    pub(crate) new: u8,
    pub(crate) ranges: u8,
    /// Lengths of segments are multiples of 2 to this power.
    pub(crate) shift: u8,
}

impl MapCounts {
    /// Segments of both images.
    pub(crate) fn segments(self) -> usize {
        usize::from(self.old) + usize::from(self.new)
    }
}

impl MapCounts {
    /// Reads two bytes: both numbers of segments, and that of ranges with the shift of lengths.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        let (segments, ranges) = (reader.byte(), reader.byte());
        Self { old: segments & 15, new: segments >> 4, ranges: ranges & 15, shift: ranges >> 4 }
    }
}

/// Bits of the byte that says where a segment is: which address its own is relative to, its
/// kind, whether a gap in the file is stated.
pub(crate) const BASE: u8 = 15;
pub(crate) const DATA: u8 = 16;
pub(crate) const GAP: u8 = 32;

/// Ranges start and end at multiples of this.
pub(crate) const RANGE_UNIT: u32 = 256;

/// Where a segment is: in the file after the one before, in memory after one of those before.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Standing {
    /// Bytes between this segment and the one before in the file.
    pub(crate) gap: u32,
    /// 0: the address is `offset`; n: it is `offset` past the end of the n-th segment, counted
    /// back.
    pub(crate) base: u8,
    pub(crate) offset: u32,
    pub(crate) kind: SegmentKind,
}

impl Standing {
    /// Where the counterpart in the new image is unless something else is said: right after
    /// the same segment, or at the same address.
    pub(crate) fn inherited(self, segment: &Segment) -> Self {
        let is_behind = self.base != 0 && self.offset == 0;
        if is_behind {
            self
        } else {
            Self { base: 0, offset: segment.address, ..self }
        }
    }
}

impl Standing {
    /// Reads where the segment after those of `done` is.
    fn read(reader: &mut Reader<'_>, done: &[SegmentWords]) -> Self {
        let head = reader.byte();
        let gap = if head & GAP != 0 { reader.varint() } else { last_gap(done) };
        let base = head & BASE;
        let offset = if base == 0 {
            let mut address = [0; 4];
            reader.bytes(&mut address);
            u32::from_le_bytes(address)
        } else {
            reader.signed() as u32
        };
        let kind = if head & DATA != 0 { SegmentKind::Data } else { SegmentKind::Code };
        if head >= 2 * GAP || usize::from(base) > done.len() {
            reader.fail(HeaderError::BadSegment { index: done.len() as u32 });
        }
        Self { gap, base, offset, kind }
    }

    /// The segment after those of `done` that is there.
    pub(crate) fn segment(&self, done: &[SegmentWords], len: u32) -> Segment {
        let offset = last_end(done).wrapping_add(self.gap);
        Segment {
            offset,
            len,
            address: base_address(done, self.base).wrapping_add(self.offset),
            kind: self.kind,
        }
    }
}

/// The address that a base stands for: the end of a segment in memory, counted back.
pub(crate) fn base_address(done: &[SegmentWords], base: u8) -> u32 {
    let segment = done
        .get(done.len().wrapping_sub(usize::from(base)))
        .map(|words| Segment::from_words(*words));
    segment.map_or(0, |segment| segment.address.wrapping_add(segment.len))
}

/// Where the last segment ends in the file.
pub(crate) fn last_end(done: &[SegmentWords]) -> u32 {
    done.last().map_or(0, |words| Segment::from_words(*words).end())
}

/// Bytes between the last segment and the one before it in the file.
pub(crate) fn last_gap(done: &[SegmentWords]) -> u32 {
    done.split_last().map_or(0, |(last, before)| last[0].wrapping_sub(last_end(before)))
}

/// Reads both address maps, an old segment and its new counterpart at a time. `segments` has room
/// for as many as are counted, those of the old image first. What was read is of use only if the
/// reader tells of no error.
pub(crate) fn decode_map(
    reader: &mut Reader<'_>,
    counts: MapCounts,
    sizes: (u32, u32),
    segments: &mut [SegmentWords],
    pointers: &mut PointerRanges,
) {
    let Some((old, new)) = segments.split_at_mut_checked(counts.old.into()) else { return };
    let most = counts.old.max(counts.new);
    let moved = if most > 0 { reader.varint() } else { 0 };
    for i in 0..most {
        let mut counterpart = None;
        for (image, size) in [(&mut *old, sizes.0), (&mut *new, sizes.1)] {
            let Some((done, [place, ..])) = image.split_at_mut_checked(i.into()) else { continue };
            let standing =
                counterpart.map(|(standing, _)| standing).filter(|_| moved >> (i & 31) & 1 == 0);
            let standing = standing.unwrap_or_else(|| Standing::read(reader, done));
            let shift = u32::from(counts.shift & 15);
            let len = match counterpart {
                Some((_, len)) => u32::wrapping_add(len, (reader.signed() as u32) << shift),
                None => reader.varint() << shift,
            };
            let segment = standing.segment(done, len);
            if segment.offset < last_end(done)
                || segment.offset.checked_add(len).is_none_or(|end| end > size)
            {
                reader.fail(HeaderError::BadSegment { index: i.into() });
            }
            *place = segment.words();
            counterpart = Some((standing.inherited(&segment), len));
        }
    }
    for words in old {
        pointers.add_segment(&Segment::from_words(*words));
    }
    let mut last = 0u32;
    for _ in 0..counts.ranges {
        let start = last.wrapping_add((reader.signed() as u32).wrapping_mul(RANGE_UNIT));
        last = start.saturating_add(reader.varint().wrapping_mul(RANGE_UNIT));
        pointers.add(AddressRange { start, end: last });
    }
}
