//! The address maps in a header: both images', the new one's as differences from the old one's.

use super::varint::Reader;
use super::HeaderError;
use crate::isa::AddressRange;
use crate::predict::address_map::{Segment, SegmentKind};

/// At most this many segments in each image.
pub(crate) const MOST_SEGMENTS: usize = 16;
/// At most this many ranges without bytes.
pub(crate) const MOST_RANGES: usize = 16;

/// One entry of the address maps, as they come out of a header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum MapEntry {
    /// The next segment of the old image.
    Old(Segment),
    /// The next segment of the new image.
    New(Segment),
    /// Addresses without bytes (RAM, `.bss`).
    Range(AddressRange),
}

/// How many entries there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct MapCounts {
    pub(crate) old: u8,
    pub(crate) new: u8,
    pub(crate) ranges: u8,
}

impl MapCounts {
    /// Words that the segments take.
    pub(crate) fn words(self) -> usize {
        (self.old as usize + self.new as usize) * 3
    }
}

/// Where the segment before ended.
#[derive(Clone, Copy, Default)]
struct End {
    offset: u32,
    address: u32,
}

impl End {
    fn of(segment: &Segment) -> Self {
        Self { offset: segment.end(), address: segment.address.wrapping_add(segment.len) }
    }
}

/// Reads both address maps, an old segment and its new counterpart at a time, and hands out what it reads.
pub(crate) fn decode_map(
    reader: &mut Reader<'_>,
    (old_size, new_size): (u32, u32),
    mut entry: impl FnMut(MapEntry),
) -> Result<MapCounts, HeaderError> {
    let counts = MapCounts {
        old: count(reader, "segments of the old image", MOST_SEGMENTS)?,
        new: count(reader, "segments of the new image", MOST_SEGMENTS)?,
        ranges: count(reader, "address ranges", MOST_RANGES)?,
    };
    let shifts = reader.byte("alignment")?;
    let (shift, range_shift) = (u32::from(shifts & 15), u32::from(shifts >> 4));
    let moved = reader.varint("moved segments")?;
    let (mut old_end, mut new_end) = (End::default(), End::default());
    for i in 0..u32::from(counts.old.max(counts.new)) {
        let mut pair = None;
        if i < u32::from(counts.old) {
            let (segment, gap) = whole(reader, old_end, shift)?;
            check(&segment, old_end, old_size, i)?;
            old_end = End::of(&segment);
            entry(MapEntry::Old(segment));
            pair = Some((segment, gap));
        }
        if i < u32::from(counts.new) {
            let segment = match pair {
                Some((old, gap)) => difference(reader, &old, gap, new_end, shift, moved >> i & 1 == 1)?,
                None => whole(reader, new_end, shift)?.0,
            };
            check(&segment, new_end, new_size, i)?;
            new_end = End::of(&segment);
            entry(MapEntry::New(segment));
        }
    }
    let mut last = 0u32;
    for _ in 0..counts.ranges {
        let start = last.wrapping_add((reader.signed("address range")? as u32) << range_shift);
        last = start.saturating_add(reader.varint("length of an address range")? << range_shift);
        entry(MapEntry::Range(AddressRange { start, end: last }));
    }
    Ok(counts)
}

fn count(reader: &mut Reader<'_>, field: &'static str, limit: usize) -> Result<u8, HeaderError> {
    match reader.byte(field)? {
        n if usize::from(n) <= limit => Ok(n),
        n => Err(HeaderError::TooLarge { field, found: n.into(), limit: limit as u32 }),
    }
}

/// A segment that stands for itself, and the gap in front of it.
fn whole(reader: &mut Reader<'_>, end: End, shift: u32) -> Result<(Segment, u32), HeaderError> {
    let gap = reader.varint("gap before a segment")?;
    let head = reader.varint("length of a segment")?;
    let address = end.address.wrapping_add(reader.signed("address of a segment")? as u32);
    let segment =
        Segment { offset: end.offset.wrapping_add(gap), len: (head >> 1) << shift, address, kind: kind(head & 1) };
    Ok((segment, gap))
}

