//! Applying patches.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, TryLockError};

use flashdelta::apply::{ApplyOptions, Progress};
use flashdelta::package::bundle::{self, folder};
use flashdelta::package::{Files, Output, PackageError};
use flashdelta::{DeviceIdentity, PatchHeader, MAX_HEADER_LEN};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict};

use crate::engine::{self, Push};
use crate::source::{read_input, Source};
use crate::target::{write_whole, New, Old};
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
    format: &str,
    device: Option<DeviceFields>,
    ram: Option<u32>,
    progress: Option<Py<PyAny>>,
) -> PyResult<(Bound<'py, PyBytes>, Bound<'py, PyDict>)> {
    let (output, patch) = (output(py, format)?, Source::of(patch, "patch")?);
    if bundle::is_bundle(&patch) {
        refuse_device_options(py, device.is_some() || ram.is_some() || output != Output::Same)?;
        let (new, fields) = apply_bundle(py, Source::of_input(old, "old")?, patch, progress.as_ref())?;
        return Ok((PyBytes::new(py, &new), fields));
    }
    let (options, old) = (options(device), Source::of(old, "old")?);
    let result = py.detach(|| {
        let mut reporter = Reporter { callback: progress.as_ref(), last: None };
        engine::apply_to_file(old, &patch, output, options, ram, |progress| reporter.report(progress))
    });
    let (header, new) = result.map_err(|error| errors::run(py, None, error))?;
    Ok((PyBytes::new(py, &new), patch::header_fields(py, &header)?))
}

/// Applies a bundle; gives the new file and the fields of a `PatchInfo`. It cannot be stopped inside, but nobody waits after Ctrl-C.
fn apply_bundle<'py>(
    py: Python<'py>,
    old: Source,
    patch: Source,
    progress: Option<&Py<PyAny>>,
) -> PyResult<(Vec<u8>, Bound<'py, PyDict>)> {
    let info = bundle::info(&patch).map_err(|error| errors::bundle(py, &error))?;
    let fields = patch::bundle_fields(py, &info, patch.len())?;
    let mut reporter = Reporter { callback: progress, last: None };
    let total = info.new_size;
    reporter.report(Progress { done: false, written: 0, total })?;
    // The inputs come back: they are let go before the caller goes on, who may want to resize them.
    let work = move || (engine::apply_bundle(&old, &patch), [old, patch]);
    let (made, inputs) = in_background(py, work)?;
    drop(inputs);
    let new = made.map_err(|error| errors::bundle(py, &error))?;
    reporter.report(Progress { done: true, written: total, total })?;
    Ok((new, fields))
}

/// Options that only make sense for devices.
fn refuse_device_options(py: Python<'_>, given: bool) -> PyResult<()> {
    let message = "this patch is a bundle, which computers apply: leave out device, ram and format";
    if given {
        Err(errors::option(py, message))
    } else {
        Ok(())
    }
}

/// Is the file a bundle? False, if it cannot be read: whoever reads it next will say so.
fn is_bundle(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(16).read_to_end(&mut start));
    read.is_ok() && bundle::is_bundle(&start)
}

/// What is to be made of a patch.
fn output(py: Python<'_>, name: &str) -> PyResult<Output> {
    Ok(match name {
        "same" => Output::Same,
        "raw" => Output::Binary,
        "ihex" => Output::IntelHex,
        "srec" => Output::Srec,
        "ti-txt" => Output::TiTxt,
        "uf2" => Output::Uf2,
        _ => {
            let message = format!("no such format: {name:?}; choose one of same, raw, ihex, srec, ti-txt, uf2");
            return Err(errors::option(py, &message));
        }
    })
}

/// Are both files images as they are? Then they can be streamed.
fn is_plain(old: &Path, patch: &Path, output: Output) -> std::io::Result<bool> {
    let start = |path: &Path, len: u64| {
        let mut start = Vec::new();
        File::open(path)?.take(len).read_to_end(&mut start).map(|_| start)
    };
    // What is wrong with the header is told when the patch is applied.
    let header = PatchHeader::parse(&start(patch, MAX_HEADER_LEN as u64)?).unwrap_or_default();
    Ok(engine::is_plain(&start(old, 4096)?, header, output))
}

/// Applies a patch from file to file; gives the fields of a `PatchInfo`.
#[pyfunction]
#[allow(clippy::too_many_arguments)] // As Python's own function.
pub(crate) fn apply_files<'py>(
    py: Python<'py>,
    old: PathBuf,
    patch: PathBuf,
    new: PathBuf,
    format: &str,
    device: Option<DeviceFields>,
    ram: Option<u32>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let output = output(py, format)?;
    if is_bundle(&patch) {
        refuse_device_options(py, device.is_some() || ram.is_some() || output != Output::Same)?;
        let bytes = std::fs::read(&patch).map_err(|error| errors::io(py, "read", &patch, &error))?;
        let old = Source::Owned(read_input(py, &old)?);
        let (file, fields) = apply_bundle(py, old, Source::Owned(bytes), progress.as_ref())?;
        if folder::is(&file) {
            py.detach(|| folder::write(&file, &new)).map_err(|error| errors::folder(py, &error))?;
        } else {
            let written = py.detach(|| write_whole(&new, &file));
            written.map_err(|error| errors::io(py, "write", &new, &error))?;
        }
        return Ok(fields);
    }
    let options = options(device);
    // What cannot be opened is told below.
    if !is_plain(&old, &patch, output).unwrap_or(true) {
        let read = |path: &Path| std::fs::read(path).map_err(|error| errors::io(py, "read", path, &error));
        let (old, bytes) = (read(&old)?, read(&patch)?);
        let result = py.detach(|| {
            let mut reporter = Reporter { callback: progress.as_ref(), last: None };
            let report = |progress| reporter.report(progress);
            engine::apply_to_file(Source::Owned(old), &bytes, output, options, ram, report)
        });
        let (header, file) = result.map_err(|error| errors::run(py, Some(&patch), error))?;
        let written = py.detach(|| write_whole(&new, &file));
        written.map_err(|error| errors::io(py, "write", &new, &error))?;
        return patch::header_fields(py, &header);
    }
    let old = Old::open(py, old)?;
    let file = File::open(&patch).map_err(|error| errors::io(py, "read", &patch, &error))?;
    let new = New::create(py, new)?;
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
    if bundle::is_bundle(&patch) {
        return Err(errors::option(py, "this patch is a bundle: Patch.info.bundle tells what its bytes are spent on"));
    }
    let explain = move || {
        let files = Files::of(&old, &patch)?;
        flashdelta::apply::explain(files.old_image(), &patch).map_err(PackageError::from)
    };
    let breakdown = in_background(py, explain)?.map_err(|error| errors::package(py, error))?;
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
