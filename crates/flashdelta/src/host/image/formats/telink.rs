//! Telink TC32 images (`TLSR82xx`): a plain binary, executed from flash.
//!
//! Source: the start-up code of Telink's SDK: the word at 8 is `KNLT`, the word at 24 the length of
//! the image in bytes. Nothing in it tells the address that it was linked for: mostly 0 (the chip
//! maps its slots there), but after a bootloader of its own that of the slot (ThirdReality:
//! `0x10000`).

use core::ops::Range;

use super::handler::{Handler, Reading};
use crate::host::image::bytes::{array, index, slice, u16_le, u32_le};
use crate::host::image::finding::{Check, Finding};
use crate::host::image::isa_hint::IsaHint;
use crate::host::image::map::AddressMap;

/// What is done with files of this format.
pub(crate) static HANDLER: Handler = Handler {
    is,
    map: |file, found| map(file, 0..file.len(), found),
    check: |file, found, _| {
        check(file, found);
        Ok(())
    },
    reading: Reading::Plain,
    ..Handler::PLAIN
};

/// RAM of the TLSR82xx family.
const RAM: Range<u32> = 0x0084_0000..0x0085_0000;

/// Slots begin at multiples of the flash's sector size.
const SECTOR: u32 = 4096;
/// Flash ends below this address.
const FLASH: u32 = 1 << 20;

/// Whether this begins like a Telink image.
pub fn is(bytes: &[u8]) -> bool {
    array::<4>(bytes, 8) == Some(*b"KNLT")
}

/// The length that the image states: less than that is there if it is cut off.
pub(crate) fn check(file: &[u8], found: &mut Vec<Finding>) {
    let Some(stated) = u32_le(file, 24).map(u64::from) else { return };
    if stated > file.len() as u64 {
        found.push(Finding::of_lengths(Check::TelinkLength, 24, stated, file.len() as u64));
    }
}

/// Maps the image that is at `range`.
pub(crate) fn map(file: &[u8], range: Range<usize>, map: &mut AddressMap) {
    let Some(image) = file.get(range.clone()) else { return };
    let base = base(image);
    map.isa = Some(IsaHint::Tc32);
    map.push(range.clone(), base, None);
    map.reserve(RAM.start, RAM.end);
    // Addresses that are but offsets count as unknown. Here they are known.
    if range.start == index(base) {
        map.reserve(base, base.saturating_add(image.len() as u32));
    }
}

/// The address that the image was linked for: the one for which most pointers to functions point to
/// a `tpush {..., lr}`.
fn base(image: &[u8]) -> u32 {
    // No image is larger than the flash.
    let image = slice(image, 0, index(FLASH)).unwrap_or(image);
    let words = image.chunks_exact(4).map(|w| u32::from_le_bytes([w[0], w[1], w[2], w[3]]));
    let mut pointers: Vec<u32> =
        words.filter(|w| w % 2 == 1 && *w < FLASH).map(|w| w - 1).collect();
    pointers.sort_unstable();
    pointers.dedup();
    let is_start = |at: u32| u16_le(image, index(at)).is_some_and(|half| half & 0xff00 == 0x6500);
    let votes =
        |base: u32| pointers.iter().filter(|p| p.checked_sub(base).is_some_and(is_start)).count();
    let slots = (1..FLASH / SECTOR).map(|sector| sector * SECTOR);
    match slots.map(|base| (votes(base), base)).max_by_key(|(count, _)| *count) {
        Some((count, base)) if count >= 8 && count > 2 * votes(0) => base,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::image::{address_map, AddressRange};

    /// Functions of different lengths, then pointers to them.
    fn image(base: u32) -> Vec<u8> {
        let mut image = [&[0x26, 0x80, 0, 0, 0, 0, 0, 0], &b"KNLT"[..], &[0; 52]].concat();
        let mut pointers = Vec::new();
        for i in 0..20 {
            pointers.extend((base + image.len() as u32 + 1).to_le_bytes());
            image.extend([0x10, 0x65]);
            image.extend([0xc0, 0x06].repeat(1 + i * i % 7));
        }
        image.resize(image.len().next_multiple_of(4), 0);
        image.extend(pointers);
        image
    }

    #[test]
    fn finds_where_an_image_runs() {
        for base in [0, 0x8000, 0x10000] {
            let map = address_map(&image(base));
            assert_eq!((map.isa, map.segments[0].address), (Some(IsaHint::Tc32), base));
        }
        // Nothing to vote with.
        assert_eq!(address_map(&image(0)[..200]).segments[0].address, 0);
    }

    #[test]
    fn addresses_count_although_they_are_the_offsets() {
        let image = image(0);
        let ram = AddressRange { start: RAM.start, end: RAM.end };
        assert_eq!(
            address_map(&image).reserved,
            [AddressRange { start: 0, end: image.len() as u32 }, ram]
        );
    }
}
