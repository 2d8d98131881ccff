//! A JSON file that names the parts of a firmware, and the files beside it, as one packed folder.

use core::fmt;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::esp_idf::{self, FlasherArgs};
use super::esp_web_tools::{self, Manifest};
use super::json::JsonError;
use crate::device::error::codes;
use crate::device::format::MAX_SIZE;
use crate::host::archive::folder::{self, FolderError};
use crate::host::archive::ContainerError;

/// Is it a JSON file that names parts: a manifest of ESP Web Tools, or `flasher_args.json` of
/// ESP-IDF?
pub fn names_parts(bytes: &[u8]) -> bool {
    esp_web_tools::is(bytes) || esp_idf::is(bytes)
}

/// Reads such a file and the parts that it names, which have to be beside it or in folders beside
/// it, and packs all of them as [`folder::pack`] does. If none of the parts is there, the file
/// stands for itself: then its own bytes are returned, which [`folder::is`] tells from a packed
/// folder.
///
/// # Errors
///
/// [`PartsError`], if the file is wrong, some parts are there and others missing or elsewhere, or
/// parts overlap in the flash.
pub fn read_parts(path: &Path) -> Result<Vec<u8>, PartsError> {
    let json_error = |error: JsonError, text: &[u8]| {
        let place = error.place(text);
        PartsError::Json { path: path.to_owned(), error, place }
    };
    let text = read(path)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| PartsError::Elsewhere { path: path.display().to_string() })?;
    let description = if esp_web_tools::is(&text) {
        Description::Manifest(Manifest::parse(&text).map_err(|error| json_error(error, &text))?)
    } else {
        Description::FlasherArgs(
            FlasherArgs::parse(&text).map_err(|error| json_error(error, &text))?,
        )
    };
    let is_there = |part: &str| folder::is_safe(part) && part != name && folder.join(part).exists();
    if !description.paths().into_iter().any(is_there) {
        return Ok(text);
    }
    let mut files = BTreeMap::new();
    for part in description.paths() {
        if !folder::is_safe(part) || part == name {
            return Err(PartsError::Elsewhere { path: part.to_owned() });
        }
        if !files.contains_key(part) {
            files.insert(part.to_owned(), read(&folder.join(part))?);
        }
    }
    description
        .check(|part| files.get(part).map_or(0, |data| data.len() as u64))
        .map_err(|error| json_error(error, &text))?;
    files.insert(name.to_owned(), text);
    folder::pack(files.into_iter().collect()).map_err(|error| PartsError::Folder(error.into()))
}

fn read(path: &Path) -> Result<Vec<u8>, PartsError> {
    let failed =
        |error| PartsError::Folder(FolderError::Io { doing: "read", path: path.to_owned(), error });
    let (found, limit) = (fs::metadata(path).map_err(failed)?.len(), u64::from(MAX_SIZE));
    if found > limit {
        let error = ContainerError::OutOfBounds { what: "size of a part", offset: 0, found, limit };
        return Err(PartsError::Folder(error.into()));
    }
    fs::read(path).map_err(failed)
}

enum Description {
    Manifest(Manifest),
    FlasherArgs(FlasherArgs),
}

impl Description {
    fn paths(&self) -> Vec<&str> {
        match self {
            Self::Manifest(manifest) => manifest
                .builds
                .iter()
                .flat_map(|build| &build.parts)
                .map(|part| part.path.as_str())
                .collect(),
            Self::FlasherArgs(args) => args.files.iter().map(|file| file.path.as_str()).collect(),
        }
    }

    fn check(&self, size: impl Fn(&str) -> u64) -> Result<(), JsonError> {
        match self {
            Self::Manifest(manifest) => manifest.check(size),
            Self::FlasherArgs(args) => args.check(size),
        }
    }
}

/// Why the parts of a firmware could not be read.
#[non_exhaustive]
#[derive(Debug)]
pub enum PartsError {
    /// The JSON file is wrong.
    Json {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: JsonError,
        /// Line and column, from 1, if they are known.
        place: Option<(usize, usize)>,
    },
    /// A part is not beside the JSON file: a URL, an absolute path, or one with `..`.
    Elsewhere {
        /// Where it is.
        path: String,
    },
    /// A file cannot be read.
    Folder(FolderError),
}

codes! {
    impl[] PartsError {
        Self::Elsewhere { .. } => "part-elsewhere", BadFile, Verbatim;
        // Read byte by byte, a manifest may say whatever it says.
        Self::Json { .. } => "parts-json", BadFile, Verbatim;
    } else {
        Self::Folder(error) => error;
    }
}

impl fmt::Display for PartsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json { path, error, place } => {
                write!(f, "{}: {}", path.display(), error.with_place(*place))
            }
            Self::Elsewhere { path } => {
                write!(f, "the part \"{path}\" is not in the folder of the file that names it")
            }
            Self::Folder(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for PartsError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Json { error, .. } => Some(error),
            Self::Folder(error) => Some(error),
            Self::Elsewhere { .. } => None,
        }
    }
}
