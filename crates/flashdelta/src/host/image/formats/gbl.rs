//! Silicon Labs Gecko Bootloader files (`.gbl`): tags with a 32-bit id and length, little-endian.
//!
//! Source: UG266 "Silicon Labs Gecko Bootloader User's Guide", section "GBL file format", and the
//! tag ids of the bootloader's public header `btl_gbl_format.h`. Compressed and encrypted program
//! data has no address map.

use core::ops::Range;

use super::handler::Handler;
use super::raw;
use crate::device::format::crc32;
use crate::host::image::bytes::{index, slice, u32_le};
use crate::host::image::finding::{Check, Finding};
use crate::host::image::map::AddressMap;

/// What is done with files of this format.
pub(crate) static HANDLER: Handler = Handler {
    is,
    map: |file, found| map(file, 0..file.len(), found),
    check: |file, found, _| {
        check(file, found);
        Ok(())
    },
    ..Handler::PLAIN
};

/// First tag of a version 3 file.
pub const HEADER: u32 = 0x03a6_17eb;
/// Program data: flash address, then the bytes.
pub const PROGRAM: u32 = 0xfe01_01fe;
/// Program data whose flash pages are erased first; same layout.
pub const ERASE_PROGRAM: u32 = 0xfd03_03fd;
/// A new bootloader: its version, flash address, then the bytes.
pub const BOOTLOADER: u32 = 0xf509_09f5;
/// Last tag: CRC-32 of the file.
pub const END: u32 = 0xfc04_04fc;
/// Encryption header: what follows is encrypted.
pub const ENCRYPTION: u32 = 0xfb05_05fb;
/// LZ4-compressed program data.
pub const PROGRAM_LZ4: u32 = 0xfd05_05fd;
/// LZMA-compressed program data.
pub const PROGRAM_LZMA: u32 = 0xfd07_07fd;

/// One tag of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Which tag, e.g. [`PROGRAM`].
    pub id: u32,
    /// Its value, as a range of the bytes given to [`tags`].
    pub value: Range<usize>,
}

/// Whether this begins like a version 3 file.
pub fn is(bytes: &[u8]) -> bool {
    u32_le(bytes, 0) == Some(HEADER)
}

/// The tags of a file, up to the end tag or the first that does not fit.
pub fn tags(bytes: &[u8]) -> impl Iterator<Item = Tag> + '_ {
    let mut at = 0usize;
    let mut done = false;
    core::iter::from_fn(move || {
        if done {
            return None;
        }
        let id = u32_le(bytes, at)?;
        let len = index(u32_le(bytes, at.checked_add(4)?)?);
        let start = at.checked_add(8)?;
        slice(bytes, start, len)?;
        at = start + len;
        done = id == END;
        Some(Tag { id, value: start..at })
    })
}

/// The CRC-32 in the last tag, which is of all before its value.
pub(crate) fn check(file: &[u8], found: &mut Vec<Finding>) {
    let last = tags(file).last();
    let (end, tag) = last.map_or((0, 0), |tag| (tag.value.end, tag.id));
    if tag != END {
        // Id, length and CRC of the last tag, at least; or the tag that goes on past the end.
        let len = u32_le(file, end + 4).filter(|_| u32_le(file, end) != Some(END)).unwrap_or(4);
        let expected = end as u64 + 8 + u64::from(len);
        found.push(Finding::of_lengths(Check::GblEnd, end, expected, file.len() as u64));
    } else if let Some(stated) = end.checked_sub(4).and_then(|at| u32_le(file, at)) {
        let sum = crc32(file.get(..end - 4).unwrap_or_default());
        found.extend(Finding::of_sums(Check::GblCrc, end - 4, stated, sum));
    }
}

/// Maps the program data of the file that is at `range`.
pub(crate) fn map(file: &[u8], range: Range<usize>, map: &mut AddressMap) {
    let Some(inner) = file.get(range.clone()) else { return };
    let program = tags(inner).filter_map(|tag| {
        let header = match tag.id {
            PROGRAM | ERASE_PROGRAM => 4,
            BOOTLOADER => 8,
            _ => return None,
        };
        let start = tag.value.start + header;
        let address = u32_le(inner, start - 4).filter(|_| start < tag.value.end)?;
        Some((range.start + start..range.start + tag.value.end, address))
    });
    raw::map_pieces(file, program, map);
}
