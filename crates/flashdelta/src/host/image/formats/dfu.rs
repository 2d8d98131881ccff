//! USB device firmware upgrade files: the DFU suffix, and ST's DfuSe container.
//!
//! Sources: USB DFU 1.1, appendix B "DFU File Suffix"; ST UM0391 "DfuSe File Format Specification".

use core::ops::Range;

use super::handler::{Handler, Pieces, Reading};
use super::payload::payload;
use super::raw;
use crate::device::format::crc32;
use crate::host::image::bytes::{index, slice, u16_le, u32_le, u8_at};
use crate::host::image::finding::{Check, Finding};
use crate::host::image::map::AddressMap;

/// What is done with plain binaries that have a DFU suffix.
pub(crate) static HANDLER: Handler = Handler {
    is: |file| Suffix::parse(file).is_some(),
    map: |file, map| payload(file, 0..content_len(file), map),
    states_base: |_, _| false,
    reading: Reading::Plain,
    ..DFUSE_HANDLER
};

/// What is done with DfuSe files.
pub(crate) const DFUSE_HANDLER: Handler = Handler {
    is: is_dfuse,
    map,
    check: |file, found, _| {
        check(file, found);
        Ok(())
    },
    details: |file, tell| {
        if let Some(suffix) = Suffix::parse(file) {
            tell("for device", format!("{:04x}:{:04x}", suffix.vendor, suffix.product));
        }
    },
    reading: Reading::Pieces(|file| {
        let elements = elements(file).into_iter();
        let places = elements.map(|element| (element.range, u64::from(element.address)));
        Ok(Pieces { places: places.collect(), entry: None })
    }),
    ..Handler::PLAIN
};

const SUFFIX: usize = 16;
const PREFIX: usize = 11;
const TARGET: usize = 274;
/// Address and size, before the bytes of an element. Also what elements are padded to.
const ELEMENT: usize = 8;

/// The 16 bytes at the end of a file for `dfu-util`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suffix {
    /// Device release (BCD).
    pub device: u16,
    /// USB product id.
    pub product: u16,
    /// USB vendor id.
    pub vendor: u16,
    /// Version of the specification: 0x0100, or 0x011a for DfuSe.
    pub version: u16,
    /// Length of the suffix as the file claims (16, or more with a longer suffix).
    pub len: u8,
    /// CRC-32 of the file without its last 4 bytes, not inverted at the end.
    pub crc: u32,
}

impl Suffix {
    /// Reads the suffix at the end of the file, if there is one.
    pub fn parse(file: &[u8]) -> Option<Self> {
        let at = file.len().checked_sub(SUFFIX)?;
        let suffix = slice(file, at, SUFFIX)?;
        if slice(suffix, 8, 3)? != b"UFD" {
            return None;
        }
        let len = u8_at(suffix, 11)?;
        if usize::from(len) < SUFFIX || usize::from(len) > file.len() {
            return None;
        }
        Some(Self {
            device: u16_le(suffix, 0)?,
            product: u16_le(suffix, 2)?,
            vendor: u16_le(suffix, 4)?,
            version: u16_le(suffix, 6)?,
            len,
            crc: u32_le(suffix, 12)?,
        })
    }
}

/// One element of a DfuSe file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// Which target (alternate setting) it is for.
    pub target: u8,
    /// Where the bytes go.
    pub address: u32,
    /// The bytes, as a range of the file.
    pub range: Range<usize>,
}

/// Length of the file without a suffix.
pub(crate) fn content_len(file: &[u8]) -> usize {
    file.len() - Suffix::parse(file).map_or(0, |suffix| usize::from(suffix.len))
}

/// Whether this begins like a DfuSe file.
pub fn is_dfuse(file: &[u8]) -> bool {
    file.starts_with(b"DfuSe\x01")
}

