//! An exception, and those that may come up anywhere.

use std::io;
use std::path::Path;

use flashdelta::apply::ErrorClass;
use flashdelta::Remedy;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;

use crate::remedy;

/// An exception under construction: the class in `flashdelta._errors`, the kind, and the fields.
pub(super) struct Exception<'py> {
    py: Python<'py>,
    class: &'static str,
    fields: Bound<'py, PyDict>,
    /// What to do about it.
    pub(super) advice: Option<String>,
}

impl<'py> Exception<'py> {
    pub(super) fn new(py: Python<'py>, class: &'static str, kind: &str) -> Self {
        // What may happen anywhere is the same everywhere.
        let class = match kind {
            "out-of-memory" => "OutOfMemoryError",
            "cancelled" => "CancelledError",
            _ => class,
        };
        let new = Self { py, class, fields: PyDict::new(py), advice: None };
        new.field("kind", kind)
    }

    /// Says what to do.
    pub(super) fn advised(mut self, remedy: Option<Remedy>) -> Self {
        self.advice = remedy.as_ref().and_then(remedy::words);
        self
    }

    pub(super) fn field(self, name: &str, value: impl IntoPyObject<'py>) -> Self {
        // Numbers and text always convert; what does not is missing rather than the reason for
        // another error.
        let _ = self.fields.set_item(name, value);
        self
    }

    pub(super) fn raise(self, message: &str) -> PyErr {
        let message = match self.advice {
            Some(advice) => format!("{message}; {advice}"),
            None => message.to_owned(),
        };
        static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
        let make = || {
            let module = MODULE.get_or_try_init(self.py, || {
                self.py.import("flashdelta._errors").map(Bound::unbind)
            })?;
            module.bind(self.py).getattr(self.class)?.call((message,), Some(&self.fields))
        };
        make().map_or_else(|error| error, PyErr::from_value)
    }
}

/// An argument that is not possible.
pub(crate) fn option(py: Python<'_>, message: &str) -> PyErr {
    Exception::new(py, "OptionError", "option").raise(message)
}

/// An internal error: a bug.
pub(crate) fn internal(py: Python<'_>, message: &str) -> PyErr {
    Exception::new(py, "InternalError", "internal").raise(message)
}

/// The caller's callback asked to give up.
pub(crate) fn cancelled(py: Python<'_>) -> PyErr {
    Exception::new(py, "CancelledError", "cancelled")
        .raise("cancelled: the progress callback returned False")
}

/// The applier was used in a way that cannot work.
pub(crate) fn misuse(py: Python<'_>, kind: &str, message: &str) -> PyErr {
    Exception::new(py, "MisuseError", kind).raise(message)
}

/// An error of a kind that has no class of its own in Python: that of the error's class.
pub(crate) fn by_class(
    py: Python<'_>,
    (code, class, remedy): (&str, ErrorClass, Option<Remedy>),
    message: &str,
) -> PyErr {
    let name = match class {
        ErrorClass::BadPatch => "BadPatchError",
        ErrorClass::WrongBase => "WrongBaseError",
        ErrorClass::WrongDevice => "WrongDeviceError",
        ErrorClass::DoesNotFit => "DoesNotFitError",
        ErrorClass::Io => "FileError",
        ErrorClass::BadFile => "ImageError",
        ErrorClass::NotAuthentic => "NotAuthenticError",
        ErrorClass::Cancelled => return cancelled(py),
        ErrorClass::Misuse => "OptionError",
        _ => "InternalError",
    };
    Exception::new(py, name, code).advised(remedy).raise(message)
}

/// The same of an error of the library. (Its types have no trait in common.)
macro_rules! coded {
    ($py:expr, $error:expr, $message:expr) => {{
        let (error, message): (_, &str) = (&$error, $message);
        let told = (error.code(), error.class(), error.remedy());
        $crate::errors::by_class($py, told, message)
    }};
    ($py:expr, $error:expr) => {{
        let error = $error;
        $crate::errors::coded!($py, error, &error.to_string())
    }};
}

pub(crate) use coded;

/// Whether an exception says that the callback asked to give up.
pub(crate) fn is_cancelled(py: Python<'_>, error: &PyErr) -> bool {
    error.get_type(py).name().is_ok_and(|name| name == "CancelledError")
}

/// A file could not be used. `verb`: read, write.
pub(crate) fn io(py: Python<'_>, verb: &str, path: &Path, error: &io::Error) -> PyErr {
    file(py, &format!("cannot {verb} {}: {error}", path.display()), verb, path, error, None)
}

pub(super) fn file(
    py: Python<'_>,
    message: &str,
    kind: &str,
    path: &Path,
    error: &io::Error,
    offset: Option<u32>,
) -> PyErr {
    let class = match error.kind() {
        io::ErrorKind::NotFound => "FileMissingError",
        io::ErrorKind::PermissionDenied => "FilePermissionError",
        io::ErrorKind::IsADirectory => "FileIsADirectoryError",
        _ => "FileError",
    };
    let advice = match error.kind() {
        io::ErrorKind::NotFound if kind == "write" => Some("make its folder first".to_owned()),
        io::ErrorKind::IsADirectory => Some("name a file".to_owned()),
        _ => None,
    };
    let exception = Exception { advice, ..Exception::new(py, class, kind) };
    exception
        .field("errno", error.raw_os_error())
        .field("strerror", error.to_string())
        .field("filename", path.as_os_str())
        .field("offset", offset)
        .raise(message)
}
