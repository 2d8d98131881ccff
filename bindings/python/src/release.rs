//! Static releases. The patches are made where Python wants them made.

use std::path::PathBuf;

use flashdelta::Input;
use flashdelta_fleet::release::{resolve, Build, Query, ReleaseError, Task};
use flashdelta_fleet::{Digest, Name};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::errors;
use crate::sign::trusted;

/// A folder that is being built. Tasks are JSON, as workers get them.
#[pyclass(frozen, module = "flashdelta._native")]
pub(crate) struct ReleaseBuild(Build);

/// The old file and its name, if there is one, and the new file and its name.
type Inputs<'py> = (Option<(Bound<'py, PyBytes>, String)>, (Bound<'py, PyBytes>, String));

#[pymethods]
impl ReleaseBuild {
    /// Reads a description and the files that it names, and looks at what the folder has.
    #[new]
    fn new(py: Python<'_>, description: PathBuf, folder: PathBuf) -> PyResult<Self> {
        let build = py.detach(|| Build::open(&description, &folder));
        build.map(Self).map_err(|error| errors::release(py, &error))
    }

    /// The number of all patches.
    fn count(&self) -> usize {
        self.0.tasks().len()
    }

    /// What is to be made: name and JSON.
    fn missing(&self, py: Python<'_>) -> PyResult<Vec<(String, String)>> {
        let missing = py.detach(|| self.0.missing());
        let told = |task: &Task| Ok((task.name(), json(py, task)?));
        missing.iter().map(told).collect()
    }

    /// The files of a task.
    fn inputs<'py>(&self, py: Python<'py>, task: &str) -> PyResult<Inputs<'py>> {
        let task = parse(py, task)?;
        let found = py.detach(|| self.0.inputs(&task));
        let (old, new) = found.map_err(|error| errors::release(py, &error))?;
        let sent = |input: &Input<'_>| (PyBytes::new(py, input.bytes()), input.name().to_owned());
        Ok((old.as_ref().map(sent), sent(&new)))
    }

    /// Keeps a patch that was made.
    fn keep(&self, py: Python<'_>, task: &str, patch: Vec<u8>) -> PyResult<()> {
        let task = parse(py, task)?;
        let kept = py.detach(|| self.0.keep(&task, &patch));
        kept.map_err(|error| errors::release(py, &error))
    }

    /// Signs, and writes the index. Gives a summary in JSON.
    fn finish(&self, py: Python<'_>) -> PyResult<String> {
        let summary = py.detach(|| self.0.finish());
        json(py, &summary.map_err(|error| errors::release(py, &error))?)
    }
}

/// Makes the patch of a task; `None`, if it cannot be made for its profile.
#[pyfunction]
pub(crate) fn release_make<'py>(
    py: Python<'py>,
    task: &str,
    old: Option<(Vec<u8>, String)>,
    new: (Vec<u8>, String),
) -> PyResult<Option<Bound<'py, PyBytes>>> {
    let task = parse(py, task)?;
    let input = |(bytes, name): (Vec<u8>, String)| Input::from_bytes(bytes).named(name);
    let (old, new) = (old.map(input), input(new));
    let made = py.detach(|| task.make(old.as_ref().unwrap_or(&new), &new, 1));
    match made {
        Ok(patch) => Ok(Some(PyBytes::new(py, &patch))),
        Err(error) if error.is_for_profile() => Ok(None),
        Err(error) => Err(errors::release(py, &error)),
    }
}

/// What a device gets, in JSON.
#[pyfunction]
#[allow(clippy::too_many_arguments)]
pub(crate) fn release_resolve(
    py: Python<'_>,
    folder: PathBuf,
    product: &str,
    digest: Option<String>,
    profile: Option<String>,
    hardware: Option<u16>,
    security_counter: u32,
    max_bytes: Option<u64>,
    keys: Vec<String>,
) -> PyResult<String> {
    let failed = |error: ReleaseError| errors::release(py, &error);
    let product = Name::new(product).map_err(|error| failed(error.into()))?;
    let digest = digest.map(|digest| digest.parse::<Digest>()).transpose();
    let query = Query::new(product)
        .digest(digest.map_err(|error| failed(error.into()))?)
        .profile(profile)
        .hardware(hardware)
        .security_counter(security_counter)
        .max_bytes(max_bytes);
    let keys = trusted(py, &keys)?;
    let found = py.detach(|| resolve(&folder, &query, keys.as_ref()));
    json(py, &found.map_err(failed)?)
}

fn json(py: Python<'_>, value: &impl serde::Serialize) -> PyResult<String> {
    serde_json::to_string(value).map_err(|error| errors::internal(py, &error.to_string()))
}

fn parse(py: Python<'_>, task: &str) -> PyResult<Task> {
    serde_json::from_str(task).map_err(|error| errors::internal(py, &error.to_string()))
}
