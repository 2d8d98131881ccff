//! A region of flash that receives a patch in any order.

use core::ops::Range;

use super::bits;
use super::error::StoreError;
use super::layout::{Area, Layout, Shape, Units};
use super::status::{PatchId, Status};
use crate::device::format::{DeviceIdentity, PatchHeader};
use crate::device::nor::{Flash, Records, Slot, SlotError};
use crate::device::sha256::{Sha256Engine, SoftwareSha256};
use crate::device::verify::Verifier;

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

/// What has been checked of the flash since the store was opened, so that it is not done again for
/// each call; and what is being checked.
pub(super) struct Checked<M> {
    pub(super) header: bool,
    pub(super) table: bool,
    /// The chunk that was checked last; 0: none, as piece 0 is one of the table.
    pub(super) chunk: u32,
    /// What has yet to be digested of an area.
    pub(super) rest: Option<(Area, M)>,
}

impl<M> Checked<M> {
    pub(super) const NOTHING: Self = Self { header: false, table: false, chunk: 0, rest: None };
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
pub struct Store<'m, F: Flash, B = [u8; 0], H: Sha256Engine = SoftwareSha256> {
    pub(super) records: Records<F, B>,
    pub(super) region: Slot,
    pub(super) verifier: Option<&'m mut dyn Verifier>,
    pub(super) device: Option<DeviceIdentity>,
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
    pub(super) checked: Checked<H::Message>,
    /// Errors are large: each is put here at once, and `None` is all that is handed up.
    pub(super) fault: StoreError<F::Error>,
}

