//! Holes while a patch is applied: digests and the decoder see fills, the new image gets values.
//!
//! Nothing is kept but the table, as it is in the header, and one byte: the exclusive or of what
//! values and fills differ by, which is what the checksum of an image differs by, too.

use super::{ApplyError, Damage, OldImage};
use crate::device::format::holes::{
    Hole, HoleName, Holes, Side, Sizes, NEW_CHECKSUM, OLD_CHECKSUM, OLD_DIGEST,
};
use crate::device::format::{PatchHeader, DIGEST_LEN};

/// Bytes of a value that are compared at a time.
const PIECE: usize = 16;

/// The table of holes, and the lengths of the images that they are in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table<'a> {
    bytes: &'a [u8],
    sizes: Sizes,
}

/// Does something with the bytes of a hole that are in a piece of an image: it is told from which
/// byte of the hole on, and takes part in the sum. False if that fails.
type Act<'a> = dyn FnMut(&Hole<'_>, u32, &mut [u8], &mut u8) -> bool + 'a;

/// What the sum of bytes differs by if all of them are `fill`.
fn sum(bytes: &[u8], fill: u8) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum ^ byte ^ fill)
}

impl<'a> Table<'a> {
    /// That of a patch.
    pub(crate) fn new(bytes: &'a [u8], sizes: Sizes) -> Self {
        Self { bytes, sizes }
    }

    /// Whether there are holes.
    pub(crate) fn is_empty(self) -> bool {
        self.bytes.is_empty()
    }

    /// Does something with what of each hole is in a piece of an image. `sum`: what the checksum
    /// differs by so far; it goes on from piece to piece, and the checksum is corrected by it.
    #[inline(never)] // One copy in the device's flash.
    fn each(
        self,
        side: Side,
        offset: u32,
        piece: &mut [u8],
        sum: &mut u8,
        act: &mut Act<'_>,
    ) -> bool {
        let holes = Holes::new(self.bytes);
        let head = holes.head;
        for hole in holes {
            let Some(start) = hole.start(side) else { continue };
            let from = start.max(offset);
            let end = start.saturating_add(hole.len).min(offset.saturating_add(piece.len() as u32));
            let into = (from.wrapping_sub(offset)) as usize..(end.wrapping_sub(offset)) as usize;
            let Some(part) = piece.get_mut(into).filter(|_| from < end) else { continue };
            if !act(&hole, from.wrapping_sub(start), part, sum) {
                return false;
            }
        }
        let bit = if side == Side::Old { OLD_CHECKSUM } else { NEW_CHECKSUM };
        if head & bit != 0 {
            let at = self.sizes.limit(side, head).and_then(|at| at.checked_sub(offset));
            if let Some(checksum) = at.and_then(|at| piece.get_mut(at as usize)) {
                *checksum ^= *sum;
            }
        }
        true
    }

    /// Puts fills in place of values in the next piece of an image.
    pub(crate) fn fill(self, side: Side, offset: u32, piece: &mut [u8], total: &mut u8) {
        self.each(side, offset, piece, total, &mut |hole, _, part, total| {
            *total ^= sum(part, hole.fill);
            for byte in part {
                *byte = hole.fill;
            }
            true
        });
    }

    /// Makes of a piece of the old image what the decoder sees: fills, and zeros from its checksum
    /// on.
    #[inline(never)] // Seldom needed: the frequent ways need no stack.
    pub(crate) fn show_old(self, offset: u32, piece: &mut [u8]) {
        self.fill(Side::Old, offset, piece, &mut 0);
        let head = Holes::new(self.bytes).head;
        if let Some(limit) = self.sizes.limit(Side::Old, head) {
            for byte in piece.iter_mut().skip(limit.saturating_sub(offset) as usize) {
                *byte = 0;
            }
        }
    }

    /// The same of a piece of the new image, as far as it is written.
    #[inline(never)]
    pub(crate) fn show_new(self, offset: u32, piece: &mut [u8]) {
        self.fill(Side::New, offset, piece, &mut 0);
    }

