//! Random numbers from a seed.

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014).
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// A generator for one purpose, told by `numbers`.
    pub(crate) fn of(seed: u64, numbers: [u64; 2]) -> Self {
        let mut random = Self(seed);
        for number in numbers {
            random.0 = random.next() ^ number;
        }
        random
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }

    /// A number below `end`; 0 if that is 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(end)) >> 64) as u64
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.next() as u8
    }

    /// A byte each bit of which is set in `sixteenths` of 16 cases.
    pub(crate) fn bits(&mut self, sixteenths: u8) -> u8 {
        let mut nibbles = self.next();
        let mut byte = 0;
        for _ in 0..8 {
            byte = byte << 1 | u8::from(nibbles as u8 & 15 < sixteenths);
            nibbles >>= 4;
        }
        byte
    }
}
