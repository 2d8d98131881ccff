//! From file to file, without the images in memory where nothing is around them.

use std::fs::File;
use std::io::Seek as _;
use std::path::Path;

use super::apply::{apply, authentic, check_values, is_new, is_streamable, Applied};
use super::error::PatchError;
use super::request::{ApplyRequest, Given};
use crate::device::apply::{ErrorClass, OldImage};
use crate::device::update::holes::WithValues;
use crate::host::apply::{write_file, NewFile, OldFile};
use crate::host::archive::folder;
use crate::host::input::{Input, InputError};

/// What formats are recognised by, in bytes.
const PROBE: u32 = 4096;

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
    let input = if Input::is_packed_old(old, patch) {
        Input::open(old)
    } else {
        let mut file = Input::open_file(old).map_err(PatchError::Input)?;
        if let Some(image) = streamable(&mut file, patch, &request) {
            if NewFile::is_replaceable(new) {
                return stream(image, patch, new, request);
            }
        }
        Input::of_old_file(file, old)
    };
    let input = input.map_err(PatchError::Input)?;
    let applied = apply(&input, patch, request)?;
    write(applied, new)
}

/// Writes what came of a patch: a folder to a new folder, anything else to a file.
///
/// # Errors
///
/// See [`PatchError`].
pub fn write(applied: Applied, new: &Path) -> Result<Applied, PatchError> {
    if applied.is_folder {
        folder::write(&applied.bytes, new)
            .map_err(|error| PatchError::Input(InputError::Folder(error)))?;
    } else {
        write_file(new, &applied.bytes).map_err(PatchError::Write)?;
    }
    Ok(Applied { bytes: Vec::new(), ..applied })
}

/// The old file, if it can be read anywhere and the patch is between images. If not, it is at its
/// start again.
fn streamable(file: &mut File, patch: &[u8], request: &ApplyRequest<'_>) -> Option<OldFile> {
    let mut image = OldFile::of(file.try_clone().ok()?).ok()?;
    let mut start = vec![0; OldImage::len(&image).min(PROBE) as usize];
    let is_read = image.read(0, &mut start).is_ok();
    // Both have one position.
    file.rewind().ok()?;
    (is_read && is_streamable(&start, patch, request.output)).then_some(image)
}

fn stream(
    mut old: OldFile,
    patch: &[u8],
    new: &Path,
    request: ApplyRequest<'_>,
) -> Result<Applied, PatchError> {
    let (request, key_id) = authentic(patch, request)?;
    check_values(patch, &request.values)?;
    let image = NewFile::create(new).map_err(PatchError::Write)?;
    let updated = request.heap.run(
        patch,
        WithValues::new(Lent(&mut old), Given(&request.values, request.any_values)),
        image,
    );
    match updated.map(|update| update.header).map_err(PatchError::from) {
        Ok(header) => Ok(Applied {
            bytes: Vec::new(),
            len: header.new_size.into(),
            header: Some(header),
            bundle: None,
            is_folder: false,
            used_memory_of_records: false,
            memory_warnings: Vec::new(),
            key_id,
        }),
        Err(error) if error.class() == ErrorClass::WrongBase && is_new(patch, &mut old) => {
            Err(PatchError::AlreadyNew)
        }
        Err(error) => Err(error),
    }
}

/// An image that is needed again.
struct Lent<'o>(&'o mut OldFile);

impl OldImage for Lent<'_> {
    type Error = std::io::Error;

    fn len(&self) -> u32 {
        self.0.len()
    }

    fn read(&mut self, offset: u32, buf: &mut [u8]) -> Result<(), Self::Error> {
        self.0.read(offset, buf)
    }
}
