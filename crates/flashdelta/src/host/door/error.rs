//! Why the door stays shut.

use core::fmt;
use std::io;

use crate::device::apply::ApplyError;
use crate::device::error::codes;
use crate::device::verify::VerifyError;
use crate::host::apply::{map_images, HeapError};
use crate::host::archive::{Container, DamagedArchive};
use crate::host::bundle::BundleError;
use crate::host::diff::DiffError;
use crate::host::file::{FileError, MakeError};
use crate::host::holes::HoleError;
use crate::host::image::{Format, ImageError, Wrapping};
use crate::host::input::InputError;
use crate::host::manifest::JsonError;
use crate::host::set::SetFileError;
use crate::host::sign::AuthenticateError;

use super::warning::Side;

/// Why a patch between two inputs could not be made.
#[non_exhaustive]
#[derive(Debug)]
pub enum DoorError {
    /// Making it failed.
    Make(MakeError),
    /// The new file is empty.
    EmptyNew,
    /// An ELF file holds no bytes to load, or is none.
    NoElf {
        /// Whose.
        side: Side,
    },
    /// Something only concerns an image, but a file is an archive, a folder or a manifest.
    NotForArchives {
        /// Which of the files.
        side: Side,
        /// What does.
        what: &'static str,
    },
    /// Something selects a part of what a file with addresses holds, but neither file is one.
    NotForBinaries {
        /// What does.
        what: &'static str,
    },
    /// Something says how files are read, but both are taken byte by byte.
    NotForVerbatim {
        /// What does.
        what: &'static str,
    },
    /// A file, or a member of it, looks like an archive, but is damaged. Only in strict mode.
    DamagedArchive {
        /// Which of the files.
        side: Side,
        /// What is wrong.
        error: DamagedArchive,
    },
    /// The patch that was made does not work: a bug. Nothing of it is given out.
    NotWorking {
        /// What came of applying it; none if it leads to another file.
        error: Option<Box<PatchError>>,
    },
}

codes! {
    impl[] DoorError {
        Self::EmptyNew => "empty-new", BadFile, AllowEmpty;
        Self::NoElf { .. } => "no-elf", BadFile, GiveElf;
        Self::NotForArchives { .. } => "not-for-archives", Misuse, LeaveOut;
        Self::NotForBinaries { .. } => "not-for-binaries", Misuse, LeaveOut;
        Self::NotForVerbatim { .. } => "not-for-verbatim", Misuse, LeaveOut;
        Self::NotWorking { .. } => "not-working", Internal, Report;
    } else {
        Self::Make(error) => error;
        Self::DamagedArchive { error, .. } => error;
    }
}

impl DoorError {
    /// Whether the progress callback asked to give up.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Make(MakeError::Diff(DiffError::Cancelled)))
    }
}

impl From<MakeError> for DoorError {
    fn from(error: MakeError) -> Self {
        Self::Make(error)
    }
}

impl fmt::Display for DoorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Make(error) => error.fmt(f),
            Self::EmptyNew => f.write_str("the new file is empty"),
            Self::NoElf { .. } => f.write_str("this is no ELF file with bytes to load"),
            Self::NotForArchives { what, .. } => {
                write!(f, "{what}: not for archives, folders and manifests")
            }
            Self::NotForBinaries { what } => {
                write!(
                    f,
                    "{what}: only for files that say addresses, as SREC, Intel HEX and UF2 do"
                )
            }
            Self::NotForVerbatim { what } => {
                write!(f, "{what}: not for files that are taken byte by byte")
            }
            Self::DamagedArchive { side: Side::Old, error } => write!(f, "old file: {error}"),
            Self::DamagedArchive { side: Side::New, error } => write!(f, "new file: {error}"),
            Self::NotWorking { error: Some(error) } => {
                write!(f, "the patch that was made does not work: {error}")
            }
            Self::NotWorking { error: None } => {
                f.write_str("the patch that was made does not work: it leads to another file")
            }
        }
    }
}

impl core::error::Error for DoorError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Make(error) => Some(error),
            Self::DamagedArchive { error, .. } => Some(error),
            Self::NotWorking { error: Some(error) } => Some(error),
            _ => None,
        }
    }
}

