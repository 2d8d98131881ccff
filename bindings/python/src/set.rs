//! Component sets.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use flashdelta::archive::folder;
use flashdelta::diff::DiffOptions;
use flashdelta::set::{self, Component, ComponentName, SetFacts, SetFileError, SetOptions};
use flashdelta::sign::{signature_made, PrivateKey, PublicKey};
use flashdelta::update::set::Kind;
use flashdelta::Input;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::applier::DeviceFields;
use crate::errors;
use crate::maker::DiffFields;
use crate::sign::{key, trusted};
use crate::source::Source;
use crate::watch::unwatched;

/// Which part of a device: a partition, an address, a child with a name, a name.
#[derive(FromPyObject)]
pub(crate) enum Target {
    #[pyo3(transparent)]
    Named((String, String)),
    #[pyo3(transparent)]
    Address(u32),
    #[pyo3(transparent)]
    Child((u32, String)),
}

impl Target {
    fn name(self) -> ComponentName {
        match self {
            Self::Named((kind, name)) if kind == "partition" => ComponentName::Partition(name),
            Self::Named((_, name)) => ComponentName::Name(name),
            Self::Address(address) => ComponentName::Address(address),
            Self::Child((id, name)) => ComponentName::Child { id, name },
        }
    }
}

fn target_of(name: &ComponentName) -> String {
    name.file_name()
}

/// A `sets.Component` of Python's.
#[derive(FromPyObject)]
pub(crate) struct ComponentFields {
    kind: String,
    target: Target,
    /// "update", "replace", "add" or "require".
    how: String,
    hardware: Option<(u16, u16)>,
    base: Option<u32>,
    old: Option<Py<PyAny>>,
    new: Py<PyAny>,
}

impl ComponentFields {
    fn component(self, py: Python<'_>, diff: &DiffOptions) -> PyResult<Component> {
        let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.name() == self.kind) else {
            let known: Vec<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
            let message =
                format!("no such kind: {:?}; choose one of {}", self.kind, known.join(", "));
            return Err(errors::option(py, &message));
        };
        let name = self.target.name();
        let bytes = |object: &Py<PyAny>, what| -> PyResult<Vec<u8>> {
            Source::of(object.bind(py), what).map(|source| source.to_vec())
        };
        let new = bytes(&self.new, "new")?;
        let mut component = match (&*self.how, &self.old) {
            ("update", Some(old)) => Component::update(kind, name, bytes(old, "old")?, new),
            ("add", _) => Component::add(kind, name, new),
            ("require", _) => Component::require(kind, name, new),
            _ => Component::replace(kind, name, new),
        };
        if let Some((first, last)) = self.hardware {
            component = component.hardware(first, last);
        }
        if let Some(base) = self.base {
            component = component.diff(diff.clone().base(base));
        }
        Ok(component)
    }
}

/// A set of these components.
#[pyfunction]
pub(crate) fn set_make<'py>(
    py: Python<'py>,
    components: Vec<ComponentFields>,
    fields: DiffFields,
) -> PyResult<Bound<'py, PyBytes>> {
    let Stoppable { diff, stop } = Stoppable::new(py, &fields)?;
    let components = components.into_iter().map(|fields| fields.component(py, &diff));
    let components = components.collect::<PyResult<Vec<_>>>()?;
    made(py, components, SetOptions::new().diff(diff), &stop)
}

/// The set that a file describes.
#[pyfunction]
pub(crate) fn set_from_description(
    py: Python<'_>,
    path: PathBuf,
    fields: DiffFields,
) -> PyResult<Bound<'_, PyBytes>> {
    let Stoppable { diff, stop } = Stoppable::new(py, &fields)?;
    let described =
        set::read_description(&path, diff).map_err(|error| errors::coded!(py, error))?;
    made(py, described.components, described.options, &stop)
}

/// The set between two releases; and the names of what is the same, and of what only the old one
/// has.
#[pyfunction]
pub(crate) fn set_between<'py>(
    py: Python<'py>,
    old: PathBuf,
    new: PathBuf,
    chip: Option<&str>,
    fields: DiffFields,
) -> PyResult<(Bound<'py, PyBytes>, Vec<String>, Vec<String>)> {
    let release = |path: &Path| {
        let input = opened(py, path)?;
        set::read_release(&input, chip).map_err(|error| errors::coded!(py, error))
    };
    let difference = set::between(release(&old)?, release(&new)?);
    let difference = difference.map_err(|error| errors::coded!(py, error))?;
    let names = |names: &[ComponentName]| names.iter().map(target_of).collect();
    let (unchanged, gone) = (names(&difference.unchanged), names(&difference.gone));
    let Stoppable { diff, stop } = Stoppable::new(py, &fields)?;
    let set = made(py, difference.components, SetOptions::new().diff(diff), &stop)?;
    Ok((set, unchanged, gone))
}

fn opened(py: Python<'_>, path: &Path) -> PyResult<Input<'static>> {
    let input = Input::open(path).map_err(|error| errors::input(py, &error))?;
    Ok(input.named(path.display().to_string()))
}

/// Options that can be told to give up.
struct Stoppable {
    diff: DiffOptions,
    stop: Arc<AtomicBool>,
}

impl Stoppable {
    fn new(py: Python<'_>, fields: &DiffFields) -> PyResult<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&stop);
        let diff = fields.options(py)?.progress(move |_| match asked.load(Ordering::Relaxed) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        });
        Ok(Self { diff, stop })
    }
}

