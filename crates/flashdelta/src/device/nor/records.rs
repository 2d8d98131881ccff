//! What has to survive a reset: two alternating records in a region of flash.
//!
//! The region has two halves of whole sectors. A record goes into the half that does not hold the
//! newest one: so whenever the power is cut, the newest record that was
//! [committed](RecordWriter::commit) is there, and what was under way is not. That takes one erase
//! of each sector that the record reaches, and half of the region at a time.
//!
//! A record is, in this order, and padded to whole units with 1 bits:
//!
//! | bytes | what |
//! |---|---|
//! | 4 | `FDR`, and the version of this layout: 0 |
//! | 4 | sequence number, little-endian as all numbers: the one before plus 1, modulo 2^32 |
//! | 4 | length of the payload |
//! | | payload |
//! | 4 | CRC-32 of all before it |
//!
//! What cannot be read is no record. As that may pass, no record is written as long as another one
//! could come back that is not the one before it: if none is found, the head of the other half is
//! erased first, unless it can be read and none of its first four bytes is that of a record. So the
//! newest record is never older than one that was committed before it; but if the newest one cannot
//! be read, the one before it is found.
//!
//! A record that was cut in its last unit and reads right by chance is taken for right, as in
//! slots. It should be followed by another one soon, and is, where the region is in use.

use super::access::{self, Aligned};
use super::{Flash, Slot, SlotError};
use crate::device::format::Crc32;

/// The start of every record: three letters and the version.
const MAGIC: [u8; 4] = *b"FDR\0";
/// Magic, sequence number, length.
const HEAD: u32 = 12;
/// The checksum.
const TAIL: u32 = 4;

/// Bytes that are written and read at a time; write units up to this many bytes need no lent
/// buffer.
const PIECE: usize = 64;

/// Two alternating records in a region of flash: see the text of this module.
///
/// `B` is memory that is lent, or none: see [`with_buffer`](Self::with_buffer).
///
/// ```
/// use flashdelta::nor::Records;
/// use flashdelta_sim::NorSim;
///
/// // Here the driver of the flash would be.
/// let mut flash = NorSim::<1, 8, 256>::used(4, 1);
/// let mut records = Records::new(&mut flash, 0, 1024)?;
/// assert_eq!(records.len(), None);
/// for payload in ["written before", "written last"] {
///     let mut record = records.write(payload.len() as u32)?;
///     for piece in payload.as_bytes().chunks(5) {
///         record.put(piece)?;
///     }
///     record.commit()?;
/// }
///
/// // After a reset:
/// let mut records = Records::new(&mut flash, 0, 1024)?;
/// let mut payload = [0; 12];
/// assert_eq!(records.len(), Some(12));
/// records.read(0, &mut payload)?;
/// assert_eq!(&payload, b"written last");
/// # Ok::<(), flashdelta::nor::SlotError<flashdelta_sim::SimError>>(())
/// ```
#[derive(Debug)]
pub struct Records<F, B = [u8; 0]> {
    flash: F,
    buffer: B,
    /// The first half; the second one follows.
    half: Slot,
    newest: Option<Record>,
}

/// A record that is whole.
#[derive(Clone, Copy, Debug)]
struct Record {
    /// Whether it is in the second half.
    second: bool,
    sequence: u32,
    /// Length of its payload.
    len: u32,
}

impl<F: Flash> Records<F> {
    /// The region of `len` bytes at `start` of the flash. Each half of it is a whole number of
    /// sectors. Both are read, to find the newest record.
    ///
    /// # Errors
    ///
    /// [`SlotError::Geometry`] if the region does not lie in the flash or its halves are not whole
    /// sectors; [`SlotError::BufferTooSmall`] if the flash is written in units of more than 64
    /// bytes. What cannot be read is no record, and no error.
    pub fn new(flash: F, start: u32, len: u32) -> Result<Self, SlotError<F::Error>> {
        Self::with_buffer(flash, start, len, [])
    }
}

