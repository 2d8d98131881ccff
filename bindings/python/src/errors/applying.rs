//! What goes wrong when a patch is applied.

use flashdelta::apply::{Damage, ErrorClass};
use flashdelta::HeaderError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::exception::{file, internal, Exception};
use super::signing::verify;
use crate::fault::{ApplyError, Fault, PushError};

/// Applying a patch failed.
pub(crate) fn apply(py: Python<'_>, error: ApplyError) -> PyErr {
    let message = error.to_string();
    apply_as(py, error, &message)
}

pub(super) fn apply_as(py: Python<'_>, error: ApplyError, message: &str) -> PyErr {
    let (code, remedy) = (error.code(), error.remedy());
    let new = |class| Exception::new(py, class, code).advised(remedy);
    let digest = |bytes: &[u8]| PyBytes::new(py, bytes);
    let exception = match error {
        ApplyError::Header(error) => return header(py, error),
        ApplyError::CodecNotBuilt { codec } => {
            new("UnsupportedPatchError").field("codec", codec.name())
        }
        ApplyError::InstructionSetNotBuilt { isa } => {
            new("UnsupportedPatchError").field("isa", isa.name())
        }
        ApplyError::WorkspaceTooSmall { needed, found } => {
            new("OutOfRamError").field("needed", needed).field("found", found)
        }
        ApplyError::OldTooShort { expected, found } => {
            new("OldTooShortError").field("expected", expected).field("found", found)
        }
        ApplyError::NewTooLong { needed, capacity } => {
            new("NewTooLongError").field("needed", needed).field("capacity", capacity)
        }
        ApplyError::Granularity { patch, device } => {
            new("DoesNotFitError").field("patch", patch).field("device", device)
        }
        ApplyError::NoIdentity => new("NoIdentityError"),
        ApplyError::WrongProduct { patch, device } => {
            new("WrongProductError").field("patch", patch).field("device", device)
        }
        ApplyError::WrongHardware { from, to, device } => new("WrongHardwareError")
            .field("hardware_from", from)
            .field("hardware_to", to)
            .field("device", device),
        ApplyError::Rollback { patch, device } => {
            new("RollbackError").field("patch", patch).field("device", device)
        }
        ApplyError::OldMismatch { expected, found, len } => new("OldMismatchError")
            .field("expected", digest(&expected))
            .field("found", digest(&found))
            .field("length", len),
        ApplyError::ReadOld { offset, error } => {
            return fault(py, message, "read-old", Some(offset), error)
        }
        ApplyError::ReadNew { offset, error } => {
            return fault(py, message, "read-new", Some(offset), error)
        }
        ApplyError::Write { offset, error } => {
            return fault(py, message, "write-new", Some(offset), error)
        }
        ApplyError::Finish { error } => return fault(py, message, "finish-new", None, error),
        ApplyError::Damaged { what, offset } => {
            new("DamagedError").field("what", what.to_string()).field("offset", offset).field(
                "source",
                if let Damage::CopyOutside { source } = what { Some(source) } else { None },
            )
        }
        ApplyError::Truncated { fed, expected } => {
            new("TruncatedError").field("fed", fed).field("expected", expected)
        }
        ApplyError::TrailingInput { expected } => {
            new("TrailingInputError").field("expected", expected)
        }
        ApplyError::NewMismatch { expected, found } => new("NewMismatchError")
            .field("expected", digest(&expected))
            .field("found", digest(&found)),
        ApplyError::HoleValueMissing { name } => new("HoleError").field("name", name.to_string()),
        ApplyError::HoleValueTooLong { name, .. } => {
            new("HoleError").field("name", name.to_string())
        }
        ApplyError::Poisoned => new("MisuseError"),
        _ => new("ApplyError"),
    };
    exception.raise(message)
}

/// The header of a patch cannot be used.
pub(crate) fn header(py: Python<'_>, error: HeaderError) -> PyErr {
    let (code, remedy) = (error.code(), error.remedy());
    let new = || {
        let class = match ApplyError::Header(error).class() {
            ErrorClass::DoesNotFit => "UnsupportedPatchError",
            _ => "HeaderError",
        };
        Exception::new(py, class, code).advised(remedy)
    };
    let exception = match error {
        HeaderError::NotAPatch { offset, found } => {
            new().field("offset", offset).field("found", found)
        }
        HeaderError::UnsupportedVersion { found } => new().field("found", found),
        HeaderError::Checksum { expected, found } => {
            new().field("expected", expected).field("found", found)
        }
        HeaderError::Unsupported { feature } => new().field("feature", feature.to_string()),
        HeaderError::UnknownFeature { bit } => new().field("bit", bit),
        HeaderError::UnknownCodec { found } => new().field("found", found),
        HeaderError::UnknownInstructionSet { found } => new().field("found", found),
        HeaderError::CutShort { offset } => new().field("offset", offset),
        HeaderError::BadNumber { offset } => new().field("offset", offset),
        HeaderError::TooLarge { offset, found, limit } => {
            new().field("offset", offset).field("found", found).field("limit", limit)
        }
        HeaderError::BadSegment { index } => new().field("index", index),
        HeaderError::LeftOver { count } => new().field("count", count),
        HeaderError::InconsistentWorkspace { stated, needed } => {
            new().field("stated", stated).field("needed", needed)
        }
        _ => new(),
    };
    exception.raise(&error.to_string())
}

/// The patch ends inside its header.
pub(crate) fn header_cut(py: Python<'_>, len: usize) -> PyErr {
    apply(py, ApplyError::Truncated { fed: len as u32, expected: None })
}

/// Reading or writing an image failed.
fn fault(py: Python<'_>, message: &str, kind: &str, offset: Option<u32>, fault: Fault) -> PyErr {
    match fault {
        Fault::Signal(error) => error,
        Fault::File(path, error) => file(py, message, kind, &path, &error, offset),
        Fault::Memory(_) => internal(py, message),
    }
}

pub(super) fn ram(py: Python<'_>, needed: u32, found: u32) -> PyErr {
    let error = flashdelta::apply::HeapError::<Fault, Fault>::Ram { needed, found };
    Exception::new(py, "OutOfRamError", error.code())
        .advised(error.remedy())
        .field("needed", needed)
        .field("found", found)
        .raise(&error.to_string())
}

/// Pushing a piece of a patch failed.
pub(crate) fn push(py: Python<'_>, error: PushError) -> PyErr {
    match error {
        PushError::Apply(error) => apply(py, error),
        PushError::Verify(error) => verify(py, error),
        PushError::Ram { needed, found } => ram(py, needed, found),
        PushError::Bundle => Exception::new(py, "UnsupportedPatchError", "bundle").raise(
            "this patch is a bundle, which devices do not apply: use flashdelta.apply or \
             flashdelta.apply_files",
        ),
    }
}
