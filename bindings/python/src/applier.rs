//! Applying patches.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, TryLockError};

use flashdelta::apply::{ApplyOptions, Progress};
use flashdelta::bundle;
use flashdelta::door::{self, Applied, ApplyRequest, PatchError};
use flashdelta::file::Output;
use flashdelta::holes::Values;
use flashdelta::sign::TrustedKeys;
use flashdelta::update::holes::WithValues;
use flashdelta::verify::Verifier;
use flashdelta::{DeviceIdentity, Input};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict};

use crate::engine::{Push, PushConditions};
use crate::holes::{values, ValueFields};
use crate::sign::trusted;
use crate::source::{read_old, read_whole, Given, Source};
use crate::target::{New, Old};
use crate::watch::{unwatched, Watch};
use crate::{errors, patch};

/// A `DeviceIdentity` of Python's.
#[derive(FromPyObject)]
pub(crate) struct DeviceFields {
    product: u32,
    hardware: u16,
    security_counter: u32,
}

impl DeviceFields {
    pub(crate) fn identity(self) -> DeviceIdentity {
        let Self { product, hardware, security_counter } = self;
        DeviceIdentity { product, hardware, security_counter }
    }
}

/// How a patch is applied: the keyword arguments of Python's own functions.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct ApplyFields {
    format: String,
    device: Option<DeviceFields>,
    ram: Option<u32>,
    limit: Option<u32>,
    /// Public keys in PEM: one of them must have signed the patch. None: a signature is not needed.
    keys: Vec<String>,
    /// Values for holes.
    values: ValueFields,
    progress: Option<Py<PyAny>>,
}

impl ApplyFields {
    fn parse(self, py: Python<'_>) -> PyResult<(Conditions, Reporter)> {
        let Some(output) = Output::named(&self.format) else {
            let message = format!(
                "no such format: {:?}; choose one of {}",
                self.format,
                Output::NAMES.join(", ")
            );
            return Err(errors::option(py, &message));
        };
        let conditions = Conditions {
            output,
            device: self.device.map(DeviceFields::identity),
            ram: self.ram,
            limit: self.limit,
            keys: trusted(py, &self.keys)?,
            values: values(py, self.values)?,
        };
        Ok((conditions, Reporter { callback: self.progress, ..Reporter::default() }))
    }
}

/// What is asked of a patch.
struct Conditions {
    output: Output,
    device: Option<DeviceIdentity>,
    ram: Option<u32>,
    limit: Option<u32>,
    keys: Option<TrustedKeys>,
    values: Values,
}

impl Conditions {
    fn request(&mut self) -> ApplyRequest<'_> {
        ApplyRequest::new()
            .output(self.output)
            .device(self.device)
            .ram(self.ram)
            .limit(self.limit)
            .values(std::mem::take(&mut self.values))
            .require_signature(self.keys.as_mut().map(|keys| keys as &mut dyn Verifier))
    }
}

/// Looks for signals, and calls back, now and then.
#[derive(Default)]
struct Reporter {
    callback: Option<Py<PyAny>>,
    watch: Watch,
    /// What the last call said was written, and whether that was all.
    last: Option<(u32, bool)>,
    /// What the callback or a signal handler raised.
    raised: Option<PyErr>,
}

impl Reporter {
    /// What the library calls.
    fn watch(&mut self, progress: Progress) -> ControlFlow<()> {
        match self.watch.check().and_then(|()| self.report(progress)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.raised = Some(error);
                ControlFlow::Break(())
            }
        }
    }

    fn report(&mut self, progress: Progress) -> PyResult<()> {
        let Some(callback) = &self.callback else { return Ok(()) };
        let step = progress.total / 256;
        let is_due =
            self.last.is_none_or(|(last, _)| progress.done || progress.written - last > step);
        if progress.total == 0 && !progress.done || !is_due {
            return Ok(());
        }
        self.last = Some((progress.written, progress.done));
        Python::attach(|py| {
            let answer =
                callback.bind(py).call1((progress.done, progress.written, progress.total))?;
            if answer.is(&*PyBool::new(py, false)) {
                return Err(errors::cancelled(py));
            }
            Ok(())
        })
    }

    /// What came of the work, or what was raised in its course.
    fn outcome(
        mut self,
        py: Python<'_>,
        result: Result<Applied, PatchError>,
        files: Option<[&Path; 2]>,
    ) -> PyResult<Applied> {
        let applied = match (result, self.raised.take()) {
            (Ok(applied), None) => applied,
            (_, Some(error)) => return Err(error),
            (Err(error), None) => return Err(errors::patch(py, error, files)),
        };
        if !self.last.is_some_and(|(_, done)| done) {
            let total = u32::try_from(applied.len).unwrap_or(u32::MAX);
            match self.report(Progress { done: true, written: total, total, ..Progress::default() })
            {
                // What is written cannot be given up.
                Err(error) if files.is_some() && errors::is_cancelled(py, &error) => {}
                told => told?,
            }
        }
        Ok(applied)
    }
}

/// The fields of a `PatchInfo`.
fn info_fields<'py>(
    py: Python<'py>,
    applied: &Applied,
    patch_len: usize,
) -> PyResult<Bound<'py, PyDict>> {
    match (&applied.header, &applied.bundle) {
        (Some(header), _) => patch::header_fields(py, header),
        (None, Some(info)) => patch::bundle_fields(py, info, patch_len),
        (None, None) => Err(errors::internal(py, "a patch that is neither patch nor bundle")),
    }
}

