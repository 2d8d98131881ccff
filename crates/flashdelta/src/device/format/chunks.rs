//! What is between the header of a patch and its body: signatures, and the digests of the
//! chunks of the body.

use super::limits::MAX_HEADER_LEN;
use super::varint::Reader;

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
pub(super) fn count(body_len: u32, size_log2: u8) -> u32 {
    let size = 1u32 << (size_log2 & 31);
    // Bodies are below 2^31.
    body_len.wrapping_add(size.wrapping_sub(1)) >> (size_log2 & 31)
}