impl<F: Flash, B: AsMut<[u8]>> Records<F, B> {
    /// As [`new`](Records::new), with a buffer that flash needs which is written in units of more
    /// than 64 bytes: one unit, or some for fewer writes.
    ///
    /// # Errors
    ///
    /// As [`new`](Records::new); [`SlotError::BufferTooSmall`] if the buffer is smaller than a
    /// unit.
    pub fn with_buffer(
        flash: F,
        start: u32,
        len: u32,
        mut buffer: B,
    ) -> Result<Self, SlotError<F::Error>> {
        Slot::new(start, len).check(&flash)?;
        let half = Slot::new(start, len / 2);
        let (unit, sector) = (flash.write_unit(), flash.sector());
        let aligned = sector > 0
            && len > 0
            && len.is_multiple_of(2)
            && (start as usize).is_multiple_of(sector)
            && (half.len as usize).is_multiple_of(sector)
            && unit > 0
            && sector.is_multiple_of(unit);
        if !aligned {
            return Err(SlotError::Geometry);
        }
        if unit > PIECE.max(buffer.as_mut().len()) {
            return Err(SlotError::BufferTooSmall { needed: unit as u32 });
        }
        let mut records = Self { flash, buffer, half, newest: None };
        let (first, second) = (records.find(false), records.find(true));
        records.newest = match (first, second) {
            (Some(a), Some(b)) if (a.sequence.wrapping_sub(b.sequence) as i32) < 0 => Some(b),
            (first, second) => first.or(second),
        };
        Ok(records)
    }

    /// The longest payload that there is room for, in bytes.
    pub fn capacity(&self) -> u32 {
        self.half.len.saturating_sub(HEAD + TAIL)
    }

    /// Length of the newest record's payload in bytes; `None` if there is no record.
    #[allow(clippy::len_without_is_empty)] // A record may be there and empty.
    pub fn len(&self) -> Option<u32> {
        self.newest.map(|record| record.len)
    }

    /// Fills `buf` with the newest record's payload from `offset` on.
    ///
    /// # Errors
    ///
    /// [`SlotError::OutOfSlot`] if there are fewer bytes, or no record.
    pub fn read(&mut self, offset: u32, buf: &mut [u8]) -> Result<(), SlotError<F::Error>> {
        let Some(Record { second, len, .. }) = self.newest else {
            return Err(SlotError::OutOfSlot);
        };
        let place = Slot::new(self.start(second).wrapping_add(HEAD), len);
        let mut at = place.place(offset, buf.len())?;
        // By way of aligned memory, as some drivers want it: whatever is asked for.
        let mut memory = Aligned([0; PIECE]);
        let unit = self.flash.read_unit();
        let mut rest = buf;
        while !rest.is_empty() {
            let skip = if unit < PIECE { (at as usize).checked_rem(unit).unwrap_or(0) } else { 0 };
            let len = rest.len().min(PIECE.wrapping_sub(skip));
            let piece = memory.0.get_mut(..skip.wrapping_add(len)).unwrap_or_default();
            access::read(&mut self.flash, at.wrapping_sub(skip as u32), piece)?;
            for (to, from) in rest.iter_mut().zip(piece.iter().skip(skip)) {
                *to = *from;
            }
            rest = rest.get_mut(len..).unwrap_or_default();
            at = at.wrapping_add(len as u32);
        }
        Ok(())
    }

