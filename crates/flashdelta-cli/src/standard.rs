//! Standard output itself.

use core::sync::atomic::{AtomicBool, Ordering};
use std::io::{self, Write as _};

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
    if WAS_CLOSED.load(Ordering::Relaxed) || is_closed() {
        return Err(io::Error::other("it is closed"));
    }
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush())
}
