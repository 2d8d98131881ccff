//! Images that come from Python: anything with a buffer, or a path.

use std::borrow::Cow;
use std::ops::{Deref, Range};
use std::path::{Path, PathBuf};

use flashdelta::Input;
use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::{PyBufferError, PyTypeError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyString};

use crate::errors;
use crate::watch::unwatched;

/// Bytes that were handed over by Python. Nobody can change them while the library is at work
/// without the GIL: `bytes` never change, and of any other buffer there is a copy. (A buffer that
/// is held keeps its place, but not its content.)
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

    /// The same; `path`: a path would do, too.
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

    /// The bytes of a bytes-like object, or of the file at a path.
    pub(crate) fn of(object: &Bound<'_, PyAny>, what: &str) -> PyResult<Self> {
        match path_like(object)? {
            Some(path) => read_whole(object.py(), &path).map(Self::Owned),
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

/// A file that a patch is made from or for.
pub(crate) enum Given {
    /// The object's own memory.
    Memory(Source),
    /// Read from its path, for messages.
    File(PathBuf, Input<'static>),
}

impl Given {
    /// From a bytes-like object or a path. Ctrl-C ends the waiting for a file.
    pub(crate) fn of(object: &Bound<'_, PyAny>, what: &str, verbatim: bool) -> PyResult<Self> {
        let py = object.py();
        let Some(path) = path_like(object)? else {
            return Source::of_buffer_or(object, what, true).map(Self::Memory);
        };
        let owned = path.clone();
        let read = move || match verbatim {
            true => Input::open_verbatim(&owned),
            false => Input::open(&owned),
        };
        let input = unwatched(py, read)?.map_err(|error| errors::input(py, &error))?;
        Ok(Self::File(path, input))
    }

    /// The old file of this patch.
    pub(crate) fn of_old(object: &Bound<'_, PyAny>, patch: &[u8]) -> PyResult<Self> {
        match path_like(object)? {
            Some(path) => read_old(object.py(), &path, patch).map(|input| Self::File(path, input)),
            None => Source::of_buffer_or(object, "old", true).map(Self::Memory),
        }
    }

    /// What the library is given.
    pub(crate) fn input(&self, verbatim: bool) -> Cow<'_, Input<'_>> {
        match self {
            Self::File(_, input) => Cow::Borrowed(input),
            Self::Memory(source) if verbatim => Cow::Owned(Input::verbatim(&source[..])),
            Self::Memory(source) => Cow::Owned(Input::from_bytes(&source[..])),
        }
    }
}

/// Reads the old file of a patch. Ctrl-C ends the waiting.
pub(crate) fn read_old(py: Python<'_>, path: &Path, patch: &[u8]) -> PyResult<Input<'static>> {
    let (owned, patch) = (path.to_owned(), patch.to_vec());
    unwatched(py, move || Input::open_old(&owned, &patch))?
        .map_err(|error| errors::input(py, &error))
}

/// Reads a file whole. It may be a pipe, or far away: Ctrl-C ends the waiting.
pub(crate) fn read_whole(py: Python<'_>, path: &Path) -> PyResult<Vec<u8>> {
    let owned = path.to_owned();
    unwatched(py, move || std::fs::read(owned))?
        .map_err(|error| errors::io(py, "read", path, &error))
}

/// The path, if the object is one: a `str`, or an `os.PathLike`. (`bytes` are content.)
pub(crate) fn path_like(object: &Bound<'_, PyAny>) -> PyResult<Option<PathBuf>> {
    if !object.is_instance_of::<PyString>() && !object.hasattr("__fspath__")? {
        return Ok(None);
    }
    // Some, such as entries of a folder that was given as bytes, have bytes as their path.
    let path = object.py().import("os")?.getattr("fsdecode")?.call1((object,))?;
    path.extract().map(Some)
}

/// Says what to do about an object without a (usable) buffer.
fn refusal(object: &Bound<'_, PyAny>, what: &str, path: bool, error: PyErr) -> PyErr {
    let py = object.py();
    let name = object.get_type().name().map_or_else(|_| "?".to_owned(), |name| name.to_string());
    if !error.is_instance_of::<PyTypeError>(py) {
        // It has a buffer, but does not give it away: a released memoryview, a closed mmap, ...
        let message = format!(
            "{what}: the buffer of this {name} cannot be read: {}; pass one that is open, or a \
             copy as bytes",
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
        match (has("read"), path) {
            (true, true) => "; for an open file, pass what its read() gives, or its path",
            (true, false) => "; for an open file, pass what its read() gives",
            _ => "",
        }
    };
    let or_path = if path { " or a path (str or os.PathLike)" } else { "" };
    PyTypeError::new_err(format!(
        "{what} must be bytes-like (bytes, bytearray, memoryview, mmap, numpy array, \
         ...){or_path}, not {name}{advice}"
    ))
}
