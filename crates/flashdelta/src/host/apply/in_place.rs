//! Updates in one slot that is a file.

use core::cell::RefCell;
use core::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::device::apply::{ApplyOptions, Progress};
use crate::device::error::codes;
use crate::device::format::PatchHeader;
use crate::device::nor::{Flash, ReadFlash, Slot};
use crate::device::update::in_place::{is_unfinished, InPlaceError, InPlaceLayout, InPlaceUpdate};

/// Why the update of a slot in a file failed.
#[non_exhaustive]
#[derive(Debug)]
pub enum SlotFileError {
    /// The slot cannot be opened, read or written.
    Slot(io::Error),
    /// The journal cannot be opened, read or written.
    Journal(io::Error),
    /// The update does not go on.
    Update(InPlaceError<io::Error>),
    /// Whoever watches gave up. The next call goes on.
    Cancelled,
}

codes! {
    impl[] SlotFileError {
        Self::Slot(_) => "write-new", Io;
        Self::Journal(_) => "write-suspension", Io;
        Self::Cancelled => "cancelled", Cancelled;
    } else {
        Self::Update(error) => error;
    }
}

impl fmt::Display for SlotFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slot(error) => write!(f, "the slot cannot be used: {error}"),
            Self::Journal(error) => write!(f, "the journal cannot be used: {error}"),
            Self::Update(error) => error.fmt(f),
            Self::Cancelled => f.write_str("cancelled"),
        }
    }
}

impl core::error::Error for SlotFileError {}

impl From<InPlaceError<io::Error>> for SlotFileError {
    fn from(error: InPlaceError<io::Error>) -> Self {
        Self::Update(error)
    }
}

/// What the journal begins with, before the scratch area: whose it is, and how long the slot was.
const MAGIC: [u8; 8] = *b"FDslot\0\0";

/// Updates the slot in the file `slot` by a patch that was made for it, as a device does: the
/// scratch area and the journal are in the file `journal`, which is made if it is not there and
/// removed at the end. An update that was killed goes on with the next call.
///
/// The file may be as long as the old image, and is as long as the new one then; or longer, as a
/// slot is, and keeps its length.
///
/// # Errors
///
/// [`SlotFileError`]. If it is not about the journal, and that is not there, the slot is as it was.
pub fn apply_in_slot(
    slot: &Path,
    journal: &Path,
    patch: &[u8],
    options: ApplyOptions,
    mut watch: impl FnMut(Progress) -> core::ops::ControlFlow<()>,
) -> Result<PatchHeader, SlotFileError> {
    let header = PatchHeader::parse(patch)
        .map_err(InPlaceError::Header)?
        .ok_or(InPlaceError::HeaderCutShort)?;
    let order = header.in_place().ok_or(InPlaceError::NotInPlace)?;
    let unit = 1 << header.granularity_log2.min(6);
    let (mut flash, len, was_there) =
        FileFlash::open(slot, journal, (order.sector(), unit), &header)?;
    let slot_len = flash.slot_len;
    let scratch = Slot::new(slot_len, order.scratch().saturating_mul(order.sector()));
    let journal_len = InPlaceLayout::journal_len(&header, order.sector());
    let layout = InPlaceLayout {
        slot: Slot::new(0, slot_len),
        scratch,
        journal: Slot::new(scratch.start.saturating_add(scratch.len), journal_len),
    };
    flash.size = layout.journal.start.saturating_add(journal_len);
    // What was killed after its last record has but to be tidied up.
    let is_over = was_there
        && !is_unfinished(&mut flash, layout.journal).unwrap_or(true)
        && flash.holds_new(&header).map_err(SlotFileError::Slot)?;
    let flash = RefCell::new(flash);
    let made = match is_over {
        true => Ok(()),
        false => update((&flash, layout), &header, patch, options, &mut watch),
    };
    let mut flash = flash.into_inner();
    let remove = || std::fs::remove_file(journal).map_err(SlotFileError::Journal);
    if let Err(error) = made {
        if !is_unfinished(&mut flash, layout.journal).unwrap_or(true) {
            // Nothing has been written but the journal.
            remove()?;
        }
        return Err(error);
    }
    let whole = if len == header.old_size { header.new_size } else { len };
    flash.slot.set_len(whole.max(header.new_size).into()).map_err(SlotFileError::Slot)?;
    flash.slot.sync_all().map_err(SlotFileError::Slot)?;
    remove()?;
    Ok(header)
}

fn update(
    (flash, layout): (&RefCell<FileFlash>, InPlaceLayout),
    header: &PatchHeader,
    patch: &[u8],
    options: ApplyOptions,
    watch: &mut dyn FnMut(Progress) -> core::ops::ControlFlow<()>,
) -> Result<(), SlotFileError> {
    /// Bytes of the patch at a time.
    const PIECE: usize = 4096;
    // A hostile header may ask for a GiB: what is not there cannot be suspended either.
    let mut workspace = Vec::new();
    let needed = header.workspace_len();
    workspace
        .try_reserve_exact(needed)
        .map_err(|_| SlotFileError::Journal(io::Error::from(io::ErrorKind::OutOfMemory)))?;
    workspace.resize(needed, 0);
    let mut update = InPlaceUpdate::begin(flash, layout, &mut workspace, patch, options)?;
    loop {
        let progress = update.progress();
        if watch(progress).is_break() {
            return Err(SlotFileError::Cancelled);
        }
        let rest = patch.get(progress.taken as usize..).unwrap_or_default();
        if progress.done && rest.is_empty() {
            break;
        }
        let fed = update.feed(&rest[..rest.len().min(PIECE)])?;
        if fed == progress {
            // The patch is shorter than it says: that is an error of its own.
            break;
        }
    }
    Ok(update.finish()?)
}

