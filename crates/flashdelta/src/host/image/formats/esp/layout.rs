//! What is where in a file of Espressif images: one image, or a whole flash.

use core::ops::Range;

use sha2::{Digest as _, Sha256};

use super::chip::Chip;
use super::cut::cut_off_at;
use super::image::{EspImage, Segment, CHECKSUM_SEED, MAGIC, MAGIC_V2};
use crate::device::predict::address_map::SegmentKind;
use crate::host::image::bytes::{index, offset32, u16_le, u32_le, u8_at};
use crate::host::image::finding::{Check, Finding};
use crate::host::image::isa_hint::IsaHint;
use crate::host::image::map::AddressMap;

/// Images in a flash are at multiples of a sector.
const SECTOR: usize = 0x1000;
/// Where the ESP8266 sees its flash.
const ESP8266_FLASH: Range<u32> = 0x4020_0000..0x4030_0000;

/// Whether this is an image, or a flash image that has some.
pub(crate) fn is(file: &[u8]) -> bool {
    EspImage::parse(file, 0).is_some() || v2_image(file).is_some() || is_merged(file)
}

/// A merged image begins with erased flash, then has a bootloader at 0x1000 or 0x2000.
fn is_merged(file: &[u8]) -> bool {
    let erased = file.get(..SECTOR).is_some_and(|first| first.iter().all(|b| *b == 0xff));
    erased && images(file).first().is_some_and(|image| image.start <= 0x1_0000)
}

/// Maps every image in the file.
pub(crate) fn map(file: &[u8], map: &mut AddressMap) {
    let mut images = images(file);
    let mut irom = None;
    if let Some((segment, image)) = v2_image(file) {
        irom = Some(segment);
        images = vec![image];
    }
    let Some(chip) = images.first().map(|image| image.chip) else { return };
    map.isa = Some(chip.isa);
    for image in &images {
        for segment in &image.segments {
            map_segment(file, segment, image.chip, map);
        }
    }
    for region in chip.regions.iter().filter(|r| r.ram) {
        map.reserve(region.start, region.end);
    }
    if let Some(segment) = irom {
        map.push(segment.range, segment.address, SegmentKind::Code);
    } else if chip.id.is_none() {
        map_flash_of_esp8266(file, &images, map);
    }
}

/// Checks checksums and digests. The Arduino core of the ESP8266 patches a CRC in after the
/// checksum was made, so that of its images says nothing.
pub(crate) fn check(file: &[u8], found: &mut Vec<Finding>) {
    let images = images(file);
    for image in images.iter().filter(|image| image.chip.id.is_some()) {
        if let Some(sum) = u8_at(file, image.checksum).filter(|_| !image.checksum_ok) {
            let is = CHECKSUM_SEED;
            let bytes = image.segments.iter().filter_map(|segment| file.get(segment.range.clone()));
            let is = bytes.flatten().fold(is, |is, byte| is ^ byte);
            let (check, at) = (Check::EspChecksum, image.checksum);
            found.extend(Finding::of_sums(check, at, sum.into(), is.into()));
        }
        let has_digest = u8_at(file, image.start + 23) == Some(1);
        match &image.digest {
            Some(at) => {
                let digest = Sha256::digest(file.get(image.start..at.start).unwrap_or_default());
                let stated = file.get(at.clone()).unwrap_or_default();
                found.extend(Finding::of_digests(Check::EspDigest, at.start, stated, &digest));
            }
            None if has_digest => {
                let (end, len) = (image.checksum + 33, file.len());
                let check = Check::EspLength;
                found.push(Finding::of_lengths(check, image.start, end as u64, len as u64));
            }
            None => {}
        }
    }
    // A cut file may begin with an image that is whole: the boot loader.
    if let Some(last) = images.last() {
        let sectors = (last.end.next_multiple_of(SECTOR)..file.len()).step_by(SECTOR);
        found.extend(sectors.filter_map(|at| cut_off_at(file, at, last.chip)).next());
    }
}

