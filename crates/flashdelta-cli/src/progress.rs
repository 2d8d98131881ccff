//! A progress bar on standard error, if that is a terminal and the work takes long enough to
//! wonder.

use core::time::Duration;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Mutex;
use std::time::Instant;

use flashdelta::diff::Phase;

/// Work that is done by then shows no bar.
const PATIENCE: Duration = Duration::from_millis(400);
const INTERVAL: Duration = Duration::from_millis(100);
const WIDTH: usize = 30;
/// Back to the start of the line, which is erased.
const ERASE: &str = "\r\x1b[K";

/// What the maker is doing.
pub(crate) fn doing(phase: Phase) -> &'static str {
    match phase {
        Phase::Match => "matching",
        Phase::Parse => "choosing",
        Phase::Encode => "coding",
        _ => "working",
    }
}

/// Erases the line that a bar may be in.
pub(crate) fn erase() {
    if io::stderr().is_terminal() {
        let _ = write!(io::stderr(), "{ERASE}");
    }
}

/// A bar. It may be updated from several threads; it goes away when it is dropped.
pub(crate) struct Bar {
    /// When to draw next; `None`: never.
    next: Mutex<Option<Instant>>,
    start: Instant,
}

impl Bar {
    /// A bar that shows only on a terminal, and not if `quiet`.
    pub(crate) fn new(quiet: bool) -> Self {
        let start = Instant::now();
        let shown = !quiet && io::stderr().is_terminal();
        Self { next: Mutex::new(shown.then(|| start + PATIENCE)), start }
    }

    /// `fraction` of the work is done, 0 to 1; `doing` says what is going on.
    pub(crate) fn update(&self, doing: &str, fraction: f32) {
        // Another thread is drawing: this one need not.
        let Ok(mut next) = self.next.try_lock() else { return };
        let now = Instant::now();
        if next.is_some_and(|next| now >= next) {
            *next = Some(now + INTERVAL);
            let done = (fraction.clamp(0.0, 1.0) * WIDTH as f32) as usize;
            let bar = "#".repeat(done) + &"-".repeat(WIDTH - done);
            let seconds = (now - self.start).as_secs();
            // Without a terminal there is no bar.
            let _ = write!(
                io::stderr(),
                "{ERASE}{doing:<10} [{bar}] {:3.0} %  {seconds} s",
                fraction * 100.0
            );
        }
    }

    /// Erases the bar; it does not come back.
    pub(crate) fn clear(&self) {
        if let Ok(mut next) = self.next.lock() {
            if next.take().is_some_and(|next| next > self.start + PATIENCE) {
                let _ = write!(io::stderr(), "{ERASE}");
            }
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.clear();
    }
}
