//! Images that come from Python: anything with a buffer, or a path.

use std::ops::{Deref, Range};
use std::path::{Path, PathBuf};

use flashdelta::archive::folder;
use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::{PyBufferError, PyTypeError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyString};

use crate::errors;
use crate::watch::unwatched;

/// Bytes that were handed over by Python. Nobody can change them while the library is at work
/// without the GIL: `bytes` never change, and of any other buffer there is a copy. (A buffer that is
/// held keeps its place, but not its content.)
pub(crate) enum Source {
    /// The object's own memory, or a copy that is a Python object. And where the object has its
    /// bytes.
    Shared(PyBackedBytes, Range<usize>),
    /// The content of a file.
    Owned(Vec<u8>),
}

impl Source {
    /// The bytes of a bytes-like object, where there can be no path. `what` it is, for messages.
    pub(crate) fn of_buffer(object: &Bound<'_, PyAny>, what: &str) -> PyResult<Self> {
        Self::of_buffer_or(object, what, false)
    }

    /// The same; `path`: an `os.PathLike` would do, too.
    pub(crate) fn of_buffer_or(
        object: &Bound<'_, PyAny>,
        what: &str,
        path: bool,
    ) -> PyResult<Self> {
        if let Ok(bytes) = object.cast::<PyBytes>() {
            let bytes: PyBackedBytes = bytes.clone().into();
            let origin = bytes.as_ptr_range();
            return Ok(Self::Shared(bytes, origin.start as usize..origin.end as usize));
        }
        let buffer = match PyUntypedBuffer::get(object) {
            Ok(buffer) => buffer,
            Err(error) => return Err(refusal(object, what, path, error)),
        };
        if buffer.format().to_bytes().contains(&b'O') {
            // PEP 3118: pointers to Python objects, which mean nothing to anybody else.
            let name = object.get_type().name()?;
            return Err(PyTypeError::new_err(format!(
                "{what}: this {name} holds Python objects, not bytes"
            )));
        }
        // Of a strided view its items one after the other, which is what `bytes(memoryview)` means.
        let view = object.py().import("builtins")?.getattr("memoryview")?.call1((object,))?;
        let copy = view.call_method0("tobytes")?.cast_into::<PyBytes>()?;
        let start = buffer.buf_ptr() as usize;
        Ok(Self::Shared(copy.into(), start..start + buffer.len_bytes()))
    }

    /// Where the object that was handed over has its bytes, if it is not a file.
    pub(crate) fn origin(&self) -> Option<Range<usize>> {
        match self {
            Self::Shared(_, origin) => Some(origin.clone()),
            Self::Owned(_) => None,
        }
    }

    /// The bytes of a bytes-like object, or of the file at an `os.PathLike`.
    pub(crate) fn of(object: &Bound<'_, PyAny>, what: &str) -> PyResult<Self> {
        match path_like(object)? {
            Some(path) => read_whole(object.py(), &path).map(Self::Owned),
            None => Self::of_buffer_or(object, what, true),
        }
    }

    /// The same; a folder, or a JSON file with the parts that it names, is packed into one.
    pub(crate) fn of_input(object: &Bound<'_, PyAny>, what: &str) -> PyResult<Self> {
        match path_like(object)? {
            Some(path) => read_input(object.py(), &path).map(Self::Owned),
            None => Self::of_buffer_or(object, what, true),
        }
    }
}

impl Deref for Source {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Shared(bytes, _) => bytes,
            Self::Owned(bytes) => bytes,
        }
    }
}

/// Reads a file; a folder, or a JSON file with the parts that it names, is packed into one.
pub(crate) fn read_input(py: Python<'_>, path: &Path) -> PyResult<Vec<u8>> {
    let owned = path.to_owned();
    if path.is_dir() {
        return unwatched(py, move || folder::read(&owned))?
            .map_err(|error| errors::folder(py, &error));
    }
    let bytes = read_whole(py, path)?;
    if !flashdelta::manifest::names_parts(&bytes) {
        return Ok(bytes);
    }
    unwatched(py, move || flashdelta::manifest::read_parts(&owned))?
        .map_err(|error| errors::parts(py, &error))
}

/// Reads a file whole. It may be a pipe, or far away: Ctrl-C ends the waiting.
pub(crate) fn read_whole(py: Python<'_>, path: &Path) -> PyResult<Vec<u8>> {
    let owned = path.to_owned();
    unwatched(py, move || std::fs::read(owned))?
        .map_err(|error| errors::io(py, "read", path, &error))
}

/// The path, if the object is an `os.PathLike`.
pub(crate) fn path_like(object: &Bound<'_, PyAny>) -> PyResult<Option<PathBuf>> {
    if object.is_instance_of::<PyString>() || !object.hasattr("__fspath__")? {
        return Ok(None);
    }
    object.extract().map(Some)
}

/// Says what to do about an object without a (usable) buffer.
fn refusal(object: &Bound<'_, PyAny>, what: &str, path: bool, error: PyErr) -> PyErr {
    let py = object.py();
    let name = object.get_type().name().map_or_else(|_| "?".to_owned(), |name| name.to_string());
    if !error.is_instance_of::<PyTypeError>(py) {
        // It has a buffer, but does not give it away: a released memoryview, a closed mmap, ...
        let message = format!(
            "{what}: the buffer of this {name} cannot be read: {}; pass one that is open, or a copy as bytes",
            error.value(py)
        );
        let refusal = PyBufferError::new_err(message);
        refusal.set_cause(py, Some(error));
        return refusal;
    }
    let has = |attribute| object.hasattr(attribute).unwrap_or(false);
    let advice = if has("to_bytes") && has("segments") {
        "; of an Image, pass the file that it was read from, or what its to_bytes(...) gives"
    } else {
        match (object.is_instance_of::<PyString>(), has("read"), path) {
            (true, _, true) => "; for a file, pass pathlib.Path(...)",
            (_, true, true) => "; for an open file, pass what its read() gives, or its path",
            (_, true, false) => "; for an open file, pass what its read() gives",
            _ => "",
        }
    };
    let or_path = if path { " or os.PathLike" } else { "" };
    PyTypeError::new_err(format!(
        "{what} must be bytes-like (bytes, bytearray, memoryview, mmap, numpy array, ...){or_path}, not {name}{advice}"
    ))
}
