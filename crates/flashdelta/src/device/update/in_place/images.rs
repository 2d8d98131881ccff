//! Both images in one slot.

use super::sectors::{self, PIECE};
use super::InPlaceLayout;
use crate::device::apply::{NewImage, OldImage};
use crate::device::format::InPlace;
use crate::device::nor::access::{self, Aligned};
use crate::device::nor::{Flash, Lent, SharedError, SlotError};

/// Where what of the old image is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Places {
    pub(super) layout: InPlaceLayout,
    pub(super) order: InPlace,
    /// The old image has been moved up.
    pub(super) is_moved: bool,
    /// Bytes of the slot that hold the new image, or will soon: of what was there, the last sectors
    /// are in the scratch area.
    pub(super) overwritten: u32,
}

impl Places {
    /// Where in the flash a byte of the old image is, and how many from there on are side by side.
    fn of(&self, offset: u32) -> (u32, u32) {
        let by = if self.is_moved { self.order.moved_by() } else { 0 };
        let place = offset.saturating_add(by);
        if place >= self.overwritten {
            return (self.layout.slot.start.saturating_add(place), u32::MAX);
        }
        let sector = self.order.sector();
        let into = place & sector.wrapping_sub(1);
        let kept = self.scratch(place.wrapping_sub(into));
        (kept.saturating_add(into), sector.wrapping_sub(into))
    }

    /// Where the sector at this offset of the slot is kept: the area is used in circles.
    pub(super) fn scratch(&self, offset: u32) -> u32 {
        let sector = self.order.sector();
        let number = offset.checked_div(sector).unwrap_or(0);
        let number = number.checked_rem(self.order.scratch()).unwrap_or(0);
        self.layout.scratch.start.saturating_add(number.wrapping_mul(sector))
    }
}

/// The old image, wherever its bytes are.
#[derive(Debug)]
pub(super) struct SlotOld<'f, F> {
    pub(super) flash: Lent<'f, F>,
    pub(super) places: Places,
    /// Its length.
    pub(super) len: u32,
}

impl<F: Flash> OldImage for SlotOld<'_, F> {
    type Error = SlotError<SharedError<F::Error>>;

    fn len(&self) -> u32 {
        self.len
    }

    fn read(&mut self, offset: u32, buf: &mut [u8]) -> Result<(), Self::Error> {
        let (mut at, mut rest) = (offset, buf);
        while !rest.is_empty() {
            let (place, most) = self.places.of(at);
            let len = rest.len().min(most as usize);
            let Some((piece, left)) = rest.split_at_mut_checked(len) else { break };
            access::read(&mut self.flash, place, piece)?;
            at = at.saturating_add(len as u32);
            rest = left;
        }
        Ok(())
    }
}

/// The new image, at the start of the slot.
#[derive(Debug)]
pub(super) struct SlotNew<'f, F> {
    pub(super) flash: Lent<'f, F>,
    pub(super) layout: InPlaceLayout,
    /// Bytes of a sector, as the patch has it.
    pub(super) sector: u32,
}

impl<F: Flash> SlotNew<'_, F> {
    /// Writes bytes that lie in one sector of the flash; what is left of the last unit reads as
    /// erased flash does.
    fn program(
        &mut self,
        place: u32,
        bytes: &[u8],
    ) -> Result<(), SlotError<SharedError<F::Error>>> {
        let unit = self.flash.write_unit();
        let rest = bytes.len().checked_rem(unit).ok_or(SlotError::Geometry)?;
        let (whole, rest) = bytes.split_at(bytes.len().saturating_sub(rest));
        if !whole.is_empty() {
            self.flash.write_at(place, whole)?;
        }
        if !rest.is_empty() {
            let mut last = Aligned([0xFF; PIECE]);
            for (to, from) in last.0.iter_mut().zip(rest) {
                *to = *from;
            }
            let last = last.0.get(..unit).ok_or(SlotError::Geometry)?;
            self.flash.write_at(place.saturating_add(whole.len() as u32), last)?;
        }
        Ok(())
    }
}

impl<F: Flash> NewImage for SlotNew<'_, F> {
    type Error = SlotError<SharedError<F::Error>>;

    fn capacity(&self) -> u32 {
        self.layout.slot.len
    }

    fn granularity(&self) -> u32 {
        self.flash.write_unit() as u32
    }

    /// A sector is erased when its first byte is written: also one that holds the right bytes
    /// already, since after a power cut they may be only weakly programmed.
    fn write(&mut self, offset: u32, data: &[u8]) -> Result<(), Self::Error> {
        let (mut at, mut rest) = (offset, data);
        while !rest.is_empty() {
            let place = self.layout.slot.place(at, 1)?;
            if at & self.sector.wrapping_sub(1) == 0 {
                let end = self.layout.slot.place(at, self.sector as usize)?;
                sectors::erase(&mut self.flash, place, end.saturating_add(self.sector))?;
            }
            let sector = self.flash.sector();
            let into = (at as usize).checked_rem(sector).ok_or(SlotError::Geometry)?;
            let len = rest.len().min(sector.saturating_sub(into));
            let Some((piece, left)) = rest.split_at_checked(len) else { break };
            self.program(place, piece)?;
            at = at.saturating_add(len as u32);
            rest = left;
        }
        Ok(())
    }

    fn read(&mut self, offset: u32, buf: &mut [u8]) -> Result<(), Self::Error> {
        let place = self.layout.slot.place(offset, buf.len())?;
        access::read(&mut self.flash, place, buf)
    }
}
