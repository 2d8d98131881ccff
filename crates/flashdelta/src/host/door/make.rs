//! Two inputs: the patch.

use super::apply::{apply, Applied};
use super::contradictions;
use super::error::{DoorError, PatchError};
use super::read::{check_damage, check_name, refuse_damaged, wrong, Read};
use super::request::{ApplyRequest, MakeRequest};
use super::warning::{FileWarning, Side, Warning};
use crate::device::format::PatchHeader;
use crate::host::budget::Budget;
use crate::host::bundle::{self, BundleError, BundleInfo, BundleOptions, BundlePatch};
use crate::host::diff::{ChunkSize, DiffError, DiffOptions, Report};
use crate::host::file::{self, FileError, MakeError, Memory, MemoryOptions, Output};
use crate::host::holes;
use crate::host::image::{self, elf, Format, Image, ImageError, ReadOptions, WriteOptions};
use crate::host::input::Input;

/// A patch, and how it came about.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Made {
    /// The patch or bundle.
    pub bytes: Vec<u8>,
    /// Which of them it is.
    pub kind: MadeKind,
    /// Inputs that are patched differently from what their name or format suggests.
    pub warnings: Vec<FileWarning>,
    /// Whether it was applied, and gave the new file.
    pub verified: bool,
}

/// What kind of patch it is.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub enum MadeKind {
    /// Between two images: devices apply it.
    Patch {
        /// What it says about itself.
        header: Box<PatchHeader>,
        /// How it came about.
        report: Box<Report>,
    },
    /// Between two files that hold others, both taken as a whole: that is smaller than a bundle.
    Whole {
        /// What it says about itself.
        header: Box<PatchHeader>,
    },
    /// A bundle: computers apply it.
    Bundle {
        /// What it says about itself.
        info: BundleInfo,
        /// Names of members of the old file from which none of the new file is made.
        unused: Vec<String>,
    },
}

/// Makes a patch that turns one input into another. The same arguments give the same bytes on every
/// machine.
///
/// Unless the request says otherwise, the patch is applied by the very call that users make,
/// [`apply`], and the result compared.
///
/// # Errors
///
/// See [`DoorError`].
pub fn make(old: &Input<'_>, new: &Input<'_>, request: &MakeRequest) -> Result<Made, DoorError> {
    if new.bytes().is_empty() && !request.allow_empty {
        return Err(DoorError::EmptyNew);
    }
    if old.is_verbatim() && new.is_verbatim() {
        check_verbatim(request)?;
    }
    let mut made = if old.is_container() || new.is_container() {
        make_bundle(old, new, request)?
    } else {
        make_patch(old, new, request)?
    };
    for (input, side) in [(old, Side::Old), (new, Side::New)] {
        let found = input.parts_warnings().iter().cloned();
        made.warnings.extend(found.map(|warning| Warning::Parts(warning).of(side)));
    }
    // Several who look may see the same.
    let mut told = Vec::new();
    made.warnings.retain(|warning| {
        let is_news = !told.contains(warning);
        if is_news {
            told.push(warning.clone());
        }
        is_news
    });
    if old.bytes() == new.bytes() {
        made.warnings.push(Warning::Same.of(Side::New));
    } else if old.bytes().is_empty() || old.holds_nothing() {
        made.warnings.push(Warning::EmptyOld.of(Side::Old));
    }
    if !request.no_verify {
        match holes::list(&made.bytes).is_empty() {
            true => prove(old, new, &made.bytes, request)?,
            false => prove_filled(old, new, &made.bytes, request)?,
        }
        made.verified = true;
    }
    Ok(made)
}

/// Refuses what says how files are read, where nothing is read of them.
fn check_verbatim(request: &MakeRequest) -> Result<(), DoorError> {
    let read = |strict| {
        let select = request.memory.read.select;
        MemoryOptions::new().read(ReadOptions::new().strict(strict).select(select))
    };
    let what = match request.memory.selects() {
        Some(what) => what,
        None if request.bundle != BundleOptions::default() => "how manifests are read",
        None if request.memory == read(false) => return Ok(()),
        None if request.memory == read(true) => "that files with wrong checksums are refused",
        None => "how files of records are read",
    };
    Err(DoorError::NotForVerbatim { what })
}

/// Applies the patch as a user does.
fn prove(
    old: &Input<'_>,
    new: &Input<'_>,
    patch: &[u8],
    request: &MakeRequest,
) -> Result<(), DoorError> {
    let mut watch = |_| request.diff.goes_on_at_the_end();
    let applied = apply(old, patch, ApplyRequest::new().exact(true).watch(&mut watch));
    judged(applied, new.bytes())
}

