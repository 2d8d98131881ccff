//! Both images in memory, and the copies that make one of the other.

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

/// Both images in memory.
pub(crate) struct InMemory<'a> {
    /// The old image.
    pub(crate) old: &'a [u8],
    /// The new image.
    pub(crate) new: &'a [u8],
}

impl Images for InMemory<'_> {
    fn old(&mut self, offset: u32) -> &[u8] {
        let rest = self.old.get(offset as usize..).unwrap_or(&[]);
        &rest[..rest.len().min(LOOKAHEAD)]
    }

    fn written(&mut self, offset: u32) -> u8 {
        self.new.get(offset as usize).copied().unwrap_or(0)
    }

    fn put(&mut self, _bytes: [u8; 4], _len: u8) {}
}
