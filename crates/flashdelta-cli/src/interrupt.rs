//! Ctrl-C: long work ends at the next opportunity, and tidies up. The second one ends
//! the program at once.

use core::ops::ControlFlow;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::sync::mpsc;
use std::thread;

use flashdelta::ErrorClass;

use crate::doing::{self, Doing};
use crate::failure::Failure;
use crate::progress;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

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
            // Locked while the program ends, so that the answer stays true.
            let doing = doing::now();
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
