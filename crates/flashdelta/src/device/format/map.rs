//! The address maps in a header: both images', the new one's as differences from the old one's.

use super::varint::Reader;
use super::HeaderError;
use crate::device::isa::AddressRange;
use crate::device::predict::address_map::{PointerRanges, Segment, SegmentKind, SegmentWords};

/// At most this many segments in each image.
pub(crate) const MOST_SEGMENTS: usize = 15;
/// At most this many ranges without bytes.
#[cfg(feature = "std")]
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

    #[cfg(feature = "std")]
    pub(crate) fn emit(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[self.new << 4 | self.old, self.shift << 4 | self.ranges]);
    }
}

/// Bits of the byte that says where a segment stands: which address its own is relative to, its
/// kind, whether a gap in the file is stated.
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
    /// 0: the address is `offset`; n: it is `offset` behind the end of the n-th segment, counted
    /// back.
    base: u8,
    offset: u32,
    kind: SegmentKind,
}

impl Standing {
    /// Where the counterpart in the new image stands unless something else is said: right behind
    /// the same segment, or at the same address.
    fn inherited(self, segment: &Segment) -> Self {
        let is_behind = self.base != 0 && self.offset == 0;
        if is_behind {
            self
        } else {
            Self { base: 0, offset: segment.address, ..self }
        }
    }
}

impl Standing {
    /// Reads where the segment behind those of `done` stands.
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

    /// The segment behind those of `done` that stands there.
    fn segment(&self, done: &[SegmentWords], len: u32) -> Segment {
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
fn base_address(done: &[SegmentWords], base: u8) -> u32 {
    let segment = done
        .get(done.len().wrapping_sub(usize::from(base)))
        .map(|words| Segment::from_words(*words));
    segment.map_or(0, |segment| segment.address.wrapping_add(segment.len))
}

/// Where the last segment ends in the file.
fn last_end(done: &[SegmentWords]) -> u32 {
    done.last().map_or(0, |words| Segment::from_words(*words).end())
}

/// Bytes between the last segment and the one before it in the file.
fn last_gap(done: &[SegmentWords]) -> u32 {
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

/// Both address maps and the ranges without bytes, as the maker has them. Ranges start and end at
/// multiples of 256.
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
        let lengths = self.old.iter().chain(&self.new).map(|s| s.len);
        let shift =
            lengths.reduce(|all, n| all | n).map_or(0, |all| all.trailing_zeros().min(15) as u8);
        MapCounts {
            old: self.old.len() as u8,
            new: self.new.len() as u8,
            ranges: self.ranges.len() as u8,
            shift,
        }
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
        let shift = self.counts().shift;
        let [old, new] = [&self.old, &self.new]
            .map(|image| image.iter().map(Segment::words).collect::<Vec<_>>());
        let mut moved = 0;
        let mut body = Vec::new();
        for i in 0..self.old.len().max(self.new.len()) {
            let mut counterpart = None;
            if let Some(segment) = self.old.get(i) {
                let standing = Standing::best(segment, &old[..i]);
                standing.emit(&old[..i], &mut body);
                put::varint(&mut body, segment.len >> shift);
                counterpart = Some((standing.inherited(segment), segment.len));
            }
            let Some(segment) = self.new.get(i) else { continue };
            let inherited = counterpart.map(|(standing, _)| standing);
            if inherited.is_none_or(|standing| standing.segment(&new[..i], segment.len) != *segment)
            {
                moved |= 1 << i;
                Standing::best(segment, &new[..i]).emit(&new[..i], &mut body);
            }
            match counterpart {
                Some((_, len)) => {
                    put::signed(&mut body, (segment.len.wrapping_sub(len) as i32) >> shift)
                }
                None => put::varint(&mut body, segment.len >> shift),
            }
        }
        if !body.is_empty() {
            put::varint(out, moved);
        }
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
impl Standing {
    /// The shortest way to say where a segment stands, behind those of `done`.
    fn best(segment: &Segment, done: &[SegmentWords]) -> Self {
        let standing = |base| Self {
            gap: segment.offset.wrapping_sub(last_end(done)),
            base,
            offset: segment.address.wrapping_sub(base_address(done, base)),
            kind: segment.kind,
        };
        let cost = |s: &Self| match s.base {
            // Four bytes, whatever it is.
            0 => 1 << 27,
            _ => (s.offset as i32).unsigned_abs(),
        };
        (0..=done.len() as u8).map(standing).min_by_key(cost).unwrap_or_default()
    }

    fn emit(&self, done: &[SegmentWords], out: &mut Vec<u8>) {
        use super::put;
        let has_gap = self.gap != last_gap(done);
        let data = self.kind == SegmentKind::Data;
        out.push(self.base | if data { DATA } else { 0 } | if has_gap { GAP } else { 0 });
        if has_gap {
            put::varint(out, self.gap);
        }
        match self.base {
            0 => out.extend_from_slice(&self.offset.to_le_bytes()),
            _ => put::signed(out, self.offset as i32),
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

    /// The segments of both images, and where pointers may point.
    type Read = (Vec<Segment>, Vec<Segment>, Vec<AddressRange>);

    fn decode(bytes: &[u8], sizes: (u32, u32)) -> Result<Read, HeaderError> {
        let mut reader = Reader::new(bytes, 0);
        let counts = MapCounts::read(&mut reader);
        let mut words = vec![[0; 3]; counts.segments()];
        let mut pointers = PointerRanges::default();
        decode_map(&mut reader, counts, sizes, &mut words, &mut pointers);
        reader.end()?;
        let mut old: Vec<Segment> = words.into_iter().map(Segment::from_words).collect();
        let new = old.split_off(counts.old.into());
        Ok((old, new, pointers.as_slice().to_vec()))
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
            maps.counts().emit(&mut bytes);
            maps.emit(&mut bytes);
            let pointers = PointerRanges::of(&maps.old, &maps.ranges).as_slice().to_vec();
            assert_eq!(decode(&bytes, (u32::MAX, u32::MAX)), Ok((maps.old, maps.new, pointers)));
        }
        let mut bytes = Vec::new();
        esp32().counts().emit(&mut bytes);
        esp32().emit(&mut bytes);
        assert!(bytes.len() <= 60, "{} bytes", bytes.len());
    }

    #[test]
    fn segments_outside_the_image_are_refused() {
        let maps = esp32();
        let mut bytes = Vec::new();
        maps.counts().emit(&mut bytes);
        maps.emit(&mut bytes);
        let size = maps.old[4].end();
        assert_eq!(decode(&bytes, (size - 1, u32::MAX)), Err(HeaderError::BadSegment { index: 4 }));
        // A base that does not exist yet, and unknown bits.
        assert_eq!(
            decode(&[1, 0, 0, 1, 0, 4], (100, 100)),
            Err(HeaderError::BadSegment { index: 0 })
        );
        assert_eq!(
            decode(&[1, 0, 0, 64, 0, 0, 0, 0, 4], (100, 100)),
            Err(HeaderError::BadSegment { index: 0 })
        );
    }
}
