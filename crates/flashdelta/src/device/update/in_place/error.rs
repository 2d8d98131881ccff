//! Why an update in one slot does not go on.

use core::fmt;

use crate::device::apply::{ApplyError, ResumeError, SuspendError};
use crate::device::error::codes;
use crate::device::format::HeaderError;
use crate::device::nor::{SharedError, SlotError};

/// An error of an image, and of the records: all are in one flash.
type Image<E> = SlotError<SharedError<E>>;

/// Why an update in one slot did not begin, or does not go on. `E` is the error of the flash.
///
/// Whether the slot still holds the old image is told by [`is_unfinished`](super::is_unfinished).
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum InPlaceError<E> {
    /// It is no patch, or not one for this applier.
    Header(HeaderError),
    /// What was given of the patch does not hold its whole header.
    HeaderCutShort,
    /// The patch was made for two slots.
    NotInPlace,
    /// The slot is too small.
    SlotTooSmall {
        /// Bytes that would do.
        needed: u32,
        /// Bytes that it has.
        found: u32,
    },
    /// The scratch area is too small.
    ScratchTooSmall {
        /// Bytes that would do.
        needed: u32,
        /// Bytes that it has.
        found: u32,
    },
    /// The journal is too small.
    JournalTooSmall {
        /// Bytes that would do.
        needed: u32,
        /// Bytes that it has.
        found: u32,
    },
    /// An update by another patch is unfinished: only that one can go on.
    OtherPatch,
    /// The newest record in the journal is none that this version of the library knows: only the
    /// version that has begun that update can go on.
    OtherVersion,
    /// The scratch area does not hold what the journal says.
    ScratchDamaged,
    /// The flash cannot be used, or not in this layout.
    Flash(Image<E>),
    /// The state could not be saved.
    Suspend(SuspendError<Image<E>, Image<E>>),
    /// The state could not be loaded.
    Resume(ResumeError<Image<E>, Image<E>, Image<E>>),
    /// The new image could not be made.
    Apply(ApplyError<Image<E>, Image<E>>),
}

codes! {
    impl[E] InPlaceError<E> {
        Self::HeaderCutShort => "header-cut-short", Misuse;
        Self::NotInPlace => "not-in-place", DoesNotFit;
        Self::SlotTooSmall { .. } => "slot-too-small", DoesNotFit;
        Self::ScratchTooSmall { .. } => "scratch-too-small", DoesNotFit;
        Self::JournalTooSmall { .. } => "journal-too-small", DoesNotFit;
        Self::OtherPatch => "unfinished-other-patch", BadPatch;
        Self::OtherVersion => "journal-other-version", DoesNotFit, UpdateProgram;
        Self::ScratchDamaged => "scratch-damaged", Io;
    } else {
        Self::Header(error) => error;
        Self::Flash(error) => error;
        Self::Suspend(error) => error;
        Self::Resume(error) => error;
        Self::Apply(error) => error;
    }
}

impl<E: fmt::Debug> fmt::Display for InPlaceError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(error) => error.fmt(f),
            Self::HeaderCutShort => f.write_str("the header of the patch is not all there"),
            Self::NotInPlace => f.write_str("the patch was made for two slots, not for one"),
            Self::SlotTooSmall { needed, found } => {
                write!(f, "the slot has {found} bytes, and the update takes {needed}")
            }
            Self::ScratchTooSmall { needed, found } => {
                write!(f, "the scratch area has {found} bytes, and the update takes {needed}")
            }
            Self::JournalTooSmall { needed, found } => {
                write!(f, "the journal has {found} bytes, and the update takes {needed}")
            }
            Self::OtherPatch => f.write_str("an update by another patch is unfinished"),
            Self::OtherVersion => {
                f.write_str("the journal has a record of another version of the library")
            }
            Self::ScratchDamaged => {
                f.write_str("the scratch area does not hold what the journal says")
            }
            Self::Flash(error) => error.fmt(f),
            Self::Suspend(error) => error.fmt(f),
            Self::Resume(error) => error.fmt(f),
            Self::Apply(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for InPlaceError<E> {}

impl<E> From<Image<E>> for InPlaceError<E> {
    fn from(error: Image<E>) -> Self {
        Self::Flash(error)
    }
}

impl<E> From<HeaderError> for InPlaceError<E> {
    fn from(error: HeaderError) -> Self {
        Self::Header(error)
    }
}

impl<E> From<ApplyError<Image<E>, Image<E>>> for InPlaceError<E> {
    fn from(error: ApplyError<Image<E>, Image<E>>) -> Self {
        Self::Apply(error)
    }
}
