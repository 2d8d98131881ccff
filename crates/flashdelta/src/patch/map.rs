//! The address maps in a header: both images', the new one's as differences from the old one's.

use super::varint::Reader;
use super::HeaderError;
use crate::isa::AddressRange;
use crate::predict::address_map::{Segment, SegmentKind};

/// At most this many segments in each image.
pub(crate) const MOST_SEGMENTS: usize = 15;
/// At most this many ranges without bytes.
#[cfg(feature = "std")]
pub(crate) const MOST_RANGES: usize = 15;

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

/// Bits of the byte that says where a segment stands: which address its own is relative to, its kind, whether a gap in the file is stated.
const BASE: u8 = 15;
const DATA: u8 = 16;
const GAP: u8 = 32;

/// Ranges start and end at multiples of this.
const RANGE_UNIT: u32 = 256;

/// Where a segment stands: in the file behind the one before, in memory behind one of those before.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
struct Standing {
    /// Bytes between this segment and the one before in the file.
    gap: u32,
    /// 0: the address is `offset`; n: it is `offset` behind the end of the n-th segment, counted back.
    base: u8,
    offset: u32,
    kind: SegmentKind,
}

impl Standing {
    /// Where the counterpart in the new image stands unless something else is said: right behind the same segment, or at the same address.
    fn inherited(self, segment: &Segment) -> Self {
        let is_behind = self.base != 0 && self.offset == 0;
        if is_behind {
            self
        } else {
            Self { base: 0, offset: segment.address, ..self }
        }
    }
}

/// One image's segments, while they are read or written.
#[derive(Default)]
struct Track {
    /// Where the last segment ends in the file.
    end: u32,
    gap: u32,
    /// Where each segment ends in memory.
    ends: [u32; MOST_SEGMENTS],
    count: usize,
}

impl Track {
    /// The address that a base stands for.
    fn base(&self, base: u8) -> u32 {
        let index = self.count.wrapping_sub(usize::from(base));
        if base == 0 {
            0
        } else {
            self.ends.get(index).copied().unwrap_or(0)
        }
    }

    fn segment(&self, standing: &Standing, len: u32) -> Segment {
        let address = self.base(standing.base).wrapping_add(standing.offset);
        Segment { offset: self.end.wrapping_add(standing.gap), len, address, kind: standing.kind }
    }

    /// Reads where a segment stands.
    fn standing(&self, reader: &mut Reader<'_>) -> Standing {
        let head = reader.byte("segment");
        let gap = if head & GAP != 0 { reader.varint("gap before a segment") } else { self.gap };
        let base = head & BASE;
        let offset = if base == 0 {
            let mut address = [0; 4];
            reader.bytes("address of a segment", &mut address);
            u32::from_le_bytes(address)
        } else {
            reader.signed("address of a segment") as u32
        };
        let kind = if head & DATA != 0 { SegmentKind::Data } else { SegmentKind::Code };
        if head >= 2 * GAP || usize::from(base) > self.count {
            reader.fail(HeaderError::BadSegment { index: self.count as u32 });
        }
        Standing { gap, base, offset, kind }
    }

    /// Takes a segment; `false` if it does not lie behind the others and inside the image.
    #[must_use]
    fn add(&mut self, segment: &Segment, size: u32) -> bool {
        let (end, overflows) = segment.offset.overflowing_add(segment.len);
        let Some(place) = self.ends.get_mut(self.count) else { return false };
        *place = segment.address.wrapping_add(segment.len);
        let fits = !overflows && end <= size && segment.offset >= self.end;
        self.gap = segment.offset.wrapping_sub(self.end);
        self.end = end;
        self.count += 1;
        fits
    }
}

/// Reads both address maps, an old segment and its new counterpart at a time, and hands out what it reads; nothing behind an error.
pub(crate) fn decode_map(
    reader: &mut Reader<'_>,
    sizes: (u32, u32),
    // Not generic: it is called twice, and one copy of the code is enough.
    entry: &mut dyn FnMut(MapEntry),
) -> MapCounts {
    let segments = reader.byte("numbers of segments");
    let ranges = reader.byte("number of address ranges");
    let shift = u32::from(ranges >> 4);
    let counts = MapCounts { old: segments & 15, new: segments >> 4, ranges: ranges & 15 };
    let moved = reader.varint("moved segments");
    let (mut old, mut new) = (Track::default(), Track::default());
    for i in 0..counts.old.max(counts.new) {
        let mut counterpart = None;
        for (is_new, count, track, size) in
            [(false, counts.old, &mut old, sizes.0), (true, counts.new, &mut new, sizes.1)]
        {
            if i >= count {
                continue;
            }
            let (standing, len) = match counterpart {
                Some((standing, len)) => {
                    let grown = (reader.signed("growth of a segment") as u32) << shift;
                    let standing = if moved >> i & 1 == 1 { track.standing(reader) } else { standing };
                    (standing, u32::wrapping_add(len, grown))
                }
                None => (track.standing(reader), reader.varint("length of a segment") << shift),
            };
            let segment = track.segment(&standing, len);
            if !track.add(&segment, size) {
                reader.fail(HeaderError::BadSegment { index: i.into() });
            }
            if reader.check().is_err() {
                return counts;
            }
            entry(if is_new { MapEntry::New(segment) } else { MapEntry::Old(segment) });
            counterpart = Some((standing.inherited(&segment), len));
        }
    }
    let mut last = 0u32;
    for _ in 0..counts.ranges {
        let start = last.wrapping_add((reader.signed("address range") as u32).wrapping_mul(RANGE_UNIT));
        let len = reader.varint("length of an address range").wrapping_mul(RANGE_UNIT);
        last = start.saturating_add(len);
        entry(MapEntry::Range(AddressRange { start, end: last }));
    }
    counts
}

