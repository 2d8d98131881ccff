//! What the flash complains about.

use core::fmt;

use embedded_storage::nor_flash::{NorFlashError, NorFlashErrorKind};

/// Why an access failed. Offsets are those of the flash, in bytes.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SimError {
    /// The access does not start, or does not end, at a multiple of the unit.
    NotAligned {
        /// Where it starts.
        offset: u32,
        /// Its length.
        len: usize,
        /// The unit: of reading, of writing, or the sector.
        unit: usize,
    },
    /// The access reaches past the end of the flash, or ends before it starts.
    OutOfBounds {
        /// Where it starts.
        offset: u32,
        /// Its length.
        len: usize,
    },
    /// The memory that is written from or read to does not start at a multiple of
    /// [`Rules::memory_alignment`](crate::Rules::memory_alignment).
    MemoryNotAligned {
        /// Where the access starts.
        offset: u32,
    },
    /// A unit is written that is not erased: it was written before, or an erase or write of it was
    /// torn. It may read as blank.
    NotErased {
        /// Where the unit starts.
        offset: u32,
    },
    /// A unit is written although one after it in the same sector was written before.
    NotAscending {
        /// Where the unit starts.
        offset: u32,
    },
    /// A protected range is written or erased.
    Protected {
        /// Where the access starts.
        offset: u32,
        /// Its length.
        len: usize,
    },
    /// The unit was torn, and its error-correcting code does not match
    /// ([`Rules::torn_units_unreadable`](crate::Rules::torn_units_unreadable)).
    Unreadable {
        /// Where the unit starts.
        offset: u32,
    },
    /// Reads fail there ([`NorSim::fail_reads`](crate::NorSim::fail_reads)).
    ReadFault {
        /// Where the access starts.
        offset: u32,
    },
    /// The power is off.
    NoPower,
}

impl SimError {
    /// Whether the caller broke a rule. If not, it met with a power cut or its consequences.
    pub fn is_violation(&self) -> bool {
        !matches!(self, Self::Unreadable { .. } | Self::ReadFault { .. } | Self::NoPower)
    }
}

impl NorFlashError for SimError {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::NotAligned { .. } => NorFlashErrorKind::NotAligned,
            Self::OutOfBounds { .. } => NorFlashErrorKind::OutOfBounds,
            _ => NorFlashErrorKind::Other,
        }
    }
}

impl fmt::Display for SimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAligned { offset, len, unit } => {
                write!(f, "access to {len} bytes at 0x{offset:x} is not aligned to {unit} bytes")
            }
            Self::OutOfBounds { offset, len } => {
                write!(f, "access to {len} bytes at 0x{offset:x} is outside the flash")
            }
            Self::MemoryNotAligned { offset } => {
                write!(
                    f,
                    "the memory for the access at 0x{offset:x} is not aligned as the flash wants it"
                )
            }
            Self::NotErased { offset } => write!(f, "write at 0x{offset:x}, which is not erased"),
            Self::NotAscending { offset } => {
                write!(
                    f,
                    "write at 0x{offset:x}, although something after it in the sector has been \
                     written"
                )
            }
            Self::Protected { offset, len } => {
                write!(f, "write or erase of {len} bytes at 0x{offset:x}, in a protected range")
            }
            Self::Unreadable { offset } => {
                write!(f, "the torn unit at 0x{offset:x} cannot be read")
            }
            Self::ReadFault { offset } => write!(f, "reading at 0x{offset:x} fails"),
            Self::NoPower => f.write_str("the power is off"),
        }
    }
}

impl core::error::Error for SimError {}
