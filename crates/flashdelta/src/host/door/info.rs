//! What a file says about itself, of whatever kind it is.

use serde::Serialize;

use super::damage::findings;
use super::error::{InfoError, PatchError};
use super::request::ApplyRequest;
use super::verify::{explain, verify};
use crate::device::apply::ApplyError;
use crate::device::format::PatchHeader;
use crate::host::apply::whole;
use crate::host::archive::{Container, DamagedArchive};
use crate::host::bundle;
use crate::host::facts::{ArchiveFacts, BundlePatchFacts, FirmwareFacts, WholePatchFacts};
use crate::host::image::{self, Finding, Image, ImageError, ReadOptions};
use crate::host::input::Input;
use crate::host::set::{is_set, SetFacts};

/// What is asked about a file. All of it has defaults.
#[derive(Clone, Copy, Debug, Default)]
pub struct InfoRequest<'a> {
    old: Option<&'a Input<'a>>,
    strict: bool,
}

impl<'a> InfoRequest<'a> {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// What a patch is to be applied to: whether it can be, and what it does then. With it the file
    /// is taken for a patch.
    #[must_use]
    pub fn old(mut self, old: impl Into<Option<&'a Input<'a>>>) -> Self {
        self.old = old.into();
        self
    }

    /// Whether a length, checksum or digest that is wrong is an error, or a damaged archive.
    #[must_use]
    pub fn strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }
}

/// What was told about a file.
#[non_exhaustive]
#[derive(Debug)]
pub struct Info {
    /// What it says.
    pub facts: FileFacts,
    /// Why it cannot be used as it is, although all of this could be read.
    pub problem: Option<InfoError>,
    /// What it looks like, and why it is none: it is told about as any other file.
    pub no_archive: Option<DamagedArchive>,
}

/// What a file says about itself.
#[non_exhaustive]
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(untagged)]
pub enum FileFacts {
    /// A patch between images.
    Patch(Box<WholePatchFacts>),
    /// A bundle.
    Bundle(Box<BundlePatchFacts>),
    /// A component set.
    Set(Box<SetFacts>),
    /// An archive, a folder, or a JSON file that names parts.
    Archive(Box<ArchiveFacts>),
    /// A firmware file.
    Firmware(Box<FirmwareFacts>),
}

impl FileFacts {
    /// What it is, for machines.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Patch(_) => "patch",
            Self::Bundle(_) => "bundle",
            Self::Set(_) => "set",
            Self::Archive(_) => "archive",
            Self::Firmware(_) => "firmware",
        }
    }
}

/// What a file says about itself: a patch, a bundle, a component set, an archive, a folder, a
/// manifest or a firmware file.
///
/// ```
/// use flashdelta::door::{self, FileFacts, InfoRequest};
/// use flashdelta::Input;
///
/// let input = Input::open("../../testdata/firmware/cortex-m-1.0.s19".as_ref())?;
/// let info = door::info(&input, InfoRequest::new())?;
/// let FileFacts::Firmware(facts) = info.facts else { panic!("{}", info.facts.kind()) };
/// assert_eq!(facts.format, "srec");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// See [`InfoError`]. What is wrong with a file of which facts can be told is a
/// [problem](Info::problem).
pub fn info(input: &Input<'_>, request: InfoRequest<'_>) -> Result<Info, InfoError> {
    let bytes = input.file().unwrap_or_else(|| input.bytes());
    if bundle::is_bundle(bytes) {
        return of_bundle(bytes, request.old);
    }
    if request.old.is_some() || input.is_patch() {
        return of_patch(bytes, request.old);
    }
    if is_set(bytes) {
        let facts = SetFacts::of(bytes).map_err(InfoError::Set)?;
        return Ok(Info::sound(FileFacts::Set(Box::new(facts))));
    }
    let (archive, no_archive) = archive(input, bytes)?;
    let told = match archive {
        Some(facts) => of_archive(input, facts, request),
        None => of_firmware(input, bytes, request)?,
    };
    // What cannot be taken apart is worse than a wrong checksum in what can.
    let damaged = no_archive.clone().filter(|_| request.strict).map(InfoError::Archive);
    Ok(Info { no_archive, problem: damaged.or(told.problem), ..told })
}

