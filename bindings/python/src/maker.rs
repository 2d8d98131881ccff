//! Making patches: in a thread of its own, while the caller's waits for signals and calls back.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::Arc;
use std::time::{Duration, Instant};

use flashdelta::diff::{DeviceProfile, DiffError, DiffOptions, DiffProgress, Phase, Report};
use flashdelta::{Codec, Identity, InstructionSet};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::engine::Made;
use crate::source::Source;
use crate::watch::{INTERVAL, PANICKED};
use crate::{engine, errors};

/// How long a cancelled maker may take to notice. Afterwards it is left to itself: it ends at its next step, and nobody waits for it.
const GRACE: Duration = Duration::from_millis(200);

/// Progress by less than this is not worth a call.
const STEPS: f32 = 500.0;

/// A `DeviceProfile` of Python's.
#[derive(FromPyObject)]
pub(crate) struct Profile {
    name: String,
    ram: u32,
    sector: u32,
    page: u32,
    codecs: Vec<String>,
    isas: Vec<String>,
}

impl Profile {
    fn to_rust(&self, py: Python<'_>) -> PyResult<DeviceProfile> {
        let mut profile = DeviceProfile::default();
        profile.name.clone_from(&self.name);
        (profile.ram, profile.sector, profile.page) = (self.ram, self.sector, self.page);
        profile.codecs = self.codecs.iter().map(|name| codec(py, name)).collect::<PyResult<_>>()?;
        profile.isas = self.isas.iter().map(|name| isa(py, name)).collect::<PyResult<_>>()?;
        Ok(profile)
    }
}

/// An `Identity` of Python's.
#[derive(FromPyObject)]
pub(crate) struct IdentityFields {
    product: u32,
    hardware_from: u16,
    hardware_to: u16,
    security_counter: u32,
}

fn codec(py: Python<'_>, name: &str) -> PyResult<Codec> {
    name.parse().map_err(|error| errors::option(py, &format!("codec {name:?}: {error}")))
}

fn isa(py: Python<'_>, name: &str) -> PyResult<InstructionSet> {
    name.parse().map_err(|error| errors::option(py, &format!("isa {name:?}: {error}")))
}

/// What the maker's thread has to say.
enum Message {
    Progress(DiffProgress),
    /// The inputs come back: they are let go before the caller goes on, who may want to resize them.
    Done(Box<Result<Made, DiffError>>, [Source; 2]),
}

/// Makes a patch; gives its bytes and the fields of the report, if there is one.
#[pyfunction]
#[allow(clippy::too_many_arguments)] // As Python's own function, whose defaults have been filled in.
pub(crate) fn diff<'py>(
    py: Python<'py>,
    old: &Bound<'py, PyAny>,
    new: &Bound<'py, PyAny>,
    profile: Profile,
    codec: Option<&str>,
    isa: Option<&str>,
    base: Option<u32>,
    identity: Option<IdentityFields>,
    effort: u8,
    threads: usize,
    verbatim: bool,
    progress: Option<&Bound<'py, PyAny>>,
) -> PyResult<(Bound<'py, PyBytes>, Option<Bound<'py, PyDict>>)> {
    let mut options = DiffOptions::new().profile(profile.to_rust(py)?).effort(effort).threads(threads);
    options = options.codec(codec.map(|name| self::codec(py, name)).transpose()?);
    options = options.isa(isa.map(|name| self::isa(py, name)).transpose()?);
    if let Some(base) = base {
        options = options.base(base);
    }
    if let Some(IdentityFields { product, hardware_from, hardware_to, security_counter }) = identity {
        options = options.identity(Identity { product, hardware_from, hardware_to, security_counter });
    }
    let read = if verbatim { Source::of } else { Source::of_input };
    let inputs = [read(old, "old")?, read(new, "new")?];
    let (bytes, made) = Making::start(py, inputs, options, verbatim, progress.is_some())?.wait(py, progress)?;
    Ok((PyBytes::new(py, &bytes), made.map(|made| report(py, &made)).transpose()?))
}

/// A maker at work.
struct Making {
    messages: Receiver<Message>,
    cancelled: Arc<AtomicBool>,
}

