//! Ctrl-C: long work ends at the next opportunity, and tidies up. The second one ends
//! the program at once.

use core::ops::ControlFlow;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::sync::{mpsc, Mutex, PoisonError, TryLockError};
use std::thread;

use flashdelta::ErrorClass;

use crate::failure::Failure;
use crate::progress;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// What is going on. Locked while the program ends, so that the answer stays true.
static DOING: Mutex<Doing> = Mutex::new(Doing::Work);

/// Whether it can be broken off.
#[derive(Clone, Copy)]
enum Doing {
    /// Not here: it looks for itself whether it is to go on, and tidies up.
    Work,
    /// Anywhere: nothing is written, so there is nothing to tidy up.
    Reading,
    /// Anywhere: a pipe has what it has, and nobody may ever read the rest.
    Sending,
    /// In work that says something: nobody may ever read it.
    Saying,
}

/// How long work that can be broken off may take to notice by itself. The maker's steps take
/// seconds for images of some megabytes.
const PATIENCE: Duration = Duration::from_millis(200);

/// Watches out from now on. Without it (no handler could be installed) Ctrl-C does what the system
/// does. `json`: failures are told to machines, too.
pub(crate) fn watch(json: bool) {
    let _ = ctrlc::set_handler(move || {
        if INTERRUPTED.swap(true, Ordering::Relaxed) {
            exit();
        }
        // The second Ctrl-C comes to this handler, so that another thread has to wait.
        let _ = thread::Builder::new().spawn(move || loop {
            thread::sleep(PATIENCE);
            let doing = DOING.lock().unwrap_or_else(PoisonError::into_inner);
            match *doing {
                Doing::Work => {}
                Doing::Reading => end(Failure::interrupted(), json),
                Doing::Sending => {
                    let message = "interrupted: the output is not complete";
                    end(Failure::new(ErrorClass::Cancelled, message), json);
                }
                Doing::Saying => end(Failure::new(ErrorClass::Cancelled, "interrupted"), json),
            }
        });
    });
}

/// Says why, and ends the program. Standard output and standard error may be pipes that nobody
/// reads: it ends all the same.
fn end(why: Failure, json: bool) -> ! {
    let (told, wait) = mpsc::channel();
    let _ = thread::Builder::new().spawn(move || {
        progress::erase();
        why.report(json);
        let _ = told.send(());
    });
    let _ = wait.recv_timeout(PATIENCE);
    exit()
}

fn exit() -> ! {
    std::process::exit(ErrorClass::Cancelled.exit_code().into())
}

/// Whether there was a Ctrl-C.
fn requested() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// Whether work is to go on.
pub(crate) fn flow() -> ControlFlow<()> {
    match requested() {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    }
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
    let set = |doing| {
        let mut now = DOING.lock().unwrap_or_else(PoisonError::into_inner);
        core::mem::replace(&mut *now, doing)
    };
    let before = set(doing);
    let result = work();
    set(before);
    result
}
