//! Where results go: files, pipes, and `-` for standard output.

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
        let Ok(present) = path.canonicalize() else {
            // Better now than when the work is done.
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            fs::read_dir(folder.unwrap_or(Path::new(".")))
                .map_err(|error| Failure::io("write", path, &error))?;
            return Ok(Self::Path(path.to_owned()));
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
            Self::Standard => {
                let mut out = io::stdout().lock();
                out.write_all(bytes)
                    .and_then(|()| out.flush())
                    .map_err(|error| Failure::io("write", Path::new("standard output"), &error))
            }
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

/// Writes a file whole.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Outcome {
    write_file(path, bytes).map_err(|error| Failure::io("write", path, &error))
}

/// Whether a file may be put there under a temporary name first.
pub(crate) fn is_replaceable(path: &Path) -> bool {
    NewFile::is_replaceable(path)
}
