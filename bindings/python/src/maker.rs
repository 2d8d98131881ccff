//! Making patches: in a thread of its own, while the caller's waits for signals and calls back.

use flashdelta::bundle::BundleOptions;
use flashdelta::diff::{DeviceProfile, DiffOptions, DiffProgress, Phase, Report as Breakdown};
use flashdelta::file::MemoryOptions;
use flashdelta::{Codec, Identity, InstructionSet};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict};

use crate::image::ReadFields;
use crate::making::{Input, Job};
use crate::source::{path_like, Source};
use crate::watch::{in_background, Report, Steps};
use crate::{errors, making};

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

/// The keyword arguments of Python's own function, whose defaults have been filled in.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct DiffFields {
    profile: Profile,
    codec: Option<String>,
    isa: Option<String>,
    base: Option<u32>,
    identity: Option<IdentityFields>,
    effort: u8,
    threads: usize,
    verbatim: bool,
    read: ReadFields,
    accept_manifests: bool,
}

impl DiffFields {
    fn job(self, py: Python<'_>) -> PyResult<Job> {
        let mut options = DiffOptions::new()
            .profile(self.profile.to_rust(py)?)
            .effort(self.effort)
            .threads(self.threads);
        options = options.codec(self.codec.map(|name| codec(py, &name)).transpose()?);
        options = options.isa(self.isa.map(|name| isa(py, &name)).transpose()?);
        if let Some(base) = self.base {
            options = options.base(base);
        }
        if let Some(IdentityFields { product, hardware_from, hardware_to, security_counter }) =
            self.identity
        {
            options = options.identity(Identity {
                product,
                hardware_from,
                hardware_to,
                security_counter,
            });
        }
        let (mut memory, mut bundle) = (MemoryOptions::default(), BundleOptions::default());
        memory.read = self.read.options(py)?;
        bundle.accept_manifests = self.accept_manifests;
        Ok(Job { options, memory, bundle, verbatim: self.verbatim })
    }
}

/// Makes a patch; gives its bytes, the fields of the report, if there is one, and warnings.
#[pyfunction]
#[allow(clippy::type_complexity)]
pub(crate) fn diff<'py>(
    py: Python<'py>,
    old: &Bound<'py, PyAny>,
    new: &Bound<'py, PyAny>,
    fields: DiffFields,
    progress: Option<&Bound<'py, PyAny>>,
) -> PyResult<(Bound<'py, PyBytes>, Option<Bound<'py, PyDict>>, Vec<String>)> {
    let mut job = fields.job(py)?;
    let read = if job.verbatim { Source::of } else { Source::of_input };
    let input = |object, what| {
        Ok::<_, PyErr>(Input { bytes: read(object, what)?, path: path_like(object)? })
    };
    let inputs = [input(old, "old")?, input(new, "new")?];
    let tell = |phase: &str, fraction: f32| -> PyResult<()> {
        let answer = progress.map(|progress| progress.call1((phase, fraction))).transpose()?;
        match answer.is_some_and(|answer| answer.is(&*PyBool::new(py, false))) {
            true => Err(errors::cancelled(py)),
            false => Ok(()),
        }
    };
    let work = move |report: Report<DiffProgress>| {
        let steps = Steps::default();
        job.options =
            job.options.progress(move |at| report(steps.is_due(at.fraction).then_some(at)));
        // The inputs come back: they are let go before the caller goes on, who may want to resize
        // them.
        (making::diff(&inputs, &job), inputs)
    };
    let mut last = ("match", 0.0);
    tell(last.0, last.1)?;
    let (made, inputs) = in_background(py, work, |news: Option<DiffProgress>| {
        last = news.map_or(last, |at| (phase(at.phase), at.fraction));
        tell(last.0, last.1)
    })?;
    drop(inputs);
    let made = made.map_err(|error| errors::make(py, &error))?;
    tell("done", 1.0)?;
    let report = made.report.map(|made| report(py, &made)).transpose()?;
    Ok((PyBytes::new(py, &made.bytes), report, made.warnings))
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Match => "match",
        Phase::Parse => "parse",
        _ => "encode",
    }
}

/// The fields of a `Report`.
fn report<'py>(py: Python<'py>, report: &Breakdown) -> PyResult<Bound<'py, PyDict>> {
    let fields = PyDict::new(py);
    let parts = PyDict::new(py);
    for part in &report.parts {
        parts.set_item(part.name, part.bytes)?;
    }
    let seconds = PyDict::new(py);
    for (at, time) in &report.phases {
        seconds.set_item(phase(*at), time.as_secs_f64())?;
    }
    let tried: Vec<_> =
        report.tried.iter().map(|t| (t.codec.name(), t.isa.name(), t.bytes)).collect();
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