/// Why it cannot be told what a file is, or the file cannot be used as it is.
#[non_exhaustive]
#[derive(Debug)]
pub enum InfoError {
    /// The patch or bundle cannot be read, is not whole, or cannot be applied to the old file.
    Patch(PatchError),
    /// The component set is none, or damaged.
    Set(SetFileError),
    /// The JSON file that names parts is wrong.
    Json {
        /// What is wrong.
        error: JsonError,
        /// Line and column, from 1, if they are known.
        place: Option<(usize, usize)>,
    },
    /// The firmware file or the archive is damaged.
    File(ImageError),
    /// It looks like an archive, but cannot be taken apart. Only in strict mode.
    Archive(DamagedArchive),
}

codes! {
    impl[] InfoError {
    } else {
        Self::Patch(error) => error;
        Self::Set(error) => error;
        Self::Json { error, .. } => error;
        Self::File(error) => error;
        Self::Archive(error) => error;
    }
}

impl From<PatchError> for InfoError {
    fn from(error: PatchError) -> Self {
        Self::Patch(error)
    }
}

impl fmt::Display for InfoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Patch(error) => error.fmt(f),
            Self::Set(error) => error.fmt(f),
            Self::Json { error, place } => f.write_str(&error.with_place(*place)),
            Self::File(error) => error.fmt(f),
            Self::Archive(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for InfoError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Patch(error) => Some(error),
            Self::Set(error) => Some(error),
            Self::Json { error, .. } => Some(error),
            Self::File(error) => Some(error),
            Self::Archive(error) => Some(error),
        }
    }
}

/// Why a firmware file cannot be converted.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ConvertError {
    /// The format to be written has nothing of a kind that an option is about.
    NotInFormat {
        /// What.
        what: &'static str,
        /// The format.
        format: Format,
    },
    /// It is an archive or a folder.
    Archive(Container),
    /// It is packed in a format that cannot be opened.
    Wrapped(Wrapping),
    /// It is a patch or a bundle.
    Patch,
    /// It cannot be read.
    File(ImageError),
}

codes! {
    impl[] ConvertError {
        Self::NotInFormat { .. } => "not-in-format", Misuse, LeaveOut;
        Self::Archive(_) | Self::Wrapped(_) => "not-one-firmware", Misuse, Unpack;
        Self::Patch => "not-a-firmware", Misuse;
    } else {
        Self::File(error) => error;
    }
}

impl fmt::Display for ConvertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInFormat { what, format } => write!(f, "{what}: {format} has none of that"),
            Self::Archive(container) => {
                write!(f, "this is an archive ({container}), not one firmware file")
            }
            Self::Wrapped(wrapping) => write!(f, "this is {wrapping}, not one firmware file"),
            Self::Patch => f.write_str("this is a patch, not a firmware file"),
            Self::File(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for ConvertError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::File(error) => Some(error),
            _ => None,
        }
    }
}

/// Why a patch of any kind could not be applied.
#[non_exhaustive]
#[derive(Debug)]
pub enum PatchError {
    /// Applying it to the image failed.
    Apply(ApplyError<io::Error, io::Error>),
    /// It is not authentic.
    Verify(VerifyError),
    /// Applying it to the file failed.
    File(FileError),
    /// Applying the bundle failed.
    Bundle(BundleError),
    /// The old file cannot be read.
    Input(InputError),
    /// The new file cannot be created or written.
    Write(io::Error),
    /// The old file is one of records, and neither it nor the memory in it is what the patch was
    /// made from.
    WrongRecords {
        /// The format of the old file.
        format: Format,
        /// Whether the patch was made from the memory in such a file, and not from a plain binary.
        is_memory: bool,
        /// What was found.
        error: Box<Self>,
    },
    /// The patch needs more RAM than the device has.
    Ram {
        /// RAM in bytes that the patch needs.
        needed: u32,
        /// RAM in bytes that there is.
        found: u32,
    },
    /// It is a bundle, which computers apply: it knows no devices and no other formats.
    BundleForDevice,
    /// What was given as the patch is none, but the old file is: they were mixed up.
    WrongWayRound,
    /// A value is given for something that is no hole of the patch.
    Hole(HoleError),
    /// The old file is the new one already.
    AlreadyNew,
    /// The watcher ended it.
    Cancelled,
}

