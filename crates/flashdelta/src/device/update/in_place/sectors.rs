//! Sectors that are copied, and their checksums.

use crate::device::format::Crc32;
use crate::device::nor::access::{self, Aligned};
use crate::device::nor::{Flash, SlotError};

/// Bytes that are copied at a time; write units may not be larger.
pub(super) const PIECE: usize = 256;

/// Erases the sectors of the flash from `start` up to `end`, both of which are bounds of sectors.
pub(super) fn erase<F: Flash>(flash: &mut F, start: u32, end: u32) -> Result<(), F::Error> {
    let mut at = start;
    while at < end {
        flash.erase_at(at)?;
        at = at.saturating_add((flash.sector() as u32).max(1));
    }
    Ok(())
}

/// Copies `len` bytes, whole sectors, to sectors that hold nothing of use.
#[inline(never)] // One copy in the device's flash.
pub(super) fn copy<F: Flash>(
    flash: &mut F,
    from: u32,
    to: u32,
    len: u32,
) -> Result<(), SlotError<F::Error>> {
    erase(flash, to, to.saturating_add(len))?;
    let mut memory = Aligned([0; PIECE]);
    let mut done = 0;
    while done < len {
        let size = PIECE.min(len.wrapping_sub(done) as usize);
        let piece = memory.0.get_mut(..size).unwrap_or_default();
        access::read(flash, from.wrapping_add(done), piece)?;
        let place = to.wrapping_add(done);
        flash.write_at(place, piece)?;
        if !access::holds(flash, place, piece) {
            return Err(SlotError::ReadBack);
        }
        done = done.wrapping_add(size as u32);
    }
    Ok(())
}

/// The checksum of `len` more bytes.
#[inline(never)]
pub(super) fn checksum<F: Flash>(
    flash: &mut F,
    from: u32,
    len: u32,
    before: Crc32,
) -> Result<Crc32, SlotError<F::Error>> {
    let (mut crc, mut done) = (before, 0);
    let mut memory = Aligned([0; PIECE]);
    while done < len {
        let size = PIECE.min(len.wrapping_sub(done) as usize);
        let piece = memory.0.get_mut(..size).unwrap_or_default();
        access::read(flash, from.wrapping_add(done), piece)?;
        crc = crc.and(piece);
        done = done.wrapping_add(size as u32);
    }
    Ok(crc)
}