/// Both files as one flash: the slot, the scratch area, the journal.
struct FileFlash {
    slot: File,
    journal: File,
    slot_len: u32,
    size: u32,
    sector: u32,
    unit: u32,
}

impl FileFlash {
    /// Opens both files. Gives how long the slot was before the update, and whether the journal was
    /// there.
    fn open(
        slot: &Path,
        journal: &Path,
        (sector, unit): (u32, u32),
        header: &PatchHeader,
    ) -> Result<(Self, u32, bool), SlotFileError> {
        let slot =
            OpenOptions::new().read(true).write(true).open(slot).map_err(SlotFileError::Slot)?;
        let found = slot.metadata().map_err(SlotFileError::Slot)?.len();
        let found = u32::try_from(found)
            .map_err(|_| SlotFileError::Slot(io::Error::from(io::ErrorKind::FileTooLarge)))?;
        let mut journal = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(journal)
            .map_err(SlotFileError::Journal)?;
        let mut head = [0; 12];
        let is_there = journal.read_exact(&mut head).is_ok() && head[..8] == MAGIC;
        let len = if is_there {
            u32::from_le_bytes([head[8], head[9], head[10], head[11]])
        } else {
            head[..8].copy_from_slice(&MAGIC);
            head[8..].copy_from_slice(&found.to_le_bytes());
            journal
                .seek(SeekFrom::Start(0))
                .and_then(|_| journal.write_all(&head))
                .map_err(SlotFileError::Journal)?;
            found
        };
        let order = header.in_place().ok_or(InPlaceError::NotInPlace)?;
        let needed = order.slot_len(header.old_size, header.new_size);
        let slot_len = found.max(needed).next_multiple_of(sector);
        Ok((Self { slot, journal, slot_len, size: 0, sector, unit }, len, is_there))
    }

    /// The file that holds these bytes, and where in it.
    fn place(&mut self, offset: u32) -> (&mut File, u64) {
        match offset.checked_sub(self.slot_len) {
            None => (&mut self.slot, offset.into()),
            Some(into) => (&mut self.journal, u64::from(into) + 12),
        }
    }

    /// Whether the slot holds the new image.
    fn holds_new(&mut self, header: &PatchHeader) -> io::Result<bool> {
        self.slot.seek(SeekFrom::Start(0))?;
        let (mut sha, mut left) = (Sha256::new(), header.new_size as usize);
        let mut piece = vec![0; 1 << 16];
        while left > 0 {
            let most = piece.len().min(left);
            let count = self.slot.read(&mut piece[..most])?;
            if count == 0 {
                return Ok(false);
            }
            sha.update(&piece[..count]);
            left -= count;
        }
        Ok(sha.finalize()[..] == header.new_digest)
    }

    fn put(&mut self, offset: u32, bytes: &[u8]) -> io::Result<()> {
        let (file, at) = self.place(offset);
        file.seek(SeekFrom::Start(at))?;
        file.write_all(bytes)
    }
}

impl ReadFlash for FileFlash {
    type Error = io::Error;

    fn size(&self) -> usize {
        self.size as usize
    }

    fn read_unit(&self) -> usize {
        1
    }

    fn read_at(&mut self, offset: u32, bytes: &mut [u8]) -> io::Result<()> {
        let (file, at) = self.place(offset);
        file.seek(SeekFrom::Start(at))?;
        let mut filled = 0;
        while filled < bytes.len() {
            match file.read(&mut bytes[filled..])? {
                // What no file has yet is erased.
                0 => {
                    bytes[filled..].fill(0xFF);
                    break;
                }
                count => filled += count,
            }
        }
        Ok(())
    }
}

impl Flash for FileFlash {
    fn write_unit(&self) -> usize {
        self.unit as usize
    }

    fn sector(&self) -> usize {
        self.sector as usize
    }

    fn erase_at(&mut self, offset: u32) -> io::Result<()> {
        self.put(offset, &vec![0xFF; self.sector as usize])
    }

    fn write_at(&mut self, offset: u32, bytes: &[u8]) -> io::Result<()> {
        self.put(offset, bytes)
    }
}

impl ReadFlash for &mut FileFlash {
    type Error = io::Error;

    fn size(&self) -> usize {
        (**self).size()
    }

    fn read_unit(&self) -> usize {
        (**self).read_unit()
    }

    fn read_at(&mut self, offset: u32, bytes: &mut [u8]) -> io::Result<()> {
        (**self).read_at(offset, bytes)
    }
}

impl Flash for &mut FileFlash {
    fn write_unit(&self) -> usize {
        (**self).write_unit()
    }

    fn sector(&self) -> usize {
        (**self).sector()
    }

    fn erase_at(&mut self, offset: u32) -> io::Result<()> {
        (**self).erase_at(offset)
    }

    fn write_at(&mut self, offset: u32, bytes: &[u8]) -> io::Result<()> {
        (**self).write_at(offset, bytes)
    }
}
