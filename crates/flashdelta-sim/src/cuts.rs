//! Every place where the power can go.

use embedded_storage::nor_flash::NorFlash as _;

use crate::cut::{Cut, Operation, POSITIONS};
use crate::flash::NorSim;

/// The flash after each cut of a recorded run, with the power on again: see [`NorSim::cuts`].
#[derive(Clone, Debug)]
pub struct Cuts<'a, const READ: usize, const WRITE: usize, const ERASE: usize> {
    /// As it is before the next operation.
    flash: NorSim<READ, WRITE, ERASE>,
    operations: core::slice::Iter<'a, Operation>,
    position: u8,
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> NorSim<READ, WRITE, ERASE> {
    /// The flash after each cut of a recorded run that started from `self`: [`POSITIONS`] inside
    /// each operation and one after it, in this order. The power is on again.
    pub fn cuts<'a>(&self, recorded: &'a [Operation]) -> Cuts<'a, READ, WRITE, ERASE> {
        Cuts { flash: self.unrecorded(), operations: recorded.iter(), position: 0 }
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
