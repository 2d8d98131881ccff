//! Sets of pieces as bits: bit *i* % 8 of byte *i* / 8 is piece *i*.

/// Whether piece `index` is in the set.
pub(super) fn has(bits: &[u8], index: u32) -> bool {
    bits.get(index as usize / 8).is_some_and(|byte| byte >> (index & 7) & 1 == 1)
}

/// Puts a piece into the set, or takes it out.
pub(super) fn put(bits: &mut [u8], index: u32, is_in: bool) {
    if let Some(byte) = bits.get_mut(index as usize / 8) {
        let bit = 1 << (index & 7);
        *byte = if is_in { *byte | bit } else { *byte & !bit };
    }
}

/// The first piece from `from` on that is in the set, or is not, as `is_in` says; `end` if there is
/// none before it.
#[inline(never)] // One copy in the device's flash.
pub(super) fn find(bits: &[u8], from: u32, end: u32, is_in: bool) -> u32 {
    let mut index = from;
    while index < end && has(bits, index) != is_in {
        index = index.wrapping_add(1);
    }
    index.min(end)
}

/// How many of the first `end` pieces are not in the set.
pub(super) fn missing(bits: &[u8], end: u32) -> u32 {
    (0..end).map(|index| u32::from(!has(bits, index))).fold(0, u32::wrapping_add)
}
