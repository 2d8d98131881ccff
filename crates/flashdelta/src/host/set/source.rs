//! The parts of a release, which become components: what manifests name.

use core::fmt;
use std::collections::BTreeMap;
use std::path::PathBuf;

use super::component::{Component, ComponentName};
use crate::device::error::codes;
use crate::device::update::set::Kind;
use crate::host::archive::Contents;
use crate::host::budget::{total_limit, Budget};
use crate::host::input::{Input, InputError};
use crate::host::manifest::esp_idf::{self, FlasherArgs};
use crate::host::manifest::esp_web_tools::{self, Manifest};
use crate::host::manifest::reference::{member, Style};
use crate::host::manifest::{Json, JsonError, Place};
use crate::host::profile::ProfileError;

/// A part of a release, by what its manifest says.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReleaseComponent {
    /// What it is, as far as that can be told.
    pub kind: Kind,
    /// Which part of a device it is.
    pub name: ComponentName,
    /// The path of its file, as the manifest has it.
    pub path: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// What is between two releases.
#[non_exhaustive]
#[derive(Clone, Default)]
pub struct Difference {
    /// What changed, and what is new: in ascending order of addresses and images, with the
    /// application last.
    pub components: Vec<Component>,
    /// What is the same in both: it is left out of the set.
    pub unchanged: Vec<ComponentName>,
    /// What only the old release has: no set removes it.
    pub gone: Vec<ComponentName>,
}

/// The components of a release: of a `manifest.json` of ESP Web Tools, of a build folder of ESP-IDF
/// or its `flasher_args.json`, of a `dfu_application.zip` of Nordic's SDK for Zephyr or of its SDK
/// for nRF5. `chip`: the chip family, where a manifest is for several.
///
/// What a device writes itself (which slot is to be started: `otadata`) is left out.
///
/// # Errors
///
/// [`SetSourceError`].
pub fn read_release(
    input: &Input<'_>,
    chip: Option<&str>,
) -> Result<Vec<ReleaseComponent>, SetSourceError> {
    let name = || input.name().to_owned();
    let none = |_| SetSourceError::NoManifest { name: name() };
    let mut watch = |_| core::ops::ControlFlow::Continue(());
    let mut budget = Budget::new(total_limit(input.bytes().len() as u64, 0, 0), &mut watch);
    let (contents, _) = Contents::of(input.bytes(), &mut budget).map_err(none)?;
    let files: BTreeMap<&str, &[u8]> = (0..contents.members.len())
        .map(|index| (&*contents.members[index].name, contents.content(index)))
        .collect();
    // That nearest to the root.
    let manifests = files.iter().filter(|(path, _)| path.ends_with(".json"));
    let mut manifests: Vec<_> = manifests.collect();
    manifests.sort_by_key(|(path, _)| (path.matches('/').count(), **path));
    for (path, text) in manifests {
        let failed = |error| SetSourceError::Json { name: (*path).to_owned(), error };
        let Some(mut parts) = named_parts(text, chip).map_err(|problem| match problem {
            Problem::Json(error) => failed(error),
            Problem::Chips(chips) => SetSourceError::Builds { name: (*path).to_owned(), chips },
        })?
        else {
            continue;
        };
        for part in &mut parts {
            let at = member(path, &part.path, part.style);
            let found = at.and_then(|at| files.get(&*at));
            let missing = || SetSourceError::Missing { name: name(), path: part.path.clone() };
            part.bytes = found.ok_or_else(missing)?.to_vec();
        }
        let parts = parts.into_iter().filter(|part| !part.is_own_state());
        return Ok(parts.map(Part::component).collect());
    }
    Err(SetSourceError::NoManifest { name: name() })
}

/// What leads from one release to the next.
///
/// # Errors
///
/// [`SetSourceError::Unchanged`], if nothing does.
pub fn between(
    old: Vec<ReleaseComponent>,
    new: Vec<ReleaseComponent>,
) -> Result<Difference, SetSourceError> {
    let mut old: BTreeMap<_, _> = old.into_iter().map(|part| (part.name.clone(), part)).collect();
    let mut difference = Difference::default();
    let mut new = new;
    new.sort_by_key(|part| (part.kind == Kind::Application, part.name.clone()));
    for part in new {
        let ReleaseComponent { kind, name, bytes, .. } = part;
        match old.remove(&name) {
            Some(before) if before.bytes == bytes => difference.unchanged.push(name),
            Some(before) => {
                difference.components.push(Component::update(kind, name, before.bytes, bytes));
            }
            None => difference.components.push(Component::replace(kind, name, bytes)),
        }
    }
    difference.gone = old.into_keys().collect();
    if difference.components.is_empty() {
        return Err(SetSourceError::Unchanged);
    }
    Ok(difference)
}

