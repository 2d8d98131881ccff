//! The encoding half of the [range coder](crate::device::coding::range).

use crate::device::coding::range::TOP;
use crate::device::coding::BitCoder;

/// The encoder.
#[derive(Debug)]
pub(crate) struct RangeEncoder {
    low: u64,
    range: u32,
    /// The last byte that a carry may still reach, and how many 0xFF bytes follow it.
    held: Option<u8>,
    pending: usize,
    out: Vec<u8>,
}

impl RangeEncoder {
    /// An encoder at the start of a body.
    pub(crate) fn new() -> Self {
        Self { low: 0, range: u32::MAX, held: None, pending: 0, out: Vec::new() }
    }

    /// The finished body: as short as can be, since the decoder reads zeros past the end.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        // The value in [low, low + range) with the most trailing zero bits.
        let end = self.low + u64::from(self.range) - 1;
        let mut keep = 40;
        while keep > 0 {
            let mask = (1u64 << (keep - 1)) - 1;
            let rounded = (self.low + mask) & !mask;
            if rounded <= end {
                self.low = rounded;
                break;
            }
            keep -= 1;
        }
        for _ in 0..5 {
            self.shift();
        }
        while self.out.last() == Some(&0) {
            self.out.pop();
        }
        self.out
    }

    /// Moves the top byte of `low` out, holding it back while a carry may still change it.
    fn shift(&mut self) {
        if self.low < 0xFF00_0000 || self.low > 0xFFFF_FFFF {
            let carry = (self.low >> 32) as u8;
            if let Some(held) = self.held {
                self.out.push(held.wrapping_add(carry));
            }
            for _ in 0..self.pending {
                self.out.push(0xFFu8.wrapping_add(carry));
            }
            self.pending = 0;
            self.held = Some((self.low >> 24) as u8);
        } else {
            self.pending += 1;
        }
        self.low = (self.low & 0x00FF_FFFF) << 8;
    }
}

impl BitCoder for RangeEncoder {
    fn code(&mut self, p: u16, bit: bool) -> bool {
        let bound = (self.range >> 16) * u32::from(p);
        if bit {
            self.range = bound;
        } else {
            self.low += u64::from(bound);
            self.range -= bound;
        }
        while self.range < TOP {
            self.range <<= 8;
            self.shift();
        }
        bit
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::coding::range::{ByteSource, Decoding, RangeDecoder};

    struct Bytes<'a>(core::slice::Iter<'a, u8>);
    impl ByteSource for Bytes<'_> {
        fn next_byte(&mut self) -> u8 {
            self.0.next().copied().unwrap_or(0)
        }
    }

    #[test]
    fn what_goes_in_comes_out() {
        let mut seed = 1u64;
        let mut random = move || {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (seed >> 33) as u32
        };
        for round in 0..300 {
            let decisions: Vec<(u16, bool)> = (0..random() % 2000)
                .map(|_| {
                    let p = match round % 3 {
                        0 => 65533,
                        1 => 3,
                        _ => (random() % 65530 + 3) as u16,
                    };
                    (p, random() % 65536 < u32::from(p))
                })
                .collect();
            let mut encoder = RangeEncoder::new();
            for (p, bit) in &decisions {
                encoder.code(*p, *bit);
            }
            let body = encoder.finish();
            let mut source = Bytes(body.iter());
            let mut decoder = RangeDecoder::new(&mut source);
            for (p, bit) in &decisions {
                let mut coder = Decoding { decoder: &mut decoder, source: &mut source };
                assert_eq!(coder.code(*p, false), *bit);
            }
            assert!(source.0.next().is_none(), "the decoder leaves bytes unread");
        }
    }
}
