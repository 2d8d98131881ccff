//! Copies from the old image, predicted unit by unit: the same for maker and applier.

use crate::device::isa::InstructionSet;
#[cfg(feature = "suspend")]
use crate::device::port::Port;
use crate::device::predict::shift_map::ShiftMap;
use crate::device::predict::walker::{Forecast, Walker};

/// The prediction of copies from the old image; the same for maker and applier.
pub(crate) struct Copies<'w> {
    walker: Walker<'w>,
    shifts: ShiftMap<'w>,
}

impl<'w> Copies<'w> {
    /// Copies that have yet to be [started](Self::start).
    pub(crate) const fn idle() -> Self {
        Self { walker: Walker::idle(), shifts: ShiftMap::empty() }
    }

    /// The start of the new image, `shifts` being the memory of the shift map.
    pub(crate) fn start(&mut self, isa: InstructionSet, shifts: &'w mut [u32]) {
        self.shifts = ShiftMap::new(shifts);
        self.walker.start(isa);
    }

    /// The state, into a suspension or out of it.
    #[cfg(feature = "suspend")]
    pub(crate) fn port(&mut self, port: &mut Port<'_>) {
        let Self { walker, shifts } = self;
        walker.port(port);
        shifts.port(port);
    }

    /// The walker.
    pub(crate) fn walker(&mut self) -> &mut Walker<'w> {
        &mut self.walker
    }

    /// Nothing is known yet.
    pub(crate) fn new(walker: Walker<'w>, shifts: &'w mut [u32]) -> Self {
        Self { walker, shifts: ShiftMap::new(shifts) }
    }

    /// How many entries of the shift map are used; those that were stay used.
    pub(crate) fn entries(&self) -> usize {
        self.shifts.len()
    }

    /// A copy begins.
    pub(crate) fn begin(&mut self, source: u32, at: u32) {
        self.walker.jump();
        let old_address = self.walker.old_address(source);
        let by = self.walker.new_address(at).wrapping_sub(old_address);
        self.shifts.learn(old_address, by);
    }

    /// Predicts the next unit, which has at most `left` bytes.
    pub(crate) fn forecast(&mut self, old: &[u8], source: u32, at: u32, left: u32) -> Forecast {
        self.walker.forecast(old, source, (at, left), &self.shifts)
    }

    /// The unit was written as `bytes`.
    pub(crate) fn advance(&mut self, forecast: &Forecast, bytes: [u8; 4]) {
        self.walker.advance(forecast, bytes, &mut self.shifts);
    }
}
