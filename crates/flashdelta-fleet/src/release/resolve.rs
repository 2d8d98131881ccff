//! What a device gets of a folder.

use core::fmt;
use std::io::Read as _;
use std::path::Path;

use flashdelta::sign::TrustedKeys;
use flashdelta::verify::VerifyError;
use serde::Serialize;

use super::{signature, Index, IndexRelease, ReleaseError};
use crate::way::cheapest;
use crate::{Digest, Name, Version};

/// What a device asks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Query {
    product: Name,
    digest: Option<Digest>,
    profile: Option<String>,
    hardware: Option<u16>,
    security_counter: u32,
    max_bytes: Option<u64>,
}

/// The answer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Resolution {
    /// What the device gets.
    #[serde(flatten)]
    pub answer: Resolved,
    /// Why.
    pub reasons: Vec<Why>,
}

/// What a device gets of a folder.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum Resolved {
    /// Nothing: it holds the latest release.
    UpToDate {
        /// Which.
        release: Version,
    },
    /// Nothing; the last reason says why.
    Nothing,
    /// These files, one after the other.
    Update {
        /// The release that they lead to.
        release: Version,
        /// The steps.
        steps: Vec<ResolvedStep>,
        /// Bytes of all.
        bytes: u64,
    },
}

/// A file that a device gets.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ResolvedStep {
    /// What it is: `delta`, `whole`, a patch from nothing, or `file`, the file as it is.
    pub kind: &'static str,
    /// The release that it starts from.
    pub from: Option<Version>,
    /// The release that it leads to.
    pub to: Version,
    /// Where it is, below the folder.
    pub path: String,
    /// Its length in bytes.
    pub size: u64,
    /// SHA-256 of it.
    pub sha256: Digest,
}

/// Why an answer is what it is.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Why {
    /// The device does not say what it holds.
    NoDigest,
    /// No release has the image that the device holds.
    UnknownImage,
    /// The device holds this release.
    Holds { release: Version },
    /// The device holds a later release than the latest of the folder.
    Later { running: Version, latest: Version },
    /// The latest release is for other hardware.
    OtherHardware { release: Version, hardware: u16 },
    /// The device is further on than the latest release.
    SecurityCounter { release: Version, counter: u32 },
    /// No files of the folder lead to the latest release, or none that are small enough.
    NoWay { release: Version },
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDigest => f.write_str("the device does not say what it holds"),
            Self::UnknownImage => f.write_str("no release has the image that the device holds"),
            Self::Holds { release } => write!(f, "the device holds release {release}"),
            Self::Later { running, latest } => {
                write!(f, "not offered: the device holds {running}, and {latest} is the latest")
            }
            Self::OtherHardware { release, hardware } => {
                write!(f, "not offered: release {release} is not for hardware revision {hardware}")
            }
            Self::SecurityCounter { release, counter } => write!(
                f,
                "not offered: release {release} has the security counter {counter}, and the device \
                 takes only later ones"
            ),
            Self::NoWay { release } => write!(
                f,
                "not offered: no files, or none that are small enough, lead to release {release}"
            ),
        }
    }
}

impl Query {
    /// A device of this product of which nothing is known.
    pub fn new(product: Name) -> Self {
        let (digest, profile, hardware, max_bytes) = (None, None, None, None);
        Self { product, digest, profile, hardware, security_counter: 0, max_bytes }
    }

    /// SHA-256 of what it holds: of the memory, or of the file.
    #[must_use]
    pub fn digest(mut self, digest: impl Into<Option<Digest>>) -> Self {
        self.digest = digest.into();
        self
    }

    /// The name of its profile; `None`: the first of the folder; `none`: it has no applier, and
    /// gets files as they are.
    #[must_use]
    pub fn profile(mut self, profile: impl Into<Option<String>>) -> Self {
        self.profile = profile.into();
        self
    }

    /// Its hardware revision; `None`: it does not matter.
    #[must_use]
    pub fn hardware(mut self, revision: impl Into<Option<u16>>) -> Self {
        self.hardware = revision.into();
        self
    }

    /// The lowest security counter that it installs.
    #[must_use]
    pub fn security_counter(mut self, counter: u32) -> Self {
        self.security_counter = counter;
        self
    }

    /// The largest file that it can take, in bytes.
    #[must_use]
    pub fn max_bytes(mut self, bytes: impl Into<Option<u64>>) -> Self {
        self.max_bytes = bytes.into();
        self
    }
}

/// What a device gets of a folder: the files that are the fewest bytes together. With `keys`, one
/// of them must have signed the index.
///
/// # Errors
///
/// [`ReleaseError`].
pub fn resolve(
    folder: &Path,
    query: &Query,
    keys: Option<&TrustedKeys>,
) -> Result<Resolution, ReleaseError> {
    let index = read(folder, keys)?;
    answer(&index, query)
}

/// Reads and checks an index.
fn read(folder: &Path, keys: Option<&TrustedKeys>) -> Result<Index, ReleaseError> {
    let path = folder.join(Index::NAME);
    let read = |path: &Path| {
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path);
        let read = file.and_then(|file| file.take(Index::MAX_LEN).read_to_end(&mut bytes));
        read.map_err(|error| ReleaseError::File { path: path.to_owned(), error })?;
        Ok::<_, ReleaseError>(bytes)
    };
    let bytes = read(&path)?;
    if let Some(keys) = keys {
        let signature = folder.join(Index::SIGNATURE_NAME);
        if !signature.exists() {
            return Err(ReleaseError::NotAuthentic(VerifyError::Unsigned));
        }
        signature::check(&bytes, &read(&signature)?, keys).map_err(ReleaseError::NotAuthentic)?;
    }
    let wrong = |what: String| ReleaseError::Index { path: path.clone(), what };
    let index: Index = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
    if index.format != Index::FORMAT {
        let (found, known) = (index.format, Index::FORMAT);
        return Err(wrong(format!("it has format {found}, and this program reads format {known}")));
    }
    let mut paths = index.patches.iter().map(|patch| &patch.path);
    let mut files = index.releases.iter().flat_map(|release| &release.file).map(|file| &file.path);
    let is_below = |path: &&String| {
        !path.is_empty() && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
    };
    if !paths.all(|path| is_below(&path)) || !files.all(|path| is_below(&path)) {
        return Err(wrong("a path leads out of the folder".to_owned()));
    }
    Ok(index)
}

