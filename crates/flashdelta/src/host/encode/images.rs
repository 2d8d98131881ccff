//! Both images in memory, and the copies that make one of the other.

use crate::device::format::{Order, Stretch};
use crate::device::images::{Images, Space};
use crate::device::isa::LOOKAHEAD;

/// A copy of the maker's parse: `start..end` of the new image comes from `source` on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct CopyRun {
    /// First byte in the new image.
    pub(crate) start: u32,
    /// One past the last byte in the new image.
    pub(crate) end: u32,
    /// Which image is read.
    pub(crate) space: Space,
    /// Where the byte for `start` is read.
    pub(crate) source: u32,
}

/// Both images in memory, and how far the new one has come.
pub(crate) struct InMemory<'a> {
    old: &'a [u8],
    new: &'a [u8],
    order: Order,
    at: u32,
    stretch: Stretch,
}

impl<'a> InMemory<'a> {
    /// Images at the start of an update in this order.
    pub(crate) fn new(old: &'a [u8], new: &'a [u8], order: Order) -> Self {
        Self { old, new, order, at: 0, stretch: order.stretch(0) }
    }
}

impl Images for InMemory<'_> {
    fn old(&mut self, offset: u32) -> &[u8] {
        if self.is_at_limit() {
            self.stretch = self.order.stretch(self.at);
        }
        ahead(self.old, offset, self.stretch.floor)
    }

    fn written(&mut self, offset: u32) -> u8 {
        self.new.get(offset as usize).copied().unwrap_or(0)
    }

    fn put(&mut self, _bytes: [u8; 4], len: u8) {
        self.at += u32::from(len);
    }

    fn is_at_limit(&self) -> bool {
        self.at >= self.stretch.limit
    }
}

/// What a step sees of the old image at an offset, if all before `floor` is gone.
pub(crate) fn ahead(old: &[u8], offset: u32, floor: u32) -> &[u8] {
    if offset < floor {
        return &[];
    }
    let rest = old.get(offset as usize..).unwrap_or(&[]);
    &rest[..rest.len().min(LOOKAHEAD)]
}
