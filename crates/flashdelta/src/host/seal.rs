//! A patch taken apart and put together again: the one place that knows what is after what.
//!
//! A patch can be made first and sealed later: chunk digests and signatures come to it without a
//! byte of its body or host section changing.

use core::fmt;
use core::ops::Range;

use sha2::{Digest as _, Sha256};

use crate::device::apply::SoftwareSha256;
use crate::device::error::codes;
use crate::device::format::chunks::{
    CHUNK_DIGEST_LEN, LARGEST_CHUNK, MOST_CHUNKS, MOST_SIGNATURES, SMALLEST_CHUNK,
};
use crate::device::format::{Chunks, HeaderError, PatchHeader};
use crate::device::verify::{message, Message, Signature};
use crate::host::encode::MapBytes;

/// With chunks of this size their digests take less than 2 % of a body.
pub(crate) const CHEAP_CHUNK: u8 = 10;

/// How large the chunks of a patch are to be.
#[allow(clippy::exhaustive_enums)] // There is nothing between.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum ChunkSize {
    /// No chunk digests: the smallest patch.
    #[default]
    None,
    /// The maker chooses: the largest chunks, up to 4 KiB, whose check fits the RAM of the device
    /// while the patch streams in.
    Auto,
    /// This many bytes: a power of two from 256 to 65536.
    Bytes(u32),
}

impl ChunkSize {
    /// The sizes that patches may have.
    pub const SIZES: Range<u32> = 1 << SMALLEST_CHUNK..(1 << LARGEST_CHUNK) + 1;

    /// Whether patches may have chunks of this size.
    pub fn is_possible(self) -> bool {
        match self {
            Self::None | Self::Auto => true,
            Self::Bytes(size) => size.is_power_of_two() && Self::SIZES.contains(&size),
        }
    }
}

/// A patch in parts.
#[derive(Clone, Debug)]
pub(crate) struct Parts<'a> {
    /// What its header says. The lengths, the root of the chunks and the number of signatures are
    /// set when the patch is put together.
    pub(crate) header: PatchHeader,
    pub(crate) maps: MapBytes,
    pub(crate) signatures: Vec<Signature>,
    pub(crate) body: &'a [u8],
    pub(crate) host: &'a [u8],
}

impl<'a> Parts<'a> {
    /// Takes a patch apart.
    ///
    /// # Errors
    ///
    /// [`SealError`] if it is no whole patch, or if it is not what its chunk digests say.
    pub(crate) fn split(patch: &'a [u8]) -> Result<Self, SealError> {
        let found = patch.len() as u64;
        let header =
            PatchHeader::parse(patch)?.ok_or(SealError::Truncated { found, expected: None })?;
        let expected = header.patch_len();
        if found < expected {
            return Err(SealError::Truncated { found, expected: Some(expected) });
        }
        if found > expected {
            return Err(SealError::Trailing { expected });
        }
        let (front, rest) = patch.split_at(header.body_offset() as usize);
        let (body, host) = rest.split_at(header.body_len as usize);
        let block = &front[header.header_len as usize..];
        let (block, table) = block.split_at(header.signatures_len() as usize);
        let map = usize::from(header.map_offset)..;
        let has_maps = header.map_len != 0 || header.map_counts != Default::default();
        let bytes = patch[map][..header.map_len.into()].to_vec();
        let parts = Self {
            header,
            maps: MapBytes(
                has_maps.then_some((header.map_counts, bytes)),
                header.hole_table(patch).to_vec(),
            ),
            signatures: Signature::list(block).collect(),
            body,
            host,
        };
        if let Some(chunks) = &header.chunks {
            let right = chunk_table(chunks.size(), body, host);
            if table != right || Sha256::digest(&right)[..] != chunks.root {
                return Err(SealError::WrongDigests);
            }
        }
        Ok(parts)
    }

    /// Gives a patch without chunk digests such digests: the cheapest to check of those that take
    /// less than 2 % of the body, and of those the ones whose table is one piece, if there are any:
    /// a forged piece of a table is found only when the table is complete. For patches whose maker
    /// said nothing.
    pub(crate) fn add_chunks(&mut self) {
        if self.header.chunks.is_none() {
            let parts = usize::from(!self.host.is_empty());
            let table =
                |log2: &u8| (self.body.len().div_ceil(1 << log2) + parts) * CHUNK_DIGEST_LEN;
            let cheapest = (CHEAP_CHUNK..=LARGEST_CHUNK).min_by_key(|log2| {
                let size = 1usize << log2;
                (table(log2) > size, size + table(log2))
            });
            self.header.chunks =
                Some(Chunks { size_log2: cheapest.unwrap_or(CHEAP_CHUNK), root: [0; 32] });
            self.signatures.clear();
        }
    }

