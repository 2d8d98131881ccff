//! Where everything is.

use super::InPlaceError;
use crate::device::format::{InPlace, PatchHeader};
use crate::device::nor::{Flash, Lent, Slot, SlotError};

/// The parts of the flash that an update in one slot uses. All of them start and end at the bounds
/// of sectors, and none has a byte in common with another.
#[allow(clippy::exhaustive_structs)] // There is nothing else.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct InPlaceLayout {
    /// The image, from the start; the rest is room.
    pub slot: Slot,
    /// The scratch area: as many sectors as the patch was made for, or more. It may be empty.
    pub scratch: Slot,
    /// The journal. Each of its halves takes a record: [`journal_len`](Self::journal_len).
    pub journal: Slot,
}

impl InPlaceLayout {
    /// Bytes of the journal that an update by this patch takes, in flash with sectors of `sector`
    /// bytes.
    pub fn journal_len(header: &PatchHeader, sector: u32) -> u32 {
        let half = header.suspension_len().saturating_add(super::journal::AROUND);
        half.checked_next_multiple_of(sector).unwrap_or(u32::MAX).saturating_mul(2)
    }

    /// Whether a patch can be applied here, in this order.
    pub(super) fn check<F: Flash>(
        &self,
        flash: &Lent<'_, F>,
        header: &PatchHeader,
        order: InPlace,
    ) -> Result<(), InPlaceError<F::Error>> {
        let sector = flash.sector();
        for part in [self.slot, self.scratch, self.journal] {
            part.check(flash)?;
            let is_whole = |at: u32| (at as usize).checked_rem(sector) == Some(0);
            if !is_whole(part.start) || !is_whole(part.len) {
                return Err(SlotError::Geometry.into());
            }
        }
        let [a, b, c] = [self.slot, self.scratch, self.journal];
        if a.overlaps(b) || b.overlaps(c) || c.overlaps(a) {
            return Err(SlotError::Overlap.into());
        }
        let unit = flash.write_unit();
        let fits = (order.sector() as usize).checked_rem(sector) == Some(0)
            && unit.is_power_of_two()
            && unit <= super::sectors::PIECE;
        if !fits {
            return Err(SlotError::Geometry.into());
        }
        let needed = order.slot_len(header.old_size, header.new_size);
        if self.slot.len < needed {
            return Err(InPlaceError::SlotTooSmall { needed, found: self.slot.len });
        }
        let needed = order.scratch().saturating_mul(order.sector());
        if self.scratch.len < needed {
            return Err(InPlaceError::ScratchTooSmall { needed, found: self.scratch.len });
        }
        let needed = Self::journal_len(header, sector as u32);
        if self.journal.len < needed {
            return Err(InPlaceError::JournalTooSmall { needed, found: self.journal.len });
        }
        Ok(())
    }
}
