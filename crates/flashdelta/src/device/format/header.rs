//! The header of a patch.

#[cfg(feature = "verify")]
#[cfg(feature = "verify")]
use core::ops::Range;

#[cfg(feature = "verify")]
use super::chunks::{count, Chunks, CHUNK_DIGEST_LEN, SIGNATURE_LEN};
use super::codec::Codec;
#[cfg(feature = "holes")]
use super::holes::{Sizes, MAP_FOLLOWS};
use super::identity::Identity;
#[cfg(feature = "in-place")]
use super::in_place::{InPlace, Order};
use super::limits::{APPLIER_BYTES, DIGEST_LEN};
use super::map::MapCounts;
use super::tables::Tables;
use crate::device::isa::InstructionSet;

pub(crate) const MAGIC: [u8; 3] = *b"FDP";
pub(crate) const VERSION: u8 = 0;

/// RAM is stated in units of this.
pub(crate) const RAM_UNIT: u32 = 256;
/// The largest RAM that can be stated: 1 GiB.
pub(crate) const MAX_RAM_UNITS: u32 = 1 << 22;

/// What a patch says about itself.
///
/// [`parse`](Self::parse) takes it from the first bytes of a patch; the applier does so by itself.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PatchHeader {
    /// Version of the format.
    pub version: u8,
    /// How the body is coded.
    pub codec: Codec,
    /// The instruction set that references are predicted by.
    pub isa: InstructionSet,
    /// Binary logarithm of the unit in which the new image is written, 0 to 12: flash that writes 8
    /// bytes at a time has 3.
    pub granularity_log2: u8,
    /// RAM in bytes that a device needs, everything included: the workspace, and [`APPLIER_BYTES`]
    /// for the applier itself.
    pub ram: u32,
    /// Length of the old image in bytes, below 2^31.
    pub old_size: u32,
    /// Length of the new image in bytes, below 2^31.
    pub new_size: u32,
    /// Length of the body in bytes, below 2^31.
    pub body_len: u32,
    /// Length in bytes, below 2^31, of the host section after the body; 0 if there is none.
    /// Devices need not receive it.
    pub host_len: u32,
    /// Whether the new image ends with the SHA-256 of all before it, as ESP-IDF's application
    /// images do. Those 32 bytes cost nothing then: the applier computes them.
    pub has_own_digest: bool,
    /// Which devices the patch is for, if it says so.
    pub identity: Option<Identity>,
    /// The first 12 bytes of the SHA-256 of the old image. They guard against applying a patch to
    /// the wrong image by mistake, for which 96 bits are plenty; whoever finds two old images that
    /// share them still has to meet `new_digest` with the result.
    pub old_digest: [u8; 12],
    /// SHA-256 of the new image.
    pub new_digest: [u8; 32],
    /// The digests of the chunks of the body, if the patch has them.
    #[cfg(feature = "verify")]
    pub chunks: Option<Chunks>,
    /// The number of signatures that follow the header, 0 to 4.
    #[cfg(feature = "verify")]
    pub signatures: u8,
    /// Bytes of the table of holes, which is before the address map; 0 if there are none. Bit 15:
    /// the two bytes that address maps begin with are between them. (The RAM that patches state has
    /// no room for another field.)
    #[cfg(feature = "holes")]
    pub(crate) hole_span: u16,
    /// The order of an update in one slot; all 0 if there is none.
    #[cfg(feature = "in-place")]
    pub(crate) order: InPlace,
    /// Length of the header in bytes. What follows it begins the body, or tells where the body
    /// [begins](Self::body_offset).
    pub header_len: u32,
    pub(crate) tables: Tables,
    pub(crate) map_counts: MapCounts,
    /// Where the address map is in the header, and how many bytes it has; 0 of them if there is
    /// none.
    pub(crate) map_offset: u16,
    pub(crate) map_len: u16,
}

