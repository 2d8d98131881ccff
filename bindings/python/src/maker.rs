//! Making patches: in a thread of its own, while the caller's waits for signals and calls back.

use flashdelta::bundle::BundleOptions;
use flashdelta::diff::{
    ChunkSize, DeviceProfile, DiffOptions, DiffProgress, Phase, Report as Breakdown,
};
use flashdelta::door::{self, FileWarning, MadeKind, MakeRequest, Side};
use flashdelta::file::MemoryOptions;
use flashdelta::{Codec, Identity, InstructionSet};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict};

use crate::errors;
use crate::holes::HoleFields;
use crate::image::ReadFields;
use crate::source::{Given, Source};
use crate::watch::{in_background, Report, Steps};

/// A `DeviceProfile` of Python's.
#[derive(FromPyObject)]
pub(crate) struct Profile {
    name: String,
    ram: u32,
    sector: u32,
    page: u32,
    codecs: Vec<String>,
    isas: Vec<String>,
    slot: u32,
    scratch: u32,
    codecs_on_request: Vec<String>,
}

impl Profile {
    fn to_rust(&self, py: Python<'_>) -> PyResult<DeviceProfile> {
        let codecs = |names: &[String]| {
            names.iter().map(|name| codec(py, name)).collect::<PyResult<Vec<_>>>()
        };
        let mut profile = DeviceProfile::default();
        profile.name.clone_from(&self.name);
        (profile.ram, profile.sector, profile.page) = (self.ram, self.sector, self.page);
        (profile.slot, profile.scratch) = (self.slot, self.scratch);
        profile.codecs = codecs(&self.codecs)?;
        profile.codecs_on_request = codecs(&self.codecs_on_request)?;
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
    name.parse::<Codec>()
        .map_err(|error| errors::coded!(py, error, &format!("codec {name:?}: {error}")))
}

fn isa(py: Python<'_>, name: &str) -> PyResult<InstructionSet> {
    name.parse::<InstructionSet>()
        .map_err(|error| errors::coded!(py, error, &format!("isa {name:?}: {error}")))
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
    /// 0: none; 1: the maker chooses; else their size.
    chunks: u32,
    effort: u8,
    threads: usize,
    verbatim: bool,
    read: ReadFields,
    accept_manifests: bool,
    fill: Option<u8>,
    range: Option<(u32, u64)>,
    old_elf: Option<Py<PyAny>>,
    new_elf: Option<Py<PyAny>>,
    holes: Vec<HoleFields>,
    allow_empty: bool,
    verify: bool,
}

impl DiffFields {
    /// How images are compared.
    pub(crate) fn options(&self, py: Python<'_>) -> PyResult<DiffOptions> {
        let mut options = DiffOptions::new()
            .profile(self.profile.to_rust(py)?)
            .effort(self.effort)
            .chunks(match self.chunks {
                0 => ChunkSize::None,
                1 => ChunkSize::Auto,
                size => ChunkSize::Bytes(size),
            })
            .threads(self.threads);
        let wanted = self.codec.as_deref().map(|name| codec(py, name));
        options = options.codec(wanted.transpose()?);
        let wanted = self.isa.as_deref().map(|name| isa(py, name));
        options = options.isa(wanted.transpose()?);
        if let Some(base) = self.base {
            options = options.base(base);
        }
        if let Some(IdentityFields { product, hardware_from, hardware_to, security_counter }) =
            &self.identity
        {
            options = options.identity(Identity {
                product: *product,
                hardware_from: *hardware_from,
                hardware_to: *hardware_to,
                security_counter: *security_counter,
            });
        }
        Ok(options)
    }

    /// All but how images are compared.
    fn request(self, py: Python<'_>) -> PyResult<MakeRequest> {
        let mut memory = MemoryOptions::new().read(self.read.options(py)?).range(self.range);
        if let Some(fill) = self.fill {
            memory = memory.fill(fill);
        }
        let bundle = BundleOptions::new().accept_manifests(self.accept_manifests);
        let elf = |object: &Option<Py<PyAny>>, what| -> PyResult<Option<Vec<u8>>> {
            let elf = object.as_ref().map(|object| Source::of(object.bind(py), what));
            Ok(elf.transpose()?.map(|elf| elf.to_vec()))
        };
        let mut request = MakeRequest::new();
        for hole in self.holes {
            request = request.hole(hole.request(py)?);
        }
        Ok(request
            .memory(memory)
            .bundle(bundle)
            .old_elf(elf(&self.old_elf, "old_elf")?)
            .new_elf(elf(&self.new_elf, "new_elf")?)
            .allow_empty(self.allow_empty)
            .verify(self.verify))
    }
}

/// Code and text of a warning.
fn told(warning: &FileWarning, given: &[Given; 2]) -> (&'static str, String) {
    let (given, side) = match warning.side {
        Side::Old => (&given[0], "old"),
        Side::New => (&given[1], "new"),
    };
    let text = match given {
        Given::File(path, _) => format!("{}: {}", path.display(), warning.what),
        Given::Memory(_) => format!("{side} image: {}", warning.what),
    };
    (warning.what.code(), text)
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
) -> PyResult<(Bound<'py, PyBytes>, Option<Bound<'py, PyDict>>, Vec<(&'static str, String)>)> {
    let verbatim = fields.verbatim;
    let options = fields.options(py)?;
    let request = fields.request(py)?;
    let given = [Given::of(old, "old", verbatim)?, Given::of(new, "new", verbatim)?];
    let tell = |phase: &str, fraction: f32| -> PyResult<()> {
        let answer = progress.map(|progress| progress.call1((phase, fraction))).transpose()?;
        match answer.is_some_and(|answer| answer.is(&*PyBool::new(py, false))) {
            true => Err(errors::cancelled(py)),
            false => Ok(()),
        }
    };
    let work = move |report: Report<DiffProgress>| {
        let steps = Steps::default();
        let options = options.progress(move |at| report(steps.is_due(at.fraction).then_some(at)));
        let [old, new] = given.each_ref().map(|given| given.input(verbatim));
        let made = door::make(&old, &new, &request.diff(options));
        drop((old, new));
        // The inputs come back: they are let go before the caller goes on, who may want to resize
        // them.
        (made, given)
    };
    let mut last = ("match", 0.0);
    tell(last.0, last.1)?;
    let (made, given) = in_background(py, work, |news: Option<DiffProgress>| {
        last = news.map_or(last, |at| (phase(at.phase), at.fraction));
        tell(last.0, last.1)
    })?;
    let made = made.map_err(|error| errors::door(py, &error))?;
    let warnings = made.warnings.iter().map(|warning| told(warning, &given)).collect();
    drop(given);
    tell("done", 1.0)?;
    let report = match &made.kind {
        MadeKind::Patch { report: made, .. } => Some(report(py, made)?),
        _ => None,
    };
    Ok((PyBytes::new(py, &made.bytes), report, warnings))
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