/// Whether a patch that was applied works.
fn judged(applied: Result<Applied, PatchError>, expected: &[u8]) -> Result<(), DoorError> {
    match applied {
        Ok(applied) if applied.bytes == expected => Ok(()),
        Err(error) if error.is_cancelled() => Err(MakeError::Diff(DiffError::Cancelled).into()),
        // The computer, and not the patch.
        Err(PatchError::File(FileError::OutOfMemory { needed })) => {
            Err(MakeError::NewFile(ImageError::OutOfMemory { needed }).into())
        }
        Err(PatchError::Bundle(BundleError::OutOfMemory { needed })) => {
            Err(MakeError::NewFile(ImageError::OutOfMemory { needed }).into())
        }
        Ok(_) => Err(DoorError::NotWorking { error: None }),
        Err(error) => Err(DoorError::NotWorking { error: Some(Box::new(error)) }),
    }
}

/// Applies a patch with holes as a user does: the new file's own bytes are given as values, where
/// values may be given, and all others come from the old file.
fn prove_filled(
    old: &Input<'_>,
    new: &Input<'_>,
    patch: &[u8],
    request: &MakeRequest,
) -> Result<(), DoorError> {
    let read = |input: &Input<'_>, wrong: fn(ImageError) -> MakeError| {
        let memory = match input.is_verbatim() {
            true => Memory::plain(input.bytes()),
            false => Memory::read(input.bytes(), &request.memory).map_err(wrong)?,
        };
        Ok::<_, MakeError>(memory.image.into_owned())
    };
    let old_image = read(old, MakeError::OldFile)?;
    let new_image = read(new, MakeError::NewFile)?;
    let found = holes::list(patch);
    let (given, expected) = holes::expected(&found, &old_image, &new_image)
        .map_err(|error| MakeError::Diff(error.into()))?;
    let output = if expected == new_image { Output::Same } else { Output::Binary };
    let expected = if output == Output::Same { new.bytes() } else { &expected };
    let mut watch = |_| request.diff.goes_on_at_the_end();
    let asked = ApplyRequest::new().exact(true).output(output).values(given).watch(&mut watch);
    judged(apply(old, patch, asked), expected)
}

/// Refuses a container whose members cannot be taken apart.
fn check_members(input: &Input<'_>, side: Side, request: &MakeRequest) -> Result<(), DoorError> {
    let found = bundle::check(input.bytes(), &request.bundle).map_err(|error| match side {
        Side::Old => MakeError::OldManifest(error),
        Side::New => MakeError::NewManifest(error),
    })?;
    refuse_damaged(&found, side, request)
}

fn make_bundle(old: &Input<'_>, new: &Input<'_>, request: &MakeRequest) -> Result<Made, DoorError> {
    let side = if old.is_container() { Side::Old } else { Side::New };
    for (given, what) in [
        (&request.old_elf, "the ELF file of the old image"),
        (&request.new_elf, "the ELF file of the new image"),
    ] {
        if given.is_some() {
            return Err(DoorError::NotForArchives { side, what });
        }
    }
    if !request.allow_empty && new.holds_nothing() {
        return Err(DoorError::EmptyNew);
    }
    if request.diff.identity.is_some() {
        let what = "the identity of devices, and the security counter";
        return Err(DoorError::NotForArchives { side, what });
    }
    if request.diff.in_place {
        let what = "one slot";
        return Err(DoorError::NotForArchives { side, what });
    }
    if request.diff.chunks != ChunkSize::None {
        let what = "chunk digests";
        return Err(DoorError::NotForArchives { side, what });
    }
    if !request.diff.holes.is_empty() || !request.holes.is_empty() {
        let what = "holes";
        return Err(DoorError::NotForArchives { side, what });
    }
    // To be strict is not to read differently.
    let mut memory = request.memory.clone();
    memory.read.strict = false;
    if memory != MemoryOptions::default() {
        let what = "how files of records are read";
        return Err(DoorError::NotForArchives { side, what });
    }
    let mut warnings = Vec::new();
    for (input, side) in [(old, Side::Old), (new, Side::New)] {
        match input.is_container() {
            false => warnings.extend(check_name(input, side, request)?),
            // Before anything is made of it.
            true if request.memory.read.strict => check_members(input, side, request)?,
            true => {}
        }
        let damage = check_damage(input, request).map_err(|error| wrong(side, error))?;
        let wrapped = image::wrapping(input.bytes()).map(Warning::Wrapped);
        warnings.extend(damage.into_iter().chain(wrapped).map(|warning| warning.of(side)));
    }
    let made = bundle::diff_with(old.bytes(), new.bytes(), &request.diff, &request.bundle)?;
    let BundlePatch { bytes, info, unused, warnings: found, .. } = made;
    for (found, side) in found.into_iter().zip([Side::Old, Side::New]) {
        warnings.extend(found.into_iter().map(|warning| Warning::Bundle(warning).of(side)));
    }
    // A device can apply it if it is a patch between both files as they are.
    let plain = bundle::plain_patch(&bytes).filter(|_| !old.is_packed() && !new.is_packed());
    let header = plain.and_then(|patch| PatchHeader::parse(patch).ok().flatten());
    let (bytes, kind) = match (plain, header) {
        (Some(patch), Some(header)) => {
            (patch.to_vec(), MadeKind::Whole { header: Box::new(header) })
        }
        _ => (bytes, MadeKind::Bundle { info, unused }),
    };
    Ok(Made { bytes, kind, warnings, verified: false })
}

