//! Ctrl-C: long work ends at the next opportunity, and tidies up behind itself. The second one ends the program at once.

use core::sync::atomic::{AtomicBool, Ordering};

use crate::failure::Class;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Watches out from now on. Without it (no handler could be installed) Ctrl-C does what the system does.
pub(crate) fn watch() {
    let _ = ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::Relaxed) {
            std::process::exit(Class::Interrupted as i32);
        }
    });
}

/// Was there a Ctrl-C?
pub(crate) fn requested() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}
