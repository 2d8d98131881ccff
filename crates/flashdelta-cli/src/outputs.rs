//! Where results go: files, pipes, and `-` for standard output.

use core::sync::atomic::{AtomicBool, Ordering};
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use flashdelta::apply::{write_file, NewFile};

use crate::failure::{Class, Failure, Outcome};
use crate::inputs::STANDARD;
use crate::text;

/// A place for a result that was looked at before the work.
pub(crate) enum Target {
    /// Standard output.
    Standard,
    /// A file, or a pipe or device.
    Path(PathBuf),
}

impl Target {
    /// Looks at the place: it must not be one of the inputs, and its folder must be there.
    pub(crate) fn new(path: &Path, inputs: &[&Path]) -> Outcome<Self> {
        if path == Path::new(STANDARD) {
            return Ok(Self::Standard);
        }
        // What cannot be written is better told now than when the work is done.
        let failed = |error: io::Error| Failure::io("write", path, &error);
        let present = match path.canonicalize() {
            Ok(present) => present,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
                fs::read_dir(folder.unwrap_or(Path::new("."))).map_err(failed)?;
                return Ok(Self::Path(path.to_owned()));
            }
            // Such as links that lead to each other.
            Err(error) => return Err(failed(error)),
        };
        if present.is_dir() {
            let message = format!("cannot write {}: it is a folder", text::path(path));
            return Err(Failure::new(Class::Usage, message)
                .hint("name a file, or a folder that is not there yet"));
        }
        let is_read = |input: &&Path| {
            present.is_file() && input.canonicalize().is_ok_and(|input| input == present)
        };
        if inputs.iter().any(is_read) {
            let message = format!(
                "{} is read and cannot be written, too: name another file",
                text::path(path)
            );
            return Err(Failure::new(Class::Usage, message));
        }
        Ok(Self::Path(path.to_owned()))
    }

    /// The path, if it is one.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::Standard => None,
            Self::Path(path) => Some(path),
        }
    }

    /// Writes the result.
    pub(crate) fn write(&self, bytes: &[u8]) -> Outcome {
        match self {
            Self::Standard => write_standard(bytes)
                .map_err(|error| Failure::io("write", Path::new("standard output"), &error)),
            Self::Path(path) => write(path, bytes),
        }
    }

    /// Whether remarks must not go to standard output.
    pub(crate) fn refuse_json(&self, json: bool) -> Outcome {
        match (self, json) {
            (Self::Standard, true) => Err(Failure::new(
                Class::Usage,
                "--json and the result cannot both go to standard output",
            )),
            _ => Ok(()),
        }
    }
}

/// Whether standard output was closed (`>&-`) when the process began.
static WAS_CLOSED: AtomicBool = AtomicBool::new(false);

/// Looks whether standard output is closed. Before `main` opens `/dev/null` in its place the
/// answer is the right one.
pub(crate) fn look_at_standard() {
    WAS_CLOSED.store(is_closed(), Ordering::Relaxed);
}

#[cfg(unix)]
fn is_closed() -> bool {
    use std::os::fd::AsFd as _;
    /// In all systems of this family.
    const EBADF: i32 = 9;
    let handle = io::stdout().as_fd().try_clone_to_owned();
    handle.is_err_and(|error| error.raw_os_error() == Some(EBADF))
}

#[cfg(not(unix))]
fn is_closed() -> bool {
    false
}

/// Writes to standard output. That it is closed is an error, which the standard library passes
/// over.
pub(crate) fn write_standard(bytes: &[u8]) -> io::Result<()> {
    if WAS_CLOSED.load(Ordering::Relaxed) || is_closed() {
        return Err(io::Error::other("it is closed"));
    }
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush())
}

/// Writes a file whole.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Outcome {
    write_file(path, bytes).map_err(|error| Failure::io("write", path, &error))
}

/// Whether a file may be put there under a temporary name first.
pub(crate) fn is_replaceable(path: &Path) -> bool {
    NewFile::is_replaceable(path)
}
