//! A region of flash that receives a patch in any order.

use core::ops::Range;

use super::bits;
use super::error::StoreError;
use super::layout::{Area, Layout, Shape, Units};
use super::status::{PatchId, Status};
use crate::device::format::PatchHeader;
use crate::device::nor::{Flash, Records, Slot, SlotError};
use crate::device::sha256::{Sha256Engine, SoftwareSha256};
use crate::device::verify::{check_signatures, message, sha256, Verifier, VerifyError};

/// Bytes that are read at a time, and written if no larger buffer is lent.
pub(super) const PIECE: usize = 64;

pub(super) type Digest = [u8; 32];

/// Memory of a few bytes, aligned as flash drivers may want it.
#[repr(align(4))]
pub(super) struct Aligned(pub(super) [u8; PIECE]);

/// How far a store has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    /// It holds no patch.
    Empty,
    /// The header is right; the chunk table is not complete.
    Table,
    /// The table is right, and in the records.
    Chunks,
    /// Writing failed: what is in the flash is known only when it is opened again.
    Poisoned,
}

/// What came of an offered header.
#[allow(clippy::exhaustive_enums)] // There is nothing between.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Offered {
    /// The patch is received from now on. What was in the store is gone.
    Begun,
    /// It is the patch that is received already.
    Known,
}

/// What came of a piece.
#[allow(clippy::exhaustive_enums)] // There is nothing between.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Taken {
    /// It is in the flash now.
    Stored,
    /// It was there already.
    Known,
}

/// A region of flash that receives a patch in any order: see the [module](super).
///
/// `B` is memory that is lent for reading and writing, or none, as in
/// [`Records::with_buffer`](crate::nor::Records::with_buffer); `H` computes SHA-256.
pub struct Store<'m, F, B = [u8; 0], H = SoftwareSha256> {
    pub(super) records: Records<F, B>,
    pub(super) region: Slot,
    verifier: Option<&'m mut dyn Verifier>,
    pub(super) sha: H,
    /// Pieces that are in the flash, a bit each.
    pub(super) held: &'m mut [u8],
    pub(super) phase: Phase,
    /// SHA-256 of the header, and of the chunk table as the header has it.
    pub(super) header: Digest,
    pub(super) root: Digest,
    pub(super) shape: Shape,
    pub(super) layout: Layout,
    /// Marks since the newest record; `None`: a record is due before the next one.
    pub(super) marks: Option<u32>,
}

impl<'m, F: Flash> Store<'m, F> {
    /// Opens the store in `region` of the flash, whole sectors, as whatever was before has left it.
    /// `memory` holds a bit for each piece: [`memory_needed`](Self::memory_needed). With a
    /// `verifier`, nothing of a patch is stored before a signature of it is right.
    ///
    /// This only reads: the records, and the chunk that was written last.
    ///
    /// # Errors
    ///
    /// [`StoreError::Slot`]: the region does not fit the flash. [`StoreError::MemoryTooSmall`]. What
    /// cannot be read is no error, but not there.
    pub fn open(
        flash: F,
        region: Slot,
        memory: &'m mut [u8],
        verifier: Option<&'m mut dyn Verifier>,
    ) -> Result<Self, StoreError<F::Error>> {
        Self::open_with(flash, region, memory, verifier, [], SoftwareSha256)
    }
}

impl<'m, F: Flash, B: AsMut<[u8]>, H: Sha256Engine> Store<'m, F, B, H> {
    /// As [`open`](Store::open), with a lent buffer, which flash needs that is written in units of
    /// more than 64 bytes, and with another implementation of SHA-256.
    ///
    /// # Errors
    ///
    /// As [`open`](Store::open).
    pub fn open_with(
        flash: F,
        region: Slot,
        memory: &'m mut [u8],
        verifier: Option<&'m mut dyn Verifier>,
        buffer: B,
        sha: H,
    ) -> Result<Self, StoreError<F::Error>> {
        let units = Units::of(&flash);
        let end = region.start.checked_add(region.len);
        if units.sector == 0
            || !region.len.is_multiple_of(units.sector)
            || end.is_none_or(|end| end as usize > flash.size())
        {
            return Err(SlotError::Geometry.into());
        }
        let records = units.record(region.len).saturating_mul(2);
        if records > region.len {
            return Err(StoreError::TooSmall { needed: records, found: region.len });
        }
        let mut store = Self {
            records: Records::with_buffer(flash, region.start, records, buffer)?,
            region,
            verifier,
            sha,
            held: memory,
            phase: Phase::Empty,
            header: [0; 32],
            root: [0; 32],
            shape: Shape::default(),
            layout: Layout::default(),
            marks: None,
        };
        store.restore()?;
        Ok(store)
    }

