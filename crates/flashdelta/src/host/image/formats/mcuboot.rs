//! MCUboot images: header, binary, protected and unprotected TLVs.
//!
//! Source: `docs/design.md` ("Image format") and `boot/bootutil/include/bootutil/image.h` of
//! MCUboot.

use core::ops::Range;

use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::handler::Handler;
use super::raw;
use crate::host::image::bytes::{index, slice, u16_le, u32_le, u8_at};
use crate::host::image::finding::{Check, Finding};
use crate::host::image::map::AddressMap;

/// What is done with files of this format.
pub(crate) static HANDLER: Handler = Handler {
    is: |file| Mcuboot::parse(file).is_some(),
    map,
    check: |file, found, _| {
        check(file, found);
        Ok(())
    },
    details: |file, tell| {
        let Some(image) = Mcuboot::parse(file) else { return };
        let (major, minor, revision, build) = image.version;
        tell("version", format!("{major}.{minor}.{revision}+{build}"));
        tell("flags", format!("{:#x}", image.flags));
        tell("TLVs", tlvs(&image));
        if image.flags & FLAG_ENCRYPTED != 0 {
            let is = if image.is_encrypted(file) { "yes" } else { "flagged, but clear" };
            tell("encrypted", is.to_owned());
        }
        if file.ends_with(&TRAILER) || file.ends_with(&TRAILER_ALIGNED) {
            tell("slot trailer", format!("from {:#x}", image.end));
        }
    },
    states_base: |file, _| Mcuboot::parse(file).is_some_and(|image| image.load_address != 0),
    ..Handler::PLAIN
};

/// How a slot of MCUboot ends, for writes of up to 8 bytes and of more (`boot_img_magic`).
const TRAILER: [u8; 16] = [
    0x77, 0xc2, 0x95, 0xf3, 0x60, 0xd2, 0xef, 0x7f, 0x35, 0x52, 0x50, 0x0f, 0x2c, 0xb6, 0x79, 0x80,
];
const TRAILER_ALIGNED: [u8; 14] =
    [0x2d, 0xe1, 0x5d, 0x29, 0x41, 0x0b, 0x8d, 0x77, 0x67, 0x9c, 0x11, 0x0f, 0x1f, 0x8a];

/// What is in the TLVs of an image.
fn tlvs(image: &Mcuboot) -> String {
    let name = |(_, kind, _): &(bool, u16, _)| match tlv_name(*kind) {
        Some(name) => name.to_owned(),
        None => format!("{kind:#04x}"),
    };
    image.tlvs.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// First word of an image.
pub const MAGIC: u32 = 0x96f3_b83d;
/// First half word of the protected TLV area, which is covered by the image's digest.
pub const TLV_PROTECTED: u16 = 0x6908;
/// First half word of the TLV area.
pub const TLV: u16 = 0x6907;
/// Fields of the header; it may be longer.
const HEADER: usize = 32;
/// Magic and size, before the TLVs of an area.
const AREA_HEADER: usize = 4;
/// Flag bits of an encrypted image.
pub const FLAG_ENCRYPTED: u32 = 0x04 | 0x08;

/// The header and the layout of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mcuboot {
    /// Where the image is to be loaded; 0 if it runs where it is stored.
    pub load_address: u32,
    /// Flag bits (`IMAGE_F_...`).
    pub flags: u32,
    /// Major, minor, revision, build number.
    pub version: (u8, u8, u16, u32),
    /// The binary, as a range of the file.
    pub binary: Range<usize>,
    /// The entries of both TLV areas: (protected, type, range of the value).
    pub tlvs: Vec<(bool, u16, Range<usize>)>,
    /// One past the last byte of the TLVs. After it: padding and the trailer of a slot.
    pub end: usize,
}

impl Mcuboot {
    /// Reads the header and the TLVs. `None` if this is no image, or the binary runs out of the
    /// file.
    pub fn parse(file: &[u8]) -> Option<Self> {
        if u32_le(file, 0)? != MAGIC {
            return None;
        }
        let header = usize::from(u16_le(file, 8)?);
        let binary = header..header.checked_add(index(u32_le(file, 12)?))?;
        if header < HEADER || binary.end > file.len() {
            return None;
        }
        let (mut tlvs, mut end) = (Vec::new(), binary.end);
        if u16_le(file, end) == Some(TLV_PROTECTED) {
            end = read_tlvs(file, end, true, &mut tlvs);
        }
        if u16_le(file, end) == Some(TLV) {
            end = read_tlvs(file, end, false, &mut tlvs);
        }
        let version = (u8_at(file, 20)?, u8_at(file, 21)?, u16_le(file, 22)?, u32_le(file, 24)?);
        Some(Self {
            load_address: u32_le(file, 4)?,
            flags: u32_le(file, 16)?,
            version,
            binary,
            tlvs,
            end,
        })
    }
}