    /// Adds a signature; one of the same key is replaced.
    ///
    /// # Errors
    ///
    /// [`SealError::TooManySignatures`].
    pub(crate) fn sign(&mut self, signature: Signature) -> Result<(), SealError> {
        self.signatures.retain(|other| other.key_id != signature.key_id);
        if self.signatures.len() >= usize::from(MOST_SIGNATURES) {
            return Err(SealError::TooManySignatures);
        }
        self.signatures.push(signature);
        Ok(())
    }

    /// What is signed: with the chunk digests and the mark of a signed patch in its header, which
    /// do not depend on what signatures there will be.
    pub(crate) fn message(&mut self) -> Message {
        self.header.signatures = self.header.signatures.max(1);
        let (header, _) = self.front();
        message(&mut SoftwareSha256, &header)
    }

    /// The header and the chunk table.
    fn front(&mut self) -> (Vec<u8>, Vec<u8>) {
        self.header.body_len = self.body.len() as u32;
        self.header.host_len = self.host.len() as u32;
        let mut table = Vec::new();
        if let Some(chunks) = &mut self.header.chunks {
            table = chunk_table(chunks.size(), self.body, self.host);
            chunks.root = Sha256::digest(&table).into();
        }
        (self.header.emit_with(&self.maps), table)
    }

    /// Puts the patch together.
    pub(crate) fn assemble(&mut self) -> Vec<u8> {
        self.header.signatures = self.signatures.len() as u8;
        let (mut bytes, table) = self.front();
        if !self.signatures.is_empty() {
            bytes.push(self.header.signatures);
        }
        for signature in &self.signatures {
            bytes.push(signature.algorithm);
            bytes.extend_from_slice(&signature.key_id);
            bytes.extend_from_slice(&signature.bytes);
        }
        bytes.extend_from_slice(&table);
        bytes.extend_from_slice(self.body);
        bytes.extend_from_slice(self.host);
        bytes
    }
}

/// The digests of all chunks of the body, and of the host section if there is one.
fn chunk_table(size: u32, body: &[u8], host: &[u8]) -> Vec<u8> {
    let host = (!host.is_empty()).then_some(host);
    body.chunks(size as usize)
        .chain(host)
        .flat_map(|chunk| Sha256::digest(chunk).into_iter().take(CHUNK_DIGEST_LEN))
        .collect()
}

/// Whether a body may have chunks of this size: there is a limit to their number.
pub(crate) fn has_too_many(size: u32, body_len: usize) -> bool {
    body_len.div_ceil(size as usize) > MOST_CHUNKS as usize
}

/// Why a patch cannot be taken apart or signed.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SealError {
    /// The header cannot be used.
    Header(HeaderError),
    /// The patch is not complete.
    Truncated {
        /// Bytes that there are.
        found: u64,
        /// Bytes of the whole patch, if its header is complete.
        expected: Option<u64>,
    },
    /// Something follows the patch.
    Trailing {
        /// Length of the patch in bytes.
        expected: u64,
    },
    /// The patch has chunk digests, and they are not those of its bytes.
    WrongDigests,
    /// It has four signatures by other keys: no patch has more.
    TooManySignatures,
}

codes! {
    impl[] SealError {
        Self::Truncated { .. } => "truncated", BadPatch, TransferAgain;
        Self::Trailing { .. } => "trailing-input", BadPatch, CutTrailing;
        Self::WrongDigests => "wrong-table", NotAuthentic, TransferAgain;
        Self::TooManySignatures => "too-many-signatures", Misuse;
    } else {
        Self::Header(error) => error;
    }
}

impl From<HeaderError> for SealError {
    fn from(error: HeaderError) -> Self {
        Self::Header(error)
    }
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(error) => error.fmt(f),
            Self::Truncated { found, expected } => write_truncated(f, *found, *expected),
            Self::Trailing { expected } => {
                write!(f, "the patch has {expected} bytes, but something follows it")
            }
            Self::WrongDigests => {
                f.write_str("the patch is damaged: its chunk digests are not those of its bytes")
            }
            Self::TooManySignatures => {
                write!(f, "the patch has {MOST_SIGNATURES} signatures by other keys already")
            }
        }
    }
}

impl core::error::Error for SealError {}

