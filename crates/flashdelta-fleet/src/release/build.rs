//! Builds a folder from a description.

use core::ops::ControlFlow;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use flashdelta::profile::DeviceProfile;
use flashdelta::{bundle, sign, Identity, Input, PatchHeader};
use serde::Serialize;

use super::index::{Index, IndexPatch, IndexProfile, IndexRelease, Stored};
use super::store::{Images, Store};
use super::task::MAKER;
use super::{signature, Description, Entry, ReleaseError, Task};
use crate::catalogue::Image;
use crate::{Digest, Name, Version};

/// Called with the number of patches that are there, and that there are to be.
pub type Progress<'a> = dyn Fn(usize, usize) -> ControlFlow<()> + Sync + 'a;

/// A folder that is being built. It can be broken off anywhere: what was made is kept, and the
/// index changes last.
#[derive(Debug)]
pub struct Build {
    description: Description,
    store: Store,
    /// Of the releases in the description.
    images: Vec<Image>,
    tasks: Vec<Task>,
}

/// What was built.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Summary {
    /// The release that devices get.
    pub latest: Version,
    /// Patches in the index.
    pub patches: usize,
    /// Bytes of them.
    pub bytes: u64,
    /// Patches that cannot be made for their profile, by name, and why.
    pub left_out: BTreeMap<String, String>,
    /// Whether the index is signed.
    pub is_signed: bool,
}

impl Build {
    /// Reads a description and the files that it names, and looks at what the folder has.
    ///
    /// # Errors
    ///
    /// [`ReleaseError`].
    pub fn open(description: &Path, folder: &Path) -> Result<Self, ReleaseError> {
        let description = Description::read(description)?;
        let images = description.releases.iter().map(image).collect::<Result<Vec<_>, _>>()?;
        let mut tasks = Vec::new();
        for to in &description.to {
            for profile in &description.profiles {
                let froms = description.from.iter().filter(|from| *from < to).map(Some);
                let whole = description.whole.then_some(None);
                for from in froms.chain(whole) {
                    tasks.extend(task(&description, &images, profile, from.copied(), *to));
                }
            }
        }
        Ok(Self { description, store: Store::open(folder)?, images, tasks })
    }

    /// The patches that are to be made and are not there.
    pub fn missing(&self) -> Vec<Task> {
        let is_missing = |task: &&Task| self.cached(task).is_none();
        self.tasks.iter().filter(is_missing).cloned().collect()
    }

    /// All patches that there are to be.
    pub fn tasks(&self) -> &[Task] {
        &self.tasks
    }

    /// The files of a task: the old one, if it has one, and the new one.
    ///
    /// # Errors
    ///
    /// [`ReleaseError::Input`].
    pub fn inputs(
        &self,
        task: &Task,
    ) -> Result<(Option<Input<'static>>, Input<'static>), ReleaseError> {
        let open = |version: &Version| {
            let entry = self.description.releases.iter().find(|entry| entry.version == *version);
            let path = entry.map_or_else(Default::default, |entry| entry.file.clone());
            Input::open(&path).map_err(ReleaseError::Input)
        };
        Ok((task.from.as_ref().map(open).transpose()?, open(&task.to)?))
    }

    /// Makes the patch of a task here, if it is not there.
    ///
    /// # Errors
    ///
    /// [`ReleaseError`].
    pub fn make(&self, task: &Task, threads: usize) -> Result<(), ReleaseError> {
        if self.cached(task).is_some() {
            return Ok(());
        }
        let (old, new) = self.inputs(task)?;
        let patch = task.make(old.as_ref().unwrap_or(&new), &new, threads)?;
        self.keep(task, &patch)
    }

    /// Keeps a patch that was made elsewhere.
    ///
    /// # Errors
    ///
    /// [`ReleaseError::WrongPatch`], if it is not the one; [`ReleaseError::File`].
    pub fn keep(&self, task: &Task, patch: &[u8]) -> Result<(), ReleaseError> {
        match self.images(task) {
            Some(images) => self.store.keep(task, images, patch),
            None => Err(ReleaseError::WrongPatch { task: task.name() }),
        }
    }