codes! {
    impl[] PatchError {
        Self::Write(_) => "write", Io, CheckFile;
        Self::Ram { needed, .. } => "ram", DoesNotFit, MoreRam { needed: *needed };
        Self::BundleForDevice => "bundle", Misuse, WithoutDevice;
        Self::WrongWayRound => "wrong-way-round", BadPatch, SwapOldAndPatch;
        Self::AlreadyNew => "already-new", WrongBase, NothingToDo;
        Self::Cancelled => "cancelled", Cancelled;
    } else {
        Self::Apply(error) => error;
        Self::Verify(error) => error;
        Self::File(error) => error;
        Self::Bundle(error) => error;
        Self::Input(error) => error;
        Self::Hole(error) => error;
        Self::WrongRecords { error, .. } => error;
    }
}

impl PatchError {
    /// Whether the watcher ended it.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled | Self::Bundle(BundleError::Cancelled))
    }
}

impl fmt::Display for PatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Apply(error) => error.fmt(f),
            Self::Verify(error) => error.fmt(f),
            Self::File(error) => error.fmt(f),
            Self::Bundle(error) => error.fmt(f),
            Self::Input(error) => error.fmt(f),
            Self::Write(error) => write!(f, "writing the new file failed: {error}"),
            Self::WrongRecords { format, is_memory: true, error } => {
                write!(f, "{error}; compared was the memory in the {format} file, not its text")
            }
            Self::WrongRecords { format, is_memory: false, error } => write!(
                f,
                "{error}; the patch was made from a plain binary, and neither this {format} file \
                 nor the memory in it, gaps filled with 0xff or 0, is that"
            ),
            Self::Ram { needed, found } => {
                write!(f, "the patch needs {needed} bytes of RAM, the device has {found}")
            }
            Self::BundleForDevice => f.write_str(
                "this patch is a bundle, which computers apply: it knows no products, no RAM of a \
                 device, and no other formats",
            ),
            Self::WrongWayRound => f.write_str("this is no patch, but the old file is one"),
            Self::Hole(error) => error.fmt(f),
            Self::AlreadyNew => f.write_str("this is the file that the patch leads to"),
            Self::Cancelled => f.write_str("cancelled"),
        }
    }
}

impl core::error::Error for PatchError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Apply(error) => Some(error),
            Self::Verify(error) => Some(error),
            Self::File(error) => Some(error),
            Self::Bundle(error) => Some(error),
            Self::Input(error) => Some(error),
            Self::Write(error) => Some(error),
            _ => None,
        }
    }
}

impl From<FileError> for PatchError {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Cancelled => Self::Cancelled,
            error => Self::File(error),
        }
    }
}

impl From<AuthenticateError> for PatchError {
    fn from(error: AuthenticateError) -> Self {
        let size = |size| u32::try_from(size).unwrap_or(u32::MAX);
        match error {
            AuthenticateError::Header(error) => Self::Apply(ApplyError::Header(error)),
            AuthenticateError::Truncated { found, expected } => {
                let (fed, expected) = (size(found), expected.map(size));
                Self::Apply(ApplyError::Truncated { fed, expected })
            }
            AuthenticateError::Verify(error) => Self::Verify(error),
        }
    }
}

impl From<BundleError> for PatchError {
    fn from(error: BundleError) -> Self {
        Self::Bundle(error)
    }
}

impl<O: Into<io::Error>, N: Into<io::Error>> From<HeapError<O, N>> for PatchError {
    fn from(error: HeapError<O, N>) -> Self {
        match error {
            HeapError::Ram { needed, found } => Self::Ram { needed, found },
            HeapError::Apply(error) => {
                let mapped = map_images(error, |e| Some(e.into()), |e| Some(e.into()));
                Self::Apply(mapped.unwrap_or(ApplyError::Poisoned))
            }
            HeapError::Verify(error) => Self::Verify(error),
            HeapError::Cancelled => Self::Cancelled,
            // The patch is in memory.
            HeapError::Read(error) => Self::Write(error),
        }
    }
}