/// Reads one area; returns where it ends (where it begins if it does not fit).
fn read_tlvs(
    file: &[u8],
    start: usize,
    protected: bool,
    tlvs: &mut Vec<(bool, u16, Range<usize>)>,
) -> usize {
    let Some(size) = u16_le(file, start + 2).map(usize::from) else { return start };
    let end = start + size;
    if slice(file, start, size).is_none() {
        return start;
    }
    let mut at = start + AREA_HEADER;
    while let (Some(kind), Some(len)) = (u16_le(file, at), u16_le(file, at + 2)) {
        let value = at + 4..at + 4 + usize::from(len);
        if value.end > end {
            break;
        }
        at = value.end;
        tlvs.push((protected, kind, value));
    }
    end
}

/// Types of TLVs that hold a digest: SHA-256, SHA-384 and SHA-512.
const DIGESTS: [(u16, usize); 3] = [(0x10, 32), (0x11, 48), (0x12, 64)];

impl Mcuboot {
    /// The digest that the image states: where it is, and what it is of the bytes that are there.
    pub(crate) fn digest(&self, file: &[u8]) -> Option<(Range<usize>, Vec<u8>)> {
        let is_digest = |kind: u16, len: usize| DIGESTS.contains(&(kind, len));
        let found = self.tlvs.iter().find(|(_, kind, value)| is_digest(*kind, value.len()))?;
        // Everything up to the unprotected TLVs.
        let protected = match u16_le(file, self.binary.end) == Some(TLV_PROTECTED) {
            true => usize::from(u16_le(file, self.binary.end + 2)?),
            false => 0,
        };
        let covered = slice(file, 0, self.binary.end.checked_add(protected)?)?;
        let digest = match found.1 {
            0x10 => Sha256::digest(covered).to_vec(),
            0x11 => Sha384::digest(covered).to_vec(),
            _ => Sha512::digest(covered).to_vec(),
        };
        Some((found.2.clone(), digest))
    }

    /// Whether the binary is encrypted, and not only meant to be: `imgtool sign -E KEY --clear`
    /// sets the flags and leaves it as it is. The digest is that of the plain image.
    pub fn is_encrypted(&self, file: &[u8]) -> bool {
        let is_plain = || self.digest(file).is_some_and(|(at, is)| file.get(at) == Some(&is));
        self.flags & FLAG_ENCRYPTED != 0 && !is_plain()
    }
}

/// Names of TLVs, as `imgtool` writes them; `None` for one that is unknown.
pub fn tlv_name(kind: u16) -> Option<&'static str> {
    Some(match kind {
        0x01 => "key hash",
        0x02 => "public key",
        0x10 => "SHA-256",
        0x11 => "SHA-384",
        0x12 => "SHA-512",
        0x20 => "RSA-2048 signature",
        0x21 => "ECDSA signature (P-224)",
        0x22 => "ECDSA signature",
        0x23 => "RSA-3072 signature",
        0x24 => "Ed25519 signature",
        0x25 => "signature of the pure image",
        0x30..=0x33 => "encrypted key",
        0x40 => "dependency",
        0x50 => "security counter",
        0x60 => "boot record",
        0x70..=0x73 => "compression",
        _ => return None,
    })
}

/// Checks lengths and digest.
pub(crate) fn check(file: &[u8], found: &mut Vec<Finding>) {
    let Some(image) = Mcuboot::parse(file) else { return };
    let areas = image.binary.end..image.end;
    let is_area = |at: usize| matches!(u16_le(file, at), Some(TLV | TLV_PROTECTED));
    // An area that is there, but does not fit, ends where it begins.
    if areas.end < file.len() && is_area(areas.end) {
        let end = areas.end + usize::from(u16_le(file, areas.end + 2).unwrap_or(4));
        if end > file.len() {
            let (check, len) = (Check::McubootLength, file.len() as u64);
            found.push(Finding::of_lengths(check, areas.end + 2, end as u64, len));
        }
    } else if areas.is_empty() {
        // Every image has a digest; four bytes of an area come before it.
        let (check, least) = (Check::McubootLength, areas.end as u64 + 4);
        found.push(Finding::of_lengths(check, areas.end, least, file.len() as u64));
    }
    if found.is_empty() {
        check_tlvs(file, &image, found);
    }
    if image.flags & FLAG_ENCRYPTED == 0 {
        if let Some((at, digest)) = image.digest(file) {
            let stated = file.get(at.clone()).unwrap_or_default();
            found.extend(Finding::of_digests(Check::McubootDigest, at.start, stated, &digest));
        }
    }
}