/// Something that a manifest names.
struct Part {
    kind: Option<Kind>,
    name: ComponentName,
    path: String,
    style: Style,
    bytes: Vec<u8>,
}

impl Part {
    fn new(kind: Option<Kind>, name: ComponentName, path: &str, style: Style) -> Self {
        Self { kind, name, path: path.to_owned(), style, bytes: Vec::new() }
    }

    /// Whether it is what a device writes itself: which of its slots is to be started.
    fn is_own_state(&self) -> bool {
        let file = self.path.rsplit('/').next().unwrap_or_default();
        matches!(self.name, ComponentName::Address(_))
            && (file.starts_with("ota_data") || file.starts_with("boot_app0"))
    }

    fn component(self) -> ReleaseComponent {
        let kind = self.kind.unwrap_or_else(|| self.guess());
        ReleaseComponent { kind, name: self.name, path: self.path, bytes: self.bytes }
    }

    /// What it seems to be.
    fn guess(&self) -> Kind {
        let path = self.path.to_ascii_lowercase();
        let is_file_system = ["spiffs", "littlefs", "fatfs"].iter().any(|name| path.contains(name));
        match (&*self.bytes, &self.name) {
            ([0xAA, 0x50, ..], _) => Kind::PartitionTable,
            // The bootloader of ESP chips is before the partition table, which is at 0x8000 or
            // after.
            ([0xE9, ..], ComponentName::Address(..0x8000)) => Kind::Bootloader,
            ([0xE9, ..], _) => Kind::Application,
            _ if is_file_system => Kind::FileSystem,
            _ => Kind::Data,
        }
    }
}

enum Problem {
    Json(JsonError),
    /// The chip families of a manifest, none of which was chosen.
    Chips(Vec<String>),
}

impl From<JsonError> for Problem {
    fn from(error: JsonError) -> Self {
        Self::Json(error)
    }
}

/// What a JSON file names, if it is a manifest.
fn named_parts(text: &[u8], chip: Option<&str>) -> Result<Option<Vec<Part>>, Problem> {
    if esp_web_tools::is(text) {
        return of_web_tools(&Manifest::parse(text)?, chip).map(Some);
    }
    if esp_idf::is(text) {
        let files = FlasherArgs::parse(text)?.files.into_iter();
        let part = |file: esp_idf::FlashFile| {
            let kind = match file.role.as_deref() {
                Some("app") => Some(Kind::Application),
                Some("bootloader") => Some(Kind::Bootloader),
                Some("partition-table") => Some(Kind::PartitionTable),
                _ => None,
            };
            Part::new(kind, ComponentName::Address(file.offset), &file.path, Style::Path)
        };
        return Ok(Some(files.map(part).collect()));
    }
    let Ok(json) = Json::parse(text) else { return Ok(None) };
    let root = Place::root(&json);
    if !matches!(json, Json::Object(_)) {
        return Ok(None);
    }
    if let Some(files) = root.find("files")? {
        return of_zephyr(&files).map(Some);
    }
    match root.find("manifest")? {
        Some(images) => of_nrf5(&images).map(Some),
        None => Ok(None),
    }
}

/// One build of a manifest of ESP Web Tools.
fn of_web_tools(manifest: &Manifest, chip: Option<&str>) -> Result<Vec<Part>, Problem> {
    let builds = manifest.builds.iter().filter(|build| !build.parts.is_empty());
    let builds: Vec<_> = builds
        .filter(|build| chip.is_none_or(|chip| build.chip_family.name().eq_ignore_ascii_case(chip)))
        .collect();
    let [build] = builds[..] else {
        let all = manifest.builds.iter().map(|build| build.chip_family.name().to_owned());
        return Err(Problem::Chips(all.collect()));
    };
    let part = |part: &esp_web_tools::Part| {
        Part::new(None, ComponentName::Address(part.offset), &part.path, Style::Url)
    };
    Ok(build.parts.iter().map(part).collect())
}

