//! Reading fixed-width fields without ever panicking: every function returns `None` past the end.

/// `len` bytes from `at`.
pub(crate) fn slice(bytes: &[u8], at: usize, len: usize) -> Option<&[u8]> {
    bytes.get(at..at.checked_add(len)?)
}

/// `N` bytes from `at`.
pub(crate) fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk::<N>().copied()
}

/// The byte at `at`.
pub(crate) fn u8_at(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at).copied()
}

/// A little-endian 16-bit field.
pub(crate) fn u16_le(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_le_bytes)
}

/// A big-endian 16-bit field.
pub(crate) fn u16_be(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_be_bytes)
}

/// A little-endian 32-bit field.
pub(crate) fn u32_le(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_le_bytes)
}

/// A big-endian 32-bit field.
pub(crate) fn u32_be(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_be_bytes)
}

/// A field of 2, 4 or 8 bytes in the given byte order, widened.
pub(crate) fn uint(bytes: &[u8], at: usize, width: usize, big_endian: bool) -> Option<u64> {
    let field = slice(bytes, at, width)?;
    let fold = |value: u64, byte: &u8| (value << 8) | u64::from(*byte);
    Some(if big_endian { field.iter().fold(0, fold) } else { field.iter().rev().fold(0, fold) })
}

/// A 32-bit length or offset as an index.
pub(crate) fn index(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

/// An index as a 32-bit offset; images beyond 4 GiB are not mapped.
pub(crate) fn offset32(value: usize) -> Option<u32> {
    u32::try_from(value).ok()
}

/// Text in a field that ends with zeros; what cannot be printed becomes a dot.
pub(crate) fn text(field: &[u8]) -> String {
    let end = field.iter().position(|b| *b == 0).unwrap_or(field.len());
    let shown = |b: &u8| if (b' '..=b'~').contains(b) { char::from(*b) } else { '.' };
    field.iter().take(end).map(shown).collect()
}

/// Text of `N` bytes at `at`.
pub(crate) fn text_at<const N: usize>(bytes: &[u8], at: usize) -> Option<String> {
    array::<N>(bytes, at).map(|field| text(&field))
}
