//! Data of one device in an image of all.

use std::collections::BTreeMap;

use flashdelta::holes::{self, HoleRequest, HoleSource, Place, Values};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::errors;
use crate::source::Source;
use crate::watch::unwatched;

/// A `Hole` of Python's, or what the program takes.
#[derive(FromPyObject)]
pub(crate) enum HoleFields {
    #[pyo3(transparent)]
    Text(String),
    Hole {
        name: String,
        new: Option<PlaceFields>,
        old: OldPlace,
        source: String,
        fill: Option<u8>,
    },
}

/// Where a hole is: two offsets, a `Symbol` or a `Marker`.
#[derive(FromPyObject)]
pub(crate) enum PlaceFields {
    #[pyo3(transparent)]
    Range((u32, u32)),
    Symbol {
        symbol: String,
    },
    Marker {
        marker: Vec<u8>,
    },
}

/// Where a hole is in the old image.
#[derive(FromPyObject)]
pub(crate) enum OldPlace {
    /// In the same place: "same".
    #[pyo3(transparent)]
    Same(#[allow(dead_code)] String),
    #[pyo3(transparent)]
    At(Option<PlaceFields>),
}

impl PlaceFields {
    fn place(self, py: Python<'_>, name: &str) -> PyResult<Place> {
        match self {
            Self::Range((start, end)) if start < end => Ok(Place::Range(start..end)),
            Self::Range(_) => {
                let message = format!("hole {name}: the end of the range is not above its start");
                Err(errors::option(py, &message))
            }
            Self::Symbol { symbol } => Ok(Place::Symbol(symbol)),
            Self::Marker { marker } => Ok(Place::Marker(marker)),
        }
    }
}

impl HoleFields {
    pub(crate) fn request(self, py: Python<'_>) -> PyResult<HoleRequest> {
        let (name, new, old, source, fill) = match self {
            Self::Text(text) => {
                return text.parse::<HoleRequest>().map_err(|error| errors::coded!(py, error));
            }
            Self::Hole { name, new, old, source, fill } => (name, new, old, source, fill),
        };
        let place = |fields: Option<PlaceFields>| fields.map(|at| at.place(py, &name)).transpose();
        let new = place(new)?;
        let old = match old {
            OldPlace::Same(_) => new.clone(),
            OldPlace::At(fields) => place(fields)?,
        };
        let request = match (new, old) {
            (Some(new), old) => HoleRequest::new(name, new).old(old),
            (None, Some(old)) => HoleRequest::gone(name, old),
            (None, None) => {
                let message = format!("hole {name} is in neither image");
                return Err(errors::option(py, &message));
            }
        };
        let Some(source) = HoleSource::named(&source) else {
            let message = format!("no such source: {source:?}; choose one of kept, given, either");
            return Err(errors::option(py, &message));
        };
        Ok(request.source(source).fill(fill))
    }
}

/// Values by the names of holes.
pub(crate) type ValueFields = BTreeMap<String, Py<PyAny>>;

pub(crate) fn values(py: Python<'_>, fields: ValueFields) -> PyResult<Values> {
    let mut values = Values::new();
    for (name, value) in fields {
        let bytes = Source::of_buffer(value.bind(py), &format!("the value for hole {name}"))?;
        values.set(name, &bytes[..]);
    }
    Ok(values)
}

/// The image with the values of a device in its holes.
#[pyfunction]
pub(crate) fn personalize<'py>(
    py: Python<'py>,
    image: &Bound<'py, PyAny>,
    holes: Vec<HoleFields>,
    values: ValueFields,
    elf: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyBytes>> {
    let image = Source::of(image, "image")?;
    let elf = elf.map(|elf| Source::of(elf, "elf")).transpose()?;
    let requests = holes.into_iter().map(|fields| fields.request(py));
    let requests = requests.collect::<PyResult<Vec<_>>>()?;
    let values = self::values(py, values)?;
    let made = unwatched(py, move || {
        flashdelta::file::personalize(&image, elf.as_deref(), &requests, &values)
    })?;
    made.map(|made| PyBytes::new(py, &made)).map_err(|error| errors::hole(py, &error))
}

/// Values as a record for devices.
#[pyfunction]
pub(crate) fn value_record<'py>(
    py: Python<'py>,
    values: ValueFields,
) -> PyResult<Bound<'py, PyBytes>> {
    let record = self::values(py, values)?.to_record();
    record.map(|record| PyBytes::new(py, &record)).map_err(|error| errors::hole(py, &error))
}

/// The value that a text means: text, or `hex:` and digits.
#[pyfunction]
pub(crate) fn parse_value<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyBytes>> {
    let value = holes::parse_bytes(text).map_err(|error| errors::coded!(py, error))?;
    Ok(PyBytes::new(py, &value))
}

/// A range of an image.
type Place32 = Option<(u32, u32)>;

/// The fields of a `PatchHole`: name, new, old, source, fill.
type Fields = (String, Place32, Place32, Option<&'static str>, u8);

/// The fields of the holes of a patch.
#[pyfunction]
pub(crate) fn hole_fields(patch: &Bound<'_, PyAny>) -> PyResult<Vec<Fields>> {
    let patch = Source::of_buffer(patch, "patch")?;
    let ends = |range: Option<core::ops::Range<u32>>| range.map(|range| (range.start, range.end));
    let fields = |hole: holes::HoleFacts| {
        (hole.name, ends(hole.new), ends(hole.old), hole.source.map(HoleSource::name), hole.fill)
    };
    Ok(holes::list(&patch).into_iter().map(fields).collect())
}