    /// Makes all patches that are not there. `threads`: 0 for one per processor. A patch that
    /// cannot be made for its profile is no error here; [`finish`](Self::finish) tells.
    ///
    /// # Errors
    ///
    /// The first [`ReleaseError`] of those that no other patch is kept from being made by.
    pub fn run(&self, threads: usize, progress: &Progress<'_>) -> Result<(), ReleaseError> {
        let missing = self.missing();
        let (all, made) = (self.tasks.len(), AtomicUsize::new(self.tasks.len() - missing.len()));
        let threads = match threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        };
        // Few tasks get several threads each.
        let of_each = (threads / missing.len().max(1)).max(1);
        let (next, failed) = (AtomicUsize::new(0), Mutex::new(None));
        let fail = |error| {
            if let Ok(mut failed) = failed.lock() {
                failed.get_or_insert(error);
            }
        };
        let has_failed = || failed.lock().map_or(true, |failed| failed.is_some());
        let work = || {
            while let Some(task) = missing.get(next.fetch_add(1, Ordering::Relaxed)) {
                if has_failed() {
                    return;
                }
                match self.make(task, of_each) {
                    Err(error) if !error.is_for_profile() => return fail(error),
                    _ => {}
                }
                let count = made.fetch_add(1, Ordering::Relaxed) + 1;
                if progress(count, all).is_break() {
                    return fail(ReleaseError::Cancelled);
                }
            }
        };
        if progress(all - missing.len(), all).is_break() {
            return Err(ReleaseError::Cancelled);
        }
        std::thread::scope(|scope| {
            for _ in 0..threads.min(missing.len()) {
                scope.spawn(work);
            }
        });
        failed.into_inner().unwrap_or(None).map_or(Ok(()), Err)
    }

    /// Signs the patches, puts them and the files into their places, and writes the index.
    ///
    /// # Errors
    ///
    /// [`ReleaseError::Unfinished`], if patches are missing that can be made.
    pub fn finish(&self) -> Result<Summary, ReleaseError> {
        let mut left_out = BTreeMap::new();
        let mut patches = Vec::new();
        let mut missing = 0;
        for task in &self.tasks {
            match self.cached(task) {
                Some(patch) => patches.push(self.publish(task, patch)?),
                None => {
                    // What a profile keeps from being made is told at once, without making it.
                    let (old, new) = self.inputs(task)?;
                    match task.make(old.as_ref().unwrap_or(&new), &new, 0) {
                        Err(error) if error.is_for_profile() => {
                            left_out.insert(task.name(), error.to_string());
                        }
                        Err(error) => return Err(error),
                        Ok(_) => missing += 1,
                    }
                }
            }
        }
        if missing != 0 {
            return Err(ReleaseError::Unfinished { missing });
        }
        let bytes = patches.iter().map(|patch| patch.size).sum();
        let index = self.index(patches)?;
        let text = serde_json::to_string_pretty(&index).unwrap_or_default() + "\n";
        // A reader in between sees the new signatures and the old index, and asks again.
        match &self.description.key {
            Some(key) => {
                let signatures = signature::sign(text.as_bytes(), key);
                self.store.put_named(Index::SIGNATURE_NAME, signatures.as_bytes())?;
            }
            None => self.store.remove(Index::SIGNATURE_NAME)?,
        }
        self.store.put_named(Index::NAME, text.as_bytes())?;
        let is_signed = self.description.key.is_some();
        let patches = index.patches.len();
        Ok(Summary { latest: index.latest, patches, bytes, left_out, is_signed })
    }

    fn publish(&self, task: &Task, patch: Vec<u8>) -> Result<IndexPatch, ReleaseError> {
        let is_bundle = bundle::is_bundle(&patch);
        let key = self.description.key.as_ref().filter(|_| !is_bundle);
        let patch = match key {
            Some(key) => sign::sign(&patch, key).map_err(ReleaseError::Sign)?,
            None => patch,
        };
        let header = PatchHeader::parse(&patch).ok().flatten();
        let ending = if is_bundle { ".fdb" } else { ".fdp" };
        Ok(IndexPatch {
            from: task.from.clone(),
            to: task.to.clone(),
            profile: Name::new(&*task.profile_name)?,
            path: self.store.put("patches", &patch, ending)?,
            size: patch.len() as u64,
            sha256: Digest::of(&patch),
            is_bundle,
            ram: header.map_or(0, |header| header.ram),
            is_signed: key.is_some(),
        })
    }

    fn index(&self, patches: Vec<IndexPatch>) -> Result<Index, ReleaseError> {
        let mut releases = Vec::new();
        let entries = self.description.releases.iter().zip(&self.images);
        for (number, (entry, image)) in entries.enumerate() {
            let is_target = self.description.to.contains(&number);
            let mut auxiliary = Vec::new();
            for path in entry.auxiliary.iter().filter(|_| is_target) {
                auxiliary.push(self.stored(path)?);
            }
            let is_file = is_target && self.description.files && entry.file.is_file();
            let file = is_file.then(|| self.stored(&entry.file)).transpose()?;
            releases.push(IndexRelease {
                version: entry.version.clone(),
                hardware: entry.hardware,
                security_counter: entry.security_counter,
                image: image.clone(),
                file,
                auxiliary,
            });
        }
        let latest = self.description.to.last().and_then(|at| self.description.releases.get(*at));
        let profiles = &self.description.profiles;
        let named = |profile: &DeviceProfile| {
            Ok(IndexProfile::of(profile, Name::new(profile.name.clone())?))
        };
        Ok(Index {
            format: Index::FORMAT,
            maker: MAKER.to_owned(),
            product: self.description.product.clone(),
            latest: latest.map_or_else(|| Version::new("0"), |entry| Ok(entry.version.clone()))?,
            profiles: profiles.iter().map(named).collect::<Result<_, ReleaseError>>()?,
            releases,
            patches,
        })
    }

    fn stored(&self, path: &Path) -> Result<Stored, ReleaseError> {
        let bytes = std::fs::read(path)
            .map_err(|error| ReleaseError::File { path: path.to_owned(), error })?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (size, sha256) = (bytes.len() as u64, Digest::of(&bytes));
        Ok(Stored { name, path: self.store.put("files", &bytes, "")?, size, sha256 })
    }

    fn cached(&self, task: &Task) -> Option<Vec<u8>> {
        self.store.cached(task, self.images(task)?)
    }

    /// The images of a task that is one of this description.
    fn images(&self, task: &Task) -> Option<Images<'_>> {
        let find = |digest: Digest| self.images.iter().find(|image| image.sha256 == digest);
        let old = match task.old {
            Some(digest) => Some(find(digest)?),
            None => None,
        };
        Some((old, find(task.new)?))
    }
}

fn image(entry: &Entry) -> Result<Image, ReleaseError> {
    let input = Input::open(&entry.file).map_err(ReleaseError::Input)?;
    let path = || entry.file.clone();
    Image::of(&input).map_err(|error| ReleaseError::Image { path: path(), error })
}

fn task(
    description: &Description,
    images: &[Image],
    profile: &DeviceProfile,
    from: Option<usize>,
    to: usize,
) -> Option<Task> {
    let side = |at: usize| {
        let (entry, image) = (description.releases.get(at)?, images.get(at)?);
        Some((&entry.version, image.sha256, entry.file.file_name()?.to_str().unwrap_or_default()))
    };
    let old = match from {
        Some(at) => Some(side(at)?),
        None => None,
    };
    let entry = description.releases.get(to)?;
    let identity = description.identity.then(|| Identity {
        product: Identity::product_id(&description.product),
        hardware_from: entry.hardware[0],
        hardware_to: entry.hardware[1],
        security_counter: entry.security_counter,
    });
    let options = (description.effort, description.chunks);
    let same = old.zip(side(to)).is_some_and(|(old, new)| old.1 == new.1);
    // What is the same already needs no patch.
    (!same).then(|| Task::new([old, side(to)], profile, options, identity)).flatten()
}
