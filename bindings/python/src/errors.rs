//! The errors of the library as exceptions of `flashdelta._errors`. A class there has the fields of
//! the variant here as attributes.

use std::io;
use std::path::Path;

use flashdelta::apply::{map_images, Damage, ErrorClass, OutOfBounds};
use flashdelta::archive::folder::FolderError;
use flashdelta::bundle::BundleError;
use flashdelta::diff::DiffError;
use flashdelta::door::{DoorError, PatchError};
use flashdelta::file::{FileError, MakeError};
use flashdelta::holes::HoleError;
use flashdelta::image::ImageError;
use flashdelta::manifest::PartsError;
use flashdelta::verify::VerifyError;
use flashdelta::{HeaderError, InputError, Remedy};
use flashdelta_fleet::release::ReleaseError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict};

use crate::engine::{ApplyError, PushError};
use crate::remedy;
use crate::target::Fault;

/// An exception under construction: the class in `flashdelta._errors`, the kind, and the fields.
struct Exception<'py> {
    py: Python<'py>,
    class: &'static str,
    fields: Bound<'py, PyDict>,
    /// What to do about it.
    advice: Option<String>,
}

impl<'py> Exception<'py> {
    fn new(py: Python<'py>, class: &'static str, kind: &str) -> Self {
        // What may happen anywhere is the same everywhere.
        let class = match kind {
            "out-of-memory" => "OutOfMemoryError",
            "cancelled" => "CancelledError",
            _ => class,
        };
        let new = Self { py, class, fields: PyDict::new(py), advice: None };
        new.field("kind", kind)
    }

    /// Says what to do.
    fn advised(mut self, remedy: Option<Remedy>) -> Self {
        self.advice = remedy.as_ref().and_then(remedy::words);
        self
    }

    fn field(self, name: &str, value: impl IntoPyObject<'py>) -> Self {
        // Numbers and text always convert; what does not is missing rather than the reason for
        // another error.
        let _ = self.fields.set_item(name, value);
        self
    }

