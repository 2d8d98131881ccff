//! Applying patches.

use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, TryLockError};

use flashdelta::apply::{ApplyOptions, OutOfBounds, Progress};
use flashdelta::DeviceIdentity;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict};

use crate::engine::{self, ApplyError, Push};
use crate::source::Source;
use crate::target::{Fault, New, Old};
use crate::watch::in_background;
use crate::{errors, patch};

/// A `DeviceIdentity` of Python's.
#[derive(FromPyObject)]
pub(crate) struct DeviceFields {
    product: u32,
    hardware: u16,
    security_counter: u32,
}

fn options(device: Option<DeviceFields>) -> ApplyOptions {
    let options = ApplyOptions::default();
    match device {
        Some(DeviceFields { product, hardware, security_counter }) => {
            options.device(DeviceIdentity { product, hardware, security_counter })
        }
        None => options,
    }
}

/// Calls back now and then.
struct Reporter<'a> {
    callback: Option<&'a Py<PyAny>>,
    /// What the last call said was written.
    last: Option<u32>,
}

impl Reporter<'_> {
    fn report(&mut self, progress: Progress) -> PyResult<()> {
        let Some(callback) = self.callback else { return Ok(()) };
        let step = progress.total / 256;
        let is_due = self.last.is_none_or(|last| progress.done || progress.written - last > step);
        if progress.total == 0 && !progress.done || !is_due {
            return Ok(());
        }
        self.last = Some(progress.written);
        Python::attach(|py| {
            let answer = callback.bind(py).call1((progress.done, progress.written, progress.total))?;
            if answer.is(&*PyBool::new(py, false)) {
                return Err(errors::cancelled(py));
            }
            Ok(())
        })
    }
}

/// Applies a patch in memory. Without `keep`: only to see whether it works. Gives the new image and the fields of a `PatchInfo`.
#[pyfunction]
pub(crate) fn apply<'py>(
    py: Python<'py>,
    old: &Bound<'py, PyAny>,
    patch: &Bound<'py, PyAny>,
    device: Option<DeviceFields>,
    ram: Option<u32>,
    progress: Option<Py<PyAny>>,
) -> PyResult<(Bound<'py, PyBytes>, Bound<'py, PyDict>)> {
    let (old, patch) = (Old::of(old)?, Source::of(patch, "patch")?);
    let options = options(device);
    let result = py.detach(|| {
        let mut reporter = Reporter { callback: progress.as_ref(), last: None };
        engine::apply(&*patch, old, New::memory(), options, ram, |progress| reporter.report(progress))
    });
    let (header, new) = result.map_err(|error| errors::run(py, None, error))?;
    let new = new.into_bytes().unwrap_or_default();
    Ok((PyBytes::new(py, &new), patch::header_fields(py, &header)?))
}

/// Applies a patch from file to file; gives the fields of a `PatchInfo`.
#[pyfunction]
pub(crate) fn apply_files<'py>(
    py: Python<'py>,
    old: PathBuf,
    patch: PathBuf,
    new: PathBuf,
    device: Option<DeviceFields>,
    ram: Option<u32>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let old = Old::open(py, old)?;
    let file = File::open(&patch).map_err(|error| errors::io(py, "read", &patch, &error))?;
    let new = New::create(py, new)?;
    let options = options(device);
    let result = py.detach(|| {
        let mut reporter = Reporter { callback: progress.as_ref(), last: None };
        engine::apply(file, old, new, options, ram, |progress| reporter.report(progress))
    });
    let (header, _) = result.map_err(|error| errors::run(py, Some(&patch), error))?;
    patch::header_fields(py, &header)
}

/// What the bytes of a patch are spent on: the fields of a `Report`.
#[pyfunction]
pub(crate) fn explain<'py>(
    py: Python<'py>,
    old: &Bound<'py, PyAny>,
    patch: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyDict>> {
    let (old, patch) = (Source::of(old, "old")?, Source::of(patch, "patch")?);
    let result = in_background(py, move || flashdelta::apply::explain(&old, &patch))?;
    let breakdown = result.map_err(|error| errors::apply(py, in_memory(error)))?;
    let parts = PyDict::new(py);
    for part in &breakdown.parts {
        parts.set_item(part.name, part.bytes)?;
    }
    let fields = PyDict::new(py);
    fields.set_item("parts", parts)?;
    fields.set_item("copies_from_old", breakdown.copies_from_old)?;
    fields.set_item("copies_from_new", breakdown.copies_from_new)?;
    fields.set_item("bytes_from_old", breakdown.bytes_from_old)?;
    fields.set_item("bytes_from_new", breakdown.bytes_from_new)?;
    fields.set_item("literals", breakdown.literals)?;
    Ok(fields)
}