/// Applies a patch in memory. Gives the new file and the fields of a `PatchInfo`.
#[pyfunction]
pub(crate) fn apply<'py>(
    py: Python<'py>,
    old: &Bound<'py, PyAny>,
    patch: &Bound<'py, PyAny>,
    fields: ApplyFields,
) -> PyResult<(Bound<'py, PyBytes>, Bound<'py, PyDict>)> {
    let (applied, fields) = run(old, patch, fields, door::apply)?;
    Ok((PyBytes::new(py, &applied.bytes), fields))
}

/// Applies a patch without keeping the result. Gives the fields of a `PatchInfo`.
#[pyfunction]
pub(crate) fn verify<'py>(
    old: &Bound<'py, PyAny>,
    patch: &Bound<'py, PyAny>,
    fields: ApplyFields,
) -> PyResult<Bound<'py, PyDict>> {
    Ok(run(old, patch, fields, door::verify)?.1)
}

/// Applies a patch in memory, with the fields of a `PatchInfo`.
fn run<'py>(
    old: &Bound<'py, PyAny>,
    patch: &Bound<'py, PyAny>,
    fields: ApplyFields,
    apply: fn(&Input<'_>, &[u8], ApplyRequest<'_>) -> Result<Applied, PatchError>,
) -> PyResult<(Applied, Bound<'py, PyDict>)> {
    let py = old.py();
    let (mut conditions, mut reporter) = fields.parse(py)?;
    let patch = Source::of(patch, "patch")?;
    let old = Given::of_old(old, &patch)?;
    let result = py.detach(|| {
        let mut watch = |at| reporter.watch(at);
        apply(&old.input(false), &patch, conditions.request().watch(&mut watch))
    });
    let applied = reporter.outcome(py, result, None)?;
    let fields = info_fields(py, &applied, patch.len())?;
    Ok((applied, fields))
}

/// Applies a patch from file to file; gives the fields of a `PatchInfo`.
#[pyfunction]
pub(crate) fn apply_files<'py>(
    py: Python<'py>,
    old: PathBuf,
    patch: PathBuf,
    new: PathBuf,
    fields: ApplyFields,
) -> PyResult<Bound<'py, PyDict>> {
    let (mut conditions, mut reporter) = fields.parse(py)?;
    let patch = read_whole(py, &patch)?;
    // An existing folder would be noticed only when the work is done.
    if new.is_dir() && !bundle::is_bundle(&patch) {
        let error = std::io::ErrorKind::IsADirectory.into();
        return Err(errors::io(py, "write", &new, &error));
    }
    // What is no ordinary file, but a pipe perhaps, is read first, so that Ctrl-C ends the waiting.
    let piped = match old.metadata() {
        Ok(metadata) if !metadata.is_file() && !metadata.is_dir() => {
            Some(read_old(py, &old, &patch)?)
        }
        _ => None,
    };
    let result = py.detach(|| {
        let mut watch = |at| reporter.watch(at);
        let request = conditions.request().watch(&mut watch);
        match &piped {
            Some(old) => door::apply(old, &patch, request).and_then(|made| door::write(made, &new)),
            None => door::apply_file(&old, &patch, &new, request),
        }
    });
    let applied = reporter.outcome(py, result, Some([&old, &new]))?;
    info_fields(py, &applied, patch.len())
}

const IS_BUNDLE: &str =
    "this patch is a bundle: Patch.info.bundle tells what its bytes are spent on";

/// What the bytes of a patch are spent on: the fields of a `Report`.
#[pyfunction]
pub(crate) fn explain<'py>(
    py: Python<'py>,
    old: &Bound<'py, PyAny>,
    patch: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyDict>> {
    let (old, patch) = (Source::of(old, "old")?, Source::of(patch, "patch")?);
    if bundle::is_bundle(&patch) {
        return Err(errors::option(py, IS_BUNDLE));
    }
    let explain = move || door::explain(&Input::from_bytes(&old[..]), &patch);
    let breakdown = unwatched(py, explain)?.map_err(|error| errors::patch(py, error, None))?;
    let breakdown = breakdown.ok_or_else(|| errors::option(py, IS_BUNDLE))?;
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

/// The push applier: what `flashdelta.Applier` is made of.
#[pyclass(frozen, module = "flashdelta._native")]
pub(crate) struct Feeder {
    /// `None`: finished or closed. Taken while at work: signal handlers run Python code inside
    /// `feed`.
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
        ignore_trailing: bool,
        keys: Vec<String>,
        given: ValueFields,
    ) -> PyResult<Self> {
        let keys = trusted(old.py(), &keys)?;
        let values = values(old.py(), given)?;
        let old = Old::of(old)?;
        let new = New::of(new, &old)?;
        let mut options = ApplyOptions::default().ignore_trailing(ignore_trailing);
        if let Some(device) = device {
            options = options.device(device.identity());
        }
        let push =
            Push::new(WithValues::new(old, values), new, PushConditions { options, ram }, keys);
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

    /// Ends the update, which gives a file its name: the new image, if it was kept in memory.
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
        header.map(|header| patch::header_fields(py, &header)).transpose()
    }
}

impl Feeder {
    /// One thread at a time: the order of the pieces is the caller's business, so there is nothing
    /// to wait for.
    fn lock(&self, py: Python<'_>) -> PyResult<std::sync::MutexGuard<'_, Option<Push>>> {
        match self.push.try_lock() {
            Ok(guard) => Ok(guard),
            Err(TryLockError::WouldBlock) => Err(errors::misuse(
                py,
                "busy",
                "another thread is feeding this Applier: feed it from one thread at a time",
            )),
            Err(TryLockError::Poisoned(_)) => {
                Err(errors::internal(py, "the applier has panicked: please report it"))
            }
        }
    }
}

fn closed(py: Python<'_>) -> PyErr {
    errors::misuse(py, "closed", "this Applier is finished or closed: start again with a new one")
}
