//! What a file consists of: members, and the *template* around them.

use core::fmt;
use core::ops::Range;

use super::deflate::{inflate, DeflateError};
use super::{folder, gzip, tar, zip};
use crate::device::error::codes;

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
}

impl Container {
    const ALL: [Self; 5] = [Self::Whole, Self::Zip, Self::Tar, Self::Gzip, Self::Folder];

    /// The container of a number.
    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// The name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Whole => "file",
            Self::Zip => "zip",
            Self::Tar => "tar",
            Self::Gzip => "gzip",
            Self::Folder => "folder",
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
            Self::Whole => Ok(vec![Member {
                name: String::new(),
                data: 0..file.len(),
                is_deflated: false,
                stated_len: None,
            }]),
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
    /// Where its data stands in the container.
    pub data: Range<usize>,
    /// Is the data a deflate stream (RFC 1951)?
    pub is_deflated: bool,
    /// Length in bytes of what that holds, as the container says; nobody has looked whether this is
    /// true.
    pub stated_len: Option<u32>,
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
    /// Something is not what stands there.
    Expected {
        /// What should stand there.
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
        /// Where the second one stands.
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
    /// A path that leads out of the folder, or that not every system can store.
    UnsafePath {
        /// The path.
        path: String,
    },
    /// The paths of a packed folder are not in ascending order.
    Order {
        /// The path that should stand before.
        path: String,
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
        Self::Order { .. } => "container-order", BadFile, TransferAgain;
    } else {
        Self::Deflate { error } => error;
    }
}

impl fmt::Display for ContainerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CutShort { what, offset } => write!(f, "the file ends inside the {what} at byte {offset}"),
            Self::Expected { what, offset } => write!(f, "expected {what} at byte {offset}"),
            Self::OutOfBounds { what, offset, found, limit } => {
                write!(f, "the {what} at byte {offset} is {found}, but cannot be more than {limit}")
            }
            Self::Contradiction { what, offset, expected, found } => {
                write!(f, "the {what} is {expected} in one place, and {found} at byte {offset}")
            }
            Self::Overlap { first, second } => write!(f, "the members \"{first}\" and \"{second}\" overlap"),
            Self::Unsupported { what, offset } => write!(f, "{what} (at byte {offset}) is not supported"),
            Self::UnsafePath { path } => write!(
                f,
                "the path \"{path}\" is refused: only relative paths without \"..\", \"\\\" and \":\" can be stored on every system"
            ),
            Self::Order { path } => write!(f, "the path \"{path}\" is out of order, or there twice"),
            Self::Deflate { error } => write!(f, "the compressed data cannot be read: {error}"),
        }
    }
}

impl core::error::Error for ContainerError {}

/// Inflated members of one container take this much at most, in bytes: 128 MiB, several times what
/// any release holds. Those beyond are treated as they stand in the container.
const MOST_INFLATED: usize = 1 << 27;

/// A file, taken apart.
pub(crate) struct Contents<'a> {
    file: &'a [u8],
    pub(crate) container: Container,
    pub(crate) members: Vec<Member>,
    /// What the deflated ones hold, where that can be told.
    pub(crate) plain: Vec<Option<Vec<u8>>>,
}

impl<'a> Contents<'a> {
    /// Takes a file apart. If it is no container, or not in order, it is one member; and what it
    /// seems to be, and why it is not.
    pub(crate) fn of(file: &'a [u8]) -> (Self, Option<(Container, ContainerError)>) {
        let container = Container::resembles(file);
        match Self::new(file, container) {
            Ok(contents) => (contents, None),
            Err(error) => (Self::whole(file), Some((container, error))),
        }
    }

    /// A file as one member.
    pub(crate) fn whole(file: &'a [u8]) -> Self {
        let member = Member {
            name: String::new(),
            data: 0..file.len(),
            is_deflated: false,
            stated_len: None,
        };
        Self { file, container: Container::Whole, members: vec![member], plain: vec![None] }
    }

    /// Takes a container of a kind apart.
    pub(crate) fn new(file: &'a [u8], container: Container) -> Result<Self, ContainerError> {
        let members = container.members(file)?;
        let mut left = MOST_INFLATED;
        let plain = members.iter().map(|member| {
            let data = member.is_deflated.then(|| file.get(member.data.clone())).flatten()?;
            let (plain, _) = inflate(data, left).ok().filter(|(_, len)| *len == data.len())?;
            left -= plain.len();
            Some(plain)
        });
        let plain = plain.collect();
        Ok(Self { file, container, members, plain })
    }

    /// The data of a member as it stands in the container.
    pub(crate) fn raw(&self, index: usize) -> &'a [u8] {
        self.members
            .get(index)
            .and_then(|member| self.file.get(member.data.clone()))
            .unwrap_or_default()
    }

    /// What a member holds: inflated, where that is possible.
    pub(crate) fn content(&self, index: usize) -> &[u8] {
        self.plain.get(index).and_then(Option::as_deref).unwrap_or_else(|| self.raw(index))
    }

    /// All bytes that are not data of members, and the number of them before each member.
    pub(crate) fn template(&self) -> (Vec<u8>, Vec<usize>) {
        let (mut template, mut gaps, mut at) = (Vec::new(), Vec::new(), 0);
        for member in &self.members {
            let gap = self.file.get(at..member.data.start).unwrap_or_default();
            gaps.push(gap.len());
            template.extend_from_slice(gap);
            at = member.data.end;
        }
        template.extend_from_slice(self.file.get(at..).unwrap_or_default());
        (template, gaps)
    }
}
