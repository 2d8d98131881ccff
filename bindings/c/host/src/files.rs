//! Files, and what counts as one: folders, and JSON files with the parts that they name.

use std::path::Path;

use flashdelta::apply::{NewFile, NewImage as _};
use flashdelta::archive::folder::{self, FolderError};
use flashdelta::archive::Container;
use flashdelta::manifest::PartsError;
use flashdelta_c_abi::flashdelta_status::*;

use crate::error::Failure;

/// Reads a file as it is.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| Failure::file("read", path, &error))
}

/// Reads a file; a folder, or a JSON file with the parts that it names, is packed into one.
pub(crate) fn read_packed(path: &Path) -> Result<Vec<u8>, Failure> {
    if path.is_dir() {
        return Ok(folder::read(path)?);
    }
    let bytes = read(path)?;
    Ok(if flashdelta::manifest::names_parts(&bytes) {
        flashdelta::manifest::read_parts(path)?
    } else {
        bytes
    })
}

/// Does it hold other files?
pub(crate) fn is_container(file: &[u8]) -> bool {
    Container::detect(file) != Container::Whole
}

/// Writes a file whole: under a temporary name, which is changed once everything is on the disk.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let write = || {
        let mut file = NewFile::create(path)?;
        file.write(0, bytes)?;
        file.flush()?;
        file.commit()
    };
    write().map_err(|error| Failure::file("write", path, &error))
}

/// The same, for what may be a packed folder: that becomes a folder again.
pub(crate) fn write_unpacked(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    if folder::is(bytes) {
        return Ok(folder::write(bytes, path)?);
    }
    write(path, bytes)
}

/// An output must not be an input.
pub(crate) fn check_output(output: &Path, inputs: &[&Path]) -> Result<(), Failure> {
    let same = |path: &Path| std::fs::canonicalize(path).ok();
    let output_path = same(output);
    if output_path.is_some() && inputs.iter().any(|input| same(input) == output_path) {
        return Err(Failure::new(
            FLASHDELTA_ERR_FILE,
            format!("{} is also an input", output.display()),
        ));
    }
    Ok(())
}

impl From<FolderError> for Failure {
    fn from(error: FolderError) -> Self {
        let status = match error {
            FolderError::Io { .. } | FolderError::Exists { .. } => FLASHDELTA_ERR_FILE,
            _ => FLASHDELTA_ERR_FIRMWARE_FILE,
        };
        Self::new(status, error.to_string())
    }
}

impl From<PartsError> for Failure {
    fn from(error: PartsError) -> Self {
        match error {
            PartsError::Folder(error) => error.into(),
            error => Self::new(FLASHDELTA_ERR_FIRMWARE_FILE, error.to_string()),
        }
    }
}
