//! Ember bootloader files (`.ebl`, EM3xx and early EFR32): tags with a 16-bit id and length,
//! big-endian.
//!
//! Source: UG103.6 "Bootloader Fundamentals", section "EBL file format". The header tag is `0000`,
//! program data is `FE01` or `FD03` with a 32-bit flash address in front of the bytes, the end tag
//! is `FC04`.

use core::ops::Range;

use super::handler::Handler;
use super::raw;
use crate::host::image::bytes::{slice, u16_be, u32_be};
use crate::host::image::map::AddressMap;

/// What is done with files of this format.
pub(crate) static HANDLER: Handler =
    Handler { is, map: |file, found| map(file, 0..file.len(), found), ..Handler::PLAIN };

const HEADER: u16 = 0x0000;
const PROGRAM: u16 = 0xfe01;
const ERASE_PROGRAM: u16 = 0xfd03;
const END: u16 = 0xfc04;
/// Second field of the header tag's value, after the version.
const SIGNATURE: u16 = 0xe350;

/// Whether this begins like an EBL file.
pub fn is(bytes: &[u8]) -> bool {
    u16_be(bytes, 0) == Some(HEADER)
        && u16_be(bytes, 2).is_some_and(|len| len >= 4)
        && u16_be(bytes, 6) == Some(SIGNATURE)
}

/// Maps the program data of the file that is at `range`.
pub(crate) fn map(file: &[u8], range: Range<usize>, map: &mut AddressMap) {
    let Some(inner) = file.get(range.clone()) else { return };
    let mut pieces: Vec<(Range<usize>, u32)> = Vec::new();
    let mut at = 0usize;
    while let (Some(id), Some(len)) = (u16_be(inner, at), u16_be(inner, at.saturating_add(2))) {
        let len = usize::from(len);
        let start = at + 4;
        if slice(inner, start, len).is_none() || id == END {
            break;
        }
        if matches!(id, PROGRAM | ERASE_PROGRAM) {
            if let Some(address) = u32_be(inner, start).filter(|_| len > 4) {
                pieces.push((range.start + start + 4..range.start + start + len, address));
            }
        }
        at = start + len;
    }
    raw::map_pieces(file, pieces.into_iter(), map);
}
