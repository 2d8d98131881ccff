//! `RELEASE.toml`

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use flashdelta::diff::ChunkSize;
use flashdelta::profile::{parse_size, DeviceProfile, ProfileError};
use flashdelta::read_text;
use flashdelta::sign::PrivateKey;
use serde::Deserialize;

use super::ReleaseError;
use crate::{Name, Version};

/// The effort, where none is said: as of `diff`.
pub(super) const EFFORT: u8 = 6;

/// What is to be built: a file in TOML, read. Paths in it are relative to its folder.
///
/// ```toml
/// product = "heron"
/// profiles = ["esp32"]            # names or files of device profiles; what is not said is esp32
/// effort = 6                      # as of `diff`
/// chunks = "none"                 # as of `diff`: none, auto, or a size
/// identity = false                # patches say for which product and hardware they are
/// sign-key = "release.pem"        # signs the patches and the index; without it: unsigned
/// to = ["1.2"]                    # releases that patches lead to; what is not said is the latest
/// from = ["1.0", "1.1"]           # releases that they start from; what is not said is all earlier
/// whole = true                    # patches from nothing, for devices with an unknown image
/// files = true                    # the files as they are, for devices without an applier
///
/// [[release]]                     # the history
/// version = "1.0"
/// file = "1.0/app.bin"
/// hardware = [0, 65535]           # first and last revision
/// security-counter = 0
/// auxiliary = ["1.0/NOTES.txt"]   # what goes with it and is no firmware
/// ```
#[derive(Debug)]
pub struct Description {
    /// The product.
    pub product: Name,
    /// The profiles that patches are made for, each with the name by which devices ask.
    pub profiles: Vec<DeviceProfile>,
    /// How hard to try, 1 to 9.
    pub effort: u8,
    /// How large the chunks of the patches are.
    pub chunks: ChunkSize,
    /// Whether patches say for which product and hardware they are.
    pub identity: bool,
    /// The key that signs.
    pub key: Option<PrivateKey>,
    /// The releases, in the order of their versions.
    pub releases: Vec<Entry>,
    /// Numbers of the releases that patches lead to.
    pub(super) to: Vec<usize>,
    /// Numbers of the releases that patches start from.
    pub(super) from: Vec<usize>,
    pub(super) whole: bool,
    pub(super) files: bool,
}

