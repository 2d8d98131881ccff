//! What a program is given to patch: a file, a folder, a manifest with its parts, bytes.
//!
//! It is read once and whole, since it may be a pipe. What it is gets found out once, too.

use core::fmt;
use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::device::error::codes;
use crate::device::format::MAX_SIZE;
use crate::host::archive::folder::{self, FolderError};
use crate::host::archive::{Container, Member};
use crate::host::bounded::{self, ReadError};
use crate::host::bundle;
use crate::host::manifest::{names_parts, read_release, PartsError, PartsWarning, ReleasePart};

/// An old or a new file, read.
///
/// ```
/// use flashdelta::Input;
///
/// let input = Input::open("../../testdata/firmware/cortex-m-1.0.s19".as_ref())?;
/// assert_eq!(input.name(), "cortex-m-1.0.s19");
/// let input = Input::from_bytes(&b"any bytes"[..]);
/// assert_eq!(input.bytes(), b"any bytes");
/// # Ok::<(), flashdelta::InputError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Input<'a> {
    name: String,
    /// The file itself; none of a folder.
    file: Option<Cow<'a, [u8]>>,
    /// A folder, or a JSON file together with the parts that it names, as [`folder::pack`] packs
    /// them.
    packed: Option<Vec<u8>>,
    container: Container,
    is_verbatim: bool,
    parts: Vec<ReleasePart>,
    parts_warnings: Vec<PartsWarning>,
    /// Whether it is a manifest, and none of its parts has a byte.
    has_empty_parts: bool,
    /// The files, or the folder, that it was read from.
    sources: Vec<PathBuf>,
}

