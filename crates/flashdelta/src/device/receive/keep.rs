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
use super::store::{Aligned, Digest, Phase, Store, PIECE};
use crate::device::format::chunks::CHUNK_DIGEST_LEN;
use crate::device::format::Crc32;
use crate::device::nor::{access, Flash, ReadFlash, SlotError};
use crate::device::sha256::Sha256Engine;
use crate::device::verify::VerifyError;

/// The checksum of a mark.
fn mark_check(sequence: u32, number: u32, piece: u32) -> u32 {
    let mut crc = Crc32::START;
    for word in [sequence, number, piece] {
        crc = crc.and(&word.to_le_bytes());
    }
    crc.value()
}

type Outcome<T, F> = Result<T, StoreError<<F as ReadFlash>::Error>>;

impl<F: Flash, B: AsMut<[u8]>, H: Sha256Engine> Store<'_, F, B, H> {
    /// Finds out what is there.
    pub(super) fn restore(&mut self) -> Outcome<(), F> {
        let mut state = [0; STATE as usize];
        if self.records.len().is_none_or(|len| len < STATE)
            || self.records.read(0, &mut state).is_err()
        {
            return Ok(());
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
            chunk: word(4),
        };
        let (Some(header), Some(root)) = (header, root) else { return Ok(()) };
        (self.header, self.root) = (*header, *root);
        self.check_shape(&shape)?;
        self.take_shape(shape);
        let bits = shape.pieces().div_ceil(8) as usize;
        let held = self.held.get_mut(..bits).unwrap_or_default();
        if self.records.read(STATE, held).is_err() {
            return Ok(());
        }
        self.phase = Phase::Chunks;
        if let Some(last) = self.replay() {
            bits::put(self.held, last, true);
            self.check_chunk(last).or_else(|error| match error {
                StoreError::Missing { .. } => Ok(()),
                error => Err(error),
            })?;
        }
        Ok(())
    }

    /// Takes the marks that follow the record; the last one is not yet believed, but given.
    fn replay(&mut self) -> Option<u32> {
        let mut last = None;
        for number in 0..self.marks_fit() {
            let mut mark = Aligned([0; PIECE]);
            let mark = mark.0.get_mut(..MARK as usize)?;
            let at = self.mark_at(number);
            // One that cannot be read is torn, and so the last.
            let is_read = self.read_flash(at, mark).is_ok();
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
    pub(super) fn check_shape(&self, shape: &Shape) -> Outcome<(), F> {
        let units = self.units();
        let end = Layout::new(units, self.region.len, shape).chunks.end();
        let (needed, found) = (shape.pieces().div_ceil(8), self.held.len() as u32);
        if end > self.region.len {
            let needed = Layout::len_needed(units, shape);
            return Err(StoreError::TooSmall { needed, found: self.region.len });
        }
        if needed > found {
            return Err(StoreError::MemoryTooSmall { needed, found });
        }
        if !shape.chunk.is_multiple_of(units.write) {
            return Err(StoreError::Granularity { chunk: shape.chunk, unit: units.write });
        }
        Ok(())
    }

    /// Takes a patch's lengths, without any piece.
    fn take_shape(&mut self, shape: Shape) {
        self.layout = Layout::new(self.units(), self.region.len, &shape);
        (self.shape, self.marks) = (shape, None);
        self.held.iter_mut().for_each(|byte| *byte = 0);
    }

    /// Begins to receive another patch.
    pub(super) fn begin(&mut self, shape: Shape, front: &[u8]) -> Outcome<Phase, F> {
        // From here on a reset finds no patch, until the table of this one is right.
        self.records.write(0)?.commit()?;
        self.take_shape(shape);
        let (at, table) = (self.layout.front, self.layout.table);
        self.erase(at)?;
        self.write(at.start, front)?;
        self.erase(table)?;
        Ok(Phase::Table)
    }

    /// Writes a piece of the table. The last one: checks all.
    pub(super) fn put_table(&mut self, piece: u32, bytes: &[u8]) -> Outcome<Phase, F> {
        self.write(self.layout.place(&self.shape, piece), bytes)?;
        bits::put(self.held, piece, true);
        let all = self.shape.table_pieces();
        if bits::find(self.held, 0, all, false) < all {
            return Ok(Phase::Table);
        }
        let table = Area { len: self.shape.table, ..self.layout.table };
        if self.digest(table) != Some(self.root) {
            self.erase(self.layout.table)?;
            self.held.iter_mut().for_each(|byte| *byte = 0);
            return Err(VerifyError::WrongTable.into());
        }
        self.record()?;
        Ok(Phase::Chunks)
    }

    /// Writes a chunk that is right.
    pub(super) fn put_chunk(&mut self, piece: u32, bytes: &[u8]) -> Outcome<Phase, F> {
        let number = match self.marks {
            Some(number) if number < self.marks_fit() => number,
            _ => {
                self.record()?;
                0
            }
        };
        let (first, end) = self.group(piece);
        if bits::find(self.held, first, end, true) == end {
            let start = self.layout.place(&self.shape, first);
            self.erase(Area { start, len: self.layout.group })?;
        }
        let check = mark_check(self.records.sequence(), number, piece);
        let mut mark = [0; MARK as usize];
        let words = [piece, check].into_iter().flat_map(u32::to_le_bytes);
        mark.iter_mut().zip(words).for_each(|(to, from)| *to = from);
        self.write(self.mark_at(number), &mark)?;
        self.marks = Some(number.wrapping_add(1));
        self.write(self.layout.place(&self.shape, piece), bytes)?;
        bits::put(self.held, piece, true);
        Ok(Phase::Chunks)
    }

    /// Writes what is there as a record, and begins the marks again.
    fn record(&mut self) -> Outcome<(), F> {
        self.marks = None;
        let Shape { header, signatures, table, body, chunk } = self.shape;
        let bits = self.shape.pieces().div_ceil(8);
        let mut record = self.records.write(STATE.saturating_add(bits))?;
        record.put(&self.header)?;
        record.put(&self.root)?;
        for word in [header, signatures, table, body, chunk] {
            record.put(&word.to_le_bytes())?;
        }
        record.put(self.held.get(..bits as usize).unwrap_or_default())?;
        record.commit()?;
        self.erase(self.layout.marks)?;
        self.marks = Some(0);
        Ok(())
    }

    /// Checks a chunk that is held, as it is in the flash. A wrong one is missing from now on, and
    /// so are those in the same sector, which has to be erased for it.
    pub(super) fn check_chunk(&mut self, piece: u32) -> Outcome<(), F> {
        let start = self.layout.place(&self.shape, piece);
        let chunk = Area { start, len: self.shape.piece_len(piece) };
        // What cannot be read is not right.
        if let Some(found) = self.digest(chunk) {
            if self.is_digest(piece, &found) {
                return Ok(());
            }
        }
        let (first, end) = self.group(piece);
        (first..end).for_each(|piece| bits::put(self.held, piece, false));
        self.marks = None;
        Err(StoreError::Missing { piece })
    }

    /// Is this the digest that the table has for a chunk?
    pub(super) fn is_digest(&mut self, piece: u32, found: &Digest) -> bool {
        let at = self.layout.table.start.saturating_add(self.shape.digest_of(piece));
        let mut memory = Aligned([0; PIECE]);
        let digest = memory.0.get_mut(..CHUNK_DIGEST_LEN).unwrap_or_default();
        self.read_flash(at, digest).is_ok() && found.starts_with(digest)
    }

    /// SHA-256 of what is in the flash; `None` if it cannot be read.
    #[inline(never)] // One copy in the device's flash.
    pub(super) fn digest(&mut self, area: Area) -> Option<Digest> {
        let mut message = self.sha.start();
        let flash = self.records.parts().0;
        let (mut at, end) = (area.start, area.end());
        while at < end {
            let mut memory = Aligned([0; PIECE]);
            let part = memory.0.get_mut(..PIECE.min(end.wrapping_sub(at) as usize))?;
            access::read(flash, self.region.start.wrapping_add(at), part).ok()?;
            self.sha.update(&mut message, part);
            at = at.wrapping_add(part.len() as u32);
        }
        let mut digest = Digest::default();
        self.sha.digest(&mut message, &mut digest);
        Some(digest)
    }

    /// The pieces that share sectors with a chunk.
    fn group(&self, piece: u32) -> (u32, u32) {
        let table = self.shape.table_pieces();
        let first = table.saturating_add(self.layout.first_of_group(piece.saturating_sub(table)));
        (first, first.saturating_add(self.layout.in_group).min(self.shape.pieces()))
    }

    fn units(&self) -> Units {
        Units::of(self.records.flash())
    }

    fn mark_at(&self, number: u32) -> u32 {
        self.layout.marks.start.saturating_add(number.saturating_mul(self.units().mark()))
    }

    /// How many marks there is room for.
    fn marks_fit(&self) -> u32 {
        self.layout.marks.len.checked_div(self.units().mark()).unwrap_or(0)
    }

    pub(super) fn read_flash(&mut self, at: u32, bytes: &mut [u8]) -> Outcome<(), F> {
        let at = self.region.start.wrapping_add(at);
        Ok(access::read(self.records.parts().0, at, bytes)?)
    }

    /// Erases the sectors of an area.
    fn erase(&mut self, area: Area) -> Outcome<(), F> {
        let flash = self.records.parts().0;
        let (mut at, end) = (area.start, area.end());
        while at < end {
            flash.erase_at(self.region.start.wrapping_add(at)).map_err(SlotError::Flash)?;
            at = at.saturating_add(flash.sector() as u32);
        }
        Ok(())
    }

    /// Writes bytes that start at a unit, by way of memory that the flash likes; what is left of
    /// the last unit is 1 bits.
    #[inline(never)] // One copy in the device's flash.
    fn write(&mut self, at: u32, bytes: &[u8]) -> Outcome<(), F> {
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
            flash.write_at(at, part).map_err(SlotError::Flash)?;
            at = at.wrapping_add(part.len() as u32);
            rest = rest.get(part.len()..).unwrap_or_default();
        }
        Ok(())
    }
}
