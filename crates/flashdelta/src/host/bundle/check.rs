//! What is wrong with a file that holds others, before a patch is made: what must not be used, and
//! inputs that are patched differently from what their name or format suggests.

use core::fmt;
use core::ops::ControlFlow;

use super::format::MOST_LEVELS;
use super::member::SMALL;
use super::options::BundleOptions;
use crate::host::archive::names::{self, NameProblem};
use crate::host::archive::{Container, ContainerError, Contents, DamagedArchive};
use crate::host::budget::{total_limit, Budget, Halt, Stop};
use crate::host::file::{Memory, MemoryOptions};
use crate::host::image::{self, Format, ImageError};
use crate::host::manifest::esp_idf::{self, FlasherArgs};
use crate::host::manifest::esp_web_tools::{self, Manifest};
use crate::host::manifest::reference::{self, Style};
use crate::host::manifest::{self, Json, JsonError, ManifestError};

/// An input is patched differently from what its name or format suggests: the patch is right, but
/// may be larger than it had to be. Or the new one cannot be made on every system.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MemberWarning {
    /// It looks like an archive, but cannot be taken apart: it is patched as one piece.
    Whole(DamagedArchive),
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
    /// A file in a folder has a name that not every system can hold: there the new folder will not
    /// be made.
    Name {
        /// Its path.
        member: String,
        /// Which systems cannot hold it, and why.
        problem: NameProblem,
    },
    /// A part that a manifest names has no bytes: mostly a build has failed.
    EmptyPart {
        /// Name of the manifest.
        member: String,
        /// How it names the part.
        reference: String,
    },
}

impl MemberWarning {
    /// A stable name of it, for machines. `docs/errors.md` lists all.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Whole(_) => "damaged-archive",
            Self::Manifest(_) => "bad-manifest",
            Self::Records { .. } => "bad-records",
            Self::Name { .. } => "file-name",
            Self::EmptyPart { .. } => "part-empty",
        }
    }
}

