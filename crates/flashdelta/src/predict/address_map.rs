//! The address map: which bytes of an image stand at which addresses.

use crate::isa::AddressRange;

/// What a [`Segment`] holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SegmentKind {
    /// Instructions, possibly with constants between them.
    #[default]
    Code = 0,
    /// Data only.
    Data = 1,
}

/// A part of an image file and the address at which the device sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Segment {
    /// Offset in the file, in bytes.
    pub offset: u32,
    /// Length in bytes.
    pub len: u32,
    /// Address of the first byte.
    pub address: u32,
    /// Code or data.
    pub kind: SegmentKind,
}

impl Segment {
    /// Is this file offset inside?
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

/// Finds the segment of an offset; what lies between segments is a data segment whose addresses are its offsets.
///
/// `segments` are sorted by offset and do not overlap.
pub(crate) fn segment_at(segments: &[Segment], offset: u32) -> Segment {
    let mut gap = Segment { offset: 0, len: u32::MAX, address: 0, kind: SegmentKind::Data };
    for s in segments {
        if s.holds(offset) {
            return *s;
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
