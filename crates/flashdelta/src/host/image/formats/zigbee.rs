//! Zigbee over-the-air upgrade files: a header, then elements of `{tag: u16, len: u32, value}`,
//! little-endian.
//!
//! Source: Zigbee Cluster Library Specification (07-5123), chapter 11 "Over-the-Air Upgrade", 11.4
//! "OTA File Format". Real files stray from it: wrappers in front (IKEA `NGIS`) and after, stray
//! bytes after the last element, a total size beyond the file.

use core::ops::Range;

use super::handler::Handler;
use super::payload::payload;
use crate::host::image::bytes::{array, index, slice, text, u16_le, u32_le};
use crate::host::image::finding::{Check, Finding};
use crate::host::image::isa_hint::IsaHint;
use crate::host::image::map::AddressMap;

/// What is done with files of this format.
pub(crate) static HANDLER: Handler = Handler {
    is,
    map,
    check: |file, found, _| {
        check(file, found);
        Ok(())
    },
    details: |file, tell| {
        let Some(header) = Header::parse(file) else { return };
        tell("manufacturer", format!("{:#06x}", header.manufacturer));
        tell("image type", format!("{:#06x}", header.image_type));
        tell("version", format!("{:#010x}", header.file_version));
        tell("name", text(&header.name));
        let signed = header.elements(file).filter(|e| matches!(e.tag, 1..=5)).count();
        if signed > 0 {
            tell("signatures", format!("{signed} elements"));
        }
    },
    // A Telink image is at address 0, whatever it is packed in.
    states_base: |_, map| map.isa == Some(IsaHint::Tc32),
    ..Handler::PLAIN
};

/// The first word of the header.
pub const MAGIC: u32 = 0x0bee_f11e;
/// Element tag of the upgrade image itself.
pub const TAG_IMAGE: u16 = 0;

/// How far in a wrapper is looked for the header.
const WRAPPER: usize = 1024;
const MIN_HEADER: usize = 56;
/// Elements that are looked into; real files have one image, or one for each processor.
const MAX_IMAGES: usize = 32;

/// The fields of the header, as they are in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Where the header begins: not 0 for a wrapped file.
    pub start: usize,
    /// Length of the header in bytes.
    pub len: u16,
    /// Optional fields: bit 0 security credential, bit 1 destination, bit 2 hardware versions.
    pub field_control: u16,
    /// Manufacturer code.
    pub manufacturer: u16,
    /// Image type.
    pub image_type: u16,
    /// File version.
    pub file_version: u32,
    /// Zigbee stack version.
    pub stack_version: u16,
    /// Name; mostly ASCII, padded with zeros.
    pub name: [u8; 32],
    /// Length of header and elements as the file claims; may lie beyond the file.
    pub total_size: u32,
}

/// One element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// What it is, e.g. [`TAG_IMAGE`].
    pub tag: u16,
    /// Its value, as a range of the file.
    pub value: Range<usize>,
}

impl Header {
    /// Reads the header, at the start of the file or after a wrapper's.
    pub fn parse(file: &[u8]) -> Option<Self> {
        let start = find(file)?;
        let header = slice(file, start, MIN_HEADER)?;
        let len = u16_le(header, 6)?;
        if usize::from(len) < MIN_HEADER {
            return None;
        }
        Some(Self {
            start,
            len,
            field_control: u16_le(header, 8)?,
            manufacturer: u16_le(header, 10)?,
            image_type: u16_le(header, 12)?,
            file_version: u32_le(header, 14)?,
            stack_version: u16_le(header, 18)?,
            name: array(header, 20)?,
            total_size: u32_le(header, 52)?,
        })
    }

