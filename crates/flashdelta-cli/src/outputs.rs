//! Where results go: files, pipes, and `-` for standard output; JSON and text there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use flashdelta::apply::{write_file, NewFile};
use flashdelta::ErrorClass;

use crate::failure::{Failure, Outcome};
use crate::standard::{self, STANDARD};
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
            return Err(Failure::new(ErrorClass::Misuse, message)
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
            return Err(Failure::new(ErrorClass::Misuse, message));
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
            Self::Standard => standard::write(bytes)
                .map_err(|error| Failure::io("write", Path::new("standard output"), &error)),
            Self::Path(path) => write(path, bytes),
        }
    }

    /// Whether remarks must not go to standard output.
    pub(crate) fn refuse_json(&self, json: bool) -> Outcome {
        match (self, json) {
            (Self::Standard, true) => Err(Failure::new(
                ErrorClass::Misuse,
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

/// Writes to standard output. Nobody listening any more (`| head`) is no error.
pub(crate) fn print(text: &str) -> Outcome {
    match standard::write(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(ErrorClass::Io, format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes a JSON document to standard output.
pub(crate) fn print_json(document: &impl serde::Serialize) -> Outcome {
    let text = serde_json::to_string_pretty(document);
    let text = text.map_err(|error| {
        Failure::new(ErrorClass::Internal, format!("cannot write JSON: {error}"))
    })?;
    print(&(text + "\n"))
}
