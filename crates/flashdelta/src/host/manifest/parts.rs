//! A JSON file that names the parts of a firmware, and the files that it names, as one packed
//! folder.

use core::fmt;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::description::{Description, Named};
use super::reference::{Style, Target};
use crate::device::error::codes;
use crate::device::format::MAX_SIZE;
use crate::host::archive::folder::{self, FolderError};
use crate::host::archive::names::NameProblem;
use crate::host::json::{Json, JsonError};

/// A JSON file with the parts that it names.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Release {
    /// The file and its parts, packed as [`folder::pack`] does. If the file names none at all, its
    /// own bytes, which [`folder::is`] tells from a packed folder.
    pub bytes: Vec<u8>,
    /// The parts that are packed.
    pub parts: Vec<ReleasePart>,
    /// What the file names and what is not packed.
    pub warnings: Vec<PartsWarning>,
    /// Whether none of the parts has a byte: mostly a build has failed. Other files do not count.
    pub has_empty_parts: bool,
    /// The files that were read, the JSON file among them.
    pub sources: Vec<PathBuf>,
}

/// A part of a release.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReleasePart {
    /// Its path in the packed folder.
    pub path: String,
    /// Where in the JSON file it is named: `builds[0].parts[1].path`.
    pub named_at: String,
    /// Where in the flash it goes, in bytes; `None`: that is not said.
    pub offset: Option<u32>,
    /// Its length in bytes.
    pub len: u64,
}

/// Something that a JSON file names, and that is not packed with it.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PartsWarning {
    /// It is on another host: a whole URL, or an absolute path of a file.
    Elsewhere {
        /// Where in the JSON file it is named.
        named_at: String,
        /// What is named.
        reference: String,
    },
    /// It is not there, and only needed by devices that fetch updates (ESPHome's `ota.path`).
    Missing {
        /// Where in the JSON file it is named.
        named_at: String,
        /// What is named.
        reference: String,
    },
}

impl fmt::Display for PartsWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Elsewhere { named_at, reference } => write!(
                f,
                "{named_at} is \"{reference}\", which is not in the folder of the release: it is \
                 no part of the patch"
            ),
            Self::Missing { named_at, reference } => write!(
                f,
                "{named_at} is \"{reference}\", which is not there: it is no part of the patch"
            ),
        }
    }
}

/// Reads such a file and the parts that it names, and packs all of them. The same for making a
/// patch and for applying it, so that both see the same old folder.
///
/// References are resolved as [RFC 3986](https://www.rfc-editor.org/rfc/rfc3986) says for URLs
/// relative to the file (in `flasher_args.json`: paths of files). The *root* of the release is the
/// folder of the JSON file, or the one above it if a part is there (`../firmware/app.bin`, or
/// `/firmware/app.bin` where that is not found from the folder itself). Nothing further up is read,
/// and no symbolic link is followed: a file from elsewhere may not get hold of what is beside the
/// release. Files that other values of the JSON name are packed as well if they are in its folder.
///
/// # Errors
///
/// [`PartsError`], if the file is wrong, parts are missing or lead out of the release, or overlap
/// in the flash.
pub fn read_release(path: &Path) -> Result<Release, PartsError> {
    let text = read(path)?;
    let json_error = |error: JsonError| PartsError::Json {
        path: path.to_owned(),
        place: error.place(&text),
        error,
    };
    let json = Json::parse(&text).map_err(json_error)?;
    let description = Description::parse(&text).map_err(json_error)?;
    let named = description.named();
    if named.is_empty() {
        return Ok(Release { bytes: text, ..Release::from_file(path) });
    }
    let place = Place::find(path, &named, description.style())?;
    let mut files = BTreeMap::new();
    let mut release = Release::from_file(path);
    let mut missing = Vec::new();
    for part in &named {
        let (named_at, reference) = (part.named_at.clone(), part.reference.clone());
        match part.target(description.style())? {
            Target::Elsewhere => {
                release.warnings.push(PartsWarning::Elsewhere { named_at, reference });
            }
            target => match place.file(&target, part)? {
                Some((path, file)) => release.pack(part, path, &file, &mut files)?,
                None if part.is_optional => {
                    release.warnings.push(PartsWarning::Missing { named_at, reference });
                }
                None => missing.push(reference),
            },
        }
    }
    if release.parts.is_empty() {
        let references = named.into_iter().map(|part| part.reference).collect();
        return Err(PartsError::NoParts { path: path.to_owned(), references });
    }
    if let Some(reference) = missing.into_iter().next() {
        return Err(PartsError::Missing { path: path.to_owned(), reference });
    }
    let len = |reference: &str| {
        let part = named.iter().zip(0..).find(|(part, _)| part.reference == reference);
        let named_at = part.map(|(part, _)| &part.named_at);
        release.parts.iter().find(|part| Some(&part.named_at) == named_at).map_or(0, |p| p.len)
    };
    description.check(len).map_err(json_error)?;
    release.has_empty_parts = release.parts.iter().all(|part| part.len == 0);
    let known: Vec<String> = named.iter().map(|part| part.named_at.clone()).collect();
    for part in others(&json, &known) {
        let Ok(target @ Target::Relative { up: 0, .. }) = part.target(description.style()) else {
            continue;
        };
        if let Ok(Some((path, file))) = place.file(&target, &part) {
            release.pack(&part, path, &file, &mut files)?;
        }
    }
    files.insert(place.manifest, text);
    release.bytes = folder::pack(files.into_iter().collect()).map_err(FolderError::from)?;
    Ok(release)
}

