//! What of a node survives a reset.

use crate::cut::Cut;
use crate::flash::NorSim;

/// What of a node survives a reset: its flash, and whatever a test wants to remember.
///
/// The power of a node goes with that of its storage, so that a program which is cut in the middle
/// of a write cannot go on.
pub trait Storage {
    /// The power goes at a [position](Cut::position) of the operation that comes after `after`
    /// others from now.
    fn cut_after(&mut self, after: u64, position: u8);

    /// Whether the power has gone.
    fn is_off(&self) -> bool;

    /// The power is back. A cut that was still to come does not come.
    fn power_on(&mut self);
}

impl<const READ: usize, const WRITE: usize, const ERASE: usize> Storage
    for NorSim<READ, WRITE, ERASE>
{
    fn cut_after(&mut self, after: u64, position: u8) {
        let operation = self.operations().saturating_add(after);
        self.cut_at(Cut { operation, position });
    }

    fn is_off(&self) -> bool {
        Self::is_off(self)
    }

    fn power_on(&mut self) {
        Self::power_on(self);
    }
}

/// No flash: nothing that could be cut.
impl Storage for () {
    fn cut_after(&mut self, _after: u64, _position: u8) {}

    fn is_off(&self) -> bool {
        false
    }

    fn power_on(&mut self) {}
}

/// Several storages have one power: a cut is one of the first, and takes all with it.
impl<A: Storage, B: Storage> Storage for (A, B) {
    fn cut_after(&mut self, after: u64, position: u8) {
        self.0.cut_after(after, position);
    }

    fn is_off(&self) -> bool {
        self.0.is_off() || self.1.is_off()
    }

    fn power_on(&mut self) {
        self.0.power_on();
        self.1.power_on();
    }
}