/// The same error, of images in memory.
fn in_memory(error: flashdelta::apply::ApplyError<OutOfBounds, OutOfBounds>) -> ApplyError {
    use flashdelta::apply::ApplyError as In;
    match error {
        In::Header(error) => ApplyError::Header(error),
        In::OldTooShort { expected, found } => ApplyError::OldTooShort { expected, found },
        In::OldMismatch { expected, found } => ApplyError::OldMismatch { expected, found },
        In::Damaged { what, offset } => ApplyError::Damaged { what, offset },
        In::Truncated { fed, expected } => ApplyError::Truncated { fed, expected },
        In::TrailingInput { expected } => ApplyError::TrailingInput { expected },
        In::NewMismatch { expected, found } => ApplyError::NewMismatch { expected, found },
        In::CodecNotBuilt { codec } => ApplyError::CodecNotBuilt { codec },
        In::InstructionSetNotBuilt { isa } => ApplyError::InstructionSetNotBuilt { isa },
        In::WorkspaceTooSmall { needed, found } => ApplyError::WorkspaceTooSmall { needed, found },
        In::ReadOld { offset, error } => ApplyError::ReadOld { offset, error: Fault::Memory(error) },
        In::ReadNew { offset, error } => ApplyError::ReadNew { offset, error: Fault::Memory(error) },
        In::Write { offset, error } => ApplyError::Write { offset, error: Fault::Memory(error) },
        In::Finish { error } => ApplyError::Finish { error: Fault::Memory(error) },
        // The rest needs a device that says what it is, or a place for the new image that is too small.
        _ => ApplyError::Poisoned,
    }
}

/// The push applier: what `flashdelta.Applier` is made of.
#[pyclass(frozen, module = "flashdelta._native")]
pub(crate) struct Feeder {
    /// `None`: finished or closed. Taken while at work: signal handlers run Python code inside `feed`.
    push: Mutex<Option<Push>>,
    progress: LastProgress,
}

/// The last progress, readable while another thread feeds.
#[derive(Default)]
struct LastProgress {
    done: AtomicBool,
    written: AtomicU32,
    total: AtomicU32,
}

impl LastProgress {
    fn set(&self, progress: Progress) {
        self.done.store(progress.done, Ordering::Release);
        self.written.store(progress.written, Ordering::Relaxed);
        self.total.store(progress.total, Ordering::Relaxed);
    }

    fn get(&self) -> (bool, u32, u32) {
        let done = self.done.load(Ordering::Acquire);
        (done, self.written.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed))
    }
}

#[pymethods]
impl Feeder {
    #[new]
    fn new(
        old: &Bound<'_, PyAny>,
        new: Option<&Bound<'_, PyAny>>,
        device: Option<DeviceFields>,
        ram: Option<u32>,
    ) -> PyResult<Self> {
        let old = Old::of(old)?;
        let new = New::of(new, &old)?;
        let push = Push::new(old, new, options(device), ram);
        Ok(Self { push: Mutex::new(Some(push)), progress: LastProgress::default() })
    }

    /// Takes the next bytes of the patch: done, written, total.
    fn feed(&self, py: Python<'_>, chunk: &Bound<'_, PyAny>) -> PyResult<(bool, u32, u32)> {
        let chunk = Source::of_buffer(chunk, "chunk")?;
        let mut guard = self.lock(py)?;
        let Some(push) = guard.as_mut() else { return Err(closed(py)) };
        let progress = py.detach(|| push.feed(&chunk)).map_err(|error| errors::push(py, error))?;
        self.progress.set(progress);
        Ok(self.progress.get())
    }

    /// Ends the update: the new image, if it was kept in memory.
    fn finish<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let Some(push) = self.lock(py)?.take() else { return Err(closed(py)) };
        let new = push.finish().map_err(|error| errors::apply(py, error))?;
        Ok(new.into_bytes().map(|bytes| PyBytes::new(py, &bytes)))
    }

    /// Gives up what is not finished.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        drop(self.lock(py)?.take());
        Ok(())
    }

    #[getter]
    fn progress(&self) -> (bool, u32, u32) {
        self.progress.get()
    }

    /// The fields of a `PatchInfo`, once the header is complete.
    fn header_fields<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let guard = self.lock(py)?;
        let header = guard.as_ref().and_then(Push::header);
        header.map(|header| patch::header_fields(py, header)).transpose()
    }
}

impl Feeder {
    /// One thread at a time: the order of the pieces is the caller's business, so there is nothing to wait for.
    fn lock(&self, py: Python<'_>) -> PyResult<std::sync::MutexGuard<'_, Option<Push>>> {
        match self.push.try_lock() {
            Ok(guard) => Ok(guard),
            Err(TryLockError::WouldBlock) => Err(errors::misuse(
                py,
                "busy",
                "another thread is feeding this Applier: feed it from one thread at a time",
            )),
            Err(TryLockError::Poisoned(_)) => Err(errors::internal(py, "the applier has panicked: please report it")),
        }
    }
}

fn closed(py: Python<'_>) -> PyErr {
    errors::misuse(py, "closed", "this Applier is finished or closed: start again with a new one")
}
