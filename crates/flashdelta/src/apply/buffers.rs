//! Windows over both images, and the page that waits to be written.

use super::error::Fault;
use super::{Damage, NewImage, OldImage};
use crate::isa::LOOKAHEAD;
use crate::model::{Images, Written};

/// A part of an image in memory.
#[derive(Debug)]
pub(crate) struct Window<'w> {
    memory: &'w mut [u8],
    /// Offset of the first byte in the image.
    start: u32,
    /// How many bytes are valid.
    len: usize,
}

impl Window<'_> {
    /// The bytes from `offset` on, if they are here: `wanted` of them or all up to `end`.
    fn get(&self, offset: u32, wanted: usize, end: u32) -> Option<&[u8]> {
        let into = offset.checked_sub(self.start)? as usize;
        let bytes = self.memory.get(..self.len)?.get(into..)?;
        let left = end.wrapping_sub(offset) as usize;
        bytes.get(..wanted.min(left))
    }

    /// The memory to read `offset`... into, up to `end` at most. Reads start at multiples of 4.
    fn refill(&mut self, offset: u32, end: u32) -> (u32, &mut [u8]) {
        self.start = offset & !3;
        self.len = self.memory.len().min(end.saturating_sub(self.start) as usize);
        let len = self.len;
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
    filled: usize,
    /// Where the page goes.
    page_start: u32,
    old_size: u32,
    new_size: u32,
}

impl<'w> Buffers<'w> {
    /// Buffers without room.
    pub(crate) const fn empty() -> Self {
        let (old, new) = (Window { memory: &mut [], start: 0, len: 0 }, Window { memory: &mut [], start: 0, len: 0 });
        Self { old, new, page: &mut [], filled: 0, page_start: 0, old_size: 0, new_size: 0 }
    }

    /// Buffers in lent memory.
    pub(crate) fn start(
        &mut self,
        (old, new, page): (&'w mut [u8], &'w mut [u8], &'w mut [u8]),
        (old_size, new_size): (u32, u32),
    ) {
        (self.old.memory, self.new.memory, self.page) = (old, new, page);
        (self.old_size, self.new_size) = (old_size, new_size);
    }

    /// Memory that may be used for something else when the new image is complete.
    pub(crate) fn spare(&mut self) -> &mut [u8] {
        self.old.len = 0;
        self.old.memory
    }

    /// Bytes of the new image so far.
    pub(crate) fn position(&self) -> u32 {
        self.page_start.wrapping_add(self.filled as u32)
    }

    /// Takes what a step has made.
    pub(crate) fn take<O, N: NewImage>(&mut self, written: Written, image: &mut N) -> Result<(), Fault<O, N::Error>> {
        if u32::from(written.len) > self.new_size.saturating_sub(self.position()) {
            return Err(Fault::Damaged { what: Damage::TooLong, offset: self.position() });
        }
        // Nearly always there is room for all four bytes, used or not.
        let room = self.page.get_mut(self.filled..).and_then(|page| page.split_first_chunk_mut::<4>());
        if let Some((to, [_, ..])) = room {
            *to = written.bytes;
            self.filled = self.filled.wrapping_add(usize::from(written.len));
            return Ok(());
        }
        for byte in written.bytes.iter().take(usize::from(written.len)) {
            if let Some(slot) = self.page.get_mut(self.filled) {
                *slot = *byte;
            }
            self.filled = self.filled.wrapping_add(1);
            if self.filled >= self.page.len() {
                self.flush(image)?;
            }
        }
        Ok(())
    }

    /// Writes what is left.
    pub(crate) fn flush<O, N: NewImage>(&mut self, image: &mut N) -> Result<(), Fault<O, N::Error>> {
        let offset = self.page_start;
        let data = self.page.get(..self.filled).unwrap_or(&[]);
        if !data.is_empty() {
            image.write(offset, data).map_err(|error| Fault::Write { offset, error })?;
        }
        self.page_start = offset.wrapping_add(data.len() as u32);
        self.filled = 0;
        Ok(())
    }
}

/// The buffers with the images that they stand for.
pub(crate) struct Views<'a, 'w, O, N> {
    pub(crate) buffers: &'a mut Buffers<'w>,
    pub(crate) old: &'a mut O,
    pub(crate) new: &'a mut N,
}

impl<O: OldImage, N: NewImage> Images for Views<'_, '_, O, N> {
    type Error = Fault<O::Error, N::Error>;

    fn old(&mut self, offset: u32) -> Result<&[u8], Self::Error> {
        let window = &mut self.buffers.old;
        let mut into = offset.wrapping_sub(window.start) as usize;
        if window.len.saturating_sub(into) < LOOKAHEAD {
            let end = self.buffers.old_size;
            let is_all = into <= window.len && window.start.wrapping_add(window.len as u32) >= end;
            if !is_all && offset < end {
                let (start, buffer) = window.refill(offset, end);
                self.old.read(start, buffer).map_err(|error| Fault::ReadOld { offset: start, error })?;
                into = offset.wrapping_sub(start) as usize;
            } else if offset >= end {
                return Ok(&[]);
            }
        }
        let window = &self.buffers.old;
        let bytes = window.memory.get(into..window.len).unwrap_or(&[]);
        Ok(bytes.get(..LOOKAHEAD).unwrap_or(bytes))
    }

    fn written(&mut self, offset: u32) -> Result<u8, Self::Error> {
        let buffers = &mut *self.buffers;
        if let Some(into) = offset.checked_sub(buffers.page_start) {
            return Ok(buffers.page.get(into as usize).copied().unwrap_or(0));
        }
        let end = buffers.page_start;
        if buffers.new.get(offset, 1, end).is_none() {
            let (start, buffer) = buffers.new.refill(offset, end);
            self.new.read(start, buffer).map_err(|error| Fault::ReadNew { offset: start, error })?;
        }
        Ok(buffers.new.get(offset, 1, end).and_then(|b| b.first()).copied().unwrap_or(0))
    }

    fn put(&mut self, written: Written) -> Result<(), Self::Error> {
        self.buffers.take(written, self.new)
    }
}