/// The bytes that [`read_release`] gives.
///
/// # Errors
///
/// Those of [`read_release`].
pub fn read_parts(path: &Path) -> Result<Vec<u8>, PartsError> {
    read_release(path).map(|release| release.bytes)
}

impl Release {
    fn from_file(path: &Path) -> Self {
        let (parts, warnings) = (Vec::new(), Vec::new());
        let sources = vec![path.to_owned()];
        Self { bytes: Vec::new(), parts, warnings, has_empty_parts: false, sources }
    }

    fn pack(
        &mut self,
        part: &Named,
        path: String,
        file: &Path,
        files: &mut BTreeMap<String, Vec<u8>>,
    ) -> Result<(), PartsError> {
        let len = match files.get(&path) {
            Some(data) => data.len() as u64,
            None => {
                let data = read(file)?;
                let len = data.len() as u64;
                files.insert(path.clone(), data);
                self.sources.push(file.to_owned());
                len
            }
        };
        let (named_at, offset) = (part.named_at.clone(), part.offset);
        self.parts.push(ReleasePart { path, named_at, offset, len });
        Ok(())
    }
}

fn read(path: &Path) -> Result<Vec<u8>, PartsError> {
    let failed =
        |error| PartsError::Folder(FolderError::Io { doing: "read", path: path.to_owned(), error });
    let (found, limit) = (fs::metadata(path).map_err(failed)?.len(), u64::from(MAX_SIZE));
    if found > limit {
        let path = path.to_owned();
        return Err(PartsError::Folder(FolderError::TooLarge { path, found, limit }));
    }
    fs::read(path).map_err(failed)
}

impl Named {
    fn target(&self, style: Style) -> Result<Target, PartsError> {
        Target::parse(&self.reference, style).map_err(|problem| PartsError::Reference {
            named_at: self.named_at.clone(),
            reference: self.reference.clone(),
            problem,
        })
    }
}

/// Where a JSON file is in its release.
struct Place {
    root: PathBuf,
    /// The folders from the root to the file.
    base: Vec<String>,
    /// The path of the file from the root.
    manifest: String,
}

impl Place {
    fn find(path: &Path, named: &[Named], style: Style) -> Result<Self, PartsError> {
        let name = path.file_name().and_then(|name| name.to_str());
        let outside =
            || PartsError::Outside { path: path.to_owned(), reference: path.display().to_string() };
        let name = name.ok_or_else(outside)?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let folder = parent.unwrap_or(Path::new("."));
        let here = Self { root: folder.to_owned(), base: Vec::new(), manifest: name.to_owned() };
        let failed = |error| FolderError::Io { doing: "read", path: folder.to_owned(), error };
        let whole = fs::canonicalize(folder).map_err(failed)?;
        let Some((above, last)) = whole.parent().zip(whole.file_name().and_then(|n| n.to_str()))
        else {
            return Ok(here);
        };
        let manifest = format!("{last}/{name}");
        let up = Self { root: above.to_owned(), base: vec![last.to_owned()], manifest };
        for part in named {
            let needs_up = match part.target(style) {
                Ok(Target::Relative { up, .. }) => up > 0,
                Ok(Target::Rooted { path }) => {
                    let is_at = |root: &Path| matches!(folder::find(root, &path), Ok(Some(_)));
                    !is_at(&here.root) && is_at(&up.root)
                }
                _ => false,
            };
            if needs_up {
                return Ok(up);
            }
        }
        Ok(here)
    }

