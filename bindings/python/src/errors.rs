//! The errors of the library as exceptions of `flashdelta._errors`. A class there has the fields of
//! the variant here as attributes.

use std::io;
use std::path::Path;

use flashdelta::apply::{Damage, ErrorClass, OutOfBounds};
use flashdelta::archive::folder::FolderError;
use flashdelta::bundle::BundleError;
use flashdelta::diff::DiffError;
use flashdelta::file::{FileError, MakeError};
use flashdelta::image::ImageError;
use flashdelta::manifest::PartsError;
use flashdelta::HeaderError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict};

use crate::engine::{ApplyError, Failure, PushError};
use crate::image::format_name;
use crate::target::Fault;

/// An exception under construction: the class in `flashdelta._errors`, the kind, and the fields.
struct Exception<'py> {
    py: Python<'py>,
    class: &'static str,
    fields: Bound<'py, PyDict>,
}

impl<'py> Exception<'py> {
    fn new(py: Python<'py>, class: &'static str, kind: &str) -> Self {
        let new = Self { py, class, fields: PyDict::new(py) };
        new.field("kind", kind)
    }

    fn field(self, name: &str, value: impl IntoPyObject<'py>) -> Self {
        // Numbers and text always convert; what does not is missing rather than the reason for
        // another error.
        let _ = self.fields.set_item(name, value);
        self
    }

    fn raise(self, message: &str) -> PyErr {
        let kind = self
            .fields
            .get_item("kind")
            .ok()
            .flatten()
            .and_then(|kind| kind.extract::<String>().ok());
        let message = match what_to_do(self.class, kind.as_deref().unwrap_or_default()) {
            // Some messages of the library say it already.
            Some((known, advice)) if !message.contains(known) => format!("{message}; {advice}"),
            _ => message.to_owned(),
        };
        static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
        let make = || {
            let module = MODULE.get_or_try_init(self.py, || {
                self.py.import("flashdelta._errors").map(Bound::unbind)
            })?;
            module.bind(self.py).getattr(self.class)?.call((message,), Some(&self.fields))
        };
        make().map_or_else(|error| error, PyErr::from_value)
    }
}

/// What a caller can do about an error, and a word of messages that say it already.
fn what_to_do(class: &str, kind: &str) -> Option<(&'static str, &'static str)> {
    Some(match (class, kind) {
        ("HeaderError", "not-a-patch" | "not-a-bundle") => {
            ("again", "pass one that flashdelta.diff made")
        }
        ("TruncatedError", _) => ("again", "pass all of it, or get it again"),
        ("TrailingInputError", _) => ("again", "cut off what follows it, or get it again"),
        ("HeaderError" | "DamagedError" | "NewMismatchError" | "BundleError", _) => {
            ("again", "get the patch again")
        }
        ("OldTooShortError" | "OldMismatchError", _) => {
            ("pass", "pass the image that the patch was made from, or get the patch for this one")
        }
        ("NewTooLongError", _) => {
            ("raise", "give it more room: a higher limit, or a longer buffer")
        }
        ("NoIdentityError", _) => {
            ("leave", "make it with identity=Identity(...), or leave out device")
        }
        ("WrongProductError" | "WrongHardwareError", _) => ("get", "get the patch for this device"),
        ("RollbackError", _) => ("get", "get a patch to a newer image"),
        (
            "UnsupportedPatchError",
            "unsupported" | "unknown-feature" | "unknown-codec" | "unknown-isa",
        ) => ("update", "update flashdelta, or make the patch with this version of it"),
        ("FileMissingError", "write") => ("first", "make its folder first"),
        ("FileIsADirectoryError", _) => ("name", "name a file"),
        _ => return None,
    })
}

/// An argument that cannot be.
pub(crate) fn option(py: Python<'_>, message: &str) -> PyErr {
    Exception::new(py, "OptionError", "option").raise(message)
}

/// Something that cannot happen did.
pub(crate) fn internal(py: Python<'_>, message: &str) -> PyErr {
    Exception::new(py, "InternalError", "internal").raise(message)
}