impl<'m, F: Flash> Store<'m, F> {
    /// Opens the store in `region` of the flash, whole sectors, as whatever was before has left it.
    /// `memory` holds a bit for each piece: [`memory_needed`](Self::memory_needed). With a
    /// `verifier`, nothing of a patch is stored before a signature of it is right; and a patch that
    /// is there already is there only if one of its signatures is right by the keys of now.
    ///
    /// This only reads: the records, the signatures, and the chunk that was written last.
    ///
    /// # Errors
    ///
    /// [`StoreError::Slot`]: the region does not fit the flash. [`StoreError::MemoryTooSmall`].
    /// What cannot be read is no error, but not there.
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
            device: None,
            sha,
            held: memory,
            phase: Phase::Empty,
            header: [0; 32],
            root: [0; 32],
            shape: Shape::default(),
            layout: Layout::default(),
            marks: None,
            checked: Checked::NOTHING,
            fault: StoreError::Poisoned,
        };
        match store.restore() {
            Some(()) => Ok(store),
            None => Err(store.fault),
        }
    }

    /// Takes patches for this device only: any other is refused before anything is erased for it.
    #[must_use]
    pub fn device(mut self, device: DeviceIdentity) -> Self {
        self.device = Some(device);
        self
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
    /// The store is what it was, but for [`StoreError::Slot`], after which it has to be opened
    /// again.
    pub fn offer(&mut self, front: &[u8]) -> Result<Offered, StoreError<F::Error>> {
        let offered = self.take_front(front);
        self.outcome(offered)
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
    /// The store is what it was: but after [`WrongTable`](crate::verify::VerifyError::WrongTable)
    /// all pieces of the table are missing, and after [`StoreError::Slot`] it has to be opened
    /// again.
    pub fn put(&mut self, piece: u32, bytes: &[u8]) -> Result<Taken, StoreError<F::Error>> {
        let taken = self.take(piece, bytes);
        self.outcome(taken)
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
        let taken = self.take_combined(pieces, bytes);
        self.outcome(taken)
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
        if self.is_begun() {
            self.shape.table_pieces()
        } else {
            0
        }
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
        let read = self.read_out(offset, bytes);
        self.outcome(read)
    }

    /// The header of the patch, checked: it is the one that a signature was right for when the
    /// store was opened. `buffer` is lent for its bytes, 1024 at most
    /// ([`MAX_HEADER_LEN`](crate::MAX_HEADER_LEN)).
    ///
    /// Give it to an applier that [goes on](crate::apply::Applier::resume) with this patch: then
    /// whoever can write suspensions cannot have another image made.
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`], [`StoreError::Rotted`] and [`StoreError::Slot`] as for
    /// [`feed`](Self::feed); [`StoreError::MemoryTooSmall`] if the buffer is.
    pub fn header(&mut self, buffer: &mut [u8]) -> Result<PatchHeader, StoreError<F::Error>> {
        let header = self.checked_header(buffer);
        self.outcome(header)
    }

    /// Hands the patch out, from its byte `from` on, in pieces: to an applier, say. The header, the
    /// table, and each chunk are checked once more before the first byte of them is handed out, as
    /// flash may rot: header and table once after the store was opened. The
    /// [host section](PatchHeader::host_len) is not in the store.
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`]: this piece is missing, or is not any more what was written; ask for
    /// it, and go on where the applier is then. [`StoreError::Rotted`]: header or table are not any
    /// more what was written; the store has to be [cleared](Self::clear). [`StoreError::Slot`]: the
    /// flash cannot be read. If that may pass, open the store anew, and all is as it was; else ask
    /// for the chunk, which is missing from now on. And what `sink` fails with.
    pub fn feed<E: From<StoreError<F::Error>>>(
        &mut self,
        from: u32,
        mut sink: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut at = from;
        loop {
            let (mut memory, mut budget) = (Aligned([0; PIECE]), u32::MAX);
            let part = self.next_part(at, &mut budget, &mut memory.0);
            let part = self.outcome(part)?.unwrap_or_default();
            if part.is_empty() {
                return Ok(());
            }
            sink(part)?;
            at = at.wrapping_add(part.len() as u32);
        }
    }

    /// Hands out bytes of the patch from its byte `from` on, 64 at most, as [`feed`](Self::feed)
    /// does, but reads no more than `budget` bytes of flash, 64 at least, and a digest of 16 bytes.
    /// `sink` gets the bytes and what is left of the budget, to [feed an applier within] it, and
    /// the call gives what that gives. At the end of the patch `sink` gets no bytes: the applier
    /// may have more to do without any.
    ///
    /// `None`: the budget was used up for checking what is in the flash. Call again with the same
    /// `from`.
    ///
    /// [feed an applier within]: crate::apply::Applier::feed_within
    ///
    /// ```
    /// # use flashdelta::apply::{Applier, ApplyError, ApplyOptions};
    /// # use flashdelta::{diff, nor::Slot, receive::{Store, StoreError}, PatchHeader};
    /// # use flashdelta_sim::{NorSim, SimError};
    /// # let (old, new) = ([7; 5000], [8; 5000]);
    /// # let options = diff::DiffOptions::new().chunks(diff::ChunkSize::Bytes(256));
    /// # let patch = diff::diff(&old, &new, &options).unwrap().bytes;
    /// # let header = PatchHeader::parse(&patch).unwrap().unwrap();
    /// # let (mut memory, mut flash) = ([0; 64], NorSim::<1, 4, 256>::new(32));
    /// # let region = Slot::new(0, 32 * 256);
    /// # let mut store = Store::open(&mut flash, region, &mut memory, None).unwrap();
    /// # store.offer(&patch).unwrap();
    /// # let front = (header.header_len + header.signatures_len()) as usize;
    /// # let table = header.chunk_table_len() as usize;
    /// # store.put(0, &patch[front..front + table]).unwrap();
    /// # for (chunk, number) in patch[front + table..].chunks(256).zip(1..) {
    /// #     store.put(number, chunk).unwrap();
    /// # }
    /// # let (mut workspace, mut slot) = (vec![0; 64 << 10], [0; 5000]);
    /// # let options = ApplyOptions::default();
    /// # let mut applier = Applier::new(&mut workspace, &old[..], &mut slot[..], options);
    /// # #[derive(Debug)]
    /// # enum Failed { Store(StoreError<SimError>), Apply }
    /// # impl From<StoreError<SimError>> for Failed {
    /// #     fn from(error: StoreError<SimError>) -> Self { Self::Store(error) }
    /// # }
    /// let mut at = 0;
    /// loop {
    ///     let fed = store.feed_within(at, 4096, |bytes, budget| {
    ///         applier.feed_within(bytes, budget).map_err(|_| Failed::Apply)
    ///     })?;
    ///     if let Some(progress) = fed {
    ///         at = progress.taken;
    ///         if progress.done {
    ///             break;
    ///         }
    ///     }
    ///     // Here is time for other things.
    /// }
    /// applier.finish().expect("it is complete");
    /// # assert_eq!(slot, new);
    /// # Ok::<(), Failed>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`feed`](Self::feed).
    #[cfg(feature = "bounded")]
    pub fn feed_within<T, E: From<StoreError<F::Error>>>(
        &mut self,
        from: u32,
        budget: u32,
        sink: impl FnOnce(&[u8], u32) -> Result<T, E>,
    ) -> Result<Option<T>, E> {
        let (mut memory, mut budget) = (Aligned([0; PIECE]), budget.max(PIECE as u32));
        let part = self.next_part(from, &mut budget, &mut memory.0);
        match self.outcome(part)? {
            Some(part) => sink(part, budget).map(Some),
            None => Ok(None),
        }
    }

    /// Forgets the patch.
    ///
    /// # Errors
    ///
    /// [`StoreError::Slot`].
    pub fn clear(&mut self) -> Result<(), StoreError<F::Error>> {
        let forgotten = self.record(false);
        self.outcome(forgotten)?;
        self.phase = Phase::Empty;
        Ok(())
    }

    /// Gives the flash and the buffer back.
    pub fn into_inner(self) -> (F, B) {
        self.records.into_inner()
    }

    /// What a call has come to.
    fn outcome<T>(&mut self, outcome: Option<T>) -> Result<T, StoreError<F::Error>> {
        outcome.ok_or_else(|| core::mem::replace(&mut self.fault, StoreError::Poisoned))
    }

    pub(super) fn is_begun(&self) -> bool {
        matches!(self.phase, Phase::Table | Phase::Chunks)
    }
}