impl Making {
    fn start(
        py: Python<'_>,
        inputs: [Source; 2],
        options: DiffOptions,
        verbatim: bool,
        reports: bool,
    ) -> PyResult<Self> {
        let (sender, messages) = mpsc::channel();
        let cancelled = Arc::new(AtomicBool::new(false));
        let options = options.progress(reporter(Arc::clone(&cancelled), reports.then(|| sender.clone())));
        let work = move || {
            let [old, new] = &inputs;
            let result = engine::diff(old, new, &options, verbatim);
            // Nobody listens if the caller has gone on; then the inputs are let go here.
            let _ = sender.send(Message::Done(Box::new(result), inputs));
        };
        let thread = std::thread::Builder::new().name("flashdelta-diff".to_owned()).spawn(work);
        thread.map_err(|error| errors::internal(py, &format!("cannot start a thread: {error}")))?;
        Ok(Self { messages, cancelled })
    }

    /// Until it is done; or until a signal handler or the callback raises, or the callback returns `False`.
    fn wait(mut self, py: Python<'_>, progress: Option<&Bound<'_, PyAny>>) -> PyResult<Made> {
        let report = |phase: &str, fraction: f32| -> PyResult<()> {
            match progress.map(|progress| progress.call1((phase, fraction))).transpose()? {
                Some(answer) if answer.is(&*pyo3::types::PyBool::new(py, false)) => Err(errors::cancelled(py)),
                _ => Ok(()),
            }
        };
        let messages = &mut self.messages;
        let mut last = ("match", 0.0);
        let mut run = || {
            report(last.0, last.1)?;
            loop {
                py.check_signals()?;
                match py.detach(|| receive(messages)) {
                    Ok(Message::Progress(at)) => {
                        last = (phase(at.phase), at.fraction);
                        report(last.0, last.1)?;
                    }
                    Ok(Message::Done(result, inputs)) => {
                        drop(inputs);
                        let patch = result.map_err(|error| errors::diff(py, &error))?;
                        report("done", 1.0)?;
                        return Ok(patch);
                    }
                    // The callback may want to give up, although there is nothing new to tell.
                    Err(RecvTimeoutError::Timeout) => report(last.0, last.1)?,
                    Err(RecvTimeoutError::Disconnected) => {
                        return Err(errors::internal(py, PANICKED));
                    }
                }
            }
        };
        let result = run();
        if result.is_err() {
            self.cancelled.store(true, Ordering::Relaxed);
            py.detach(|| drain(self.messages));
        }
        result
    }
}

/// The next message, within the interval. It takes `&mut`, since a `Receiver` may be sent to another thread, but not shared.
fn receive(messages: &mut Receiver<Message>) -> Result<Message, RecvTimeoutError> {
    messages.recv_timeout(INTERVAL)
}

/// Waits for the end of a cancelled maker, but not for long.
fn drain(messages: Receiver<Message>) {
    let deadline = Instant::now() + GRACE;
    while let Ok(Message::Progress(_)) = messages.recv_timeout(deadline.saturating_duration_since(Instant::now())) {}
}

/// What the maker calls, in any of its threads.
fn reporter(
    cancelled: Arc<AtomicBool>,
    reports: Option<Sender<Message>>,
) -> impl Fn(DiffProgress) -> ControlFlow<()> + Send + Sync {
    let step = AtomicU32::new(0);
    move |at| {
        if let Some(reports) = &reports {
            let now = (at.fraction * STEPS) as u32;
            // One message for each step, whichever thread comes to it first.
            if step.fetch_max(now, Ordering::Relaxed) < now {
                let _ = reports.send(Message::Progress(at));
            }
        }
        if cancelled.load(Ordering::Relaxed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Match => "match",
        Phase::Parse => "parse",
        _ => "encode",
    }
}

/// The fields of a `Report`.
fn report<'py>(py: Python<'py>, report: &Report) -> PyResult<Bound<'py, PyDict>> {
    let fields = PyDict::new(py);
    let parts = PyDict::new(py);
    for part in &report.parts {
        parts.set_item(part.name, part.bytes)?;
    }
    let seconds = PyDict::new(py);
    for (at, time) in &report.phases {
        seconds.set_item(phase(*at), time.as_secs_f64())?;
    }
    let tried: Vec<_> = report.tried.iter().map(|t| (t.codec.name(), t.isa.name(), t.bytes)).collect();
    fields.set_item("parts", parts)?;
    fields.set_item("copies_from_old", report.copies_from_old)?;
    fields.set_item("copies_from_new", report.copies_from_new)?;
    fields.set_item("bytes_from_old", report.bytes_from_old)?;
    fields.set_item("bytes_from_new", report.bytes_from_new)?;
    fields.set_item("literals", report.literals)?;
    fields.set_item("tried", tried)?;
    fields.set_item("seconds", seconds)?;
    Ok(fields)
}
