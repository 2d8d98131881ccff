//! When it pays to suspend an update.

use crate::device::format::PatchHeader;

/// How fast a device and its link are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(clippy::exhaustive_structs)] // Whoever asks fills it in.
pub struct Pace {
    /// Bytes of the patch that arrive in a second.
    pub link: u32,
    /// Bytes that the flash writes in a second.
    pub write: u32,
    /// Bytes that are read and digested in a second.
    pub digest: u32,
    /// Bytes of a sector.
    pub sector: u32,
    /// Milliseconds that the erase of a sector takes.
    pub erase_ms: u32,
}

/// What it costs to suspend an update and to go on with it.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SuspensionPrice {
    /// Bytes that are written at most.
    pub bytes: u32,
    /// Sectors that are erased at most: of the region where the suspension goes, and the one of the
    /// new image that is under way with the one after it.
    pub erases: u32,
    /// Milliseconds, the digest of the old image included.
    pub milliseconds: u32,
}

impl PatchHeader {
    /// What it costs to suspend an update by this patch and to go on with it.
    pub fn suspension_price(&self, pace: &Pace) -> SuspensionPrice {
        let (bytes, sector) = (self.suspension_len(), pace.sector.max(1));
        let erases = bytes.div_ceil(sector).saturating_add(2);
        // A sector's start is written twice.
        let written = bytes.saturating_add(sector.saturating_mul(2));
        let milliseconds = millis(written, pace.write)
            .saturating_add(millis(self.old_size, pace.digest))
            .saturating_add(erases.saturating_mul(pace.erase_ms));
        SuspensionPrice { bytes, erases, milliseconds }
    }

    /// Whether it takes longer to receive the first `taken` bytes of the patch again than to
    /// suspend the update and to go on. To start from the beginning costs hardly any erases, as
    /// sectors that are right are kept; so where the link is fast, suspending only wears the flash.
    pub fn suspending_pays(&self, taken: u32, pace: &Pace) -> bool {
        // To start again the old image is read as well, and what is written is made and compared
        // again; that it is made again is left out.
        let again = millis(taken, pace.link).saturating_add(millis(self.old_size, pace.digest));
        again > self.suspension_price(pace).milliseconds
    }
}

/// How long `bytes` take; for ever if nothing moves.
fn millis(bytes: u32, per_second: u32) -> u32 {
    let time = u64::from(bytes).wrapping_mul(1000).checked_div(per_second.into());
    time.map_or(u32::MAX, |time| time.min(u32::MAX.into()) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_pays_where_links_are_slow() {
        let header = PatchHeader { ram: 16 << 10, old_size: 300_000, ..PatchHeader::default() };
        let esp32 =
            Pace { link: 100_000, write: 400_000, digest: 2_000_000, sector: 4096, erase_ms: 45 };
        let price = header.suspension_price(&esp32);
        // 16 KiB in 4 sectors and 2 more; 24 KiB written, 300 KB read.
        assert_eq!(price, SuspensionPrice { bytes: 16 << 10, erases: 6, milliseconds: 481 });
        assert!(!header.suspending_pays(30_000, &esp32));
        let slow = Pace { link: 500, ..esp32 };
        assert!(header.suspending_pays(300, &slow) && !header.suspending_pays(100, &slow));
        assert!(header.suspending_pays(1, &Pace { link: 0, ..esp32 }));
        assert!(!header.suspending_pays(1 << 30, &Pace { write: 0, ..esp32 }));
    }
}