/// All images at sector boundaries, and the one at 0 also if it is doubtful.
pub(crate) fn images(file: &[u8]) -> Vec<EspImage> {
    let mut images: Vec<EspImage> = Vec::new();
    let mut at = 0;
    while at < file.len() {
        let image = EspImage::parse(file, at).filter(|image| image.is_sound() || at == 0);
        // One flash has one chip.
        let image =
            image.filter(|image| images.first().is_none_or(|first| first.chip == image.chip));
        at = match &image {
            Some(image) => image.end.next_multiple_of(SECTOR),
            None => at + SECTOR,
        };
        images.extend(image);
    }
    images
}

/// An ESP8266 version 2 image: header, one segment without address for the flash window, then an
/// ordinary image.
fn v2_image(file: &[u8]) -> Option<(Segment, EspImage)> {
    if u8_at(file, 0)? != MAGIC_V2 {
        return None;
    }
    let len = index(u32_le(file, 12)?);
    let end = len.checked_add(16)?;
    if u8_at(file, end)? != MAGIC {
        return None;
    }
    let image = EspImage::parse(file, end)?;
    // `user1.bin` is at 0x1000 of the flash.
    Some((Segment { address: ESP8266_FLASH.start + 0x1010, range: 16..end }, image))
}

fn map_segment(file: &[u8], segment: &Segment, chip: &Chip, map: &mut AddressMap) {
    let Some(region) = chip.region(segment.address) else {
        // Padding has address 0.
        return;
    };
    let bytes = file.get(segment.range.clone()).unwrap_or_default();
    if region.kind.is_some() || chip.isa != IsaHint::RiscV32 {
        map.push(segment.range.clone(), segment.address, region.kind);
        return;
    }
    // Code and data share the region; code comes first.
    let code = segment.range.start + riscv_code_len(bytes);
    map.push(segment.range.start..code, segment.address, SegmentKind::Code);
    let into = offset32(code - segment.range.start).unwrap_or(0);
    map.push(code..segment.range.end, segment.address.wrapping_add(into), SegmentKind::Data);
}

/// How much of a segment is RISC-V code: up to the last window with returns or prologues that
/// follows others closely enough.
fn riscv_code_len(bytes: &[u8]) -> usize {
    const WINDOW: usize = 1024;
    const PATIENCE: usize = 12;
    let (mut end, mut marks, mut quiet) = (0, 0usize, 0usize);
    for (index, window) in bytes.chunks(WINDOW).enumerate() {
        let is_mark = |at: &usize| {
            matches!(u16_le(window, *at), Some(0x8082 | 0x1141 | 0x1101 | 0x7179 | 0x7139))
        };
        let found: Vec<usize> = (0..window.len()).step_by(2).filter(is_mark).collect();
        match found.last() {
            Some(last) => {
                marks += found.len();
                quiet = 0;
                end = index * WINDOW + last + 2;
            }
            None => {
                quiet += 1;
                if quiet > PATIENCE {
                    break;
                }
            }
        }
    }
    // Random data holds a mark in every 26 KiB or so.
    if marks >= 4 && marks * 2048 >= end {
        end.next_multiple_of(4).min(bytes.len())
    } else {
        0
    }
}

/// Everything in the flash that is not a RAM segment is seen at its flash offset.
fn map_flash_of_esp8266(file: &[u8], images: &[EspImage], map: &mut AddressMap) {
    let window = index(ESP8266_FLASH.end - ESP8266_FLASH.start);
    let mut at = images.first().map_or(0, |image| image.end);
    for next in images
        .iter()
        .skip(1)
        .map(|image| (image.start, image.end))
        .chain([(file.len(), file.len())])
    {
        let end = next.0.min(window);
        if at < end {
            if let Some(offset) = offset32(at) {
                map.push(at..end, ESP8266_FLASH.start + offset, SegmentKind::Code);
            }
        }
        at = next.1;
    }
}

#[cfg(test)]
mod tests {
    use super::super::chip;
    use super::*;
    use crate::host::image::map::MapSegment;
    use crate::host::image::{address_map, Format};

