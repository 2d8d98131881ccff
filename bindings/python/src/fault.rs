//! What goes wrong where a patch is applied to the images that there are here.

use std::io;
use std::path::PathBuf;

use flashdelta::apply::OutOfBounds;
use flashdelta::verify::{GuardError, VerifyError};
use pyo3::prelude::*;

/// Why an image could not be read or written.
pub(crate) enum Fault {
    File(PathBuf, io::Error),
    /// In memory this cannot happen: the applier stays inside.
    Memory(OutOfBounds),
    /// A signal handler raised this.
    Signal(PyErr),
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Memory(error) => error.fmt(f),
            Self::Signal(error) => error.fmt(f),
        }
    }
}

/// Why a patch could not be applied, with the images that there are here.
pub(crate) type ApplyError = flashdelta::apply::ApplyError<Fault, Fault>;

/// Why a piece of a patch could not be applied.
pub(crate) enum PushError {
    /// The applier says why.
    Apply(ApplyError),
    /// The patch is not authentic.
    Verify(VerifyError),
    /// The patch needs more RAM than the device has.
    Ram { needed: u32, found: u32 },
    /// It is a bundle, which devices do not apply.
    Bundle,
}

impl From<ApplyError> for PushError {
    fn from(error: ApplyError) -> Self {
        Self::Apply(error)
    }
}

impl From<GuardError<Fault, Fault>> for PushError {
    fn from(error: GuardError<Fault, Fault>) -> Self {
        match error {
            GuardError::Verify(error) => Self::Verify(error),
            GuardError::Apply(error) => Self::Apply(error),
            _ => Self::Apply(ApplyError::Poisoned),
        }
    }
}
