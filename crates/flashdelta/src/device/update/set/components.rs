//! What a set needs of a device.

use super::Entry;
use crate::device::apply::{NewImage, OldImage};

/// The components of a device: its own slots and partitions, and child devices behind a bus.
///
/// All functions are told the whole [`Entry`]; its [`target`](Entry::target) says which component
/// is meant.
///
/// A child that updates itself takes part in the same transaction: `begin` tells it that an image
/// comes and gives what sends it there, `verify` asks it whether it is satisfied, `activate` makes
/// it start the new image, `revert` makes it forget it.
pub trait Components {
    /// The error type.
    type Error;

    /// What is in a component. Components of different kinds need an `enum`.
    type Old: OldImage;

    /// Where the new image of a component is put, until it is activated. It is not the place of
    /// what is active.
    type New: NewImage;

    /// How many bytes there is room for in a component; `None` if the device has no such component.
    fn capacity(&mut self, entry: &Entry<'_>) -> Option<u32>;

    /// What is active in a component; `None` if nothing is there.
    ///
    /// # Errors
    ///
    /// If it cannot be said, as when a child does not answer.
    fn old(&mut self, entry: &Entry<'_>) -> Result<Option<Self::Old>, Self::Error>;

    /// Begins with a component: its new image will be written, in ascending order, to what this
    /// gives. May be called again for the same component, which then starts again from its start.
    ///
    /// # Errors
    ///
    /// If it cannot begin.
    fn begin(&mut self, entry: &Entry<'_>) -> Result<Self::New, Self::Error>;

    /// The new image reads back as the set says: settles whether the device, or the child, is
    /// satisfied with it, as with the signature that its bootloader will look at. `new` is what
    /// `begin` has given.
    ///
    /// # Errors
    ///
    /// If it is not: nothing of the set will become active.
    fn verify(&mut self, entry: &Entry<'_>, new: Self::New) -> Result<(), Self::Error> {
        let _ = (entry, new);
        Ok(())
    }

    /// Makes the new image the one that is used. Called when the whole set is committed, and again
    /// after a reset that came before all were active: **a component that is active already must
    /// stay so.**
    ///
    /// # Errors
    ///
    /// If it is not active now. The update stays committed: [`recover`](super::recover) tries
    /// again.
    fn activate(&mut self, entry: &Entry<'_>) -> Result<(), Self::Error>;

    /// Forgets what has been begun. What is active is not touched. May be called for components
    /// that were not begun, and more than once.
    ///
    /// # Errors
    ///
    /// If it cannot be forgotten. [`recover`](super::recover) tries again.
    fn revert(&mut self, entry: &Entry<'_>) -> Result<(), Self::Error> {
        let _ = entry;
        Ok(())
    }
}

/// What is in a component, or nothing: an image of no bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Present<O>(pub(super) Option<O>);

impl<O: OldImage> OldImage for Present<O> {
    type Error = O::Error;

    fn len(&self) -> u32 {
        self.0.as_ref().map_or(0, OldImage::len)
    }

    fn read(&mut self, offset: u32, buf: &mut [u8]) -> Result<(), O::Error> {
        // What has no bytes is not asked for any.
        self.0.as_mut().map_or(Ok(()), |old| old.read(offset, buf))
    }

    #[cfg(feature = "holes")]
    fn hole_value(
        &mut self,
        name: &[u8],
        offset: u32,
        buf: &mut [u8],
    ) -> Result<Option<u32>, O::Error> {
        self.0.as_mut().map_or(Ok(None), |old| old.hole_value(name, offset, buf))
    }
}
