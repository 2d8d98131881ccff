//! Where a slot is in the flash, and reading from anywhere although the flash reads whole units
//! only.

use super::{ReadFlash, SlotError};

/// Memory of a few bytes, aligned as flash drivers may want it.
#[derive(Clone, Copy, Debug)]
#[repr(align(4))]
pub(crate) struct Aligned<const N: usize>(pub(crate) [u8; N]);

/// Write units up to this many bytes need no lent buffer.
pub(super) const SMALL_WRITE: usize = 64;

/// Read units up to this are read into a small buffer, larger ones into one of [`MOST_READ`] bytes:
/// the stack holds only the one that it takes.
const SMALL_READ: usize = 32;

/// Larger read units are refused, in bytes.
const MOST_READ: usize = 512;

/// A part of a flash, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Slot {
    /// Where it starts.
    pub start: u32,
    /// Its length.
    pub len: u32,
}

impl Slot {
    /// A slot of `len` bytes that starts at `start`.
    pub const fn new(start: u32, len: u32) -> Self {
        Self { start, len }
    }

    /// Where it ends.
    pub(super) fn end(self) -> u32 {
        self.start.saturating_add(self.len)
    }

    /// Checks that it lies in this flash, and can be read.
    pub(crate) fn check<F: ReadFlash>(self, flash: &F) -> Result<(), SlotError<F::Error>> {
        let unit = flash.read_unit();
        let end = self.start.checked_add(self.len).ok_or(SlotError::Geometry)? as usize;
        let whole_units =
            unit > 0 && unit <= MOST_READ && (self.start as usize).is_multiple_of(unit);
        // The last bytes are read as a part of their unit.
        let fits = end.checked_next_multiple_of(unit).is_some_and(|end| end <= flash.size());
        if whole_units && fits {
            Ok(())
        } else {
            Err(SlotError::Geometry)
        }
    }

    /// Whether both have a byte in common.
    #[cfg(feature = "in-place")]
    pub(crate) fn overlaps(self, other: Self) -> bool {
        self.start < other.end() && other.start < self.end() && self.len > 0 && other.len > 0
    }

    /// Where in the flash an access to the slot is.
    pub(crate) fn place<E>(self, offset: u32, count: usize) -> Result<u32, SlotError<E>> {
        let end = (offset as usize).checked_add(count);
        if end.is_none_or(|end| end > self.len as usize) {
            return Err(SlotError::OutOfSlot);
        }
        self.start.checked_add(offset).ok_or(SlotError::OutOfSlot)
    }
}

/// Reads from anywhere.
pub(crate) fn read<F: ReadFlash>(
    flash: &mut F,
    at: u32,
    buf: &mut [u8],
) -> Result<(), SlotError<F::Error>> {
    // Known when compiling, mostly; then the rest is not even there.
    if flash.read_unit() == 1 && !buf.is_empty() {
        return Ok(flash.read_at(at, buf)?);
    }
    if flash.read_unit() <= SMALL_READ {
        read_with::<F, SMALL_READ>(flash, at, buf)
    } else {
        read_with::<F, MOST_READ>(flash, at, buf)
    }
}

/// Whole units at once; parts of units at both ends by way of a buffer.
fn read_with<F: ReadFlash, const N: usize>(
    flash: &mut F,
    at: u32,
    buf: &mut [u8],
) -> Result<(), SlotError<F::Error>> {
    let read_unit = flash.read_unit();
    let mut at = at;
    let mut rest = buf;
    while !rest.is_empty() {
        let skip = (at as usize).checked_rem(read_unit).ok_or(SlotError::Geometry)?;
        let whole = rest.len().wrapping_sub(rest.len().checked_rem(read_unit).unwrap_or(0));
        let len = if skip == 0 && whole > 0 {
            whole
        } else {
            rest.len().min(read_unit.wrapping_sub(skip))
        };
        let Some((front, back)) = rest.split_at_mut_checked(len) else { break };
        if skip == 0 && whole > 0 {
            flash.read_at(at, front)?;
        } else {
            let mut unit = Aligned([0; N]);
            let unit = unit.0.get_mut(..read_unit).ok_or(SlotError::Geometry)?;
            flash.read_at(at.wrapping_sub(skip as u32), unit)?;
            for (to, from) in front.iter_mut().zip(unit.iter().skip(skip)) {
                *to = *from;
            }
        }
        rest = back;
        at = at.wrapping_add(len as u32);
    }
    Ok(())
}

/// Bytes that are compared at a time.
const COMPARED: usize = 64;

/// Whether the flash holds these bytes. What cannot be read is not what it should be: in flash with
/// an error-correcting code, a torn unit.
pub(crate) fn holds<F: ReadFlash>(flash: &mut F, at: u32, bytes: &[u8]) -> bool {
    let mut at = at;
    bytes.chunks(COMPARED).all(|expected| {
        let mut memory = Aligned([0; COMPARED]);
        let found = memory.0.get_mut(..expected.len()).unwrap_or(&mut []);
        let equal = read(flash, at, found).is_ok() && *found == *expected;
        at = at.wrapping_add(COMPARED as u32);
        equal
    })
}

/// Whether the flash reads as erased from `at` up to `end`.
pub(super) fn is_blank<F: ReadFlash>(flash: &mut F, at: u32, end: u32) -> bool {
    let blank = [0xFF; COMPARED];
    let mut at = at;
    while at < end {
        let len = blank.len().min(end.wrapping_sub(at) as usize);
        if !holds(flash, at, blank.get(..len).unwrap_or(&[])) {
            return false;
        }
        at = at.wrapping_add(COMPARED as u32);
    }
    true
}