impl Input<'static> {
    /// Reads a file, a pipe or a device to its end; a folder; or a manifest of ESP Web Tools or
    /// ESP-IDF together with its parts.
    ///
    /// # Errors
    ///
    /// See [`InputError`]. More than 2 GiB are refused before they are read, where the size is
    /// known.
    pub fn open(path: &Path) -> Result<Self, InputError> {
        if path.is_dir() {
            let packed = folder::read(path).map_err(InputError::Folder)?;
            return Ok(Self {
                name: file_name(path),
                file: None,
                packed: Some(packed),
                container: Container::Folder,
                is_verbatim: false,
                parts: Vec::new(),
                parts_warnings: Vec::new(),
                has_empty_parts: false,
                sources: vec![path.to_owned()],
            });
        }
        let mut input = Self::open_verbatim(path)?;
        input.is_verbatim = false;
        if input.file.as_deref().is_some_and(names_parts) {
            let release = read_release(path).map_err(InputError::Parts)?;
            // A JSON file that names no parts at all stands for itself.
            if folder::is(&release.bytes) {
                input.packed = Some(release.bytes);
            }
            input.parts = release.parts;
            input.sources = release.sources;
            input.parts_warnings = release.warnings;
            input.has_empty_parts = release.has_empty_parts;
        }
        input.container = Container::detect(input.bytes());
        Ok(input)
    }

    /// Reads a file, a pipe or a folder to say what it is. A file counts as one that holds no
    /// others; of a manifest it is known what parts are beside it, if they are.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open), but for missing parts.
    pub fn open_for_info(path: &Path) -> Result<Self, InputError> {
        if path.is_dir() {
            return Self::open(path);
        }
        let mut input = Self::open_verbatim(path)?;
        if input.file.as_deref().is_some_and(names_parts) {
            input.parts = read_release(path).map(|release| release.parts).unwrap_or_default();
        }
        Ok(input)
    }

    /// Reads the old input of a patch. A manifest is taken with its parts if the patch was made so,
    /// as only bundles say; else it is a file as any other, also where its parts are missing.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    pub fn open_old(path: &Path, patch: &[u8]) -> Result<Self, InputError> {
        match Self::is_packed_old(path, patch) {
            true => Self::open(path),
            false => Self::of_old_file(Self::open_file(path)?, path),
        }
    }

    /// Whether the old input of a patch is more than one file.
    pub(crate) fn is_packed_old(path: &Path, patch: &[u8]) -> bool {
        let is_packed = bundle::info(patch).is_ok_and(|info| info.old_container.is_folder());
        is_packed || path.is_dir()
    }

    /// As [`open_old`](Self::open_old), of one file that is open already: it may be a pipe.
    pub(crate) fn of_old_file(file: File, path: &Path) -> Result<Self, InputError> {
        let mut input = Self::read_file(file, path)?;
        input.is_verbatim = false;
        input.container = Container::detect(input.bytes());
        Ok(input)
    }

    pub(crate) fn open_file(path: &Path) -> Result<File, InputError> {
        Ok(bounded::open(path)?)
    }

    /// Reads a file byte by byte: it counts as one that holds no others.
    ///
    /// # Errors
    ///
    /// [`InputError::File`].
    pub fn open_verbatim(path: &Path) -> Result<Self, InputError> {
        Self::read_file(Self::open_file(path)?, path)
    }

    /// The same of a file that people write, and that is small: a description, a profile, a key.
    ///
    /// # Errors
    ///
    /// [`ReadError::Read`]; [`ReadError::TooLarge`] of more than 1 MiB, of which no more is read.
    pub fn open_small(path: &Path) -> Result<Self, InputError> {
        Ok(Self::of_bytes(bounded::small(path)?, path).read_from(path))
    }

    fn read_file(file: File, path: &Path) -> Result<Self, InputError> {
        let failed = |error| ReadError::Read { path: path.to_owned(), error };
        let stated = file.metadata().map_err(failed)?.len();
        Ok(Self::read(file, stated, MAX_SIZE.into(), path)?.read_from(path))
    }

    /// Says where it was read from.
    fn read_from(mut self, path: &Path) -> Self {
        self.sources.push(path.to_owned());
        self
    }

    /// Reads to the end of a reader: standard input, say. `name`: what it is to be called in
    /// messages, and by whose ending formats are guessed.
    ///
    /// # Errors
    ///
    /// [`InputError::File`].
    pub fn from_reader(reader: impl Read, name: &str) -> Result<Self, InputError> {
        let mut input = Self::read(reader, 0, MAX_SIZE.into(), Path::new(name))?;
        input.is_verbatim = false;
        input.container = Container::detect(input.bytes());
        Ok(input)
    }

    /// Reads to the end of a reader, but no more than a limit. `stated`: how much there is, 0 if
    /// nothing tells.
    fn read(reader: impl Read, stated: u64, limit: u64, path: &Path) -> Result<Self, InputError> {
        let bytes = bounded::read(reader, stated, limit, path)?;
        Ok(Self::of_bytes(bytes, path))
    }

    fn of_bytes(bytes: Vec<u8>, path: &Path) -> Self {
        Self {
            name: file_name(path),
            file: Some(Cow::Owned(bytes)),
            packed: None,
            container: Container::Whole,
            is_verbatim: true,
            parts: Vec::new(),
            parts_warnings: Vec::new(),
            has_empty_parts: false,
            sources: Vec::new(),
        }
    }
}

impl<'a> Input<'a> {
    /// A file in memory.
    pub fn from_bytes(bytes: impl Into<Cow<'a, [u8]>>) -> Self {
        let bytes = bytes.into();
        let container = Container::detect(&bytes);
        // A packed folder is one wherever it comes from.
        let (file, packed) = match container {
            Container::Folder => (None, Some(bytes.into_owned())),
            _ => (Some(bytes), None),
        };
        Self {
            name: String::new(),
            file,
            packed,
            container,
            is_verbatim: false,
            parts: Vec::new(),
            parts_warnings: Vec::new(),
            has_empty_parts: false,
            sources: Vec::new(),
        }
    }

    /// A file in memory that counts as one that holds no others.
    pub fn verbatim(bytes: impl Into<Cow<'a, [u8]>>) -> Self {
        Self {
            name: String::new(),
            file: Some(bytes.into()),
            packed: None,
            container: Container::Whole,
            is_verbatim: true,
            parts: Vec::new(),
            parts_warnings: Vec::new(),
            has_empty_parts: false,
            sources: Vec::new(),
        }
    }

    /// Gives it a name: that of the file, by whose ending formats are guessed.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The name of the file without its folder; empty if there is none.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is patched: the file, or the packed folder.
    pub fn bytes(&self) -> &[u8] {
        self.packed.as_deref().or(self.file.as_deref()).unwrap_or_default()
    }

