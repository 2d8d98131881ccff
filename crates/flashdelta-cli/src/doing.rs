//! What the program is doing: whether it can be broken off there.

use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

static DOING: Mutex<Doing> = Mutex::new(Doing::Work);

/// Whether it can be broken off.
#[derive(Clone, Copy)]
pub(crate) enum Doing {
    /// Not here: it looks for itself whether it is to go on, and tidies up.
    Work,
    /// Anywhere: nothing is written, so there is nothing to tidy up.
    Reading,
    /// Anywhere: a pipe has what it has, and nobody may ever read the rest.
    Sending,
    /// In work that says something: nobody may ever read it.
    Saying,
}

/// What is going on. It stays so for as long as this is held.
pub(crate) fn now() -> MutexGuard<'static, Doing> {
    DOING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does work that writes nothing: Ctrl-C may end the program in its middle.
pub(crate) fn while_nothing_is_written<T>(work: impl FnOnce() -> T) -> T {
    meanwhile(Doing::Reading, work)
}

/// Writes to a pipe, a device or standard output, where nothing can be tidied up: Ctrl-C may end
/// the program in its middle.
pub(crate) fn while_sending<T>(work: impl FnOnce() -> T) -> T {
    meanwhile(Doing::Sending, work)
}

/// Says something while there may be something to tidy up: Ctrl-C may end the program all the same,
/// since standard error may be a pipe that nobody reads.
pub(crate) fn while_saying(say: impl FnOnce()) {
    match DOING.try_lock() {
        // The program is ending, and this is what it says last.
        Err(TryLockError::WouldBlock) => return say(),
        Err(TryLockError::Poisoned(_)) => {}
        // Work that can be broken off anywhere can be here.
        Ok(doing) if !matches!(*doing, Doing::Work) => {
            drop(doing);
            return say();
        }
        Ok(_) => {}
    }
    meanwhile(Doing::Saying, say)
}

fn meanwhile<T>(doing: Doing, work: impl FnOnce() -> T) -> T {
    let set = |doing| core::mem::replace(&mut *now(), doing);
    let before = set(doing);
    let result = work();
    set(before);
    result
}
