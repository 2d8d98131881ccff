//! Where the applier reads the old image and writes the new one.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use flashdelta::apply::{NewFile, NewImage, OldFile, OldImage, OutOfBounds};
use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::errors;
use crate::fault::Fault;
use crate::source::{path_like, read_whole, Source};
use crate::watch::Watch;

/// The old image.
pub(crate) struct Old {
    place: OldPlace,
    watch: Watch,
}

enum OldPlace {
    Memory(Source),
    File(PathBuf, OldFile),
}

impl Old {
    /// From a bytes-like object or a path.
    pub(crate) fn of(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        let place = match path_like(object)? {
            Some(path) => return Self::open(object.py(), path),
            None => OldPlace::Memory(Source::of_buffer_or(object, "old", true)?),
        };
        Ok(Self { place, watch: Watch::new() })
    }

    fn open(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let file = OldFile::open(&path).map_err(|error| errors::io(py, "read", &path, &error))?;
        Ok(Self { place: OldPlace::File(path, file), watch: Watch::new() })
    }

    /// Where the caller has its bytes, if they are in memory.
    fn origin(&self) -> Option<Range<usize>> {
        match &self.place {
            OldPlace::Memory(source) => source.origin(),
            OldPlace::File(..) => None,
        }
    }
}

impl OldImage for Old {
    type Error = Fault;

    fn len(&self) -> u32 {
        match &self.place {
            OldPlace::Memory(source) => OldImage::len(&&**source),
            OldPlace::File(_, file) => file.len(),
        }
    }

    fn read(&mut self, offset: u32, buf: &mut [u8]) -> Result<(), Fault> {
        self.watch.check().map_err(Fault::Signal)?;
        match &mut self.place {
            OldPlace::Memory(source) => {
                OldImage::read(&mut &**source, offset, buf).map_err(Fault::Memory)
            }
            OldPlace::File(path, file) => {
                file.read(offset, buf).map_err(|error| Fault::File(path.clone(), error))
            }
        }
    }
}

/// The new image.
pub(crate) struct New {
    place: NewPlace,
    watch: Watch,
}

enum NewPlace {
    Memory(Vec<u8>),
    File(PathBuf, NewFile),
    Buffer(Writable),
}

impl New {
    fn memory() -> Self {
        Self { place: NewPlace::Memory(Vec::new()), watch: Watch::new() }
    }

    fn create(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        // An existing folder would be noticed only at the end, by the rename.
        let file = if path.is_dir() {
            Err(io::ErrorKind::IsADirectory.into())
        } else {
            NewFile::create(&path)
        };
        let file = file.map_err(|error| errors::io(py, "write", &path, &error))?;
        Ok(Self { place: NewPlace::File(path, file), watch: Watch::new() })
    }

    /// In memory if there is no object; else a writable buffer or a path.
    pub(crate) fn of(object: Option<&Bound<'_, PyAny>>, old: &Old) -> PyResult<Self> {
        let Some(object) = object else { return Ok(Self::memory()) };
        if let Some(path) = path_like(object)? {
            return Self::create(object.py(), path);
        }
        let buffer = Writable::of(object)?;
        if old.origin().is_some_and(|old| buffer.overlaps(old)) {
            let message = "new must not be in the memory of old: the old image is needed until \
                           the new one is complete";
            return Err(errors::option(object.py(), message));
        }
        Ok(Self { place: NewPlace::Buffer(buffer), watch: Watch::new() })
    }

    /// The bytes, if they are not in a place of the caller's.
    pub(crate) fn into_bytes(self) -> Option<Vec<u8>> {
        match self.place {
            NewPlace::Memory(bytes) => Some(bytes),
            NewPlace::File(..) | NewPlace::Buffer(_) => None,
        }
    }
}

impl NewImage for New {
    type Error = Fault;

    fn capacity(&self) -> u32 {
        match &self.place {
            NewPlace::Memory(bytes) => bytes.capacity_limit(),
            NewPlace::File(_, file) => file.capacity(),
            NewPlace::Buffer(buffer) => u32::try_from(buffer.0.len_bytes()).unwrap_or(u32::MAX),
        }
    }

    fn write(&mut self, offset: u32, data: &[u8]) -> Result<(), Fault> {
        self.watch.check().map_err(Fault::Signal)?;
        match &mut self.place {
            NewPlace::Memory(bytes) => bytes.write(offset, data).map_err(Fault::Memory),
            NewPlace::File(path, file) => {
                file.write(offset, data).map_err(|error| Fault::File(path.clone(), error))
            }
            NewPlace::Buffer(buffer) => buffer.write(offset, data).map_err(Fault::Memory),
        }
    }