/// The caller's callback asked to give up.
pub(crate) fn cancelled(py: Python<'_>) -> PyErr {
    Exception::new(py, "CancelledError", "cancelled")
        .raise("cancelled: the progress callback returned False")
}

/// A file could not be used. `verb`: read, write.
pub(crate) fn io(py: Python<'_>, verb: &str, path: &Path, error: &io::Error) -> PyErr {
    file(py, &format!("cannot {verb} {}: {error}", path.display()), verb, path, error, None)
}

fn file(
    py: Python<'_>,
    message: &str,
    kind: &str,
    path: &Path,
    error: &io::Error,
    offset: Option<u32>,
) -> PyErr {
    let class = match error.kind() {
        io::ErrorKind::NotFound => "FileMissingError",
        io::ErrorKind::PermissionDenied => "FilePermissionError",
        io::ErrorKind::IsADirectory => "FileIsADirectoryError",
        _ => "FileError",
    };
    let name = path.to_string_lossy();
    Exception::new(py, class, kind)
        .field("errno", error.raw_os_error())
        .field("strerror", error.to_string())
        .field("filename", name)
        .field("offset", offset)
        .raise(message)
}

/// Making a patch between files failed.
pub(crate) fn make(py: Python<'_>, error: &MakeError) -> PyErr {
    let new = |class, kind| Exception::new(py, class, kind);
    match error {
        MakeError::Diff(error) => diff(py, error),
        MakeError::OldFile(fault) | MakeError::NewFile(fault) => {
            let advice =
                advice(fault).map(|(name, value)| format!(" (read={{'{name}': {value}}})"));
            image_as(py, fault, &format!("{error}{}", advice.unwrap_or_default()))
        }
        MakeError::OldManifest(fault) | MakeError::NewManifest(fault) => {
            new("ManifestError", "manifest").field("member", &fault.member).raise(&format!(
                "{error}; mend it, or take it as any other file with accept_manifests=True"
            ))
        }
        _ => new("DiffError", "other").raise(&error.to_string()),
    }
}

/// Making a patch between images failed.
fn diff(py: Python<'_>, error: &DiffError) -> PyErr {
    let new = |class, kind| Exception::new(py, class, kind);
    let exception = match error {
        DiffError::TooLarge { found, limit } => {
            new("TooLargeError", "too-large").field("found", *found).field("limit", *limit)
        }
        DiffError::ProfileTooSmall { profile, ram, codec, needed } => {
            return new("ProfileTooSmallError", "profile-too-small")
                .field("profile", profile)
                .field("ram", *ram)
                .field("codec", codec.name())
                .field("needed", *needed)
                .raise(&format!("{error}; ram={needed} is enough"));
        }
        DiffError::BadProfile { what } => {
            new("BadProfileError", "bad-profile").field("what", *what)
        }
        DiffError::CodecNotInProfile { codec, profile, allowed } => {
            let allowed: Vec<_> = allowed.iter().map(|codec| codec.name()).collect();
            return new("CodecNotInProfileError", "codec-not-in-profile")
                .field("codec", codec.name())
                .field("profile", profile)
                .field("allowed", allowed)
                .raise(&format!("{error}; leave out codec, or use a profile whose device has it"));
        }
        DiffError::InstructionSetNotInProfile { isa, profile } => {
            return new("IsaNotInProfileError", "isa-not-in-profile")
                .field("isa", isa.name())
                .field("profile", profile)
                .raise(&format!("{error}; leave out isa, or use a profile whose device has it"));
        }
        DiffError::CodecNotBuilt { codec } => {
            new("DiffError", "codec-not-built").field("codec", codec.name())
        }
        DiffError::Cancelled => return cancelled(py),
        _ => new("DiffError", "other"),
    };
    exception.raise(&error.to_string())
}

