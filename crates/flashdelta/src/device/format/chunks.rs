//! What is between the header of a patch and its body: signatures, and the digests of the
//! chunks of the body.

use core::ops::Range;

use super::header::MAX_HEADER_LEN;
use super::{PatchHeader, Reader};

/// Bytes of a digest in the chunk table: the first ones of a SHA-256.
pub(crate) const CHUNK_DIGEST_LEN: usize = 16;

/// Bytes of an entry of the signature block: algorithm, key id, signature.
pub(crate) const SIGNATURE_LEN: usize = 1 + 8 + 64;

/// No patch has more signatures.
pub(crate) const MOST_SIGNATURES: u8 = 4;

/// Binary logarithms of the smallest and of the largest chunk.
pub(crate) const SMALLEST_CHUNK: u8 = 8;
pub(crate) const LARGEST_CHUNK: u8 = 16;

/// No body has more chunks: their table takes 1 MiB.
pub(crate) const MOST_CHUNKS: u32 = 1 << 16;

/// The chunks of the body: pieces of one size, the last one perhaps shorter, each with a digest.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Chunks {
    /// Binary logarithm of the size of a chunk in bytes, 8 to 16.
    pub size_log2: u8,
    /// SHA-256 of the chunk table.
    pub root: [u8; 32],
}

impl Chunks {
    /// What has yet to be read.
    pub(super) const NONE: Self = Self { size_log2: 0, root: [0; 32] };

    /// Binary logarithms of the sizes that there are.
    #[cfg(feature = "suspend")]
    pub(super) const SIZES: core::ops::RangeInclusive<u8> = SMALLEST_CHUNK..=LARGEST_CHUNK;

    /// Bytes of a chunk; the last one may have fewer.
    pub fn size(&self) -> u32 {
        1 << (self.size_log2 & 31)
    }

    /// Reads the two fields.
    pub(super) fn read(&mut self, reader: &mut Reader<'_>, body_len: u32) {
        let log2 = reader.byte();
        self.size_log2 = reader.at_most(log2.into(), LARGEST_CHUNK.into()) as u8;
        if log2 < SMALLEST_CHUNK {
            reader.bad_number(1);
        }
        reader.at_most(count(body_len, self.size_log2), MOST_CHUNKS);
        reader.bytes(&mut self.root);
    }
}

/// The number of signatures, from the byte that follows the header, if that is there.
pub(super) fn read_count(
    reader: &mut Reader<'_>,
    header_len: u32,
    has_chunks: bool,
    follows: Option<u8>,
) -> u8 {
    let count = follows.unwrap_or(1);
    reader.beyond(header_len, |reader| {
        reader.at_most(header_len, MAX_HEADER_LEN as u32 - 1);
        if !has_chunks || count == 0 {
            // Without chunks a signature would not vouch for the body.
            reader.bad_number(0);
        }
        reader.skip(1);
        reader.at_most(count.into(), MOST_SIGNATURES.into());
    });
    count
}

/// The number of chunks of this size in a body.
fn count(body_len: u32, size_log2: u8) -> u32 {
    let size = 1u32 << (size_log2 & 31);
    // Bodies are below 2^31.
    body_len.wrapping_add(size.wrapping_sub(1)) >> (size_log2 & 31)
}

impl PatchHeader {
    /// Bytes of the signature block, which follows the header; 0 if there are no signatures.
    pub fn signatures_len(&self) -> u32 {
        match self.signatures {
            0 => 0,
            count => u32::from(count).wrapping_mul(SIGNATURE_LEN as u32).wrapping_add(1),
        }
    }

    /// The number of chunks of the body; 0 if it has none.
    pub fn chunk_count(&self) -> u32 {
        self.chunks.map_or(0, |chunks| count(self.body_len, chunks.size_log2))
    }

    /// Bytes of the chunk table, which follows the signatures: 16 for each chunk, and 16 for the
    /// host section if there is one. 0 if there are no chunks.
    pub fn chunk_table_len(&self) -> u32 {
        match self.chunks {
            Some(_) => {
                let entries = self.chunk_count().wrapping_add(u32::from(self.host_len != 0));
                entries.wrapping_mul(CHUNK_DIGEST_LEN as u32)
            }
            None => 0,
        }
    }

    /// The bytes of the patch that chunk `index` has, counted from the first byte of the header;
    /// `None` if there are not so many chunks.
    pub fn chunk_range(&self, index: u32) -> Option<Range<u32>> {
        if index >= self.chunk_count() {
            return None;
        }
        let chunks = self.chunks?;
        let start = index << (chunks.size_log2 & 31);
        let end = start.wrapping_add(chunks.size()).min(self.body_len);
        let body = self.body_offset();
        Some(body.saturating_add(start)..body.saturating_add(end))
    }

    /// RAM in bytes that checking the chunks takes while the patch streams in, beyond
    /// [`ram`](Self::ram): the buffer that a [`Guard`](crate::verify::Guard) is lent. It holds a
    /// chunk and the digests of all; before them the header with one signature. 0 if the patch has
    /// no chunks. From a store in flash, where chunks are already, it takes nothing.
    pub fn chunk_ram(&self) -> u32 {
        let Some(chunks) = self.chunks else { return 0 };
        let digests = self.chunk_count().wrapping_mul(CHUNK_DIGEST_LEN as u32);
        let front = self.header_len.wrapping_add(1 + SIGNATURE_LEN as u32);
        chunks.size().wrapping_add(digests).max(front)
    }
}