    fn image(chip: Option<u16>, segments: &[(u32, usize)]) -> Vec<u8> {
        let mut file = vec![MAGIC, segments.len() as u8, 2, 0x20, 0, 4, 8, 0x40];
        if let Some(id) = chip {
            file.extend([0xee, 0, 0, 0]);
            file.extend(id.to_le_bytes());
            file.resize(24, 0);
        }
        for (address, len) in segments {
            file.extend(address.to_le_bytes());
            file.extend((*len as u32).to_le_bytes());
            file.extend((0..*len).map(|n| (n * 7) as u8));
        }
        let end = file.len() | 15;
        file.resize(end, 0);
        let image = EspImage::parse_for(
            &[&file[..], &[0]].concat(),
            0,
            chip.and_then(chip::by_id).unwrap_or(&chip::ESP8266),
        )
        .unwrap();
        let sum =
            image.segments.iter().flat_map(|s| &file[s.range.clone()]).fold(0xef, |sum, b| sum ^ b);
        file.push(sum);
        file
    }

    #[test]
    fn an_application_of_the_esp32() {
        let file = image(Some(0), &[(0x3f40_0020, 100), (0x4008_0000, 64), (0x400d_0018, 32)]);
        let map = address_map(&file);
        assert_eq!((map.format, map.isa), (Format::Esp, Some(IsaHint::XtensaWindowed)));
        let expected = [
            (32, 100, 0x3f40_0020, SegmentKind::Data),
            (140, 64, 0x4008_0000, SegmentKind::Code),
            (212, 32, 0x400d_0018, SegmentKind::Code),
        ];
        assert_eq!(
            map.segments,
            expected.map(|(offset, len, address, kind)| MapSegment {
                offset,
                len,
                address,
                kind: Some(kind),
            })
        );
        assert!(map.ranges().iter().any(|s| s.start <= 0x3ffb_0000 && 0x3ffb_0000 < s.end));
    }

    #[test]
    fn the_esp8266_sees_what_stands_behind_the_image_in_its_flash_window() {
        let mut file = image(None, &[(0x4010_0000, 100), (0x3ffe_8000, 20)]);
        file.resize(0x1_0000, 0xff);
        file.extend([1; 256]);
        let map = address_map(&file);
        assert_eq!((map.format, map.isa), (Format::Esp, Some(IsaHint::XtensaCall0)));
        assert_eq!(map.address_of(0x1_0010), Some(0x4021_0010));
    }

    #[test]
    fn a_merged_flash_has_a_bootloader_and_an_application() {
        let mut file = vec![0xff; 0x1000];
        file.extend(image(Some(0), &[(0x3fff_0018, 4), (0x4007_8000, 64)]));
        file.resize(0x1_0000, 0xff);
        file.extend(image(Some(0), &[(0x3f40_0020, 100), (0x400d_0018, 64)]));
        let map = address_map(&file);
        assert_eq!(map.format, Format::Esp);
        assert_eq!(map.segments.len(), 4);
        assert_eq!(map.offset_of(0x400d_0018), Some(0x1_0000 + 24 + 8 + 100 + 8));
    }

    #[test]
    fn a_wrong_checksum_is_told_and_tolerated() {
        let mut file = image(Some(5), &[(0x3c00_0020, 100), (0x4200_0020, 64)]);
        *file.last_mut().unwrap() ^= 1;
        let parsed = EspImage::parse(&file, 0).unwrap();
        assert!(!parsed.checksum_ok && parsed.placed);
        assert_eq!(address_map(&file).segments.len(), 2);
        // A segment that runs out of the file is no image.
        file.truncate(100);
        assert_eq!(EspImage::parse(&file, 0), None);
    }

    #[test]
    fn a_wrong_checksum_or_digest_and_a_cut_are_found() {
        let checks = |file: &[u8]| {
            crate::host::image::check(file).into_iter().map(|f| f.check).collect::<Vec<_>>()
        };
        let mut file = image(Some(5), &[(0x3c00_0020, 100), (0x4200_0020, 64)]);
        assert_eq!(checks(&file), []);
        assert_eq!(checks(&file[..100]), [Check::EspLength]);
        assert_eq!(checks(&file[..file.len() - 1]), [Check::EspLength]);
        // A cut where the header of the second segment would begin.
        assert_eq!(checks(&file[..24 + 8 + 100]), [Check::EspLength]);
        file[23] = 1;
        assert_eq!(checks(&file), [Check::EspLength], "the digest is missing");
        let digest = Sha256::digest(&file);
        file.extend(digest);
        assert_eq!(checks(&file), []);
        file[40] ^= 1;
        assert_eq!(checks(&file), [Check::EspChecksum, Check::EspDigest]);
    }
}
