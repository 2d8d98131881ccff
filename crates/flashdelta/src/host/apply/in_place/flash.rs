//! A slot, a scratch area and a journal in two files.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};

use sha2::{Digest as _, Sha256};

use super::head::{self, Head};
use crate::device::nor::Slot;
use crate::device::nor::{Flash, ReadFlash, Records};
use crate::device::update::in_place::{is_unfinished, InPlaceLayout};

/// Both files as one flash: the slot, the scratch area, the journal.
#[derive(Clone, Copy)]
pub(super) struct FileFlash<'a> {
    pub(super) slot: &'a File,
    pub(super) journal: &'a File,
    pub(super) head: Head,
}

impl FileFlash<'_> {
    pub(super) fn layout(&self) -> InPlaceLayout {
        let slot = Slot::new(0, self.head.slot_len);
        let (scratch, journal) = (self.head.scratch_area(), self.head.journal_area());
        InPlaceLayout { slot, scratch, journal }
    }

    /// Whether the journal says that the slot holds neither image. What cannot be read may say so.
    pub(super) fn is_unfinished(self) -> bool {
        is_unfinished(self, self.head.journal_area()).unwrap_or(true)
    }

    /// Whether the update has begun at all.
    pub(super) fn has_begun(self) -> bool {
        let journal = self.head.journal_area();
        let records = Records::new(self, journal.start, journal.len);
        !records.is_ok_and(|records| records.len().is_none())
    }

    /// The file that holds these bytes, and where in it.
    fn place(&self, offset: u32) -> (&File, u64) {
        match offset.checked_sub(self.head.slot_len) {
            None => (self.slot, offset.into()),
            Some(into) => (self.journal, u64::from(into) + head::LEN as u64),
        }
    }

    /// Whether the slot holds the new image.
    pub(super) fn holds_new(&self) -> io::Result<bool> {
        let mut slot = self.slot;
        slot.seek(SeekFrom::Start(0))?;
        let (mut sha, mut left) = (Sha256::new(), self.head.new_size as usize);
        let mut piece = vec![0; 1 << 16];
        while left > 0 {
            let most = piece.len().min(left);
            let count = slot.read(&mut piece[..most])?;
            if count == 0 {
                return Ok(false);
            }
            sha.update(&piece[..count]);
            left -= count;
        }
        Ok(sha.finalize()[..] == self.head.new_digest)
    }

    fn put(&mut self, offset: u32, bytes: &[u8]) -> io::Result<()> {
        let (mut file, at) = self.place(offset);
        file.seek(SeekFrom::Start(at))?;
        file.write_all(bytes)
    }
}

impl ReadFlash for FileFlash<'_> {
    type Error = io::Error;

    fn size(&self) -> usize {
        let end = self.head.journal_area();
        end.start.saturating_add(end.len) as usize
    }

    fn read_unit(&self) -> usize {
        1
    }

    fn read_at(&mut self, offset: u32, bytes: &mut [u8]) -> io::Result<()> {
        let (mut file, at) = self.place(offset);
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

impl Flash for FileFlash<'_> {
    fn write_unit(&self) -> usize {
        self.head.unit as usize
    }

    fn sector(&self) -> usize {
        self.head.sector as usize
    }

    fn erase_at(&mut self, offset: u32) -> io::Result<()> {
        self.put(offset, &vec![0xFF; self.head.sector as usize])
    }

    fn write_at(&mut self, offset: u32, bytes: &[u8]) -> io::Result<()> {
        self.put(offset, bytes)
    }
}