/// The header of a patch cannot be used.
pub(crate) fn header(py: Python<'_>, error: HeaderError) -> PyErr {
    let new = |kind| {
        let class = match ApplyError::Header(error).class() {
            ErrorClass::DoesNotFit => "UnsupportedPatchError",
            _ => "HeaderError",
        };
        Exception::new(py, class, kind)
    };
    let exception = match error {
        HeaderError::NotAPatch { offset, found } => {
            new("not-a-patch").field("offset", offset).field("found", found)
        }
        HeaderError::UnsupportedVersion { found } => {
            new("unsupported-version").field("found", found)
        }
        HeaderError::Checksum { expected, found } => {
            new("checksum").field("expected", expected).field("found", found)
        }
        HeaderError::Unsupported { feature } => {
            new("unsupported").field("feature", feature.to_string())
        }
        HeaderError::UnknownFeature { bit } => new("unknown-feature").field("bit", bit),
        HeaderError::UnknownCodec { found } => new("unknown-codec").field("found", found),
        HeaderError::UnknownInstructionSet { found } => new("unknown-isa").field("found", found),
        HeaderError::CutShort { offset } => new("cut-short").field("offset", offset),
        HeaderError::BadNumber { offset } => new("bad-number").field("offset", offset),
        HeaderError::TooLarge { offset, found, limit } => {
            new("too-large").field("offset", offset).field("found", found).field("limit", limit)
        }
        HeaderError::BadSegment { index } => new("bad-segment").field("index", index),
        HeaderError::LeftOver { count } => new("left-over").field("count", count),
        HeaderError::InconsistentWorkspace { stated, needed } => {
            new("inconsistent-workspace").field("stated", stated).field("needed", needed)
        }
        _ => new("other"),
    };
    exception.raise(&error.to_string())
}

/// The patch ends inside its header.
pub(crate) fn header_cut(py: Python<'_>, len: usize) -> PyErr {
    apply(py, ApplyError::Truncated { fed: len as u32, expected: None })
}

/// Applying a patch failed.
pub(crate) fn apply(py: Python<'_>, error: ApplyError) -> PyErr {
    let message = error.to_string();
    let new = |class, kind| Exception::new(py, class, kind);
    let digest = |bytes: &[u8]| PyBytes::new(py, bytes);
    let exception = match error {
        ApplyError::Header(error) => return header(py, error),
        ApplyError::CodecNotBuilt { codec } => {
            new("UnsupportedPatchError", "codec-not-built").field("codec", codec.name())
        }
        ApplyError::InstructionSetNotBuilt { isa } => {
            new("UnsupportedPatchError", "isa-not-built").field("isa", isa.name())
        }
        ApplyError::WorkspaceTooSmall { needed, found } => {
            new("OutOfRamError", "workspace-too-small")
                .field("needed", needed)
                .field("found", found)
        }
        ApplyError::OldTooShort { expected, found } => new("OldTooShortError", "old-too-short")
            .field("expected", expected)
            .field("found", found),
        ApplyError::NewTooLong { needed, capacity } => new("NewTooLongError", "new-too-long")
            .field("needed", needed)
            .field("capacity", capacity),
        ApplyError::Granularity { patch, device } => {
            new("DoesNotFitError", "granularity").field("patch", patch).field("device", device)
        }
        ApplyError::NoIdentity => new("NoIdentityError", "no-identity"),
        ApplyError::WrongProduct { patch, device } => {
            new("WrongProductError", "wrong-product").field("patch", patch).field("device", device)
        }
        ApplyError::WrongHardware { from, to, device } => {
            new("WrongHardwareError", "wrong-hardware")
                .field("hardware_from", from)
                .field("hardware_to", to)
                .field("device", device)
        }
        ApplyError::Rollback { patch, device } => {
            new("RollbackError", "rollback").field("patch", patch).field("device", device)
        }
        ApplyError::OldMismatch { expected, found } => new("OldMismatchError", "old-mismatch")
            .field("expected", digest(&expected))
            .field("found", digest(&found)),
        ApplyError::ReadOld { offset, error } => {
            return fault(py, &message, "read-old", Some(offset), error)
        }
        ApplyError::ReadNew { offset, error } => {
            return fault(py, &message, "read-new", Some(offset), error)
        }
        ApplyError::Write { offset, error } => {
            return fault(py, &message, "write-new", Some(offset), error)
        }
        ApplyError::Finish { error } => return fault(py, &message, "finish-new", None, error),
        ApplyError::Damaged { what, offset } => new("DamagedError", "damaged")
            .field("what", what.to_string())
            .field("offset", offset)
            .field(
                "source",
                if let Damage::CopyOutside { source } = what { Some(source) } else { None },
            ),
        ApplyError::Truncated { fed, expected } => {
            new("TruncatedError", "truncated").field("fed", fed).field("expected", expected)
        }
        ApplyError::TrailingInput { expected } => {
            new("TrailingInputError", "trailing-input").field("expected", expected)
        }
        ApplyError::NewMismatch { expected, found } => new("NewMismatchError", "new-mismatch")
            .field("expected", digest(&expected))
            .field("found", digest(&found)),
        ApplyError::Poisoned => new("MisuseError", "poisoned"),
        _ => new("ApplyError", "other"),
    };
    exception.raise(&message)
}

