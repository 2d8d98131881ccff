//! A binary range coder with 16-bit probabilities (Martin 1979; the byte-wise carry of LZMA's
//! `rc`).
//!
//! The decoder takes bytes from a small buffer that the [push state machine](crate::device::apply)
//! keeps filled; it takes as many bits for a decision as its probability says, in whole bytes, and
//! zeros once the input has ended.

use super::BitCoder;
#[cfg(feature = "suspend")]
use crate::device::port::Port;

/// Bytes that the decoder reads before the first decision.
pub(crate) const START_BYTES: usize = 4;

/// Below this the range is widened by a byte.
pub(crate) const TOP: u32 = 1 << 24;

/// The decoder.
#[derive(Debug)]
pub(crate) struct RangeDecoder {
    range: u32,
    code: u32,
}

/// Where a decoder gets its bytes: 0 past the end.
pub(crate) trait ByteSource {
    /// The next byte of the body, or 0 past its end.
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
    /// Before anything is known of it.
    #[cfg(feature = "suspend")]
    pub(crate) const BLANK: Self = Self { range: 0, code: 0 };

    /// Into a suspension or out of it.
    #[cfg(feature = "suspend")]
    pub(crate) fn port(&mut self, port: &mut Port<'_>) {
        let Self { range, code } = self;
        port.number(range);
        port.number(code);
    }

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
