//! MCUboot images: header, binary, protected and unprotected TLVs.
//!
//! Source: `docs/design.md` ("Image format") and `boot/bootutil/include/bootutil/image.h` of MCUboot.

use core::ops::Range;

use super::bytes::{index, slice, u16_le, u32_le, u8_at};
use super::map::{AddressMap, SegmentKind};
use super::raw;

/// First word of an image.
pub const MAGIC: u32 = 0x96f3_b83d;
/// First half word of the protected TLV area, which is covered by the image's digest.
pub const TLV_PROTECTED: u16 = 0x6908;
/// First half word of the TLV area.
pub const TLV: u16 = 0x6907;
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
    /// One past the last byte of the TLVs. Behind it: padding and the trailer of a slot.
    pub end: usize,
}

impl Mcuboot {
    /// Reads the header and the TLVs. `None` if this is no image, or the binary runs out of the file.
    pub fn parse(file: &[u8]) -> Option<Self> {
        if u32_le(file, 0)? != MAGIC {
            return None;
        }
        let header = usize::from(u16_le(file, 8)?);
        let binary = header..header.checked_add(index(u32_le(file, 12)?))?;
        if header < 32 || binary.end > file.len() {
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
        Some(Self { load_address: u32_le(file, 4)?, flags: u32_le(file, 16)?, version, binary, tlvs, end })
    }
}

/// Reads one area; returns where it ends (where it begins if it does not fit).
fn read_tlvs(file: &[u8], start: usize, protected: bool, tlvs: &mut Vec<(bool, u16, Range<usize>)>) -> usize {
    let Some(size) = u16_le(file, start + 2).map(usize::from) else { return start };
    let end = start + size;
    if slice(file, start, size).is_none() {
        return start;
    }
    let mut at = start + 4;
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

/// Maps the binary, unless it is encrypted.
pub(crate) fn map(file: &[u8], map: &mut AddressMap) {
    let Some(image) = Mcuboot::parse(file).filter(|image| image.flags & FLAG_ENCRYPTED == 0) else { return };
    if image.load_address == 0 {
        raw::map(file, image.binary, map);
    } else {
        raw::map_at(file, image.binary, image.load_address, SegmentKind::Unknown, map);
    }
}