    /// Begins a record with a payload of `len` bytes. It becomes the newest one when it is
    /// [committed](RecordWriter::commit); until then, and if it never is, the one before remains.
    ///
    /// # Errors
    ///
    /// [`SlotError::OutOfSlot`] if it is longer than the [capacity](Self::capacity);
    /// [`SlotError::Flash`].
    pub fn write(&mut self, len: u32) -> Result<RecordWriter<'_, F, B>, SlotError<F::Error>> {
        let record = self.begin(len)?;
        let mut writer = RecordWriter::new(self, record);
        writer.head()?;
        Ok(writer)
    }

    /// Writes a record of these parts.
    #[inline(never)] // One copy in the device's flash.
    pub(crate) fn write_parts(&mut self, parts: &[&[u8]]) -> Result<(), SlotError<F::Error>> {
        let len = parts.iter().fold(0usize, |len, part| len.saturating_add(part.len()));
        let record = self.begin(u32::try_from(len).unwrap_or(u32::MAX))?;
        // In place: a writer that is handed on is copied.
        let mut writer = RecordWriter::new(self, record);
        writer.head()?;
        for part in parts {
            writer.append(part)?;
        }
        writer.end()
    }

    /// Makes room for a record, and for no other one than the newest beside it.
    fn begin(&mut self, len: u32) -> Result<Record, SlotError<F::Error>> {
        if len > self.capacity() {
            return Err(SlotError::OutOfSlot);
        }
        let (second, sequence) = match self.newest {
            Some(newest) => (!newest.second, newest.sequence.wrapping_add(1)),
            None => {
                // What is there may be readable again later, and would be newer than this one.
                self.forget(true)?;
                (false, 0)
            }
        };
        let start = self.start(second);
        let end = start.saturating_add(len).saturating_add(HEAD + TAIL);
        let mut sector = start;
        while sector < end {
            self.flash.erase_at(sector)?;
            sector = sector.saturating_add(self.flash.sector() as u32);
        }
        Ok(Record { second, sequence, len })
    }

    /// Forgets all records, those that cannot be read included. If the power is cut meanwhile, the
    /// newest one is there or none is.
    ///
    /// # Errors
    ///
    /// [`SlotError::Flash`].
    pub fn clear(&mut self) -> Result<(), SlotError<F::Error>> {
        let second = self.newest.is_some_and(|newest| newest.second);
        // The older one first: it must not become the newest.
        for second in [!second, second] {
            self.forget(second)?;
        }
        self.newest = None;
        Ok(())
    }

    /// Erases the head of a half if it may be that of a record: one that cannot be read now may be
    /// readable later, and so may one of which some bits are wrong.
    fn forget(&mut self, second: bool) -> Result<(), SlotError<F::Error>> {
        let start = self.start(second);
        let mut head = Aligned([0; MAGIC.len()]);
        let is_read = access::read(&mut self.flash, start, &mut head.0).is_ok();
        if !is_read || head.0.iter().zip(MAGIC).any(|(found, byte)| *found == byte) {
            self.flash.erase_at(start)?;
        }
        Ok(())
    }

    /// Gives the flash and the buffer back.
    pub fn into_inner(self) -> (F, B) {
        (self.flash, self.buffer)
    }

    /// The flash.
    pub(crate) fn flash(&self) -> &F {
        &self.flash
    }

    /// The flash, and the lent buffer.
    pub(crate) fn parts(&mut self) -> (&mut F, &mut [u8]) {
        (&mut self.flash, self.buffer.as_mut())
    }

    /// The sequence number of the newest record.
    pub(crate) fn sequence(&self) -> u32 {
        self.newest.map_or(0, |record| record.sequence)
    }

    /// Where a half starts.
    fn start(&self, second: bool) -> u32 {
        if second {
            self.half.end()
        } else {
            self.half.start
        }
    }

    /// The record in a half, if there is one and it is whole.
    #[inline(never)] // One copy in the device's flash.
    fn find(&mut self, second: bool) -> Option<Record> {
        let mut at = self.start(second);
        let mut memory = Aligned([0; PIECE]);
        let head = memory.0.get_mut(..HEAD as usize)?;
        access::read(&mut self.flash, at, head).ok()?;
        let [magic, sequence, len] = head.as_chunks::<4>().0 else { return None };
        let (sequence, len) = (u32::from_le_bytes(*sequence), u32::from_le_bytes(*len));
        if *magic != MAGIC || len > self.capacity() {
            return None;
        }
        let end = at.wrapping_add(HEAD).wrapping_add(len);
        let mut crc = Crc32::START;
        while at < end {
            let piece = memory.0.get_mut(..PIECE.min(end.wrapping_sub(at) as usize))?;
            access::read(&mut self.flash, at, piece).ok()?;
            crc = crc.and(piece);
            at = at.wrapping_add(piece.len() as u32);
        }
        access::holds(&mut self.flash, at, &crc.value().to_le_bytes()).then_some(Record {
            second,
            sequence,
            len,
        })
    }
}

/// A record that is being written.
#[derive(Debug)]
pub struct RecordWriter<'a, F, B = [u8; 0]> {
    records: &'a mut Records<F, B>,
    record: Record,
    /// Where in the flash it goes on.
    at: u32,
    /// Bytes of the payload that are to come.
    left: u32,
    crc: Crc32,
    /// What waits to be written; if units are large, in the lent buffer.
    piece: Aligned<PIECE>,
    pending: usize,
}

