//! A patch and the old file: the new one.

use sha2::{Digest as _, Sha256};

use super::error::FileError;
use super::host::HostSection;
use super::make::old_text;
use super::output::Output;
use super::reading::{far_apart, Memory, MemoryOptions, MemoryWarning};
use crate::device::apply::{ApplyError, OutOfBounds};
use crate::device::format::PatchHeader;
use crate::device::predict::address_map::{AddressMaps, Segment};
use crate::host::apply;
use crate::host::budget::{unwatched, Budget};
use crate::host::holes;
use crate::host::image::{self, Format, Image, ReadOptions, WriteOptions};

/// Applies a patch to a firmware file.
///
/// The old file may also be the plain binary that a device holds, or be of records where the patch
/// was made from a plain binary, as long as the memory is that which the patch expects.
///
/// # Errors
///
/// See [`FileError`].
pub fn apply(old_file: &[u8], patch: &[u8], output: Output) -> Result<Vec<u8>, FileError> {
    let files = Files::of(old_file, patch)?;
    let new = apply::apply(files.old_image(), patch)?;
    files.finish(new, output)
}

/// The files around a patch, for programs that run the [`Applier`](crate::apply::Applier)
/// themselves.
///
/// ```
/// # use flashdelta::{apply, file::{self, Files, Output}, DiffOptions};
/// # let old = std::fs::read("../../testdata/firmware/cortex-m-1.0.s19")?;
/// # let new = std::fs::read("../../testdata/firmware/cortex-m-1.1.hex")?;
/// # let patch = file::diff(&old, &new, &DiffOptions::new().effort(1))?.bytes;
/// let files = Files::of(&old, &patch)?;
/// let image = apply::apply(files.old_image(), &patch)?;
/// assert_eq!(files.finish(image, Output::Same)?, new);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Files<'a> {
    old_file: &'a [u8],
    old: Memory<'a>,
    section: Option<HostSection>,
    /// Where the patch says that the new image is.
    base: Option<u32>,
}

impl<'a> Files<'a> {
    /// Reads the host section of a patch and the image in the old file. Does not yet check whether
    /// it is the right one.
    ///
    /// # Errors
    ///
    /// If the header or the host section of the patch cannot be used, or the old file cannot be
    /// read.
    pub fn of(old_file: &'a [u8], patch: &[u8]) -> Result<Self, FileError> {
        unwatched(|budget| Self::of_within(old_file, patch, budget))
    }

    /// The same, within a budget.
    pub(crate) fn of_within(
        old_file: &'a [u8],
        patch: &[u8],
        budget: &mut Budget<'_>,
    ) -> Result<Self, FileError> {
        let header = parse(patch)?;
        let section = section(&header, patch)?;
        let old = old_memory(old_file, (&header, patch), section.as_ref(), budget)?;
        Ok(Self { old_file, old, section, base: base(&header, patch) })
    }

    /// The image that the patch applies to.
    pub fn old_image(&self) -> &[u8] {
        &self.old.image
    }

    /// Whether the memory in the old file is taken, and not the file itself.
    pub fn reads_memory(&self) -> bool {
        self.old.is_memory()
    }

    /// Converts the new image to the requested output.
    ///
    /// # Errors
    ///
    /// If the new file cannot be given back, or not be converted.
    pub fn finish(&self, new_image: Vec<u8>, output: Output) -> Result<Vec<u8>, FileError> {
        unwatched(|budget| self.finish_within(new_image, output, budget)).map(|(file, _)| file)
    }

    /// The same, within a budget. Also says why no device holds a plain binary of a memory as it
    /// is, as far as that is known.
    pub(crate) fn finish_within(
        &self,
        new_image: Vec<u8>,
        output: Output,
        budget: &mut Budget<'_>,
    ) -> Result<(Vec<u8>, Vec<MemoryWarning>), FileError> {
        let section = self.section.as_ref();
        let new = section.and_then(|section| Some((section, section.new.as_ref()?)));
        let file = match new {
            Some((section, new)) => {
                let old = |budget: &mut Budget<'_>| {
                    old_text(&self.old, self.old_file, &section.memory, budget)
                };
                if output == Output::Binary {
                    let parts = new.memory_parts(old, budget).unwrap_or_default();
                    return Ok((new_image, far_apart(parts)));
                }
                new.render(new_image, section.memory.fill, old, budget)?
            }
            None => new_image,
        };
        let read = section.map_or_else(ReadOptions::default, |found| found.memory.read.clone());
        if output == Output::Binary {
            return binary(file, read, budget);
        }
        let Some(format) = output.format().filter(|format| *format != image::detect(&file)) else {
            return Ok((file, Vec::new()));
        };
        let base = self.base.filter(|_| image::detect(&file) == Format::Raw);
        let options = ReadOptions { base, ..read };
        let found = Image::parse_within(image::detect(&file), &file, &options, budget)
            .map_err(FileError::convert)?;
        let family = image::uf2::family(self.old_file);
        let options = WriteOptions { family, ..WriteOptions::default() };
        let file = found.write(format, &options).map_err(FileError::convert)?;
        Ok((file, Vec::new()))
    }
}

