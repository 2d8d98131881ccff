//! Sets on folders: each component is a file.

use core::fmt;
use std::collections::BTreeMap;

use super::{apply_signed, read_release, ComponentName, SetApplyError};
use crate::device::error::codes;
use crate::device::format::DeviceIdentity;
use crate::device::update::set::Index;
use crate::device::verify::Verifier;
use crate::host::archive::folder;
use crate::host::archive::ContainerError;
use crate::host::input::Input;

/// What a set makes of a folder.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SetFolder {
    /// The new folder, packed as [`folder::pack`] does: [`folder::write`] writes it.
    pub packed: Vec<u8>,
    /// The components that the set made, and the files that they are in now.
    pub written: Vec<(ComponentName, String)>,
}

/// Applies a set to a folder with a file for each component: of the
/// [name](ComponentName::file_name) of the component, or of the name that a manifest in the folder
/// gives to an address or an image. All other files stay as they are. A component that has no file
/// is absent.
///
/// # Errors
///
/// [`SetFolderError`].
pub fn apply_to_folder<V: Verifier>(
    set: &[u8],
    old: &Input<'_>,
    device: Option<DeviceIdentity>,
    keys: Option<V>,
) -> Result<SetFolder, SetFolderError> {
    let members = folder::members(old.bytes())?;
    let content =
        |data: core::ops::Range<usize>| old.bytes().get(data).unwrap_or_default().to_vec();
    let mut files: BTreeMap<String, Vec<u8>> =
        members.into_iter().map(|member| (member.name, content(member.data))).collect();
    let release = read_release(old, None).unwrap_or_default();
    let named: BTreeMap<_, _> = release.into_iter().map(|part| (part.name, part.path)).collect();
    let names = |set| {
        let index = Index::parse(set).ok().flatten()?;
        Some(index.entries().map(|entry| entry.target.into()).collect::<Vec<ComponentName>>())
    };
    let paths: BTreeMap<ComponentName, String> = names(set)
        .unwrap_or_default()
        .into_iter()
        .map(|name| {
            let file = name.file_name();
            let path = named.get(&name).filter(|path| files.contains_key(*path));
            let path = path.filter(|_| !files.contains_key(&file)).cloned().unwrap_or(file);
            (name, path)
        })
        .collect();
    let held =
        paths.iter().filter_map(|(name, path)| Some((name.clone(), files.get(path)?.clone())));
    let held: BTreeMap<_, _> = held.collect();
    let new = apply_signed(set, &held, device, keys).map_err(SetFolderError::Apply)?;
    let mut written = Vec::new();
    for (name, bytes) in new {
        let Some(path) = paths.get(&name) else { continue };
        if held.get(&name) != Some(&bytes) {
            files.insert(path.clone(), bytes);
            written.push((name, path.clone()));
        }
    }
    Ok(SetFolder { packed: folder::pack(files.into_iter().collect())?, written })
}

/// Why a set cannot be applied to a folder.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SetFolderError {
    /// The set cannot be applied to what is there.
    Apply(SetApplyError),
    /// It is no folder, or an invalid one.
    Folder(ContainerError),
}

codes! {
    impl[] SetFolderError {
    } else {
        Self::Apply(error) => error;
        Self::Folder(error) => error;
    }
}

impl From<ContainerError> for SetFolderError {
    fn from(error: ContainerError) -> Self {
        Self::Folder(error)
    }
}

impl fmt::Display for SetFolderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Apply(error) => error.fmt(f),
            Self::Folder(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for SetFolderError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Apply(error) => Some(error),
            Self::Folder(error) => Some(error),
        }
    }
}
