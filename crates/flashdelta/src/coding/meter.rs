//! A [`BitCoder`] that writes nothing and adds up what the bits would cost.

use super::{BitCoder, Part};

/// Costs in 1/65536 bit, by [`Part`].
#[derive(Clone, Debug)]
pub(crate) struct Meter {
    /// What was spent so far on each part.
    spent: [u64; Part::COUNT],
    part: usize,
}

impl Meter {
    /// A meter that has counted nothing.
    pub(crate) fn new() -> Self {
        Self { spent: [0; Part::COUNT], part: 0 }
    }

    /// Everything that was spent, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.spent.iter().sum::<u64>() >> 19
    }

    /// What was spent on each part, in bytes, rounded.
    pub(crate) fn bytes_by_part(&self) -> [u64; Part::COUNT] {
        self.spent.map(|bits| (bits + (1 << 18)) >> 19)
    }

    /// Counts a decision.
    pub(crate) fn add(&mut self, p: u16, bit: bool) {
        let p = if bit { f64::from(p) } else { 65536.0 - f64::from(p) };
        self.spent[self.part] += ((16.0 - p.log2()) * 65536.0) as u64;
    }
}

impl BitCoder for Meter {
    fn code(&mut self, p: u16, bit: bool) -> bool {
        self.add(p, bit);
        bit
    }

    fn enter(&mut self, part: Part) {
        self.part = part as usize;
    }
}
