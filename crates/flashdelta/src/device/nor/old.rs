//! The slot that holds the old image.

use super::{access, ReadFlash, Slot, SlotError};
use crate::device::apply::OldImage;

/// A slot that holds the old image.
#[derive(Debug)]
pub struct NorOld<F> {
    flash: F,
    slot: Slot,
}

impl<F: ReadFlash> NorOld<F> {
    /// The slot of `len` bytes at `start` of the flash.
    ///
    /// # Errors
    ///
    /// [`SlotError::Geometry`] if it does not lie in the flash.
    pub fn new(flash: F, start: u32, len: u32) -> Result<Self, SlotError<F::Error>> {
        let slot = Slot::new(start, len);
        slot.check(&flash)?;
        Ok(Self { flash, slot })
    }

    /// Gives the flash back.
    pub fn into_inner(self) -> F {
        self.flash
    }
}

impl<F: ReadFlash> OldImage for NorOld<F> {
    type Error = SlotError<F::Error>;

    fn len(&self) -> u32 {
        self.slot.len
    }

    fn read(&mut self, offset: u32, buf: &mut [u8]) -> Result<(), Self::Error> {
        let at = self.slot.place(offset, buf.len())?;
        access::read(&mut self.flash, at, buf)
    }
}
