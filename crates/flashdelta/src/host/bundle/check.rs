//! What is wrong with a file that holds others, before a patch is made: what must not be used, and
//! what is not taken as it seems to be meant.

use core::fmt;

use super::{BundleOptions, MOST_LEVELS, SMALL};
use crate::host::archive::{Container, ContainerError, Contents};
use crate::host::file::{Memory, MemoryOptions};
use crate::host::image::{self, Format, ImageError};
use crate::host::manifest::esp_idf::{self, FlasherArgs};
use crate::host::manifest::esp_web_tools::{self, Manifest};
use crate::host::manifest::{Json, JsonError, ManifestError};

/// Something that is patched otherwise than it seems to be meant. The patch is right, but may be
/// larger than it had to be.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Warning {
    /// It looks like an archive, but cannot be taken apart: it is patched as one piece.
    Whole {
        /// Name of the member; empty for the file itself.
        member: String,
        /// What it looks like.
        container: Container,
        /// Why it is none.
        error: ContainerError,
    },
    /// A `manifest.json` or `flasher_args.json` that is wrong: it is patched as any other file.
    Manifest(ManifestError),
    /// A file of records that cannot be read: it is patched as it is, and not as the memory it
    /// describes.
    Records {
        /// Name of the member.
        member: String,
        /// What it looks like.
        format: Format,
        /// Why it cannot be read.
        error: ImageError,
    },
}

impl Warning {
    /// A stable name of it, for machines. `docs/errors.md` lists all.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Whole { .. } => "damaged-archive",
            Self::Manifest(_) => "bad-manifest",
            Self::Records { .. } => "bad-records",
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole { member, container, error } => {
                prefix(member, f)?;
                write!(
                    f,
                    "it looks like a {container} archive, but is damaged or unusual, and patched as one piece: {error}"
                )
            }
            Self::Manifest(ManifestError { member, error, place }) => {
                prefix(member, f)?;
                write!(
                    f,
                    "it is no manifest, and patched as any other file: {}",
                    error.with_place(*place)
                )
            }
            Self::Records { member, format, error } => {
                prefix(member, f)?;
                write!(f, "it cannot be read as {format}, and is patched as it is: {error}")
            }
        }
    }
}

fn prefix(member: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if member.is_empty() {
        return Ok(());
    }
    write!(f, "{member}: ")
}

/// Looks at a file as [`diff`](super::diff) does before it makes a patch.
///
/// # Errors
///
/// [`ManifestError`]: a `manifest.json` of ESP Web Tools or a `flasher_args.json` in it, in folders
/// and archives in it too, says something that cannot be, unless `options` accept that. What has
/// such a name, but is no JSON or something else, is a warning or nothing.
pub fn check(file: &[u8], options: &BundleOptions) -> Result<Vec<Warning>, ManifestError> {
    let (contents, error) = Contents::of(file);
    check_contents(&contents, error, options)
}

/// The same for a file that was taken apart already, and why that failed.
pub(super) fn check_contents(
    contents: &Contents<'_>,
    error: Option<(Container, ContainerError)>,
    options: &BundleOptions,
) -> Result<Vec<Warning>, ManifestError> {
    let mut check = Check { options, warnings: Vec::new() };
    check.contents("", contents, error, 0)?;
    Ok(check.warnings)
}

/// The same for one file, which may be a manifest and is named like this.
///
/// # Errors
///
/// Those of [`check`].
pub fn check_manifest(
    name: &str,
    bytes: &[u8],
    options: &BundleOptions,
) -> Result<Vec<Warning>, ManifestError> {
    let mut check = Check { options, warnings: Vec::new() };
    check.manifest(name, bytes, |_| 1)?;
    Ok(check.warnings)
}

struct Check<'a> {
    options: &'a BundleOptions,
    warnings: Vec<Warning>,
}

impl Check<'_> {
    fn contents(
        &mut self,
        name: &str,
        contents: &Contents<'_>,
        error: Option<(Container, ContainerError)>,
        level: usize,
    ) -> Result<(), ManifestError> {
        if let Some((container, error)) = error {
            self.warnings.push(Warning::Whole { member: name.to_owned(), container, error });
        }
        if contents.container == Container::Whole {
            return Ok(());
        }
        for (index, member) in contents.members.iter().enumerate() {
            let (path, content) = (within(name, &member.name), contents.content(index));
            let folder = member.name.rfind('/').map_or("", |at| &member.name[..=at]);
            let size = |part: &str| {
                let part = format!("{folder}{part}");
                let found = contents.members.iter().position(|other| other.name == part);
                found.map_or(1, |index| contents.content(index).len() as u64)
            };
            self.manifest(&path, content, size)?;
            self.records(&path, content);
            if level < MOST_LEVELS && Container::resembles(content) != Container::Whole {
                let (inner, error) = Contents::of(content);
                self.contents(&path, &inner, error, level + 1)?;
            }
        }
        Ok(())
    }

    /// A file with the name of a manifest.
    fn manifest(
        &mut self,
        path: &str,
        content: &[u8],
        size: impl Fn(&str) -> u64,
    ) -> Result<(), ManifestError> {
        let checked = match path.rsplit('/').next() {
            Some("manifest.json") => {
                Json::parse(content).and_then(|json| match esp_web_tools::has_builds(&json) {
                    true => Manifest::parse(content)?.check(size),
                    false => Ok(()),
                })
            }
            Some("flasher_args.json") => {
                Json::parse(content).and_then(|json| match esp_idf::has_files(&json) {
                    true => FlasherArgs::parse(content)?.check(size),
                    false => Ok(()),
                })
            }
            _ => return Ok(()),
        };
        let Err(error) = checked else { return Ok(()) };
        let error = ManifestError { member: path.to_owned(), place: error.place(content), error };
        match error.error {
            // What is no JSON is something else that has this name.
            JsonError::Syntax { .. } => {}
            _ if self.options.accept_manifests => {}
            _ => return Err(error),
        }
        self.warnings.push(Warning::Manifest(error));
        Ok(())
    }

    fn records(&mut self, path: &str, content: &[u8]) {
        let format = image::detect(content);
        if content.len() <= SMALL || !format.is_records() {
            return;
        }
        if let Err(error) = Memory::read(content, &MemoryOptions::default()) {
            self.warnings.push(Warning::Records { member: path.to_owned(), format, error });
        }
    }
}

/// The name of a member of a member. That of what gzip compressed is left out: a compressed archive
/// is one thing to people.
fn within(outer: &str, name: &str) -> String {
    match (outer, name) {
        ("", name) => name.to_owned(),
        (outer, "") => outer.to_owned(),
        (outer, name) => format!("{outer}/{name}"),
    }
}