/// Checks that the TLVs fill their areas, and that the protected one is as large as the header
/// says: the boot loader refuses an image otherwise (`bootutil_tlv_iter_begin` of MCUboot).
fn check_tlvs(file: &[u8], image: &Mcuboot, found: &mut Vec<Finding>) {
    let mut wrong = |at: usize, expected: usize, is: usize| {
        let (check, expected, is) = (Check::McubootTlv, expected as u64, is as u64);
        found.push(Finding::of_lengths(check, at, expected, is));
    };
    let stated = u16_le(file, 10).map_or(0, usize::from);
    let (mut at, mut protected) = (image.binary.end, 0);
    for kind in [TLV_PROTECTED, TLV] {
        if u16_le(file, at) != Some(kind) {
            continue;
        }
        let size = u16_le(file, at + 2).map_or(0, usize::from);
        if size < AREA_HEADER {
            wrong(at + 2, AREA_HEADER, size);
            return;
        }
        let end = at + size;
        let is_in = |value: &Range<usize>| at < value.start && value.end <= end;
        let last = image.tlvs.iter().map(|(_, _, value)| value).rfind(|value| is_in(value));
        let next = last.map_or(at + AREA_HEADER, |value| value.end);
        match end - next {
            0 => {}
            left @ 1..=3 => wrong(next, 4, left),
            left => wrong(next + 2, u16_le(file, next + 2).map_or(0, usize::from), left - 4),
        }
        if kind == TLV_PROTECTED {
            protected = size;
        }
        at = end;
    }
    if stated != protected {
        wrong(10, stated, protected);
    }
}

/// Whether this is the beginning of an image whose header is cut off, or too short for what is in
/// it, or whose binary runs out of the file.
pub(crate) fn cut_off(file: &[u8]) -> Option<Finding> {
    if u32_le(file, 0)? != MAGIC {
        return None;
    }
    let wrong = |check, at, expected: usize, found: usize| {
        Some(Finding::of_lengths(check, at, expected as u64, found as u64))
    };
    if file.len() < HEADER {
        return wrong(Check::McubootLength, 0, HEADER, file.len());
    }
    let header = usize::from(u16_le(file, 8)?);
    if header < HEADER {
        return wrong(Check::McubootHeader, 8, HEADER, header);
    }
    let end = header.checked_add(index(u32_le(file, 12)?))?;
    match end > file.len() {
        true => wrong(Check::McubootLength, 12, end, file.len()),
        false => None,
    }
}