/// `dfu_application.zip`, as the nRF Connect SDK makes it for MCUboot: images by their number.
fn of_zephyr(files: &Place<'_>) -> Result<Vec<Part>, Problem> {
    let mut parts = Vec::new();
    for file in files.list()? {
        let path = file.get("file")?.text()?;
        let text = |key: &str| -> Result<Option<&str>, JsonError> {
            file.find(key)?.map(|place| place.text()).transpose()
        };
        let number = match file.find("image_index")? {
            Some(place) => place
                .text()
                .map(str::to_owned)
                .or_else(|_| place.offset().map(|number| number.to_string()))?,
            None => "0".to_owned(),
        };
        let board = text("board")?.unwrap_or_default();
        let is_radio = board.contains("cpunet") || board.contains("cpurad");
        let kind = match (&*number, text("type")?) {
            (_, Some("bootloader" | "mcuboot")) => Kind::Bootloader,
            _ if is_radio => Kind::Radio,
            ("0", _) => Kind::Application,
            _ => Kind::Other,
        };
        let name = ComponentName::Name(format!("image-{number}"));
        parts.push(Part::new(Some(kind), name, path, Style::Path));
    }
    Ok(parts)
}

/// A package of the nRF5 SDK: images by their roles, each with what its bootloader checks.
fn of_nrf5(images: &Place<'_>) -> Result<Vec<Part>, Problem> {
    let mut parts = Vec::new();
    for (role, image) in images.entries()? {
        let kind = match role {
            "application" => Kind::Application,
            "bootloader" => Kind::Bootloader,
            "softdevice" => Kind::Radio,
            _ => Kind::Other,
        };
        let keys =
            [("bin_file", role.to_owned(), kind), ("dat_file", format!("{role}.dat"), Kind::Data)];
        for (key, name, kind) in keys {
            if let Some(file) = image.find(key)? {
                let name = ComponentName::Name(name);
                parts.push(Part::new(Some(kind), name, file.text()?, Style::Path));
            }
        }
    }
    Ok(parts)
}

/// Why there is nothing to make a set of.
#[non_exhaustive]
#[derive(Debug)]
pub enum SetSourceError {
    /// A file or a folder cannot be read.
    Input(InputError),
    /// A description of a set is wrong.
    Recipe {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The profile that it names cannot be used.
    Profile(ProfileError),
    /// A manifest is wrong.
    Json {
        /// The manifest.
        name: String,
        /// Why.
        error: JsonError,
    },
    /// No manifest says what the parts are.
    NoManifest {
        /// Of what.
        name: String,
    },
    /// A manifest names a file that is not there.
    Missing {
        /// What it should be in.
        name: String,
        /// The file.
        path: String,
    },
    /// A manifest has builds for several chips, or none for this one.
    Builds {
        /// The manifest.
        name: String,
        /// The chips.
        chips: Vec<String>,
    },
    /// Both releases have the same parts: there is nothing to update.
    Unchanged,
}

codes! {
    impl[] SetSourceError {
        Self::Recipe { .. } => "set-description", Misuse;
        Self::NoManifest { .. } => "no-manifest", BadFile;
        Self::Missing { .. } => "set-part-missing", BadFile;
        Self::Builds { .. } => "several-builds", Misuse;
        Self::Unchanged => "set-unchanged", Misuse;
    } else {
        Self::Input(error) => error;
        Self::Profile(error) => error;
        Self::Json { error, .. } => error;
    }
}

impl From<InputError> for SetSourceError {
    fn from(error: InputError) -> Self {
        Self::Input(error)
    }
}

impl From<ProfileError> for SetSourceError {
    fn from(error: ProfileError) -> Self {
        match error {
            ProfileError::Read(error) => Self::Input(error.into()),
            error => Self::Profile(error),
        }
    }
}

impl fmt::Display for SetSourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(error) => error.fmt(f),
            Self::Recipe { path, what } => write!(f, "{}: {what}", path.display()),
            Self::Profile(error) => error.fmt(f),
            Self::Json { name, error } => write!(f, "{name}: {error}"),
            Self::NoManifest { name } => write!(
                f,
                "{name}: no manifest says what its parts are: expected a manifest.json or a \
                 flasher_args.json"
            ),
            Self::Missing { name, path } => {
                write!(f, "{name}: the manifest names {path}, which is not there")
            }
            Self::Builds { name, chips } => write!(
                f,
                "{name}: the manifest has builds for {}: a set is for one chip",
                chips.join(", ")
            ),
            Self::Unchanged => f.write_str("both releases have the same parts"),
        }
    }
}

impl core::error::Error for SetSourceError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Input(error) => Some(error),
            Self::Profile(error) => Some(error),
            Self::Json { error, .. } => Some(error),
            _ => None,
        }
    }
}