    /// Bytes of flash that a patch takes in a store, in sectors and write units of this many bytes;
    /// `None` if it has no chunks, and can be in none.
    pub fn len_needed(header: &PatchHeader, sector: u32, write_unit: u32) -> Option<u32> {
        let units = Units { sector, write: write_unit };
        Shape::of(header).map(|shape| Layout::len_needed(units, &shape))
    }

    /// Bytes of memory to lend for a patch: one for 8 pieces.
    pub fn memory_needed(header: &PatchHeader) -> usize {
        Shape::of(header).map_or(0, |shape| shape.pieces().div_ceil(8) as usize)
    }

    /// Takes the header of a patch with its signatures: the first bytes of the patch, perhaps with
    /// more after them. Any sender may repeat them at any time.
    ///
    /// If it is another patch than the one in the store, it takes its place: only if a signature of
    /// it is right. Without a verifier the store has to be [cleared](Self::clear) first.
    ///
    /// # Errors
    ///
    /// The store is what it was, but for [`StoreError::Slot`], after which it has to be opened again.
    pub fn offer(&mut self, front: &[u8]) -> Result<Offered, StoreError<F::Error>> {
        self.check_poison()?;
        let mut header = PatchHeader::default();
        let is_whole = header.read(front)?;
        let needed = header.header_len.saturating_add(header.signatures_len());
        let bytes =
            front.get(..needed as usize).filter(|_| is_whole).ok_or(StoreError::CutShort)?;
        let (fields, signatures) =
            bytes.split_at_checked(header.header_len as usize).unwrap_or_default();
        let message = message(&mut self.sha, fields);
        let digest = *message.last_chunk().ok_or(StoreError::CutShort)?;
        if self.phase != Phase::Empty && self.header == digest {
            return Ok(Offered::Known);
        }
        match &mut self.verifier {
            Some(verifier) => _ = check_signatures(*verifier, &message, signatures)?,
            None if self.phase != Phase::Empty => return Err(StoreError::Occupied),
            None => {}
        }
        let shape =
            Shape::of(&header).filter(|shape| shape.table > 0).ok_or(StoreError::NoChunks)?;
        self.check_shape(&shape)?;
        let root = header.chunks.map(|chunks| chunks.root).unwrap_or_default();
        self.guard(|store| store.begin(shape, bytes))?;
        (self.header, self.root) = (digest, root);
        Ok(Offered::Begun)
    }

    /// Takes a piece of the patch: the chunk table in pieces of the size of a chunk, from number 0
    /// on, and then the chunks. They may come in any order, but the whole table has to be there
    /// before the first chunk.
    ///
    /// A chunk is in the flash only if it is the one that the patch's signature vouches for, and
    /// once it is, it stays through resets. The pieces of the table can be checked together only:
    /// if one of them is wrong, all are asked for again.
    ///
    /// # Errors
    ///
    /// The store is what it was: but after [`VerifyError::WrongTable`] all pieces of the table are
    /// missing, and after [`StoreError::Slot`] it has to be opened again.
    pub fn put(&mut self, piece: u32, bytes: &[u8]) -> Result<Taken, StoreError<F::Error>> {
        self.check_piece(piece)?;
        if bits::has(self.held, piece) {
            return Ok(Taken::Known);
        }
        let (expected, found) = (self.shape.piece_len(piece), bytes.len() as u32);
        if expected != found {
            return Err(StoreError::WrongLength { piece, expected, found });
        }
        if self.phase == Phase::Table {
            self.guard(|store| store.put_table(piece, bytes))?;
        } else {
            let mut found = Digest::default();
            sha256(&mut self.sha, bytes, &mut found);
            if !self.is_digest(piece, &found) {
                return Err(self.wrong_chunk(piece));
            }
            self.guard(|store| store.put_chunk(piece, bytes))?;
        }
        Ok(Taken::Stored)
    }

