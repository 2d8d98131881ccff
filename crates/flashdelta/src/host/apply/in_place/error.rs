//! Why the update of a slot in a file failed.

use core::fmt;
use std::io;

use crate::device::apply::{ApplyError, OutOfBounds, SuspendError};
use crate::device::error::codes;
use crate::device::nor::{SharedError, SlotError};
use crate::device::update::in_place::InPlaceError;
use crate::host::apply::HeapError;

/// Why the update of a slot in a file failed.
#[non_exhaustive]
#[derive(Debug)]
pub enum SlotFileError {
    /// The slot cannot be opened, read or written.
    Slot(io::Error),
    /// The journal cannot be opened, read or written.
    Journal(io::Error),
    /// What should be the journal is a file with something else in it. It is as it was.
    NotAJournal,
    /// The journal and the slot are the same file.
    JournalIsSlot,
    /// The update does not come out right in memory, or there is too little of that: nothing has
    /// been written.
    Trial(HeapError<OutOfBounds, OutOfBounds>),
    /// The update does not go on.
    Update(InPlaceError<io::Error>),
    /// The callback ended it. The next call goes on.
    Cancelled,
}

codes! {
    impl[] SlotFileError {
        Self::Slot(_) => "write-new", Io;
        Self::Journal(_) => "write-suspension", Io;
        Self::NotAJournal => "not-a-journal", Misuse, OtherName;
        Self::JournalIsSlot => "journal-is-slot", Misuse, OtherName;
        Self::Cancelled => "cancelled", Cancelled;
    } else {
        Self::Trial(error) => error;
        Self::Update(error) => error;
    }
}

impl fmt::Display for SlotFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slot(error) => write!(f, "the slot cannot be used: {error}"),
            Self::Journal(error) => write!(f, "the journal cannot be used: {error}"),
            Self::NotAJournal => f.write_str("the file is there, and is no journal of an update"),
            Self::JournalIsSlot => f.write_str("the journal and the slot are the same file"),
            Self::Trial(error) => error.fmt(f),
            Self::Update(error) => match io_error(error) {
                Some(error) => write!(f, "the slot or the journal cannot be used: {error}"),
                None => error.fmt(f),
            },
            Self::Cancelled => f.write_str("cancelled"),
        }
    }
}

impl core::error::Error for SlotFileError {}

impl SlotFileError {
    /// What the system says, if it is that which failed.
    pub fn io_error(&self) -> Option<&io::Error> {
        match self {
            Self::Slot(error) | Self::Journal(error) => Some(error),
            Self::Update(error) => io_error(error),
            _ => None,
        }
    }
}

/// The error of a file under all that a flash in files goes through.
fn io_error(error: &InPlaceError<io::Error>) -> Option<&io::Error> {
    let slot = match error {
        InPlaceError::Flash(error) => error,
        InPlaceError::Apply(
            ApplyError::ReadOld { error, .. }
            | ApplyError::ReadNew { error, .. }
            | ApplyError::Write { error, .. }
            | ApplyError::Finish { error },
        ) => error,
        InPlaceError::Suspend(SuspendError::New(error) | SuspendError::Place(error)) => error,
        _ => return None,
    };
    match slot {
        SlotError::Flash(SharedError::Flash(error)) => Some(error),
        _ => None,
    }
}

impl From<InPlaceError<io::Error>> for SlotFileError {
    fn from(error: InPlaceError<io::Error>) -> Self {
        Self::Update(error)
    }
}
