//! A whole update of a slot in a file.

use core::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _};
use std::path::Path;

use super::flash::FileFlash;
use super::head::{self, Head};
use super::SlotFileError;
use crate::device::apply::{ApplyOptions, Progress};
use crate::device::format::PatchHeader;
use crate::device::update::in_place::{InPlaceError, InPlaceLayout, InPlaceUpdate};
use crate::host::apply::{HeapApplier, HeapError, MemoryImage};

/// Updates the slot in the file `slot` by a patch that was made for it, as a device does: the
/// scratch area and the journal are in the file `journal`, which is made if it is not there and
/// removed at the end. An update that was killed goes on with the next call.
///
/// The file may be as long as the old image, and is as long as the new one then; or longer, as a
/// slot is, and keeps its length. Before an update begins the new image is made in memory.
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
    let checksum = header.checksum_in(patch).ok_or(InPlaceError::HeaderCutShort)?;
    let journal_len = InPlaceLayout::journal_len(&header, order.sector());
    let slot_file =
        OpenOptions::new().read(true).write(true).open(slot).map_err(SlotFileError::Slot)?;
    let wanted = || {
        let found = len_of(&slot_file)?;
        Ok::<_, SlotFileError>(Head::new((&header, order), checksum, journal_len, found))
    };
    let found = head::open(journal, slot)?;
    let is_new = found.is_none();
    let stage = match &found {
        Some((file, Some(head))) => {
            stage(FileFlash { slot: &slot_file, journal: file, head: *head }, &wanted()?)?
        }
        _ => Stage::Begin,
    };
    let mut head = wanted()?;
    if matches!(stage, Stage::Begin) {
        try_first(&slot_file, (&header, patch), options, &mut watch)?;
    }
    let journal_file = match found {
        Some((file, _)) => file,
        None => create(journal)?,
    };
    match stage {
        Stage::Begin => head.write(&journal_file).map_err(SlotFileError::Journal)?,
        Stage::GoOn(found) | Stage::TidyUp(found) => head = found,
    }
    if !matches!(stage, Stage::TidyUp(_)) {
        let flash = FileFlash { slot: &slot_file, journal: &journal_file, head };
        let layout = flash.layout();
        let flash = RefCell::new(flash);
        if let Err(error) = update((&flash, layout), &header, patch, options, &mut watch) {
            if !flash.into_inner().is_unfinished() {
                // Nothing has been written but the journal.
                if is_new { std::fs::remove_file(journal) } else { journal_file.set_len(0) }
                    .map_err(SlotFileError::Journal)?;
            }
            return Err(error);
        }
    }
    slot_file
        .set_len(head.end_len.into())
        .and_then(|()| slot_file.sync_all())
        .map_err(SlotFileError::Slot)?;
    std::fs::remove_file(journal).map_err(SlotFileError::Journal)?;
    Ok(header)
}

/// What is to be done.
enum Stage {
    /// Nothing is under way.
    Begin,
    /// The update goes on.
    GoOn(Head),
    /// It was killed after its last record, and has but to be tidied up.
    TidyUp(Head),
}

/// What is to be done where a journal is, by the layout that this was made with.
fn stage(flash: FileFlash<'_>, wanted: &Head) -> Result<Stage, SlotFileError> {
    let head = flash.head;
    let is_same = head.is_of(wanted);
    if flash.is_unfinished() {
        return if is_same { Ok(Stage::GoOn(head)) } else { Err(InPlaceError::OtherPatch.into()) };
    }
    if !flash.has_begun() || !flash.holds_new().map_err(SlotFileError::Slot)? {
        return Ok(Stage::Begin);
    }
    if is_same {
        return Ok(Stage::TidyUp(head));
    }
    // Another update than this one, which finds the file as it should be after that.
    flash.slot.set_len(head.end_len.into()).map_err(SlotFileError::Slot)?;
    Ok(Stage::Begin)
}

/// Makes the new image in memory: damage in the body of a patch without chunk digests would show
/// at the end only, when the old image is gone.
fn try_first(
    mut slot: &File,
    (header, patch): (&PatchHeader, &[u8]),
    options: ApplyOptions,
    watch: &mut dyn FnMut(Progress) -> core::ops::ControlFlow<()>,
) -> Result<(), SlotFileError> {
    let mut old = Vec::new();
    slot.rewind()
        .and_then(|()| slot.take(header.old_size.into()).read_to_end(&mut old))
        .map_err(SlotFileError::Slot)?;
    // Nothing is made yet, for whoever watches.
    let mut watch = |at: Progress| watch(Progress { written: 0, ..at });
    let new = MemoryImage::new(header.new_size);
    let applier = HeapApplier::new().options(options).watch(&mut watch);
    match applier.run(patch, &old[..], new) {
        Ok(_) => Ok(()),
        Err(HeapError::Cancelled) => Err(SlotFileError::Cancelled),
        Err(error) => Err(SlotFileError::Trial(error)),
    }
}

fn len_of(slot: &File) -> Result<u32, SlotFileError> {
    let len = slot.metadata().map_err(SlotFileError::Slot)?.len();
    u32::try_from(len)
        .map_err(|_| SlotFileError::Slot(io::Error::from(io::ErrorKind::FileTooLarge)))
}

fn create(journal: &Path) -> Result<File, SlotFileError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    options.open(journal).map_err(SlotFileError::Journal)
}

fn update(
    (flash, layout): (&RefCell<FileFlash<'_>>, InPlaceLayout),
    header: &PatchHeader,
    patch: &[u8],
    options: ApplyOptions,
    watch: &mut dyn FnMut(Progress) -> core::ops::ControlFlow<()>,
) -> Result<(), SlotFileError> {
    /// Bytes of the patch at a time.
    const PIECE: usize = 4096;
    let workspace = HeapApplier::new().exact(true).workspace(header);
    let mut workspace = workspace.map_err(SlotFileError::Trial)?;
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
