//! Ctrl-C, progress and cancellation while the library is at work without the GIL.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pyo3::prelude::*;

use crate::errors;

/// How often to look. Looking takes the GIL, which other threads may be using.
const INTERVAL: Duration = Duration::from_millis(50);

/// How long cancelled work may take to notice. Afterwards it is left to itself: it ends at its next
/// step, and nobody waits for it.
const GRACE: Duration = Duration::from_millis(100);

/// Progress by less than one part of this many is not worth a call.
const STEPS: f32 = 500.0;

/// Looks every now and then whether Python has a signal to handle; in threads other than the main
/// one it never has.
pub(crate) struct Watch {
    next: Instant,
}

impl Default for Watch {
    fn default() -> Self {
        Self { next: Instant::now() + INTERVAL }
    }
}

impl Watch {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// The exception that a signal handler raised, usually `KeyboardInterrupt`.
    pub(crate) fn check(&mut self) -> PyResult<()> {
        if Instant::now() < self.next {
            return Ok(());
        }
        let result = Python::attach(|py| py.check_signals());
        *self = Self::new();
        result
    }
}

/// What work in the background calls: it tells how far it is, if that is news, and hears whether to
/// go on.
pub(crate) type Report<P> = Arc<dyn Fn(Option<P>) -> ControlFlow<()> + Send + Sync>;

/// What comes from the background.
enum Message<P, T> {
    Progress(P),
    Done(T),
}

/// Runs work in a thread of its own, while this one waits for signals and calls back. `on_progress`
/// is called with what is reported, and with `None` every now and then. If it fails, or a signal
/// handler raises, the work is told to stop, and nobody waits for its end.
pub(crate) fn in_background<P: Send + 'static, T: Send + 'static>(
    py: Python<'_>,
    work: impl FnOnce(Report<P>) -> T + Send + 'static,
    mut on_progress: impl FnMut(Option<P>) -> PyResult<()>,
) -> PyResult<T> {
    let (sender, mut messages) = mpsc::channel();
    let cancelled = Arc::new(AtomicBool::new(false));
    let (reports, asked) = (sender.clone(), Arc::clone(&cancelled));
    let report: Report<P> = Arc::new(move |news| {
        if let Some(news) = news {
            // Nobody listens if the caller has gone on.
            let _ = reports.send(Message::Progress(news));
        }
        match asked.load(Ordering::Relaxed) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    });
    let run = move || {
        let _ = sender.send(Message::Done(work(report)));
    };
    let thread = std::thread::Builder::new().name("flashdelta".to_owned()).spawn(run);
    thread.map_err(|error| errors::internal(py, &format!("cannot start a thread: {error}")))?;
    let result = wait(py, &mut messages, &mut on_progress);
    if result.is_err() {
        cancelled.store(true, Ordering::Relaxed);
        py.detach(|| drain(messages));
    }
    result
}

/// Runs work in a thread of its own that cannot tell how far it is, nor be stopped. After Ctrl-C
/// nobody waits for its end.
pub(crate) fn unwatched<T: Send + 'static>(
    py: Python<'_>,
    work: impl FnOnce() -> T + Send + 'static,
) -> PyResult<T> {
    in_background::<(), T>(py, |_| work(), |_| Ok(()))
}

fn wait<P: Send, T: Send>(
    py: Python<'_>,
    messages: &mut Receiver<Message<P, T>>,
    on_progress: &mut dyn FnMut(Option<P>) -> PyResult<()>,
) -> PyResult<T> {
    loop {
        py.check_signals()?;
        // By `&mut`, since a `Receiver` may be sent to another thread, but not shared.
        let receiver = &mut *messages;
        match py.detach(move || receiver.recv_timeout(INTERVAL)) {
            Ok(Message::Progress(news)) => on_progress(Some(news))?,
            Ok(Message::Done(result)) => return Ok(result),
            // The callback may want to give up, although there is nothing new to tell.
            Err(RecvTimeoutError::Timeout) => on_progress(None)?,
            Err(RecvTimeoutError::Disconnected) => {
                let message = "flashdelta has panicked: this is a bug, please report it, with the \
                               images and the patch if you can";
                return Err(errors::internal(py, message));
            }
        }
    }
}

/// Waits for the end of cancelled work, but not for long.
fn drain<P, T>(messages: Receiver<Message<P, T>>) {
    let deadline = Instant::now() + GRACE;
    while let Ok(Message::Progress(_)) =
        messages.recv_timeout(deadline.saturating_duration_since(Instant::now()))
    {}
}

/// Which progress is worth a message.
#[derive(Default)]
pub(crate) struct Steps(AtomicU32);

impl Steps {
    /// True once for each step, for the thread that comes to it first.
    pub(crate) fn is_due(&self, fraction: f32) -> bool {
        let now = (fraction * STEPS) as u32;
        self.0.fetch_max(now, Ordering::Relaxed) < now
    }
}
