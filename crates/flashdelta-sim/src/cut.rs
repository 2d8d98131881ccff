//! One place where the power can go, and what flash was doing there.

use core::fmt;

/// Positions inside each operation at which the power can go.
pub const POSITIONS: u8 = 16;

/// When the power goes.
///
/// A write of any length is one operation, and so is the erase of one sector.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Cut {
    /// The operation, counted from 0 since the flash was made
    /// ([`NorSim::operations`](crate::NorSim::operations)).
    pub operation: u64,
    /// 0 to 15: this many sixteenths of it are done; what is under way then is torn. 16: the
    /// operation is complete, but nothing comes after it.
    pub position: u8,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cut at {}/{POSITIONS} of operation {}", self.position, self.operation)
    }
}

/// What changed the flash.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Operation {
    /// A write.
    Write {
        /// Where it starts.
        offset: u32,
        /// What was written.
        data: Vec<u8>,
    },
    /// The erase of one sector.
    Erase {
        /// Where the sector starts.
        offset: u32,
    },
}

impl Operation {
    /// Where it starts.
    pub fn offset(&self) -> u32 {
        match self {
            Self::Write { offset, .. } | Self::Erase { offset } => *offset,
        }
    }
}
