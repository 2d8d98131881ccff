//! Which words ahead of a walk are literals.

#[cfg(feature = "suspend")]
use crate::device::port::Port;

/// Words of the next 4 KiB that an instruction already passed loads: a ring, one bit per word.
#[derive(Clone, Debug, Default)]
pub(super) struct Literals([u32; 32]);

impl Literals {
    /// Into a suspension or out of it.
    #[cfg(feature = "suspend")]
    pub(super) fn port(&mut self, port: &mut Port<'_>) {
        port.words(Some(&mut self.0));
    }

    /// Whether the word that holds this address is a literal.
    pub(super) fn has(&self, address: u32) -> bool {
        let word = self.0.get((address >> 7 & 31) as usize);
        word.is_some_and(|bits| bits >> (address >> 2 & 31) & 1 != 0)
    }

    /// The instruction at `here` loads the word at `address`.
    pub(super) fn add(&mut self, here: u32, address: u32) {
        let distance = address.wrapping_sub(here);
        if address & 3 == 0 && (1..4092).contains(&distance) {
            self.set(address, true);
        }
    }

    /// The walk has passed a unit that ends at `end`. (Every word ends in some unit; no later load
    /// refers to it from 4 KiB before.)
    pub(super) fn pass(&mut self, end: u32) {
        self.set(end.wrapping_sub(1), false);
    }

    fn set(&mut self, address: u32, to: bool) {
        if let Some(bits) = self.0.get_mut((address >> 7 & 31) as usize) {
            let bit = address >> 2 & 31;
            *bits = *bits & !(1 << bit) | u32::from(to) << bit;
        }
    }
}
