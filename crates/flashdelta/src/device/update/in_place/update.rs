//! A whole update in one slot.

use core::cell::RefCell;

use super::images::{Places, SlotNew, SlotOld};
use super::journal::{State, HEAD};
use super::{sectors, InPlaceError, InPlaceLayout};
use crate::device::apply::{
    Applier, ApplyOptions, Progress, Sha256Engine, SoftwareSha256, SuspendError,
};
use crate::device::format::{Crc32, InPlace, PatchHeader, Stretch};
use crate::device::nor::{Flash, Lent, Records};

type Inner<'w, 'f, F, H> = Applier<'w, SlotOld<'f, F>, SlotNew<'f, F>, H>;

/// An update in one slot. See the [module](super).
///
/// It is the same call that begins an update and that goes on with one after a reset. The patch is
/// fed from the byte on that [`progress`](Self::progress) names.
pub struct InPlaceUpdate<'w, 'f, F: Flash, H: Sha256Engine = SoftwareSha256> {
    applier: Inner<'w, 'f, F, H>,
    records: Records<Lent<'f, F>>,
    flash: Lent<'f, F>,
    places: Places,
    /// The checksum of the patch's header.
    patch: u32,
    header: PatchHeader,
}

impl<'w, 'f, F: Flash> InPlaceUpdate<'w, 'f, F> {
    /// Begins an update, or goes on with one that was cut. `front` is the start of the patch: the
    /// whole header, or more; if the patch has signatures, all before its body.
    ///
    /// The old image is read here, and moved.
    ///
    /// # Errors
    ///
    /// [`InPlaceError`]. Up to the first record in the journal nothing has been written.
    pub fn begin(
        flash: &'f RefCell<F>,
        layout: InPlaceLayout,
        workspace: &'w mut [u8],
        front: &[u8],
        options: ApplyOptions,
    ) -> Result<Self, InPlaceError<F::Error>> {
        Self::begin_with(flash, layout, workspace, front, options, SoftwareSha256)
    }
}

impl<'w, 'f, F: Flash, H: Sha256Engine> InPlaceUpdate<'w, 'f, F, H> {
    /// As [`begin`](InPlaceUpdate::begin), with another implementation of SHA-256.
    ///
    /// # Errors
    ///
    /// As [`begin`](InPlaceUpdate::begin).
    pub fn begin_with(
        flash: &'f RefCell<F>,
        layout: InPlaceLayout,
        workspace: &'w mut [u8],
        front: &[u8],
        options: ApplyOptions,
        sha: H,
    ) -> Result<Self, InPlaceError<F::Error>> {
        let header = PatchHeader::parse(front)?.ok_or(InPlaceError::HeaderCutShort)?;
        let order = header.in_place().ok_or(InPlaceError::NotInPlace)?;
        let patch = header.checksum_in(front).ok_or(InPlaceError::HeaderCutShort)?;
        let flash = Lent(flash);
        layout.check(&flash, &header, order)?;
        let mut records = Records::new(flash, layout.journal.start, layout.journal.len)?;
        let (state, found) = State::read(&mut records)?.ok_or(InPlaceError::OtherVersion)?;
        if state != State::Nothing && found != patch {
            return Err(InPlaceError::OtherPatch);
        }
        let places = Places { layout, order, is_moved: state != State::Nothing, overwritten: 0 };
        let old = SlotOld { flash, places, len: header.old_size };
        let new = SlotNew { flash, layout, sector: order.sector() };
        let mut applier = Applier::with_sha256(workspace, old, new, options, sha);
        applier.stop_at_stretches();
        let mut update = Self { applier, records, flash, places, patch, header };
        match state {
            State::Nothing => {
                update.feed_front(front)?;
                if order.moved_by() > 0 {
                    update.record(State::Moving { groups: 0 })?;
                    update.move_up(order, 0)?;
                }
                update.places.is_moved = true;
                update.enter_next()?;
            }
            State::Moving { groups } => {
                update.move_up(order, groups)?;
                // It is verified in its new place.
                update.feed_front(front)?;
                update.enter_next()?;
            }
            State::Stretch { at, kept } => update.resume(at, kept)?,
        }
        Ok(update)
    }

    /// How far the update has come: feed the patch from [`Progress::taken`] on.
    pub fn progress(&self) -> Progress {
        self.applier.progress()
    }

    /// The header of the patch.
    pub fn header(&self) -> &PatchHeader {
        &self.header
    }

    /// Takes the next bytes of the patch, any number of them, as
    /// [`Applier::feed`](crate::apply::Applier::feed) does.
    ///
    /// # Errors
    ///
    /// [`InPlaceError`]. The update is unfinished then, and can begin again: what went wrong may
    /// have passed.
    pub fn feed(&mut self, input: &[u8]) -> Result<Progress, InPlaceError<F::Error>> {
        let mut rest = input;
        loop {
            let before = self.applier.progress().taken;
            let progress = self.applier.feed(rest)?;
            let taken = progress.taken.wrapping_sub(before) as usize;
            rest = rest.get(taken..).unwrap_or_default();
            if !self.applier.is_at_stretch() {
                return Ok(progress);
            }
            self.enter_next()?;
        }
    }

    /// Ends the update: from now on the slot may be started.
    ///
    /// # Errors
    ///
    /// As [`Applier::finish`](crate::apply::Applier::finish); [`InPlaceError::Flash`].
    pub fn finish(self) -> Result<(), InPlaceError<F::Error>> {
        let Self { applier, mut records, patch, .. } = self;
        applier.finish()?;
        Ok(records.write_parts(&[&State::Nothing.head(patch)])?)
    }

