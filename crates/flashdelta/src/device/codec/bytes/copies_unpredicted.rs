//! Copies from the old image in an applier without prediction: what has no address map and no
//! instruction set has no references either, so every unit is predicted to stay as it is.

#[cfg(feature = "suspend")]
use crate::device::port::Port;
use core::marker::PhantomData;

use crate::device::isa::InstructionSet;
use crate::device::isa::{Form, Unit};

/// What has been predicted.
pub(crate) struct Forecast {
    pub(crate) unit: Unit,
    pub(crate) bytes: [u8; 4],
}

/// No prediction.
pub(crate) struct Copies<'w>(PhantomData<&'w ()>);

impl<'w> Copies<'w> {
    /// Copies that have yet to be [started](Self::start).
    pub(crate) const fn idle() -> Self {
        Self(PhantomData)
    }

    /// The start of the new image.
    pub(crate) fn start(&mut self, _isa: InstructionSet, _shifts: &'w mut [u32]) {}

    /// Nothing, into a suspension or out of it.
    #[cfg(feature = "suspend")]
    pub(crate) fn port(&mut self, _port: &mut Port<'_>) {}

    /// A copy begins.
    pub(crate) fn begin(&mut self, _source: u32, _at: u32) {}

    /// Predicts the next unit, which has at most `left` bytes.
    pub(crate) fn forecast(&mut self, old: &[u8], _source: u32, _at: u32, left: u32) -> Forecast {
        let mut forecast =
            Forecast { unit: Unit { form: Form::PLAIN, ..Unit::default() }, bytes: [0; 4] };
        for (to, from) in forecast.bytes.iter_mut().zip(old).take(left as usize) {
            *to = *from;
            forecast.unit.len += 1;
        }
        forecast
    }

    /// The unit was written as `bytes`.
    pub(crate) fn advance(&mut self, _forecast: &Forecast, _bytes: [u8; 4]) {}
}
