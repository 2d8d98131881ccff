//! One flash chip, lent to several.

use core::cell::RefCell;

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash,
};

use crate::device::error::codes;

/// A flash chip that holds both slots.
#[derive(Debug)]
pub struct Shared<'a, F>(pub &'a RefCell<F>);

impl<F> Clone for Shared<'_, F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F> Copy for Shared<'_, F> {}

/// An error of a [`Shared`] chip.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SharedError<E> {
    /// The flash reports an error.
    Flash(E),
    /// Somebody else has borrowed the chip.
    Busy,
}

codes! {
    impl[E] SharedError<E> {
        Self::Flash(_) => "flash", Io;
        Self::Busy => "flash-busy", Misuse;
    }
}

impl<E: NorFlashError> NorFlashError for SharedError<E> {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::Flash(error) => error.kind(),
            Self::Busy => NorFlashErrorKind::Other,
        }
    }
}

impl<F: ErrorType> ErrorType for Shared<'_, F> {
    type Error = SharedError<F::Error>;
}

impl<F: ReadNorFlash> ReadNorFlash for Shared<'_, F> {
    const READ_SIZE: usize = F::READ_SIZE;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        let mut flash = self.0.try_borrow_mut().map_err(|_| SharedError::Busy)?;
        flash.read(offset, bytes).map_err(SharedError::Flash)
    }

    fn capacity(&self) -> usize {
        self.0.try_borrow().map_or(0, |flash| flash.capacity())
    }
}

impl<F: NorFlash> NorFlash for Shared<'_, F> {
    const WRITE_SIZE: usize = F::WRITE_SIZE;
    const ERASE_SIZE: usize = F::ERASE_SIZE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Self::Error> {
        let mut flash = self.0.try_borrow_mut().map_err(|_| SharedError::Busy)?;
        flash.erase(from, to).map_err(SharedError::Flash)
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        let mut flash = self.0.try_borrow_mut().map_err(|_| SharedError::Busy)?;
        flash.write(offset, bytes).map_err(SharedError::Flash)
    }
}
