//! The slot that is written.

use super::access::{self, Aligned};
use super::{Flash, Slot, SlotError};
use crate::device::apply::NewImage;
#[cfg(feature = "suspend")]
use crate::device::{format::Crc32, port::Port};

/// Write units up to this many bytes need no lent buffer.
const SMALL_WRITE: usize = 64;

/// Bytes of a slot without sectors that are read, at most, to see whether it is as it was.
#[cfg(feature = "suspend")]
const MOST_COMPARED: u32 = 4096;

/// What an update did to a slot.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct NorStats {
    /// Erases of a sector.
    pub erases: u32,
    /// Sectors that already held the right bytes and were left as they were.
    pub kept: u32,
    /// Writes.
    pub writes: u32,
    /// Bytes that were written, padding of the last unit included.
    pub bytes_written: u32,
}

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
    /// Bits of a torn unit may read right although they are but weakly programmed. Flash with an
    /// error-correcting code reports such units. For other flash this is the cautious choice after
    /// a power cut, at the price of wear.
    #[must_use]
    pub fn erase_all(mut self) -> Self {
        self.writer.keeping = Keeping::EraseAll;
        self
    }

    /// The slot needs no erasing: it is not flash, or it was erased before, or its driver sees to
    /// it. Nothing is compared, and `erase_at` has nothing to do; it is called for each sector still.
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

    /// The flash: for what else there is to be done with it.
    pub fn flash(&self) -> &F {
        &self.writer.flash
    }

    /// The flash. Whoever changes the slot during an update makes it fail at its end.
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

/// What is known of the sector that is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Sector {
    /// So far it has held the right bytes, and nothing was done to it.
    Kept,
    /// It was erased in this update, and nothing but this update has written it since.
    Erased,
}

/// What becomes of sectors that hold the right bytes already.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Keeping {
    /// They are kept.
    Keep,
    /// They are erased as well.
    EraseAll,
    /// Nothing has to be erased.
    NoErase,
}

/// Brings whole units into the flash, sector by sector.
#[derive(Clone, Debug)]
struct Writer<F> {
    flash: F,
    slot: Slot,
    /// Offset in the slot up to which it is done.
    at: u32,
    /// The same in the sector at hand: below its length. Kept, since many processors do not divide.
    done: u32,
    sector: Sector,
    keeping: Keeping,
    stats: NorStats,
}

impl<F: Flash> Writer<F> {
    fn new(flash: F, slot: Slot) -> Self {
        Self {
            flash,
            slot,
            at: 0,
            done: 0,
            sector: Sector::Erased,
            keeping: Keeping::Keep,
            stats: NorStats::default(),
        }
    }

    fn restart(&mut self) {
        (self.at, self.done) = (0, 0);
        self.sector = Sector::Erased;
    }

    /// Which slot it is, how far it is done, and what was written last: so far back that a sector
    /// that was erased meanwhile is noticed.
    #[cfg(feature = "suspend")]
    fn port(&mut self, port: &mut Port<'_>) -> Result<(), SlotError<F::Error>> {
        let (unit, sector) = (self.flash.write_unit() as u32, self.sector_len());
        for number in [self.slot.start, self.slot.len, unit, sector] {
            port.same(number);
        }
        port.number(&mut self.at);
        if self.at > self.slot.len || self.at.checked_rem(unit) != Some(0) {
            port.refuse();
            self.at = 0;
        }
        self.done = self.at.checked_rem(sector).unwrap_or(0);
        let mut back = if self.done > 0 { self.done } else { sector.min(self.at) };
        if self.keeping == Keeping::NoErase {
            back = self.at.min(MOST_COMPARED);
        }
        let mut crc = Crc32::START;
        let mut memory = Aligned([0; SMALL_WRITE]);
        while back > 0 {
            let piece = memory.0.get_mut(..SMALL_WRITE.min(back as usize)).unwrap_or_default();
            let place = self.place().wrapping_sub(back);
            access::read(&mut self.flash, place, piece)?;
            crc = crc.and(piece);
            back = back.saturating_sub(piece.len() as u32);
        }
        port.same(crc.value());
        Ok(())
    }

    /// Goes on in a sector that was written before a reset. Nobody knows what else has been done to
    /// it since: so what is there is compared, and if it is not the right bytes the sector is erased
    /// and its start written again, as for any other sector that is right at its start.
    #[cfg(feature = "suspend")]
    fn resume_sector(&mut self, buffer: usize, port: &mut Port<'_>) {
        self.sector = Sector::Erased;
        if self.done == 0 || self.keeping == Keeping::NoErase || port.is_refused() {
            return;
        }
        if self.has_place(self.at.wrapping_sub(self.done), buffer) {
            self.sector = Sector::Kept;
        } else {
            port.refuse();
        }
    }

    /// Is there a place for the start of the sector at `start`, should that turn out to be wrong
    /// further on?
    fn has_place(&self, start: u32, buffer: usize) -> bool {
        let spare_end = start.checked_add(self.sector_len().saturating_mul(2));
        spare_end.is_some_and(|end| end <= self.slot.len) || buffer >= self.flash.sector()
    }