    /// Feeds the header: the old image is verified.
    fn feed_front(&mut self, front: &[u8]) -> Result<(), InPlaceError<F::Error>> {
        self.applier.feed(front)?;
        if self.applier.is_at_stretch() {
            Ok(())
        } else {
            Err(InPlaceError::HeaderCutShort)
        }
    }

    fn record(&mut self, state: State) -> Result<(), InPlaceError<F::Error>> {
        Ok(self.records.write_parts(&[&state.head(self.patch)])?)
    }

    /// Moves the old image up, the last sectors first: as many at a time as it is moved by. So none
    /// of a group is overwritten by that group, and it can be moved again.
    fn move_up(&mut self, order: InPlace, groups: u32) -> Result<(), InPlaceError<F::Error>> {
        let (by, slot) = (order.moved_by(), self.places.layout.slot.start);
        // The record is of another patch whose header happens to have the same checksum.
        if by == 0 {
            return Ok(());
        }
        let mut end = order.whole_sectors(self.header.old_size);
        end = end.saturating_sub(by.saturating_mul(groups));
        let mut groups = groups;
        loop {
            let start = end.saturating_sub(by);
            let mut at = end;
            while at > start {
                at = at.saturating_sub(order.sector());
                let from = slot.saturating_add(at);
                sectors::copy(&mut self.flash, from, from.saturating_add(by), order.sector())?;
            }
            // What follows the last group is the record of the first stretch.
            if start == 0 {
                return Ok(());
            }
            groups = groups.saturating_add(1);
            end = start;
            self.record(State::Moving { groups })?;
        }
    }

    /// A stretch is made up to where this one begins: saves the state, and enters it.
    #[inline(never)]
    fn enter_next(&mut self) -> Result<(), InPlaceError<F::Error>> {
        let at = self.applier.progress().written;
        let stretch = self.header.order().stretch(at);
        let (from, to) = self.kept(at, stretch);
        let kept = self.slot_checksum(from, to)?.value();
        let Self { applier, records, .. } = self;
        let len = applier
            .suspension_len()
            .map_err(|error| InPlaceError::Suspend(SuspendError::in_place(error)))?;
        let mut record = records.write(len.saturating_add(HEAD))?;
        record.put(&State::Stretch { at, kept }.head(self.patch))?;
        applier.suspend(|bytes| record.put(bytes)).map_err(InPlaceError::Suspend)?;
        record.commit()?;
        self.keep(from, to)?;
        self.enter(stretch);
        Ok(())
    }

    /// Goes on with the stretch that was under way.
    fn resume(&mut self, at: u32, kept: u32) -> Result<(), InPlaceError<F::Error>> {
        let stretch = self.header.order().stretch(at);
        let (from, to) = self.kept(at, stretch);
        // As long as the slot holds it, nothing has been overwritten. What cannot be read was torn.
        if self.slot_checksum(from, to).is_ok_and(|crc| crc.value() == kept) {
            self.keep(from, to)?;
        } else if !self.kept_checksum(from, to).is_ok_and(|crc| crc.value() == kept) {
            return Err(InPlaceError::ScratchDamaged);
        }
        let Self { applier, records, header, .. } = self;
        let len = records.len().unwrap_or(0).saturating_sub(HEAD);
        let read = |offset: u32, bytes: &mut [u8]| records.read(offset.saturating_add(HEAD), bytes);
        applier.resume(len, read, Some(header)).map_err(InPlaceError::Resume)?;
        self.enter(stretch);
        Ok(())
    }

    /// What a stretch overwrites is at hand elsewhere now.
    fn enter(&mut self, stretch: Stretch) {
        self.places.overwritten = stretch.end;
        self.applier.old_mut().places = self.places;
        self.applier.enter(stretch);
    }

    /// Which bytes of the slot go to the scratch area before a stretch is made: whole sectors that
    /// hold the old image.
    fn kept(&self, at: u32, stretch: Stretch) -> (u32, u32) {
        let order = self.places.order;
        let start = at & !order.stretch_len().wrapping_sub(1);
        let scratch = order.scratch().saturating_mul(order.sector());
        let old_end = order.whole_sectors(self.header.old_size).saturating_add(order.moved_by());
        let to = stretch.end.min(old_end);
        let from = start.max(stretch.end.saturating_sub(scratch)).max(order.moved_by());
        (from.min(to), to)
    }

    /// Copies sectors of the slot to the scratch area.
    fn keep(&mut self, from: u32, to: u32) -> Result<(), InPlaceError<F::Error>> {
        let (sector, slot) = (self.places.order.sector(), self.places.layout.slot.start);
        let mut at = from;
        while at < to {
            let place = self.places.scratch(at);
            sectors::copy(&mut self.flash, slot.saturating_add(at), place, sector)?;
            at = at.saturating_add(sector);
        }
        Ok(())
    }

    /// The checksum of these bytes of the slot.
    fn slot_checksum(&mut self, from: u32, to: u32) -> Result<Crc32, InPlaceError<F::Error>> {
        let place = self.places.layout.slot.start.saturating_add(from);
        Ok(sectors::checksum(&mut self.flash, place, to.saturating_sub(from), Crc32::START)?)
    }

    /// The checksum of sectors of the slot in the scratch area.
    fn kept_checksum(&mut self, from: u32, to: u32) -> Result<Crc32, InPlaceError<F::Error>> {
        let sector = self.places.order.sector();
        let (mut crc, mut at) = (Crc32::START, from);
        while at < to {
            let place = self.places.scratch(at);
            crc = sectors::checksum(&mut self.flash, place, sector, crc)?;
            at = at.saturating_add(sector);
        }
        Ok(crc)
    }
}