/// Both address maps and the ranges without bytes, as the maker has them. Ranges start and end at multiples of 256.
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

    /// Widens ranges so that they can be written.
    pub(crate) fn align_ranges(&mut self) {
        for r in &mut self.ranges {
            r.start &= !(RANGE_UNIT - 1);
            r.end = r.end.checked_next_multiple_of(RANGE_UNIT).unwrap_or(r.end & !(RANGE_UNIT - 1));
        }
        self.ranges.retain(|r| r.start < r.end);
    }

    /// The inverse of [`decode_map`].
    pub(crate) fn emit(&self, out: &mut Vec<u8>) {
        use super::put;
        let counts = self.counts();
        let lengths = self.old.iter().chain(&self.new).map(|s| s.len);
        let shift = lengths.fold(1 << 15, |all, n| all | n).trailing_zeros();
        out.extend_from_slice(&[counts.new << 4 | counts.old, (shift as u8) << 4 | counts.ranges]);
        let mut moved = 0;
        let mut body = Vec::new();
        let (mut old, mut new) = (Track::default(), Track::default());
        for i in 0..self.old.len().max(self.new.len()) {
            let mut counterpart = None;
            if let Some(segment) = self.old.get(i) {
                let standing = old.best(segment);
                old.emit(&standing, &mut body);
                put::varint(&mut body, segment.len >> shift);
                let _ = old.add(segment, u32::MAX);
                counterpart = Some((standing.inherited(segment), segment.len));
            }
            let Some(segment) = self.new.get(i) else { continue };
            match counterpart {
                Some((standing, len)) => {
                    put::signed(&mut body, (segment.len.wrapping_sub(len) as i32) >> shift);
                    if new.segment(&standing, segment.len) != *segment {
                        moved |= 1 << i;
                        new.emit(&new.best(segment), &mut body);
                    }
                }
                None => {
                    new.emit(&new.best(segment), &mut body);
                    put::varint(&mut body, segment.len >> shift);
                }
            }
            let _ = new.add(segment, u32::MAX);
        }
        put::varint(out, moved);
        out.extend_from_slice(&body);
        let mut end = 0;
        for r in &self.ranges {
            put::signed(out, (r.start.wrapping_sub(end) as i32) >> RANGE_UNIT.trailing_zeros());
            put::varint(out, (r.end - r.start) / RANGE_UNIT);
            end = r.end;
        }
    }
}

#[cfg(feature = "std")]
impl Track {
    /// The shortest way to say where a segment stands.
    fn best(&self, segment: &Segment) -> Standing {
        let standing = |base| Standing {
            gap: segment.offset.wrapping_sub(self.end),
            base,
            offset: segment.address.wrapping_sub(self.base(base)),
            kind: segment.kind,
        };
        let cost = |s: &Standing| match s.base {
            // Four bytes, whatever it is.
            0 => 1 << 27,
            _ => (s.offset as i32).unsigned_abs(),
        };
        (0..=self.count as u8).map(standing).min_by_key(cost).unwrap_or_default()
    }

    fn emit(&self, standing: &Standing, out: &mut Vec<u8>) {
        use super::put;
        let has_gap = standing.gap != self.gap;
        let data = standing.kind == SegmentKind::Data;
        out.push(standing.base | if data { DATA } else { 0 } | if has_gap { GAP } else { 0 });
        if has_gap {
            put::varint(out, standing.gap);
        }
        match standing.base {
            0 => out.extend_from_slice(&standing.offset.to_le_bytes()),
            _ => put::signed(out, standing.offset as i32),
        }
    }
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
            [
                (0x3F40_0020, rodata),
                (0x3FFB_DB60, 0x46E4),
                (0x4008_0000, 0x19CC),
                (0x400D_0020, text),
                (0x4008_19CC, 0x15CA4),
            ]
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
            ranges: vec![
                range(0x3FFA_E000, 0x4000_0000),
                range(0x4000_0000, 0x400C_2000),
                range(0x5000_0000, 0x5000_2000),
            ],
        }
    }

    fn decode(bytes: &[u8], sizes: (u32, u32)) -> Result<Maps, HeaderError> {
        let mut maps = Maps::default();
        let mut reader = Reader::new(bytes, 0);
        decode_map(&mut reader, sizes, &mut |entry| match entry {
            MapEntry::Old(s) => maps.old.push(s),
            MapEntry::New(s) => maps.new.push(s),
            MapEntry::Range(r) => maps.ranges.push(r),
        });
        reader.check()?;
        assert_eq!(reader.offset(), bytes.len());
        Ok(maps)
    }

    #[test]
    fn maps_come_back_and_are_small() {
        let mut odd = esp32();
        odd.old.remove(1);
        odd.new[2].kind = SegmentKind::Data;
        odd.new[3].address = 0xFFFF_FFF0;
        odd.ranges = vec![AddressRange { start: 0x300, end: 0xFFFF_FF00 }];
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
        // A base that does not exist yet, and unknown bits.
        assert_eq!(decode(&[1, 0, 0, 1, 0, 4], (100, 100)), Err(HeaderError::BadSegment { index: 0 }));
        assert_eq!(decode(&[1, 0, 0, 64, 0, 0, 0, 0, 4], (100, 100)), Err(HeaderError::BadSegment { index: 0 }));
    }
}
