//! Images that are cut off or damaged, so that they cannot be read.

use super::chip::{self, Chip};
use super::image::{LONG_HEADER, MAGIC, MAX_SEGMENTS, SHORT_HEADER};
use crate::device::predict::address_map::SegmentKind::Data;
use crate::host::image::bytes::{index, u16_le, u32_le, u8_at};
use crate::host::image::finding::{Check, Finding};

/// No segment is larger than the flash that a chip can have.
const MAX_SEGMENT: u32 = 64 << 20;

/// Whether this is the beginning of an image that is cut off, or one a segment of which leads out
/// of the file.
pub(crate) fn cut_off(file: &[u8]) -> Option<Finding> {
    let long = u16_le(file, 12).and_then(chip::by_id);
    long.and_then(|chip| cut_off_for(file, chip)).or_else(|| cut_off_for(file, &chip::ESP8266))
}

/// The same of an image for a chip that begins at `start`, if its header is likely.
pub(super) fn cut_off_at(file: &[u8], start: usize, chip: &Chip) -> Option<Finding> {
    let file = file.get(start..).filter(|file| is_likely_header(file, chip))?;
    let finding = cut_off_for(file, chip)?;
    Some(Finding { offset: start + finding.offset, ..finding })
}

fn cut_off_for(file: &[u8], chip: &Chip) -> Option<Finding> {
    let count = u8_at(file, 1).filter(|_| file.first() == Some(&MAGIC))?;
    let is_long = chip.id.is_some();
    let is_likely = is_likely_header(file, chip);
    if !(1..=MAX_SEGMENTS).contains(&count) {
        let there = segments_at(file, if is_long { LONG_HEADER } else { SHORT_HEADER }, chip);
        let is_image = is_likely && there > 0;
        return is_image.then(|| Finding::of_counts(Check::EspSegments, 1, there, count.into()));
    }
    // So short a header says too little otherwise.
    if !is_likely && !is_long {
        return None;
    }
    let (mut at, mut known) = (if is_long { LONG_HEADER } else { SHORT_HEADER }, 0);
    for _ in 0..count {
        let (Some(address), Some(len)) = (u32_le(file, at), u32_le(file, at.checked_add(4)?))
        else {
            break;
        };
        let is_placed = address == 0 || chip.region(address).is_some();
        // A wrong length leads to a segment that is nowhere; the first one must be somewhere.
        if !is_placed && (known == 0 || !is_likely) || len > MAX_SEGMENT && !is_likely {
            return None;
        }
        let left = file.len() - at - 8;
        if index(len) > left && (!is_placed || len > MAX_SEGMENT) {
            let (expected, left) = (len.into(), left as u64);
            return Some(Finding::of_lengths(Check::EspSegment, at + 4, expected, left));
        }
        known += 1;
        at = at.checked_add(8)?.checked_add(index(len))?;
    }
    // The segments that are known, a header for each other; the checksum ends a line of 16 bytes.
    let end = at.checked_add(usize::from(count - known) * 8)?;
    let (least, found) = ((end | 15) as u64 + 1, file.len() as u64);
    let is_cut = (known > 0 || is_likely) && least > found;
    is_cut.then(|| Finding::of_lengths(Check::EspLength, 0, least, found))
}

/// How many segments are there, one after the other from `at` on.
fn segments_at(file: &[u8], mut at: usize, chip: &Chip) -> u64 {
    let mut there = 0;
    // What follows the last one is no address of memory.
    while let (Some(address), Some(len)) = (u32_le(file, at), u32_le(file, at + 4)) {
        let end = (at + 8).saturating_add(index(len));
        if chip.region(address).is_none() || end > file.len() || there == u64::from(MAX_SEGMENTS) {
            break;
        }
        at = end;
        there += 1;
    }
    there
}

/// Whether what is before the segments makes sense: how the flash is accessed, and an entry point
/// where the chip can have code.
///
/// Source: `esp_app_format.h` of ESP-IDF (`esp_image_spi_mode_t`, `esp_image_spi_freq_t`,
/// `esp_image_flash_size_t`), and for the sizes of the ESP8266, which end at 9,
/// `esptool/targets/esp8266.py`.
fn is_likely_header(file: &[u8], chip: &Chip) -> bool {
    let is_flash = |byte: u8| matches!(byte & 0xf, 0..=2 | 0xf) && byte >> 4 <= 9;
    // Compressed instructions of RISC-V are at any even address.
    let is_code = |entry: u32| entry.is_multiple_of(2) && is_code(entry, chip);
    let is_extended = || match chip.id {
        // The digest flag; what is reserved before it.
        Some(_) => file.get(19..LONG_HEADER).is_some_and(|end| matches!(end, [0, 0, 0, 0, 0 | 1])),
        None => true,
    };
    u8_at(file, 2).is_some_and(|mode| mode <= 5)
        && u8_at(file, 3).is_some_and(is_flash)
        && u32_le(file, 4).is_some_and(is_code)
        && is_extended()
}