/// Reading or writing an image failed.
fn fault(py: Python<'_>, message: &str, kind: &str, offset: Option<u32>, fault: Fault) -> PyErr {
    match fault {
        Fault::Signal(error) => error,
        Fault::File(path, error) => file(py, message, kind, &path, &error, offset),
        Fault::Memory(_) => internal(py, message),
    }
}

/// The applier was used in a way that cannot work.
pub(crate) fn misuse(py: Python<'_>, kind: &str, message: &str) -> PyErr {
    Exception::new(py, "MisuseError", kind).raise(message)
}

/// Pushing a piece of a patch failed.
pub(crate) fn push(py: Python<'_>, error: PushError) -> PyErr {
    match error {
        PushError::Apply(error) => apply(py, error),
        PushError::Ram { needed, found } => ram(py, needed, found),
        PushError::Bundle => Exception::new(py, "UnsupportedPatchError", "bundle").raise(
            "this patch is a bundle, which devices do not apply: use flashdelta.apply or flashdelta.apply_files",
        ),
    }
}

/// Applying a patch from a file or a buffer failed.
pub(crate) fn run(py: Python<'_>, patch: Option<&Path>, error: Failure) -> PyErr {
    match error {
        Failure::Push(error) => push(py, error),
        Failure::File(error) => firmware_file(py, error),
        Failure::Caller(error) => error,
        Failure::Read(error) => io(py, "read", patch.unwrap_or(Path::new("the patch")), &error),
    }
}

fn ram(py: Python<'_>, needed: u32, found: u32) -> PyErr {
    let message =
        format!("the patch needs {needed} bytes of RAM, the device has {found}: make the patch with ram={found}");
    Exception::new(py, "OutOfRamError", "ram")
        .field("needed", needed)
        .field("found", found)
        .raise(&message)
}

/// The file around an image could not be read, or not be made.
pub(crate) fn firmware_file(py: Python<'_>, error: FileError) -> PyErr {
    let message = error.to_string();
    let exception = match error {
        FileError::Apply(error) => return apply(py, in_memory(error)),
        FileError::OldFile(fault) | FileError::Convert(fault) => {
            return image_as(py, &fault, &message)
        }
        FileError::HostSection { problem } => {
            Exception::new(py, "HostSectionError", "host-section").field("problem", problem)
        }
        FileError::NeedsOldText => Exception::new(py, "WrongBaseError", "needs-old-text"),
        FileError::NewFileMismatch { expected, found } => {
            Exception::new(py, "FileMismatchError", "file-mismatch")
                .field("expected", PyBytes::new(py, &expected))
                .field("found", PyBytes::new(py, &found))
        }
        _ => Exception::new(py, "ApplyError", "other"),
    };
    exception.raise(&message)
}

