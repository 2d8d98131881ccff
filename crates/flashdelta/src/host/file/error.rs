//! Why a patch between files could not be made, or a file not be given back.

use core::fmt;

use crate::device::apply::{ApplyError, OutOfBounds};
use crate::device::error::{codes, Hex};
use crate::host::budget::Stop;
use crate::host::diff::DiffError;
use crate::host::image::ImageError;
use crate::host::manifest::ManifestError;

/// Why a patch could not be applied to a file.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FileError {
    /// Applying the patch to the image in the old file failed.
    Apply(ApplyError<OutOfBounds, OutOfBounds>),
    /// The old file is one of records, and they cannot be read.
    OldFile(ImageError),
    /// The host section of the patch is cut off, damaged, or of a newer version.
    HostSection {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The patch says how the new file differs from how the old one is written, but the old file
    /// given is not of records.
    NeedsOldText,
    /// The file that came out is not the one that the patch was made for. Its image is right.
    NewFileMismatch {
        /// First 8 bytes of the SHA-256 that the patch promises.
        expected: [u8; 8],
        /// First 8 bytes of the SHA-256 of what came out.
        found: [u8; 8],
    },
    /// The new image cannot be written in the format that was asked for.
    Convert(ImageError),
    /// This computer does not give the memory that the file takes.
    OutOfMemory {
        /// What was asked for last, in bytes.
        needed: u64,
    },
    /// A callback of the caller ended it.
    Cancelled,
}

impl From<Stop> for FileError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::OutOfMemory { needed } => Self::OutOfMemory { needed },
            Stop::Cancelled => Self::Cancelled,
            over @ Stop::OverBudget { .. } => Self::Convert(over.into()),
        }
    }
}

impl FileError {
    /// An error about the old file, where it is one.
    pub(super) fn old_file(error: ImageError) -> Self {
        Self::stopped(&error).unwrap_or(Self::OldFile(error))
    }

    /// An error about the format that was asked for, where it is one.
    pub(super) fn convert(error: ImageError) -> Self {
        Self::stopped(&error).unwrap_or(Self::Convert(error))
    }

    /// The same error, if it is about neither file nor format.
    pub(super) fn stopped(error: &ImageError) -> Option<Self> {
        match error {
            ImageError::OutOfMemory { needed } => Some(Self::OutOfMemory { needed: *needed }),
            ImageError::Cancelled => Some(Self::Cancelled),
            _ => None,
        }
    }
}

codes! {
    impl[] FileError {
        Self::HostSection { .. } => "host-section", BadPatch, PlainBinary;
        Self::NeedsOldText => "needs-old-text", WrongBase, PlainBinary;
        Self::NewFileMismatch { .. } => "file-mismatch", WrongBase, OtherBase;
        Self::Convert(ImageError::TooLarge { .. }) => "image-too-large", DoesNotFit, ChooseRange;
        Self::Convert(_) => "unwritable", DoesNotFit, OtherFormat;
        Self::OutOfMemory { .. } => "out-of-memory", DoesNotFit;
        Self::Cancelled => "cancelled", Cancelled;
    } else {
        Self::Apply(error) => error;
        Self::OldFile(error) => error;
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Apply(error) => error.fmt(f),
            Self::OldFile(error) => write!(f, "old file: {error}"),
            Self::HostSection { problem } => {
                write!(f, "the patch's description of the new file cannot be used: {problem}")
            }
            Self::NeedsOldText => f.write_str(
                "the patch builds on how the old file was written, but this one is a plain binary",
            ),
            Self::NewFileMismatch { expected, found } => write!(
                f,
                "the new image is right, but the file around it is not: its SHA-256 should begin \
                 with {}, and begins with {}",
                Hex(expected),
                Hex(found)
            ),
            Self::Convert(error) => {
                write!(f, "the new image cannot be written in this format: {error}")
            }
            Self::OutOfMemory { needed } => {
                write!(f, "out of memory: this computer does not give {needed} bytes")
            }
            Self::Cancelled => f.write_str("cancelled"),
        }
    }
}

impl core::error::Error for FileError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Apply(error) => Some(error),
            Self::OldFile(error) | Self::Convert(error) => Some(error),
            _ => None,
        }
    }
}

impl From<ApplyError<OutOfBounds, OutOfBounds>> for FileError {
    fn from(error: ApplyError<OutOfBounds, OutOfBounds>) -> Self {
        Self::Apply(error)
    }
}

/// Why a patch between two files could not be made.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MakeError {
    /// Making the patch between the images failed.
    Diff(DiffError),
    /// The old file is one of records, and they cannot be read.
    OldFile(ImageError),
    /// The new file is one of records, and they cannot be read.
    NewFile(ImageError),
    /// A manifest in the old file, which holds others, is wrong.
    OldManifest(ManifestError),
    /// A manifest in the new file, which holds others, is wrong.
    NewManifest(ManifestError),
}

codes! {
    impl[] MakeError {
    } else {
        Self::Diff(error) => error;
        Self::OldFile(error) | Self::NewFile(error) => error;
        Self::OldManifest(error) | Self::NewManifest(error) => error;
    }
}

impl fmt::Display for MakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Diff(error) => error.fmt(f),
            Self::OldFile(error) => write!(f, "old file: {error}"),
            Self::NewFile(error) => write!(f, "new file: {error}"),
            Self::OldManifest(error) => write!(f, "old file: {error}"),
            Self::NewManifest(error) => write!(f, "new file: {error}"),
        }
    }
}

impl core::error::Error for MakeError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Diff(error) => Some(error),
            Self::OldFile(error) | Self::NewFile(error) => Some(error),
            Self::OldManifest(error) | Self::NewManifest(error) => Some(error),
        }
    }
}

impl MakeError {
    /// An error about the old file, where it is one.
    pub(crate) fn old_file(error: ImageError) -> Self {
        match error {
            ImageError::Cancelled => DiffError::Cancelled.into(),
            error => Self::OldFile(error),
        }
    }

    /// An error about the new file, where it is one.
    pub(crate) fn new_file(error: ImageError) -> Self {
        match error {
            ImageError::Cancelled => DiffError::Cancelled.into(),
            error => Self::NewFile(error),
        }
    }
}

impl From<Stop> for MakeError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Cancelled => DiffError::Cancelled.into(),
            stop => Self::NewFile(stop.into()),
        }
    }
}

impl From<DiffError> for MakeError {
    fn from(error: DiffError) -> Self {
        Self::Diff(error)
    }
}
