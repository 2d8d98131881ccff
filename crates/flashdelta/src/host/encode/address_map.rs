//! The address maps in a header, as bytes.

use crate::device::format::map::{
    base_address, last_end, last_gap, MapCounts, Standing, DATA, GAP, RANGE_UNIT,
};
use crate::device::isa::AddressRange;
use crate::device::predict::address_map::{Segment, SegmentKind, SegmentWords};
use crate::host::put;

/// Both address maps and the ranges without bytes, as the maker has them. Ranges start and end at
/// multiples of 256.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Maps {
    pub(crate) old: Vec<Segment>,
    pub(crate) new: Vec<Segment>,
    pub(crate) ranges: Vec<AddressRange>,
}

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

    /// The inverse of [`decode_map`](crate::device::format::map::decode_map).
    pub(crate) fn emit(&self, out: &mut Vec<u8>) {
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

/// The two bytes that [`MapCounts::read`] reads.
pub(super) fn emit_counts(counts: MapCounts, out: &mut Vec<u8>) {
    out.extend_from_slice(&[counts.new << 4 | counts.old, counts.shift << 4 | counts.ranges]);
}

impl Standing {
    /// The shortest way to say where a segment is, after those of `done`.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::format::map::decode_map;
    use crate::device::format::{HeaderError, Reader};
    use crate::device::predict::address_map::PointerRanges;

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
            emit_counts(maps.counts(), &mut bytes);
            maps.emit(&mut bytes);
            let pointers = PointerRanges::of(&maps.old, &maps.ranges).as_slice().to_vec();
            assert_eq!(decode(&bytes, (u32::MAX, u32::MAX)), Ok((maps.old, maps.new, pointers)));
        }
        let mut bytes = Vec::new();
        emit_counts(esp32().counts(), &mut bytes);
        esp32().emit(&mut bytes);
        assert!(bytes.len() <= 60, "{} bytes", bytes.len());
    }

    #[test]
    fn segments_outside_the_image_are_refused() {
        let maps = esp32();
        let mut bytes = Vec::new();
        emit_counts(maps.counts(), &mut bytes);
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
