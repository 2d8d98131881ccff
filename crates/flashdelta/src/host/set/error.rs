//! Why a set cannot be made or used.

use core::fmt;

use super::ComponentName;
use crate::device::error::codes;
use crate::device::format::chunks::MOST_SIGNATURES;
use crate::device::update::set::{SetError, MAX_INDEX_LEN, MAX_NAME_LEN, MOST_COMPONENTS};
use crate::host::file::{FileError, MakeError};
use crate::host::seal::SealError;

/// Why a file is not a whole and right set, or cannot be signed.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SetFileError {
    /// The index cannot be used, or what it says is not so.
    Set(SetError),
    /// A payload is no whole patch, or a damaged one.
    Payload {
        /// The number of its component, from 0.
        component: u8,
        /// Why.
        error: SealError,
    },
    /// The set ends too early.
    Truncated {
        /// Bytes that there are.
        found: u64,
        /// Bytes of the whole set, if the index is complete.
        expected: Option<u64>,
    },
    /// Something follows the set.
    Trailing {
        /// Length of the set in bytes.
        expected: u64,
    },
    /// It has four signatures by other keys: no set has more.
    TooManySignatures,
    /// With chunk digests and signatures the index is too long, or states too much RAM.
    IndexTooLong {
        /// Bytes that it would have.
        len: u64,
    },
}

codes! {
    impl[] SetFileError {
        Self::Truncated { .. } => "truncated", BadPatch, TransferAgain;
        Self::Trailing { .. } => "trailing-input", BadPatch, CutTrailing;
        Self::TooManySignatures => "too-many-signatures", Misuse;
        Self::IndexTooLong { .. } => "index-too-long", Misuse;
    } else {
        Self::Set(error) => error;
        Self::Payload { error, .. } => error;
    }
}

impl From<SetError> for SetFileError {
    fn from(error: SetError) -> Self {
        Self::Set(error)
    }
}

impl fmt::Display for SetFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Set(error) => error.fmt(f),
            Self::Payload { component, error } => {
                write!(f, "the payload of component {component}: {error}")
            }
            Self::Truncated { found, expected: Some(expected) } => {
                write!(f, "the set is not complete: it has {found} of {expected} bytes")
            }
            Self::Truncated { found, expected: None } => {
                write!(f, "the set is not complete: it ends after {found} bytes, in its index")
            }
            Self::Trailing { expected } => {
                write!(f, "the set has {expected} bytes, but something follows it")
            }
            Self::TooManySignatures => {
                write!(f, "the set has {MOST_SIGNATURES} signatures by other keys already")
            }
            Self::IndexTooLong { len } => write!(
                f,
                "the index of the set would have {len} bytes, the limit is {MAX_INDEX_LEN}: fewer \
                 components or shorter names"
            ),
        }
    }
}

impl core::error::Error for SetFileError {}

/// Why a set cannot be made.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SetMakeError {
    /// The patch of a component cannot be made.
    Component {
        /// Which.
        name: ComponentName,
        /// Why.
        error: Box<MakeError>,
    },
    /// The patch of a component does not make its new image: a bug.
    Wrong {
        /// Which.
        name: ComponentName,
        /// How.
        error: Box<FileError>,
    },
    /// A name is empty, too long or not of printable ASCII characters.
    BadName {
        /// The name.
        name: ComponentName,
    },
    /// Two components are the same part of the same device.
    Twice {
        /// Which.
        name: ComponentName,
    },
    /// The last hardware revision is before the first.
    BadHardware {
        /// Of which.
        name: ComponentName,
    },
    /// There is no component, or there are more than a set can have.
    Count {
        /// How many.
        found: usize,
    },
    /// It cannot be put together.
    File(SetFileError),
}

codes! {
    impl[] SetMakeError {
        Self::BadName { .. } => "bad-component-name", Misuse;
        Self::Twice { .. } => "component-twice", Misuse;
        Self::BadHardware { .. } => "bad-hardware-range", Misuse;
        Self::Count { .. } => "component-count", Misuse;
    } else {
        Self::Component { error, .. } => error;
        Self::Wrong { error, .. } => error;
        Self::File(error) => error;
    }
}

impl From<SetFileError> for SetMakeError {
    fn from(error: SetFileError) -> Self {
        Self::File(error)
    }
}

impl fmt::Display for SetMakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Component { name, error } => write!(f, "{name}: {error}"),
            Self::Wrong { name, error } => {
                write!(f, "{name}: the patch that was made is wrong, which is a bug: {error}")
            }
            Self::BadName { name } => write!(
                f,
                "{name}: the name of a component is 1 to {MAX_NAME_LEN} printable ASCII characters"
            ),
            Self::Twice { name } => write!(f, "{name}: the set has this component twice"),
            Self::BadHardware { name } => {
                write!(f, "{name}: the last hardware revision is before the first")
            }
            Self::Count { found } => {
                write!(f, "a set has 1 to {MOST_COMPONENTS} components, not {found}")
            }
            Self::File(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for SetMakeError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Component { error, .. } => Some(&**error),
            Self::Wrong { error, .. } => Some(&**error),
            Self::File(error) => Some(error),
            _ => None,
        }
    }
}
