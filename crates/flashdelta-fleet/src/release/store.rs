//! Files of a folder, written whole or not at all.

use std::fs;
use std::path::{Path, PathBuf};

use flashdelta::apply::write_file;
use flashdelta::{bundle, PatchHeader};

use super::{ReleaseError, Task};
use crate::catalogue::Image;
use crate::Digest;

/// The folder that is built.
#[derive(Clone, Debug)]
pub(super) struct Store {
    folder: PathBuf,
}

/// Where patches are kept before they are signed. It need not be served.
const CACHE: &str = ".cache";

impl Store {
    /// The folder, which is made if it is not there.
    pub(super) fn open(folder: &Path) -> Result<Self, ReleaseError> {
        for part in [CACHE, "patches", "files"] {
            let path = folder.join(part);
            fs::create_dir_all(&path).map_err(|error| ReleaseError::File { path, error })?;
        }
        Ok(Self { folder: folder.to_owned() })
    }

    /// The patch of a task, if it was made and is whole.
    pub(super) fn cached(&self, task: &Task, images: Images<'_>) -> Option<Vec<u8>> {
        let bytes = fs::read(self.cache_path(task)).ok()?;
        is_of(&bytes, images).then_some(bytes)
    }

    /// Keeps the patch of a task.
    pub(super) fn keep(
        &self,
        task: &Task,
        images: Images<'_>,
        patch: &[u8],
    ) -> Result<(), ReleaseError> {
        if !is_of(patch, images) {
            return Err(ReleaseError::WrongPatch { task: task.name() });
        }
        self.write(&self.cache_path(task), patch)
    }

    fn cache_path(&self, task: &Task) -> PathBuf {
        self.folder.join(CACHE).join(format!("{}.fdp", task.key()))
    }

    /// Puts a file where its digest says; gives the path below the folder.
    pub(super) fn put(
        &self,
        kind: &str,
        bytes: &[u8],
        ending: &str,
    ) -> Result<String, ReleaseError> {
        let path = format!("{kind}/{}{ending}", Digest::of(bytes));
        let full = self.folder.join(&path);
        // The name vouches for the bytes only if they were looked at.
        let is_there = fs::metadata(&full).is_ok_and(|found| found.len() == bytes.len() as u64)
            && fs::read(&full).is_ok_and(|found| found == bytes);
        if !is_there {
            self.write(&full, bytes)?;
        }
        Ok(path)
    }

    /// Writes a file of the folder by its own name.
    pub(super) fn put_named(&self, name: &str, bytes: &[u8]) -> Result<(), ReleaseError> {
        self.write(&self.folder.join(name), bytes)
    }

    pub(super) fn remove(&self, name: &str) -> Result<(), ReleaseError> {
        let path = self.folder.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(ReleaseError::File { path, error })
            }
            _ => Ok(()),
        }
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), ReleaseError> {
        write_file(path, bytes).map_err(|error| ReleaseError::File { path: path.to_owned(), error })
    }
}

/// The old image, if there is one, and the new one.
pub(super) type Images<'a> = (Option<&'a Image>, &'a Image);

/// Whether it is a whole patch, or a bundle, between these images.
fn is_of(patch: &[u8], (old, new): Images<'_>) -> bool {
    let is = |prefix: &[u8], digest: &Digest| digest.as_bytes().starts_with(prefix);
    if let Ok(info) = bundle::info(patch) {
        let is_old = old.is_none_or(|old| is(&info.old_digest, &old.sha256));
        return is_old && info.new_digest == *new.sha256.as_bytes();
    }
    let Ok(Some(header)) = PatchHeader::parse(patch) else { return false };
    let is_old = match old {
        Some(old) => is(&header.old_digest, &old.memory.sha256),
        None => header.old_size == 0,
    };
    is_old
        && header.new_digest == *new.memory.sha256.as_bytes()
        && header.patch_len() == patch.len() as u64
}