/// A release in a description.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its version.
    pub version: Version,
    /// The file.
    pub file: PathBuf,
    /// First and last hardware revision.
    pub hardware: [u16; 2],
    /// Its security counter.
    pub security_counter: u32,
    /// What goes with it.
    pub auxiliary: Vec<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    product: Name,
    profiles: Option<Vec<String>>,
    effort: Option<u8>,
    chunks: Option<Chunks>,
    #[serde(default)]
    identity: bool,
    sign_key: Option<PathBuf>,
    to: Option<Vec<Version>>,
    from: Option<Vec<Version>>,
    #[serde(default = "yes")]
    whole: bool,
    #[serde(default = "yes")]
    files: bool,
    #[serde(default, rename = "release")]
    releases: Vec<FileEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FileEntry {
    version: Version,
    file: PathBuf,
    hardware: Option<[u16; 2]>,
    #[serde(default)]
    security_counter: u32,
    #[serde(default)]
    auxiliary: Vec<PathBuf>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected none, auto, or a size")]
enum Chunks {
    Number(u32),
    Text(String),
}

fn yes() -> bool {
    true
}

/// The most releases of a description.
const MOST_RELEASES: usize = 1024;

impl Description {
    /// Reads a description, the profiles and the key that it names.
    ///
    /// # Errors
    ///
    /// [`ReleaseError::Input`], [`ReleaseError::Description`], [`ReleaseError::Key`].
    pub fn read(path: &Path) -> Result<Self, ReleaseError> {
        let read = |path: &Path| read_text(path).map_err(ReleaseError::Input);
        let wrong = |what: String| ReleaseError::Description { path: path.to_owned(), what };
        let file: File = toml::from_str(&read(path)?)
            .map_err(|error| wrong(error.to_string().trim_end().to_owned()))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let profiles = file.profiles.unwrap_or_else(|| vec!["esp32".to_owned()]);
        let profile = |name: &String| match DeviceProfile::named(name) {
            Some(profile) => Ok(profile),
            None => DeviceProfile::read(&folder.join(name)).map_err(|error| match error {
                ProfileError::Read(error) => ReleaseError::Input(error.into()),
                error => wrong(error.to_string()),
            }),
        };
        let profiles = profiles.iter().map(profile).collect::<Result<Vec<_>, _>>()?;
        let mut names = BTreeSet::new();
        for profile in &profiles {
            Name::new(&*profile.name).map_err(|error| wrong(format!("profile: {error}")))?;
            if !names.insert(&profile.name) {
                return Err(wrong(format!(
                    "there are two profiles with the name {}",
                    profile.name
                )));
            }
        }
        let chunks = match file.chunks {
            None => ChunkSize::None,
            Some(Chunks::Text(text)) if text == "none" => ChunkSize::None,
            Some(Chunks::Text(text)) if text == "auto" => ChunkSize::Auto,
            Some(Chunks::Number(size)) => ChunkSize::Bytes(size),
            Some(Chunks::Text(text)) => {
                let size = parse_size(&text);
                ChunkSize::Bytes(size.map_err(|error| wrong(format!("chunks: {error}")))?)
            }
        };
        if !chunks.is_possible() {
            return Err(wrong("chunks: expected a power of two from 256 to 65536".to_owned()));
        }
        let effort = file.effort.unwrap_or(EFFORT);
        if !(1..=9).contains(&effort) {
            return Err(wrong(format!("effort: found {effort}, expected 1 to 9")));
        }
        let key = match file.sign_key.map(|name| folder.join(name)) {
            None => None,
            Some(path) => {
                let key = PrivateKey::from_pem(&read(&path)?);
                Some(key.map_err(|error| ReleaseError::Key { path, error })?)
            }
        };
        let releases = entries(file.releases, folder).map_err(wrong)?;
        let number = |version: &Version| {
            let found = releases.binary_search_by(|entry| entry.version.cmp(version));
            found.map_err(|_| ReleaseError::UnknownVersion { version: version.clone() })
        };
        let numbers = |versions: Vec<Version>| {
            let mut numbers = versions.iter().map(number).collect::<Result<Vec<_>, _>>()?;
            numbers.sort_unstable();
            numbers.dedup();
            Ok::<_, ReleaseError>(numbers)
        };
        let to = file.to.map_or_else(|| Ok(vec![releases.len() - 1]), numbers)?;
        let from = file.from.map_or_else(|| Ok((0..releases.len()).collect()), numbers)?;
        if to.is_empty() || profiles.is_empty() {
            return Err(wrong("there is nothing to make".to_owned()));
        }
        Ok(Self {
            product: file.product,
            profiles,
            effort,
            chunks,
            identity: file.identity,
            key,
            releases,
            to,
            from,
            whole: file.whole,
            files: file.files,
        })
    }
}

/// The releases, in the order of their versions.
fn entries(found: Vec<FileEntry>, folder: &Path) -> Result<Vec<Entry>, String> {
    if found.is_empty() || found.len() > MOST_RELEASES {
        return Err(format!("found {} releases, expected 1 to {MOST_RELEASES}", found.len()));
    }
    let mut entries = Vec::new();
    for entry in found {
        let hardware = entry.hardware.unwrap_or([0, u16::MAX]);
        if hardware[1] < hardware[0] {
            return Err(format!(
                "release {}: the last revision is before the first",
                entry.version
            ));
        }
        entries.push(Entry {
            version: entry.version,
            file: folder.join(entry.file),
            hardware,
            security_counter: entry.security_counter,
            auxiliary: entry.auxiliary.iter().map(|path| folder.join(path)).collect(),
        });
    }
    entries.sort_by(|a, b| a.version.cmp(&b.version));
    match entries.windows(2).find(|pair| pair[0].version == pair[1].version) {
        Some(pair) => Err(format!("release {} is there twice", pair[0].version)),
        None => Ok(entries),
    }
}