impl<'a, F: Flash, B: AsMut<[u8]>> RecordWriter<'a, F, B> {
    #[inline(always)] // In place, without a copy.
    fn new(records: &'a mut Records<F, B>, record: Record) -> Self {
        let (at, left) = (records.start(record.second), record.len);
        let piece = Aligned([0; PIECE]);
        Self { records, record, at, left, crc: Crc32::START, piece, pending: 0 }
    }

    /// What comes before the payload.
    fn head(&mut self) -> Result<(), SlotError<F::Error>> {
        let Record { sequence, len, .. } = self.record;
        self.append([MAGIC, sequence.to_le_bytes(), len.to_le_bytes()].as_flattened())
    }

    /// Takes the next bytes of the payload.
    ///
    /// # Errors
    ///
    /// [`SlotError::OutOfSlot`] if these are more than were announced; [`SlotError::Flash`].
    pub fn put(&mut self, bytes: &[u8]) -> Result<(), SlotError<F::Error>> {
        let len = u32::try_from(bytes.len()).ok();
        self.left = len.and_then(|len| self.left.checked_sub(len)).ok_or(SlotError::OutOfSlot)?;
        self.append(bytes)
    }

    /// Ends the record, and reads it back. From now on it is the newest one.
    ///
    /// # Errors
    ///
    /// [`SlotError::OutOfSlot`] if the payload is not complete; [`SlotError::Flash`];
    /// [`SlotError::ReadBack`].
    pub fn commit(mut self) -> Result<(), SlotError<F::Error>> {
        if self.left > 0 {
            return Err(SlotError::OutOfSlot);
        }
        self.end()
    }

    /// The payload is complete.
    fn end(&mut self) -> Result<(), SlotError<F::Error>> {
        let crc = self.crc.value();
        self.append(&crc.to_le_bytes())?;
        if self.pending > 0 {
            let unit = self.records.flash.write_unit();
            let (piece, pending) = self.piece();
            for byte in piece.iter_mut().skip(pending) {
                *byte = 0xFF;
            }
            let len = pending.checked_next_multiple_of(unit).ok_or(SlotError::Geometry)?;
            self.flush(len)?;
        }
        let record = self.records.find(self.record.second);
        if record.is_none_or(|record| record.sequence != self.record.sequence) {
            return Err(SlotError::ReadBack);
        }
        self.records.newest = record;
        Ok(())
    }

    /// What waits, and the memory that it is in.
    fn piece(&mut self) -> (&mut [u8], usize) {
        let buffer = self.records.buffer.as_mut();
        let memory = if buffer.len() > PIECE { buffer } else { &mut self.piece.0[..] };
        (memory, self.pending)
    }

    /// Takes bytes of the record; writes whole units as they get complete.
    #[inline(never)] // One copy in the device's flash.
    fn append(&mut self, bytes: &[u8]) -> Result<(), SlotError<F::Error>> {
        self.crc = self.crc.and(bytes);
        let mut rest = bytes;
        while !rest.is_empty() {
            let (unit, sector) = (self.records.flash.write_unit(), self.records.flash.sector());
            let left = sector.wrapping_sub((self.at as usize).checked_rem(sector).unwrap_or(0));
            let (memory, pending) = self.piece();
            let units = memory.len().wrapping_sub(memory.len().checked_rem(unit).unwrap_or(0));
            let whole = units.min(left);
            let mut filled = pending;
            for (to, from) in memory.iter_mut().take(whole).skip(pending).zip(rest) {
                *to = *from;
                filled = filled.wrapping_add(1);
            }
            rest = rest.get(filled.wrapping_sub(pending)..).unwrap_or_default();
            self.pending = filled;
            if filled >= whole {
                self.flush(whole)?;
            }
        }
        Ok(())
    }

    /// Writes this many of the bytes that wait, all in one sector.
    fn flush(&mut self, len: usize) -> Result<(), SlotError<F::Error>> {
        let records = &mut *self.records;
        let buffer = records.buffer.as_mut();
        let memory = if buffer.len() > PIECE { &*buffer } else { &self.piece.0[..] };
        records.flash.write_at(self.at, memory.get(..len).ok_or(SlotError::Geometry)?)?;
        self.at = self.at.wrapping_add(len as u32);
        self.pending = 0;
        Ok(())
    }
}
