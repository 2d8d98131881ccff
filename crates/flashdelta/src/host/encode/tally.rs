//! Counts what steps do.

use crate::device::images::Space;

/// Copies and literals.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Tally {
    /// Copies from the old and from the new image.
    pub(crate) copies: [u32; 2],
    /// Bytes copied from each.
    pub(crate) bytes: [u32; 2],
    /// Bytes that are spelled out.
    pub(crate) literals: u32,
}

impl Tally {
    /// A step wrote `len` bytes. The images are those that the copies under way before and after it
    /// read.
    pub(crate) fn count(&mut self, before: Option<Space>, after: Option<Space>, len: u32) {
        match (before, after) {
            (None, Some(space)) => self.copies[space as usize] += 1,
            (None, None) => self.literals += len,
            (Some(space), _) => self.bytes[space as usize] += len,
        }
    }
}
