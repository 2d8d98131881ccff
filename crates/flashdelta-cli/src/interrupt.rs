//! Ctrl-C: long work ends at the next opportunity, and tidies up behind itself. The second one ends
//! the program at once.

use core::ops::ControlFlow;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::sync::{Mutex, PoisonError};

use flashdelta::ErrorClass;

use crate::failure::Failure;
use crate::progress;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Whether there is nothing to tidy up. Locked while the program ends, so that the answer stays
/// true.
static NOTHING_WRITTEN: Mutex<bool> = Mutex::new(false);

/// How long work that has written nothing may take to notice. The maker's steps take seconds for
/// images of some megabytes.
const PATIENCE: Duration = Duration::from_millis(200);

/// Watches out from now on. Without it (no handler could be installed) Ctrl-C does what the system
/// does. `json`: failures are told to machines, too.
pub(crate) fn watch(json: bool) {
    let _ = ctrlc::set_handler(move || {
        if INTERRUPTED.swap(true, Ordering::Relaxed) {
            std::process::exit(ErrorClass::Cancelled.exit_code().into());
        }
        std::thread::sleep(PATIENCE);
        let nothing_written = NOTHING_WRITTEN.lock().unwrap_or_else(PoisonError::into_inner);
        if *nothing_written {
            progress::erase();
            std::process::exit(Failure::interrupted().report(json).exit_code().into());
        }
    });
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
    let set = |value| {
        let mut is_so = NOTHING_WRITTEN.lock().unwrap_or_else(PoisonError::into_inner);
        core::mem::replace(&mut *is_so, value)
    };
    let before = set(true);
    let result = work();
    set(before);
    result
}