fn make_patch(old: &Input<'_>, new: &Input<'_>, request: &MakeRequest) -> Result<Made, DoorError> {
    let mut warnings = Vec::new();
    let mut watch = |_| request.diff.goes_on();
    let budget = &mut Budget::new(u64::MAX, &mut watch);
    let old = Read::of(old, Side::Old, request, &mut warnings, budget)?;
    let new = Read::of(new, Side::New, request, &mut warnings, budget)?;
    if new.memory.has_no_data() && !request.allow_empty {
        return Err(DoorError::EmptyNew);
    }
    if let Some(what) = request.memory.selects() {
        if !old.memory.is_memory() && !new.memory.is_memory() {
            return Err(DoorError::NotForBinaries { what });
        }
    }
    let select = request.memory.read.select;
    if !select.is_all() {
        let targets = [&old, &new].map(|read| image::targets(read.input.bytes())).concat();
        if !select.chooses(&targets) {
            let error = ImageError::NotInFile { select, targets: Vec::new() };
            return Err(MakeError::new_file(error).into());
        }
    }
    warnings.extend(contradictions::check(&old, &new, request));
    let mut options = with_elf_maps(&old, &new, request, &mut warnings)?;
    for hole in &request.holes {
        let old = (&*old.memory.image, request.old_elf.as_deref());
        let new = (&*new.memory.image, request.new_elf.as_deref());
        let found = hole.find(old, new).map_err(|error| MakeError::Diff(error.into()))?;
        options = options.hole(found);
    }
    let packed = image::packed(&new.memory.image);
    let (old, new) = ((old.input.bytes(), old.memory), (new.input.bytes(), new.memory));
    let new_len = new.0.len();
    let made = file::diff_read(old, new, &options, &request.memory, budget)?;
    // A kind that cannot be patched well, and was not.
    if made.bytes.len() >= new_len / 2 && packed >= 0.5 {
        warnings.push(Warning::Packed { share: packed }.of(Side::New));
    }
    let kind = MadeKind::Patch { header: Box::new(made.header), report: Box::new(made.report) };
    Ok(Made { bytes: made.bytes, kind, warnings, verified: false })
}

/// The options, with what the ELF files tell of addresses.
fn with_elf_maps(
    old: &Read<'_>,
    new: &Read<'_>,
    request: &MakeRequest,
    warnings: &mut Vec<FileWarning>,
) -> Result<DiffOptions, DoorError> {
    let options = request.diff.clone();
    if request.old_elf.is_none() && request.new_elf.is_none() {
        return Ok(options);
    }
    let old_map = elf_map(old, request.old_elf.as_deref(), warnings)?;
    let new_map = elf_map(new, request.new_elf.as_deref(), warnings)?;
    Ok(options.address_maps(old_map, new_map))
}

/// Where an image is: what its ELF file says, or else what can be found out.
fn elf_map(
    read: &Read<'_>,
    elf_file: Option<&[u8]>,
    warnings: &mut Vec<FileWarning>,
) -> Result<image::AddressMap, DoorError> {
    let (image, side) = (&read.memory.image, read.side);
    let own = || image::address_map(image);
    let Some(elf_file) = elf_file else { return Ok(own()) };
    let map = elf::map_of_binary(elf_file, image.len()).ok_or(DoorError::NoElf { side })?;
    if !is_made_of(image, elf_file) {
        warnings.push(Warning::ElfOfAnotherBuild.of(side));
        return Ok(own());
    }
    Ok(map)
}

/// Whether an image holds the bytes of an ELF file. A few may have been changed since (checksums,
/// signatures).
fn is_made_of(image: &[u8], elf_file: &[u8]) -> bool {
    let zeros = WriteOptions::new().fill(0);
    let binary = Image::parse(elf_file, &ReadOptions::default())
        .and_then(|found| found.write(Format::Raw, &zeros));
    let Ok(binary) = binary else { return false };
    let equal = image.iter().zip(&binary).filter(|(a, b)| a == b).count();
    equal * 10 >= binary.len().min(image.len()) * 9
}
