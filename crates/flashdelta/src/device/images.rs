//! Both images, as codecs see them.

#[cfg(feature = "suspend")]
use crate::device::port::Port;

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

#[cfg(feature = "suspend")]
impl Jump {
    /// Into a suspension or out of it.
    pub(crate) fn port(&mut self, port: &mut Port<'_>) {
        let Self { space, source } = self;
        port.choice(space, *space as u8, |number| {
            [Space::Old, Space::New].get(usize::from(number)).copied()
        });
        port.number(source);
    }
}

/// The images as the model sees them.
///
/// Fallible implementations remember the first error, return nothing or 0 from then on, and take
/// nothing: so errors are checked once per step, which takes much less code than to check every
/// access.
pub(crate) trait Images {
    /// The old image from `offset` on: all that is left or at least
    /// [`LOOKAHEAD`](crate::device::isa::LOOKAHEAD) bytes. Empty past its end, and where it is
    /// gone.
    fn old(&mut self, offset: u32) -> &[u8];
    /// A byte of the new image that is already written.
    fn written(&mut self, offset: u32) -> u8;
    /// Takes the next `len` bytes of the new image, 0 to 4; the others are 0.
    fn put(&mut self, bytes: [u8; 4], len: u8);
    /// Whether the new image has come to the end of a [stretch](crate::device::format::InPlace).
    #[cfg(feature = "in-place")]
    fn is_at_limit(&self) -> bool;
}

/// Bytes of the new image.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Written {
    /// The bytes; those after `len` are 0.
    pub(crate) bytes: [u8; 4],
    /// How many, 0 to 4.
    pub(crate) len: u8,
}
