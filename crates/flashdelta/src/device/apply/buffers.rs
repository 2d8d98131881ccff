//! Windows over both images, and the page that waits to be written.

use super::budget::CallBudget;
#[cfg(feature = "holes")]
use super::holes::Table;
use super::{ApplyError, Damage, NewImage, OldImage};
#[cfg(feature = "holes")]
use crate::device::format::holes::Sizes;
#[cfg(feature = "in-place")]
use crate::device::format::{Order, Stretch};
use crate::device::images::Images;
use crate::device::isa::LOOKAHEAD;
#[cfg(feature = "suspend")]
use crate::device::port::Port;

/// Bytes that one step makes at most: 8 units of 4 bytes.
const MAX_STEP_BYTES: usize = 32;

/// A part of an image in memory.
#[derive(Debug)]
pub(crate) struct Window<'w> {
    memory: &'w mut [u8],
    /// Offset of the first byte in the image.
    start: u32,
    /// How many bytes are valid.
    len: u32,
}

impl Window<'_> {
    /// The byte at `offset`, if it is here.
    fn get(&self, offset: u32) -> Option<u8> {
        self.memory.get(..self.len as usize)?.get(offset.wrapping_sub(self.start) as usize).copied()
    }

    /// The memory to read `offset`... into, up to `end` at most. Reads start at multiples of 4.
    fn refill(&mut self, offset: u32, end: u32) -> (u32, &mut [u8]) {
        self.start = offset & !3;
        self.len = (self.memory.len() as u32).min(end.saturating_sub(self.start));
        let len = self.len as usize;
        (self.start, self.memory.get_mut(..len).unwrap_or(&mut []))
    }
}

/// The buffers of an applier, and the way through the new image.
#[derive(Debug)]
pub(crate) struct Buffers<'w> {
    old: Window<'w>,
    new: Window<'w>,
    /// Bytes that wait to be written.
    page: &'w mut [u8],
    filled: u32,
    /// Where the page goes.
    page_start: u32,
    old_size: u32,
    /// Up to where the new image may be made for now, and where the old image begins that is there
    /// still: see `InPlace`.
    #[cfg(feature = "in-place")]
    limit: u32,
    #[cfg(feature = "in-place")]
    floor: u32,
    /// The table of holes; empty if there are none.
    #[cfg(feature = "holes")]
    holes: &'w mut [u8],
    /// What the checksum of the new image differs by, as far as that is written.
    #[cfg(feature = "holes")]
    sum: u8,
}

impl<'w> Buffers<'w> {
    /// Buffers without room.
    pub(crate) const fn empty() -> Self {
        let (old, new) = (
            Window { memory: &mut [], start: 0, len: 0 },
            Window { memory: &mut [], start: 0, len: 0 },
        );
        Self {
            old,
            new,
            page: &mut [],
            filled: 0,
            page_start: 0,
            old_size: 0,
            #[cfg(feature = "in-place")]
            limit: 0,
            #[cfg(feature = "in-place")]
            floor: 0,
            #[cfg(feature = "holes")]
            holes: &mut [],
            #[cfg(feature = "holes")]
            sum: 0,
        }
    }

    /// There are holes.
    #[cfg(feature = "holes")]
    pub(crate) fn start_holes(&mut self, table: &'w mut [u8]) {
        self.holes = table;
    }

    /// The table of holes itself.
    #[cfg(all(feature = "holes", feature = "suspend"))]
    pub(crate) fn hole_table(&mut self) -> &mut [u8] {
        self.holes
    }

    /// Memory that may be used for something else when the new image is complete, and the holes.
    #[cfg(feature = "holes")]
    pub(crate) fn spare_and_holes(&mut self, coded: u32) -> (&mut [u8], Table<'_>) {
        self.old.len = 0;
        (self.old.memory, Table::new(self.holes, Sizes { old: self.old_size, coded }))
    }

