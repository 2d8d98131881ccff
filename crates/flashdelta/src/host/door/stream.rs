//! From file to file, without the images in memory where nothing is around them.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use super::apply::{applier, apply, is_new_image, is_streamable, Applied};
use super::error::PatchError;
use super::request::ApplyRequest;
use crate::device::apply::ErrorClass;
use crate::device::format::PatchHeader;
use crate::host::apply::{write_file, NewFile, OldFile};
use crate::host::archive::folder;
use crate::host::input::{Input, InputError};

/// What formats are recognised by, in bytes.
const PROBE: u64 = 4096;

/// Applies a patch or a bundle to an old file, folder or manifest, and writes what comes of it: a
/// folder to a new folder, anything else to a file.
///
/// Images without anything around them are not held in memory. A file gets its name when it is
/// complete and verified; something else at `new`, a pipe say, is written then.
///
/// # Errors
///
/// See [`PatchError`].
pub fn apply_file(
    old: &Path,
    patch: &[u8],
    new: &Path,
    request: ApplyRequest<'_>,
) -> Result<Applied, PatchError> {
    if let Some(old_image) = streamable(old, patch, &request) {
        if NewFile::is_replaceable(new) {
            return stream(old, old_image, patch, new, request);
        }
    }
    let input = Input::open_old(old, patch).map_err(PatchError::Input)?;
    let applied = apply(&input, patch, request)?;
    write(applied, new)
}

/// Writes what came of a patch.
pub(super) fn write(applied: Applied, new: &Path) -> Result<Applied, PatchError> {
    if applied.is_folder {
        folder::write(&applied.bytes, new)
            .map_err(|error| PatchError::Input(InputError::Folder(error)))?;
    } else {
        write_file(new, &applied.bytes).map_err(PatchError::Write)?;
    }
    Ok(Applied { bytes: Vec::new(), ..applied })
}

/// The old file, if it can be read anywhere and the patch is between images.
fn streamable(old: &Path, patch: &[u8], request: &ApplyRequest<'_>) -> Option<OldFile> {
    let image = OldFile::open(old).ok()?;
    let mut start = Vec::new();
    File::open(old).ok()?.take(PROBE).read_to_end(&mut start).ok()?;
    is_streamable(Cow::Owned(start), patch, request.output).then_some(image)
}

fn stream(
    old: &Path,
    old_image: OldFile,
    patch: &[u8],
    new: &Path,
    request: ApplyRequest<'_>,
) -> Result<Applied, PatchError> {
    let image = NewFile::create(new).map_err(PatchError::Write)?;
    match applier(request).run(patch, old_image, image) {
        Ok(update) => Ok(Applied {
            bytes: Vec::new(),
            len: update.header.new_size.into(),
            header: Some(update.header),
            bundle: None,
            is_folder: false,
            used_memory_of_records: false,
        }),
        Err(error) => {
            let error = PatchError::from(error);
            let header = PatchHeader::parse(patch).ok().flatten();
            let is_new = error.class() == ErrorClass::WrongBase
                && header.is_some_and(|header| {
                    std::fs::read(old).is_ok_and(|file| is_new_image(&file, &header))
                });
            Err(if is_new { PatchError::AlreadyNew } else { error })
        }
    }
}