fn is_code(address: u32, chip: &Chip) -> bool {
    chip.region(address).is_some_and(|region| region.kind != Some(Data))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An image for a chip: the header, and segments of 100 and 64 bytes.
    fn image(chip: Option<u16>, entry: u32, addresses: [u32; 2]) -> Vec<u8> {
        let mut file = [&[MAGIC, 2, 2, 0x20][..], &entry.to_le_bytes()].concat();
        if let Some(id) = chip {
            file.extend([0xee, 0, 0, 0]);
            file.extend(id.to_le_bytes());
            file.resize(LONG_HEADER, 0);
        }
        for (address, len) in addresses.into_iter().zip([100u32, 64]) {
            file.extend([address, len].map(u32::to_le_bytes).concat());
            file.resize(file.len() + len as usize, 0x55);
        }
        file.resize((file.len() | 15) + 1, 0xef);
        file
    }

    fn esp8266() -> Vec<u8> {
        image(None, 0x4021_08f4, [0x4021_0010, 0x3ffe_8000])
    }

    fn esp32() -> Vec<u8> {
        image(Some(0), 0x400d_0b7c, [0x3f40_0020, 0x400d_0018])
    }

    #[test]
    fn what_is_cut_off_is_found_at_any_length() {
        for (file, header) in [(esp8266(), SHORT_HEADER), (esp32(), LONG_HEADER)] {
            assert_eq!(crate::host::image::check(&file), []);
            for len in header..file.len() {
                let findings = crate::host::image::check(&file[..len]);
                let is = |f: &Finding| (f.check, f.offset) == (Check::EspLength, 0);
                assert!(matches!(&findings[..], [f] if is(f)), "{len}: {findings:?}");
            }
            for len in 0..header {
                assert_eq!(crate::host::image::check(&file[..len]), [], "{len}");
            }
        }
    }

    #[test]
    fn a_length_of_a_segment_that_leads_out_is_found() {
        for (file, header) in [(esp8266(), SHORT_HEADER), (esp32(), LONG_HEADER)] {
            let second = header + 8 + 100;
            for (at, len, check) in [
                (header, u32::MAX, Check::EspSegment),
                (header, 1000, Check::EspLength),
                (second, u32::MAX, Check::EspSegment),
                (second, 100, Check::EspLength),
                // So that the second segment is taken from the middle of the first.
                (header, 4, Check::EspSegment),
            ] {
                let mut bad = file.clone();
                bad[at + 4..at + 8].copy_from_slice(&len.to_le_bytes());
                let findings = crate::host::image::check(&bad);
                assert!(
                    matches!(&findings[..], [f] if f.check == check),
                    "{header} {at} {len}: {findings:?}"
                );
            }
        }
    }

    #[test]
    fn a_number_of_segments_that_no_image_has_is_found() {
        for file in [esp8266(), esp32()] {
            for count in [0, MAX_SEGMENTS + 1, 255] {
                let mut bad = file.clone();
                bad[1] = count;
                let finding = Finding::of_counts(Check::EspSegments, 1, 2, count.into());
                assert_eq!(crate::host::image::check(&bad), [finding]);
            }
        }
    }

    /// The boot loader of the Arduino core of the ESP8266 is at 0, the application at 0x1000.
    #[test]
    fn an_image_that_is_cut_off_after_one_that_is_whole_is_found() {
        for image in [esp8266(), esp32()] {
            let mut file = image.clone();
            file.resize(0x1000, 0xff);
            assert_eq!(crate::host::image::check(&file), []);
            file.extend(&image);
            assert_eq!(crate::host::image::check(&file), []);
            file.resize(file.len() - 40, 0);
            let (len, found) = (image.len() as u64, image.len() as u64 - 40);
            let finding = Finding::of_lengths(Check::EspLength, 0x1000, len, found);
            assert_eq!(crate::host::image::check(&file), [finding]);
        }
    }

    /// Binaries that begin with this byte by chance: of those that have likely headers there is
    /// hardly one.
    #[test]
    fn other_binaries_are_not_taken_for_images() {
        for (at, value) in [(0, 0xea), (2, 6), (3, 0x23), (3, 0xa0), (4, 1)] {
            let mut file = esp8266();
            file[at] = value;
            assert_eq!(cut_off(&file[..100]), None, "{at}");
            let mut file = esp32();
            file[at] = value;
            assert_eq!(cut_off(&file[..LONG_HEADER]), None, "{at}");
        }
        // xorshift32 (Marsaglia, "Xorshift RNGs").
        let mut state = 1u32;
        let mut file = [0; 64];
        for _ in 0..100_000 {
            for byte in &mut file {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                *byte = (state >> 24) as u8;
            }
            file[0] = MAGIC;
            assert_eq!(cut_off(&file), None, "{file:?}");
        }
    }
}
