//! Files: images and patches in, images and patches out.

use std::fs;
use std::path::{Path, PathBuf};

use flashdelta::apply::{NewFile, NewImage as _};

use crate::failure::{Class, Failure, Outcome};

/// Reads a file whole.
pub(crate) fn read(path: &Path) -> Outcome<Vec<u8>> {
    fs::read(path).map_err(|error| Failure::io("read", path, &error))
}

/// Where output shall go: not onto an input, and not onto something that is no file (renaming onto /dev/null would replace it).
pub(crate) fn output(path: &Path, inputs: &[&Path]) -> Outcome<PathBuf> {
    if path == Path::new("-") {
        return Err(Failure::new(Class::Usage, "cannot write to standard output: name a file"));
    }
    let Ok(present) = path.canonicalize() else {
        // Better now than when the work is done.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::read_dir(folder).map_err(|error| Failure::io("write", path, &error))?;
        return Ok(path.to_owned());
    };
    if !present.is_file() {
        let message = format!("cannot write {}: it is there already and not a file", path.display());
        return Err(
            Failure::new(Class::Usage, message).hint("to apply a patch without writing, use `flashdelta verify`")
        );
    }
    if inputs.iter().any(|input| input.canonicalize().is_ok_and(|input| input == present)) {
        let message = format!("{} is read and cannot be written, too: name another file", path.display());
        return Err(Failure::new(Class::Usage, message));
    }
    Ok(present)
}

/// Writes a file whole: under a temporary name, which is changed once everything is on the disk.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Outcome {
    let write = || {
        let mut file = NewFile::create(path)?;
        file.write(0, bytes)?;
        file.flush()?;
        file.commit()
    };
    write().map_err(|error| Failure::io("write", path, &error))
}