    /// Takes several pieces that came as one, as the [`Distributor`](super::Distributor) has it: if
    /// all but one of them are there, that one is made of `bytes`, in place, checked and stored.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put); [`StoreError::Missing`] if more than one of them is missing.
    pub fn put_combined(
        &mut self,
        pieces: &[u32],
        bytes: &mut [u8],
    ) -> Result<Taken, StoreError<F::Error>> {
        let mut missing = None;
        for piece in pieces {
            self.check_piece(*piece)?;
            if !bits::has(self.held, *piece) {
                if missing.is_some() {
                    return Err(StoreError::Missing { piece: *piece });
                }
                missing = Some(*piece);
            }
        }
        let Some(missing) = missing else { return Ok(Taken::Known) };
        for piece in pieces.iter().filter(|piece| **piece != missing) {
            let mut at = self.layout.place(&self.shape, *piece);
            let len = self.shape.piece_len(*piece) as usize;
            let found = bytes.len() as u32;
            let wrong = StoreError::WrongLength { piece: missing, expected: len as u32, found };
            for part in bytes.get_mut(..len).ok_or(wrong)?.chunks_mut(PIECE) {
                let mut memory = Aligned([0; PIECE]);
                let other = memory.0.get_mut(..part.len()).unwrap_or_default();
                self.read_flash(at, other)?;
                part.iter_mut().zip(other).for_each(|(to, from)| *to ^= *from);
                at = at.wrapping_add(PIECE as u32);
            }
        }
        let len = self.shape.piece_len(missing) as usize;
        self.put(missing, bytes.get(..len).unwrap_or(bytes))
    }

    /// The patch that is received: [`PatchId`] is the start of the SHA-256 of its header. All zero:
    /// none.
    pub fn patch(&self) -> PatchId {
        match self.header.first_chunk() {
            Some(id) if self.is_begun() => *id,
            _ => PatchId::default(),
        }
    }

    /// How many pieces the patch has: its table, and its chunks. 0 if there is no patch.
    pub fn pieces(&self) -> u32 {
        if self.is_begun() {
            self.shape.pieces()
        } else {
            0
        }
    }

    /// How many of them are the chunk table's.
    pub fn table_pieces(&self) -> u32 {
        self.shape.table_pieces()
    }

    /// Whether all of a patch is there.
    pub fn is_complete(&self) -> bool {
        self.phase == Phase::Chunks && self.missing().next().is_none()
    }

    /// The pieces that are missing, as ranges in ascending order.
    pub fn missing(&self) -> impl Iterator<Item = Range<u32>> + use<'_, 'm, F, B, H> {
        let (mut at, end) = (0, self.pieces());
        core::iter::from_fn(move || {
            let start = bits::find(self.held, at, end, false);
            at = bits::find(self.held, start, end, true);
            (start < at).then_some(start..at)
        })
    }

    /// Writes a [`Status`] for the wire into `out`, and gives its length. `question`: the number of
    /// the question that it answers.
    pub fn status(&self, question: u16, out: &mut [u8]) -> usize {
        Status::write(out, question, self.patch(), self.pieces(), self.held)
    }

