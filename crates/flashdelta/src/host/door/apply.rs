//! A patch of any kind and an old input: the output.

use core::ops::ControlFlow;

use sha2::{Digest as _, Sha256};

use super::error::PatchError;
use super::request::{ApplyRequest, Given};
use crate::device::apply::{ApplyError, ErrorClass, NewImage as _, OldImage, Progress};
use crate::device::format::PatchHeader;
use crate::device::update::holes::WithValues;
use crate::device::verify::{KeyId, VerifyError};
use crate::host::apply::{HeapError, MemoryImage};
use crate::host::archive::folder;
use crate::host::budget::Budget;
use crate::host::bundle::{self, BundleInfo};
use crate::host::facts::PatchFacts;
use crate::host::file::{FileError, Files, MemoryWarning, Output};
use crate::host::holes::{self, HoleError, HoleSource, Values};
use crate::host::image;
use crate::host::input::{Input, InputError, PATCH_MAGIC};
use crate::host::sign::authenticate;

/// What came of a patch.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Applied {
    /// The new file. A folder is packed: [`folder::write`](crate::archive::folder::write) makes it
    /// one again. Empty if it was written to a file already, or only [verified](super::verify).
    pub bytes: Vec<u8>,
    /// Its length in bytes.
    pub len: u64,
    /// What the patch says about itself; `None` of a bundle.
    pub header: Option<PatchHeader>,
    /// What the bundle says about itself; `None` of a patch.
    pub bundle: Option<BundleInfo>,
    /// Whether it is a folder.
    pub is_folder: bool,
    /// Whether the patch was made from a plain binary, and applied to the memory in a file of
    /// records.
    pub used_memory_of_records: bool,
    /// Why no device holds the plain binary that was asked for as it is: its parts are one after
    /// the other in it, whatever their addresses.
    pub memory_warnings: Vec<MemoryWarning>,
    /// The key that it is signed with, if a signature was required.
    pub key_id: Option<KeyId>,
}

impl Applied {
    /// What the patch, of this many bytes, says about itself.
    pub fn facts(&self, patch_len: usize) -> Option<PatchFacts> {
        let bundle = self.bundle.as_ref().map(|info| PatchFacts::of_bundle(info, patch_len));
        bundle.or_else(|| self.header.as_ref().map(PatchFacts::of))
    }
}

/// Applies a patch or a bundle to an old input, in memory.
///
/// # Errors
///
/// See [`PatchError`].
pub fn apply(
    old: &Input<'_>,
    patch: &[u8],
    request: ApplyRequest<'_>,
) -> Result<Applied, PatchError> {
    if !is_patch(patch) && old.is_patch() {
        return Err(PatchError::WrongWayRound);
    }
    let (request, key_id) = authentic(patch, request)?;
    check_values(patch, &request.values)?;
    let applied = match bundle::is_bundle(patch) {
        true => apply_bundle(old, patch, request)?,
        false => apply_plain(candidate(old, patch)?, patch, request)?,
    };
    Ok(Applied { key_id, ..applied })
}

/// Whether the patch has a hole for each value.
pub(super) fn check_values(patch: &[u8], values: &Values) -> Result<(), PatchError> {
    let holes = if values.is_empty() { Vec::new() } else { holes::list(patch) };
    let is_known = |name: &&str| {
        holes.iter().any(|hole| hole.name == *name && hole.source != Some(HoleSource::Kept))
    };
    match values.names().find(|name| !is_known(name)) {
        Some(name) => Err(PatchError::Hole(HoleError::Unknown { name: name.to_owned() })),
        None => Ok(()),
    }
}

/// Whether the patch is what it is vouched to be, and by which key: nothing of it is used before
/// that is known.
pub(super) fn authentic<'a>(
    patch: &[u8],
    mut request: ApplyRequest<'a>,
) -> Result<(ApplyRequest<'a>, Option<KeyId>), PatchError> {
    let verifier = request.heap.verifier.take();
    if bundle::is_bundle(patch) {
        return match verifier {
            Some(_) => Err(PatchError::Verify(VerifyError::Unsigned)),
            None => Ok((request, None)),
        };
    }
    let key_id = authenticate(patch, verifier)?;
    request.heap.is_authentic = true;
    Ok((request, key_id))
}

fn is_patch(bytes: &[u8]) -> bool {
    bytes.starts_with(&PATCH_MAGIC) || bundle::is_bundle(bytes)
}

fn apply_bundle(
    old: &Input<'_>,
    patch: &[u8],
    request: ApplyRequest<'_>,
) -> Result<Applied, PatchError> {
    if request.is_for_device() {
        return Err(PatchError::BundleForDevice);
    }
    let info = bundle::info(patch)?;
    // A manifest may be patched with its parts or without: the digest tells.
    let is_old = |file: &&[u8]| {
        <[u8]>::len(file) == info.old_size as usize
            && Sha256::digest(file).starts_with(&info.old_digest)
    };
    let file = old.candidates().find(is_old).unwrap_or_else(|| old.bytes());
    let mut nobody = |_: Progress| ControlFlow::Continue(());
    let watch: &mut dyn FnMut(Progress) -> ControlFlow<()> = match request.heap.watch {
        Some(watch) => watch,
        None => &mut nobody,
    };
    let made = bundle::apply_with(file, patch, request.heap.limit, watch);
    let bytes = made.map_err(|error| {
        let is_new = error.class() == ErrorClass::WrongBase
            && old.candidates().any(|file| Sha256::digest(file)[..] == info.new_digest);
        if is_new {
            PatchError::AlreadyNew
        } else {
            error.into()
        }
    })?;
    let len = bytes.len() as u64;
    let is_folder = folder::is(&bytes);
    if is_folder {
        // What could not be written is no good anywhere.
        folder::members(&bytes)
            .map_err(|error| PatchError::Input(InputError::Folder(error.into())))?;
    }
    Ok(Applied {
        is_folder,
        bytes,
        len,
        header: None,
        bundle: Some(info),
        used_memory_of_records: false,
        memory_warnings: Vec::new(),
        key_id: None,
    })
}