/// The elements of a DfuSe file, up to the first that does not fit. Tools pad elements to 8 bytes
/// in different ways; the padding is part of none.
pub fn elements(file: &[u8]) -> Vec<Element> {
    let mut elements = Vec::new();
    let targets = u8_at(file, 10).unwrap_or(0);
    let mut at = PREFIX;
    for _ in 0..targets {
        let Some(target) = slice(file, at, TARGET).filter(|t| t.starts_with(b"Target")) else {
            return elements;
        };
        let (alternate, count) = (u8_at(target, 6).unwrap_or(0), u32_le(target, 270).unwrap_or(0));
        let Some(size) = u32_le(target, 266) else { return elements };
        let first = at + TARGET;
        at = first;
        for _ in 0..count {
            let (Some(address), Some(len)) = (u32_le(file, at), u32_le(file, at.saturating_add(4)))
            else {
                return elements;
            };
            let Some(range) = (at + 8)
                .checked_add(index(len))
                .filter(|end| *end <= file.len())
                .map(|end| at + 8..end)
            else {
                return elements;
            };
            at = range.end;
            elements.push(Element { target: alternate, address, range });
        }
        // Padding between elements and the next target, as the target's size says.
        at = at.max(first.saturating_add(index(size)));
    }
    elements
}

/// Checks the CRC of the suffix, the length in the prefix, and the counts and sizes of targets and
/// elements.
pub(crate) fn check(file: &[u8], found: &mut Vec<Finding>) {
    let content = content_len(file);
    if is_dfuse(file) {
        let stated = u64::from(u32_le(file, 6).unwrap_or(0));
        if stated != content as u64 {
            let check = Check::DfuSeLength;
            found.push(Finding::of_lengths(check, 6, stated, content as u64));
        } else {
            check_targets(file.get(..content).unwrap_or_default(), found);
        }
    }
    if let (Some(suffix), Some(at)) = (Suffix::parse(file), file.len().checked_sub(4)) {
        // Without the inversion at the end that the CRC of zip has.
        let crc = !crc32(file.get(..at).unwrap_or_default());
        found.extend(Finding::of_sums(Check::DfuCrc, at, suffix.crc, crc));
    }
}

/// Checks the targets that are there, whatever number the prefix says, in a file without its
/// suffix.
fn check_targets(content: &[u8], found: &mut Vec<Finding>) {
    let (mut at, mut targets) = (PREFIX, 0);
    while let Some(target) = slice(content, at, TARGET).filter(|t| t.starts_with(b"Target")) {
        targets += 1;
        let Some(end) = check_target(content, at, target, found) else { return };
        at = end;
    }
    let stated = u8_at(content, 10).map_or(0, u64::from);
    if stated != targets {
        found.push(Finding::of_counts(Check::DfuSeTargets, 10, stated, targets));
    }
}

/// Checks one target; returns where the next one is, unless it cannot be told.
fn check_target(
    content: &[u8],
    start: usize,
    target: &[u8],
    found: &mut Vec<Finding>,
) -> Option<usize> {
    let (size, count) = (index(u32_le(target, 266)?), u32_le(target, 270)?);
    let first = start + TARGET;
    let (mut at, area) = (first, first.saturating_add(size));
    for n in 0..count {
        // What is left of the area may be padding.
        let is_full = n > 0 && at <= area && area - at < ELEMENT;
        let Some(len) = u32_le(content, at + 4).filter(|_| !is_full) else {
            let (check, place) = (Check::DfuSeElements, start + 270);
            found.push(Finding::of_counts(check, place, count.into(), n.into()));
            break;
        };
        let left = content.len() - at - ELEMENT;
        if index(len) > left {
            let check = Check::DfuSeElementSize;
            found.push(Finding::of_lengths(check, at + 4, len.into(), left as u64));
            return None;
        }
        at += ELEMENT + index(len);
    }
    // Some tools count padding that they do not write.
    let is_out = area >= content.len() + ELEMENT;
    if area < at || is_out {
        let is = if is_out { content.len() - first } else { at - first };
        let check = Check::DfuSeTargetSize;
        found.push(Finding::of_lengths(check, start + 266, size as u64, is as u64));
        return None;
    }
    Some(area)
}

