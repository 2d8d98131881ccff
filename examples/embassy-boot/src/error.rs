//! Why an update fails, and so what to do about it.

use core::fmt;

use flashdelta::apply::{ApplyError, ErrorClass};
use flashdelta::update::ab::AbError;

/// Why an update has failed. The image that runs is what starts next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum UpdateError {
    /// The image that runs has not confirmed itself yet: DFU is what the bootloader goes back to.
    NotConfirmed,
    /// The patch: its class says what to do, its code what it was.
    Patch(ErrorClass, &'static str),
    /// The partitions do not fit the flash.
    Layout,
    /// The state partition could not be read or written.
    State,
}

impl UpdateError {
    pub(crate) fn apply<O, N>(error: ApplyError<O, N>) -> Self {
        Self::Patch(error.class(), error.code())
    }

    pub(crate) fn finish<O, N>(error: AbError<O, N, Self>) -> Self {
        match error {
            AbError::Boot(error) => error,
            error => Self::Patch(error.class(), error.code()),
        }
    }
}

impl fmt::Display for UpdateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConfirmed => f.write_str("the image that runs has not confirmed itself yet"),
            Self::Patch(_, code) => write!(f, "the patch was not applied: {code}"),
            Self::Layout => f.write_str("the partitions do not fit the flash"),
            Self::State => f.write_str("the state partition could not be read or written"),
        }
    }
}

impl core::error::Error for UpdateError {}