    /// Where the old image has its own digest, or else ends.
    pub(crate) fn old_end(self) -> u32 {
        let head = self.bytes.first().copied().unwrap_or(0);
        let digest = if head & OLD_DIGEST != 0 { DIGEST_LEN } else { 0 };
        self.sizes.old.saturating_sub(digest)
    }

    /// Whether this device has values for all holes that need one.
    #[inline(never)]
    pub(crate) fn check_values<O: OldImage, N>(
        self,
        old: &mut O,
        error: &mut ApplyError<O::Error, N>,
    ) -> Option<()> {
        for hole in Holes::new(self.bytes).filter(|hole| hole.start(Side::New).is_some()) {
            let found = match hole.is_given() {
                true => old.hole_value(hole.name, 0, &mut []).map_err(|error| (hole, error)),
                false => Ok(None),
            };
            let (name, limit) = (HoleName::of(hole.name), hole.len);
            *error = match found {
                Ok(Some(found)) if found > limit => {
                    ApplyError::HoleValueTooLong { name, found, limit }
                }
                Ok(None) if !hole.is_kept() => ApplyError::HoleValueMissing { name },
                Ok(_) => continue,
                Err((_, error)) => ApplyError::ReadOld { offset: 0, error },
            };
            return None;
        }
        Some(())
    }

    /// Puts values in place of fills in the next piece of the new image, which the decoder has
    /// made.
    #[inline(never)]
    pub(crate) fn put_values<O: OldImage, N>(
        self,
        offset: u32,
        piece: &mut [u8],
        total: &mut u8,
        old: &mut O,
        error: &mut ApplyError<O::Error, N>,
    ) -> bool {
        self.each(Side::New, offset, piece, total, &mut |hole, into, part, total| {
            if part.iter().any(|byte| *byte != hole.fill) {
                *error = ApplyError::Damaged { what: Damage::Hole, offset };
                return false;
            }
            let is_there = value(old, hole, into, part, error);
            *total ^= sum(part, hole.fill);
            is_there
        })
    }

    /// Puts fills in place of values in the next piece of the new image as it reads back: where it
    /// has the values that it should have.
    #[inline(never)]
    pub(crate) fn check_new<O: OldImage, N>(
        self,
        offset: u32,
        piece: &mut [u8],
        total: &mut u8,
        old: &mut O,
        error: &mut ApplyError<O::Error, N>,
    ) -> bool {
        self.each(Side::New, offset, piece, total, &mut |hole, into, part, total| {
            *total ^= sum(part, hole.fill);
            let mut into = into;
            for piece in part.chunks_mut(PIECE) {
                let mut right = [0; PIECE];
                let right = right.get_mut(..piece.len()).unwrap_or_default();
                if !value(old, hole, into, right, error) {
                    return false;
                }
                for (byte, right) in piece.iter_mut().zip(right) {
                    *byte ^= *right ^ hole.fill;
                }
                into = into.wrapping_add(PIECE as u32);
            }
            true
        })
    }
}

/// The value of a hole of the new image, from a byte on: the one that is given, or else the one
/// that the old image has. Zeros follow a value that is shorter than its hole.
#[inline(never)]
fn value<O: OldImage, N>(
    old: &mut O,
    hole: &Hole<'_>,
    into: u32,
    bytes: &mut [u8],
    error: &mut ApplyError<O::Error, N>,
) -> bool {
    let mut offset = 0;
    let read = (|| {
        if hole.is_given() {
            for byte in bytes.iter_mut() {
                *byte = 0;
            }
            if old.hole_value(hole.name, into, bytes)?.is_some() {
                return Ok(true);
            }
        }
        let Some(start) = hole.start(Side::Old).filter(|_| hole.is_kept()) else {
            return Ok(false);
        };
        offset = start.wrapping_add(into);
        old.read(offset, bytes).map(|()| true)
    })();
    *error = match read {
        Ok(true) => return true,
        Ok(false) => ApplyError::HoleValueMissing { name: HoleName::of(hole.name) },
        Err(error) => ApplyError::ReadOld { offset, error },
    };
    false
}

impl PatchHeader {
    /// The table of holes in what begins with the header.
    pub(crate) fn holes<'a>(&self, header: &'a [u8]) -> Table<'a> {
        Table::new(self.hole_table(header), self.hole_sizes())
    }
}
