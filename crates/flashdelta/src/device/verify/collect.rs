//! Bytes that are wanted as a whole.

/// Collects `len` bytes in the buffer, from `at` on, `filled` of which are there; true once they
/// are complete. What is left of the input is not theirs.
#[inline(never)] // One copy in the device's flash.
pub(in crate::device) fn collect(
    buffer: &mut [u8],
    filled: &mut usize,
    input: &mut &[u8],
    (at, len): (usize, usize),
) -> bool {
    let missing = len.saturating_sub(*filled);
    let (mine, rest) = input.split_at_checked(missing).unwrap_or((*input, &[]));
    let place = buffer.get_mut(at.wrapping_add(*filled)..).unwrap_or_default();
    for (to, from) in place.iter_mut().zip(mine) {
        *to = *from;
    }
    *input = rest;
    *filled = filled.wrapping_add(mine.len());
    let is_complete = *filled >= len;
    if is_complete {
        *filled = 0;
    }
    is_complete
}