impl Default for PatchHeader {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl PatchHeader {
    /// A header before it is read. A constant, which is zeroed as a whole.
    const EMPTY: Self = Self {
        version: VERSION,
        codec: Codec::Raw,
        isa: InstructionSet::None,
        granularity_log2: 0,
        ram: 0,
        old_size: 0,
        new_size: 0,
        body_len: 0,
        host_len: 0,
        has_own_digest: false,
        identity: None,
        old_digest: [0; 12],
        new_digest: [0; 32],
        #[cfg(feature = "verify")]
        chunks: None,
        #[cfg(feature = "verify")]
        signatures: 0,
        #[cfg(feature = "holes")]
        hole_span: 0,
        #[cfg(feature = "in-place")]
        order: InPlace::NONE,
        header_len: 0,
        tables: Tables { slots: 0, shifts: 0, block_log2: 0 },
        map_counts: MapCounts { old: 0, new: 0, ranges: 0, shift: 0 },
        map_offset: 0,
        map_len: 0,
    };

    /// Bytes of workspace that the applier must be lent. They may start anywhere. More is welcome:
    /// it makes reading cheaper.
    pub fn workspace_len(&self) -> usize {
        (self.ram as usize).saturating_sub(APPLIER_BYTES)
    }

    /// Bytes of the new image that the body makes: all but its own digest.
    pub(crate) fn coded_size(&self) -> u32 {
        if cfg!(feature = "model") && self.has_own_digest {
            self.new_size.saturating_sub(DIGEST_LEN)
        } else {
            self.new_size
        }
    }

    /// Where in the patch the body starts: after the header, the signatures and the chunk table.
    pub fn body_offset(&self) -> u32 {
        #[cfg(feature = "verify")]
        {
            let front = self.signatures_len().wrapping_add(self.chunk_table_len());
            self.header_len.wrapping_add(front)
        }
        #[cfg(not(feature = "verify"))]
        self.header_len
    }

    /// Bytes of the whole patch: all that comes before the body, the body and the host section.
    pub fn patch_len(&self) -> u64 {
        u64::from(self.body_offset())
            .wrapping_add(self.body_len.into())
            .wrapping_add(self.host_len.into())
    }

    /// Bytes of the header that the address maps take: which bytes of both images are at which
    /// addresses.
    pub fn address_map_len(&self) -> u32 {
        // Their counts take two more.
        if self.map_len == 0 {
            0
        } else {
            u32::from(self.map_len) + 2
        }
    }
}

/// What is between the header and the body.
#[cfg(feature = "verify")]
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
    /// `None` if there is no such chunk.
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

#[cfg(feature = "holes")]
impl PatchHeader {
    /// Whether the patch has holes: ranges of the images that each device has for itself.
    pub fn has_holes(&self) -> bool {
        self.hole_len() != 0
    }

    /// Bytes of the table of holes.
    pub(crate) fn hole_len(&self) -> usize {
        usize::from(self.hole_span & !(1 << MAP_FOLLOWS))
    }

    /// Where the table of holes is in the header.
    pub(crate) fn hole_offset(&self) -> usize {
        let counts = usize::from(self.hole_span >> MAP_FOLLOWS).wrapping_mul(2);
        usize::from(self.map_offset).saturating_sub(counts.wrapping_add(self.hole_len()))
    }

    /// What of a patch is the table of its holes. `header`: the patch, or its first bytes.
    pub(crate) fn hole_table<'a>(&self, header: &'a [u8]) -> &'a [u8] {
        let rest = header.get(self.hole_offset()..).unwrap_or(&[]);
        rest.get(..self.hole_len()).unwrap_or(&[])
    }

    /// The lengths that holes depend on.
    pub(crate) fn hole_sizes(&self) -> Sizes {
        Sizes { old: self.old_size, coded: self.coded_size() }
    }
}

#[cfg(feature = "in-place")]
impl PatchHeader {
    /// How the patch is applied where there is one slot only, if it was made for that. Between two
    /// slots it is applied as any other.
    pub fn in_place(&self) -> Option<InPlace> {
        (!self.order.is_none()).then_some(self.order)
    }

    /// The same, with the lengths that it depends on.
    pub(crate) fn order(&self) -> Order {
        let (coded_size, new_size) = (self.coded_size(), self.new_size);
        Order { in_place: self.in_place(), coded_size, new_size }
    }

    /// The checksum that the header ends with: by it an unfinished update knows its patch. `front`:
    /// the patch, or its first bytes; `None` if the header is not all there.
    pub(crate) fn checksum_in(&self, front: &[u8]) -> Option<u32> {
        let checksum = front.get(..self.header_len as usize)?.last_chunk()?;
        Some(u32::from_le_bytes(*checksum))
    }
}
