//! One sector: its bytes, and what was done to each unit of them.

use crate::cut::POSITIONS;
use crate::random::Random;

/// What was done last to a write unit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unit {
    Erased,
    Written,
    /// The power went while it was erased or written: it holds anything, and must be erased.
    Torn,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Sector {
    pub(crate) data: Vec<u8>,
    pub(crate) units: Vec<Unit>,
    /// The first unit after all that were written since the last erase.
    next: usize,
    /// How many times it was erased.
    pub(crate) erases: u32,
}

impl Sector {
    pub(crate) fn new(len: usize, unit: usize) -> Self {
        let units = len / unit;
        Self { data: vec![0xFF; len], units: vec![Unit::Erased; units], next: 0, erases: 0 }
    }

    fn unit_len(&self) -> usize {
        self.data.len() / self.units.len()
    }

    /// Whether both are the same, but for the wear.
    pub(crate) fn holds_the_same(&self, other: &Self) -> bool {
        self.next == other.next && self.units == other.units && self.data == other.data
    }

    /// Puts bytes in without regard to any rule, as a programmer that erases by itself.
    pub(crate) fn load(&mut self, into: usize, bytes: &[u8]) {
        let unit = self.unit_len();
        let end = (into + bytes.len()).div_ceil(unit);
        self.data[into..into + bytes.len()].copy_from_slice(bytes);
        self.units[into / unit..end].fill(Unit::Written);
        self.next = self.next.max(end);
    }

    /// The first unit of a write that must not be written, and whether it is because of the order.
    pub(crate) fn refuses(
        &self,
        into: usize,
        len: usize,
        ascending: bool,
    ) -> Option<(usize, bool)> {
        let (first, end) = (into / self.unit_len(), (into + len) / self.unit_len());
        let used = self.units[first..end].iter().position(|unit| *unit != Unit::Erased);
        match used {
            Some(unit) => Some((first + unit, false)),
            None => (ascending && first < self.next).then_some((first, true)),
        }
    }

    /// Writes whole units.
    pub(crate) fn write(&mut self, into: usize, bytes: &[u8]) {
        self.load(into, bytes);
    }

    /// The power goes while a unit is written: any of the bits that should become 0 may have done
    /// so.
    pub(crate) fn tear_unit(&mut self, into: usize, bytes: &[u8], random: &mut Random) {
        let kind = random.next() % 4;
        for (place, byte) in self.data[into..].iter_mut().zip(bytes) {
            *place &= match kind {
                // It looks as if nothing had happened, or everything.
                0 => 0xFF,
                1 => *byte,
                _ => *byte | random.byte(),
            };
        }
        let unit = into / self.unit_len();
        self.units[unit] = Unit::Torn;
        self.next = self.next.max(unit + 1);
    }

    pub(crate) fn erase(&mut self) {
        self.data.fill(0xFF);
        self.units.fill(Unit::Erased);
        self.next = 0;
        self.erases += 1;
    }

    /// The power goes at a position of an erase.
    pub(crate) fn tear_erase(&mut self, position: u8, random: &mut Random) {
        match random.next() % 3 {
            // The front is erased, with a ragged edge.
            0 => {
                let done = self.data.len() * usize::from(position) / usize::from(POSITIONS);
                let ragged = (done + self.unit_len()).min(self.data.len());
                self.data[..done].fill(0xFF);
                self.data[done..ragged].iter_mut().for_each(|byte| *byte |= random.byte());
            }
            // All bits are on their way to 1.
            1 => self.data.iter_mut().for_each(|byte| *byte |= random.bits(position)),
            // First they go to 0, so that all of them start from there.
            _ if position < POSITIONS / 2 => {
                self.data.iter_mut().for_each(|byte| *byte &= !random.bits(position * 2));
            }
            _ => self
                .data
                .iter_mut()
                .for_each(|byte| *byte = random.bits((position - POSITIONS / 2) * 2)),
        }
        self.units.fill(Unit::Torn);
        self.next = self.units.len();
        self.erases += 1;
    }
}
