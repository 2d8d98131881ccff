//! What goes wrong when files and folders are read.

use flashdelta::archive::folder::FolderError;
use flashdelta::manifest::PartsError;
use flashdelta::{InputError, ReadError};
use pyo3::prelude::*;

use super::exception::{file, io, Exception};

/// A file, a folder or a manifest could not be read.
pub(crate) fn input(py: Python<'_>, error: &InputError) -> PyErr {
    match error {
        InputError::File(ReadError::Read { path, error }) => io(py, "read", path, error),
        InputError::File(ReadError::TooLarge { found, limit, .. }) => {
            too_large(py, error.code(), (*found, *limit)).raise(&error.to_string())
        }
        InputError::Folder(error) => folder(py, error),
        InputError::Parts(error) => parts(py, error),
        _ => Exception::new(py, "FileError", error.code()).raise(&error.to_string()),
    }
}

/// There is more than can be read.
fn too_large<'py>(py: Python<'py>, kind: &str, (found, limit): (u64, u64)) -> Exception<'py> {
    Exception::new(py, "TooLargeError", kind).field("found", found).field("limit", limit)
}

/// A folder could not be packed or written.
pub(crate) fn folder(py: Python<'_>, error: &FolderError) -> PyErr {
    match error {
        FolderError::Io { path, error: fault, .. } => {
            file(py, &error.to_string(), error.code(), path, fault, None)
        }
        FolderError::TooLarge { found, limit, .. } => {
            too_large(py, error.code(), (*found, *limit)).raise(&error.to_string())
        }
        _ => Exception::new(py, "OptionError", error.code())
            .advised(error.remedy())
            .raise(&error.to_string()),
    }
}

/// The parts that a JSON file names could not be packed.
fn parts(py: Python<'_>, error: &PartsError) -> PyErr {
    match error {
        PartsError::Folder(error) => folder(py, error),
        _ => Exception::new(py, "OptionError", error.code())
            .advised(error.remedy())
            .raise(&error.to_string()),
    }
}