    /// Bytes of a sector.
    fn sector_len(&self) -> u32 {
        self.flash.sector() as u32
    }

    /// So many of `len` bytes are whole units.
    fn whole_units(&self, len: usize) -> usize {
        let unit = self.flash.write_unit();
        if unit.is_power_of_two() {
            return len & unit.wrapping_neg();
        }
        len.wrapping_sub(len.checked_rem(unit).unwrap_or(0))
    }

    fn left_in_sector(&self) -> usize {
        self.sector_len().wrapping_sub(self.done) as usize
    }

    /// Where in the flash it goes on.
    fn place(&self) -> u32 {
        self.slot.start.wrapping_add(self.at)
    }

    /// Makes the next units, all in one sector, these bytes.
    fn program(&mut self, bytes: &[u8], buffer: &mut [u8]) -> Result<(), SlotError<F::Error>> {
        if self.done == 0 {
            self.enter_sector(buffer.len())?;
        }
        let place = self.place();
        // All erased ones are kept only if they were begun before a reset. Nothing is done to them
        // before the update goes on: it may yet be refused.
        if self.sector == Sector::Kept
            && (self.keeping == Keeping::EraseAll || !access::holds(&mut self.flash, place, bytes))
        {
            self.renew(buffer)?;
        }
        if self.sector == Sector::Erased {
            self.write(place, bytes)?;
        }
        self.at = self.at.wrapping_add(bytes.len() as u32);
        self.done = self.done.wrapping_add(bytes.len() as u32);
        if self.done >= self.sector_len() {
            self.done = 0;
            if self.sector == Sector::Kept {
                self.stats.kept = self.stats.kept.saturating_add(1);
            }
        }
        Ok(())
    }

    /// The image is complete. After it, its last sector has to be blank.
    fn end(&mut self, buffer: &mut [u8]) -> Result<(), SlotError<F::Error>> {
        if self.sector == Sector::Kept && self.done > 0 {
            let place = self.place();
            let end = place.saturating_add(self.left_in_sector() as u32);
            if self.keeping != Keeping::EraseAll && access::is_blank(&mut self.flash, place, end) {
                self.stats.kept = self.stats.kept.saturating_add(1);
                self.sector = Sector::Erased;
            } else {
                self.renew(buffer)?;
            }
        }
        Ok(())
    }

    /// At the start of a sector: it can be kept only if there is a place for its start, should it
    /// turn out to be wrong further on.
    fn enter_sector(&mut self, buffer: usize) -> Result<(), SlotError<F::Error>> {
        self.sector = Sector::Kept;
        if self.keeping != Keeping::Keep || !self.has_place(self.at, buffer) {
            self.erase(self.place())?;
            self.sector = Sector::Erased;
        }
        Ok(())
    }

    /// The sector is right up to here, but not further: erases it and writes its start again, which
    /// is kept in the buffer, or in the next sector.
    fn renew(&mut self, buffer: &mut [u8]) -> Result<(), SlotError<F::Error>> {
        let done = self.done;
        let start = self.place().wrapping_sub(done);
        if done == 0 {
            self.erase(start)?;
        } else if let Some(saved) = buffer.get_mut(..done as usize) {
            access::read(&mut self.flash, start, saved)?;
            self.erase(start)?;
            self.write(start, saved)?;
        } else {
            let spare = start.wrapping_add(self.sector_len());
            self.erase(spare)?;
            self.copy(start, spare, done, buffer)?;
            self.erase(start)?;
            self.copy(spare, start, done, buffer)?;
        }
        self.sector = Sector::Erased;
        Ok(())
    }

    /// Copies whole units within the flash.
    fn copy(
        &mut self,
        from: u32,
        to: u32,
        len: u32,
        buffer: &mut [u8],
    ) -> Result<(), SlotError<F::Error>> {
        let mut small = Aligned([0; SMALL_WRITE]);
        let memory = if buffer.len() >= SMALL_WRITE.max(self.flash.write_unit()) {
            buffer
        } else {
            &mut small.0[..]
        };
        let piece = self.whole_units(memory.len());
        let mut done = 0;
        while done < len {
            let bytes =
                memory.get_mut(..piece.min(len.wrapping_sub(done) as usize)).unwrap_or_default();
            if bytes.is_empty() {
                return Err(SlotError::Geometry);
            }
            access::read(&mut self.flash, from.wrapping_add(done), bytes)?;
            self.write(to.wrapping_add(done), bytes)?;
            done = done.wrapping_add(bytes.len() as u32);
        }
        Ok(())
    }

    fn erase(&mut self, sector: u32) -> Result<(), SlotError<F::Error>> {
        self.stats.erases = self.stats.erases.saturating_add(1);
        self.flash.erase_at(sector)?;
        Ok(())
    }

    fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), SlotError<F::Error>> {
        self.stats.writes = self.stats.writes.saturating_add(1);
        self.stats.bytes_written = self.stats.bytes_written.saturating_add(bytes.len() as u32);
        self.flash.write_at(at, bytes)?;
        Ok(())
    }
}
