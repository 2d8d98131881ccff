//! What the program is given: files, folders, pipes, and `-` for standard input.

use std::io;
use std::path::Path;

use flashdelta::{ErrorClass, Input, InputError};

use crate::doing::while_nothing_is_written;
use crate::failure::{Failure, Outcome};
use crate::standard::STANDARD;
use crate::was_read;

/// Reads a file, a folder, or a manifest with its parts.
pub(crate) fn read(path: &Path) -> Outcome<Input<'static>> {
    open(path, Input::open)
}

/// Reads the old file of a patch.
pub(crate) fn read_old(path: &Path, patch: &[u8]) -> Outcome<Input<'static>> {
    open(path, |path| Input::open_old(path, patch))
}

/// Reads a file byte by byte: it counts as one that holds no others.
pub(crate) fn read_verbatim(path: &Path) -> Outcome<Input<'static>> {
    open(path, Input::open_verbatim)
}

/// Reads a file or a folder to say what it is.
pub(crate) fn read_for_info(path: &Path) -> Outcome<Input<'static>> {
    open(path, Input::open_for_info)
}

/// The bytes of a file.
pub(crate) fn bytes(path: &Path) -> Outcome<Vec<u8>> {
    Ok(read_verbatim(path)?.into_bytes())
}

/// The bytes of a file that people write, and that is small.
pub(crate) fn small(path: &Path) -> Outcome<Vec<u8>> {
    Ok(open(path, Input::open_small)?.into_bytes())
}

fn open(
    path: &Path,
    open: impl FnOnce(&Path) -> Result<Input<'static>, InputError>,
) -> Outcome<Input<'static>> {
    // A pipe may be written to slowly: one Ctrl-C ends the waiting.
    let read = while_nothing_is_written(|| match path == Path::new(STANDARD) {
        true => Input::from_reader(io::stdin().lock(), "standard input"),
        false => open(path),
    });
    let read = read.map_err(|error| Failure::input(&error))?;
    was_read::note(read.sources());
    Ok(read)
}

/// Only one of several files can be standard input.
pub(crate) fn refuse_two_standard_inputs(paths: &[&Path]) -> Outcome {
    if paths.iter().filter(|path| **path == Path::new(STANDARD)).count() > 1 {
        return Err(Failure::new(ErrorClass::Misuse, "only one file can be standard input"));
    }
    Ok(())
}
