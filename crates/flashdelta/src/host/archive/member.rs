//! The members of a container, and why they cannot be found.

use core::fmt;
use core::ops::Range;

use super::names::{self, NameProblem};
use crate::device::error::codes;
use crate::host::budget::Halt;
use crate::host::deflate::DeflateError;

/// Most members of a container.
pub(crate) const MOST_MEMBERS: usize = 1 << 16;

/// A file in a container.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// Its name or path, as the container gives it; what is not UTF-8 is replaced.
    pub name: String,
    /// Where its data is in the container.
    pub data: Range<usize>,
    /// Whether the data is a deflate stream (RFC 1951).
    pub is_deflated: bool,
    /// Length in bytes of what that holds, as the container says; nobody has looked whether this is
    /// true.
    pub stated_len: Option<u32>,
}

impl Member {
    /// A file as its own member.
    pub(crate) fn whole(file: &[u8]) -> Self {
        Self { name: String::new(), data: 0..file.len(), is_deflated: false, stated_len: None }
    }

    /// Whether it holds nothing, as the container says.
    pub(crate) fn is_empty(&self) -> bool {
        match self.is_deflated {
            true => self.stated_len == Some(0),
            false => self.data.is_empty(),
        }
    }
}

/// Why the members of a container cannot be found.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ContainerError {
    /// The file ends inside something.
    CutShort {
        /// Inside what.
        what: &'static str,
        /// Where that begins.
        offset: u64,
    },
    /// Something else is there.
    Expected {
        /// What should be there.
        what: &'static str,
        /// Where.
        offset: u64,
    },
    /// An offset or a size reaches beyond what there is.
    OutOfBounds {
        /// The offset or size of what.
        what: &'static str,
        /// Where it is said.
        offset: u64,
        /// What it is.
        found: u64,
        /// The largest that is possible.
        limit: u64,
    },
    /// Two places of a zip archive contradict each other.
    Contradiction {
        /// About what.
        what: &'static str,
        /// Where the second one is.
        offset: u64,
        /// What the first one says.
        expected: u64,
        /// What the second one says.
        found: u64,
    },
    /// The data of two members overlaps.
    Overlap {
        /// Name of one.
        first: String,
        /// Name of the other.
        second: String,
    },
    /// It uses something that is not supported.
    Unsupported {
        /// What.
        what: &'static str,
        /// Where.
        offset: u64,
    },
    /// A path that leads out of the folder, or is beyond the limits of packed folders.
    UnsafePath {
        /// The path.
        path: String,
        /// What is wrong with it.
        problem: NameProblem,
    },
    /// There are more members than a container may have.
    TooManyMembers {
        /// Where the one is that is too many.
        offset: u64,
        /// Most members.
        limit: u64,
    },
    /// The paths of a packed folder are not in ascending order.
    Order {
        /// The path that should be before.
        path: String,
    },
    /// This computer does not give the memory that the members take together.
    OutOfMemory {
        /// What was asked for last, in bytes.
        needed: u64,
    },
    /// The compressed data cannot be read.
    Deflate {
        /// Why.
        error: DeflateError,
    },
}

codes! {
    impl[] ContainerError {
        Self::CutShort { .. } => "container-cut-short", BadFile, MakeFileAgain;
        Self::Expected { .. } => "container-expected", BadFile, MakeFileAgain;
        Self::OutOfBounds { .. } => "container-out-of-bounds", BadFile, MakeFileAgain;
        Self::Contradiction { .. } => "container-contradiction", BadFile, MakeFileAgain;
        Self::Overlap { .. } => "container-overlap", BadFile, MakeFileAgain;
        Self::Unsupported { .. } => "container-unsupported", BadFile;
        Self::UnsafePath { .. } => "unsafe-path", BadFile;
        Self::TooManyMembers { .. } => "too-many-members", BadFile;
        Self::Order { .. } => "container-order", BadFile, TransferAgain;
        Self::OutOfMemory { .. } => "out-of-memory", DoesNotFit;
    } else {
        Self::Deflate { error } => error;
    }
}

impl fmt::Display for ContainerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CutShort { what, offset } => {
                write!(f, "the file ends inside the {what} at byte {offset}")
            }
            Self::Expected { what, offset } => write!(f, "expected {what} at byte {offset}"),
            Self::OutOfBounds { what, offset, found, limit } => {
                write!(f, "the {what} at byte {offset} is {found}, but cannot be more than {limit}")
            }
            Self::Contradiction { what, offset, expected, found } => {
                write!(f, "the {what} is {expected} in one place, and {found} at byte {offset}")
            }
            Self::Overlap { first, second } => {
                write!(f, "the members \"{first}\" and \"{second}\" overlap")
            }
            Self::Unsupported { what, offset } => {
                write!(f, "{what} (at byte {offset}) is not supported")
            }
            Self::UnsafePath { path, problem } => {
                write!(f, "the path \"{}\" is refused: {problem}", names::shown(path))
            }
            Self::TooManyMembers { offset, limit } => {
                write!(f, "there are more than {limit} members: one too many at byte {offset}")
            }
            Self::Order { path } => {
                write!(f, "the path \"{path}\" is out of order, or there twice")
            }
            Self::OutOfMemory { needed } => {
                write!(f, "out of memory: this computer does not give {needed} bytes")
            }
            Self::Deflate { error } => write!(f, "the compressed data cannot be read: {error}"),
        }
    }
}

impl core::error::Error for ContainerError {}

impl From<ContainerError> for Halt<ContainerError> {
    fn from(error: ContainerError) -> Self {
        Self::Bad(error)
    }
}
