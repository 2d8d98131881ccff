//! Applying patches.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, TryLockError};

use flashdelta::apply::{ApplyOptions, Progress};
use flashdelta::archive::folder;
use flashdelta::bundle::{self};
use flashdelta::file::{FileError, Files, Output};
use flashdelta::{DeviceIdentity, PatchHeader, MAX_HEADER_LEN};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict};

use crate::engine::{self, Fit, Push};
use crate::source::{read_input, read_whole, Source};
use crate::target::{write_whole, New, Old};
use crate::watch::{in_background, unwatched, Report, Steps};
use crate::{errors, patch};

/// A `DeviceIdentity` of Python's.
#[derive(FromPyObject)]
pub(crate) struct DeviceFields {
    product: u32,
    hardware: u16,
    security_counter: u32,
}

fn fit(device: Option<DeviceFields>, ram: Option<u32>, limit: Option<u32>) -> Fit {
    let options = ApplyOptions::default();
    let options = match device {
        Some(DeviceFields { product, hardware, security_counter }) => {
            options.device(DeviceIdentity { product, hardware, security_counter })
        }
        None => options,
    };
    Fit { options, ram, limit }
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
            let answer =
                callback.bind(py).call1((progress.done, progress.written, progress.total))?;
            if answer.is(&*PyBool::new(py, false)) {
                return Err(errors::cancelled(py));
            }
            Ok(())
        })
    }
}

/// Applies a patch in memory. Without `keep`: only to see whether it works. Gives the new image and
/// the fields of a `PatchInfo`.
#[pyfunction]
#[allow(clippy::too_many_arguments)] // As Python's own function.
pub(crate) fn apply<'py>(
    py: Python<'py>,
    old: &Bound<'py, PyAny>,
    patch: &Bound<'py, PyAny>,
    format: &str,
    device: Option<DeviceFields>,
    ram: Option<u32>,
    limit: Option<u32>,
    progress: Option<Py<PyAny>>,
) -> PyResult<(Bound<'py, PyBytes>, Bound<'py, PyDict>)> {
    let (output, patch) = (output(py, format)?, Source::of(patch, "patch")?);
    if bundle::is_bundle(&patch) {
        refuse_device_options(py, device.is_some() || ram.is_some() || output != Output::Same)?;
        let (new, fields) =
            apply_bundle(py, Source::of_input(old, "old")?, patch, limit, progress.as_ref())?;
        return Ok((PyBytes::new(py, &new), fields));
    }
    let (fit, old) = (fit(device, ram, limit), Source::of(old, "old")?);
    let result = py.detach(|| {
        let mut reporter = Reporter { callback: progress.as_ref(), last: None };
        engine::apply_to_file(old, &patch, output, fit, |progress| reporter.report(progress))
    });
    let (header, new) = result.map_err(|error| errors::run(py, None, error))?;
    Ok((PyBytes::new(py, &new), patch::header_fields(py, &header)?))
}

/// Applies a bundle; gives the new file and the fields of a `PatchInfo`.
fn apply_bundle<'py>(
    py: Python<'py>,
    old: Source,
    patch: Source,
    limit: Option<u32>,
    progress: Option<&Py<PyAny>>,
) -> PyResult<(Vec<u8>, Bound<'py, PyDict>)> {
    let info = bundle::info(&patch).map_err(|error| errors::bundle(py, &error))?;
    let fields = patch::bundle_fields(py, &info, patch.len())?;
    let mut reporter = Reporter { callback: progress, last: None };
    reporter.report(Progress { done: false, written: 0, total: info.new_size })?;
    let work = move |report: Report<Progress>| {
        let steps = Steps::default();
        let mut on_progress = |at: Progress| {
            let is_due = at.done || steps.is_due(at.written as f32 / at.total.max(1) as f32);
            report(is_due.then_some(at))
        };
        // The inputs come back: they are let go before the caller goes on, who may want to resize
        // them.
        (engine::apply_bundle(&old, &patch, limit, &mut on_progress), [old, patch])
    };
    let (made, inputs) =
        in_background(py, work, |news| news.map_or(Ok(()), |at| reporter.report(at)))?;
    drop(inputs);
    made.map(|new| (new, fields)).map_err(|error| errors::bundle(py, &error))
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
            let message = format!(
                "no such format: {name:?}; choose one of same, raw, ihex, srec, ti-txt, uf2"
            );
            return Err(errors::option(py, &message));
        }
    })
}