/// What a device holds of a file that was patched as it is.
fn binary(
    file: Vec<u8>,
    read: ReadOptions,
    budget: &mut Budget<'_>,
) -> Result<(Vec<u8>, Vec<MemoryWarning>), FileError> {
    match image::detect(&file) {
        format if format.is_unpacked() => {
            let options = MemoryOptions { read, ..MemoryOptions::default() };
            let memory =
                Memory::read_within(&file, &options, budget).map_err(FileError::convert)?;
            if memory.has_no_data() {
                return Err(FileError::Convert(image::ImageError::Empty));
            }
            let warnings = memory.warnings();
            Ok((memory.image.into_owned(), warnings))
        }
        format if format.is_wrapped() => {
            let found =
                Image::parse_within(format, &file, &read, budget).map_err(FileError::convert)?;
            let file = found.write(Format::Raw, &WriteOptions::default());
            Ok((file.map_err(FileError::convert)?, Vec::new()))
        }
        _ => Ok((file, Vec::new())),
    }
}

/// The header of a whole patch.
pub(super) fn parse(patch: &[u8]) -> Result<PatchHeader, ApplyError<OutOfBounds, OutOfBounds>> {
    PatchHeader::parse(patch)?
        .ok_or(ApplyError::Truncated { fed: patch.len() as u32, expected: None })
}

/// The host section of a patch, if it has one.
pub(super) fn section(
    header: &PatchHeader,
    patch: &[u8],
) -> Result<Option<HostSection>, FileError> {
    if header.host_len == 0 {
        return Ok(None);
    }
    let start = header.body_offset() as usize + header.body_len as usize;
    let bytes = patch.get(start..).and_then(|rest| rest.get(..header.host_len as usize));
    let cut_off = FileError::HostSection { problem: "the patch is cut off" };
    HostSection::parse(bytes.ok_or(cut_off)?).map(Some)
}

/// The image in the old file that the patch applies to.
fn old_memory<'a>(
    file: &'a [u8],
    (header, patch): (&PatchHeader, &[u8]),
    section: Option<&HostSection>,
    budget: &mut Budget<'_>,
) -> Result<Memory<'a>, FileError> {
    let fits = |image: &[u8]| {
        let start = image.get(..header.old_size as usize);
        start.is_some_and(|start| {
            let shown = holes::old_as_digested(patch, header, start);
            Sha256::digest(shown).starts_with(&header.old_digest)
        })
    };
    match section {
        Some(section) if section.old_in_order => {
            Memory::in_order(file, budget)?.ok_or(FileError::NeedsOldText)
        }
        Some(section) if section.old_is_memory => {
            Memory::read_within(file, &section.memory, budget).map_err(FileError::old_file)
        }
        // The patch was made from a plain binary, or from text that was too irregular.
        _ if !image::detect(file).is_unpacked() || fits(file) => Ok(Memory::plain(file)),
        _ => {
            let options = [0xff, 0].map(|fill| MemoryOptions { fill, ..MemoryOptions::default() });
            for options in options {
                match Memory::read_within(file, &options, budget) {
                    Ok(memory) if fits(&memory.image) => return Ok(memory),
                    Err(error) if error.is_stop() => return Err(FileError::old_file(error)),
                    _ => {}
                }
            }
            Ok(Memory::plain(file))
        }
    }
}

/// The address of the first byte of the new image, if the patch has a map of it.
fn base(header: &PatchHeader, patch: &[u8]) -> Option<u32> {
    let (mut words, mut maps) = (header.map_words(), AddressMaps::default());
    header.read_maps((patch, 0), &mut words, &mut maps).ok()?;
    let first = Segment::from_words(*maps.new.first()?);
    Some(first.address.wrapping_sub(first.offset))
}
