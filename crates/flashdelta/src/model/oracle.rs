//! What the codec is told: the images by both sides, the future by the maker alone.

/// Which image a copy reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Space {
    /// The old image.
    Old,
    /// The new image, as far as it is written.
    New,
}

/// Where a copy goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Jump {
    /// Which image.
    pub(crate) space: Space,
    /// Offset in it.
    pub(crate) source: u32,
}

/// The images as the model sees them.
///
/// Whoever implements this and can fail remembers that, gives nothing or 0 from then on, and takes
/// nothing: so only the end of a step has to ask, which takes much less code than to ask at every
/// access.
pub(crate) trait Images {
    /// The old image from `offset` on: all that is left or at least
    /// [`LOOKAHEAD`](crate::isa::LOOKAHEAD) bytes. Empty behind its end.
    fn old(&mut self, offset: u32) -> &[u8];
    /// A byte of the new image that is already written.
    fn written(&mut self, offset: u32) -> u8;
    /// Takes the next `len` bytes of the new image, 0 to 4; the others are 0.
    fn put(&mut self, bytes: [u8; 4], len: u8);
}

/// Both images in memory.
#[cfg(feature = "std")]
pub(crate) struct InMemory<'a> {
    /// The old image.
    pub(crate) old: &'a [u8],
    /// The new image.
    pub(crate) new: &'a [u8],
}

#[cfg(feature = "std")]
impl Images for InMemory<'_> {
    fn old(&mut self, offset: u32) -> &[u8] {
        let rest = self.old.get(offset as usize..).unwrap_or(&[]);
        &rest[..rest.len().min(crate::isa::LOOKAHEAD)]
    }

    fn written(&mut self, offset: u32) -> u8 {
        self.new.get(offset as usize).copied().unwrap_or(0)
    }

    fn put(&mut self, _bytes: [u8; 4], _len: u8) {}
}

/// What a maker knows and an applier does not.
pub(crate) trait Oracle {
    /// `len` bytes of the new image; the others are 0.
    fn bytes(&self, at: u32, len: u8) -> [u8; 4];
    /// Should the copy that is under way, now at `copy`, end before `at + len`?
    fn ends(&mut self, at: u32, len: u8, copy: Jump) -> bool;
    /// The copy that starts at `at`, if one does.
    fn jump(&mut self, at: u32) -> Option<Jump>;
}

/// The applier's oracle: knows nothing.
pub(crate) struct Nothing;

impl Oracle for Nothing {
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

/// Bytes of the new image.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Written {
    /// The bytes; those behind `len` are 0.
    pub(crate) bytes: [u8; 4],
    /// How many, 0 to 4.
    pub(crate) len: u8,
}

/// What a step came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// So many bytes of the new image have been [put](Images::put), possibly none.
    Wrote(u32),
    /// The patch asks for a copy from outside the images: it is damaged.
    OutOfRange(Jump),
}
