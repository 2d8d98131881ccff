//! Ctrl-C while the library is at work without the GIL.

use std::time::{Duration, Instant};

use pyo3::prelude::*;

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
