//! What the text formats have in common: lines and hexadecimal digits.

use core::ops::Range;

use super::ImageError;

/// One line of a text file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Number, from 1.
    pub(crate) number: usize,
    /// Without the line end.
    pub(crate) text: Range<usize>,
    /// With the line end.
    pub(crate) whole: Range<usize>,
}

/// Splits a file into lines that end with LF, with CR LF (also more than one CR), or with CR if the
/// file has no LF at all.
pub(crate) struct Lines<'a> {
    file: &'a [u8],
    at: usize,
    number: usize,
    end: u8,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(file: &'a [u8]) -> Self {
        // The first line tells, except in files with one line only.
        let end = if file.contains(&b'\n') { b'\n' } else { b'\r' };
        Self { file, at: 0, number: 0, end }
    }
}

impl Iterator for Lines<'_> {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        let rest = self.file.get(self.at..).filter(|rest| !rest.is_empty())?;
        let len = find(rest, self.end).map_or(rest.len(), |n| n + 1);
        let line = rest.get(..len).unwrap_or(rest);
        let text =
            line.len() - line.iter().rev().take_while(|b| matches!(b, b'\r' | b'\n')).count();
        let start = self.at;
        self.at += len;
        self.number += 1;
        Some(Line { number: self.number, text: start..start + text, whole: start..self.at })
    }
}

/// Whether the text begins with the byte order mark of UTF-16.
pub(crate) fn is_utf16(file: &[u8]) -> bool {
    file.starts_with(b"\xff\xfe") || file.starts_with(b"\xfe\xff")
}

/// Text in UTF-16 would be full of digits that are none: says so first.
pub(crate) fn check_encoding(file: &[u8]) -> Result<(), ImageError> {
    if is_utf16(file) {
        return Err(ImageError::Utf16);
    }
    Ok(())
}

/// Where `byte` first occurs: eight bytes at a time, which is most of the speed of reading a text
/// file.
fn find(bytes: &[u8], byte: u8) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let pattern = ONES * u64::from(byte);
    let mut at = 0;
    for chunk in bytes.chunks_exact(8) {
        let Some(word) = chunk.first_chunk::<8>() else { break };
        // A zero byte in `different` borrows into its top bit; the lowest such byte is a true one.
        let different = u64::from_le_bytes(*word) ^ pattern;
        let hit = different.wrapping_sub(ONES) & !different & (ONES << 7);
        if hit != 0 {
            return Some(at + (hit.trailing_zeros() / 8) as usize);
        }
        at += 8;
    }
    bytes.iter().skip(at).position(|b| *b == byte).map(|n| at + n)
}

/// Marks what is not a digit.
pub(crate) const NOT_HEX: u8 = 0x80;

/// The value of each hexadecimal digit.
pub(crate) static VALUES: [u8; 256] = {
    let mut table = [NOT_HEX; 256];
    let mut n = 0;
    while n < 10 {
        table[b'0' as usize + n] = n as u8;
        n += 1;
    }
    n = 0;
    while n < 6 {
        table[b'a' as usize + n] = 10 + n as u8;
        table[b'A' as usize + n] = 10 + n as u8;
        n += 1;
    }
    table
};

/// The value of two digits; with [`NOT_HEX`]'s bit or above set in the result if one of them is
/// not.
#[inline]
pub(crate) fn pair(high: u8, low: u8) -> u16 {
    (u16::from(VALUES[usize::from(high)]) << 4)
        | u16::from(VALUES[usize::from(low)])
        | (u16::from(VALUES[usize::from(low)] & NOT_HEX) << 4)
}

/// Decodes digits to the end of `out`. Returns the sum of the bytes, or `None` if there is
/// something else among the digits.
#[inline]
pub(crate) fn decode(digits: &[u8], out: &mut Vec<u8>) -> Option<u8> {
    let (mut sum, mut bad) = (0u8, 0u16);
    out.extend(digits.chunks_exact(2).map(|two| {
        let value = pair(two[0], two[1]);
        bad |= value;
        let byte = (value & 0xff) as u8;
        sum = sum.wrapping_add(byte);
        byte
    }));
    (bad & 0xff00 == 0).then_some(sum)
}

