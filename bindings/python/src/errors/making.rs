//! What goes wrong when a patch or a release is made.

use flashdelta::diff::DiffError;
use flashdelta::door::DoorError;
use flashdelta::file::MakeError;
use flashdelta::holes::HoleError;
use flashdelta_fleet::release::ReleaseError;
use pyo3::prelude::*;

use super::exception::{cancelled, io, Exception};
use super::image::{image, image_as};
use super::input::input;
use super::signing::verify;

/// Making a patch between two inputs failed.
pub(crate) fn door(py: Python<'_>, error: &DoorError) -> PyErr {
    let class = match error {
        DoorError::Make(error) => return make(py, error),
        DoorError::NotForArchives { .. }
        | DoorError::NotForBinaries { .. }
        | DoorError::NotForVerbatim { .. }
        | DoorError::DamagedArchive { .. } => "OptionError",
        DoorError::NotWorking { .. } => "InternalError",
        _ => "DiffError",
    };
    Exception::new(py, class, error.code()).advised(error.remedy()).raise(&error.to_string())
}

/// A release cannot be built, or asked.
pub(crate) fn release(py: Python<'_>, error: &ReleaseError) -> PyErr {
    let class = match error {
        ReleaseError::File { path, error } => return io(py, "use", path, error),
        ReleaseError::Input(error) => return input(py, error),
        ReleaseError::Image { error, .. } => return image(py, error),
        ReleaseError::Make { error, .. } => return door(py, error),
        ReleaseError::NotAuthentic(error) => return verify(py, *error),
        ReleaseError::Key { .. } => "KeyFileError",
        ReleaseError::WrongPatch { .. } => "BadPatchError",
        ReleaseError::OtherProduct { .. } => "WrongDeviceError",
        ReleaseError::UnknownProfile { .. } => "DoesNotFitError",
        ReleaseError::Index { .. } => "ImageError",
        ReleaseError::Cancelled => return cancelled(py),
        _ => "OptionError",
    };
    Exception::new(py, class, error.code()).advised(error.remedy()).raise(&error.to_string())
}

/// Making a patch between files failed.
fn make(py: Python<'_>, error: &MakeError) -> PyErr {
    match error {
        MakeError::Diff(error) => diff(py, error),
        MakeError::OldFile(fault) | MakeError::NewFile(fault) => {
            image_as(py, fault, &error.to_string(), true)
        }
        MakeError::OldManifest(fault) | MakeError::NewManifest(fault) => {
            Exception::new(py, "ManifestError", error.code())
                .advised(error.remedy())
                .field("member", &fault.member)
                .raise(&error.to_string())
        }
        _ => Exception::new(py, "DiffError", error.code()).raise(&error.to_string()),
    }
}

/// Making a patch between images failed.
fn diff(py: Python<'_>, error: &DiffError) -> PyErr {
    let (code, remedy) = (error.code(), error.remedy());
    let new = |class| Exception::new(py, class, code).advised(remedy);
    let exception = match error {
        DiffError::TooLarge { found, limit } => {
            new("TooLargeError").field("found", *found).field("limit", *limit)
        }
        DiffError::ProfileTooSmall { profile, ram, codec, needed } => new("ProfileTooSmallError")
            .field("profile", profile)
            .field("ram", *ram)
            .field("codec", codec.name())
            .field("needed", *needed),
        DiffError::BadProfile { what } => new("BadProfileError").field("what", *what),
        DiffError::CodecNotInProfile { codec, profile, allowed } => {
            let allowed: Vec<_> = allowed.iter().map(|codec| codec.name()).collect();
            new("CodecNotInProfileError")
                .field("codec", codec.name())
                .field("profile", profile)
                .field("allowed", allowed)
        }
        DiffError::InstructionSetNotInProfile { isa, profile } => {
            new("IsaNotInProfileError").field("isa", isa.name()).field("profile", profile)
        }
        DiffError::CodecNotBuilt { codec } => new("DiffError").field("codec", codec.name()),
        DiffError::BadChunkSize { .. } => new("OptionError"),
        DiffError::Hole(error) => return hole(py, error),
        DiffError::Cancelled => return cancelled(py),
        _ => new("DiffError"),
    };
    exception.raise(&error.to_string())
}

/// An image cannot have holes, or not these; or they cannot be filled.
pub(crate) fn hole(py: Python<'_>, error: &HoleError) -> PyErr {
    Exception::new(py, "HoleError", error.code()).advised(error.remedy()).raise(&error.to_string())
}
