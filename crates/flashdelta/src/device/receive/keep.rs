//! How a store keeps what it has: its records, its marks, and what it does to the flash.
//!
//! The *record* says which patch it is and which pieces were there when it was written. After it,
//! each chunk is announced by a *mark* before the first byte of it is written. So every chunk that
//! is marked is there, but perhaps the last one, and that is found out by its digest. Marks count
//! only with the record that they follow: its sequence number is in their checksum.
//!
//! No unit is written that was not erased since it was last written or might have been. After a
//! reset it is not known which of the units that look blank are, so marks do not go on where they
//! ended: a new record is written, and the marks begin again. And if the last chunk turns out to be
//! torn, the sector that it is in is erased, with the chunks in it, which are missing again.

use super::bits;
use super::error::StoreError;
use super::layout::{Area, Layout, Shape, Units, MARK, STATE};
use super::store::{Aligned, Checked, Digest, Phase, Store, PIECE};
use crate::device::format::chunks::{CHUNK_DIGEST_LEN, SIGNATURE_LEN};
use crate::device::format::crc32;
use crate::device::nor::{access, Flash, SlotError};
use crate::device::sha256::Sha256Engine;
use crate::device::verify::{check_signature, message_of, sha256, VerifyError};

/// The checksum of a mark.
fn mark_check(sequence: u32, number: u32, piece: u32) -> u32 {
    crc32([sequence, number, piece].map(u32::to_le_bytes).as_flattened())
}

