//! Errors of a slot.

use core::fmt;

use crate::device::error::codes;

/// An error of a slot.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SlotError<E> {
    /// The flash reports an error.
    Flash(E),
    /// The slot does not lie in the flash, or does not start and end at sector boundaries; or the
    /// flash has read units of more than 512 bytes, or sectors that are no multiple of the write
    /// unit.
    Geometry,
    /// An access reaches beyond the slot.
    OutOfSlot,
    /// A write does not go on where the one before it has ended.
    OutOfOrder,
    /// The flash is written in large units, for which a buffer has to be lent.
    BufferTooSmall {
        /// Bytes that are needed.
        needed: u32,
    },
    /// The slot to be written overlaps the one that runs.
    Overlap,
    /// A record does not read back as it was written.
    ReadBack,
}

codes! {
    impl[E] SlotError<E> {
        Self::Flash(_) => "flash", Io;
        Self::Geometry => "slot-geometry", Misuse;
        Self::OutOfSlot => "out-of-slot", Misuse;
        Self::OutOfOrder => "out-of-order", Misuse;
        Self::BufferTooSmall { .. } => "buffer-too-small", Misuse;
        Self::Overlap => "slot-overlap", Misuse;
        Self::ReadBack => "record-read-back", Io;
    }
}

impl<E: fmt::Debug> fmt::Display for SlotError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flash(error) => write!(f, "flash error {error:?}"),
            Self::Geometry => {
                f.write_str("the slot does not fit the flash's size, sectors or units")
            }
            Self::OutOfSlot => f.write_str("access outside the slot"),
            Self::OutOfOrder => f.write_str("write that does not go on where the last one ended"),
            Self::BufferTooSmall { needed } => {
                write!(
                    f,
                    "the units of the flash are large: a buffer of {needed} bytes or more is needed"
                )
            }
            Self::Overlap => f.write_str("the slot to be written overlaps the one that runs"),
            Self::ReadBack => f.write_str("a record does not read back as it was written"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for SlotError<E> {}

impl<E> From<E> for SlotError<E> {
    fn from(error: E) -> Self {
        Self::Flash(error)
    }
}
