//! The slot that is written.

use super::access::{self, Aligned, SMALL_WRITE};
use super::sector_writer::{Keeping, NorStats, Writer};
use super::{Flash, Slot, SlotError};
use crate::device::apply::NewImage;
#[cfg(feature = "suspend")]
use crate::device::port::Port;

/// A slot for the new image.
///
/// `B` is memory that is lent, or none: see [`with_buffer`](Self::with_buffer). How it works is
/// told in the documentation of the [module](super).
#[derive(Clone, Debug)]
pub struct NorNew<F, B = [u8; 0]> {
    writer: Writer<F>,
    buffer: B,
    /// The start of the next unit, as far as it has come; if units are large, at the start of
    /// `buffer`.
    unit: Aligned<SMALL_WRITE>,
    pending: usize,
}

impl<F: Flash> NorNew<F> {
    /// The slot of `len` bytes at `start` of the flash, both multiples of its sector size. All of
    /// it is at the disposal of the update.
    ///
    /// # Errors
    ///
    /// [`SlotError::Geometry`] if it does not lie in the flash or is not aligned;
    /// [`SlotError::BufferTooSmall`] if the flash is written in units of more than 64 bytes.
    pub fn new(flash: F, start: u32, len: u32) -> Result<Self, SlotError<F::Error>> {
        Self::with_buffer(flash, start, len, [])
    }
}

impl<F: Flash, B: AsMut<[u8]>> NorNew<F, B> {
    /// A slot with a buffer, say `&mut [u8]`.
    ///
    /// With a buffer of one sector no sector is ever erased more than once in an update, and
    /// nothing after the last sector of the image is touched. A smaller one does for sectors that
    /// differ early. Flash that is written in units of more than 64 bytes needs a buffer of at
    /// least two units, and one unit more than a sector for the same effect. It should start at a
    /// multiple of 4 bytes if the driver of the flash cares for that.
    ///
    /// # Errors
    ///
    /// [`SlotError::Geometry`] if the slot does not lie in the flash or is not aligned;
    /// [`SlotError::BufferTooSmall`].
    pub fn with_buffer(
        flash: F,
        start: u32,
        len: u32,
        mut buffer: B,
    ) -> Result<Self, SlotError<F::Error>> {
        let slot = Slot::new(start, len);
        slot.check(&flash)?;
        let (unit, sector) = (flash.write_unit(), flash.sector());
        let aligned = sector > 0
            && (start as usize).is_multiple_of(sector)
            && (len as usize).is_multiple_of(sector)
            && unit > 0
            && sector.is_multiple_of(unit);
        if !aligned {
            return Err(SlotError::Geometry);
        }
        let needed = if unit > SMALL_WRITE { unit.saturating_mul(2) } else { 0 };
        if buffer.as_mut().len() < needed {
            return Err(SlotError::BufferTooSmall { needed: needed as u32 });
        }
        Ok(Self {
            writer: Writer::new(flash, slot),
            buffer,
            unit: Aligned([0; SMALL_WRITE]),
            pending: 0,
        })
    }

    /// Erases every sector before it is written, also those that already hold the right bytes.
    ///
    /// A torn unit may read back right although its bits are only weakly programmed. Flash with an
    /// error-correcting code reports such units. For other flash this is the cautious choice after
    /// a power cut, at the price of wear.
    #[must_use]
    pub fn erase_all(mut self) -> Self {
        self.writer.keeping = Keeping::EraseAll;
        self
    }

    /// The slot needs no erasing: it is not flash, or it was erased before, or its driver sees to
    /// it. Nothing is compared, and `erase_at` has nothing to do; it is called for each sector
    /// still.
    ///
    /// When an update [goes on](crate::apply) after a reset, nothing may have been written to the
    /// slot since it was suspended, if that cannot be written twice.
    #[must_use]
    pub fn no_erase(mut self) -> Self {
        self.writer.keeping = Keeping::NoErase;
        self
    }

    /// What was done to the slot since this was made.
    pub fn stats(&self) -> NorStats {
        self.writer.stats
    }

    /// The flash.
    pub fn flash(&self) -> &F {
        &self.writer.flash
    }

    /// The flash. An update fails at its end if something else has changed the slot meanwhile.
    pub fn flash_mut(&mut self) -> &mut F {
        &mut self.writer.flash
    }

    /// Gives the flash and the buffer back.
    pub fn into_inner(self) -> (F, B) {
        (self.writer.flash, self.buffer)
    }

