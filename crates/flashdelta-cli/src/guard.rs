//! Images that are there until somebody presses Ctrl-C.

use core::fmt;

use flashdelta::apply::{NewImage, OldImage};

use crate::interrupt;

/// An image every access to which fails after Ctrl-C: a few bytes of a patch may make a GiB of an
/// image, so that looking between pieces of the patch is not enough.
pub(crate) struct Guard<I>(pub(crate) I);

/// Why an access to a guarded image failed.
pub(crate) enum GuardError<E> {
    Interrupted,
    Image(E),
}

impl<E: fmt::Display> fmt::Display for GuardError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interrupted => f.write_str("interrupted"),
            Self::Image(error) => error.fmt(f),
        }
    }
}

fn guarded<E>(access: impl FnOnce() -> Result<(), E>) -> Result<(), GuardError<E>> {
    if interrupt::requested() {
        return Err(GuardError::Interrupted);
    }
    access().map_err(GuardError::Image)
}

impl<O: OldImage> OldImage for Guard<O> {
    type Error = GuardError<O::Error>;

    fn len(&self) -> u32 {
        self.0.len()
    }

    fn read(&mut self, offset: u32, buf: &mut [u8]) -> Result<(), Self::Error> {
        guarded(|| self.0.read(offset, buf))
    }
}

impl<N: NewImage> NewImage for Guard<N> {
    type Error = GuardError<N::Error>;

    fn capacity(&self) -> u32 {
        self.0.capacity()
    }

    fn granularity(&self) -> u32 {
        self.0.granularity()
    }

    fn write(&mut self, offset: u32, data: &[u8]) -> Result<(), Self::Error> {
        guarded(|| self.0.write(offset, data))
    }

    fn read(&mut self, offset: u32, buf: &mut [u8]) -> Result<(), Self::Error> {
        guarded(|| self.0.read(offset, buf))
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        guarded(|| self.0.flush())
    }

    fn commit(&mut self) -> Result<(), Self::Error> {
        guarded(|| self.0.commit())
    }
}
