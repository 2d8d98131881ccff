//! What blocks of UF2 say about themselves: an MD5, and the lengths of extension tags.
//!
//! Source: `README.md` of microsoft/uf2, "MD5 checksum" and "Extension tags".

use md5::{Digest as _, Md5};

use super::uf2::{Block, BLOCK, FLAG_MD5, FLAG_TAGS, HEADER, MD5_PART};
use crate::host::image::bytes::{index, slice, u32_le, u8_at};
use crate::host::image::finding::{Check, Finding};

/// An MD5 is of whole sectors, which the data need not fill. No flash has larger ones.
const MAX_SECTOR: u64 = 256 << 10;

/// Checks the MD5 that blocks hold of their own payload, and the lengths of extension tags. (The
/// MD5 may also be of more than the payload: a sector of the flash.)
pub(crate) fn check(file: &[u8], found: &mut Vec<Finding>) {
    let blocks =
        || (0..file.len()).step_by(BLOCK).filter_map(|at| Some((at, Block::parse(file, at)?)));
    let end_of = |block: &Block| u64::from(block.address) + u64::from(block.len);
    let data = blocks().filter(|(_, block)| block.is_flash());
    let end = data.map(|(_, block)| end_of(&block)).max().unwrap_or(0);
    for (at, block) in blocks() {
        if block.flags & FLAG_TAGS != 0 {
            found.extend(check_tags(file, at, &block));
        }
        if block.is_flash() && block.flags & FLAG_MD5 != 0 {
            found.extend(check_md5(file, at, &block, end));
        }
    }
}

/// Checks the MD5 of a block, in a file whose data ends at `end`.
fn check_md5(file: &[u8], at: usize, block: &Block, end: u64) -> Option<Finding> {
    let place = at + BLOCK - 4 - MD5_PART;
    let (address, len) = (u32_le(file, place)?, u32_le(file, place + 4)?);
    let region_end = u64::from(address) + u64::from(len);
    if region_end > end.next_multiple_of(MAX_SECTOR) {
        let data = end.saturating_sub(address.into());
        return Some(Finding::of_lengths(Check::Uf2Region, place, len.into(), data));
    }
    let start = address.wrapping_sub(block.address);
    if u64::from(start) + u64::from(len) > u64::from(block.len) {
        return None;
    }
    let region = slice(file, at + HEADER + index(start), index(len))?;
    let stated = slice(file, place + 8, 16)?;
    Finding::of_digests(Check::Uf2Md5, place + 8, stated, &Md5::digest(region))
}

/// Finds the first extension tag of a block that overruns it, or is shorter than its own header.
fn check_tags(file: &[u8], at: usize, block: &Block) -> Option<Finding> {
    let md5 = if block.flags & FLAG_MD5 != 0 { MD5_PART } else { 0 };
    let end = BLOCK - 4 - md5;
    // Tags are at multiples of four bytes, and begin with their length.
    let mut tag = (HEADER + index(block.len)).next_multiple_of(4);
    while tag + 4 <= end {
        let len = usize::from(u8_at(file, at + tag)?);
        if u32_le(file, at + tag)? == 0 {
            return None;
        }
        let room = end - tag;
        let (expected, is) = if len < 4 { (4, len) } else { (len, room) };
        if expected > is {
            let (expected, is) = (expected as u64, is as u64);
            return Some(Finding::of_lengths(Check::Uf2Tag, at + tag, expected, is));
        }
        tag += len.next_multiple_of(4);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A block of 256 bytes at 0x10000000 with this after them.
    fn block(flags: u32, tail: &[u8]) -> Vec<u8> {
        let words = [0x0a32_4655, 0x9e5d_5157, flags, 0x1000_0000, 256, 0, 1, 0];
        let mut block = words.map(u32::to_le_bytes).concat();
        block.extend([7; 256]);
        block.extend(tail);
        block.resize(BLOCK - 4, 0);
        block.extend(0x0ab1_6f30u32.to_le_bytes());
        block
    }

    fn findings(flags: u32, tail: &[u8]) -> Vec<Finding> {
        crate::host::image::check(&block(flags, tail))
    }

    #[test]
    fn regions_beyond_the_data_are_found() {
        let md5 = |address: u32, len: u32| {
            let part = [address, len].map(u32::to_le_bytes).concat();
            let tail = [&[0; 196][..], &part, &Md5::digest([7; 256])].concat();
            findings(FLAG_MD5, &tail)
        };
        assert_eq!(md5(0x1000_0000, 256), []);
        // A sector.
        assert_eq!(md5(0x1000_0000, 4096), []);
        let wrong = |len, data| [Finding::of_lengths(Check::Uf2Region, 484, len, data)];
        assert_eq!(md5(0x1000_0000, 1 << 20), wrong(1 << 20, 256));
        assert_eq!(md5(0xffff_fff0, u32::MAX), wrong(0xffff_ffff, 0));
        assert_eq!(md5(0x1000_0080, 0x7fff_ffff), wrong(0x7fff_ffff, 128));
        assert!(matches!(&md5(0x1000_0000, 255)[..], [f] if f.check == Check::Uf2Md5));
    }

    #[test]
    fn tags_that_overrun_their_block_are_found() {
        let wrong = |at, expected, is| [Finding::of_lengths(Check::Uf2Tag, at, expected, is)];
        // A version, then the end; and the one that picotool writes.
        assert_eq!(findings(FLAG_TAGS, b"\x09\xc7\xbc\x9f1.0.0\0\0\0"), []);
        assert_eq!(findings(FLAG_TAGS, &0x9957_e304u32.to_le_bytes()), []);
        assert_eq!(findings(FLAG_TAGS, &[220; 220]), []);
        assert_eq!(findings(FLAG_TAGS, &[221; 4]), wrong(288, 221, 220));
        assert_eq!(findings(FLAG_TAGS, &[8, 1, 2, 3, 0, 0, 0, 0, 255, 1]), wrong(296, 255, 212));
        assert_eq!(findings(FLAG_TAGS, &[3, 1, 2, 3]), wrong(288, 4, 3));
        assert_eq!(findings(0, &[255; 4]), [], "no tags");
    }
}
