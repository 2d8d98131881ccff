//! Cypress PSoC bootloader rows in binary form, as they occur inside Zigbee OTA files: text lines,
//! then rows that begin with `:`.
//!
//! Sources: the row layout of `.cyacd` and `.cyacd2` files (Cypress AN60317 and AN213924), here
//! with bytes instead of hex digits. PSoC 4: array id, row number and length (both big-endian),
//! data, checksum. PSoC 6: address (little-endian), 512 bytes of data.

use core::ops::Range;

use super::raw;
use crate::host::image::bytes::{slice, u16_be, u32_le, u8_at};
use crate::host::image::map::AddressMap;

/// The text in front of the rows is at most this long.
const MAX_TEXT: usize = 128;
const PSOC6_ROW: usize = 512;

/// Whether this begins like such a file.
pub(crate) fn is(bytes: &[u8]) -> bool {
    first_row(bytes).is_some_and(|at| rows(bytes, at).len() >= 2)
}

/// Where the first row begins: after lines of printable text.
fn first_row(bytes: &[u8]) -> Option<usize> {
    let head = bytes.get(..MAX_TEXT).unwrap_or(bytes);
    let at = head.windows(3).position(|w| w == b"\r\n:")? + 2;
    let text = head.get(..at)?;
    text.iter().all(|b| matches!(b, b' '..=b'~' | b'\r' | b'\n')).then_some(at)
}

/// The data of the rows with their flash addresses.
fn rows(bytes: &[u8], mut at: usize) -> Vec<(Range<usize>, u32)> {
    let has_addresses =
        slice(bytes, 0, at).is_some_and(|text| text.windows(8).any(|w| w == b"@APPINFO"));
    let mut rows = Vec::new();
    while u8_at(bytes, at) == Some(b':') {
        let (range, address) = if has_addresses {
            let Some(address) = u32_le(bytes, at + 1) else { break };
            (at + 5..at + 5 + PSOC6_ROW, address)
        } else {
            let (Some(row), Some(len)) = (u16_be(bytes, at + 2), u16_be(bytes, at + 4)) else {
                break;
            };
            (at + 6..at + 6 + usize::from(len), u32::from(row) * u32::from(len))
        };
        if range.end > bytes.len() {
            break;
        }
        at = if has_addresses { range.end } else { range.end + 1 };
        rows.push((range, address));
    }
    rows
}

/// Maps the rows of the file that is at `range`.
pub(crate) fn map(file: &[u8], range: Range<usize>, map: &mut AddressMap) {
    let inner = file.get(range.clone()).unwrap_or_default();
    let Some(at) = first_row(inner) else { return };
    let mut content = Vec::new();
    for (row, address) in rows(inner, at) {
        content.extend_from_slice(inner.get(row.clone()).unwrap_or_default());
        map.push(range.start + row.start..range.start + row.end, address, None);
    }
    raw::describe(&content, map);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::image::Format;

    #[test]
    fn rows_of_a_psoc_4() {
        let row = |n: u8| [&[b':', 0, 0, n, 0, 16][..], &[n; 16], &[0x55]].concat();
        let file = [&b"1A0811AA0000\r\n"[..], &row(0x20), &row(0x21), b"\r\n"].concat();
        assert!(is(&file));
        let mut found = AddressMap::empty(Format::Raw);
        map(&file, 0..file.len(), &mut found);
        let segments: Vec<_> =
            found.segments.iter().map(|s| (s.offset, s.len, s.address)).collect();
        assert_eq!(segments, [(20, 16, 0x200), (43, 16, 0x210)]);
    }
}
