//! What kinds of files hold members.

use core::fmt;

use super::member::{ContainerError, Member};
use super::{folder, gzip, tar, zip};

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

    /// The names of the files in it that have no bytes, which are no [`members`](Self::members).
    pub(crate) fn empty_files(self, file: &[u8]) -> Vec<String> {
        let files = match self {
            Self::Zip => zip::files(file),
            Self::Tar => tar::files(file, |len| len == 0),
            Self::Folder => folder::all(file),
            Self::Whole | Self::WholeFolder | Self::Gzip => return Vec::new(),
        };
        let files = files.unwrap_or_default().into_iter();
        files.filter(Member::is_empty).map(|member| member.name).collect()
    }
}

impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