    /// The writer, the bytes of the next unit, and the rest of the buffer.
    fn parts(&mut self) -> (&mut Writer<F>, &mut [u8], &mut [u8]) {
        let len = self.writer.flash.write_unit();
        let (unit, rest) = if len > SMALL_WRITE {
            self.buffer.as_mut().split_at_mut_checked(len).unwrap_or_default()
        } else {
            (self.unit.0.get_mut(..len).unwrap_or_default(), self.buffer.as_mut())
        };
        (&mut self.writer, unit, rest)
    }

    /// Takes the bytes of a part of a unit; writes it if that makes it complete. Gives how many it
    /// has taken.
    fn fill_unit(&mut self, data: &[u8]) -> Result<usize, SlotError<F::Error>> {
        let pending = self.pending;
        let (writer, unit, rest) = self.parts();
        let mut taken = 0usize;
        for (to, from) in unit.iter_mut().skip(pending).zip(data) {
            *to = *from;
            taken = taken.wrapping_add(1);
        }
        let mut pending = pending.wrapping_add(taken);
        if pending >= unit.len() {
            writer.program(unit, rest)?;
            pending = 0;
        }
        self.pending = pending;
        Ok(taken)
    }

    /// Writes the whole units at the start of `data` that lie in one sector. Gives how many bytes
    /// these are.
    fn take_units(&mut self, data: &[u8]) -> Result<usize, SlotError<F::Error>> {
        let (writer, _, rest) = self.parts();
        let len = writer.whole_units(data.len()).min(writer.left_in_sector());
        writer.program(data.get(..len).ok_or(SlotError::OutOfSlot)?, rest)?;
        Ok(len)
    }
}

impl<F: Flash, B: AsMut<[u8]>> NewImage for NorNew<F, B> {
    type Error = SlotError<F::Error>;

    fn capacity(&self) -> u32 {
        self.writer.slot.len
    }

    /// Any: what does not fill a unit waits for the rest of it.
    fn granularity(&self) -> u32 {
        1
    }

    /// Bytes have to come in order. A write at offset 0 starts a new update.
    fn write(&mut self, offset: u32, data: &[u8]) -> Result<(), Self::Error> {
        self.writer.slot.place(offset, data.len())?;
        if offset == 0 {
            self.pending = 0;
            self.writer.restart();
        }
        if offset as usize != (self.writer.at as usize).wrapping_add(self.pending) {
            return Err(SlotError::OutOfOrder);
        }
        let mut data = data;
        while !data.is_empty() {
            let fills = self.pending > 0 || data.len() < self.writer.flash.write_unit();
            let taken = if fills { self.fill_unit(data)? } else { self.take_units(data)? };
            data = data.get(taken..).unwrap_or_default();
        }
        Ok(())
    }

    #[cfg(feature = "suspend")]
    fn suspend(&mut self, port: &mut Port<'_>) -> Result<(), Self::Error> {
        self.writer.port(port)?;
        port.size(&mut self.pending);
        let pending = self.pending;
        let (writer, unit, rest) = self.parts();
        match unit.get_mut(..pending) {
            Some(bytes) if bytes.len() < writer.flash.write_unit() => port.bytes(bytes),
            _ => port.refuse(),
        }
        if port.loads() {
            writer.resume_sector(rest.len(), port);
        }
        Ok(())
    }

    fn read(&mut self, offset: u32, buf: &mut [u8]) -> Result<(), Self::Error> {
        let place = self.writer.slot.place(offset, buf.len())?;
        let in_flash = self.writer.at.saturating_sub(offset) as usize;
        if self.pending == 0 || buf.len() <= in_flash {
            return access::read(&mut self.writer.flash, place, buf);
        }
        let Some((front, back)) = buf.split_at_mut_checked(in_flash) else {
            return Err(SlotError::OutOfSlot);
        };
        access::read(&mut self.writer.flash, place, front)?;
        let skip = offset.saturating_sub(self.writer.at) as usize;
        let pending = self.pending;
        let (_, unit, _) = self.parts();
        for (to, from) in back.iter_mut().zip(unit.iter().take(pending).skip(skip)) {
            *to = *from;
        }
        Ok(())
    }

    /// Writes the last unit; what follows in it stays as erased flash reads.
    fn flush(&mut self) -> Result<(), Self::Error> {
        let pending = core::mem::take(&mut self.pending);
        let (writer, unit, rest) = self.parts();
        if pending > 0 {
            for byte in unit.iter_mut().skip(pending) {
                *byte = 0xFF;
            }
            writer.program(unit, rest)?;
        }
        writer.end(rest)
    }
}