    fn raise(self, message: &str) -> PyErr {
        let message = match self.advice {
            Some(advice) => format!("{message}; {advice}"),
            None => message.to_owned(),
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

/// An argument that is not possible.
pub(crate) fn option(py: Python<'_>, message: &str) -> PyErr {
    Exception::new(py, "OptionError", "option").raise(message)
}

/// An internal error: a bug.
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
    let advice = match error.kind() {
        io::ErrorKind::NotFound if kind == "write" => Some("make its folder first".to_owned()),
        io::ErrorKind::IsADirectory => Some("name a file".to_owned()),
        _ => None,
    };
    let exception = Exception { advice, ..Exception::new(py, class, kind) };
    exception
        .field("errno", error.raw_os_error())
        .field("strerror", error.to_string())
        .field("filename", path.as_os_str())
        .field("offset", offset)
        .raise(message)
}

/// Making a patch between two inputs failed.
pub(crate) fn door(py: Python<'_>, error: &DoorError) -> PyErr {
    let class = match error {
        DoorError::Make(error) => return make(py, error),
        DoorError::NotForArchives { .. } => "OptionError",
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
    Exception::new(py, class, error.code()).raise(&error.to_string())
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

/// A file, a folder or a manifest could not be read.
pub(crate) fn input(py: Python<'_>, error: &InputError) -> PyErr {
    match error {
        InputError::Read { path, error } => io(py, "read", path, error),
        InputError::TooLarge { found, limit, .. } => {
            Exception::new(py, "TooLargeError", error.code())
                .field("found", *found)
                .field("limit", *limit)
                .raise(&error.to_string())
        }
        InputError::Folder(error) => folder(py, error),
        InputError::Parts(error) => parts(py, error),
        _ => Exception::new(py, "FileError", error.code()).raise(&error.to_string()),
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

/// A patch is not authentic.
pub(crate) fn verify(py: Python<'_>, error: VerifyError) -> PyErr {
    let new = |class| Exception::new(py, class, error.code()).advised(error.remedy());
    let exception = match error {
        VerifyError::Unsigned => new("UnsignedError"),
        VerifyError::UnknownKey { key_id } => {
            new("UnknownKeyError").field("key_id", PyBytes::new(py, &key_id))
        }
        VerifyError::WrongSignature { key_id } => {
            new("WrongSignatureError").field("key_id", PyBytes::new(py, &key_id))
        }
        VerifyError::WrongTable => new("WrongChunkError"),
        VerifyError::WrongChunk { index, start, end } => {
            new("WrongChunkError").field("index", index).field("start", start).field("end", end)
        }
        VerifyError::BufferTooSmall { needed, found } => {
            new("OutOfRamError").field("needed", needed).field("found", found)
        }
        _ => new("NotAuthenticError"),
    };
    exception.raise(&error.to_string())
}

/// There is no key, or no signature.
pub(crate) fn signing(py: Python<'_>, code: &str, remedy: Option<Remedy>, message: &str) -> PyErr {
    let class = match code {
        "truncated" => "TruncatedError",
        "trailing-input" => "TrailingInputError",
        "wrong-table" => "WrongChunkError",
        "wrong-signature" => "WrongSignatureError",
        "bad-key" | "no-signature" => "KeyFileError",
        "no-random-numbers" => "FileError",
        _ => "OptionError",
    };
    Exception::new(py, class, code).advised(remedy).raise(message)
}

/// An error of a kind that has no class of its own in Python: that of the error's class.
pub(crate) fn by_class(
    py: Python<'_>,
    (code, class, remedy): (&str, ErrorClass, Option<Remedy>),
    message: &str,
) -> PyErr {
    let name = match class {
        ErrorClass::BadPatch => "BadPatchError",
        ErrorClass::WrongBase => "WrongBaseError",
        ErrorClass::WrongDevice => "WrongDeviceError",
        ErrorClass::DoesNotFit => "DoesNotFitError",
        ErrorClass::Io => "FileError",
        ErrorClass::BadFile => "ImageError",
        ErrorClass::NotAuthentic => "NotAuthenticError",
        ErrorClass::Cancelled => return cancelled(py),
        ErrorClass::Misuse => "OptionError",
        _ => "InternalError",
    };
    Exception::new(py, name, code).advised(remedy).raise(message)
}

/// Applying a patch failed.
pub(crate) fn apply(py: Python<'_>, error: ApplyError) -> PyErr {
    let message = error.to_string();
    apply_as(py, error, &message)
}

fn apply_as(py: Python<'_>, error: ApplyError, message: &str) -> PyErr {
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
        PushError::Verify(error) => verify(py, error),
        PushError::Ram { needed, found } => ram(py, needed, found),
        PushError::Bundle => Exception::new(py, "UnsupportedPatchError", "bundle").raise(
            "this patch is a bundle, which devices do not apply: use flashdelta.apply or flashdelta.apply_files",
        ),
    }
}

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
        PatchError::File(error) => return firmware_file_as(py, error, message),
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

/// Whether an exception says that the callback asked to give up.
pub(crate) fn is_cancelled(py: Python<'_>, error: &PyErr) -> bool {
    error.get_type(py).name().is_ok_and(|name| name == "CancelledError")
}

fn ram(py: Python<'_>, needed: u32, found: u32) -> PyErr {
    let error = flashdelta::apply::HeapError::<Fault, Fault>::Ram { needed, found };
    Exception::new(py, "OutOfRamError", error.code())
        .advised(error.remedy())
        .field("needed", needed)
        .field("found", found)
        .raise(&error.to_string())
}

/// The file around an image could not be read, or not be made.
pub(crate) fn firmware_file(py: Python<'_>, error: FileError) -> PyErr {
    let message = error.to_string();
    firmware_file_as(py, error, &message)
}

fn firmware_file_as(py: Python<'_>, error: FileError, message: &str) -> PyErr {
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

/// A folder could not be packed or written.
pub(crate) fn folder(py: Python<'_>, error: &FolderError) -> PyErr {
    match error {
        FolderError::Io { path, error: fault, .. } => {
            file(py, &error.to_string(), error.code(), path, fault, None)
        }
        _ => Exception::new(py, "OptionError", error.code())
            .advised(error.remedy())
            .raise(&error.to_string()),
    }
}

/// The parts that a JSON file names could not be packed.
pub(crate) fn parts(py: Python<'_>, error: &PartsError) -> PyErr {
    match error {
        PartsError::Folder(error) => folder(py, error),
        _ => Exception::new(py, "OptionError", error.code())
            .advised(error.remedy())
            .raise(&error.to_string()),
    }
}

/// A firmware file could not be read or written.
pub(crate) fn image(py: Python<'_>, error: &ImageError) -> PyErr {
    image_as(py, error, &error.to_string(), false)
}

/// The same, with this message. `read`: the options are in a dictionary of that name.
fn image_as(py: Python<'_>, error: &ImageError, message: &str, read: bool) -> PyErr {
    let new = || {
        let mut new = Exception::new(py, "ImageError", error.code());
        new.advice = error.remedy().as_ref().and_then(|remedy| remedy::of_records(remedy, read));
        new
    };
    let exception = match *error {
        ImageError::NoRecord { line, column, found } => {
            new().field("line", line).field("column", column).field("found", found)
        }
        ImageError::BadDigit { line, column, found } => {
            new().field("line", line).field("column", column).field("found", found)
        }
        ImageError::BadLength { line, column, expected, found } => new()
            .field("line", line)
            .field("column", column)
            .field("expected", expected)
            .field("found", found),
        ImageError::BadChecksum { line, column, expected, found } => new()
            .field("line", line)
            .field("column", column)
            .field("expected", expected)
            .field("found", found),
        ImageError::Utf16 => new(),
        ImageError::ShortCount { line, column, least, found } => new()
            .field("line", line)
            .field("column", column)
            .field("least", least)
            .field("found", found),
        ImageError::BadBlock { block, offset, problem, found } => new()
            .field("block", block)
            .field("offset", offset)
            .field("problem", problem)
            .field("found", found),
        ImageError::MissingBlock { number, total, found, block, offset } => new()
            .field("number", number)
            .field("total", total)
            .field("found", found)
            .field("block", block)
            .field("offset", offset),
        ImageError::UnknownRecord { line, column, found, .. } => {
            new().field("line", line).field("column", column).field("found", found)
        }
        ImageError::BadRecord { line, column, problem } => {
            new().field("line", line).field("column", column).field("problem", problem)
        }
        ImageError::BadCount { line, column, expected, found } => new()
            .field("line", line)
            .field("column", column)
            .field("expected", expected)
            .field("found", found),
        ImageError::AddressOverflow { line, column, address } => {
            new().field("line", line).field("column", column).field("address", address)
        }
        ImageError::Overlap { line, column, address } => {
            new().field("line", line).field("column", column).field("address", address)
        }
        ImageError::WordAddresses { line, column, address } => {
            new().field("line", line).field("column", column).field("address", address)
        }
        ImageError::DataAfterEnd { line, column } => {
            new().field("line", line).field("column", column)
        }
        ImageError::MissingEnd { line, .. } => new().field("line", line),
        ImageError::NotStrict { line, problem } => {
            new().field("line", line).field("problem", problem)
        }
        ImageError::BadContainer { format, offset, problem } => {
            new().field("format", format.name()).field("offset", offset).field("problem", problem)
        }
        ImageError::Empty => new(),
        ImageError::Unwritable { format, problem } => {
            new().field("format", format.name()).field("problem", problem)
        }
        ImageError::TooLarge { needed, limit } => {
            new().field("needed", needed).field("limit", limit)
        }
        ImageError::BadTemplate { offset, problem } => {
            new().field("offset", offset).field("problem", problem)
        }
        _ => new(),
    };
    exception.raise(message)
}