    /// The elements that lie inside the file. One that runs out of it ends where the file does.
    pub fn elements<'a>(&self, file: &'a [u8]) -> impl Iterator<Item = Element> + 'a {
        let end = self.start.saturating_add(index(self.total_size)).min(file.len());
        let mut at = self.start.saturating_add(usize::from(self.len));
        core::iter::from_fn(move || {
            let value = at.checked_add(6)?;
            if value > end {
                return None;
            }
            let tag = u16_le(file, at)?;
            let len = index(u32_le(file, at + 2)?);
            at = value.saturating_add(len).min(end);
            Some(Element { tag, value: value..at })
        })
    }
}

/// Where the header begins.
fn find(file: &[u8]) -> Option<usize> {
    let search = file.get(..WRAPPER + 4).unwrap_or(file);
    search.windows(4).position(|w| w == MAGIC.to_le_bytes())
}

/// Whether this is an upgrade file.
pub fn is(file: &[u8]) -> bool {
    Header::parse(file)
        .is_some_and(|header| header.start == 0 || header.elements(file).next().is_some())
}

/// Checks the length in the header, and those of the elements.
pub(crate) fn check(file: &[u8], found: &mut Vec<Finding>) {
    let Some(header) = Header::parse(file) else { return };
    let there = (file.len() - header.start) as u64;
    if u64::from(header.len) > there {
        let (check, at) = (Check::ZigbeeHeader, header.start + 6);
        found.push(Finding::of_lengths(check, at, header.len.into(), there));
        return;
    }
    let stated = u64::from(header.total_size);
    // What follows the image is no part of it, but an image has an element, if only its header.
    let is_without_element = stated < u64::from(header.len) + 6 && stated != there;
    if stated > there || is_without_element {
        let (check, at) = (Check::ZigbeeLength, header.start + 52);
        found.push(Finding::of_lengths(check, at, stated, there));
        return;
    }
    for element in header.elements(file) {
        let at = element.value.start - 4;
        let stated = u64::from(u32_le(file, at).unwrap_or(0));
        if stated != element.value.len() as u64 {
            let len = element.value.len() as u64;
            found.push(Finding::of_lengths(Check::ZigbeeElement, at, stated, len));
        }
    }
}

/// Whether this is the beginning of an upgrade file whose header is cut off, or too short for what
/// is in it.
pub(crate) fn cut_off(file: &[u8]) -> Option<Finding> {
    if u32_le(file, 0)? != MAGIC {
        return None;
    }
    let (least, len) = (MIN_HEADER as u64, file.len() as u64);
    if len < least {
        return Some(Finding::of_lengths(Check::ZigbeeLength, 0, least, len));
    }
    let stated = u64::from(u16_le(file, 6)?);
    (stated < least).then(|| Finding::of_lengths(Check::ZigbeeHeader, 6, least, stated))
}

