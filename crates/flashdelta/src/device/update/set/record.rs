//! What of a set has to survive a reset.

use crate::device::nor::{Flash, Records, SlotError};

/// One record that survives resets. It is replaced as a whole: whenever the power is cut, the one
/// that was written last is there, or the one before.
///
/// [`Records`] in flash are this. The record holds the index: their halves need room for its length
/// and 5 bytes more.
#[allow(clippy::len_without_is_empty)] // A record may be there and empty.
pub trait SetRecord {
    /// The error type.
    type Error;

    /// Length of the record in bytes; `None` if there is none.
    fn len(&self) -> Option<u32>;

    /// Fills `buf` with the record from `offset` on.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    fn read(&mut self, offset: u32, buf: &mut [u8]) -> Result<(), Self::Error>;

    /// Replaces the record by these two parts, one after the other.
    ///
    /// # Errors
    ///
    /// If it cannot be written. The record before may be there, or the new one.
    fn write(&mut self, head: &[u8], rest: &[u8]) -> Result<(), Self::Error>;
}

impl<F: Flash, B: AsMut<[u8]>> SetRecord for Records<F, B> {
    type Error = SlotError<F::Error>;

    fn len(&self) -> Option<u32> {
        Self::len(self)
    }

    fn read(&mut self, offset: u32, buf: &mut [u8]) -> Result<(), Self::Error> {
        Self::read(self, offset, buf)
    }

    fn write(&mut self, head: &[u8], rest: &[u8]) -> Result<(), Self::Error> {
        self.write_parts(&[head, rest])
    }
}

impl<R: SetRecord + ?Sized> SetRecord for &mut R {
    type Error = R::Error;

    fn len(&self) -> Option<u32> {
        (**self).len()
    }

    fn read(&mut self, offset: u32, buf: &mut [u8]) -> Result<(), Self::Error> {
        (**self).read(offset, buf)
    }

    fn write(&mut self, head: &[u8], rest: &[u8]) -> Result<(), Self::Error> {
        (**self).write(head, rest)
    }
}

/// What [`recover`](super::recover) found.
#[allow(clippy::exhaustive_enums)] // There is nothing between.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Recovered {
    /// No update was under way.
    Nothing,
    /// One had been begun, and was taken back: all is old.
    Reverted,
    /// One had been committed, and all of it is active now.
    Completed,
}

/// Bytes in front of the index in a record.
pub(super) const RECORD_HEAD: usize = 5;

/// How far an update has come, as the record has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    Begun = 1,
    Committed = 2,
    Done = 3,
}

impl State {
    /// As numbers.
    pub(super) const BEGUN: u8 = Self::Begun as u8;
    pub(super) const COMMITTED: u8 = Self::Committed as u8;

    /// The head of a record: the state, and a bit for each component that is updated.
    pub(super) fn head(self, todo: u32) -> [u8; RECORD_HEAD] {
        let [a, b, c, d] = todo.to_le_bytes();
        [self as u8, a, b, c, d]
    }
}