impl Info {
    fn sound(facts: FileFacts) -> Self {
        Self { facts, problem: None, no_archive: None }
    }
}

fn of_bundle(bytes: &[u8], old: Option<&Input<'_>>) -> Result<Info, InfoError> {
    let info = bundle::info(bytes).map_err(PatchError::from)?;
    let tried = old.map(|old| verify(old, bytes, ApplyRequest::new()));
    let applies = tried.as_ref().map(Result::is_ok);
    let facts = BundlePatchFacts::of(&info, bytes.len(), applies);
    let problem = tried.and_then(Result::err).map(InfoError::Patch);
    Ok(Info { problem, ..Info::sound(FileFacts::Bundle(Box::new(facts))) })
}

fn of_patch(bytes: &[u8], old: Option<&Input<'_>>) -> Result<Info, InfoError> {
    let header = PatchHeader::parse(bytes).map_err(ApplyError::Header);
    let cut = ApplyError::Truncated { fed: bytes.len() as u32, expected: None };
    let header = header.and_then(|header| header.ok_or(cut)).map_err(PatchError::Apply)?;
    let checked = match (whole(&header, bytes), old) {
        (Err(error), _) => Err(PatchError::Apply(error)),
        (Ok(()), None) => Ok(None),
        (Ok(()), Some(old)) => explain(old, bytes),
    };
    let applies = old.map(|_| checked.is_ok());
    let (breakdown, problem) = match checked {
        Ok(breakdown) => (breakdown, None),
        Err(error) => (None, Some(InfoError::Patch(error))),
    };
    let facts = WholePatchFacts::of(&header, bytes, breakdown.as_ref(), applies);
    Ok(Info { problem, ..Info::sound(FileFacts::Patch(Box::new(facts))) })
}

/// What an archive holds, or a JSON file names. One that contradicts itself is none.
fn archive(
    input: &Input<'_>,
    bytes: &[u8],
) -> Result<(Option<ArchiveFacts>, Option<DamagedArchive>), InfoError> {
    let facts = match Container::resembles(bytes) {
        Container::Whole => ArchiveFacts::of_manifest(bytes)
            .map_err(|error| InfoError::Json { place: error.place(bytes), error })?,
        container => match ArchiveFacts::of(bytes, container) {
            Ok(facts) => Some(facts),
            Err(error) => {
                let member = String::new();
                return Ok((None, Some(DamagedArchive { member, container, error })));
            }
        },
    };
    Ok((facts.map(|facts| facts.with_parts(input.parts())), None))
}

fn of_archive(input: &Input<'_>, facts: ArchiveFacts, request: InfoRequest<'_>) -> Info {
    let findings = findings(input.bytes());
    let facts = facts.with_findings(&findings);
    let problem = refused(&findings, request).map(InfoError::File);
    Info { problem, ..Info::sound(FileFacts::Archive(Box::new(facts))) }
}

fn of_firmware(
    input: &Input<'_>,
    bytes: &[u8],
    request: InfoRequest<'_>,
) -> Result<Info, InfoError> {
    let read = ReadOptions::default();
    image::check_promise(&input.extension(), bytes, &read).map_err(InfoError::File)?;
    let records = match image::detect(bytes).is_unpacked() {
        true => Image::parse(bytes, &read).err(),
        false => None,
    };
    // Several memories in one file are nothing wrong.
    let records = records.filter(|error| !matches!(error, ImageError::SeveralTargets { .. }));
    let findings = findings(bytes);
    let problem = records.or_else(|| refused(&findings, request)).map(InfoError::File);
    let facts = FirmwareFacts::of(bytes, &findings);
    Ok(Info { problem, ..Info::sound(FileFacts::Firmware(Box::new(facts))) })
}

/// What is refused, if it is to be.
fn refused(findings: &[Finding], request: InfoRequest<'_>) -> Option<ImageError> {
    let first = findings.first().filter(|_| request.strict)?;
    Some(ImageError::CheckFailed(first.clone()))
}
