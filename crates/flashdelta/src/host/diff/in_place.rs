//! In which order a device with one slot makes the new image.

use super::error::DiffError;
use super::options::DiffOptions;
use crate::device::format::{Codec, InPlace};

/// A stretch takes one of this many parts of the room that there is: what has moved up by more than
/// the rest of it cannot be copied. Shorter stretches keep more, and have the device save its state
/// more often.
const PART: u32 = 4;

impl DiffOptions {
    /// The order for images of these lengths; `None` between two slots.
    pub(super) fn order(&self, old: u32, new: u32) -> Result<Option<InPlace>, DiffError> {
        if !self.in_place {
            return Ok(None);
        }
        let profile = &self.profile;
        let (sector, scratch) = (profile.sector, profile.scratch);
        if !sector.is_power_of_two() || !(1 << 8..=1 << 20).contains(&sector) {
            return Err(DiffError::BadProfile {
                what: "in one slot, the sector must be a power of two, 256 to 1048576",
            });
        }
        if scratch > 0xFFFF {
            return Err(DiffError::BadProfile { what: "more than 65535 scratch sectors" });
        }
        if !self.holes.is_empty() {
            return Err(DiffError::BadProfile { what: "in one slot, there can be no holes" });
        }
        let log2 = sector.trailing_zeros() as u8;
        let whole = |len: u32| u64::from(len).next_multiple_of(sector.into());
        let (slot, taken) = (u64::from(profile.slot), whole(old));
        // With nothing to spare, a sector that is written would take what it is made of.
        let least = if scratch == 0 { taken + u64::from(sector) } else { taken };
        let needed = least.max(whole(new));
        if slot < needed {
            return Err(DiffError::SlotTooSmall { slot: profile.slot, needed, scratch });
        }
        let up = ((slot - taken) / u64::from(sector)).min(0xFFFF) as u32;
        let stretch = ((up + scratch) / PART).max(1).ilog2() as u8;
        let order = InPlace::new(log2, log2 + stretch, up as u16, scratch as u16);
        let what = "in one slot, room and scratch area must be less than 2 GiB";
        order.map(Some).ok_or(DiffError::BadProfile { what })
    }

    /// The codecs that can be applied in one slot.
    pub(super) fn in_order(&self, codecs: Vec<Codec>) -> Result<Vec<Codec>, DiffError> {
        if !self.in_place {
            return Ok(codecs);
        }
        match codecs.into_iter().find(|codec| *codec == Codec::Model) {
            Some(model) => Ok(vec![model]),
            None => Err(DiffError::BadProfile { what: "in one slot, the codec must be model" }),
        }
    }
}