/// A segment of the new image, as it differs from its counterpart.
fn difference(
    reader: &mut Reader<'_>,
    old: &Segment,
    gap: u32,
    end: End,
    shift: u32,
    moved: bool,
) -> Result<Segment, HeaderError> {
    let grown = (reader.signed("growth of a segment")? as u32) << shift;
    let mut new = Segment { offset: end.offset.wrapping_add(gap), len: old.len.wrapping_add(grown), ..*old };
    if moved {
        new.kind = kind(u32::from(reader.byte("kind of a segment")?));
        new.offset = new.offset.wrapping_add(reader.signed("gap before a segment")? as u32);
        new.address = new.address.wrapping_add(reader.signed("address of a segment")? as u32);
    }
    Ok(new)
}

fn kind(bit: u32) -> SegmentKind {
    if bit == 0 { SegmentKind::Code } else { SegmentKind::Data }
}

/// Segments are sorted, do not overlap, and lie inside the image.
fn check(segment: &Segment, end: End, size: u32, index: u32) -> Result<(), HeaderError> {
    let fits = segment.offset >= end.offset && segment.offset.checked_add(segment.len).is_some_and(|e| e <= size);
    if fits { Ok(()) } else { Err(HeaderError::BadSegment { index }) }
}

/// Both address maps and the ranges without bytes, as the maker has them.
#[cfg(feature = "std")]
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Maps {
    pub(crate) old: Vec<Segment>,
    pub(crate) new: Vec<Segment>,
    pub(crate) ranges: Vec<AddressRange>,
}

#[cfg(feature = "std")]
impl Maps {
    /// Nothing is known about addresses.
    pub(crate) fn is_empty(&self) -> bool {
        self.old.is_empty() && self.new.is_empty() && self.ranges.is_empty()
    }

    pub(crate) fn counts(&self) -> MapCounts {
        MapCounts { old: self.old.len() as u8, new: self.new.len() as u8, ranges: self.ranges.len() as u8 }
    }

    /// The inverse of [`decode_map`].
    pub(crate) fn emit(&self, out: &mut Vec<u8>) {
        use super::put;
        let counts = self.counts();
        let lengths = self.old.iter().chain(&self.new).map(|s| s.len);
        let shift = alignment(lengths);
        let mut end = 0;
        let range_shift = alignment(self.ranges.iter().flat_map(|r| [r.start, r.end]));
        let old_ends: Vec<End> = ends(&self.old);
        let new_ends: Vec<End> = ends(&self.new);
        let gap = |s: &Segment, e: &End| s.offset.wrapping_sub(e.offset);
        let is_moved = |i: usize| {
            let (old, new) = (&self.old[i], &self.new[i]);
            let same = (gap(old, &old_ends[i]), old.address, old.kind) == (gap(new, &new_ends[i]), new.address, new.kind);
            !same
        };
        let pairs = self.old.len().min(self.new.len());
        let moved = (0..pairs).filter(|i| is_moved(*i)).fold(0u32, |m, i| m | 1 << i);
        out.extend_from_slice(&[counts.old, counts.new, counts.ranges, (range_shift << 4 | shift) as u8]);
        put::varint(out, moved);
        let whole = |out: &mut Vec<u8>, s: &Segment, e: &End| {
            put::varint(out, gap(s, e));
            put::varint(out, s.len >> shift << 1 | s.kind as u32);
            put::signed(out, s.address.wrapping_sub(e.address) as i32);
        };
        for i in 0..self.old.len().max(self.new.len()) {
            if let Some(old) = self.old.get(i) {
                whole(out, old, &old_ends[i]);
            }
            let Some(new) = self.new.get(i) else { continue };
            let Some(old) = self.old.get(i) else {
                whole(out, new, &new_ends[i]);
                continue;
            };
            put::signed(out, (new.len.wrapping_sub(old.len) as i32) >> shift);
            if moved >> i & 1 == 1 {
                out.push(new.kind as u8);
                put::signed(out, gap(new, &new_ends[i]).wrapping_sub(gap(old, &old_ends[i])) as i32);
                put::signed(out, new.address.wrapping_sub(old.address) as i32);
            }
        }
        for r in &self.ranges {
            put::signed(out, (r.start.wrapping_sub(end) as i32) >> range_shift);
            put::varint(out, (r.end - r.start) >> range_shift);
            end = r.end;
        }
    }
}

