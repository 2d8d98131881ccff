//! What the codec is told of the future: the maker knows it, the applier does not.

use crate::device::images::Jump;

/// What a maker knows and an applier does not.
pub(crate) trait Oracle {
    /// `len` bytes of the new image; the others are 0.
    fn bytes(&self, at: u32, len: u8) -> [u8; 4];
    /// Whether the copy that is under way, now at `copy`, ends before `at + len`.
    fn ends(&mut self, at: u32, len: u8, copy: Jump) -> bool;
    /// The copy that starts at `at`, if one does.
    fn jump(&mut self, at: u32) -> Option<Jump>;
}

/// The applier's oracle: knows nothing.
pub(crate) struct NoOracle;

impl Oracle for NoOracle {
    fn bytes(&self, _at: u32, _len: u8) -> [u8; 4] {
        [0; 4]
    }
    fn ends(&mut self, _at: u32, _len: u8, _copy: Jump) -> bool {
        false
    }
    fn jump(&mut self, _at: u32) -> Option<Jump> {
        None
    }
}

/// What a step came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// This many bytes of the new image have been [put](Images::put), possibly none.
    Wrote(u32),
    /// The patch asks for a copy from outside the images: it is damaged.
    OutOfRange(Jump),
}
