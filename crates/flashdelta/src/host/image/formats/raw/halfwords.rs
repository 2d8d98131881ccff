//! Halfwords, of which Thumb and compressed RISC-V code consist.

use crate::host::image::bytes::u16_le;

/// The halfwords of a binary with their offsets.
pub(super) fn halfwords(binary: &[u8]) -> impl Iterator<Item = (usize, u16)> + '_ {
    binary.chunks_exact(2).enumerate().map(|(i, h)| (i * 2, u16::from_le_bytes([h[0], h[1]])))
}

/// The halfword at `at`.
pub(super) fn halfword(binary: &[u8], at: usize) -> u16 {
    u16_le(binary, at).unwrap_or(0)
}