/// A bundle could not be read or applied.
pub(crate) fn bundle(py: Python<'_>, error: &BundleError) -> PyErr {
    let new = |class, kind| Exception::new(py, class, kind);
    let of_member = |kind| match error.class() {
        ErrorClass::DoesNotFit => new("UnsupportedPatchError", kind),
        _ => new("BundleError", kind),
    };
    let exception = match error {
        BundleError::NotABundle { offset } => {
            new("HeaderError", "not-a-bundle").field("offset", *offset)
        }
        BundleError::UnsupportedVersion { found } => {
            new("UnsupportedPatchError", "unsupported-version").field("found", *found)
        }
        BundleError::UnknownFeature { bit } => {
            new("UnsupportedPatchError", "unknown-feature").field("bit", *bit)
        }
        BundleError::Truncated { expected, found } => {
            new("TruncatedError", "truncated").field("fed", *found).field("expected", *expected)
        }
        BundleError::Trailing { expected, .. } => {
            new("TrailingInputError", "trailing-input").field("expected", *expected)
        }
        BundleError::Checksum { expected, found } => {
            new("HeaderError", "checksum").field("expected", *expected).field("found", *found)
        }
        BundleError::BadField { field, offset } => {
            new("HeaderError", "bad-field").field("field", *field).field("offset", *offset)
        }
        BundleError::NewTooLong { needed, limit } => new("NewTooLongError", "new-too-long")
            .field("needed", *needed)
            .field("capacity", *limit),
        BundleError::OldMismatch { expected, found } => new("OldMismatchError", "old-mismatch")
            .field("expected", PyBytes::new(py, expected))
            .field("found", PyBytes::new(py, found)),
        BundleError::NewMismatch { expected, found } => new("NewMismatchError", "new-mismatch")
            .field("expected", PyBytes::new(py, expected))
            .field("found", PyBytes::new(py, found)),
        BundleError::Container { .. } => new("BundleError", "container"),
        BundleError::Member { name, .. } => of_member("member").field("member", name),
        BundleError::Deflate { name, .. } => of_member("deflate").field("member", name),
        BundleError::Nested { name, .. } => of_member("nested").field("member", name),
        BundleError::Cancelled => return cancelled(py),
        BundleError::TooDeep => new("BundleError", "too-deep"),
        _ => of_member("other"),
    };
    exception.raise(&error.to_string())
}

/// A folder could not be packed or written.
pub(crate) fn folder(py: Python<'_>, error: &FolderError) -> PyErr {
    match error {
        FolderError::Io { doing, path, error: fault } => {
            file(py, &error.to_string(), doing, path, fault, None)
        }
        FolderError::Exists { .. } => {
            option(py, &format!("{error}; name a folder that is not there yet"))
        }
        _ => option(py, &error.to_string()),
    }
}

/// The parts that a JSON file names could not be packed.
pub(crate) fn parts(py: Python<'_>, error: &PartsError) -> PyErr {
    match error {
        PartsError::Folder(error) => folder(py, error),
        _ => option(
            py,
            &format!(
                "{error}; to compare the JSON files without the parts they name, use verbatim=True"
            ),
        ),
    }
}

/// A firmware file could not be read or written.
pub(crate) fn image(py: Python<'_>, error: &ImageError) -> PyErr {
    let advice = advice(error).map(|(name, value)| format!(" ({name}={value})"));
    image_as(py, error, &format!("{error}{}", advice.unwrap_or_default()))
}

/// The option of Python's that would accept the file, and its value.
fn advice(error: &ImageError) -> Option<(&'static str, &'static str)> {
    Some(match error {
        ImageError::BadChecksum { .. }
        | ImageError::BadCount { .. }
        | ImageError::MissingBlock { .. } => ("ignore_checksums", "True"),
        ImageError::NoRecord { .. } | ImageError::BadBlock { .. } => ("skip_garbage", "True"),
        ImageError::Overlap { .. } => ("overlap", "'last-wins'"),
        ImageError::DataAfterEnd { .. } => ("after_end", "'ignore'"),
        _ => return None,
    })
}

