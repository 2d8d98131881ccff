//! What goes wrong when a patch between files is applied.

use std::io;
use std::path::Path;

use flashdelta::apply::{map_images, ErrorClass, OutOfBounds};
use flashdelta::bundle::BundleError;
use flashdelta::door::PatchError;
use flashdelta::file::FileError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::applying::{apply_as, ram};
use super::exception::{cancelled, io, Exception};
use super::image::image_as;
use super::input::input;
use super::making::hole;
use super::signing::verify;
use crate::fault::{ApplyError, Fault};

/// Applying a patch of any kind failed. `files`: the old and the new one, if they are files.
pub(crate) fn patch(py: Python<'_>, error: PatchError, files: Option<[&Path; 2]>) -> PyErr {
    let message = error.to_string();
    patch_as(py, error, &message, files)
}

fn patch_as(py: Python<'_>, error: PatchError, message: &str, files: Option<[&Path; 2]>) -> PyErr {
    let (code, remedy) = (error.code(), error.remedy());
    let new = |class| Exception::new(py, class, code).advised(remedy);
    let exception = match error {
        PatchError::Apply(error) => {
            let fault = |file: usize| {
                move |error: io::Error| match files {
                    Some(files) => Some(Fault::File(files[file].to_owned(), error)),
                    None => Some(Fault::Memory(OutOfBounds)),
                }
            };
            let error = map_images(error, fault(0), fault(1));
            return apply_as(py, error.unwrap_or(ApplyError::Poisoned), message);
        }
        PatchError::File(error) => return firmware_file(py, error, message),
        PatchError::Bundle(error) => return bundle(py, &error),
        PatchError::Input(error) => return input(py, &error),
        PatchError::Write(error) => {
            return io(py, "write", files.map_or(Path::new("new image"), |files| files[1]), &error)
        }
        PatchError::WrongRecords { error, .. } => return patch_as(py, *error, message, files),
        PatchError::Ram { needed, found } => return ram(py, needed, found),
        PatchError::Cancelled => return cancelled(py),
        PatchError::Verify(error) => return verify(py, error),
        PatchError::Hole(error) => return hole(py, &error),
        PatchError::BundleForDevice => new("OptionError"),
        PatchError::WrongWayRound => new("HeaderError"),
        PatchError::AlreadyNew => new("WrongBaseError"),
        _ => new("ApplyError"),
    };
    exception.raise(message)
}

/// The file around an image could not be read, or not be made.
fn firmware_file(py: Python<'_>, error: FileError, message: &str) -> PyErr {
    let (code, remedy) = (error.code(), error.remedy());
    let new = |class| Exception::new(py, class, code).advised(remedy);
    let exception = match error {
        FileError::Apply(error) => {
            let memory = |error| Some(Fault::Memory(error));
            let error = map_images(error, memory, memory);
            return apply_as(py, error.unwrap_or(ApplyError::Poisoned), message);
        }
        FileError::OldFile(fault) | FileError::Convert(fault) => {
            return image_as(py, &fault, message, false)
        }
        FileError::HostSection { problem } => new("HostSectionError").field("problem", problem),
        FileError::NeedsOldText => new("WrongBaseError"),
        FileError::NewFileMismatch { expected, found } => new("FileMismatchError")
            .field("expected", PyBytes::new(py, &expected))
            .field("found", PyBytes::new(py, &found)),
        _ => new("ApplyError"),
    };
    exception.raise(message)
}

/// A bundle could not be read or applied.
pub(crate) fn bundle(py: Python<'_>, error: &BundleError) -> PyErr {
    let (code, remedy) = (error.code(), error.remedy());
    let new = |class| Exception::new(py, class, code).advised(remedy);
    let of_member = || match error.class() {
        ErrorClass::DoesNotFit => new("UnsupportedPatchError"),
        _ => new("BundleError"),
    };
    let exception = match error {
        BundleError::NotABundle { offset } => new("HeaderError").field("offset", *offset),
        BundleError::UnsupportedVersion { found } => {
            new("UnsupportedPatchError").field("found", *found)
        }
        BundleError::UnknownFeature { bit } => new("UnsupportedPatchError").field("bit", *bit),
        BundleError::Truncated { expected, found } => {
            new("TruncatedError").field("fed", *found).field("expected", *expected)
        }
        BundleError::Trailing { expected, .. } => {
            new("TrailingInputError").field("expected", *expected)
        }
        BundleError::Checksum { expected, found } => {
            new("HeaderError").field("expected", *expected).field("found", *found)
        }
        BundleError::BadField { field, offset } => {
            new("HeaderError").field("field", *field).field("offset", *offset)
        }
        BundleError::NewTooLong { needed, limit } => {
            new("NewTooLongError").field("needed", *needed).field("capacity", *limit)
        }
        BundleError::OldMismatch { expected, found } => new("OldMismatchError")
            .field("expected", PyBytes::new(py, expected))
            .field("found", PyBytes::new(py, found)),
        BundleError::NewMismatch { expected, found } => new("NewMismatchError")
            .field("expected", PyBytes::new(py, expected))
            .field("found", PyBytes::new(py, found)),
        BundleError::Container { .. } => new("BundleError"),
        BundleError::Member { name, .. } => of_member().field("member", name),
        BundleError::Deflate { name, .. } => of_member().field("member", name),
        BundleError::Nested { name, .. } => of_member().field("member", name),
        BundleError::Cancelled => return cancelled(py),
        BundleError::TooDeep => new("BundleError"),
        _ => of_member(),
    };
    exception.raise(&error.to_string())
}
