//! One flash, lent to several, through the traits of this module.

use core::cell::{RefCell, RefMut};

use super::{Flash, ReadFlash, SharedError};

/// A flash that several use in turn: as [`Shared`](super::Shared), but for any [`Flash`].
#[derive(Debug)]
pub(in crate::device) struct Lent<'a, F>(pub(in crate::device) &'a RefCell<F>);

impl<F> Clone for Lent<'_, F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F> Copy for Lent<'_, F> {}

impl<F: ReadFlash> Lent<'_, F> {
    /// One of its numbers; 0 while somebody else has it.
    fn number(&self, of: impl Fn(&F) -> usize) -> usize {
        self.0.try_borrow().map_or(0, |flash| of(&flash))
    }

    fn flash(&self) -> Result<RefMut<'_, F>, SharedError<F::Error>> {
        self.0.try_borrow_mut().map_err(|_| SharedError::Busy)
    }
}

impl<F: ReadFlash> ReadFlash for Lent<'_, F> {
    type Error = SharedError<F::Error>;

    fn size(&self) -> usize {
        self.number(F::size)
    }

    fn read_unit(&self) -> usize {
        self.number(F::read_unit)
    }

    fn read_at(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        self.flash()?.read_at(offset, bytes).map_err(SharedError::Flash)
    }
}

impl<F: Flash> Flash for Lent<'_, F> {
    fn write_unit(&self) -> usize {
        self.number(F::write_unit)
    }

    fn sector(&self) -> usize {
        self.number(F::sector)
    }

    fn erase_at(&mut self, offset: u32) -> Result<(), Self::Error> {
        self.flash()?.erase_at(offset).map_err(SharedError::Flash)
    }

    fn write_at(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        self.flash()?.write_at(offset, bytes).map_err(SharedError::Flash)
    }
}
