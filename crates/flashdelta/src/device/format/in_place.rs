//! The order of an update in one slot: what of the old image is there still, and when.

use super::limits::MAX_SIZE;
use super::varint::Reader;

/// The smallest and the largest sectors, as binary logarithms of bytes.
const SECTORS: core::ops::RangeInclusive<u8> = 8..=20;

/// The order in which an update overwrites the old image.
///
/// The old image is moved up first. Then the new image is made in *stretches*, from its start to
/// its end; at the start of each the device keeps what it needs to go on from there. While a
/// stretch is made, nothing is copied from what the stretch itself overwrites, but for what is in
/// the scratch area: so it can be made again after a power cut.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct InPlace {
    sector_log2: u8,
    stretch_log2: u8,
    up: u16,
    scratch: u16,
}

/// A part of the new image that is made in one go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Stretch {
    /// Up to where it goes: the next one begins there. `u32::MAX`: to the end of the new image.
    pub(crate) limit: u32,
    /// Bytes of the slot that are overwritten once it is made: whole sectors.
    pub(crate) end: u32,
    /// What of the old image is before this offset is gone.
    pub(crate) floor: u32,
}

impl Stretch {
    /// Of an update between two slots: nothing is ever gone.
    pub(crate) const ALL: Self = Self { limit: u32::MAX, end: 0, floor: 0 };
}

/// The order of a patch between images of these lengths.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Order {
    pub(crate) in_place: Option<InPlace>,
    /// Bytes of the new image that the body makes.
    pub(crate) coded_size: u32,
    pub(crate) new_size: u32,
}

impl Order {
    /// Of an update between two slots.
    pub(crate) const NONE: Self = Self { in_place: None, coded_size: 0, new_size: 0 };

    /// The stretch that the byte at `at` of the new image belongs to.
    pub(crate) fn stretch(&self, at: u32) -> Stretch {
        let Some(in_place) = self.in_place else { return Stretch::ALL };
        let limit = (at | in_place.stretch_len().wrapping_sub(1)).wrapping_add(1);
        let (limit, end) = if limit < self.coded_size {
            (limit, limit)
        } else {
            // What ends the image without being in the body belongs to the last one.
            (u32::MAX, in_place.whole_sectors(self.new_size))
        };
        Stretch { limit, end, floor: end.saturating_sub(in_place.reach()) }
    }
}

impl InPlace {
    /// Of an update between two slots.
    pub(crate) const NONE: Self = Self { sector_log2: 0, stretch_log2: 0, up: 0, scratch: 0 };

    /// An order for sectors of `2^sector_log2` bytes, and stretches of `2^stretch_log2` bytes. The
    /// old image is moved up by `up` sectors, and the last `scratch` sectors that were overwritten
    /// are kept. `None` if there can be no such order.
    pub(crate) fn new(sector_log2: u8, stretch_log2: u8, up: u16, scratch: u16) -> Option<Self> {
        let order = Self { sector_log2, stretch_log2, up, scratch };
        order.is_possible().then_some(order)
    }

    /// Bytes of a sector, a power of two.
    pub fn sector(&self) -> u32 {
        1 << (self.sector_log2 & 31)
    }

    /// By how many bytes the old image is moved up before anything else is done; 0: it stays where
    /// it is.
    pub fn moved_by(&self) -> u32 {
        u32::from(self.up) << (self.sector_log2 & 31)
    }

    /// Sectors of the scratch area.
    pub fn scratch(&self) -> u32 {
        self.scratch.into()
    }

    /// Bytes of a stretch, a power of two: a multiple of the sector.
    pub fn stretch_len(&self) -> u32 {
        1 << (self.stretch_log2 & 31)
    }

    /// Bytes that the slot must have, for images of these lengths.
    pub fn slot_len(&self, old_size: u32, new_size: u32) -> u32 {
        let old = self.whole_sectors(old_size).saturating_add(self.moved_by());
        old.max(self.whole_sectors(new_size))
    }

    /// The whole sectors that `len` bytes take, in bytes.
    pub(crate) fn whole_sectors(&self, len: u32) -> u32 {
        let rest = self.sector().wrapping_sub(1);
        len.saturating_add(rest) & !rest
    }

    /// What was overwritten no more than this many bytes ago is still there.
    fn reach(&self) -> u32 {
        u32::from(self.up).wrapping_add(self.scratch.into()) << (self.sector_log2 & 31)
    }

    /// Whether all of it is within its limits. Where nothing is kept of what a stretch overwrites,
    /// next to nothing could be copied.
    fn is_possible(&self) -> bool {
        let sectors = u32::from(self.up).wrapping_add(self.scratch.into());
        SECTORS.contains(&self.sector_log2)
            && (self.sector_log2..=30).contains(&self.stretch_log2)
            && sectors >= 1 << self.stretch_log2.wrapping_sub(self.sector_log2).min(31)
            && sectors <= MAX_SIZE >> (self.sector_log2 & 31)
    }

    /// Reads it from a header. Sectors hold whole units of the write granularity.
    pub(crate) fn read(reader: &mut Reader<'_>, granularity_log2: u8) -> Self {
        let (sector_log2, stretch_log2) = (reader.byte(), reader.byte());
        let (up, scratch) = (reader.limited(0xFFFF) as u16, reader.limited(0xFFFF) as u16);
        let order = Self { sector_log2, stretch_log2, up, scratch };
        if !order.is_possible() || granularity_log2 > sector_log2 {
            reader.bad_number(0);
        }
        order
    }

    /// Writes it.
    pub(crate) fn fields(&self) -> ([u8; 2], [u32; 2]) {
        ([self.sector_log2, self.stretch_log2], [self.up.into(), self.scratch.into()])
    }

    /// Into a suspension or out of it: all 0 if there is none.
    pub(crate) fn port(&mut self, port: &mut crate::device::port::Port<'_>) {
        let Self { sector_log2, stretch_log2, up, scratch } = self;
        port.small(sector_log2);
        port.small(stretch_log2);
        port.half(up);
        port.half(scratch);
        if !self.is_none() && !self.is_possible() {
            port.refuse();
        }
    }

    /// Whether this stands for an update between two slots.
    pub(crate) fn is_none(&self) -> bool {
        self.sector_log2 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stretch_overwrites_is_gone() {
        let order = |up, scratch, coded_size| Order {
            in_place: InPlace::new(8, 9, up, scratch),
            coded_size,
            new_size: coded_size + 32,
        };
        assert_eq!(order(2, 0, 5000).stretch(0), Stretch { limit: 512, end: 512, floor: 0 });
        assert_eq!(order(2, 0, 5000).stretch(1023), Stretch { limit: 1024, end: 1024, floor: 512 });
        assert_eq!(
            order(2, 3, 5000).stretch(2048),
            Stretch { limit: 2560, end: 2560, floor: 1280 }
        );
        // The digest at the end of the image lies in the sector after the last one of the body.
        assert_eq!(
            order(2, 0, 1024).stretch(600),
            Stretch { limit: u32::MAX, end: 1280, floor: 768 }
        );
    }

    #[test]
    fn orders_that_cannot_be_are_refused() {
        assert!(InPlace::new(8, 8, 1, 0).is_some());
        for (sector, stretch, up, scratch) in [
            (7, 8, 1, 0),
            (21, 21, 1, 0),
            (9, 8, 1, 0),
            (8, 8, 0, 0),
            (8, 9, 1, 0),
            (20, 20, 4096, 0),
        ] {
            assert_eq!(InPlace::new(sector, stretch, up, scratch), None, "{sector} {stretch}");
        }
    }
}
