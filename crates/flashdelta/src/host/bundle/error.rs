//! What can be wrong with a bundle.

use core::fmt;

use super::MemberError;
use crate::device::error::{codes, ErrorClass, Hex};
use crate::host::archive::{Container, ContainerError};
use crate::host::deflate::DeflateError;

/// Why a bundle could not be read or applied.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BundleError {
    /// It does not start with "FDB".
    NotABundle {
        /// The first byte that is different.
        offset: u32,
    },
    /// It is a bundle in a format that this version does not know.
    UnsupportedVersion {
        /// The version.
        found: u8,
    },
    /// It requires something that this version does not know.
    UnknownFeature {
        /// Number of the feature bit.
        bit: u32,
    },
    /// It ends too early.
    Truncated {
        /// Length that it should have; `None`: its header is not complete.
        expected: Option<u64>,
        /// Length that it has.
        found: u64,
    },
    /// There is something after its end.
    Trailing {
        /// Its length.
        expected: u64,
        /// Length that there is.
        found: u64,
    },
    /// The CRC-32 of the header is wrong: the bundle was damaged on its way.
    Checksum {
        /// What the header says.
        expected: u32,
        /// What its bytes give.
        found: u32,
    },
    /// A field cannot be what it is.
    BadField {
        /// Which field.
        field: &'static str,
        /// Where it ends.
        offset: u32,
    },
    /// The new file would be larger than the limit.
    NewTooLong {
        /// Length of the new file in bytes.
        needed: u32,
        /// The limit.
        limit: u32,
    },
    /// Making the new file takes more than honest bundles do: members that are inflated, and what
    /// is made of patches and bundles in it, count as well.
    TooMuchWork {
        /// Bytes that would be made, at least.
        needed: u64,
        /// The limit, which is twice that of the new file, or that for honest bundles.
        limit: u64,
    },
    /// The old file is not the one that the bundle was made for.
    OldMismatch {
        /// First 12 bytes of the SHA-256 that the bundle expects.
        expected: [u8; 12],
        /// First 12 bytes of the SHA-256 of what is there.
        found: [u8; 12],
    },
    /// The old file is the right one, but cannot be taken apart as the bundle says.
    Container {
        /// What it should be.
        container: Container,
        /// Why not.
        error: ContainerError,
    },
    /// The patch of a member does not apply.
    Member {
        /// Name of the member; that of the common patch is empty.
        name: String,
        /// Why.
        error: Box<MemberError>,
    },
    /// The part for a member, or the bundle itself, makes another length than it states.
    Length {
        /// Name of the member; empty for the common patch and for the bundle itself.
        name: String,
        /// The length that is stated, in bytes.
        expected: u64,
        /// The length that is made.
        found: u64,
    },
    /// A compressed member cannot be made.
    Deflate {
        /// Name of the member.
        name: String,
        /// Why.
        error: DeflateError,
    },
    /// The bundle of a member does not apply.
    Nested {
        /// Name of the member.
        name: String,
        /// Why.
        error: Box<Self>,
    },
    /// There are bundles in bundles in bundles.
    TooDeep,
    /// This computer does not give the memory that the new file takes.
    OutOfMemory {
        /// What was asked for last, in bytes.
        needed: u64,
    },
    /// The callback of [`apply_with`](super::apply_with) asked to give up.
    Cancelled,
    /// The new file is wrong. It must not be used.
    NewMismatch {
        /// SHA-256 that the bundle promises.
        expected: [u8; 32],
        /// SHA-256 of what was made.
        found: [u8; 32],
    },
}

