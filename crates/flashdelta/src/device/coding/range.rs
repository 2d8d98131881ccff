//! A binary range coder with 16-bit probabilities (Martin 1979; the byte-wise carry of LZMA's
//! `rc`).
//!
//! The decoder takes bytes from a small buffer that the [push state machine](crate::device::apply) keeps
//! filled; it takes as many bits for a decision as its probability says, in whole bytes, and zeros
//! once the input has ended.

use super::BitCoder;

/// Bytes that the decoder reads before the first decision.
pub(crate) const START_BYTES: usize = 4;

/// Below this the range is widened by a byte.
const TOP: u32 = 1 << 24;

/// The decoding half.
#[derive(Debug)]
pub(crate) struct RangeDecoder {
    range: u32,
    code: u32,
}

/// Where a decoder gets its bytes: 0 behind the end.
pub(crate) trait ByteSource {
    /// The next byte of the body, or 0 behind its end.
    fn next_byte(&mut self) -> u8;
}

/// A decoder together with its input, for the duration of one step.
pub(crate) struct Decoding<'a, S> {
    /// The decoder's state.
    pub(crate) decoder: &'a mut RangeDecoder,
    /// Where it reads.
    pub(crate) source: &'a mut S,
}

impl RangeDecoder {
    /// A decoder at the start of a body; consumes [`START_BYTES`].
    pub(crate) fn new(source: &mut impl ByteSource) -> Self {
        let mut code = 0;
        for _ in 0..START_BYTES {
            code = code << 8 | u32::from(source.next_byte());
        }
        Self { range: u32::MAX, code }
    }
}

impl<S: ByteSource> BitCoder for Decoding<'_, S> {
    const HEEDS: bool = false;

    #[cfg_attr(target_arch = "riscv32", inline(always))] // More code, less time.
    fn code(&mut self, p: u16, _bit: bool) -> bool {
        let d = &mut *self.decoder;
        let bound = (d.range >> 16) * u32::from(p);
        let bit = d.code < bound;
        if bit {
            d.range = bound;
        } else {
            d.code -= bound;
            d.range -= bound;
        }
        if d.range < TOP {
            self.widen(bit)
        } else {
            bit
        }
    }
}

impl<S: ByteSource> Decoding<'_, S> {
    /// Takes bytes until the range is wide enough; gives `bit` back. Apart, so that most decisions
    /// need no stack.
    #[inline(never)]
    fn widen(&mut self, bit: bool) -> bool {
        let d = &mut *self.decoder;
        while d.range < TOP {
            d.range <<= 8;
            d.code = d.code << 8 | u32::from(self.source.next_byte());
        }
        bit
    }
}

/// The encoding half.
#[cfg(feature = "std")]
#[derive(Debug)]
pub(crate) struct RangeEncoder {
    low: u64,
    range: u32,
    /// The last byte that a carry may still reach, and how many 0xFF bytes follow it.
    held: Option<u8>,
    pending: usize,
    out: Vec<u8>,
}

#[cfg(feature = "std")]
impl RangeEncoder {
    /// An encoder at the start of a body.
    pub(crate) fn new() -> Self {
        Self { low: 0, range: u32::MAX, held: None, pending: 0, out: Vec::new() }
    }

    /// The finished body: as short as can be, since the decoder reads zeros behind the end.
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

#[cfg(feature = "std")]
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
