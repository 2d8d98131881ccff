//! RT-Thread OTA packages (`.rbl`): a header of 96 bytes, then the firmware, which may be
//! compressed or encrypted.
//!
//! Source: `rt_ota` of RT-Thread, structure of the header as the tools `ota_packager` and
//! ltchiptool write it: little-endian; magic, algorithms, time, name\[16\], version\[24\], serial
//! number\[24\], CRC-32 of the body, hash of the firmware, its length, length of the body, CRC-32
//! of the header before.

use core::ops::Range;

use super::handler::Handler;
use super::payload::payload;
use crate::device::format::crc32;
use crate::host::image::bytes::text_at;
use crate::host::image::bytes::{index, slice, u16_le, u32_le};
use crate::host::image::finding::{Check, Finding};
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
        if let Some(package) = Package::parse(file) {
            tell("name", package.name);
            tell("version", package.version);
            tell("algorithm", format!("{:#x}", package.algorithm));
        }
    },
    states_base: |_, _| false,
    ..Handler::PLAIN
};

/// Length of the header.
pub const HEADER: usize = 96;

/// The header of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// How the body is encrypted and compressed; 0: not at all.
    pub algorithm: u16,
    /// The partition that it is for.
    pub name: String,
    /// Version of the firmware.
    pub version: String,
    /// Length of the firmware in bytes.
    pub firmware_len: u32,
    /// The body, as a range of the file; it may lie beyond its end.
    pub body: Range<usize>,
}

/// Whether this begins like a package.
pub fn is(file: &[u8]) -> bool {
    file.starts_with(b"RBL\0") && file.len() >= HEADER
}

impl Package {
    /// Reads the header.
    pub fn parse(file: &[u8]) -> Option<Self> {
        if !is(file) {
            return None;
        }
        Some(Self {
            algorithm: u16_le(file, 4)?,
            name: text_at::<16>(file, 12)?,
            version: text_at::<24>(file, 28)?,
            firmware_len: u32_le(file, 84)?,
            body: HEADER..HEADER.checked_add(index(u32_le(file, 88)?))?,
        })
    }
}

/// Checks both CRCs and the length.
pub(crate) fn check(file: &[u8], found: &mut Vec<Finding>) {
    let (Some(package), Some(header)) = (Package::parse(file), slice(file, 0, 92)) else { return };
    let stated = |at: usize| u32_le(file, at).unwrap_or(0);
    found.extend(Finding::of_sums(Check::RblHeaderCrc, 92, stated(92), crc32(header)));
    match file.get(package.body.clone()) {
        Some(body) => {
            found.extend(Finding::of_sums(Check::RblBodyCrc, 76, stated(76), crc32(body)));
        }
        None => {
            let (end, len) = (package.body.end as u64, file.len() as u64);
            found.push(Finding::of_lengths(Check::RblLength, 88, end, len));
        }
    }
}

/// Maps the firmware, if it is there as it is.
pub(crate) fn map(file: &[u8], map: &mut AddressMap) {
    if let Some(package) = Package::parse(file).filter(|package| package.algorithm == 0) {
        payload(file, package.body, map);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::image::{address_map, check, Format};

    fn package(algorithm: u16, body: &[u8]) -> Vec<u8> {
        let mut file = b"RBL\0".to_vec();
        file.extend(algorithm.to_le_bytes());
        file.resize(12, 0);
        file.extend(b"app");
        file.resize(28, 0);
        file.extend(b"1.2.3");
        file.resize(76, 0);
        let len = body.len() as u32;
        for word in [crc32(body), 0x811c_9dc5, len, len] {
            file.extend(word.to_le_bytes());
        }
        let crc = crc32(&file);
        file.extend(crc.to_le_bytes());
        file.extend(body);
        file
    }

    #[test]
    fn the_firmware_in_a_package_is_mapped_unless_it_is_packed() {
        let mut body = Vec::new();
        for word in [0x2000_4000u32, 0x0800_0101, 0x0800_0111, 0x0800_0121] {
            body.extend(word.to_le_bytes());
        }
        body.resize(256, 0);
        body.extend([0x10, 0xb5, 0x10, 0xbd].repeat(50));
        let file = package(0, &body);
        let map = address_map(&file);
        assert_eq!((map.format, map.address_of(96)), (Format::Rbl, Some(0x0800_0000)));
        assert!(address_map(&package(0x0102, &body)).segments.is_empty());
        let parsed = Package::parse(&file).unwrap();
        assert_eq!((&*parsed.name, &*parsed.version), ("app", "1.2.3"));
    }

    #[test]
    fn damage_is_found() {
        let checks = |file: &[u8]| check(file).into_iter().map(|f| f.check).collect::<Vec<_>>();
        let file = package(0, &[7; 500]);
        assert_eq!(checks(&file), []);
        assert_eq!(checks(&file[..300]), [Check::RblLength]);
        for (at, expected) in [(40, Check::RblHeaderCrc), (120, Check::RblBodyCrc)] {
            let mut bad = file.clone();
            bad[at] ^= 1;
            assert_eq!(checks(&bad), [expected]);
        }
    }
}