impl fmt::Display for MemberWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(DamagedArchive { member, container, error }) => {
                prefix(member, f)?;
                write!(
                    f,
                    "it looks like a {container} archive, but is damaged or unusual, and patched \
                     as one piece: {error}"
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
            Self::Name { member, problem } => {
                write!(
                    f,
                    "{}: not every system can hold this name: {problem}",
                    names::shown(member)
                )
            }
            Self::EmptyPart { member, reference } => {
                prefix(member, f)?;
                write!(f, "the part \"{reference}\" has 0 bytes: mostly a build has failed")
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
pub fn check(file: &[u8], options: &BundleOptions) -> Result<Vec<MemberWarning>, ManifestError> {
    let mut watch = |_| ControlFlow::Continue(());
    let mut budget = Budget::new(total_limit(file.len() as u64, 0, 0), &mut watch);
    let checked = Contents::of(file, &mut budget)
        .map_err(Halt::Stop)
        .and_then(|(contents, error)| check_contents(&contents, error, options, &mut budget));
    match checked {
        Ok(warnings) => Ok(warnings),
        Err(Halt::Bad(error)) => Err(error),
        // Nobody is asked whether to go on, and a bomb is patched as it is.
        Err(Halt::Stop(_)) => Ok(Vec::new()),
    }
}

/// The same for a file that was taken apart already, and why that failed.
pub(super) fn check_contents(
    contents: &Contents<'_>,
    error: Option<(Container, ContainerError)>,
    options: &BundleOptions,
    budget: &mut Budget<'_>,
) -> Result<Vec<MemberWarning>, Halt<ManifestError>> {
    let mut check = Check { options, warnings: Vec::new() };
    check.contents("", contents, error, 0, budget)?;
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
) -> Result<Vec<MemberWarning>, ManifestError> {
    let mut check = Check { options, warnings: Vec::new() };
    check.manifest(name, bytes, |_, _| 1)?;
    Ok(check.warnings)
}

struct Check<'a> {
    options: &'a BundleOptions,
    warnings: Vec<MemberWarning>,
}

impl Check<'_> {
    fn contents(
        &mut self,
        name: &str,
        contents: &Contents<'_>,
        error: Option<(Container, ContainerError)>,
        level: usize,
        budget: &mut Budget<'_>,
    ) -> Result<(), Halt<ManifestError>> {
        if let Some((container, error)) = error {
            let damaged = DamagedArchive { member: name.to_owned(), container, error };
            self.warnings.push(MemberWarning::Whole(damaged));
        }
        if contents.container.is_whole() {
            return Ok(());
        }
        if contents.container == Container::Folder {
            self.names(contents);
        }
        let empty = contents.container.empty_files(contents.file());
        for (index, member) in contents.members.iter().enumerate() {
            let (path, content) = (within(name, &member.name), contents.content(index));
            let size = |part: &str, style| {
                let named = reference::member(&member.name, part, style);
                let named = named.and_then(|name| contents.position(&name));
                named.map_or(1, |index| contents.content(index).len() as u64)
            };
            self.manifest(&path, content, size)?;
            if !empty.is_empty() {
                let is_empty = |part: &str, style| {
                    let named = reference::member(&member.name, part, style);
                    named.is_some_and(|name| empty.contains(&name))
                };
                self.empty_parts(&path, content, is_empty);
            }
            self.records(&path, content, budget)?;
            if level < MOST_LEVELS && Container::resembles(content) != Container::Whole {
                match Contents::of(content, budget) {
                    Ok((inner, error)) => {
                        self.contents(&path, &inner, error, level + 1, budget)?;
                    }
                    // Nor will it be taken apart for the patch.
                    Err(Stop::OverBudget { .. }) => {}
                    Err(stop) => return Err(stop.into()),
                }
            }
        }
        Ok(())
    }

    /// A file with the name of a manifest.
    fn manifest(
        &mut self,
        path: &str,
        content: &[u8],
        size: impl Fn(&str, Style) -> u64,
    ) -> Result<(), ManifestError> {
        let checked = match path.rsplit('/').next() {
            Some("manifest.json") => {
                Json::parse(content).and_then(|json| match esp_web_tools::has_builds(&json) {
                    true => Manifest::parse(content)?.check(|part| size(part, Style::Url)),
                    false => Ok(()),
                })
            }
            Some("flasher_args.json") => {
                Json::parse(content).and_then(|json| match esp_idf::has_files(&json) {
                    true => FlasherArgs::parse(content)?.check(|part| size(part, Style::Path)),
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
        self.warnings.push(MemberWarning::Manifest(error));
        Ok(())
    }

    /// Parts without a byte that a manifest names, whatever the name of that is.
    fn empty_parts(&mut self, path: &str, content: &[u8], is_empty: impl Fn(&str, Style) -> bool) {
        let is_json =
            path.rsplit_once('.').is_some_and(|(_, end)| end.eq_ignore_ascii_case("json"));
        let found = is_json.then(|| manifest::references(content)).flatten();
        let Some((references, style)) = found else { return };
        let empty = references.into_iter().filter(|reference| is_empty(reference, style));
        let warning = |reference| MemberWarning::EmptyPart { member: path.to_owned(), reference };
        self.warnings.extend(empty.map(warning));
    }

    /// Names in a packed folder that not every system can hold.
    fn names(&mut self, contents: &Contents<'_>) {
        let paths = || contents.members.iter().map(|member| &*member.name);
        let unportable = paths().filter_map(|path| Some((path, names::portable(path).err()?)));
        let twins = names::twins(paths()).into_iter().map(|(path, _)| (path, NameProblem::Twin));
        self.warnings.extend(
            unportable
                .chain(twins)
                .map(|(path, problem)| MemberWarning::Name { member: path.to_owned(), problem }),
        );
    }

    fn records(&mut self, path: &str, content: &[u8], budget: &mut Budget<'_>) -> Result<(), Stop> {
        let format = image::detect(content);
        if content.len() <= SMALL || !format.is_unpacked() {
            return Ok(());
        }
        match Memory::read_within(content, &MemoryOptions::default(), budget) {
            Ok(_) => Ok(()),
            Err(ImageError::Cancelled) => Err(Stop::Cancelled),
            Err(ImageError::OutOfMemory { needed }) => Err(Stop::OutOfMemory { needed }),
            Err(error) => {
                self.warnings.push(MemberWarning::Records {
                    member: path.to_owned(),
                    format,
                    error,
                });
                Ok(())
            }
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
