//! A simulated device: two slots, a store for patches, records, and a bootloader that starts a new
//! image once and goes back if it is not confirmed.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use flashdelta::group::ImageId;
use flashdelta::nor::Slot;

use crate::flash::{Flash, SECTOR};
use crate::patch::start_of_sha256;

pub(crate) const SLOT_LEN: u32 = 128 << 10;
const SLOTS: [Slot; 2] = [Slot::new(0, SLOT_LEN), Slot::new(SLOT_LEN, SLOT_LEN)];
/// Where a patch is received.
pub(crate) const STORE: Slot = Slot::new(2 * SLOT_LEN, 64 << 10);
/// What a node of the group remembers: two sectors.
pub(crate) const RECORDS: u32 = STORE.start + STORE.len;
pub(crate) const RECORDS_LEN: u32 = 2 * SECTOR;
const FLASH_LEN: u32 = RECORDS + RECORDS_LEN;

/// What the bootloader remembers: a small file, replaced as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct BootRecord {
    /// The slot whose image is known to work.
    good: usize,
    /// The other one is to be started once.
    tries: bool,
    /// Lengths of the images, as their headers would have them.
    lens: [u32; 2],
}

/// A device that has booted.
#[derive(Debug)]
pub(crate) struct Board {
    folder: PathBuf,
    pub(crate) flash: Flash,
    record: BootRecord,
    runs: usize,
}

impl Board {
    /// Makes a device with this image, if the folder has none.
    pub(crate) fn make(folder: &Path, image: &Path) -> Result<()> {
        if folder.join("boot").exists() {
            return Ok(());
        }
        std::fs::create_dir_all(folder)?;
        let mut flash =
            std::fs::read(image).with_context(|| format!("cannot read {}", image.display()))?;
        let lens = [flash.len() as u32, 0];
        flash.resize(FLASH_LEN as usize, 0xFF);
        std::fs::write(folder.join("flash"), flash)?;
        BootRecord { good: 0, tries: false, lens }.write(folder)
    }

    /// The device is reset: the bootloader starts an image, one that is on trial once.
    pub(crate) fn boot(folder: &Path) -> Result<Self> {
        let mut record = BootRecord::read(folder)?;
        let runs = if record.tries { 1 - record.good } else { record.good };
        record.tries = false;
        record.write(folder)?;
        let flash = Flash::open(&folder.join("flash"))?;
        Ok(Self { folder: folder.to_owned(), flash, record, runs })
    }

    pub(crate) fn running(&self) -> Slot {
        SLOTS[self.runs]
    }

    pub(crate) fn other(&self) -> Slot {
        SLOTS[1 - self.runs]
    }

    /// The image that runs.
    pub(crate) fn image(&self) -> ImageId {
        let start = self.running().start;
        start_of_sha256(&self.flash.contents(start..start + self.record.lens[self.runs]))
    }

    /// An image of so many bytes is in the other slot.
    pub(crate) fn has_made(&mut self, len: u32) -> Result<()> {
        self.record.lens[1 - self.runs] = len;
        self.record.write(&self.folder)
    }

    /// The other slot is started next, once.
    pub(crate) fn select_other(&mut self) -> Result<()> {
        self.record.tries = self.record.good == self.runs;
        self.record.write(&self.folder)
    }

    /// What runs works.
    pub(crate) fn confirm(&mut self) -> Result<()> {
        (self.record.good, self.record.tries) = (self.runs, false);
        self.record.write(&self.folder)
    }

    /// The other slot is started from now on: its image is known to work.
    pub(crate) fn go_back(&mut self) -> Result<()> {
        (self.record.good, self.record.tries) = (1 - self.runs, false);
        self.record.write(&self.folder)
    }
}

impl BootRecord {
    fn read(folder: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(folder.join("boot"))
            .with_context(|| format!("no device in {}: --image makes one", folder.display()))?;
        let mut numbers = text.split_whitespace().map(str::parse::<u32>);
        let mut next = || numbers.next().context("the file `boot` is cut short")?.context("boot");
        let (good, tries) = (next()?.min(1) as usize, next()? != 0);
        Ok(Self { good, tries, lens: [next()?, next()?] })
    }

    fn write(self, folder: &Path) -> Result<()> {
        let Self { good, tries, lens: [a, b] } = self;
        let new = folder.join("boot.new");
        std::fs::write(&new, format!("{good} {} {a} {b}\n", u8::from(tries)))?;
        Ok(std::fs::rename(new, folder.join("boot"))?)
    }
}