impl<F: Flash, B: AsMut<[u8]>, H: Sha256Engine> Store<'_, F, B, H> {
    #[inline(never)]
    /// Finds out what is there. `None` here and below: it fails, and `fault` says how.
    pub(super) fn restore(&mut self) -> Option<()> {
        let mut state = [0; STATE as usize];
        if self.records.len().is_none_or(|len| len < STATE)
            || self.records.read(0, &mut state).is_err()
        {
            return Some(());
        }
        let [header, root] = [0, 32].map(|at| state.get(at..).and_then(<[u8]>::first_chunk));
        let word = |index: usize| {
            let bytes = state.get(64..).map(|rest| rest.as_chunks().0).unwrap_or_default();
            bytes.get(index).map_or(0, |word| u32::from_le_bytes(*word))
        };
        let shape = Shape {
            header: word(0),
            signatures: word(1),
            table: word(2),
            body: word(3),
            log2: word(4),
        };
        let (Some(header), Some(root)) = (header, root) else { return Some(()) };
        (self.header, self.root) = (*header, *root);
        if self.check_shape(&shape).is_none() {
            // More memory would help. Of another region or flash nothing is left.
            let needs_memory = matches!(self.fault, StoreError::MemoryTooSmall { .. });
            return (!needs_memory).then_some(());
        }
        self.take_shape(shape);
        let bits = shape.pieces().div_ceil(8) as usize;
        let held = self.held.get_mut(..bits).unwrap_or_default();
        // Keys may have changed since: then it counts as none.
        if self.records.read(STATE, held).is_err() || !self.is_authentic() {
            return Some(());
        }
        self.phase = Phase::Chunks;
        if let Some(last) = self.replay() {
            bits::put(self.held, last, true);
            // If it is wrong, or cannot be read, as it is torn, it is missing, which is no error.
            let _ = self.check_chunk(last, &mut { u32::MAX });
        }
        Some(())
    }

    /// Whether the patch in the flash is signed with a key that is trusted, if that is required.
    #[inline(never)] // Its stack and that of restoring need not add up.
    fn is_authentic(&mut self) -> bool {
        let Some(verifier) = self.verifier.take() else { return true };
        let (message, mut error) = (message_of(&self.header), VerifyError::Unsigned);
        let front = self.layout.front.start;
        let mut at = front.wrapping_add(self.shape.header).wrapping_add(1);
        let end = front.wrapping_add(self.shape.front());
        let mut is_right = false;
        while at < end && !is_right {
            let mut entry = [0; SIGNATURE_LEN];
            is_right = self.read_flash(at, &mut entry).is_some()
                && check_signature(&mut *verifier, &message, &entry, &mut error);
            at = at.wrapping_add(SIGNATURE_LEN as u32);
        }
        self.verifier = Some(verifier);
        is_right
    }

    /// Takes the marks that follow the record; the last one is not yet believed, but given.
    fn replay(&mut self) -> Option<u32> {
        let mut last = None;
        for number in 0..self.marks_fit() {
            let mut mark = Aligned([0; PIECE]);
            let mark = mark.0.get_mut(..MARK as usize)?;
            let at = self.mark_at(number);
            // One that cannot be read is torn, and so the last.
            let is_read = self.read_flash(at, mark).is_some();
            let [piece, check] = *mark.as_chunks().0 else { break };
            let piece = u32::from_le_bytes(piece);
            let expected = mark_check(self.records.sequence(), number, piece);
            if !is_read || u32::from_le_bytes(check) != expected || piece >= self.shape.pieces() {
                break;
            }
            if let Some(earlier) = last.replace(piece) {
                bits::put(self.held, earlier, true);
            }
        }
        last
    }

    /// Checks a patch's lengths against region, memory and flash.
    #[inline(never)]
    pub(super) fn check_shape(&mut self, shape: &Shape) -> Option<()> {
        let units = self.units();
        let end = Layout::new(units, self.region.len, shape).chunks.end();
        let (needed, found) = (shape.pieces().div_ceil(8), self.held.len() as u32);
        if end > self.region.len {
            let needed = Layout::len_needed(units, shape);
            return self.fail(StoreError::TooSmall { needed, found: self.region.len });
        }
        if needed > found {
            return self.fail(StoreError::MemoryTooSmall { needed, found });
        }
        if !shape.chunk().is_multiple_of(units.write) {
            return self.fail(StoreError::Granularity { chunk: shape.chunk(), unit: units.write });
        }
        Some(())
    }

    /// Takes a patch's lengths, without any piece.
    fn take_shape(&mut self, shape: Shape) {
        self.layout = Layout::new(self.units(), self.region.len, &shape);
        (self.shape, self.marks, self.checked) = (shape, None, Checked::NOTHING);
        self.held.iter_mut().for_each(|byte| *byte = 0);
    }

    /// Begins to receive another patch.
    #[inline(never)]
    pub(super) fn begin(&mut self, shape: Shape, front: &[u8]) -> Option<()> {
        // From here on a reset finds no patch, until the table of this one is right.
        self.record(false)?;
        self.take_shape(shape);
        let (at, table) = (self.layout.front, self.layout.table);
        self.erase(at)?;
        self.write(at.start, front)?;
        self.erase(table)?;
        self.phase = Phase::Table;
        Some(())
    }

    /// Writes a piece of the table. The last one: checks all.
    pub(super) fn put_table(&mut self, piece: u32, bytes: &[u8]) -> Option<()> {
        let all = self.shape.table_pieces();
        if all == 1 {
            // Then it need not be written to be checked.
            let mut found = Digest::default();
            sha256(&mut self.sha, bytes, &mut found);
            if found != self.root {
                return self.fail(VerifyError::WrongTable.into());
            }
        }
        self.phase = Phase::Poisoned;
        self.write(self.layout.place(&self.shape, piece), bytes)?;
        bits::put(self.held, piece, true);
        if bits::find(self.held, 0, all, false) < all {
            self.phase = Phase::Table;
            return Some(());
        }
        let table = Area { len: self.shape.table, ..self.layout.table };
        if self.digest(table, &mut { u32::MAX })? != Some(self.root) {
            self.erase(self.layout.table)?;
            self.held.iter_mut().for_each(|byte| *byte = 0);
            self.phase = Phase::Table;
            return self.fail(VerifyError::WrongTable.into());
        }
        self.record(true)?;
        self.phase = Phase::Chunks;
        Some(())
    }

    /// Writes a chunk that is right.
    #[inline(never)]
    pub(super) fn put_chunk(&mut self, piece: u32, bytes: &[u8]) -> Option<()> {
        self.phase = Phase::Poisoned;
        let number = match self.marks {
            Some(number) if number < self.marks_fit() => number,
            _ => {
                self.record(true)?;
                0
            }
        };
        let (first, end) = self.group(piece);
        if bits::find(self.held, first, end, true) == end {
            let start = self.layout.place(&self.shape, first);
            self.erase(Area { start, len: self.layout.group })?;
        }
        let check = mark_check(self.records.sequence(), number, piece);
        let mark = [piece, check].map(u32::to_le_bytes);
        self.write(self.mark_at(number), mark.as_flattened())?;
        self.marks = Some(number.wrapping_add(1));
        self.write(self.layout.place(&self.shape, piece), bytes)?;
        bits::put(self.held, piece, true);
        self.phase = Phase::Chunks;
        Some(())
    }

    /// Writes what is there as a record, and begins the marks again; or a record that there is
    /// nothing.
    #[inline(never)] // One copy in the device's flash.
    pub(super) fn record(&mut self, is_there: bool) -> Option<()> {
        (self.phase, self.marks) = (Phase::Poisoned, None);
        let Shape { header, signatures, table, body, log2 } = self.shape;
        let words = [header, signatures, table, body, log2].map(u32::to_le_bytes);
        let bits = self.shape.pieces().div_ceil(8) as usize;
        let held = self.held.get(..bits).unwrap_or_default();
        let parts: [&[u8]; 4] = [&self.header, &self.root, words.as_flattened(), held];
        let written = self.records.write_parts(if is_there { &parts } else { &[] });
        self.hold(written)?;
        if is_there {
            self.erase(self.layout.marks)?;
            self.marks = Some(0);
        }
        Some(())
    }

    /// Checks a chunk that is held, as it is in the flash; false: the budget does not suffice. A
    /// wrong one is missing from now on, and so is one that cannot be read, with those in the same
    /// sector, which has to be erased for it.
    #[inline(never)]
    pub(super) fn check_chunk(&mut self, piece: u32, budget: &mut u32) -> Option<bool> {
        let start = self.layout.place(&self.shape, piece);
        let chunk = Area { start, len: self.shape.piece_len(piece) };
        let is_right = match self.digest(chunk, budget) {
            Some(Some(found)) => self.is_digest(piece, &found),
            Some(None) => return Some(false),
            None => None,
        };
        if is_right == Some(true) {
            return is_right;
        }
        if is_right.is_some() {
            self.fault = StoreError::Missing { piece };
        }
        let (first, end) = self.group(piece);
        (first..end).for_each(|piece| bits::put(self.held, piece, false));
        // Perhaps it is the table that has rotted.
        (self.marks, self.checked) = (None, Checked::NOTHING);
        None
    }

    /// Whether this is the digest that the table has for a chunk.
    pub(super) fn is_digest(&mut self, piece: u32, found: &Digest) -> Option<bool> {
        let at = self.layout.table.start.wrapping_add(self.shape.digest_of(piece));
        let mut memory = Aligned([0; PIECE]);
        let digest = memory.0.get_mut(..CHUNK_DIGEST_LEN).unwrap_or_default();
        self.read_flash(at, digest)?;
        Some(found.starts_with(digest))
    }

    /// SHA-256 of what is in the flash. `Some(None)`: the budget is used up, and it goes on when it
    /// is asked for again.
    #[inline(never)] // One copy in the device's flash.
    pub(super) fn digest(&mut self, area: Area, budget: &mut u32) -> Option<Option<Digest>> {
        let rest = self.checked.rest.take().filter(|rest| rest.0.end() == area.end());
        let (mut rest, mut message) = rest.unwrap_or_else(|| (area, self.sha.start()));
        while rest.len > 0 {
            if *budget < PIECE as u32 {
                self.checked.rest = Some((rest, message));
                return Some(None);
            }
            let mut memory = Aligned([0; PIECE]);
            let part = memory.0.get_mut(..PIECE.min(rest.len as usize))?;
            self.read_flash(rest.start, part)?;
            self.sha.update(&mut message, part);
            rest.start = rest.start.wrapping_add(part.len() as u32);
            rest.len = rest.len.wrapping_sub(part.len() as u32);
            *budget = budget.saturating_sub(part.len() as u32);
        }
        let mut digest = Digest::default();
        self.sha.digest(&mut message, &mut digest);
        Some(Some(digest))
    }

    /// The pieces that share sectors with a chunk.
    fn group(&self, piece: u32) -> (u32, u32) {
        let table = self.shape.table_pieces();
        let first = table.wrapping_add(self.layout.first_of_group(piece.wrapping_sub(table)));
        (first, first.wrapping_add(self.layout.in_group).min(self.shape.pieces()))
    }

    fn units(&self) -> Units {
        Units::of(self.records.flash())
    }

    fn mark_at(&self, number: u32) -> u32 {
        self.layout.marks.start.wrapping_add(number.wrapping_mul(self.units().mark()))
    }

    /// How many marks there is room for.
    fn marks_fit(&self) -> u32 {
        self.layout.marks.len.checked_div(self.units().mark()).unwrap_or(0)
    }

    #[inline(never)]
    pub(super) fn read_flash(&mut self, at: u32, bytes: &mut [u8]) -> Option<()> {
        let at = self.region.start.wrapping_add(at);
        let read = access::read(self.records.parts().0, at, bytes);
        self.hold(read)
    }

    /// Keeps the error, if it is one.
    fn hold(&mut self, result: Result<(), SlotError<F::Error>>) -> Option<()> {
        result.map_err(|error| self.fault = error.into()).ok()
    }

    pub(super) fn fail<T>(&mut self, fault: StoreError<F::Error>) -> Option<T> {
        self.fault = fault;
        None
    }

    /// Erases the sectors of an area.
    #[inline(never)]
    fn erase(&mut self, area: Area) -> Option<()> {
        let flash = self.records.parts().0;
        let (mut at, end) = (area.start, area.end());
        while at < end {
            if let Err(error) = flash.erase_at(self.region.start.wrapping_add(at)) {
                return self.fail(StoreError::Slot(SlotError::Flash(error)));
            }
            at = at.saturating_add(flash.sector() as u32);
        }
        Some(())
    }

    /// Writes bytes that start at a unit, by way of memory that the flash likes; what is left of
    /// the last unit is 1 bits.
    #[inline(never)] // One copy in the device's flash.
    fn write(&mut self, at: u32, bytes: &[u8]) -> Option<()> {
        let (flash, buffer) = self.records.parts();
        let (unit, sector) = (flash.write_unit(), flash.sector());
        let mut small = Aligned([0; PIECE]);
        let memory = if buffer.len() > PIECE { buffer } else { &mut small.0[..] };
        let units = memory.len().wrapping_sub(memory.len().checked_rem(unit).unwrap_or(0));
        let mut at = self.region.start.wrapping_add(at);
        let mut rest = bytes;
        while !rest.is_empty() {
            let left = sector.wrapping_sub((at as usize).checked_rem(sector).unwrap_or(0));
            let len = rest.len().checked_next_multiple_of(unit).unwrap_or(units);
            let part = memory.get_mut(..len.min(units).min(left)).unwrap_or_default();
            let mut bytes = rest.iter();
            part.iter_mut().for_each(|to| *to = bytes.next().copied().unwrap_or(0xFF));
            if let Err(error) = flash.write_at(at, part) {
                return self.fail(StoreError::Slot(SlotError::Flash(error)));
            }
            at = at.wrapping_add(part.len() as u32);
            rest = rest.get(part.len()..).unwrap_or_default();
        }
        Some(())
    }
}