    fn read(&mut self, offset: u32, buf: &mut [u8]) -> Result<(), Fault> {
        self.watch.check().map_err(Fault::Signal)?;
        match &mut self.place {
            NewPlace::Memory(bytes) => NewImage::read(bytes, offset, buf).map_err(Fault::Memory),
            NewPlace::File(path, file) => {
                file.read(offset, buf).map_err(|error| Fault::File(path.clone(), error))
            }
            NewPlace::Buffer(buffer) => buffer.read(offset, buf).map_err(Fault::Memory),
        }
    }

    fn flush(&mut self) -> Result<(), Fault> {
        match &mut self.place {
            NewPlace::File(path, file) => {
                file.flush().map_err(|error| Fault::File(path.clone(), error))
            }
            NewPlace::Memory(_) | NewPlace::Buffer(_) => Ok(()),
        }
    }

    fn commit(&mut self) -> Result<(), Fault> {
        match &mut self.place {
            NewPlace::File(path, file) => {
                file.commit().map_err(|error| Fault::File(path.clone(), error))
            }
            NewPlace::Memory(_) | NewPlace::Buffer(_) => Ok(()),
        }
    }
}

/// Both `Vec` and `NewImage` have a `capacity`.
trait CapacityLimit {
    fn capacity_limit(&self) -> u32;
}

impl CapacityLimit for Vec<u8> {
    fn capacity_limit(&self) -> u32 {
        NewImage::capacity(self)
    }
}

/// A writable, contiguous buffer of Python's.
struct Writable(PyUntypedBuffer);

impl Writable {
    fn of(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        let name = object.get_type().name()?;
        let refuse = |why: &str| {
            let message = format!(
                "new must be None, a path, or a writable buffer such as a bytearray: this \
                         {name} {why}"
            );
            Err(PyTypeError::new_err(message))
        };
        let Ok(buffer) = PyUntypedBuffer::get(object) else {
            return refuse(match object.hasattr("write")? {
                true => {
                    "has no buffer; for an open file, pass its path, or write what finish() gives"
                }
                false => "has no buffer",
            });
        };
        match () {
            () if buffer.readonly() => refuse("is read-only"),
            () if !buffer.is_c_contiguous() => refuse("is not contiguous"),
            () => Ok(Self(buffer)),
        }
    }

    /// The place of `len` bytes at `offset`.
    fn place(&self, offset: u32, len: usize) -> Result<*mut u8, OutOfBounds> {
        let end = (offset as usize).checked_add(len).ok_or(OutOfBounds)?;
        if end > self.0.len_bytes() {
            return Err(OutOfBounds);
        }
        Ok(self.0.buf_ptr().cast::<u8>().wrapping_add(offset as usize))
    }

    fn write(&mut self, offset: u32, data: &[u8]) -> Result<(), OutOfBounds> {
        let place = self.place(offset, data.len())?;
        // SAFETY: the buffer is contiguous and writable, the exporter keeps it in place as long as
        // the view exists, and the bytes are inside. No reference to them is made, as Python code
        // may touch them meanwhile; what it changes, the check of the whole image finds.
        unsafe { std::ptr::copy(data.as_ptr(), place, data.len()) };
        Ok(())
    }

    fn read(&self, offset: u32, buf: &mut [u8]) -> Result<(), OutOfBounds> {
        let place = self.place(offset, buf.len())?;
        // SAFETY: as for writing.
        unsafe { std::ptr::copy(place, buf.as_mut_ptr(), buf.len()) };
        Ok(())
    }

    fn overlaps(&self, other: Range<usize>) -> bool {
        let start = self.0.buf_ptr() as usize;
        let end = start + self.0.len_bytes();
        start < other.end && other.start < end && start < end && other.start < other.end
    }
}

/// Reads a file whole.
#[pyfunction]
pub(crate) fn read_file<'py>(py: Python<'py>, path: PathBuf) -> PyResult<Bound<'py, PyBytes>> {
    Ok(PyBytes::new(py, &read_whole(py, &path)?))
}

/// Writes a file whole: under a temporary name, which is changed once everything is on the disk.
#[pyfunction]
pub(crate) fn write_file(py: Python<'_>, path: PathBuf, data: &Bound<'_, PyAny>) -> PyResult<()> {
    let data = Source::of_buffer(data, "data")?;
    py.detach(|| write_whole(&path, &data)).map_err(|error| errors::io(py, "write", &path, &error))
}

/// Writes a file whole.
pub(crate) fn write_whole(path: &Path, data: &[u8]) -> io::Result<()> {
    let mut file = NewFile::create(path)?;
    file.write(0, data)?;
    file.flush()?;
    file.commit()
}
