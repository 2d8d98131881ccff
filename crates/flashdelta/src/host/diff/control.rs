//! Progress, cancellation, and time.

use core::ops::ControlFlow;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::time::Duration;
use std::sync::Mutex;
use std::time::Instant;

use super::error::DiffError;
use super::options::{DiffOptions, DiffProgress, Phase};

/// Watches over one run of the maker.
pub(crate) struct Control<'a> {
    options: &'a DiffOptions,
    cancelled: AtomicBool,
    done: AtomicU64,
    total: u64,
    phases: Mutex<Vec<(Phase, Duration)>>,
}

impl<'a> Control<'a> {
    /// A run whose work is `total` in units of the caller's choosing.
    pub(crate) fn new(options: &'a DiffOptions, total: u64) -> Self {
        Self {
            options,
            cancelled: AtomicBool::new(false),
            done: AtomicU64::new(0),
            total: total.max(1),
            phases: Mutex::new(Vec::new()),
        }
    }

    /// `work` more is done.
    pub(crate) fn advance(&self, phase: Phase, work: u64) -> Result<(), DiffError> {
        let done = self.done.fetch_add(work, Ordering::Relaxed) + work;
        if let Some(callback) = &self.options.progress {
            let fraction = (done as f64 / self.total as f64).min(1.0) as f32;
            if callback(DiffProgress { phase, fraction }) == ControlFlow::Break(()) {
                self.cancelled.store(true, Ordering::Relaxed);
            }
        }
        if self.cancelled.load(Ordering::Relaxed) {
            Err(DiffError::Cancelled)
        } else {
            Ok(())
        }
    }

    /// Runs a part of the work on the clock, where there is one.
    pub(crate) fn time<T>(&self, phase: Phase, work: impl FnOnce() -> T) -> T {
        // WebAssembly has no clock of its own: to ask for the time would be a panic.
        let start = (!cfg!(target_family = "wasm")).then(Instant::now);
        let result = work();
        let Some(took) = start.map(|start| start.elapsed()) else { return result };
        if let Ok(mut phases) = self.phases.lock() {
            match phases.iter_mut().find(|(p, _)| *p == phase) {
                Some((_, sum)) => *sum += took,
                None => phases.push((phase, took)),
            }
        }
        result
    }

    /// Time by phase.
    pub(crate) fn into_phases(self) -> Vec<(Phase, Duration)> {
        self.phases.into_inner().unwrap_or_default()
    }
}
