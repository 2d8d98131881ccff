//! Brings whole units into a slot, sector by sector, and leaves what is right already.

use super::access::{self, Aligned, SMALL_WRITE};
use super::{Flash, Slot, SlotError};
#[cfg(feature = "suspend")]
use crate::device::{format::Crc32, port::Port};

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
pub(super) enum Keeping {
    /// They are kept.
    Keep,
    /// They are erased as well.
    EraseAll,
    /// Nothing has to be erased.
    NoErase,
}

/// Brings whole units into the flash, sector by sector.
#[derive(Clone, Debug)]
pub(super) struct Writer<F> {
    pub(super) flash: F,
    pub(super) slot: Slot,
    /// Offset in the slot up to which it is done.
    pub(super) at: u32,
    /// The same in the sector at hand: below its length. Stored, because many cores have no
    /// divide instruction.
    done: u32,
    sector: Sector,
    pub(super) keeping: Keeping,
    pub(super) stats: NorStats,
}

impl<F: Flash> Writer<F> {
    pub(super) fn new(flash: F, slot: Slot) -> Self {
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

    pub(super) fn restart(&mut self) {
        (self.at, self.done) = (0, 0);
        self.sector = Sector::Erased;
    }

    /// Which slot it is, how far it is done, and what was written last: so far back that a sector
    /// that was erased meanwhile is noticed.
    #[cfg(feature = "suspend")]
    pub(super) fn port(&mut self, port: &mut Port<'_>) -> Result<(), SlotError<F::Error>> {
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
    /// it since: so what is there is compared, and if it is not the right bytes the sector is
    /// erased and its start written again, as for any other sector that is right at its start.
    #[cfg(feature = "suspend")]
    pub(super) fn resume_sector(&mut self, buffer: usize, port: &mut Port<'_>) {
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

    /// Whether there is a place for the start of the sector at `start`, should the sector turn out
    /// to be wrong further on.
    fn has_place(&self, start: u32, buffer: usize) -> bool {
        let spare_end = start.checked_add(self.sector_len().saturating_mul(2));
        spare_end.is_some_and(|end| end <= self.slot.len) || buffer >= self.flash.sector()
    }

    /// Bytes of a sector.
    fn sector_len(&self) -> u32 {
        self.flash.sector() as u32
    }

    /// How many of `len` bytes are in whole units.
    pub(super) fn whole_units(&self, len: usize) -> usize {
        let unit = self.flash.write_unit();
        if unit.is_power_of_two() {
            return len & unit.wrapping_neg();
        }
        len.wrapping_sub(len.checked_rem(unit).unwrap_or(0))
    }

    pub(super) fn left_in_sector(&self) -> usize {
        self.sector_len().wrapping_sub(self.done) as usize
    }

    /// Where in the flash it goes on.
    fn place(&self) -> u32 {
        self.slot.start.wrapping_add(self.at)
    }

    /// Makes the next units, all in one sector, these bytes.
    pub(super) fn program(
        &mut self,
        bytes: &[u8],
        buffer: &mut [u8],
    ) -> Result<(), SlotError<F::Error>> {
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
    pub(super) fn end(&mut self, buffer: &mut [u8]) -> Result<(), SlotError<F::Error>> {
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
