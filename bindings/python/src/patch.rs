//! A patch as a Python object: immutable bytes with a header that was understood.

use std::ffi::c_int;

use flashdelta::apply::whole;
use flashdelta::bundle::{self, BundleInfo};
use flashdelta::facts::{MemberFacts, PatchFacts};
use flashdelta::PatchHeader;
use pyo3::exceptions::PyBufferError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::engine::Header;
use crate::errors;
use crate::source::Source;

/// What `flashdelta.Patch` is made of.
#[pyclass(frozen, subclass, module = "flashdelta._native")]
pub(crate) struct PatchBytes {
    data: Py<PyBytes>,
    header: Header,
    /// A `Report`, or `None` if the patch was not made here, or is a bundle.
    #[pyo3(get)]
    report: Py<PyAny>,
}

#[pymethods]
impl PatchBytes {
    #[new]
    #[pyo3(signature = (data, report=None))]
    fn new(data: &Bound<'_, PyAny>, report: Option<Py<PyAny>>) -> PyResult<Self> {
        let py = data.py();
        let data = match data.cast_exact::<PyBytes>() {
            Ok(bytes) => bytes.clone(),
            Err(_) => PyBytes::new(py, &Source::of_buffer(data, "data")?),
        };
        let bytes = data.as_bytes();
        let report = report.unwrap_or_else(|| py.None());
        if bundle::is_bundle(bytes) {
            // This checks that it is complete, too.
            let info = bundle::info(bytes).map_err(|error| errors::bundle(py, &error))?;
            return Ok(Self { data: data.unbind(), header: Header::Bundle(info), report });
        }
        let header = PatchHeader::parse(bytes).map_err(|error| errors::header(py, error))?;
        let header = header.ok_or_else(|| errors::header_cut(py, bytes.len()))?;
        whole(&header, bytes).map_err(|error| errors::apply(py, error))?;
        Ok(Self { data: data.unbind(), header: Header::Patch(header), report })
    }

    // Not for users: `Patch` derives from this class.
    #[getter(_data)]
    fn data(&self, py: Python<'_>) -> Py<PyBytes> {
        self.data.clone_ref(py)
    }

    /// The fields of a `PatchInfo`.
    #[pyo3(name = "_header_fields")]
    fn header_fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        match &self.header {
            Header::Patch(header) => header_fields(py, header),
            Header::Bundle(info) => bundle_fields(py, info, self.data.bind(py).as_bytes().len()),
        }
    }

    unsafe fn __getbuffer__(
        slf: Bound<'_, Self>,
        view: *mut ffi::Py_buffer,
        flags: c_int,
    ) -> PyResult<()> {
        if view.is_null() {
            return Err(PyBufferError::new_err("no view"));
        }
        // The request is redirected to the bytes object, which then is the exporter: nothing is to
        // be released here. SAFETY: `view` is the caller's, as the buffer protocol says, and `data`
        // is a bytes object.
        match unsafe { ffi::PyObject_GetBuffer(slf.get().data.as_ptr(), view, flags) } {
            0 => Ok(()),
            _ => Err(PyErr::fetch(slf.py())),
        }
    }
}

/// The fields of a `PatchInfo`.
pub(crate) fn header_fields<'py>(
    py: Python<'py>,
    header: &PatchHeader,
) -> PyResult<Bound<'py, PyDict>> {
    fields(py, &PatchFacts::of(header), &header.old_digest, &header.new_digest)
}

/// The fields of a `PatchInfo` of a bundle of this many bytes.
pub(crate) fn bundle_fields<'py>(
    py: Python<'py>,
    info: &BundleInfo,
    len: usize,
) -> PyResult<Bound<'py, PyDict>> {
    fields(py, &PatchFacts::of_bundle(info, len), &info.old_digest, &info.new_digest)
}

fn fields<'py>(
    py: Python<'py>,
    facts: &PatchFacts,
    old_digest: &[u8],
    new_digest: &[u8],
) -> PyResult<Bound<'py, PyDict>> {
    let fields = PyDict::new(py);
    let identity =
        facts.identity.map(|i| (i.product, i.hardware_from, i.hardware_to, i.security_counter));
    let bundle = facts.bundle.as_ref().map(|bundle| {
        let member = |m: &MemberFacts| {
            (m.name.clone(), m.method, m.patch_size, m.size, m.content_size, m.old_index)
        };
        let members: Vec<_> = bundle.members.iter().map(member).collect();
        (bundle.old_container, bundle.new_container, bundle.common_size, members)
    });
    fields.set_item("format_version", facts.format_version)?;
    fields.set_item("codec", facts.codec)?;
    fields.set_item("isa", facts.isa)?;
    fields.set_item("write_unit", facts.write_unit)?;
    fields.set_item("ram", facts.ram)?;
    fields.set_item("workspace", facts.workspace)?;
    fields.set_item("old_size", facts.old_size)?;
    fields.set_item("old_digest", PyBytes::new(py, old_digest))?;
    fields.set_item("new_size", facts.new_size)?;
    fields.set_item("new_digest", PyBytes::new(py, new_digest))?;
    fields.set_item("patch_size", facts.patch_size)?;
    fields.set_item("header_size", facts.header_size)?;
    fields.set_item("address_map_size", facts.address_map_size)?;
    fields.set_item("body_size", facts.body_size)?;
    fields.set_item("host_size", facts.host_size)?;
    fields.set_item("chunk_size", facts.chunk_size)?;
    fields.set_item("chunk_ram", facts.chunk_ram)?;
    fields.set_item("signature_count", facts.signature_count)?;
    fields.set_item("identity", identity)?;
    fields.set_item("bundle", bundle)?;
    fields.set_item("facts", facts.json())?;
    Ok(fields)
}
