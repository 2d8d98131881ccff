//! What is where in a store.

use crate::device::format::chunks::CHUNK_DIGEST_LEN;
use crate::device::format::PatchHeader;
use crate::device::nor::Flash;

/// Bytes of a mark: which chunk is written next, and a checksum.
pub(super) const MARK: u32 = 8;

/// Bytes of the state before the bits of the pieces.
pub(super) const STATE: u32 = 84;

/// Bytes that a record takes beyond its payload.
const RECORD: u32 = 16;

/// A new record of the state is due after this many marks at the latest, where sectors are small.
const FEWEST_MARKS: u32 = 16;

/// The flash, as far as the layout depends on it, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Units {
    pub(super) sector: u32,
    pub(super) write: u32,
}

impl Units {
    pub(super) fn of<F: Flash>(flash: &F) -> Self {
        Self { sector: flash.sector() as u32, write: flash.write_unit() as u32 }
    }

    /// The next whole sector.
    fn whole(self, len: u32) -> u32 {
        len.checked_next_multiple_of(self.sector).unwrap_or(u32::MAX)
    }

    pub(super) fn mark(self) -> u32 {
        MARK.checked_next_multiple_of(self.write).unwrap_or(u32::MAX)
    }

    /// Bytes of one half of the records, in a store of `len` bytes. It has room for the bits of as
    /// many pieces as there can be, whatever the patch: the records are found before it is known.
    pub(super) fn record(self, len: u32) -> u32 {
        // A chunk has at least 256 bytes, and the pieces of the table are fewer than the chunks.
        self.whole((len >> 10).saturating_add(RECORD + STATE + 1))
    }

    pub(super) fn marks(self) -> u32 {
        self.whole(self.mark().saturating_mul(FEWEST_MARKS))
    }
}

/// The lengths of a patch. They are part of the state, as eight numbers of four bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Shape {
    pub(super) header: u32,
    pub(super) signatures: u32,
    pub(super) table: u32,
    pub(super) body: u32,
    /// Binary logarithm of the bytes of a chunk, 8 to 16.
    pub(super) log2: u32,
}

/// A part of the store, in bytes from its start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Area {
    pub(super) start: u32,
    pub(super) len: u32,
}

impl Area {
    fn after(self, len: u32) -> Self {
        Self { start: self.start.saturating_add(self.len), len }
    }

    pub(super) fn end(self) -> u32 {
        self.start.saturating_add(self.len)
    }
}

impl Shape {
    /// `None` if the patch has no chunks, or none at all.
    pub(super) fn of(header: &PatchHeader) -> Option<Self> {
        (header.chunk_table_len() > 0).then_some(Self {
            header: header.header_len,
            signatures: header.signatures_len(),
            table: header.chunk_table_len(),
            body: header.body_len,
            log2: header.chunks.map_or(0, |chunks| chunks.size_log2).into(),
        })
    }

    /// Bytes of a chunk.
    pub(super) fn chunk(&self) -> u32 {
        1 << (self.log2 & 31)
    }

    // The sums below are of lengths that the store was found to have room for.

    pub(super) fn front(&self) -> u32 {
        self.header.wrapping_add(self.signatures)
    }

    pub(super) fn body_offset(&self) -> u32 {
        self.front().wrapping_add(self.table)
    }

    fn in_pieces(&self, len: u32) -> u32 {
        len.wrapping_add(self.chunk().wrapping_sub(1)) >> (self.log2 & 31)
    }

    /// Pieces of the chunk table.
    pub(super) fn table_pieces(&self) -> u32 {
        self.in_pieces(self.table)
    }

    pub(super) fn chunks(&self) -> u32 {
        self.in_pieces(self.body)
    }

    pub(super) fn pieces(&self) -> u32 {
        self.table_pieces().wrapping_add(self.chunks())
    }

    /// Bytes of a piece; 0 if there is none of this number.
    pub(super) fn piece_len(&self, piece: u32) -> u32 {
        let (index, all) = match piece.checked_sub(self.table_pieces()) {
            Some(index) => (index, self.body),
            None => (piece, self.table),
        };
        all.saturating_sub(index << (self.log2 & 31)).min(self.chunk())
    }

    /// Where the digest of a chunk is in the table.
    pub(super) fn digest_of(&self, piece: u32) -> u32 {
        piece.wrapping_sub(self.table_pieces()).wrapping_mul(CHUNK_DIGEST_LEN as u32)
    }
}

/// Where the parts of a patch are in a store.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Layout {
    /// Marks of the chunks that were begun since the last record.
    pub(super) marks: Area,
    /// Header and signatures.
    pub(super) front: Area,
    pub(super) table: Area,
    pub(super) chunks: Area,
    /// Chunks that share a sector, and sectors that a chunk takes: one of both is 1.
    pub(super) in_group: u32,
    pub(super) group: u32,
}

impl Layout {
    /// Of a patch in a store of `len` bytes, which may be too short for it.
    #[inline(never)]
    pub(super) fn new(units: Units, len: u32, shape: &Shape) -> Self {
        let records = Area { start: 0, len: units.record(len).saturating_mul(2) };
        let marks = records.after(units.marks());
        let front = marks.after(units.whole(shape.front()));
        let table = front.after(units.whole(shape.table));
        // Chunks never share a sector with a part of another one: if one has to be written anew,
        // whole ones are lost with it.
        let in_group = (units.sector >> (shape.log2 & 31)).max(1);
        let group = units.whole(shape.chunk());
        let groups = shape.chunks().div_ceil(in_group);
        let chunks = table.after(groups.saturating_mul(group));
        Self { marks, front, table, chunks, in_group, group }
    }

    /// Bytes of store that a patch takes.
    pub(super) fn len_needed(units: Units, shape: &Shape) -> u32 {
        let mut len = 0;
        // The records grow with the store, by a thousandth of it.
        for _ in 0..4 {
            len = Self::new(units, len, shape).chunks.end();
        }
        len
    }

    /// Number of the first chunk that shares sectors with this one.
    pub(super) fn first_of_group(&self, chunk: u32) -> u32 {
        chunk.wrapping_sub(chunk.checked_rem(self.in_group).unwrap_or(0))
    }

    /// Where a piece is.
    #[inline(never)]
    pub(super) fn place(&self, shape: &Shape, piece: u32) -> u32 {
        let Some(chunk) = piece.checked_sub(shape.table_pieces()) else {
            return self.table.start.wrapping_add(piece << (shape.log2 & 31));
        };
        let group = chunk.checked_div(self.in_group).unwrap_or(0);
        let inside = chunk.wrapping_sub(group.wrapping_mul(self.in_group)) << (shape.log2 & 31);
        self.chunks.start.wrapping_add(group.wrapping_mul(self.group)).wrapping_add(inside)
    }
}