/// Which form of the old input the patch is for.
pub(super) fn candidate<'o>(old: &'o Input<'_>, patch: &[u8]) -> Result<&'o [u8], PatchError> {
    // Patches between images are made from files; from packed folders only where those are files.
    let file = old.file();
    match (file, PatchHeader::parse(patch)) {
        (Some(file), _) => Ok(file),
        (None, Err(error)) => Err(PatchError::Apply(ApplyError::Header(error))),
        (None, Ok(_)) => Ok(old.bytes()),
    }
}

fn apply_plain(old: &[u8], patch: &[u8], request: ApplyRequest<'_>) -> Result<Applied, PatchError> {
    let ApplyRequest { mut heap, output, values, any_values } = request;
    let mut watch = heap.watch.take();
    let mut tell = |progress: Progress| match &mut watch {
        Some(watch) => watch(progress),
        None => ControlFlow::Continue(()),
    };
    let total = PatchHeader::parse(patch).ok().flatten().map_or(0, |header| header.new_size);
    let mut before = |_| tell(Progress { total, ..Progress::default() });
    let files = Files::of_within(old, patch, &mut Budget::new(u64::MAX, &mut before))?;
    let new = MemoryImage::for_patch(old.len() as u64, patch.len() as u64);
    let new = MemoryImage::new(heap.limit.unwrap_or_else(|| new.capacity()));
    let image = WithValues::new(files.old_image(), Given(&values, any_values));
    let update = heap.watched_by(&mut tell).run(patch, image, new);
    let update = update.map_err(|error| match error {
        // The limit was checked before: it is memory that is missing.
        HeapError::Apply(ApplyError::Write { offset, .. }) => {
            FileError::OutOfMemory { needed: u64::from(offset) + 1 }.into()
        }
        error => PatchError::from(error),
    });
    let update = update.map_err(|error| wrong_base(error, old, &files, patch))?;
    let header = update.header;
    let mut after = |_| tell(Progress { written: total, total, ..Progress::default() });
    let budget = &mut Budget::new(u64::MAX, &mut after);
    let (bytes, memory_warnings) = files.finish_within(update.new.into_bytes(), output, budget)?;
    let len = bytes.len() as u64;
    let used_memory_of_records = files.reads_memory() && header.host_len == 0;
    Ok(Applied {
        bytes,
        len,
        header: Some(header),
        bundle: None,
        is_folder: false,
        used_memory_of_records,
        memory_warnings,
        key_id: None,
    })
}

/// The most frequent wrong base is an image that is up to date: says so. Of a file of records says
/// what was compared.
fn wrong_base(error: PatchError, old: &[u8], files: &Files<'_>, patch: &[u8]) -> PatchError {
    if error.class() != ErrorClass::WrongBase {
        return error;
    }
    if is_new(patch, &mut files.old_image()) || is_new(patch, &mut &old[..]) {
        return PatchError::AlreadyNew;
    }
    let format = image::detect(old);
    if !format.is_unpacked() {
        return error;
    }
    let is_memory = files.reads_memory();
    PatchError::WrongRecords { format, is_memory, error: Box::new(error) }
}

/// Whether a file starts with the new image of a patch.
pub(super) fn is_new(patch: &[u8], file: &mut impl OldImage) -> bool {
    let Ok(Some(header)) = PatchHeader::parse(patch) else { return false };
    let len = header.new_size;
    if len == 0 || file.len() < len {
        return false;
    }
    if header.has_holes() {
        let mut image = vec![0; len as usize];
        let is_read = file.read(0, &mut image).is_ok();
        let digest = Sha256::digest(holes::new_as_digested(patch, &header, &image));
        return is_read && digest[..] == header.new_digest;
    }
    let (mut hash, mut at, mut piece) = (Sha256::new(), 0, vec![0; 64 << 10]);
    while at < len {
        let count = (len - at).min(piece.len() as u32);
        let Some(piece) = piece.get_mut(..count as usize) else { return false };
        if file.read(at, piece).is_err() {
            return false;
        }
        hash.update(piece);
        at += count;
    }
    hash.finalize()[..] == header.new_digest
}

/// Whether nothing is around the images, so that the new one can be written as it is made. `start`:
/// the first bytes of the old file.
pub(super) fn is_streamable(start: &[u8], patch: &[u8], output: Output) -> bool {
    // What a device holds of a new file that is a container is known when that is complete.
    output == Output::Same
        && !bundle::is_bundle(patch)
        && image::detect(start) == image::Format::Raw
        && matches!(PatchHeader::parse(patch), Ok(Some(header)) if header.host_len == 0)
}
