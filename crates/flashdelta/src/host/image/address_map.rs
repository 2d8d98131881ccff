//! Finding the address map of a file.

use super::bytes;
use super::detect::detect;
use super::formats::raw;
use super::formats::table::handler;
use super::map::{AddressMap, MapSegment};

/// Finds the address map of a firmware file by its content. A text file (Intel HEX, SREC, APJ) gets
/// an empty map: its addresses come with the memory image that it is [split](super::split) into.
pub fn address_map(file: &[u8]) -> AddressMap {
    let format = detect(file);
    let mut map = AddressMap::empty(format);
    (handler(format).map)(file, &mut map);
    map.finish()
}

/// The address maps of two versions of one firmware. Where the load address (or the instruction
/// set) of a plain binary shows in one of them only, the other takes it over: two versions mostly
/// are at the same address.
pub fn address_maps(old: &[u8], new: &[u8]) -> (AddressMap, AddressMap) {
    completed([old, new], (address_map(old), address_map(new)))
}

/// What says that the first byte of a file is not at an address that was given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum BaseConflict {
    /// The file says where its bytes are, and they are elsewhere.
    Stated,
    /// It does not say it, but what its code refers to shows it.
    Shown {
        /// Where its first byte seems to be.
        address: u32,
    },
}

/// Whether a file says, or its code shows, that its first byte cannot be at `base`. `None` of a
/// text file, whose addresses come with the memory in it.
pub fn base_conflict(file: &[u8], base: u32) -> Option<BaseConflict> {
    let map = address_map(file);
    let is_at = |segment: &MapSegment| base.wrapping_add(segment.offset);
    if (handler(map.format).states_base)(file, &map) {
        let differs = |segment: &MapSegment| segment.address != is_at(segment);
        return map.segments.iter().any(differs).then_some(BaseConflict::Stated);
    }
    let whole =
        [MapSegment { offset: 0, len: bytes::offset32(file.len())?, address: 0, kind: None }];
    let segments = if map.segments.is_empty() { &whole[..] } else { &map.segments };
    segments.iter().find_map(|segment| {
        let binary = bytes::slice(file, bytes::index(segment.offset), bytes::index(segment.len))?;
        let found = raw::contradiction(binary, map.isa, is_at(segment))?;
        Some(BaseConflict::Shown { address: found.wrapping_sub(segment.offset) })
    })
}

/// The maps of two versions, each completed from the other.
pub(crate) fn completed(
    [old, new]: [&[u8]; 2],
    maps: (AddressMap, AddressMap),
) -> (AddressMap, AddressMap) {
    let (mut old_map, mut new_map) = maps;
    old_map.complete_from(old, &new_map);
    new_map.complete_from(new, &old_map);
    (old_map, new_map)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_that_does_not_show_its_address_takes_the_others() {
        let mut image = Vec::new();
        for word in
            [0x2000_4000u32, 0x0800_0101, 0x0800_0111, 0x0800_0121].into_iter().chain([0; 60])
        {
            image.extend(word.to_le_bytes());
        }
        image.extend([0x10, 0xb5, 0x10, 0xbd].repeat(50));
        let headless = &image[256..];
        assert!(address_map(headless).segments.is_empty());
        let (old, new) = address_maps(&image, headless);
        assert_eq!((old.address_of(0), new.address_of(0)), (Some(0x0800_0000), Some(0x0800_0000)));
        assert_eq!(new.reserved, old.reserved);
    }
}
