//! What a file consists of: members, and the *template* around them.

use core::fmt;
use core::ops::Range;

use super::names::NameProblem;
use super::{folder, gzip, names, tar, zip};
use crate::device::error::codes;
use crate::host::budget::Halt;
use crate::host::deflate::DeflateError;

/// Most members of a container.
pub(crate) const MOST_MEMBERS: usize = 1 << 16;

/// What kind of file holds the members.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Container {
    /// None that is known: the whole file is one member.
    Whole = 0,
    /// Zip archive.
    Zip = 1,
    /// Tar archive.
    Tar = 2,
    /// A file compressed by gzip.
    Gzip = 3,
    /// A folder, as [`folder::read`] packs it.
    Folder = 4,
    /// A packed folder that is one member as it is: what is patched as one piece is packed all the
    /// same before it is compared.
    WholeFolder = 5,
}

impl Container {
    const ALL: [Self; 6] =
        [Self::Whole, Self::Zip, Self::Tar, Self::Gzip, Self::Folder, Self::WholeFolder];

    /// The container of a number.
    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// Whether it is a packed folder: what was read by [`folder::read`], or by
    /// [`manifest::read_parts`](crate::manifest::read_parts), and is written by [`folder::write`].
    pub fn is_folder(self) -> bool {
        matches!(self, Self::Folder | Self::WholeFolder)
    }

    /// Whether the file is one member, and not taken apart.
    pub fn is_whole(self) -> bool {
        matches!(self, Self::Whole | Self::WholeFolder)
    }

    /// The name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Whole => "file",
            Self::Zip => "zip",
            Self::Tar => "tar",
            Self::Gzip => "gzip",
            Self::Folder | Self::WholeFolder => "folder",
        }
    }

    /// The container that the ending of a file name, in lower case, promises.
    pub fn by_extension(extension: &str) -> Option<Self> {
        Some(match extension {
            "zip" => Self::Zip,
            "tar" => Self::Tar,
            "gz" | "tgz" => Self::Gzip,
            _ => return None,
        })
    }

    /// Recognises a container by its content; tells nothing about whether it is in good order.
    /// Never [`WholeFolder`](Self::WholeFolder).
    pub fn detect(file: &[u8]) -> Self {
        match file {
            _ if folder::is(file) => Self::Folder,
            _ if zip::is(file) => Self::Zip,
            _ if gzip::is(file) => Self::Gzip,
            _ if tar::is(file) => Self::Tar,
            _ => Self::Whole,
        }
    }

    /// What a file seems to be meant as: also an archive that is cut off or damaged, which
    /// [`detect`](Self::detect) does not know.
    pub fn resembles(file: &[u8]) -> Self {
        match Self::detect(file) {
            Self::Whole if zip::begins(file) => Self::Zip,
            Self::Whole if tar::begins(file) => Self::Tar,
            container => container,
        }
    }

    /// The same as [`members`](Self::members) as far as headers tell, without inflating anything:
    /// where the data of a gzip file ends is taken on trust.
    ///
    /// # Errors
    ///
    /// Those of [`members`](Self::members).
    pub fn list(self, file: &[u8]) -> Result<Vec<Member>, ContainerError> {
        match self {
            Self::Gzip => gzip::list(file),
            container => container.members(file),
        }
    }

    /// The members of a file that is such a container, in the order of their data. They do not
    /// overlap.
    ///
    /// # Errors
    ///
    /// [`ContainerError`], if it contradicts itself, or uses something that is not supported.
    pub fn members(self, file: &[u8]) -> Result<Vec<Member>, ContainerError> {
        match self {
            Self::Whole => Ok(vec![Member::whole(file)]),
            Self::WholeFolder => folder::members(file).map(|_| vec![Member::whole(file)]),
            Self::Zip => zip::members(file),
            Self::Tar => tar::members(file),
            Self::Gzip => gzip::members(file),
            Self::Folder => folder::members(file),
        }
    }
}

impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

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
