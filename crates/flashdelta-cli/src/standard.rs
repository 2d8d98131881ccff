//! Standard output itself.

use core::sync::atomic::{AtomicBool, Ordering};
#[cfg(unix)]
use std::fs::{self, File, Metadata};
use std::io::{self, Write as _};
use std::path::Path;

/// Standard input, or standard output, where a path may be.
pub(crate) const STANDARD: &str = "-";

/// Whether standard output was closed (`>&-`) when the process began.
static WAS_CLOSED: AtomicBool = AtomicBool::new(false);

/// Looks whether standard output is closed. Before `main` opens `/dev/null` in its place the
/// answer is the right one.
pub(crate) fn look() {
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
pub(crate) fn write(bytes: &[u8]) -> io::Result<()> {
    with(|| io::stdout().lock().write_all(bytes))
}

/// The same of what writes by itself.
pub(crate) fn with(write: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    if WAS_CLOSED.load(Ordering::Relaxed) || is_closed() {
        return Err(io::Error::other("it is closed"));
    }
    write().and_then(|()| io::stdout().lock().flush())
}

/// Whether what is at a path is standard output: `/dev/stdout`, or the file that it goes to. Of
/// `/dev/null` nothing can be mixed up.
#[cfg(unix)]
pub(crate) fn is(path: &Path) -> bool {
    use std::os::fd::AsFd as _;
    use std::os::unix::fs::MetadataExt as _;
    let id = |found: io::Result<Metadata>| found.ok().map(|found| (found.dev(), found.ino()));
    let handle = io::stdout().as_fd().try_clone_to_owned();
    let standard = id(handle.and_then(|handle| File::from(handle).metadata()));
    standard.is_some()
        && standard == id(fs::metadata(path))
        && standard != id(fs::metadata("/dev/null"))
}

#[cfg(not(unix))]
pub(crate) fn is(_: &Path) -> bool {
    false
}