    /// Buffers in lent memory.
    pub(crate) fn start(
        &mut self,
        (old, new, page): (&'w mut [u8], &'w mut [u8], &'w mut [u8]),
        old_size: u32,
    ) {
        (self.old.memory, self.new.memory, self.page) = (old, new, page);
        self.old_size = old_size;
    }

    /// Bytes that wait to be written.
    #[cfg(feature = "suspend")]
    pub(crate) fn waiting(&self) -> usize {
        self.filled as usize
    }

    /// What waits to be written, and where it goes, into a suspension or out of it. Windows are but
    /// copies of the images.
    #[cfg(feature = "suspend")]
    pub(crate) fn port(&mut self, port: &mut Port<'_>) {
        let Self { old, new, page, filled, page_start, .. } = self;
        #[cfg(feature = "holes")]
        port.small(&mut self.sum);
        port.number(page_start);
        port.number(filled);
        match page.get_mut(..*filled as usize) {
            Some(bytes) => port.bytes(bytes),
            None => port.refuse(),
        }
        if port.loads() {
            (old.len, new.len) = (0, 0);
        }
    }

    /// Memory that may be used for something else when the new image is complete.
    #[cfg(not(feature = "holes"))]
    pub(crate) fn spare(&mut self) -> &mut [u8] {
        self.old.len = 0;
        self.old.memory
    }

    /// The whole new image is there, the part of it too that was not made here.
    pub(crate) fn complete(&mut self, new_size: u32) {
        (self.page_start, self.filled) = (new_size, 0);
    }

    /// Bytes of the images that a step reads and writes at most: each window is filled once, and
    /// what it makes is written. Writing counts twice, as flash is compared before it is written.
    pub(crate) fn step_cost(&self) -> u32 {
        let page = self.page.len().wrapping_add(MAX_STEP_BYTES);
        let bytes = self.old.memory.len().wrapping_add(self.new.memory.len());
        bytes.wrapping_add(page.wrapping_mul(self.write_cost() as usize)) as u32
    }

    /// How often a byte that is written counts: it is compared, and a value may be read for it.
    fn write_cost(&self) -> u32 {
        #[cfg(feature = "holes")]
        if !self.holes.is_empty() {
            return 3;
        }
        2
    }

    /// Whether the new image has come to the end of a stretch.
    #[cfg(feature = "in-place")]
    pub(crate) fn is_at_limit(&self) -> bool {
        self.position() >= self.limit
    }

    /// The next stretch begins.
    #[cfg(feature = "in-place")]
    pub(crate) fn enter(&mut self, stretch: Stretch) {
        (self.limit, self.floor) = (stretch.limit, stretch.floor);
    }

    /// Bytes of the new image so far.
    pub(crate) fn position(&self) -> u32 {
        self.page_start.wrapping_add(self.filled)
    }
}

/// The buffers with the images that they stand for.
pub(crate) struct Views<'a, 'w, O: OldImage, N: NewImage> {
    pub(crate) buffers: &'a mut Buffers<'w>,
    pub(crate) old: &'a mut O,
    pub(crate) new: &'a mut N,
    /// Where the first error goes. Nothing is read or written from then on.
    pub(crate) error: &'a mut ApplyError<O::Error, N::Error>,
    /// Whether there was one.
    pub(crate) has_failed: bool,
    /// Bytes read and written in this call, and how many there may be.
    pub(crate) budget: CallBudget,
    /// Bytes of the new image that are made.
    #[cfg(feature = "holes")]
    pub(crate) coded_size: u32,
    /// The order of the update; whether it stops where a stretch ends.
    #[cfg(feature = "in-place")]
    pub(crate) order: Order,
    #[cfg(feature = "in-place")]
    pub(crate) stops: bool,
}

impl<O: OldImage, N: NewImage> Views<'_, '_, O, N> {
    fn fail(&mut self, error: ApplyError<O::Error, N::Error>) {
        if !self.has_failed {
            *self.error = error;
            self.has_failed = true;
        }
    }

    /// Whether this call has read and written so much that it takes no more steps.
    pub(crate) fn is_spent(&self) -> bool {
        #[cfg(feature = "in-place")]
        if self.stops && self.buffers.is_at_limit() {
            return true;
        }
        self.budget.is_spent()
    }

    /// Enters the stretch at hand, where the update does not stop for that.
    #[cfg(feature = "in-place")]
    pub(crate) fn follow(&mut self) {
        if self.buffers.is_at_limit() {
            self.buffers.enter(self.order.stretch(self.buffers.position()));
        }
    }

    /// The patch is damaged.
    #[inline(never)] // One copy in the device's flash.
    pub(crate) fn damaged(&mut self, what: Damage) {
        let offset = self.buffers.position();
        self.fail(ApplyError::Damaged { what, offset });
    }

    /// Writes what waits, if nothing went wrong.
    pub(crate) fn flush(&mut self) {
        #[cfg(feature = "holes")]
        if !self.buffers.holes.is_empty() && !self.put_values() {
            return;
        }
        let buffers = &mut *self.buffers;
        let offset = buffers.page_start;
        let data = buffers.page.get(..buffers.filled as usize).unwrap_or(&[]);
        if data.is_empty() || self.has_failed {
            return;
        }
        if let Err(error) = self.new.write(offset, data) {
            return self.fail(ApplyError::Write { offset, error });
        }
        let cost = (data.len() as u32).wrapping_mul(buffers.write_cost());
        self.budget.spend(cost);
        buffers.page_start = offset.wrapping_add(data.len() as u32);
        buffers.filled = 0;
    }
}

impl<O: OldImage, N: NewImage> Images for Views<'_, '_, O, N> {
    #[cfg_attr(target_arch = "riscv32", inline(always))] // More code, less time.
    fn old(&mut self, offset: u32) -> &[u8] {
        #[cfg(feature = "in-place")]
        if offset < self.buffers.floor {
            return &[];
        }
        let window = &self.buffers.old;
        let into = offset.wrapping_sub(window.start) as usize;
        if (window.len as usize).saturating_sub(into) < LOOKAHEAD {
            return self.read_old(offset);
        }
        self.buffers.old.memory.get(into..).and_then(|rest| rest.get(..LOOKAHEAD)).unwrap_or(&[])
    }