/// Maps the binary, unless it is encrypted.
pub(crate) fn map(file: &[u8], map: &mut AddressMap) {
    let Some(image) = Mcuboot::parse(file).filter(|image| !image.is_encrypted(file)) else {
        return;
    };
    if image.load_address == 0 {
        raw::map(file, image.binary, map);
    } else {
        raw::map_at(file, image.binary, image.load_address, map);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::image::isa_hint::IsaHint;
    use crate::host::image::{address_map, Format};

    fn image(load_address: u32, flags: u32) -> Vec<u8> {
        let mut file = Vec::new();
        for word in [MAGIC, load_address, 0x000c_0200, 400, flags, 0x0003_0201, 9, 0] {
            file.extend(word.to_le_bytes());
        }
        file.resize(0x200, 0);
        file.extend([0x70, 0x47].repeat(200));
        // Protected: a security counter; unprotected: SHA-256.
        file.extend([0x08, 0x69, 12, 0, 0x50, 0, 4, 0, 1, 0, 0, 0]);
        file.extend([0x07, 0x69, 40, 0, 0x10, 0, 32, 0]);
        file.extend([9; 32]);
        file
    }

    #[test]
    fn header_binary_and_both_tlv_areas() {
        let file = image(0x0802_0000, 0);
        let parsed = Mcuboot::parse(&[&file[..], &[0xff; 100]].concat()).unwrap();
        assert_eq!((parsed.version, parsed.binary.clone()), ((1, 2, 3, 9), 0x200..0x200 + 400));
        let tlvs: Vec<_> = parsed
            .tlvs
            .iter()
            .map(|(protected, kind, value)| (*protected, *kind, value.len()))
            .collect();
        assert_eq!(tlvs, [(true, 0x50, 4), (false, 0x10, 32)]);
        assert_eq!(parsed.end, file.len());
        let map = address_map(&file);
        assert_eq!((map.format, map.isa), (Format::Mcuboot, Some(IsaHint::Thumb)));
        assert_eq!((map.segments[0].offset, map.segments[0].address), (0x200, 0x0802_0000));
    }

    #[test]
    fn an_encrypted_image_has_no_map() {
        assert!(address_map(&image(0x0802_0000, 4)).segments.is_empty());
    }

    /// With the digest that belongs to it.
    fn sound(flags: u32) -> Vec<u8> {
        let mut file = image(0x0802_0000, flags);
        let at = file.len() - 32;
        let (_, digest) = Mcuboot::parse(&file).unwrap().digest(&file).unwrap();
        file[at..].copy_from_slice(&digest);
        file
    }

    #[test]
    fn an_image_that_is_clear_keeps_its_map_whatever_its_flags_say() {
        let file = sound(4);
        assert_eq!(address_map(&file).segments[0].address, 0x0802_0000);
        let mut encrypted = file;
        encrypted[0x200] ^= 1;
        assert!(address_map(&encrypted).segments.is_empty());
    }

    #[test]
    fn a_wrong_digest_and_lengths_are_found() {
        let checks = |file: &[u8]| {
            crate::host::image::check(file).into_iter().map(|f| f.check).collect::<Vec<_>>()
        };
        let file = sound(0);
        assert_eq!(checks(&[&file[..], &[0xff; 64]].concat()), []);
        let mut bad = file.clone();
        bad[0x210] ^= 1;
        assert_eq!(checks(&bad), [Check::McubootDigest]);
        // Cut in the binary, before the TLVs, and in them.
        for len in [0x300, 0x200 + 400, file.len() - 1] {
            assert_eq!(checks(&file[..len]), [Check::McubootLength], "{len}");
        }
    }

    #[test]
    fn a_header_that_is_cut_off_or_states_too_little_is_found() {
        let file = sound(0);
        for len in 4..HEADER {
            let finding = Finding::of_lengths(Check::McubootLength, 0, 32, len as u64);
            assert_eq!(crate::host::image::check(&file[..len]), [finding]);
        }
        for size in [0u16, 31] {
            let mut bad = file.clone();
            bad[8..10].copy_from_slice(&size.to_le_bytes());
            let finding = Finding::of_lengths(Check::McubootHeader, 8, 32, size.into());
            assert_eq!(crate::host::image::check(&bad), [finding]);
        }
    }

    #[test]
    fn lengths_of_tlvs_that_cannot_be_are_found() {
        let file = sound(0);
        let (protected, plain) = (0x200 + 400, 0x200 + 412);
        for (at, value, expected, found) in [
            // The size of the protected area in the header.
            (10, 0xffff, 0xffff, 12),
            (10, 0, 0, 12),
            // Areas that are shorter than their own header.
            (protected + 2, 0, 4, 0),
            (plain + 2, 0, 4, 0),
            (plain + 2, 3, 4, 3),
            // TLVs that run beyond their area, and what is too short for one.
            (protected + 6, 5, 5, 4),
            (plain + 6, 0xffff, 0xffff, 32),
            (plain + 6, 30, 4, 2),
        ] {
            let mut bad = file.clone();
            bad[at..at + 2].copy_from_slice(&u16::to_le_bytes(value));
            let findings = crate::host::image::check(&bad);
            let is = |f: &&Finding| f.check == Check::McubootTlv;
            let [finding] = findings.iter().filter(is).collect::<Vec<_>>()[..] else {
                panic!("{at} {value}: {findings:?}");
            };
            let lengths = Finding::of_lengths(Check::McubootTlv, finding.offset, expected, found);
            assert_eq!(*finding, lengths, "{at}");
        }
    }

    #[test]
    fn cut_images_are_none() {
        let file = image(0, 0);
        for len in 0..file.len() {
            let _ = Mcuboot::parse(&file[..len]);
        }
        assert_eq!(Mcuboot::parse(&file[..0x200 + 399]), None);
    }
}