    /// The path in the release, and the file, that something leads to. `None`: it is not there.
    fn file(&self, target: &Target, part: &Named) -> Result<Option<(String, PathBuf)>, PartsError> {
        let outside = || PartsError::Outside {
            path: PathBuf::from(&self.manifest),
            reference: part.reference.clone(),
        };
        let base: Vec<&str> = self.base.iter().map(|name| &**name).collect();
        let mut candidates = vec![target.within(&base).ok_or_else(outside)?];
        if let Target::Rooted { path } = target {
            // The root of the site may be the folder of the manifest.
            let here = base.iter().copied().chain([&**path]).collect::<Vec<_>>().join("/");
            candidates.insert(0, here);
        }
        for path in candidates {
            if path == self.manifest {
                return Err(outside());
            }
            if let Some(file) = folder::find(&self.root, &path)? {
                return Ok(Some((path, file)));
            }
        }
        Ok(None)
    }
}

/// All texts in a JSON file that may name a file, save those at `known` places.
fn others(json: &Json, known: &[String]) -> Vec<Named> {
    let mut found = Vec::new();
    collect(json, String::new(), &mut |named_at: &str, text: &str| {
        if text.contains(['.', '/']) && !known.iter().any(|known| known == named_at) {
            let (named_at, reference) = (named_at.to_owned(), text.to_owned());
            found.push(Named { named_at, reference, offset: None, is_optional: true });
        }
    });
    found
}

fn collect(json: &Json, path: String, each: &mut impl FnMut(&str, &str)) {
    match json {
        Json::Text(text) => each(&path, text),
        Json::List(values) => {
            for (index, value) in values.iter().enumerate() {
                collect(value, format!("{path}[{index}]"), each);
            }
        }
        Json::Object(entries) => {
            for (key, value) in entries {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                collect(value, path, each);
            }
        }
        _ => {}
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
    /// A reference to a part is none.
    Reference {
        /// Where in the JSON file it is.
        named_at: String,
        /// What it is.
        reference: String,
        /// What is wrong with it.
        problem: NameProblem,
    },
    /// A part is out of the folder of the release, or is the JSON file itself.
    Outside {
        /// The JSON file.
        path: PathBuf,
        /// How it names the part.
        reference: String,
    },
    /// Some parts are there, and this one is not.
    Missing {
        /// The JSON file.
        path: PathBuf,
        /// How it names the part.
        reference: String,
    },
    /// None of the parts is there.
    NoParts {
        /// The JSON file.
        path: PathBuf,
        /// How it names them.
        references: Vec<String>,
    },
    /// A file cannot be read.
    Folder(FolderError),
}

codes! {
    impl[] PartsError {
        Self::Reference { .. } => "part-reference", BadFile, Verbatim;
        Self::Outside { .. } => "part-elsewhere", BadFile, Verbatim;
        Self::Missing { .. } => "part-missing", BadFile, Verbatim;
        Self::NoParts { .. } => "no-parts", BadFile, Verbatim;
        // Read byte by byte, a manifest may say whatever it says.
        Self::Json { .. } => "parts-json", BadFile, Verbatim;
    } else {
        Self::Folder(error) => error;
    }
}

impl From<FolderError> for PartsError {
    fn from(error: FolderError) -> Self {
        Self::Folder(error)
    }
}

impl fmt::Display for PartsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json { path, error, place } => {
                write!(f, "{}: {}", path.display(), error.with_place(*place))
            }
            Self::Reference { named_at, reference, problem } => {
                write!(f, "{named_at} is \"{reference}\", which names no file: {problem}")
            }
            Self::Outside { path, reference } => write!(
                f,
                "{}: the part \"{reference}\" is outside of the release, whose files are in the \
                 folder of the JSON file or in the one above it",
                path.display()
            ),
            Self::Missing { path, reference } => {
                write!(f, "{}: the part \"{reference}\" is not there", path.display())
            }
            Self::NoParts { path, references } => {
                let first = references.first().map_or("", |reference| &**reference);
                let path = path.display();
                match references.len() {
                    0 | 1 => write!(f, "{path}: its only part, \"{first}\", is not there"),
                    count => {
                        write!(f, "{path}: none of its {count} parts is there (\"{first}\", ...)")
                    }
                }
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
            _ => None,
        }
    }
}
