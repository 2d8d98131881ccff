//! What an update in one slot takes and wears.

use serde::Serialize;

use crate::device::format::PatchHeader;
use crate::device::update::in_place::InPlaceLayout;

/// What an update in one slot takes and wears. Sizes are bytes.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct InPlaceFacts {
    /// Erase unit that the patch was made for.
    pub sector: u32,
    /// The slot has to be this long.
    pub slot: u32,
    /// Sectors of the scratch area.
    pub scratch: u32,
    /// The journal takes this much, in sectors of the size above.
    pub journal: u32,
    /// By how much the old image is moved up at first.
    pub moved_by: u32,
    /// Of the new image, what is made in one go.
    pub stretch: u32,
    /// How often the state is saved: once before each stretch.
    pub stretches: u32,
    /// Most erases of a sector of the slot, if the power is not cut.
    pub slot_erases: u32,
    /// The same of the scratch area.
    pub scratch_erases: u32,
    /// The same of the journal.
    pub journal_erases: u32,
}

impl InPlaceFacts {
    /// Those of a patch; `None` if it was made for two slots.
    pub fn of(header: &PatchHeader) -> Option<Self> {
        let order = header.in_place()?;
        let (sector, scratch, stretch) = (order.sector(), order.scratch(), order.stretch_len());
        let stretches = header.coded_size().div_ceil(stretch).max(1);
        let is_moved = order.moved_by() > 0;
        // A record before each group of sectors that is moved, before each stretch, and at the end.
        let groups = match order.moved_by() {
            0 => 0,
            by => order.whole_sectors(header.old_size).div_ceil(by),
        };
        let records = groups.saturating_add(stretches).saturating_add(1);
        let kept = stretches.saturating_mul((stretch / sector).min(scratch)).saturating_add(1);
        Some(Self {
            sector,
            slot: order.slot_len(header.old_size, header.new_size),
            scratch,
            journal: InPlaceLayout::journal_len(header, sector),
            moved_by: order.moved_by(),
            stretch,
            stretches,
            slot_erases: if is_moved { 2 } else { 1 },
            scratch_erases: if scratch == 0 { 0 } else { kept.div_ceil(scratch) },
            journal_erases: records.div_ceil(2),
        })
    }
}
