//! Why an update by a set failed.

use core::fmt;

use super::components::Components;
use super::error::SetError;
use super::record::SetRecord;
use crate::device::apply::{NewImage, OldImage};
use crate::device::error::codes;
use crate::device::verify::GuardError;

/// Why the update by a set failed. `C` is the error of the components, `O` and `N` those of their
/// old and new images, `R` that of the record.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SetUpdateError<C, O, N, R> {
    /// The set is refused.
    Set(SetError),
    /// Reading what is in a component failed.
    Old {
        /// The component.
        component: u8,
        /// How.
        error: O,
    },
    /// A component reports an error.
    Component {
        /// The component.
        component: u8,
        /// How.
        error: C,
    },
    /// A payload could not be applied. After
    /// [`WrongChunk`](crate::verify::VerifyError::WrongChunk) the chunk may be fed again.
    Payload {
        /// The component.
        component: u8,
        /// Why.
        error: GuardError<O, N>,
    },
    /// The record could not be read or written.
    Record(R),
}

codes! {
    impl[C, O, N, R] SetUpdateError<C, O, N, R> {
        Self::Old { .. } => "read-old", Io;
        Self::Component { .. } => "component", Io;
        Self::Record(_) => "set-record", Io;
    } else {
        Self::Set(error) => error;
        Self::Payload { error, .. } => error;
    }
}

impl<C, O, N, R> From<SetError> for SetUpdateError<C, O, N, R> {
    fn from(error: SetError) -> Self {
        Self::Set(error)
    }
}

impl<C, O, N, R> fmt::Display for SetUpdateError<C, O, N, R>
where
    C: fmt::Display,
    O: fmt::Display,
    N: fmt::Display,
    R: fmt::Display,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Set(error) => error.fmt(f),
            Self::Old { component, error } => {
                write!(f, "reading what is in component {component} failed: {error}")
            }
            Self::Component { component, error } => write!(f, "component {component}: {error}"),
            Self::Payload { component, error } => write!(f, "component {component}: {error}"),
            Self::Record(error) => write!(f, "the record of the update failed: {error}"),
        }
    }
}

impl<C, O, N, R> core::error::Error for SetUpdateError<C, O, N, R>
where
    C: core::error::Error + 'static,
    O: core::error::Error + 'static,
    N: core::error::Error + 'static,
    R: core::error::Error + 'static,
{
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Set(error) => Some(error),
            Self::Old { error, .. } => Some(error),
            Self::Component { error, .. } => Some(error),
            Self::Payload { error, .. } => Some(error),
            Self::Record(error) => Some(error),
        }
    }
}

/// What an update by a set can fail with.
pub(super) type SetErrorOf<C, R> = SetUpdateError<
    <C as Components>::Error,
    <<C as Components>::Old as OldImage>::Error,
    <<C as Components>::New as NewImage>::Error,
    <R as SetRecord>::Error,
>;
