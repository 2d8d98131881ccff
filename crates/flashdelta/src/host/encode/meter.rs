//! A [`BitCoder`] that writes nothing and adds up what the bits would cost.

use crate::device::coding::{BitCoder, Part};

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
        self.spent[self.part] +=
            u64::from(cost(if bit { u32::from(p) } else { 65536 - u32::from(p) }));
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

/// What a decision of probability `p` / 65536 costs, `p` being 1 to 65535: `16 - log2(p)`, in
/// 1/65536 bit.
fn cost(p: u32) -> u32 {
    // A mantissa in 1/2^15, 1 <= m < 2: between two entries of the table the logarithm is as good
    // as straight.
    let zeros = p.leading_zeros() - 16;
    let m = p << zeros;
    let (i, between) = ((m >> 7 & 255) as usize, m & 127);
    let (low, high) = (LOG2[i], LOG2[i + 1]);
    ((zeros + 1) << 16) - (low + (((high - low) * between + 64) >> 7))
}

/// log2 of 1 + i / 256 in 1/65536 bit.
static LOG2: [u32; 257] = {
    let mut table = [0; 257];
    let mut i = 0;
    while i <= 256 {
        table[i] = log2(256 + i as u32, 16) - (8 << 16);
        i += 1;
    }
    table
};

/// log2 of `x` in 1/2^`places` bit, rounded down; by squaring the mantissa bit by bit.
pub(crate) const fn log2(x: u32, places: u32) -> u32 {
    let exponent = 31 - x.leading_zeros();
    // In 1/2^31, 1 <= m < 2.
    let mut m = (x as u64) << (31 - exponent);
    let mut result = exponent;
    let mut place = 0;
    while place < places {
        m = (m * m) >> 31;
        result <<= 1;
        if m >= 1 << 32 {
            m >>= 1;
            result |= 1;
        }
        place += 1;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_logarithms() {
        for p in 1..65536 {
            let exact = (16.0 - f64::from(p).log2()) * 65536.0;
            assert!((f64::from(cost(p)) - exact).abs() < 2.0, "{p}: {} against {exact}", cost(p));
        }
    }
}
