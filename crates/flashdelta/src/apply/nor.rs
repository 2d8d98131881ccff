//! Slots in NOR flash, through the traits of `embedded-storage`.
//!
//! [`NorOld`] reads a slot, [`NorNew`] erases and writes one: each sector is erased just before its first write, every
//! unit is written once, in ascending order. If both slots are on one chip, [`Shared`] lends it to both.

use core::cell::RefCell;
use core::fmt;

use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash};

use super::{NewImage, OldImage};

/// Units in which flash can be read or written must not be larger than this, in bytes.
const MOST_UNIT: usize = 64;

/// What can go wrong with a slot.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SlotError<E> {
    /// The flash reports an error.
    Flash(E),
    /// The slot does not lie in the flash, or does not start and end at sector boundaries, or the flash has read or write units of more
    /// than 64 bytes or of a number that is no power of two.
    Geometry,
    /// An access reaches beyond the slot, or a write is not aligned.
    OutOfSlot,
}

impl<E: fmt::Debug> fmt::Display for SlotError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flash(error) => write!(f, "flash error {error:?}"),
            Self::Geometry => f.write_str("the slot does not fit the flash's size, sectors or units"),
            Self::OutOfSlot => f.write_str("access outside the slot or unaligned"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for SlotError<E> {}

impl<E> From<E> for SlotError<E> {
    fn from(error: E) -> Self {
        Self::Flash(error)
    }
}

/// A slot that holds the old image.
#[derive(Debug)]
pub struct NorOld<F> {
    flash: F,
    start: u32,
    len: u32,
}

impl<F: ReadNorFlash> NorOld<F> {
    /// The slot of `len` bytes at `start` of the flash.
    ///
    /// # Errors
    ///
    /// [`SlotError::Geometry`] if it does not lie in the flash.
    pub fn new(flash: F, start: u32, len: u32) -> Result<Self, SlotError<F::Error>> {
        check_range(&flash, start, len)?;
        Ok(Self { flash, start, len })
    }

    /// Gives the flash back.
    pub fn into_inner(self) -> F {
        self.flash
    }
}

impl<F: ReadNorFlash> OldImage for NorOld<F> {
    type Error = SlotError<F::Error>;

    fn len(&self) -> u32 {
        self.len
    }

    fn read(&mut self, offset: u32, buf: &mut [u8]) -> Result<(), Self::Error> {
        let at = place(self.start, self.len, offset, buf.len())?;
        read(&mut self.flash, at, buf)
    }
}

/// A slot for the new image.
#[derive(Debug)]
pub struct NorNew<F> {
    flash: F,
    start: u32,
    len: u32,
    /// Up to here, in the flash, sectors have been erased.
    erased: u32,
}

impl<F: NorFlash> NorNew<F> {
    /// The slot of `len` bytes at `start` of the flash, both multiples of its sector size. Whatever it holds is erased sector by sector as the new
    /// image grows.
    ///
    /// # Errors
    ///
    /// [`SlotError::Geometry`] if it does not lie in the flash or is not aligned.
    pub fn new(flash: F, start: u32, len: u32) -> Result<Self, SlotError<F::Error>> {
        check_range(&flash, start, len)?;
        let sector = F::ERASE_SIZE as u32;
        if !start.is_multiple_of(sector)
            || !len.is_multiple_of(sector)
            || !F::WRITE_SIZE.is_power_of_two()
            || F::WRITE_SIZE > MOST_UNIT
        {
            return Err(SlotError::Geometry);
        }
        Ok(Self { flash, start, len, erased: start })
    }

    /// Gives the flash back.
    pub fn into_inner(self) -> F {
        self.flash
    }
}

impl<F: NorFlash> NewImage for NorNew<F> {
    type Error = SlotError<F::Error>;

    fn capacity(&self) -> u32 {
        self.len
    }

    fn granularity(&self) -> u32 {
        F::WRITE_SIZE as u32
    }

    fn write(&mut self, offset: u32, data: &[u8]) -> Result<(), Self::Error> {
        let at = place(self.start, self.len, offset, data.len())?;
        if !at.is_multiple_of(F::WRITE_SIZE as u32) {
            return Err(SlotError::OutOfSlot);
        }
        let end = at.saturating_add(data.len() as u32);
        while self.erased < end {
            let next = self.erased.saturating_add(F::ERASE_SIZE as u32);
            self.flash.erase(self.erased, next)?;
            self.erased = next;
        }
        let whole = data.len() & !F::WRITE_SIZE.wrapping_sub(1);
        let Some((units, rest)) = data.split_at_checked(whole) else { return Err(SlotError::OutOfSlot) };
        if !units.is_empty() {
            self.flash.write(at, units)?;
        }
        if rest.is_empty() {
            return Ok(());
        }
        // The last unit of the image: what follows stays as erased flash reads.
        let mut last = [0xFF; MOST_UNIT];
        for (to, from) in last.iter_mut().zip(rest) {
            *to = *from;
        }
        let unit = last.get(..F::WRITE_SIZE).ok_or(SlotError::Geometry)?;
        self.flash.write(at.saturating_add(whole as u32), unit)?;
        Ok(())
    }

    fn read(&mut self, offset: u32, buf: &mut [u8]) -> Result<(), Self::Error> {
        let at = place(self.start, self.len, offset, buf.len())?;
        read(&mut self.flash, at, buf)
    }
}

fn check_range<F: ReadNorFlash>(flash: &F, start: u32, len: u32) -> Result<(), SlotError<F::Error>> {
    let end = start.checked_add(len).ok_or(SlotError::Geometry)?;
    let fits = end as usize <= flash.capacity() && F::READ_SIZE.is_power_of_two() && F::READ_SIZE <= MOST_UNIT;
    if fits && start.is_multiple_of(F::READ_SIZE as u32) {
        Ok(())
    } else {
        Err(SlotError::Geometry)
    }
}

/// Where an access is in the flash.
fn place<E>(start: u32, len: u32, offset: u32, count: usize) -> Result<u32, SlotError<E>> {
    let end = (offset as usize).checked_add(count);
    if end.is_none_or(|end| end > len as usize) {
        return Err(SlotError::OutOfSlot);
    }
    start.checked_add(offset).ok_or(SlotError::OutOfSlot)
}

/// Reads from anywhere, although the flash reads whole units only.
fn read<F: ReadNorFlash>(flash: &mut F, at: u32, buf: &mut [u8]) -> Result<(), SlotError<F::Error>> {
    let mask = (F::READ_SIZE as u32).wrapping_sub(1);
    if at & mask == 0 && buf.len() & mask as usize == 0 {
        flash.read(at, buf)?;
        return Ok(());
    }
    let mut unit = [0; MOST_UNIT];
    let unit = unit.get_mut(..F::READ_SIZE).ok_or(SlotError::Geometry)?;
    let mut at = at;
    let mut rest = buf;
    while !rest.is_empty() {
        let skip = (at & mask) as usize;
        flash.read(at & !mask, unit)?;
        let len = F::READ_SIZE.saturating_sub(skip).min(rest.len());
        let Some((front, back)) = rest.split_at_mut_checked(len) else { break };
        for (to, from) in front.iter_mut().zip(unit.iter().skip(skip)) {
            *to = *from;
        }
        rest = back;
        at = at.saturating_add(len as u32);
    }
    Ok(())
}

/// A flash chip that holds both slots.
#[derive(Debug)]
pub struct Shared<'a, F>(pub &'a RefCell<F>);

impl<F> Clone for Shared<'_, F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F> Copy for Shared<'_, F> {}

/// What can go wrong with a [`Shared`] chip.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SharedError<E> {
    /// The flash reports an error.
    Flash(E),
    /// Somebody else has borrowed the chip.
    Busy,
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