/// Says that a patch is not complete.
pub(crate) fn write_truncated(
    f: &mut fmt::Formatter<'_>,
    found: u64,
    expected: Option<u64>,
) -> fmt::Result {
    f.write_str("the patch is not complete: ")?;
    match expected {
        Some(expected) => write!(f, "it has {found} of {expected} bytes"),
        None => write!(f, "it ends after {found} bytes, in its header"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::{self, DiffOptions};

    fn sample() -> (Vec<u8>, Vec<u8>) {
        let file = |name: &str| {
            let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
            std::fs::read(folder.join("../../testdata/firmware").join(name)).unwrap()
        };
        (file("riscv-1.0.bin"), file("riscv-1.1.bin"))
    }

    fn made(options: &DiffOptions) -> diff::Patch {
        let (old, new) = sample();
        diff::diff(&old, &new, options).unwrap()
    }

    fn signature(key: u8) -> Signature {
        Signature { algorithm: 1, key_id: [key; 8], bytes: [key; 64] }
    }

    #[test]
    fn a_patch_is_the_same_when_it_is_put_together_again() {
        let mut host = DiffOptions::new().base(0x4200_0020);
        host.host_section = vec![7; 300];
        for options in [DiffOptions::new().base(0x4200_0020), DiffOptions::new(), host] {
            for chunks in [ChunkSize::None, ChunkSize::Auto, ChunkSize::Bytes(256)] {
                let mut bytes = made(&options.clone().chunks(chunks)).bytes;
                for key in 0..4 {
                    let mut parts = Parts::split(&bytes).unwrap();
                    assert!(parts.assemble() == bytes, "{chunks:?}, {key} signatures");
                    parts.add_chunks();
                    parts.sign(signature(key)).unwrap();
                    bytes = parts.assemble();
                }
                let mut parts = Parts::split(&bytes).unwrap();
                assert_eq!(parts.sign(signature(9)), Err(SealError::TooManySignatures));
                parts.sign(signature(1)).unwrap();
                let keys: Vec<_> = parts.signatures.iter().map(|s| s.key_id[0]).collect();
                assert_eq!(keys, [0, 2, 3, 1]);
            }
        }
    }

    #[test]
    fn the_table_of_a_patch_that_had_none_is_one_piece() {
        let plain = made(&DiffOptions::new()).bytes;
        for kib in [1usize, 63, 64, 65, 70, 100, 300, 400, 5000] {
            let body = vec![7; kib << 10];
            let mut parts = Parts::split(&plain).unwrap();
            parts.body = &body;
            parts.add_chunks();
            let size = parts.header.chunks.as_ref().unwrap().size();
            let table = chunk_table(size, &body, parts.host).len();
            assert!(
                table <= size as usize && table * 50 <= body.len(),
                "{kib} KiB: {table}, {size}"
            );
        }
    }

    #[test]
    fn what_is_signed_stays_when_signatures_come_and_changes_with_every_byte_before_them() {
        let plain = made(&DiffOptions::new()).bytes;
        let message = |patch: &[u8]| {
            let mut parts = Parts::split(patch).unwrap();
            parts.add_chunks();
            parts.message()
        };
        let expected = message(&plain);
        let mut parts = Parts::split(&plain).unwrap();
        parts.add_chunks();
        parts.sign(signature(1)).unwrap();
        let signed = parts.assemble();
        assert_eq!(message(&signed), expected);
        let header = PatchHeader::parse(&signed).unwrap().unwrap();
        assert_eq!(&expected[..16], b"flashdelta patch");
        assert_eq!(expected[16..], Sha256::digest(&signed[..header.header_len as usize])[..]);
        // Neither body nor host section has changed.
        let unsigned = PatchHeader::parse(&plain).unwrap().unwrap();
        let (before, after) = (unsigned.body_offset() as usize, header.body_offset() as usize);
        assert_eq!(plain[before..], signed[after..]);
        for at in after..signed.len() {
            let mut damaged = signed.clone();
            damaged[at] ^= 1;
            assert_eq!(Parts::split(&damaged).unwrap_err(), SealError::WrongDigests);
        }
    }

    #[test]
    fn chunks_cost_little_and_fit_the_device() {
        for (ram, percent) in [(6 << 10, 2), (8 << 10, 2), (16 << 10, 2), (64 << 10, 2)] {
            let options = DiffOptions::new().ram(ram);
            let (plain, patch) = (made(&options), made(&options.clone().chunks(ChunkSize::Auto)));
            let header = patch.header;
            assert!(header.ram + header.chunk_ram() <= ram, "{ram}: {header:?}");
            let more = patch.bytes.len() - plain.bytes.len();
            // Small devices pay with a body for smaller tables.
            assert!(more <= 100 + plain.bytes.len() * percent / 100, "{ram}: {more} bytes more");
        }
        let plain = made(&DiffOptions::new()).bytes;
        let mut parts = Parts::split(&plain).unwrap();
        parts.add_chunks();
        let more = parts.assemble().len() - plain.len();
        assert!(more <= 100 + plain.len() / 50, "{more} bytes more");
    }

    #[test]
    fn impossible_sizes_are_refused() {
        let (old, new) = sample();
        for size in [0, 1, 128, 257, 3 << 10, 1 << 17] {
            let options = DiffOptions::new().chunks(ChunkSize::Bytes(size));
            let error = diff::diff(&old, &new, &options).unwrap_err();
            assert_eq!(error, diff::DiffError::BadChunkSize { size });
        }
    }
}