fn answer(index: &Index, query: &Query) -> Result<Resolution, ReleaseError> {
    if index.product != query.product {
        let (found, expected) = (index.product.to_string(), query.product.to_string());
        return Err(ReleaseError::OtherProduct { found, expected });
    }
    let known = || index.profiles.iter().map(|profile| profile.name.to_string()).collect();
    let profile = match query.profile.as_deref() {
        Some("none") => None,
        Some(name) if index.profiles.iter().any(|profile| &*profile.name == name) => Some(name),
        Some(name) => {
            return Err(ReleaseError::UnknownProfile { profile: name.into(), known: known() });
        }
        None => index.profiles.first().map(|profile| &*profile.name),
    };
    let mut releases: Vec<&IndexRelease> = index.releases.iter().collect();
    releases.sort_by(|a, b| a.version.cmp(&b.version));
    let mut reasons = Vec::new();
    let is_held = |release: &&&IndexRelease| {
        let (memory, file) = (release.image.memory.sha256, release.image.sha256);
        query.digest.is_some_and(|digest| digest == memory || digest == file)
    };
    // Of several releases with the same image it is the latest.
    let held = releases.iter().rev().find(is_held).copied();
    reasons.push(match (held, query.digest) {
        (Some(held), _) => Why::Holds { release: held.version.clone() },
        (None, Some(_)) => Why::UnknownImage,
        (None, None) => Why::NoDigest,
    });
    let release = index.latest.clone();
    let nothing = |mut reasons: Vec<Why>, why| {
        reasons.push(why);
        Ok(Resolution { answer: Resolved::Nothing, reasons })
    };
    let Some(target) = releases.iter().find(|found| found.version == release).copied() else {
        return nothing(reasons, Why::NoWay { release });
    };
    if held.is_some_and(|held| held.version == release) {
        return Ok(Resolution { answer: Resolved::UpToDate { release }, reasons });
    }
    if let Some(held) = held.filter(|held| held.version > release) {
        let running = held.version.clone();
        return nothing(reasons, Why::Later { running, latest: release });
    }
    if let Some(hardware) = query.hardware.filter(|revision| !is_for(target, *revision)) {
        return nothing(reasons, Why::OtherHardware { release, hardware });
    }
    if target.security_counter < query.security_counter {
        let counter = target.security_counter;
        return nothing(reasons, Why::SecurityCounter { release, counter });
    }
    // The releases that a way may lead through, and the target.
    let nodes: Vec<&IndexRelease> = releases
        .into_iter()
        .filter(|found| found.version <= release)
        .filter(|found| held.is_none_or(|held| found.version > held.version))
        .filter(|found| query.hardware.is_none_or(|revision| is_for(found, revision)))
        .collect();
    let step = |from: Option<usize>, to: usize| {
        let to = *nodes.get(to)?;
        let from = match from {
            Some(from) => nodes.get(from).copied(),
            None => held,
        };
        let counter = from.map_or(0, |from| from.security_counter).max(query.security_counter);
        let step = file(index, profile, from, to)?;
        let fits = query.max_bytes.is_none_or(|most| step.size <= most);
        (fits && to.security_counter >= counter).then_some(step)
    };
    let Some(way) = cheapest(nodes.len(), |from, to| Some(step(from, to)?.size)) else {
        return nothing(reasons, Why::NoWay { release });
    };
    let starts = [None].into_iter().chain(way.nodes.iter().map(|node| Some(*node)));
    let steps: Vec<_> = starts.zip(&way.nodes).filter_map(|(from, to)| step(from, *to)).collect();
    Ok(Resolution { answer: Resolved::Update { release, steps, bytes: way.cost }, reasons })
}

fn is_for(release: &IndexRelease, revision: u16) -> bool {
    (release.hardware[0]..=release.hardware[1]).contains(&revision)
}

/// The smallest file that leads from one release, or from anything, to another.
fn file(
    index: &Index,
    profile: Option<&str>,
    from: Option<&IndexRelease>,
    to: &IndexRelease,
) -> Option<ResolvedStep> {
    let from = from.map(|from| &from.version);
    let patches = index.patches.iter().filter(|patch| {
        let starts = patch.from.is_none() || patch.from.as_ref() == from;
        Some(&*patch.profile) == profile && patch.to == to.version && starts
    });
    let patches = patches.map(|patch| ResolvedStep {
        kind: if patch.from.is_none() { "whole" } else { "delta" },
        from: patch.from.clone(),
        to: patch.to.clone(),
        path: patch.path.clone(),
        size: patch.size,
        sha256: patch.sha256,
    });
    let file = to.file.as_ref().map(|file| ResolvedStep {
        kind: "file",
        from: None,
        to: to.version.clone(),
        path: file.path.clone(),
        size: file.size,
        sha256: file.sha256,
    });
    // Of equal ones the first: a patch before a file.
    patches.chain(file).min_by_key(|step| step.size)
}
