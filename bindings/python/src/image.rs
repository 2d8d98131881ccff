//! Firmware files.

use std::path::PathBuf;

use flashdelta::door::{self, ConvertRequest, ConvertWarning};
use flashdelta::facts::AddressMapFacts;
use flashdelta::image::{
    self, AfterEnd, Format, Image, Overlap, ReadOptions, Segment, Selection, WriteOptions,
};
use flashdelta::Input;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::errors;
use crate::source::{Given, Source};
use crate::watch::unwatched;

fn format_named(py: Python<'_>, name: &str) -> PyResult<Format> {
    Format::named(name).ok_or_else(|| {
        errors::option(
            py,
            &format!("no such format: {name:?}; raw, ihex, srec, ti-txt and uf2 can be written"),
        )
    })
}

/// The name of the format of a file.
#[pyfunction]
pub(crate) fn detect(py: Python<'_>, data: &Bound<'_, PyAny>) -> PyResult<&'static str> {
    let data = Source::of(data, "data")?;
    Ok(py.detach(|| image::detect(&data)).name())
}

/// Which bytes of a file are at which addresses, as JSON: see [`AddressMapFacts`].
#[pyfunction]
pub(crate) fn address_map(py: Python<'_>, data: &Bound<'_, PyAny>) -> PyResult<String> {
    let data = Source::of(data, "data")?;
    Ok(py.detach(|| AddressMapFacts::from(&image::address_map(&data)).json()))
}

/// How to read a file: the fields of Python's own function.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct ReadFields {
    strict: bool,
    overlap: String,
    after_end: String,
    ignore_checksums: bool,
    skip_garbage: bool,
    unknown_records: bool,
    family: Option<u32>,
    board: Option<u16>,
    /// From 1.
    image: Option<u16>,
    base: Option<u32>,
}

impl ReadFields {
    pub(crate) fn options(self, py: Python<'_>) -> PyResult<ReadOptions> {
        let (overlap, after_end) = (&*self.overlap, &*self.after_end);
        let overlap = chosen(py, ("overlap", overlap), Overlap::named(overlap), &Overlap::NAMES)?;
        let found = AfterEnd::named(after_end);
        let after_end = chosen(py, ("after_end", after_end), found, &AfterEnd::NAMES)?;
        let select = Selection::new().family(self.family).board(self.board).image(self.image);
        Ok(ReadOptions::new()
            .strict(self.strict)
            .overlap(overlap)
            .after_end(after_end)
            .ignore_checksums(self.ignore_checksums)
            .skip_garbage(self.skip_garbage)
            .unknown_records(self.unknown_records)
            .select(select)
            .base(self.base))
    }
}

/// What the value of an option names, if it is one of those that are known.
fn chosen<T>(
    py: Python<'_>,
    (name, value): (&str, &str),
    found: Option<T>,
    known: &[&str],
) -> PyResult<T> {
    found.ok_or_else(|| {
        let known: Vec<String> = known.iter().map(|known| format!("'{known}'")).collect();
        errors::option(py, &format!("{name}={value:?}: choose one of {}", known.join(", ")))
    })
}

/// The bytes in memory that a file stands for: format, segments, entry point, header.
#[pyfunction]
#[allow(clippy::type_complexity)]
pub(crate) fn image_parse<'py>(
    py: Python<'py>,
    data: &Bound<'py, PyAny>,
    options: ReadFields,
) -> PyResult<(
    &'static str,
    Vec<(u32, Bound<'py, PyBytes>)>,
    Option<u32>,
    Option<Bound<'py, PyBytes>>,
)> {
    let data = Source::of(data, "data")?;
    let options = options.options(py)?;
    // The input comes back: it is let go before the caller goes on, who may want to resize it.
    let (image, data) = unwatched(py, move || (Image::parse(&data, &options), data))?;
    drop(data);
    let image = image.map_err(|error| errors::image(py, &error))?;
    let segments = image.segments.iter().map(|s| (s.address, PyBytes::new(py, &s.data))).collect();
    let header = image.header.map(|header| PyBytes::new(py, &header));
    Ok((image.format.name(), segments, image.entry, header))
}

/// The name of the format in which a file of this name is written.
#[pyfunction]
pub(crate) fn format_to_write(path: PathBuf) -> Option<&'static str> {
    Format::to_write(&path).map(Format::name)
}

/// How to write a file: the fields of Python's own function.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct WriteFields {
    fill: u8,
    range: Option<(u32, u64)>,
    limit: u64,
    record_len: Option<usize>,
    crlf: bool,
    lower_case: bool,
    address_len: Option<u8>,
    family: Option<u32>,
}

impl WriteFields {
    fn options(&self) -> WriteOptions {
        WriteOptions::new()
            .fill(self.fill)
            .range(self.range)
            .limit(self.limit)
            .record_len(self.record_len)
            .crlf(self.crlf)
            .lower_case(self.lower_case)
            .address_len(self.address_len)
            .family(self.family)
    }
}

/// A file in another format, and warnings: their codes and texts.
#[pyfunction]
#[allow(clippy::type_complexity)]
pub(crate) fn convert<'py>(
    py: Python<'py>,
    data: &Bound<'py, PyAny>,
    format: &str,
    read: ReadFields,
    write: WriteFields,
) -> PyResult<(Bound<'py, PyBytes>, Vec<(&'static str, String)>)> {
    let format = format_named(py, format)?;
    let request = ConvertRequest::new().read(read.options(py)?).write(write.options());
    let given = Given::of(data, "data", true)?;
    // The input comes back: it is let go before the caller goes on, who may want to resize it.
    let (converted, path, source) = unwatched(py, move || {
        let made = |input: Input<'_>| {
            let converted = door::convert(input, format, &request);
            converted.map(|converted| (converted.bytes(), converted.warnings))
        };
        match given {
            Given::File(path, input) => (made(input), Some(path), None),
            Given::Memory(source) => (made(Input::from_bytes(&source[..])), None, Some(source)),
        }
    })?;
    drop(source);
    let (bytes, warnings) = converted.map_err(|error| errors::convert(py, &error))?;
    let bytes = bytes.map_err(|error| errors::image(py, &error))?;
    let text = |warning: &ConvertWarning| match &path {
        Some(path) => format!("{}: {warning}", path.display()),
        None => warning.to_string(),
    };
    let warnings = warnings.iter().map(|warning| (warning.code(), text(warning))).collect();
    Ok((PyBytes::new(py, &bytes), warnings))
}

/// Bytes in memory as a file.
#[pyfunction]
pub(crate) fn image_write<'py>(
    py: Python<'py>,
    segments: Vec<(u32, Vec<u8>)>,
    entry: Option<u32>,
    header: Option<Vec<u8>>,
    format: &str,
    options: WriteFields,
) -> PyResult<Bound<'py, PyBytes>> {
    let format = format_named(py, format)?;
    let segments = segments.into_iter().map(|(address, data)| Segment { address, data }).collect();
    let image = Image { format, segments, entry, header };
    let write = options.options();
    let bytes = unwatched(py, move || image.write(format, &write))?
        .map_err(|error| errors::image(py, &error))?;
    Ok(PyBytes::new(py, &bytes))
}