/// Makes the set while Python waits for signals: Ctrl-C ends it.
fn made<'py>(
    py: Python<'py>,
    components: Vec<Component>,
    options: SetOptions,
    stop: &AtomicBool,
) -> PyResult<Bound<'py, PyBytes>> {
    let made = unwatched(py, move || set::make(&components, &options));
    let made = made.inspect_err(|_| stop.store(true, Ordering::Relaxed))?;
    made.map(|set| PyBytes::new(py, &set)).map_err(|error| errors::coded!(py, error))
}

/// What a set says about itself, as JSON.
#[pyfunction]
pub(crate) fn set_facts(py: Python<'_>, set: &Bound<'_, PyAny>) -> PyResult<String> {
    let set = Source::of(set, "set")?;
    SetFacts::of(&set).map(|facts| facts.json()).map_err(|error| errors::coded!(py, error))
}

/// The set with one more signature.
#[pyfunction]
pub(crate) fn set_sign<'py>(
    py: Python<'py>,
    set: &Bound<'py, PyAny>,
    pem: &str,
) -> PyResult<Bound<'py, PyBytes>> {
    let set = Source::of(set, "set")?;
    let private = PrivateKey::from_pem(pem).map_err(|error| key(py, error))?;
    signed(py, set::sign(&set, &private))
}

/// What is to be signed.
#[pyfunction]
pub(crate) fn set_sign_message<'py>(
    py: Python<'py>,
    set: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyBytes>> {
    let set = Source::of(set, "set")?;
    signed(py, set::message(&set).map(|message| message.to_vec()))
}

/// The set with a signature that was made somewhere else.
#[pyfunction]
pub(crate) fn set_attach_signature<'py>(
    py: Python<'py>,
    set: &Bound<'py, PyAny>,
    signature: &[u8],
    pem: &str,
) -> PyResult<Bound<'py, PyBytes>> {
    let set = Source::of(set, "set")?;
    let public = PublicKey::from_pem(pem).map_err(|error| key(py, error))?;
    let message = set::message(&set).map_err(|error| errors::coded!(py, error))?;
    let signature = signature_made(&message, signature, &public);
    let signature = signature.map_err(|error| errors::coded!(py, error))?;
    signed(py, set::attach(&set, signature))
}

fn signed(py: Python<'_>, made: Result<Vec<u8>, SetFileError>) -> PyResult<Bound<'_, PyBytes>> {
    made.map(|set| PyBytes::new(py, &set)).map_err(|error| errors::coded!(py, error))
}

/// Checks a set, and its signature if there are keys.
#[pyfunction]
pub(crate) fn set_verify(
    py: Python<'_>,
    set: &Bound<'_, PyAny>,
    pems: Vec<String>,
) -> PyResult<()> {
    let set = Source::of(set, "set")?;
    set::check(&set).map_err(|error| errors::coded!(py, error))?;
    if let Some(mut keys) = trusted(py, &pems)? {
        set::authenticate(&set, &mut keys).map_err(|error| errors::coded!(py, error))?;
    }
    Ok(())
}

/// What a set makes of a folder: the names and files of what it wrote. `output`: where the new
/// folder goes, if it is wanted.
#[pyfunction]
pub(crate) fn set_apply_folder(
    py: Python<'_>,
    old: PathBuf,
    set: &Bound<'_, PyAny>,
    output: Option<PathBuf>,
    device: Option<DeviceFields>,
    pems: Vec<String>,
) -> PyResult<Vec<(String, String)>> {
    let set = Source::of(set, "set")?;
    let input = opened(py, &old)?;
    let made =
        set::apply_to_folder(&set, &input, device.map(DeviceFields::identity), trusted(py, &pems)?);
    let made = made.map_err(|error| errors::coded!(py, error))?;
    if let Some(output) = output {
        folder::write(&made.packed, &output).map_err(|error| errors::folder(py, &error))?;
    }
    Ok(made.written.into_iter().map(|(name, path)| (target_of(&name), path)).collect())
}

/// What a set makes of components in memory: of what they hold, by the names of their files.
#[pyfunction]
pub(crate) fn set_apply<'py>(
    py: Python<'py>,
    old: BTreeMap<String, Py<PyAny>>,
    set: &Bound<'py, PyAny>,
    device: Option<DeviceFields>,
    pems: Vec<String>,
) -> PyResult<BTreeMap<String, Bound<'py, PyBytes>>> {
    let set = Source::of(set, "set")?;
    let index = set::check(&set).map_err(|error| errors::coded!(py, error))?;
    let mut held = BTreeMap::new();
    for entry in index.entries() {
        let name = ComponentName::from(entry.target);
        if let Some(object) = old.get(&target_of(&name)) {
            held.insert(name, Source::of(object.bind(py), "old")?.to_vec());
        }
    }
    let made =
        set::apply_signed(&set, &held, device.map(DeviceFields::identity), trusted(py, &pems)?);
    let made = made.map_err(|error| errors::coded!(py, error))?;
    Ok(made.iter().map(|(name, bytes)| (target_of(name), PyBytes::new(py, bytes))).collect())
}
