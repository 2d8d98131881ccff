//! Every place where the power can go.

use core::fmt;

use embedded_storage::nor_flash::NorFlash as _;

use crate::flash::NorSim;

/// Positions inside each operation at which the power can go.
pub const POSITIONS: u8 = 16;

/// When the power goes.
///
/// A write of any length is one operation, and so is the erase of one sector.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Cut {
    /// The operation, counted from 0 since the flash was made ([`NorSim::operations`]).
    pub operation: u64,
    /// 0 to 15: so many sixteenths of it are done; what is under way then is torn. 16: the
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

/// The flash after each cut of a recorded run, with the power on again: see [`NorSim::cuts`].
#[derive(Clone, Debug)]
pub struct Cuts<'a, const READ: usize, const WRITE: usize, const ERASE: usize> {
    /// As it is before the next operation.
    flash: NorSim<READ, WRITE, ERASE>,
    operations: core::slice::Iter<'a, Operation>,
    position: u8,
}

impl<'a, const READ: usize, const WRITE: usize, const ERASE: usize> Cuts<'a, READ, WRITE, ERASE> {
    pub(crate) fn new(flash: NorSim<READ, WRITE, ERASE>, operations: &'a [Operation]) -> Self {
        Self { flash, operations: operations.iter(), position: 0 }
    }
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> Iterator
    for Cuts<'_, READ, WRITE, ERASE>
{
    type Item = (Cut, NorSim<READ, WRITE, ERASE>);

    fn next(&mut self) -> Option<Self::Item> {
        let operation = self.operations.as_slice().first()?;
        let cut = Cut { operation: self.flash.operations(), position: self.position };
        let mut flash = self.flash.clone();
        flash.cut_at(cut);
        // It ends in an error: that is what it is for.
        let _ = match operation {
            Operation::Write { offset, data } => flash.write(*offset, data),
            Operation::Erase { offset } => {
                flash.erase(*offset, offset.saturating_add(ERASE as u32))
            }
        };
        flash.power_on();
        if self.position < POSITIONS {
            self.position += 1;
        } else {
            self.operations.next();
            self.position = 0;
            self.flash = flash.clone();
        }
        Some((cut, flash))
    }
}