    /// Reads bytes of the patch, without checking them again: its header, say, to learn which
    /// workspace it takes.
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`] if some of them are not there; [`StoreError::Slot`].
    pub fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), StoreError<F::Error>> {
        let mut at = offset;
        let mut rest = bytes;
        while !rest.is_empty() {
            let (place, len, _) = self.find(at)?;
            let len = rest.len().min(len as usize);
            let (part, after) = rest.split_at_mut_checked(len).unwrap_or_default();
            self.read_flash(place, part)?;
            at = at.wrapping_add(part.len() as u32);
            rest = after;
        }
        Ok(())
    }

    /// Hands the patch out, from its byte `from` on, in pieces: to an applier, say. The header, the
    /// table, and each chunk are checked once more before the first byte of them is handed out:
    /// flash may rot. The [host section](PatchHeader::host_len) is not in the store.
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`]: this piece is missing, or is not any more what was written; ask for
    /// it, and go on where the applier is then. [`StoreError::Rotted`]: header or table are not any
    /// more what was written; the store has to be [cleared](Self::clear). [`StoreError::Slot`]; and
    /// what `sink` fails with.
    pub fn feed<E: From<StoreError<F::Error>>>(
        &mut self,
        from: u32,
        mut sink: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.check_front()?;
        let (mut at, mut checked) = (from, 0);
        let end = self.body_offset().saturating_add(self.shape.body);
        while at < end {
            let (place, len, piece) = self.find(at)?;
            if piece != checked && piece >= self.table_pieces() {
                self.check_chunk(piece)?;
                checked = piece;
            }
            let mut memory = Aligned([0; PIECE]);
            let part = memory.0.get_mut(..PIECE.min(len as usize)).unwrap_or_default();
            self.read_flash(place, part)?;
            sink(part)?;
            at = at.wrapping_add(part.len() as u32);
        }
        Ok(())
    }

    /// Forgets the patch.
    ///
    /// # Errors
    ///
    /// [`StoreError::Slot`].
    pub fn clear(&mut self) -> Result<(), StoreError<F::Error>> {
        self.guard(|store| {
            store.records.write(0)?.commit()?;
            Ok(Phase::Empty)
        })
    }

    /// Gives the flash and the buffer back.
    pub fn into_inner(self) -> (F, B) {
        self.records.into_inner()
    }

    fn is_begun(&self) -> bool {
        matches!(self.phase, Phase::Table | Phase::Chunks)
    }

    fn check_poison(&self) -> Result<(), StoreError<F::Error>> {
        if self.phase == Phase::Poisoned {
            return Err(StoreError::Poisoned);
        }
        Ok(())
    }

    /// Could this piece be taken now?
    fn check_piece(&self, piece: u32) -> Result<(), StoreError<F::Error>> {
        self.check_poison()?;
        let (table, pieces) = (self.table_pieces(), self.pieces());
        match self.phase {
            Phase::Empty => Err(StoreError::Empty),
            _ if piece >= pieces => Err(StoreError::NoSuchPiece { piece, pieces }),
            Phase::Table if piece >= table => {
                Err(StoreError::Missing { piece: bits::find(self.held, 0, table, false) })
            }
            _ => Ok(()),
        }
    }

    fn wrong_chunk(&self, piece: u32) -> StoreError<F::Error> {
        let index = piece.saturating_sub(self.table_pieces());
        let start = self.body_offset().saturating_add(index.saturating_mul(self.shape.chunk));
        let end = start.saturating_add(self.shape.piece_len(piece));
        VerifyError::WrongChunk { index, start, end }.into()
    }

    /// Changes the flash. If that fails, it is not known what is in it.
    fn guard(
        &mut self,
        change: impl FnOnce(&mut Self) -> Result<Phase, StoreError<F::Error>>,
    ) -> Result<(), StoreError<F::Error>> {
        let before = core::mem::replace(&mut self.phase, Phase::Poisoned);
        let after = change(self);
        match &after {
            Ok(phase) => self.phase = *phase,
            Err(StoreError::Slot(_)) => {}
            Err(_) => self.phase = before,
        }
        after.map(|_| ())
    }

    /// Are header and table still what was written?
    fn check_front(&mut self) -> Result<(), StoreError<F::Error>> {
        if self.phase != Phase::Chunks {
            self.check_poison()?;
            return Err(StoreError::Missing { piece: 0 });
        }
        let header = Area { len: self.shape.header, ..self.layout.front };
        let table = Area { len: self.shape.table, ..self.layout.table };
        let found = (self.digest(header), self.digest(table));
        if found != (Some(self.header), Some(self.root)) {
            return Err(StoreError::Rotted);
        }
        Ok(())
    }

    fn body_offset(&self) -> u32 {
        self.shape.front().saturating_add(self.shape.table)
    }

    /// Where in the store a byte of the patch is, how many follow it there, and the piece that it
    /// is in.
    fn find(&self, at: u32) -> Result<(u32, u32, u32), StoreError<F::Error>> {
        let front = self.shape.front();
        if !self.is_begun() {
            return Err(StoreError::Empty);
        }
        if at < front {
            return Ok((self.layout.front.start.saturating_add(at), front.wrapping_sub(at), 0));
        }
        let body = self.body_offset();
        let (first, offset) = match at.checked_sub(body) {
            Some(offset) => (self.table_pieces(), offset),
            None => (0, at.wrapping_sub(front)),
        };
        let index = offset.checked_div(self.shape.chunk).unwrap_or(0);
        let inside = offset.wrapping_sub(index.wrapping_mul(self.shape.chunk));
        let piece = first.saturating_add(index);
        if piece >= self.pieces() || !bits::has(self.held, piece) {
            return Err(StoreError::Missing { piece });
        }
        let place = self.layout.place(&self.shape, piece).saturating_add(inside);
        Ok((place, self.shape.piece_len(piece).saturating_sub(inside), piece))
    }
}