/// A patch that is read from a file.
struct PatchFile {
    /// The bytes that have been read.
    start: Vec<u8>,
    rest: Box<dyn Read + Send>,
}

impl PatchFile {
    /// With as many bytes as may be a header. What is no ordinary file, but a pipe perhaps, is read
    /// whole, so that Ctrl-C ends the waiting.
    fn open(py: Python<'_>, path: &Path) -> PyResult<Self> {
        if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
            return Ok(Self { start: read_whole(py, path)?, rest: Box::new(std::io::empty()) });
        }
        let open = || {
            let (mut start, mut rest) = (Vec::new(), File::open(path)?);
            rest.by_ref().take(MAX_HEADER_LEN as u64).read_to_end(&mut start)?;
            Ok(Self { start, rest: Box::new(rest) })
        };
        open().map_err(|error| errors::io(py, "read", path, &error))
    }

    /// Are both files images as they are? Then they can be streamed.
    fn is_plain(&self, old: &Path, output: Output) -> bool {
        let mut start = Vec::new();
        // What cannot be opened, and what is wrong with the header, is told when the patch is
        // applied.
        let opened = File::open(old).and_then(|old| old.take(4096).read_to_end(&mut start));
        opened.is_err()
            || engine::is_plain(&start, PatchHeader::parse(&self.start).unwrap_or_default(), output)
    }

    fn into_reader(self) -> impl Read {
        Cursor::new(self.start).chain(self.rest)
    }

    fn into_bytes(mut self, py: Python<'_>, path: &Path) -> PyResult<Vec<u8>> {
        let read = self.rest.read_to_end(&mut self.start);
        read.map(|_| self.start).map_err(|error| errors::io(py, "read", path, &error))
    }
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
    limit: Option<u32>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let output = output(py, format)?;
    let file = PatchFile::open(py, &patch)?;
    if bundle::is_bundle(&file.start) {
        refuse_device_options(py, device.is_some() || ram.is_some() || output != Output::Same)?;
        let bytes = Source::Owned(file.into_bytes(py, &patch)?);
        let (file, fields) = apply_bundle(
            py,
            Source::Owned(read_input(py, &old)?),
            bytes,
            limit,
            progress.as_ref(),
        )?;
        if folder::is(&file) {
            py.detach(|| folder::write(&file, &new)).map_err(|error| errors::folder(py, &error))?;
        } else {
            write(py, &new, &file)?;
        }
        return Ok(fields);
    }
    let fit = fit(device, ram, limit);
    let mut reporter = Reporter { callback: progress.as_ref(), last: None };
    let report = |progress| reporter.report(progress);
    let header = if file.is_plain(&old, output) {
        let (old, new) = (Old::open(py, old)?, New::create(py, new)?);
        let result = py.detach(|| engine::apply(file.into_reader(), old, new, fit, report));
        result.map_err(|error| errors::run(py, Some(&patch), error))?.0
    } else {
        let (old, bytes) = (Source::Owned(read_whole(py, &old)?), file.into_bytes(py, &patch)?);
        let result = py.detach(|| engine::apply_to_file(old, &bytes, output, fit, report));
        let (header, made) = result.map_err(|error| errors::run(py, Some(&patch), error))?;
        write(py, &new, &made)?;
        header
    };
    patch::header_fields(py, &header)
}

fn write(py: Python<'_>, path: &Path, bytes: &[u8]) -> PyResult<()> {
    py.detach(|| write_whole(path, bytes)).map_err(|error| errors::io(py, "write", path, &error))
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
        return Err(errors::option(
            py,
            "this patch is a bundle: Patch.info.bundle tells what its bytes are spent on",
        ));
    }
    let explain = move || {
        let files = Files::of(&old, &patch)?;
        flashdelta::apply::explain(files.old_image(), &patch).map_err(FileError::from)
    };
    let breakdown = unwatched(py, explain)?.map_err(|error| errors::firmware_file(py, error))?;
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
    ) -> PyResult<Self> {
        let old = Old::of(old)?;
        let new = New::of(new, &old)?;
        let mut fit = fit(device, ram, None);
        fit.options = fit.options.ignore_trailing(ignore_trailing);
        let push = Push::new(old, new, fit);
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
