//! Firmware files.

use flashdelta::image::{
    self, AfterEnd, Format, Image, IsaHint, Overlap, ReadOptions, Segment, SegmentKind,
    WriteOptions,
};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::errors;
use crate::source::Source;
use crate::watch::unwatched;

/// Formats by name.
const FORMATS: [(&str, Format); 16] = [
    ("raw", Format::Raw),
    ("ihex", Format::IntelHex),
    ("srec", Format::Srec),
    ("ti-txt", Format::TiTxt),
    ("uf2", Format::Uf2),
    ("elf", Format::Elf),
    ("esp", Format::Esp),
    ("mcuboot", Format::Mcuboot),
    ("zigbee-ota", Format::ZigbeeOta),
    ("gbl", Format::Gbl),
    ("ebl", Format::Ebl),
    ("telink", Format::Telink),
    ("dfuse", Format::DfuSe),
    ("dfu", Format::Dfu),
    ("rbl", Format::Rbl),
    ("vmem", Format::Vmem),
];

/// The name of a format.
pub(crate) fn format_name(format: Format) -> &'static str {
    FORMATS.iter().find(|(_, known)| *known == format).map_or("other", |(name, _)| name)
}

fn format_named(py: Python<'_>, name: &str) -> PyResult<Format> {
    FORMATS.iter().find(|(known, _)| *known == name).map(|(_, format)| *format).ok_or_else(|| {
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
    Ok(format_name(py.detach(|| image::detect(&data))))
}

/// Segments (offset, length, address, kind), reserved (start, end), format, instruction set.
#[pyfunction]
pub(crate) fn address_map<'py>(
    py: Python<'py>,
    data: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyDict>> {
    let data = Source::of(data, "data")?;
    let map = py.detach(|| image::address_map(&data));
    let kind = |kind| match kind {
        SegmentKind::Code => "code",
        SegmentKind::Data => "data",
        SegmentKind::Unknown => "unknown",
    };
    let segments: Vec<_> =
        map.segments.iter().map(|s| (s.offset, s.len, s.address, kind(s.kind))).collect();
    let reserved: Vec<_> = map.reserved.iter().map(|span| (span.start, span.end)).collect();
    let fields = PyDict::new(py);
    fields.set_item("format", format_name(map.format))?;
    fields.set_item("architecture", map.isa.map(architecture))?;
    fields.set_item("segments", segments)?;
    fields.set_item("reserved", reserved)?;
    Ok(fields)
}

fn architecture(isa: IsaHint) -> &'static str {
    match isa {
        IsaHint::Thumb => "thumb",
        IsaHint::Arm => "arm",
        IsaHint::AArch64 => "aarch64",
        IsaHint::RiscV32 => "riscv32",
        IsaHint::RiscV64 => "riscv64",
        IsaHint::XtensaWindowed => "xtensa-windowed",
        IsaHint::XtensaCall0 => "xtensa-call0",
        IsaHint::Tc32 => "tc32",
        IsaHint::Mcs51 => "mcs51",
        IsaHint::Avr => "avr",
        _ => "other",
    }
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
    base: Option<u32>,
}

impl ReadFields {
    pub(crate) fn options(self, py: Python<'_>) -> PyResult<ReadOptions> {
        let mut options = ReadOptions::default();
        options.strict = self.strict;
        options.overlap = match self.overlap.as_str() {
            "refuse" => Overlap::Refuse,
            "accept-same" => Overlap::AcceptSame,
            "first-wins" => Overlap::FirstWins,
            "last-wins" => Overlap::LastWins,
            other => {
                let message =
                    format!("overlap={other:?}: choose one of 'refuse', 'accept-same', 'first-wins', 'last-wins'");
                return Err(errors::option(py, &message));
            }
        };
        options.after_end = match self.after_end.as_str() {
            "refuse" => AfterEnd::Refuse,
            "ignore" => AfterEnd::Ignore,
            "read" => AfterEnd::Read,
            other => {
                let message =
                    format!("after_end={other:?}: choose one of 'refuse', 'ignore', 'read'");
                return Err(errors::option(py, &message));
            }
        };
        options.ignore_checksums = self.ignore_checksums;
        options.skip_garbage = self.skip_garbage;
        options.base = self.base;
        Ok(options)
    }
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
    Ok((format_name(image.format), segments, image.entry, header))
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
    let mut write = WriteOptions::default();
    write.fill = options.fill;
    write.range = options.range;
    write.limit = options.limit;
    write.record_len = options.record_len;
    write.crlf = options.crlf;
    write.lower_case = options.lower_case;
    write.address_len = options.address_len;
    write.family = options.family;
    let bytes = unwatched(py, move || image.write(format, &write))?
        .map_err(|error| errors::image(py, &error))?;
    Ok(PyBytes::new(py, &bytes))
}