/// Maps the elements.
pub(crate) fn map(file: &[u8], map: &mut AddressMap) {
    raw::map_pieces(
        file,
        elements(file).into_iter().map(|element| (element.range, element.address)),
        map,
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::image::{address_map, Format};

    const SUFFIX_BYTES: [u8; 16] =
        [0, 0, 0x11, 0xdf, 0x83, 4, 0x1a, 1, b'U', b'F', b'D', 16, 1, 2, 3, 4];

    fn dfuse(padding: usize) -> Vec<u8> {
        let mut file = b"DfuSe\x01\0\0\0\0\x02".to_vec();
        for target in 0..2u8 {
            let start = file.len();
            file.extend(b"Target");
            file.push(target);
            file.resize(start + 266, 0);
            let padding = if target == 0 { padding } else { 0 };
            file.extend((8 + 5 + padding as u32).to_le_bytes());
            file.extend(1u32.to_le_bytes());
            file.extend((0x0800_0000u32 + u32::from(target) * 0x1000).to_le_bytes());
            file.extend(5u32.to_le_bytes());
            file.extend([target; 5]);
            file.resize(file.len() + padding, 0);
        }
        file.extend(SUFFIX_BYTES);
        file
    }

    #[test]
    fn elements_of_several_targets_padded_or_not() {
        for padding in [0, 3] {
            let file = dfuse(padding);
            let found: Vec<_> =
                elements(&file).into_iter().map(|e| (e.target, e.address, e.range.len())).collect();
            assert_eq!(found, [(0, 0x0800_0000, 5), (1, 0x0800_1000, 5)]);
            assert_eq!(address_map(&file).format, Format::DfuSe);
        }
        let file = dfuse(0);
        for len in 0..file.len() {
            let _ = elements(&file[..len]);
        }
    }

    #[test]
    fn a_wrong_crc_and_a_wrong_length_are_found() {
        let checks = |file: &[u8]| {
            crate::host::image::check(file).into_iter().map(|f| f.check).collect::<Vec<_>>()
        };
        let mut file = dfuse(0);
        let (content, at) = (file.len() - SUFFIX, file.len() - 4);
        file[6..10].copy_from_slice(&(content as u32).to_le_bytes());
        let crc = !crc32(&file[..at]);
        file[at..].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(checks(&file), []);
        assert_eq!(checks(&file[..content]), []);
        assert_eq!(checks(&file[..200]), [Check::DfuSeLength]);
        let mut bad = file.clone();
        bad[294] ^= 1;
        assert_eq!(checks(&bad), [Check::DfuCrc]);
        // The catalogue value of this CRC (CRC-32/JAMCRC) of "123456789".
        assert_eq!(!crc32(b"123456789"), 0x340b_c6d9);
    }

    #[test]
    fn counts_and_sizes_that_cannot_be_are_found() {
        let file = |padding: usize, change: &dyn Fn(&mut [u8])| {
            let mut file = dfuse(padding);
            let (content, at) = (file.len() - SUFFIX, file.len() - 4);
            file[6..10].copy_from_slice(&(content as u32).to_le_bytes());
            change(&mut file);
            let crc = !crc32(&file[..at]);
            file[at..].copy_from_slice(&crc.to_le_bytes());
            crate::host::image::check(&file)
        };
        let (length, count) = (Finding::of_lengths, Finding::of_counts);
        let (first, second) = (PREFIX, PREFIX + TARGET + 13);
        let sizes = Check::DfuSeTargetSize;
        for (at, value, finding) in [
            (first + 274 + 4, !0, length(Check::DfuSeElementSize, 289, 0xffff_ffff, 5 + 274 + 13)),
            (second + 274 + 4, 6, length(Check::DfuSeElementSize, 576, 6, 5)),
            (first + 270, 9, count(Check::DfuSeElements, first + 270, 9, 1)),
            (second + 270, 9, count(Check::DfuSeElements, second + 270, 9, 1)),
            (first + 266, 9, length(sizes, first + 266, 9, 13)),
            (second + 266, 0, length(sizes, second + 266, 0, 13)),
            (second + 266, !0, length(sizes, second + 266, 0xffff_ffff, 13)),
        ] {
            let set = |file: &mut [u8]| file[at..at + 4].copy_from_slice(&u32::to_le_bytes(value));
            assert_eq!(file(0, &set), [finding], "{at}");
        }
        for targets in [0, 1, 200] {
            let finding = count(Check::DfuSeTargets, 10, targets.into(), 2);
            assert_eq!(file(3, &|file| file[10] = targets), [finding]);
        }
        assert_eq!(file(3, &|_| ()), []);
    }

    #[test]
    fn a_plain_binary_with_a_suffix() {
        let file = [&[7; 100][..], &SUFFIX_BYTES].concat();
        let suffix = Suffix::parse(&file).unwrap();
        assert_eq!(
            (suffix.vendor, suffix.product, suffix.version, suffix.crc),
            (0x0483, 0xdf11, 0x011a, 0x0403_0201)
        );
        assert_eq!((content_len(&file), address_map(&file).format), (100, Format::Dfu));
    }
}
