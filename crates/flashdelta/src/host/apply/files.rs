//! Images in files.

use std::fs::{self, File, OpenOptions};
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
    /// If it cannot be opened. Of a file of more than 4 GiB only the start can be read, which no
    /// patch needs more of.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let file = File::open(path)?;
        let len = u32::try_from(file.metadata()?.len()).unwrap_or(u32::MAX);
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
    /// A file that will be at `path`; one that is there already is replaced.
    ///
    /// # Errors
    ///
    /// If the temporary file cannot be created in the same folder.
    pub fn create(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_os_string();
        for attempt in 0..100u32 {
            let mut name = name.clone();
            name.push(format!(".{}-{attempt}.tmp", std::process::id()));
            let temporary = path.with_file_name(name);
            match OpenOptions::new().read(true).write(true).create_new(true).open(&temporary) {
                Ok(file) => return Ok(Self { file, temporary, path, committed: false }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
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

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.committed {
            let _ = fs::remove_file(&self.temporary);
        }
    }
}
