//! Descriptions of sets, in TOML.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Component, ComponentName, SetOptions, SetSourceError};
use crate::device::format::Identity;
use crate::device::update::set::Kind;
use crate::host::diff::DiffOptions;
use crate::host::input::{read_text, Input};
use crate::host::profile::{parse_size, DeviceProfile};

/// A set that a file describes.
#[non_exhaustive]
#[derive(Clone)]
pub struct Described {
    /// What goes into it.
    pub components: Vec<Component>,
    /// How it is made.
    pub options: SetOptions,
    /// The files that were read, the description among them.
    pub sources: Vec<PathBuf>,
}

/// What a file says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    product: Option<Number>,
    hardware: Option<[u16; 2]>,
    security_counter: Option<u32>,
    profile: Option<String>,
    ram: Option<Number>,
    effort: Option<u8>,
    #[serde(default, rename = "component")]
    components: Vec<Entry>,
}

/// A component of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Entry {
    kind: String,
    partition: Option<String>,
    address: Option<Number>,
    child: Option<u32>,
    name: Option<String>,
    hardware: Option<[u16; 2]>,
    old: Option<String>,
    #[serde(default)]
    absent: bool,
    new: Option<String>,
    require: Option<String>,
    base: Option<Number>,
}

/// A number, or text that is read as one.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a number or a text")]
enum Number {
    Number(u32),
    Text(String),
}

impl Number {
    fn size(&self) -> Result<u32, String> {
        match self {
            Self::Number(number) => Ok(*number),
            Self::Text(text) => parse_size(text).map_err(|error| error.to_string()),
        }
    }
}

/// Reads the description of a set: a file in TOML. Paths in it are relative to its folder.
///
/// ```toml
/// product = "heron"               # a name or a number; without it: no identity
/// hardware = [1, 4]               # first and last revision
/// security-counter = 7
/// profile = "small"               # a name, or a file; what `diff` has
///
/// [[component]]                   # in the order in which they are written and activated
/// kind = "child"                  # application, bootloader, partition-table, file-system, radio,
///                                 # child, data, other
/// child = 3                       # or: partition = "ota", address = 0x10000, name = "logo"
/// name = "motor"                  # of a child, if it has one
/// old = "1.0/motor.bin"           # or: absent = true; or neither: whatever is there
/// new = "1.1/motor.bin"           # or: require = "1.1/motor.bin", which is not sent
/// hardware = [2, 3]               # only devices of these revisions have it
/// base = 0x08000000               # address at which a raw image runs
/// ```
///
/// # Errors
///
/// [`SetSourceError`].
pub fn read_description(path: &Path, diff: DiffOptions) -> Result<Described, SetSourceError> {
    let text = read_text(path)?;
    let mut sources = vec![path.to_owned()];
    let wrong = |what: String| SetSourceError::Recipe { path: path.to_owned(), what };
    let file: File =
        toml::from_str(&text).map_err(|error| wrong(error.to_string().trim_end().to_owned()))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut diff = diff;
    if let Some(profile) = &file.profile {
        let beside = folder.join(profile);
        let profile = match DeviceProfile::named(profile) {
            Some(profile) => profile,
            None => {
                let profile = DeviceProfile::read(&beside)?;
                sources.push(beside);
                profile
            }
        };
        diff = diff.profile(profile);
    }
    if let Some(ram) = &file.ram {
        diff = diff.ram(ram.size().map_err(|what| wrong(format!("ram: {what}")))?);
    }
    if let Some(effort) = file.effort {
        diff = diff.effort(effort);
    }
    let identity = identity(&file).map_err(wrong)?;
    let mut components = Vec::new();
    for (number, entry) in (0..).zip(&file.components) {
        let wrong = |what: String| wrong(format!("component {number}: {what}"));
        components.push(component(entry, folder, &diff)?.map_err(wrong)?);
        let named = [&entry.old, &entry.new, &entry.require].into_iter().flatten();
        sources.extend(named.map(|name| folder.join(name)));
    }
    let options = SetOptions::new().diff(diff).identity(identity);
    Ok(Described { components, options, sources })
}

fn identity(file: &File) -> Result<Option<Identity>, String> {
    let product = match &file.product {
        None if file.hardware.is_some() || file.security_counter.is_some() => {
            return Err("hardware and security-counter need a product".to_owned());
        }
        None => return Ok(None),
        Some(Number::Number(number)) => *number,
        Some(Number::Text(name)) => Identity::product_id(name),
    };
    let [hardware_from, hardware_to] = file.hardware.unwrap_or([0, u16::MAX]);
    if hardware_to < hardware_from {
        return Err("hardware: the last revision is before the first".to_owned());
    }
    let security_counter = file.security_counter.unwrap_or(0);
    Ok(Some(Identity { product, hardware_from, hardware_to, security_counter }))
}

/// Reads a component, if it is right, and its files.
fn component(
    entry: &Entry,
    folder: &Path,
    diff: &DiffOptions,
) -> Result<Result<Component, String>, SetSourceError> {
    let read = |path: &String| Input::open_verbatim(&folder.join(path)).map(Input::into_bytes);
    let named = || {
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == entry.kind);
        let kinds = Kind::ALL.map(Kind::name).join(", ");
        let kind = kind.ok_or(format!("kind: found {:?}, expected one of {kinds}", entry.kind))?;
        let name = match (&entry.partition, &entry.address, entry.child, &entry.name) {
            (Some(name), None, None, None) => ComponentName::Partition(name.clone()),
            (None, Some(address), None, None) => ComponentName::Address(address.size()?),
            (None, None, Some(id), name) => {
                ComponentName::Child { id, name: name.clone().unwrap_or_default() }
            }
            (None, None, None, Some(name)) => ComponentName::Name(name.clone()),
            _ => return Err("expected one of partition, address, child, name".to_owned()),
        };
        Ok((kind, name))
    };
    let (kind, name) = match named() {
        Ok(named) => named,
        Err(what) => return Ok(Err(what)),
    };
    let component = match (&entry.new, &entry.require, &entry.old, entry.absent) {
        (Some(new), None, Some(old), false) => {
            Component::update(kind, name, read(old)?, read(new)?)
        }
        (Some(new), None, None, true) => Component::add(kind, name, read(new)?),
        (Some(new), None, None, false) => Component::replace(kind, name, read(new)?),
        (None, Some(image), None, false) => Component::require(kind, name, read(image)?),
        (Some(_), None, Some(_), true) => {
            return Ok(Err("old and absent exclude each other".into()))
        }
        _ => return Ok(Err("expected new, with old or absent or neither, or require".to_owned())),
    };
    let component = match entry.hardware {
        Some([first, last]) => component.hardware(first, last),
        None => component,
    };
    Ok(match entry.base.as_ref().map(Number::size) {
        Some(Ok(base)) => Ok(component.diff(diff.clone().base(base))),
        Some(Err(what)) => Err(format!("base: {what}")),
        None => Ok(component),
    })
}
