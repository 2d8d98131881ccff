//! What the file with the journal begins with.
//!
//! The scratch area and the journal follow, in this order. The head says where they are and of
//! which update: a journal has to be found also if another patch is given, with another layout.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use super::SlotFileError;
use crate::device::format::{crc32, InPlace, PatchHeader};
use crate::device::nor::Slot;

/// Whose file it is, and the version of the head.
const MAGIC: [u8; 8] = *b"FDslot\0\x01";

/// Numbers in the head.
const NUMBERS: usize = 8;

/// Bytes of the head: magic, numbers, digest, checksum of all these.
pub(super) const LEN: usize = MAGIC.len() + 4 * NUMBERS + 32 + 4;

/// An update, and where everything is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Head {
    /// Bytes that the file of the slot has in the end.
    pub(super) end_len: u32,
    /// Bytes of the slot, in whole sectors: what follows is in the file of the journal.
    pub(super) slot_len: u32,
    pub(super) sector: u32,
    /// Bytes of the scratch area.
    pub(super) scratch: u32,
    /// Bytes of the journal.
    pub(super) journal: u32,
    /// Bytes that are written at a time.
    pub(super) unit: u32,
    /// The checksum of the patch's header.
    pub(super) patch: u32,
    pub(super) new_size: u32,
    pub(super) new_digest: [u8; 32],
}

impl Head {
    /// Of the update that begins now, of a file of `found` bytes. `patch`: the checksum of its
    /// header. `journal`: bytes of the journal.
    pub(super) fn new(
        (header, order): (&PatchHeader, InPlace),
        patch: u32,
        journal: u32,
        found: u32,
    ) -> Self {
        let whole = if found == header.old_size { header.new_size } else { found };
        let needed = order.slot_len(header.old_size, header.new_size);
        let sector = order.sector();
        Self {
            end_len: whole.max(header.new_size),
            slot_len: found.max(needed).checked_next_multiple_of(sector).unwrap_or(u32::MAX),
            sector,
            scratch: order.scratch().saturating_mul(sector),
            journal,
            unit: 1 << header.granularity_log2.min(6),
            patch,
            new_size: header.new_size,
            new_digest: header.new_digest,
        }
    }

    /// Whether the other one is the head of the same update. How long the file of the slot is has
    /// changed since it began.
    pub(super) fn is_of(&self, other: &Self) -> bool {
        let (end_len, slot_len) = (self.end_len, self.slot_len);
        *self == Self { end_len, slot_len, ..*other }
    }

    /// Where the scratch area is, in the flash of both files.
    pub(super) fn scratch_area(&self) -> Slot {
        Slot::new(self.slot_len, self.scratch)
    }

    /// Where the journal is.
    pub(super) fn journal_area(&self) -> Slot {
        Slot::new(self.slot_len.saturating_add(self.scratch), self.journal)
    }

    fn numbers(&self) -> [u32; NUMBERS] {
        let Self { end_len, slot_len, sector, scratch, journal, unit, patch, new_size, .. } = *self;
        [end_len, slot_len, sector, scratch, journal, unit, patch, new_size]
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(self.numbers().map(u32::to_le_bytes).as_flattened());
        bytes.extend_from_slice(&self.new_digest);
        bytes.extend_from_slice(&crc32(&bytes).to_le_bytes());
        bytes
    }

    /// `None`: it was cut off, or damaged.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let (fields, checksum) = bytes.split_last_chunk::<4>()?;
        if bytes.len() != LEN || crc32(fields) != u32::from_le_bytes(*checksum) {
            return None;
        }
        let (numbers, new_digest) = fields.strip_prefix(&MAGIC)?.split_last_chunk::<32>()?;
        let (numbers, []) = numbers.as_chunks::<4>() else { return None };
        let numbers: Vec<_> = numbers.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect();
        let [end_len, slot_len, sector, scratch, journal, unit, patch, new_size] = numbers[..]
        else {
            return None;
        };
        let new_digest = *new_digest;
        let head =
            Self { end_len, slot_len, sector, scratch, journal, unit, patch, new_size, new_digest };
        Some(head)
    }

    /// Makes the file one in which nothing has begun yet.
    pub(super) fn write(&self, mut file: &File) -> io::Result<()> {
        file.set_len(0)?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&self.bytes())?;
        file.sync_all()
    }
}

/// Opens the file with the journal if it is there, and reads its head; none if that was never
/// written whole. Nothing is written.
pub(super) fn open(
    journal: &Path,
    slot: &Path,
) -> Result<Option<(File, Option<Head>)>, SlotFileError> {
    if is_same(journal, slot) {
        return Err(SlotFileError::JournalIsSlot);
    }
    let file = match OpenOptions::new().read(true).write(true).open(journal) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(SlotFileError::Journal)?,
    };
    let mut bytes = Vec::new();
    (&file).take(LEN as u64 + 1).read_to_end(&mut bytes).map_err(SlotFileError::Journal)?;
    // Whatever begins otherwise is somebody's data.
    if !bytes.iter().zip(&MAGIC).all(|(found, wanted)| found == wanted) {
        return Err(SlotFileError::NotAJournal);
    }
    let head = bytes.get(..LEN).and_then(Head::parse);
    if head.is_none() && bytes.len() > LEN {
        return Err(SlotFileError::NotAJournal);
    }
    Ok(Some((file, head)))
}

/// Whether both names are of one file.
fn is_same(one: &Path, other: &Path) -> bool {
    #[cfg(unix)]
    let id = |path: &Path| {
        use std::os::unix::fs::MetadataExt as _;
        path.metadata().map(|found| (found.dev(), found.ino()))
    };
    #[cfg(not(unix))]
    let id = Path::canonicalize;
    matches!((id(one), id(other)), (Ok(one), Ok(other)) if one == other)
}
