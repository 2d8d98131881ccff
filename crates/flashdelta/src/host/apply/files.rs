//! Images in files.

use core::time::Duration;
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use crate::device::apply::{NewImage, OldImage};

/// The old image in a file.
#[derive(Debug)]
pub struct OldFile {
    file: File,
    len: u32,
}

impl OldFile {
    /// Opens a file for reading.
    ///
    /// # Errors
    ///
    /// If it cannot be opened, or not be read anywhere, as a pipe. Of a file of more than 4 GiB
    /// only the start can be read, which no patch needs more of.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::of(File::open(path)?)
    }

    /// The same of an open file.
    pub(crate) fn of(mut file: File) -> io::Result<Self> {
        if file.metadata()?.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        // Metadata know no length of block devices.
        let len = u32::try_from(file.seek(SeekFrom::End(0))?).unwrap_or(u32::MAX);
        Ok(Self { file, len })
    }
}

impl OldImage for OldFile {
    type Error = io::Error;

    fn len(&self) -> u32 {
        self.len
    }

    fn read(&mut self, offset: u32, buf: &mut [u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(offset.into()))?;
        self.file.read_exact(buf)
    }
}

/// The new image in a file. It is written under a temporary name beside the final one, which it
/// gets only when it is complete, verified and on the disk; if that does not come to pass, it is
/// removed.
#[derive(Debug)]
pub struct NewFile {
    file: File,
    temporary: PathBuf,
    path: PathBuf,
    committed: bool,
}

impl NewFile {
    /// A file that will be at `path`; one that is there already is replaced, and its permissions
    /// are kept. A symbolic link is followed.
    ///
    /// # Errors
    ///
    /// If there is something at `path` that is no file, or the temporary file cannot be created in
    /// the same folder.
    pub fn create(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = followed(path.into());
        let before = match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => Some(metadata),
            Ok(_) => {
                let problem = "it is there already, and no file";
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, problem));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            // Such as links that lead to each other: what is there must not be replaced.
            Err(error) => return Err(error),
        };
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_os_string();
        remove_left_over(&path);
        for attempt in 0..100u32 {
            let mut name = name.clone();
            name.push(format!(".{}-{attempt}{TEMPORARY}", std::process::id()));
            let temporary = path.with_file_name(name);
            match OpenOptions::new().read(true).write(true).create_new(true).open(&temporary) {
                Ok(file) => {
                    let new = Self { file, temporary, path, committed: false };
                    if let Some(before) = before {
                        new.file.set_permissions(permissions(&before, &new.file)?)?;
                    }
                    return Ok(new);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Whether `path` is a place for a file: nothing is there yet, or a file, perhaps behind a
    /// symbolic link. Pipes and devices are written straight instead: see [`write_file`].
    pub fn is_replaceable(path: &Path) -> bool {
        fs::metadata(path).map_or(true, |metadata| metadata.is_file())
    }

    /// Another handle of the file, so that a thread can already bring to the disk
    /// ([`File::sync_data`]) what has been written while more is being made. If that fails it must
    /// be taken as a failure of the file: the system tells it but once.
    ///
    /// # Errors
    ///
    /// If the system gives no further handle.
    pub fn handle(&self) -> io::Result<File> {
        self.file.try_clone()
    }
}

impl NewImage for NewFile {
    type Error = io::Error;

    fn capacity(&self) -> u32 {
        crate::device::format::MAX_SIZE
    }

    fn write(&mut self, offset: u32, data: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(offset.into()))?;
        self.file.write_all(data)
    }

    fn read(&mut self, offset: u32, buf: &mut [u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(offset.into()))?;
        self.file.read_exact(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.sync_all()
    }

    fn commit(&mut self) -> io::Result<()> {
        fs::rename(&self.temporary, &self.path)?;
        self.committed = true;
        // The new name is durable once the folder is on the disk; not every system can do that.
        if let Some(folder) = self.path.parent() {
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            let _ = File::open(folder).and_then(|f| f.sync_all());
        }
        Ok(())
    }
}

/// Writes a file whole: under a temporary name first, which is changed once everything is on the
/// disk. Something that is there and no file (a pipe, a device) is written straight.
///
/// # Errors
///
/// If the file cannot be written.
pub fn write_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if !NewFile::is_replaceable(path) {
        let mut file = OpenOptions::new().write(true).open(path)?;
        file.write_all(bytes)?;
        return file.flush();
    }
    let mut file = NewFile::create(path)?;
    file.file.write_all(bytes)?;
    file.flush()?;
    file.commit()
}

/// The permissions of a file, for the one that takes its place. That may belong to somebody else:
/// then it does not run with the rights of its owner or group, as the one before perhaps did.
#[cfg(unix)]
fn permissions(before: &Metadata, new: &File) -> io::Result<Permissions> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    /// Set-user-ID and set-group-ID.
    const RUN_AS: u32 = 0o6000;
    let (new, mut permissions) = (new.metadata()?, before.permissions());
    if (before.uid(), before.gid()) != (new.uid(), new.gid()) {
        permissions.set_mode(permissions.mode() & !RUN_AS);
    }
    Ok(permissions)
}

#[cfg(not(unix))]
fn permissions(before: &Metadata, _: &File) -> io::Result<Permissions> {
    Ok(before.permissions())
}

/// The end of the name of a temporary file.
const TEMPORARY: &str = ".fdtmp";

/// Where a symbolic link leads, also if nothing is there yet; any other path as it is.
fn followed(path: PathBuf) -> PathBuf {
    let mut path = path;
    // As many as Linux follows.
    for _ in 0..40 {
        let Ok(target) = fs::read_link(&path) else { break };
        path = match path.parent() {
            Some(folder) => folder.join(target),
            None => target,
        };
    }
    path
}

/// Removes temporary files for `path` that a killed process has left: older than a day.
fn remove_left_over(path: &Path) {
    let Some((folder, name)) = path.parent().zip(path.file_name().and_then(|name| name.to_str()))
    else {
        return;
    };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let found = entry.file_name();
        let Some(rest) = found.to_str().and_then(|found| found.strip_prefix(name)) else {
            continue;
        };
        let number = rest.strip_prefix('.').and_then(|rest| rest.strip_suffix(TEMPORARY));
        let is_ours = number
            .is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-'));
        let age = entry.metadata().and_then(|m| m.modified()).map(|time| time.elapsed());
        let is_old = matches!(age, Ok(Ok(age)) if age >= LEFT_OVER);
        if is_ours && is_old {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// A temporary file of this age belongs to no process at work.
const LEFT_OVER: Duration = Duration::from_secs(24 * 60 * 60);

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.committed {
            let _ = fs::remove_file(&self.temporary);
        }
    }
}