codes! {
    impl[] BundleError {
        Self::NotABundle { .. } => "not-a-bundle", BadPatch, GivePatch;
        Self::UnsupportedVersion { .. } => "unsupported-version", DoesNotFit, UpdateProgram;
        Self::UnknownFeature { .. } => "unknown-feature", DoesNotFit, UpdateProgram;
        Self::Truncated { .. } => "truncated", BadPatch, TransferAgain;
        Self::Trailing { .. } => "trailing-input", BadPatch, CutTrailing;
        Self::Checksum { .. } => "checksum", BadPatch, TransferAgain;
        Self::BadField { .. } => "bad-field", BadPatch, TransferAgain;
        Self::NewTooLong { needed, .. } =>
            "new-too-long", DoesNotFit, RaiseLimit { needed: u64::from(*needed) };
        Self::TooMuchWork { needed, .. } =>
            "too-much-work", DoesNotFit, RaiseLimit { needed: needed.div_ceil(2) };
        Self::OldMismatch { .. } => "old-mismatch", WrongBase, OtherBase;
        Self::NewMismatch { .. } => "new-mismatch", BadPatch, TransferAgain;
        Self::Container { .. } => "container", BadPatch, TransferAgain;
        Self::Length { .. } => "wrong-length", BadPatch, TransferAgain;
        Self::Deflate { .. } => "deflate", BadPatch, TransferAgain;
        Self::TooDeep => "too-deep", BadPatch, TransferAgain;
        Self::OutOfMemory { .. } => "out-of-memory", DoesNotFit;
        Self::Cancelled => "cancelled", Cancelled;
        // The old file was checked as a whole, so its members are right: the patch is not.
        Self::Member { error, .. } if error.class() != ErrorClass::DoesNotFit =>
            "member", BadPatch, TransferAgain;
        Self::Nested { error, .. }
            if !matches!(error.class(), ErrorClass::DoesNotFit | ErrorClass::Cancelled) =>
            "nested", BadPatch, TransferAgain;
    } else {
        Self::Member { error, .. } => error;
        Self::Nested { error, .. } => error;
    }
}

impl fmt::Display for BundleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotABundle { offset } => write!(
                f,
                "this is not a flashdelta bundle: it should start with \"FDB\", but byte {offset} \
                 is another one"
            ),
            Self::UnsupportedVersion { found } => write!(
                f,
                "bundle format version {found} is not supported, this program reads version 0"
            ),
            Self::UnknownFeature { bit } => write!(
                f,
                "the bundle requires feature {bit}, which this program does not know: it was made \
                 for a newer one"
            ),
            Self::Truncated { expected: Some(expected), found } => write!(
                f,
                "the bundle is not complete: it should have {expected} bytes, but has {found}"
            ),
            Self::Truncated { expected: None, found } => write!(
                f,
                "the bundle is not complete: its header does not end within the {found} bytes \
                 there are"
            ),
            Self::Trailing { expected, found } => write!(
                f,
                "the bundle ends after {expected} bytes, but there are {found}: something else is \
                 appended to it"
            ),
            Self::Checksum { expected, found } => write!(
                f,
                "the header of the bundle is damaged: its checksum should be {expected:08x}, but \
                 its bytes give {found:08x}"
            ),
            Self::BadField { field, offset } => write!(
                f,
                "the field \"{field}\" before byte {offset} of the bundle is not possible"
            ),
            Self::NewTooLong { needed, limit } => write!(
                f,
                "the bundle makes a file of {needed} bytes, more than the limit of {limit}"
            ),
            Self::TooMuchWork { needed, limit } => write!(
                f,
                "the bundle makes {needed} bytes or more on the way to its file, more than the \
                 limit of {limit}"
            ),
            Self::OldMismatch { expected, found } => write!(
                f,
                "the old file does not match this bundle: it expects sha256 {}..., the file has \
                 {}...",
                Hex(expected),
                Hex(found)
            ),
            Self::Container { container, error } => write!(
                f,
                "the old file cannot be taken apart as a {container} as the bundle asks for: \
                 {error}"
            ),
            Self::Member { name, error } if name.is_empty() => {
                write!(f, "the common patch of the bundle: {error}")
            }
            Self::Member { name, error } => {
                write!(f, "the patch of the member \"{name}\": {error}")
            }
            Self::Deflate { name, error } => {
                write!(f, "the compressed member \"{name}\" cannot be made: {error}")
            }
            Self::Length { name, expected, found } if name.is_empty() => {
                write!(f, "the bundle makes {found} bytes where it states {expected}")
            }
            Self::Length { name, expected, found } => write!(
                f,
                "the member \"{name}\" has {found} bytes where the bundle states {expected}"
            ),
            Self::Nested { name, error } => write!(f, "the member \"{name}\": {error}"),
            Self::OutOfMemory { needed } => {
                write!(f, "out of memory: this computer does not give {needed} bytes")
            }
            Self::Cancelled => f.write_str("cancelled"),
            Self::TooDeep => f.write_str("there are too many bundles inside of each other"),
            Self::NewMismatch { expected, found } => write!(
                f,
                "the new file is wrong and must not be used: the bundle promises sha256 {}, but \
                 it has {}",
                Hex(expected),
                Hex(found)
            ),
        }
    }
}

impl core::error::Error for BundleError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Container { error, .. } => Some(error),
            Self::Member { error, .. } => Some(error),
            Self::Deflate { error, .. } => Some(error),
            Self::Nested { error, .. } => Some(error),
            _ => None,
        }
    }
}
