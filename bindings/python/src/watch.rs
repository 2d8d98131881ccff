//! Ctrl-C while the library is at work without the GIL.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use pyo3::prelude::*;

use crate::errors;

/// How often to look. Looking takes the GIL, which other threads may be using.
pub(crate) const INTERVAL: Duration = Duration::from_millis(50);

/// Looks every now and then whether Python has a signal to handle; in threads other than the main one it never has.
pub(crate) struct Watch {
    next: Instant,
}

impl Watch {
    pub(crate) fn new() -> Self {
        Self { next: Instant::now() + INTERVAL }
    }

    /// Work starts again after a pause, in which Python has seen to its signals itself.
    pub(crate) fn restart(&mut self) {
        *self = Self::new();
    }

    /// The exception that a signal handler raised, usually `KeyboardInterrupt`.
    pub(crate) fn check(&mut self) -> PyResult<()> {
        if Instant::now() < self.next {
            return Ok(());
        }
        let result = Python::attach(|py| py.check_signals());
        self.restart();
        result
    }
}

/// Runs work that cannot be interrupted in a thread of its own. If a signal handler raises, nobody waits for its end.
pub(crate) fn in_background<T: Send + 'static>(
    py: Python<'_>,
    work: impl FnOnce() -> T + Send + 'static,
) -> PyResult<T> {
    let (sender, result) = mpsc::channel();
    let run = move || {
        let _ = sender.send(work());
    };
    let thread = std::thread::Builder::new().name("flashdelta".to_owned()).spawn(run);
    thread.map_err(|error| errors::internal(py, &format!("cannot start a thread: {error}")))?;
    // A `Receiver` may be sent to another thread, but not shared.
    let mut result = result;
    let mut wait = |py: Python<'_>| {
        let result = &mut result;
        py.detach(move || result.recv_timeout(INTERVAL))
    };
    loop {
        match wait(py) {
            Ok(result) => return Ok(result),
            Err(RecvTimeoutError::Timeout) => py.check_signals()?,
            Err(RecvTimeoutError::Disconnected) => return Err(errors::internal(py, PANICKED)),
        }
    }
}

/// What to say about a thread that is gone.
pub(crate) const PANICKED: &str =
    "flashdelta has panicked: this is a bug, please report it, with the images and the patch if you can";
