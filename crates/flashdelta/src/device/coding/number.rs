//! Numbers as adaptive Exp-Golomb codes (Teuhola 1978): unary bit length, then the bits from the
//! top; lengths, the two highest and the two lowest bits are learned, the others are nearly random
//! and cost one bit each.

use super::mixer::Tables;
use super::BitCoder;

/// Slots that one number context takes.
pub(crate) const SLOTS: usize = LENGTHS + 2 * LENGTHS + 2 + 3;

/// Lengths with contexts of their own; longer numbers share those of the last.
const LENGTHS: usize = 22;

/// Where the slots of the two lowest bits are.
const LOWEST: usize = 3 * LENGTHS + 2;

const LIMIT: usize = 12;

/// The slot that tells whether a number is longer than `length` bits.
pub(crate) fn length_slot(base: usize, length: u32) -> usize {
    base + (length as usize).min(LENGTHS - 1)
}

/// The slot of the highest bit (0) of a number of `length` bits, or of the next one (1).
pub(crate) fn high_slot(base: usize, length: u32, i: u32) -> usize {
    base + LENGTHS + 2 * (length as usize).min(LENGTHS - 1) + i as usize
}

/// Bits of a number plus one below the highest one.
pub(crate) fn length(value: u32) -> u32 {
    31 - value.wrapping_add(1).max(1).leading_zeros()
}

/// Codes an unsigned number, 0 to 2^31 - 2, in the context whose slots start at `base`.
pub(crate) fn unsigned<C: BitCoder>(
    tables: &mut Tables<'_>,
    coder: &mut C,
    base: usize,
    value: u32,
) -> u32 {
    let plus = value.wrapping_add(1);
    let wanted = length(value);
    let mut length = 0;
    while length < 31 && tables.code(coder, length_slot(base, length), LIMIT, length < wanted) {
        length += 1;
    }
    let mut result = 1u32;
    for i in 0..length {
        let bit = plus >> (length - 1 - i) & 1 == 1;
        let slot = match (i, length - i) {
            (0 | 1, _) => Some(high_slot(base, length, i)),
            // What is aligned is a multiple of 2 or 4.
            (_, 2) => Some(base + LOWEST),
            (_, 1) => Some(base + LOWEST + 1 + (result & 1) as usize),
            _ => None,
        };
        let bit = match slot {
            Some(slot) => tables.code(coder, slot, LIMIT, bit),
            None => coder.code(1 << 15, bit),
        };
        result = result << 1 | u32::from(bit);
    }
    result.wrapping_sub(1)
}

/// Codes a signed number that is not 0, magnitude below 2^31 - 1.
pub(crate) fn signed<C: BitCoder>(
    tables: &mut Tables<'_>,
    coder: &mut C,
    base: usize,
    value: i32,
) -> i32 {
    let magnitude =
        unsigned(tables, coder, base, value.unsigned_abs().wrapping_sub(1)).wrapping_add(1);
    let class = usize::from(magnitude > 8);
    let negative = tables.code(coder, base + 3 * LENGTHS + class, LIMIT, value < 0);
    if negative {
        (magnitude as i32).wrapping_neg()
    } else {
        magnitude as i32
    }
}
