//! The address map: which bytes of an image are at which addresses.
//!
//! A patch holds [`Segment`]s. What the walk uses is their [word view](SegmentWords): it lies in
//! the workspace of the device, which is a block of words.

use crate::device::isa::AddressRange;
#[cfg(feature = "suspend")]
use crate::device::port::Port;

/// What a part of an image holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub enum SegmentKind {
    /// Instructions, possibly with constants between them.
    #[default]
    Code = 0,
    /// Data only.
    Data = 1,
}

impl SegmentKind {
    /// A stable name of it, for machines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Data => "data",
        }
    }
}

/// A part of an image file and the address at which the device sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub(crate) struct Segment {
    /// Offset in the file, in bytes.
    pub(crate) offset: u32,
    /// Length in bytes, below 2^31.
    pub(crate) len: u32,
    /// Address of the first byte.
    pub(crate) address: u32,
    /// Code or data.
    pub(crate) kind: SegmentKind,
}

/// A [`Segment`] as three words: offset; length, with the kind in the highest bit; address.
pub(crate) type SegmentWords = [u32; 3];

const DATA_BIT: u32 = 1 << 31;

impl Segment {
    /// The word view of this segment.
    pub(crate) fn words(&self) -> SegmentWords {
        let kind = if self.kind == SegmentKind::Data { DATA_BIT } else { 0 };
        [self.offset, self.len & !DATA_BIT | kind, self.address]
    }

    /// The segment that a word view stands for.
    pub(crate) fn from_words([offset, len, address]: SegmentWords) -> Self {
        let kind = if len & DATA_BIT != 0 { SegmentKind::Data } else { SegmentKind::Code };
        Self { offset, len: len & !DATA_BIT, address, kind }
    }

    /// Whether this file offset is inside.
    pub(crate) fn holds(&self, offset: u32) -> bool {
        offset.wrapping_sub(self.offset) < self.len
    }

    /// The address of a file offset.
    pub(crate) fn address_of(&self, offset: u32) -> u32 {
        self.address.wrapping_add(offset.wrapping_sub(self.offset))
    }

    /// The addresses of this segment.
    pub(crate) fn range(&self) -> AddressRange {
        AddressRange { start: self.address, end: self.address.saturating_add(self.len) }
    }

    /// One past the last byte in the file.
    pub(crate) fn end(&self) -> u32 {
        self.offset.saturating_add(self.len)
    }
}

/// Both address maps, as the walk uses them.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct AddressMaps<'w> {
    /// Segments of the old image, sorted by offset, without overlap.
    pub(crate) old: &'w [SegmentWords],
    /// Segments of the new image, sorted by offset, without overlap.
    pub(crate) new: &'w [SegmentWords],
    /// Addresses that pointers of the old image may point to.
    pub(crate) pointers: PointerRanges,
}

#[cfg(feature = "suspend")]
impl<'w> AddressMaps<'w> {
    /// Into a suspension or out of it. `words` is where segments are loaded to, the first `old` of
    /// them being those of the old image.
    pub(crate) fn port(&mut self, port: &mut Port<'_>, words: &'w mut [u32], old: usize) {
        self.pointers.port(port);
        if port.loads() {
            port.words(Some(words));
            (self.old, self.new) = words.as_chunks().0.split_at_checked(old).unwrap_or_default();
            return;
        }
        for segment in self.old.iter().chain(self.new) {
            port.words(Some(&mut segment.clone()));
        }
    }
}

/// At most this many ranges are told apart; what comes later is ignored.
const MOST_RANGES: usize = 16;

/// The addresses that pointers may point to. Ranges that touch are merged.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct PointerRanges {
    ranges: [AddressRange; MOST_RANGES],
    len: usize,
}

impl PointerRanges {
    /// Into a suspension or out of it.
    #[cfg(feature = "suspend")]
    fn port(&mut self, port: &mut Port<'_>) {
        let Self { ranges, len } = self;
        for AddressRange { start, end } in ranges {
            port.number(start);
            port.number(end);
        }
        port.size(len);
    }

    /// There are none.
    pub(crate) const NONE: Self =
        Self { ranges: [AddressRange { start: 0, end: 0 }; MOST_RANGES], len: 0 };

    /// Where pointers may point. The applier gathers the same, in the same order.
    pub(crate) fn of(segments: &[Segment], ranges: &[AddressRange]) -> Self {
        let mut pointers = Self::default();
        segments.iter().for_each(|s| pointers.add_segment(s));
        ranges.iter().for_each(|r| pointers.add(*r));
        pointers
    }

    /// Adds a range.
    pub(crate) fn add(&mut self, range: AddressRange) {
        for r in self.ranges.iter_mut().take(self.len) {
            if range.start <= r.end && r.start <= range.end {
                r.start = r.start.min(range.start);
                r.end = r.end.max(range.end);
                return;
            }
        }
        if let Some(r) = self.ranges.get_mut(self.len) {
            *r = range;
            self.len += 1;
        }
    }

    /// Adds the addresses of a segment, unless they are but its offsets, which says that nobody
    /// knows them.
    pub(crate) fn add_segment(&mut self, segment: &Segment) {
        if segment.address != segment.offset && segment.len > 0 {
            self.add(segment.range());
        }
    }

    /// The ranges.
    pub(crate) fn as_slice(&self) -> &[AddressRange] {
        self.ranges.get(..self.len).unwrap_or(&self.ranges)
    }
}

/// Finds the segment of an offset; what lies between segments is a data segment whose addresses are
/// its offsets.
///
/// `segments` are sorted by offset and do not overlap.
#[inline(never)] // Seldom called, and from several places.
pub(crate) fn segment_at(segments: &[SegmentWords], offset: u32) -> Segment {
    let mut gap = Segment { offset: 0, len: u32::MAX, address: 0, kind: SegmentKind::Data };
    for words in segments {
        let s = Segment::from_words(*words);
        if s.holds(offset) {
            return s;
        }
        if s.offset > offset {
            gap.len = s.offset.wrapping_sub(gap.offset);
            break;
        }
        gap.offset = s.end();
        gap.address = s.end();
        gap.len = u32::MAX.wrapping_sub(gap.offset);
    }
    gap
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_hold_a_whole_segment() {
        for kind in [SegmentKind::Code, SegmentKind::Data] {
            let segment = Segment { offset: 32, len: i32::MAX as u32, address: 0xFFFF_0000, kind };
            assert_eq!(Segment::from_words(segment.words()), segment);
        }
    }

    #[test]
    fn gaps_are_data_at_their_offsets() {
        let segments = [[16, 16, 0x1000], [40, 8 | DATA_BIT, 0x2000]];
        assert_eq!(segment_at(&segments, 20).address_of(20), 0x1004);
        assert_eq!(segment_at(&segments, 44).kind, SegmentKind::Data);
        for (offset, start, len) in [(0, 0, 16), (35, 32, 8), (50, 48, u32::MAX - 48)] {
            let gap = Segment { offset: start, len, address: start, kind: SegmentKind::Data };
            assert_eq!(segment_at(&segments, offset), gap);
        }
    }

    #[test]
    fn ranges_that_touch_are_one() {
        let mut pointers = PointerRanges::default();
        for start in [0x100, 0x300, 0x200] {
            pointers.add(AddressRange { start, end: start + 0x100 });
        }
        assert_eq!(pointers.as_slice()[0], AddressRange { start: 0x100, end: 0x300 });
        for i in 0..100 {
            pointers.add(AddressRange { start: 0x1000 * i, end: 0x1000 * i + 1 });
        }
        assert_eq!(pointers.as_slice().len(), MOST_RANGES);
    }
}