    fn written(&mut self, offset: u32) -> u8 {
        let buffers = &mut *self.buffers;
        if let Some(into) = offset.checked_sub(buffers.page_start) {
            return buffers.page.get(into as usize).copied().unwrap_or(0);
        }
        let end = buffers.page_start;
        if buffers.new.get(offset).is_none() && !self.has_failed {
            let (start, buffer) = buffers.new.refill(offset, end);
            self.budget.spend(buffer.len() as u32);
            if let Err(error) = self.new.read(start, buffer) {
                self.fail(ApplyError::ReadNew { offset: start, error });
                return 0;
            }
            #[cfg(feature = "holes")]
            self.buffers.show_new();
        }
        self.buffers.new.get(offset).unwrap_or(0)
    }

    #[cfg(feature = "in-place")]
    fn is_at_limit(&self) -> bool {
        self.buffers.is_at_limit()
    }

    #[cfg_attr(target_arch = "riscv32", inline(always))] // More code, less time.
    fn put(&mut self, bytes: [u8; 4], len: u8) {
        // Nearly always there is room for all four bytes, used or not.
        let buffers = &mut *self.buffers;
        let room = buffers
            .page
            .get_mut(buffers.filled as usize..)
            .and_then(|page| page.split_first_chunk_mut::<4>());
        match room {
            Some((to, [_, ..])) => {
                *to = bytes;
                buffers.filled = buffers.filled.wrapping_add(u32::from(len));
            }
            _ => self.put_slowly(bytes, len),
        }
    }
}

/// What the decoder sees of holes: their fills. The checksum of the new image is never read.
#[cfg(feature = "holes")]
impl Buffers<'_> {
    fn show_new(&mut self) {
        let table = Table::new(self.holes, Sizes { old: self.old_size, coded: 0 });
        if !table.is_empty() {
            table.show_new(
                self.new.start,
                self.new.memory.get_mut(..self.new.len as usize).unwrap_or_default(),
            );
        }
    }

    fn show_old(&mut self) {
        let table = Table::new(self.holes, Sizes { old: self.old_size, coded: 0 });
        if !table.is_empty() {
            table.show_old(
                self.old.start,
                self.old.memory.get_mut(..self.old.len as usize).unwrap_or_default(),
            );
        }
    }
}

/// What is seldom needed has functions of its own: so the frequent ways need no stack.
impl<O: OldImage, N: NewImage> Views<'_, '_, O, N> {
    /// Puts the values of holes into what waits to be written.
    #[cfg(feature = "holes")]
    #[inline(never)]
    fn put_values(&mut self) -> bool {
        if self.has_failed {
            return false;
        }
        let buffers = &mut *self.buffers;
        let sizes = Sizes { old: buffers.old_size, coded: self.coded_size };
        let table = Table::new(buffers.holes, sizes);
        let data = buffers.page.get_mut(..buffers.filled as usize).unwrap_or_default();
        let is_right =
            table.put_values(buffers.page_start, data, &mut buffers.sum, self.old, self.error);
        self.has_failed = !is_right;
        is_right
    }

    /// The old image from `offset` on, where the window does not hold so much.
    #[inline(never)]
    fn read_old(&mut self, offset: u32) -> &[u8] {
        let window = &mut self.buffers.old;
        let mut into = offset.wrapping_sub(window.start) as usize;
        let end = self.buffers.old_size;
        let is_all = into <= window.len as usize && window.start.wrapping_add(window.len) >= end;
        if offset >= end || self.has_failed {
            return &[];
        }
        if !is_all {
            let (start, buffer) = window.refill(offset, end);
            into = offset.wrapping_sub(start) as usize;
            self.budget.spend(buffer.len() as u32);
            if let Err(error) = self.old.read(start, buffer) {
                self.fail(ApplyError::ReadOld { offset: start, error });
                return &[];
            }
            #[cfg(feature = "holes")]
            self.buffers.show_old();
        }
        let window = &self.buffers.old;
        let bytes = window.memory.get(into..window.len as usize).unwrap_or(&[]);
        bytes.get(..LOOKAHEAD).unwrap_or(bytes)
    }

    /// Takes bytes that fill the page.
    #[inline(never)]
    fn put_slowly(&mut self, bytes: [u8; 4], len: u8) {
        for byte in bytes.iter().take(usize::from(len)) {
            let buffers = &mut *self.buffers;
            if let Some(slot) = buffers.page.get_mut(buffers.filled as usize) {
                *slot = *byte;
            }
            buffers.filled = buffers.filled.wrapping_add(1);
            if buffers.filled as usize >= buffers.page.len() {
                self.flush();
            }
        }
    }
}