/// The same, with this message.
fn image_as(py: Python<'_>, error: &ImageError, message: &str) -> PyErr {
    let new = |kind| Exception::new(py, "ImageError", kind);
    let exception = match *error {
        ImageError::NoRecord { line, column, found } => {
            new("no-record").field("line", line).field("column", column).field("found", found)
        }
        ImageError::BadDigit { line, column, found } => {
            new("bad-digit").field("line", line).field("column", column).field("found", found)
        }
        ImageError::BadLength { line, column, expected, found } => new("bad-length")
            .field("line", line)
            .field("column", column)
            .field("expected", expected)
            .field("found", found),
        ImageError::BadChecksum { line, column, expected, found } => new("bad-checksum")
            .field("line", line)
            .field("column", column)
            .field("expected", expected)
            .field("found", found),
        ImageError::Utf16 => new("utf-16"),
        ImageError::ShortCount { line, column, least, found } => new("short-count")
            .field("line", line)
            .field("column", column)
            .field("least", least)
            .field("found", found),
        ImageError::BadBlock { block, offset, problem, found } => new("bad-block")
            .field("block", block)
            .field("offset", offset)
            .field("problem", problem)
            .field("found", found),
        ImageError::MissingBlock { number, total, found, block, offset } => new("missing-block")
            .field("number", number)
            .field("total", total)
            .field("found", found)
            .field("block", block)
            .field("offset", offset),
        ImageError::UnknownRecord { line, column, found } => {
            new("unknown-record").field("line", line).field("column", column).field("found", found)
        }
        ImageError::BadRecord { line, column, problem } => {
            new("bad-record").field("line", line).field("column", column).field("problem", problem)
        }
        ImageError::BadCount { line, column, expected, found } => new("bad-count")
            .field("line", line)
            .field("column", column)
            .field("expected", expected)
            .field("found", found),
        ImageError::AddressOverflow { line, column, address } => new("address-overflow")
            .field("line", line)
            .field("column", column)
            .field("address", address),
        ImageError::Overlap { line, column, address } => {
            new("overlap").field("line", line).field("column", column).field("address", address)
        }
        ImageError::WordAddresses { line, column, address } => new("word-addresses")
            .field("line", line)
            .field("column", column)
            .field("address", address),
        ImageError::DataAfterEnd { line, column } => {
            new("data-after-end").field("line", line).field("column", column)
        }
        ImageError::MissingEnd { line, .. } => new("missing-end").field("line", line),
        ImageError::NotStrict { line, problem } => {
            new("not-strict").field("line", line).field("problem", problem)
        }
        ImageError::BadContainer { format, offset, problem } => new("bad-container")
            .field("format", format_name(format))
            .field("offset", offset)
            .field("problem", problem),
        ImageError::Empty => new("empty"),
        ImageError::Unwritable { format, problem } => {
            new("unwritable").field("format", format_name(format)).field("problem", problem)
        }
        ImageError::TooLarge { needed, limit } => {
            new("too-large").field("needed", needed).field("limit", limit)
        }
        ImageError::BadTemplate { offset, problem } => {
            new("bad-template").field("offset", offset).field("problem", problem)
        }
        _ => new("other"),
    };
    exception.raise(message)
}

/// The same error, of images in memory.
fn in_memory(error: flashdelta::apply::ApplyError<OutOfBounds, OutOfBounds>) -> ApplyError {
    use flashdelta::apply::ApplyError as In;
    match error {
        In::Header(error) => ApplyError::Header(error),
        In::OldTooShort { expected, found } => ApplyError::OldTooShort { expected, found },
        In::OldMismatch { expected, found } => ApplyError::OldMismatch { expected, found },
        In::Damaged { what, offset } => ApplyError::Damaged { what, offset },
        In::Truncated { fed, expected } => ApplyError::Truncated { fed, expected },
        In::TrailingInput { expected } => ApplyError::TrailingInput { expected },
        In::NewMismatch { expected, found } => ApplyError::NewMismatch { expected, found },
        In::CodecNotBuilt { codec } => ApplyError::CodecNotBuilt { codec },
        In::InstructionSetNotBuilt { isa } => ApplyError::InstructionSetNotBuilt { isa },
        In::WorkspaceTooSmall { needed, found } => ApplyError::WorkspaceTooSmall { needed, found },
        In::ReadOld { offset, error } => {
            ApplyError::ReadOld { offset, error: Fault::Memory(error) }
        }
        In::ReadNew { offset, error } => {
            ApplyError::ReadNew { offset, error: Fault::Memory(error) }
        }
        In::Write { offset, error } => ApplyError::Write { offset, error: Fault::Memory(error) },
        In::Finish { error } => ApplyError::Finish { error: Fault::Memory(error) },
        // The rest needs a device that says what it is, or a place for the new image that is too
        // small.
        _ => ApplyError::Poisoned,
    }
}
