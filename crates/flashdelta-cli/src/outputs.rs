//! Where results go: files, pipes, and `-` for standard output; JSON and text there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use flashdelta::apply::{write_file, NewFile};
use flashdelta::ErrorClass;

use crate::doing::while_sending;
use crate::failure::{Failure, Outcome};
use crate::standard::{self, STANDARD};
use crate::{text, was_read};

/// A place for a result that was looked at before the work.
pub(crate) enum Target {
    /// Standard output.
    Standard,
    /// A file, or a pipe or device.
    Path(PathBuf),
}

impl Target {
    /// Looks at the place: it must not be one of the inputs, nor anything else that was read, and
    /// its folder must be there.
    pub(crate) fn new(path: &Path, inputs: &[&Path]) -> Outcome<Self> {
        if path == Path::new(STANDARD) {
            return Ok(Self::Standard);
        }
        was_read::note(inputs.iter().filter(|input| **input != Path::new(STANDARD)));
        // What cannot be written is better told now than when the work is done.
        let failed = |error: io::Error| Failure::write(path, &error);
        match path.canonicalize() {
            Ok(present) if present.is_dir() => {
                let message = format!("cannot write {}: it is a folder", text::path(path));
                return Err(Failure::new(ErrorClass::Misuse, message)
                    .hint("name a file, or a folder that is not there yet"));
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
                fs::read_dir(folder.unwrap_or(Path::new("."))).map_err(failed)?;
            }
            // Such as links that lead to each other.
            Err(error) => return Err(failed(error)),
        }
        was_read::refuse(path)?;
        Ok(Self::Path(path.to_owned()))
    }

    /// The path, if it is one.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::Standard => None,
            Self::Path(path) => Some(path),
        }
    }

    /// Refuses a place that has been read since it was looked at: a part of a manifest, say.
    pub(crate) fn refuse_read(&self) -> Outcome {
        self.path().map_or(Ok(()), was_read::refuse)
    }

    /// Writes the result.
    pub(crate) fn write(&self, bytes: &[u8]) -> Outcome {
        match self {
            Self::Standard => while_sending(|| standard::write(bytes))
                .map_err(|error| Failure::write(Path::new("standard output"), &error)),
            Self::Path(path) => write(path, bytes),
        }
    }

    /// Whether remarks must not go to standard output.
    pub(crate) fn refuse_json(&self, json: bool) -> Outcome {
        let is_standard = self.path().is_none_or(standard::is);
        match json && is_standard {
            true => Err(Failure::new(
                ErrorClass::Misuse,
                "--json and the result cannot both go to standard output",
            )),
            false => Ok(()),
        }
    }
}

/// Writes a file whole. It must be none that was read.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Outcome {
    was_read::refuse(path)?;
    let written = match NewFile::is_replaceable(path) {
        true => write_file(path, bytes),
        // Nobody may ever read from a pipe.
        false => while_sending(|| write_file(path, bytes)),
    };
    written.map_err(|error| Failure::write(path, &error))
}

/// Writes to standard output. Nobody listening any more (`| head`) is no error.
pub(crate) fn print(text: &str) -> Outcome {
    printed(while_sending(|| standard::write(text.as_bytes())))
}

/// The same of what prints itself.
pub(crate) fn print_with(print: impl FnOnce() -> io::Result<()>) -> Outcome {
    printed(while_sending(|| standard::with(print)))
}

fn printed(printed: io::Result<()>) -> Outcome {
    match printed {
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
