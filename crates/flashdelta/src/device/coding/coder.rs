//! What the three coders have in common.

use super::Part;

/// Something that codes binary decisions.
pub(crate) trait BitCoder {
    /// Whether it heeds the bits that it is told. A decoder does not: what they say need not be
    /// found out.
    const HEEDS: bool = true;

    /// Codes one decision, where a 1 has the probability `p` / 65536. An encoder writes and returns
    /// `bit`; a decoder ignores `bit` and returns what was written.
    fn code(&mut self, p: u16, bit: bool) -> bool;

    /// Tells what the next decisions are about, for statistics.
    fn enter(&mut self, _part: Part) {}
}