/// One byte from two digits at `at`.
#[inline]
pub(crate) fn byte_at(text: &[u8], at: usize) -> Option<u8> {
    let two = text.get(at..)?.first_chunk::<2>()?;
    u8::try_from(pair(two[0], two[1])).ok()
}

/// The column (from 1) and the byte of the first thing that is not a digit, from `from` on.
pub(crate) fn first_bad(text: &[u8], from: usize) -> Option<(usize, u8)> {
    let at = text.iter().skip(from).position(|b| VALUES[usize::from(*b)] == NOT_HEX)? + from;
    Some((at + 1, *text.get(at)?))
}

/// Appends a byte as two digits.
#[inline]
pub(crate) fn push_hex(out: &mut Vec<u8>, byte: u8, digits: &[u8; 16]) {
    out.extend_from_slice(&[digits[usize::from(byte >> 4)], digits[usize::from(byte & 15)]]);
}

/// Appends a record: a prefix, bytes as digits, and the line end.
#[inline]
pub(crate) fn push_record<const N: usize>(
    out: &mut Vec<u8>,
    prefix: &[u8],
    parts: [&[u8]; N],
    digits: &[u8; 16],
    line_end: &[u8],
) {
    // By arithmetic, of which compilers make vector instructions, as they do not of a table.
    let letters = digits[10].wrapping_sub(b'0' + 10);
    let digit =
        |value: u8| value.wrapping_add(b'0').wrapping_add(if value > 9 { letters } else { 0 });
    let count: usize = parts.iter().map(|part| part.len()).sum();
    out.reserve(prefix.len() + 2 * count + line_end.len());
    out.extend_from_slice(prefix);
    let start = out.len();
    out.resize(start + 2 * count, 0);
    let mut rest = out.get_mut(start..).unwrap_or_default();
    for part in parts {
        let (place, after) = rest.split_at_mut(2 * part.len());
        for (two, byte) in place.chunks_exact_mut(2).zip(part) {
            two[0] = digit(byte >> 4);
            two[1] = digit(byte & 15);
        }
        rest = after;
    }
    out.extend_from_slice(line_end);
}

/// Digits in upper case.
pub(crate) const UPPER: &[u8; 16] = b"0123456789ABCDEF";
/// Digits in lower case.
pub(crate) const LOWER: &[u8; 16] = b"0123456789abcdef";

/// Range without blanks at either end.
pub(crate) fn trim(file: &[u8], text: Range<usize>) -> Range<usize> {
    let line = file.get(text.clone()).unwrap_or_default();
    let start = text.start + line.iter().take_while(|b| b.is_ascii_whitespace()).count();
    let end = text.end - line.iter().rev().take_while(|b| b.is_ascii_whitespace()).count();
    start..end.max(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_of_all_kinds() {
        let split =
            |text: &[u8]| Lines::new(text).map(|l| text[l.text].to_vec()).collect::<Vec<_>>();
        assert_eq!(split(b"a\nb\r\nc\r\r\n\nd"), [&b"a"[..], b"b", b"c", b"", b"d"]);
        assert_eq!(split(b"a\rb\r"), [b"a", b"b"]);
        assert_eq!(split(b""), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn finds_the_first_of_a_kind_at_any_place() {
        for len in 0..40 {
            let mut bytes = vec![b'\n' + 1; len];
            assert_eq!(find(&bytes, b'\n'), None);
            for at in (0..len).rev() {
                bytes[at] = b'\n';
                assert_eq!(find(&bytes, b'\n'), Some(at));
            }
        }
    }

    #[test]
    fn digits() {
        let mut out = Vec::new();
        assert_eq!(decode(b"0fFa", &mut out), Some(0x09));
        assert_eq!(out, [0x0f, 0xfa]);
        for bad in [&b"0g"[..], b"g0", b"0 ", b"\xff0"] {
            assert_eq!(decode(bad, &mut out), None);
        }
        assert_eq!(byte_at(b"a5", 0), Some(0xa5));
        assert_eq!(byte_at(b"a", 0), None);
        assert_eq!(first_bad(b":00G0", 1), Some((4, b'G')));
    }
}