/// Low bits that are 0 in all of these numbers, at most 15.
#[cfg(feature = "std")]
fn alignment(numbers: impl Iterator<Item = u32>) -> u32 {
    numbers.fold(1 << 15, |all, n| all | n).trailing_zeros()
}

/// Where the segment before each segment ends.
#[cfg(feature = "std")]
fn ends(segments: &[Segment]) -> Vec<End> {
    core::iter::once(End::default()).chain(segments.iter().map(End::of)).collect()
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;

    fn segment(offset: u32, len: u32, address: u32) -> Segment {
        Segment { offset, len, address, kind: SegmentKind::Code }
    }

    /// The app of an ESP32, built twice.
    fn esp32() -> Maps {
        let segments = |rodata: u32, text: u32| {
            let mut at = 32;
            [(0x3F40_0020, rodata), (0x3FFB_DB60, 0x46E4), (0x4008_0000, 0x19CC), (0x400D_0020, text), (0x4008_19CC, 0x15CA4)]
                .map(|(address, len)| {
                    let s = segment(at, len, address);
                    at = s.end() + 8;
                    s
                })
                .to_vec()
        };
        let range = |start, end| AddressRange { start, end };
        Maps {
            old: segments(0x3A814, 0xE4F30),
            new: segments(0x3A8C4, 0xE5168),
            ranges: vec![range(0x3FFA_E000, 0x4000_0000), range(0x4000_0000, 0x400C_2000), range(0x5000_0000, 0x5000_2000)],
        }
    }

    fn decode(bytes: &[u8], sizes: (u32, u32)) -> Result<Maps, HeaderError> {
        let mut maps = Maps::default();
        let mut reader = Reader::new(bytes);
        decode_map(&mut reader, sizes, |entry| match entry {
            MapEntry::Old(s) => maps.old.push(s),
            MapEntry::New(s) => maps.new.push(s),
            MapEntry::Range(r) => maps.ranges.push(r),
        })?;
        assert_eq!(reader.offset(), bytes.len());
        Ok(maps)
    }

    #[test]
    fn maps_come_back_and_are_small() {
        let mut odd = esp32();
        odd.old.remove(1);
        odd.new[2].kind = SegmentKind::Data;
        odd.new[3].address = 0xFFFF_FFF0;
        odd.ranges = vec![AddressRange { start: 3, end: 0xFFFF_FFFF }];
        let mut swapped = odd.clone();
        core::mem::swap(&mut swapped.old, &mut swapped.new);
        for maps in [esp32(), odd, swapped, Maps::default()] {
            let mut bytes = Vec::new();
            maps.emit(&mut bytes);
            assert_eq!(decode(&bytes, (u32::MAX, u32::MAX)), Ok(maps));
        }
        let mut bytes = Vec::new();
        esp32().emit(&mut bytes);
        assert!(bytes.len() <= 60, "{} bytes", bytes.len());
    }

    #[test]
    fn segments_outside_the_image_are_refused() {
        let maps = esp32();
        let mut bytes = Vec::new();
        maps.emit(&mut bytes);
        let size = maps.old[4].end();
        assert_eq!(decode(&bytes, (size - 1, u32::MAX)), Err(HeaderError::BadSegment { index: 4 }));
        assert_eq!(decode(&[17, 0, 0, 0, 0], (0, 0)), Err(HeaderError::TooLarge { field: "segments of the old image", found: 17, limit: 16 }));
    }
}
