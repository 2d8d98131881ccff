//! What this run reads, or is about to read: no result goes there. That it would be replaced is
//! found out by no later check, since everything was read by then.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use flashdelta::ErrorClass;

use crate::failure::{Failure, Outcome};
use crate::text;

/// Files and folders, with links followed. Pipes and devices are not among them: what is read from
/// there and what is written are two things.
static READ: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// As many links as Linux follows.
const MOST_LINKS: usize = 40;

/// Forgets what an earlier run in this process has read.
pub(crate) fn forget() {
    READ.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

/// Remembers what is read. What is not there is passed over: reading it says so.
pub(crate) fn note<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) {
    let present = paths.into_iter().filter_map(|path| path.as_ref().canonicalize().ok());
    let present = present.filter(|path| path.is_file() || path.is_dir());
    READ.lock().unwrap_or_else(PoisonError::into_inner).extend(present);
}

/// Refuses a place for a result that is a file that is read, or in a folder that is read: the
/// folder would not be what was read any more.
pub(crate) fn refuse(output: &Path) -> Outcome {
    let Some(place) = place(output) else { return Ok(()) };
    if fs::metadata(&place).is_ok_and(|present| !present.is_file() && !present.is_dir()) {
        return Ok(());
    }
    let read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(read) = read.iter().find(|read| place.starts_with(read)) else { return Ok(()) };
    let output = text::path(output);
    let message = match *read == place {
        true => format!("{output} is read and cannot be written, too: name another file"),
        false => format!(
            "{output} is in the folder {}, which is read and cannot be written, too: name another \
             place",
            text::path(read)
        ),
    };
    Err(Failure::new(ErrorClass::Misuse, message))
}

/// Where a path leads, also if nothing is there yet. `None`: nowhere.
fn place(path: &Path) -> Option<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        if let Ok(present) = path.canonicalize() {
            return Some(present);
        }
        let Ok(target) = fs::read_link(&path) else { break };
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new(".")).canonicalize().ok()?;
    Some(folder.join(path.file_name()?))
}