/// Maps the elements.
pub(crate) fn map(file: &[u8], map: &mut AddressMap) {
    let Some(header) = Header::parse(file) else { return };
    // Signatures and certificates are short.
    for element in
        header.elements(file).filter(|element| element.value.len() >= 256).take(MAX_IMAGES)
    {
        payload(file, element.value, map);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::image::isa_hint::IsaHint;
    use crate::host::image::{address_map, Format};

    fn ota(elements: &[(u16, Vec<u8>)]) -> Vec<u8> {
        let body: Vec<u8> = elements
            .iter()
            .flat_map(|(tag, value)| {
                [&tag.to_le_bytes()[..], &(value.len() as u32).to_le_bytes(), value].concat()
            })
            .collect();
        let mut file = MAGIC.to_le_bytes().to_vec();
        file.extend([0, 1, 56, 0, 0, 0, 0x7c, 0x11]);
        file.resize(52, 0);
        file.extend((56 + body.len() as u32).to_le_bytes());
        file.extend(body);
        file
    }

    fn gbl() -> Vec<u8> {
        let tag = |id: u32, value: &[u8]| {
            [&id.to_le_bytes()[..], &(value.len() as u32).to_le_bytes(), value].concat()
        };
        let program = [&0x4000u32.to_le_bytes()[..], &[0x70, 0x47].repeat(200)].concat();
        [tag(0x03a6_17eb, &[0; 8]), tag(0xfd03_03fd, &program), tag(0xfc04_04fc, &[0; 4])].concat()
    }

    #[test]
    fn program_data_of_a_gecko_file_inside() {
        let map = address_map(&ota(&[(0, gbl())]));
        assert_eq!((map.format, map.isa), (Format::ZigbeeOta, Some(IsaHint::Thumb)));
        assert_eq!(
            (map.segments[0].offset, map.segments[0].len, map.segments[0].address),
            (62 + 16 + 8 + 4, 400, 0x4000)
        );
    }

    #[test]
    fn quirks_of_real_files() {
        // A wrapper in front and a signature after (IKEA).
        let wrapped = [&b"NGIS\x10\0\0\0"[..], &ota(&[(0, gbl())]), &[0xaa; 512]].concat();
        assert_eq!(address_map(&wrapped).segments[0].address, 0x4000);
        // Stray bytes after the last element, inside the total size.
        let mut stray = ota(&[(0, vec![0; 8]), (1, vec![1; 50])]);
        stray.extend([0xff, 0xff]);
        let total = stray.len() as u32;
        stray[52..56].copy_from_slice(&total.to_le_bytes());
        assert_eq!(Header::parse(&stray).unwrap().elements(&stray).count(), 2);
        // A truncated upload: the element ends with the file.
        let cut = &ota(&[(0, vec![0; 300])])[..200];
        let element = Header::parse(cut).unwrap().elements(cut).next().unwrap();
        assert_eq!(element.value, 62..200);
    }

    #[test]
    fn lengths_that_run_out_are_found() {
        let checks = |file: &[u8]| {
            crate::host::image::check(file).into_iter().map(|f| f.check).collect::<Vec<_>>()
        };
        let file = ota(&[(0, gbl()), (1, vec![1; 50])]);
        assert_eq!(checks(&file), []);
        assert_eq!(checks(&[&file[..], &[0xff; 9]].concat()), []);
        assert_eq!(checks(&file[..200]), [Check::ZigbeeLength]);
        let mut bad = file.clone();
        let at = file.len() - 54;
        bad[at..at + 4].copy_from_slice(&51u32.to_le_bytes());
        assert_eq!(checks(&bad), [Check::ZigbeeElement]);
        // A total length that leaves no room for an element, or none for the whole last one.
        for (total, check) in [
            (0, Check::ZigbeeLength),
            (7, Check::ZigbeeLength),
            (61, Check::ZigbeeLength),
            (file.len() as u32 - 1, Check::ZigbeeElement),
        ] {
            let mut bad = file.clone();
            bad[52..56].copy_from_slice(&total.to_le_bytes());
            assert_eq!(checks(&bad), [check], "{total}");
        }
    }

    #[test]
    fn headers_that_are_cut_off_or_have_an_impossible_length_are_found() {
        let file = ota(&[(0, gbl())]);
        let found = |file: &[u8]| crate::host::image::check(file);
        for len in 4..MIN_HEADER {
            let finding = Finding::of_lengths(Check::ZigbeeLength, 0, 56, len as u64);
            assert_eq!(found(&file[..len]), [finding]);
        }
        let len = file.len() as u64;
        for (stated, expected, is) in [(0u16, 56, 0), (55, 56, 55), (0x1000, 0x1000, len)] {
            let mut bad = file.clone();
            bad[6..8].copy_from_slice(&stated.to_le_bytes());
            assert_eq!(found(&bad), [Finding::of_lengths(Check::ZigbeeHeader, 6, expected, is)]);
        }
    }

    #[test]
    fn a_telink_image_runs_at_address_0() {
        let image = [&[0x26, 0x80, 0, 0, 0, 0, 0, 0], &b"KNLT"[..], &[0; 400]].concat();
        let map = address_map(&ota(&[(0, image)]));
        assert_eq!(
            (map.isa, map.segments[0].offset, map.segments[0].address),
            (Some(IsaHint::Tc32), 62, 0)
        );
    }
}
