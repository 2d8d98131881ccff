//! What a store takes, and what it gives: the checks.

use super::bits;
use super::error::StoreError;
use super::layout::{Area, Shape};
use super::store::{Aligned, Digest, Offered, Phase, Store, Taken, PIECE};
use crate::device::format::PatchHeader;
use crate::device::nor::Flash;
use crate::device::sha256::Sha256Engine;
use crate::device::verify::{check_signatures, message, sha256, VerifyError};

impl<F: Flash, B: AsMut<[u8]>, H: Sha256Engine> Store<'_, F, B, H> {
    #[inline(never)]
    /// Takes header and signatures. `None` here and below: it fails, and `fault` says how.
    pub(super) fn take_front(&mut self, front: &[u8]) -> Option<Offered> {
        self.check_poison()?;
        let mut header = PatchHeader::default();
        let is_whole = match header.read(front) {
            Ok(is_whole) => is_whole,
            Err(error) => return self.fail(error.into()),
        };
        let len = header.header_len.saturating_add(header.signatures_len());
        let split = front
            .get(..len as usize)
            .filter(|_| is_whole)
            .and_then(|bytes| bytes.split_at_checked(header.header_len as usize));
        let Some((fields, signatures)) = split else { return self.fail(StoreError::CutShort) };
        let message = message(&mut self.sha, fields);
        let digest = message.last_chunk::<32>()?;
        if self.phase != Phase::Empty && self.header == *digest {
            return Some(Offered::Known);
        }
        match &mut self.verifier {
            Some(verifier) => {
                if let Err(error) = check_signatures(*verifier, &message, signatures) {
                    return self.fail(error.into());
                }
            }
            None if self.phase != Phase::Empty => return self.fail(StoreError::Occupied),
            None => {}
        }
        if let Some(device) = self.device {
            let patch = header.identity;
            if !patch.is_some_and(|patch| patch.is_for(&device)) {
                return self.fail(StoreError::WrongDevice { patch, device });
            }
        }
        let (Some(chunks), Some(shape)) = (&header.chunks, Shape::of(&header)) else {
            return self.fail(StoreError::NoChunks);
        };
        self.check_shape(&shape)?;
        self.begin(shape, front.get(..len as usize)?)?;
        (self.header, self.root) = (*digest, chunks.root);
        Some(Offered::Begun)
    }

    #[inline(never)]
    pub(super) fn take(&mut self, piece: u32, bytes: &[u8]) -> Option<Taken> {
        self.check_piece(piece)?;
        if bits::has(self.held, piece) {
            return Some(Taken::Known);
        }
        let (expected, found) = (self.shape.piece_len(piece), bytes.len() as u32);
        if expected != found {
            return self.fail(StoreError::WrongLength { piece, expected, found });
        }
        if self.phase == Phase::Table {
            self.put_table(piece, bytes)?;
        } else {
            let mut found = Digest::default();
            sha256(&mut self.sha, bytes, &mut found);
            if !self.is_digest(piece, &found)? {
                let index = piece.wrapping_sub(self.table_pieces());
                let start = self.shape.body_offset().wrapping_add(index << (self.shape.log2 & 31));
                let end = start.wrapping_add(expected);
                return self.fail(VerifyError::WrongChunk { index, start, end }.into());
            }
            self.put_chunk(piece, bytes)?;
        }
        Some(Taken::Stored)
    }

    pub(super) fn take_combined(&mut self, pieces: &[u32], bytes: &mut [u8]) -> Option<Taken> {
        let mut missing = None;
        for piece in pieces {
            self.check_piece(*piece)?;
            if !bits::has(self.held, *piece) && missing.replace(*piece).is_some() {
                return self.fail(StoreError::Missing { piece: *piece });
            }
        }
        let Some(missing) = missing else { return Some(Taken::Known) };
        for piece in pieces.iter().filter(|piece| **piece != missing) {
            let mut at = self.layout.place(&self.shape, *piece);
            // If these are fewer bytes than the piece has, the one that is made is wrong.
            let len = self.shape.piece_len(*piece) as usize;
            let len = len.min(bytes.len());
            for part in bytes.get_mut(..len)?.chunks_mut(PIECE) {
                let mut memory = Aligned([0; PIECE]);
                let other = memory.0.get_mut(..part.len())?;
                self.read_flash(at, other)?;
                part.iter_mut().zip(other).for_each(|(to, from)| *to ^= *from);
                at = at.wrapping_add(PIECE as u32);
            }
        }
        let len = self.shape.piece_len(missing) as usize;
        self.take(missing, bytes.get(..len).unwrap_or(bytes))
    }

    /// Reads bytes of the patch.
    pub(super) fn read_out(&mut self, offset: u32, bytes: &mut [u8]) -> Option<()> {
        let mut at = offset;
        let mut rest = bytes;
        while !rest.is_empty() {
            let (place, len, _) = self.find(at)?;
            let (part, after) = rest.split_at_mut_checked(rest.len().min(len as usize))?;
            self.read_flash(place, part)?;
            at = at.wrapping_add(part.len() as u32);
            rest = after;
        }
        Some(())
    }

    /// The bytes of the patch at `at`, in memory; none past its end. Header and table are checked
    /// before all, and a chunk before its first byte: if the budget does not suffice for that,
    /// there are `None`, and it goes on in the next call.
    #[inline(never)]
    pub(super) fn next_part<'b>(
        &mut self,
        at: u32,
        budget: &mut u32,
        memory: &'b mut [u8],
    ) -> Option<Option<&'b [u8]>> {
        if !self.check_front(budget)? {
            return Some(None);
        }
        if at >= self.shape.body_offset().wrapping_add(self.shape.body) {
            return Some(Some(&[]));
        }
        let (place, len, piece) = self.find(at)?;
        if piece != self.checked.chunk && piece >= self.table_pieces() {
            if !self.check_chunk(piece, budget)? {
                return Some(None);
            }
            self.checked.chunk = piece;
        }
        if *budget < PIECE as u32 {
            return Some(None);
        }
        let part = memory.get_mut(..PIECE.min(len as usize))?;
        self.read_flash(place, part)?;
        *budget = budget.saturating_sub(part.len() as u32);
        Some(Some(part))
    }

    fn check_poison(&mut self) -> Option<()> {
        if self.phase == Phase::Poisoned {
            return self.fail(StoreError::Poisoned);
        }
        Some(())
    }

    /// Fails if this piece cannot be taken now.
    fn check_piece(&mut self, piece: u32) -> Option<()> {
        self.check_poison()?;
        let (table, pieces) = (self.table_pieces(), self.pieces());
        match self.phase {
            Phase::Empty => self.fail(StoreError::Empty),
            _ if piece >= pieces => self.fail(StoreError::NoSuchPiece { piece, pieces }),
            Phase::Table if piece >= table => {
                let piece = bits::find(self.held, 0, table, false);
                self.fail(StoreError::Missing { piece })
            }
            _ => Some(()),
        }
    }

    /// The header, which is still what was written.
    pub(super) fn checked_header(&mut self, buffer: &mut [u8]) -> Option<PatchHeader> {
        if !self.is_begun() {
            self.check_poison()?;
            return self.fail(StoreError::Missing { piece: 0 });
        }
        // The number of signatures follows it, if there are any.
        let needed = self.shape.header.wrapping_add(self.shape.signatures.min(1));
        let found = buffer.len() as u32;
        let Some(bytes) = buffer.get_mut(..needed as usize) else {
            return self.fail(StoreError::MemoryTooSmall { needed, found });
        };
        self.read_flash(self.layout.front.start, bytes)?;
        let mut digest = Digest::default();
        sha256(&mut self.sha, bytes.get(..self.shape.header as usize)?, &mut digest);
        if digest != self.header {
            return self.fail(StoreError::Rotted);
        }
        let mut header = PatchHeader::default();
        match header.read(bytes) {
            Ok(_) => {}
            Err(error) => return self.fail(error.into()),
        }
        Some(header)
    }

    /// Fails unless header and table are still what was written. False: the budget does not suffice
    /// to tell.
    fn check_front(&mut self, budget: &mut u32) -> Option<bool> {
        if self.phase != Phase::Chunks {
            self.check_poison()?;
            return self.fail(StoreError::Missing { piece: 0 });
        }
        if !self.checked.header {
            let header = Area { len: self.shape.header, ..self.layout.front };
            let Some(found) = self.digest(header, budget)? else { return Some(false) };
            if found != self.header {
                return self.fail(StoreError::Rotted);
            }
            self.checked.header = true;
        }
        if !self.checked.table {
            let table = Area { len: self.shape.table, ..self.layout.table };
            let Some(found) = self.digest(table, budget)? else { return Some(false) };
            if found != self.root {
                return self.fail(StoreError::Rotted);
            }
            self.checked.table = true;
        }
        Some(true)
    }

    /// Where in the store a byte of the patch is, how many follow it there, and the piece that it
    /// is in.
    fn find(&mut self, at: u32) -> Option<(u32, u32, u32)> {
        if !self.is_begun() {
            return self.fail(StoreError::Empty);
        }
        let Some(offset) = at.checked_sub(self.shape.front()) else {
            let left = self.shape.front().wrapping_sub(at);
            return Some((self.layout.front.start.wrapping_add(at), left, 0));
        };
        let (first, offset) = match offset.checked_sub(self.shape.table) {
            Some(offset) => (self.table_pieces(), offset),
            None => (0, offset),
        };
        let piece = first.wrapping_add(offset >> (self.shape.log2 & 31));
        let inside = offset & self.shape.chunk().wrapping_sub(1);
        let left = self.shape.piece_len(piece).saturating_sub(inside);
        if left == 0 || !bits::has(self.held, piece) {
            return self.fail(StoreError::Missing { piece });
        }
        Some((self.layout.place(&self.shape, piece).wrapping_add(inside), left, piece))
    }
}