    /// The file itself, if it is one: of a manifest the JSON alone.
    pub fn file(&self) -> Option<&[u8]> {
        self.file.as_deref()
    }

    /// What is patched, owned.
    pub fn into_bytes(self) -> Vec<u8> {
        self.packed.unwrap_or_else(|| self.file.unwrap_or_default().into_owned())
    }

    /// What it is.
    pub fn container(&self) -> Container {
        self.container
    }

    /// Whether it holds others.
    pub fn is_container(&self) -> bool {
        self.container != Container::Whole
    }

    /// Whether it is taken byte by byte, whatever it looks like.
    pub fn is_verbatim(&self) -> bool {
        self.is_verbatim
    }

    /// Whether it is a folder, or a manifest with its parts: then what comes of it is a folder.
    pub fn is_packed(&self) -> bool {
        self.packed.is_some()
    }

    /// Whether it is an archive or a folder in which no file has a byte, or a manifest none of
    /// whose parts has one. What cannot be taken apart is not.
    pub(crate) fn holds_nothing(&self) -> bool {
        if self.has_empty_parts {
            return true;
        }
        let members = self.container.members(self.bytes());
        self.is_container() && members.is_ok_and(|members| members.iter().all(Member::is_empty))
    }

    /// What it was read from: the file, of a manifest its parts as well, or the folder. Nothing of
    /// what came from memory or from a reader.
    pub fn sources(&self) -> &[PathBuf] {
        &self.sources
    }

    /// The parts of a manifest that are beside it.
    pub fn parts(&self) -> &[ReleasePart] {
        &self.parts
    }

    /// What a manifest names and what is not among its parts.
    pub(crate) fn parts_warnings(&self) -> &[PartsWarning] {
        &self.parts_warnings
    }

    /// Whether it is a manifest that was given without its parts, in memory or through a pipe.
    pub fn lacks_parts(&self) -> bool {
        !self.is_packed()
            && self.container == Container::Whole
            && self.file().is_some_and(names_parts)
    }

    /// Whether it is a patch or a bundle.
    pub fn is_patch(&self) -> bool {
        self.file().is_some_and(|file| file.starts_with(&PATCH_MAGIC) || bundle::is_bundle(file))
    }

    /// What the patch may have been made from, best guess first: the packed folder, the file.
    pub(crate) fn candidates(&self) -> impl Iterator<Item = &[u8]> {
        [self.packed.as_deref(), self.file.as_deref()].into_iter().flatten()
    }

    /// The ending of the name, in lower case.
    pub(crate) fn extension(&self) -> String {
        let extension = Path::new(&self.name).extension().unwrap_or_default();
        extension.to_string_lossy().to_ascii_lowercase()
    }
}

/// The text of a file that people write, and that is small.
///
/// # Errors
///
/// Those of [`Input::open_small`], and [`ReadError::Read`] if it is no UTF-8.
pub fn read_text(path: &Path) -> Result<String, InputError> {
    String::from_utf8(Input::open_small(path)?.into_bytes()).map_err(|_| {
        let error = io::Error::new(io::ErrorKind::InvalidData, "it is not a text file");
        ReadError::Read { path: path.to_owned(), error }.into()
    })
}

/// What every patch starts with.
pub(crate) const PATCH_MAGIC: [u8; 3] = *b"FDP";

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Why an input could not be read.
#[non_exhaustive]
#[derive(Debug)]
pub enum InputError {
    /// The file cannot be read.
    File(ReadError),
    /// The folder cannot be packed.
    Folder(FolderError),
    /// The parts that a manifest names cannot be packed.
    Parts(PartsError),
}

codes! {
    impl[] InputError {
    } else {
        Self::File(error) => error;
        Self::Folder(error) => error;
        Self::Parts(error) => error;
    }
}

impl From<ReadError> for InputError {
    fn from(error: ReadError) -> Self {
        Self::File(error)
    }
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => error.fmt(f),
            Self::Folder(error) => error.fmt(f),
            Self::Parts(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for InputError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            // Its text is this error's own: its source comes next.
            Self::File(error) => error.source(),
            Self::Folder(error) => Some(error),
            Self::Parts(error) => Some(error),
        }
    }
}
