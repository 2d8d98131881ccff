//! The header of a patch as bytes.

use super::address_map::{emit_counts, Maps};
use crate::device::format::header::{MAGIC, RAM_UNIT, VERSION};
use crate::device::format::holes::MAP_FOLLOWS;
use crate::device::format::limits::CHECKSUM;
use crate::device::format::map::MapCounts;
use crate::device::format::tables::{Tables, SHIFT_UNIT, SLOT_UNIT};
use crate::device::format::{crc32, Codec, Feature, Identity, Layout, PatchHeader, MAX_HEADER_LEN};
use crate::host::put;

/// The address maps of a patch as they are in its header, if it has any; and its table of holes.
#[derive(Clone, Debug, Default)]
pub(crate) struct MapBytes(pub(crate) Option<(MapCounts, Vec<u8>)>, pub(crate) Vec<u8>);

impl MapBytes {
    /// Those of the maker.
    pub(crate) fn of(maps: &Maps, holes: &[u8]) -> Self {
        let bytes = || {
            let mut bytes = Vec::new();
            maps.emit(&mut bytes);
            bytes
        };
        Self((!maps.is_empty()).then(|| (maps.counts(), bytes())), holes.to_vec())
    }
}

impl PatchHeader {
    /// Room for the address maps, zeroed.
    pub(crate) fn map_words(&self) -> Vec<u32> {
        vec![0; self.map_counts.segments() * 3]
    }

    /// The header as bytes. Sets the lengths and what follows from the maps.
    #[cfg(test)]
    pub(crate) fn emit(&mut self, maps: &Maps) -> Vec<u8> {
        self.emit_with(&MapBytes::of(maps, &[]))
    }

    /// As [`emit`](Self::emit), with address maps that are bytes already.
    pub(crate) fn emit_with(&mut self, maps: &MapBytes) -> Vec<u8> {
        let features = u32::from(maps.0.is_some()) << Feature::AddressMap as u32
            | u32::from(self.identity.is_some()) << Feature::Identity as u32
            | u32::from(self.chunks.is_some()) << Feature::Chunks as u32
            | u32::from(self.signatures != 0) << Feature::Signatures as u32
            | u32::from(self.host_len != 0) << Feature::HostSection as u32
            | u32::from(self.has_own_digest) << Feature::OwnDigest as u32
            | u32::from(!maps.1.is_empty()) << Feature::Holes as u32
            | u32::from(self.in_place().is_some()) << Feature::InPlace as u32;
        let follows = u16::from(maps.0.is_some() && !maps.1.is_empty()) << MAP_FOLLOWS;
        self.hole_span = maps.1.len() as u16 | follows;
        self.map_counts = maps.0.as_ref().map_or_else(Default::default, |(counts, _)| *counts);
        // The length of the header and the RAM that it states depend on each other: start with the
        // longest header.
        self.header_len = MAX_HEADER_LEN as u32;
        self.ram = self
            .ram
            .max(Layout::of(&Self { header_len: 0, ..*self }).ram() as u32)
            .next_multiple_of(RAM_UNIT);
        loop {
            let mut fields = Vec::new();
            put::varint(&mut fields, features);
            fields.push(self.codec as u8 | (self.isa as u8) << 4);
            fields.push(self.granularity_log2);
            put::varint(&mut fields, self.ram / RAM_UNIT);
            put::varint(&mut fields, self.old_size);
            put::signed(&mut fields, self.new_size.wrapping_sub(self.old_size) as i32);
            put::varint(&mut fields, self.body_len);
            if self.host_len != 0 {
                put::varint(&mut fields, self.host_len);
            }
            if let Some(chunks) = &self.chunks {
                fields.push(chunks.size_log2);
                fields.extend_from_slice(&chunks.root);
            }
            self.tables.emit(&mut fields, self.codec);
            if let Some(identity) = &self.identity {
                identity.emit(&mut fields);
            }
            fields.extend_from_slice(&self.old_digest);
            fields.extend_from_slice(&self.new_digest);
            if let Some(order) = self.in_place() {
                let (bytes, numbers) = order.fields();
                fields.extend_from_slice(&bytes);
                numbers.into_iter().for_each(|number| put::varint(&mut fields, number));
            }
            fields.extend_from_slice(&maps.1);
            if maps.0.is_some() {
                emit_counts(self.map_counts, &mut fields);
            }
            let map_at = fields.len();
            if let Some((_, bytes)) = &maps.0 {
                fields.extend_from_slice(bytes);
            }
            self.map_len = (fields.len() - map_at) as u16;
            let mut bytes = MAGIC.to_vec();
            bytes.push(VERSION);
            let rest = fields.len() + CHECKSUM + bytes.len();
            let len = if rest + 1 < 0x80 { rest + 1 } else { rest + 2 };
            put::varint(&mut bytes, len as u32);
            self.map_offset = (bytes.len() + map_at) as u16;
            bytes.append(&mut fields);
            bytes.extend_from_slice(&crc32(&bytes).to_le_bytes());
            self.header_len = bytes.len() as u32;
            let needed = Layout::of(self).ram() as u32;
            if needed <= self.ram {
                return bytes;
            }
            self.ram = needed.next_multiple_of(RAM_UNIT);
        }
    }
}

impl Identity {
    pub(crate) fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.product.to_be_bytes());
        put::varint(out, self.hardware_from.into());
        put::varint(out, self.hardware_to.saturating_sub(self.hardware_from).into());
        put::varint(out, self.security_counter);
    }
}

impl Tables {
    fn emit(self, out: &mut Vec<u8>, codec: Codec) {
        put::varint(out, (self.shifts / SHIFT_UNIT).into());
        match codec {
            Codec::Model => put::varint(out, (self.slots / SLOT_UNIT).into()),
            Codec::Lz4 | Codec::Zstd => out.push(self.block_log2),
            Codec::Raw => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::format::HeaderError;
    use crate::device::isa::InstructionSet;
    use crate::device::predict::address_map::{AddressMaps, Segment};

    fn sample() -> (PatchHeader, Maps) {
        let segment = |len| Segment { offset: 32, len, address: 0x4200_0020, ..Segment::default() };
        let maps = Maps { old: vec![segment(4000)], new: vec![segment(4400)], ranges: Vec::new() };
        let header = PatchHeader {
            codec: Codec::Model,
            isa: InstructionSet::RiscV,
            granularity_log2: 2,
            ram: 16384,
            old_size: 5000,
            new_size: 4500,
            body_len: 321,
            host_len: 77,
            identity: Some(Identity {
                product: 7,
                hardware_from: 2,
                hardware_to: 9,
                security_counter: 70000,
            }),
            old_digest: [1; 12],
            new_digest: [2; 32],
            tables: Tables { slots: 640, shifts: 128, block_log2: 0 },
            ..PatchHeader::default()
        };
        (header, maps)
    }

    /// Puts the right checksum under changed bytes.
    fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
        let at = bytes.len() - CHECKSUM;
        let crc = crc32(&bytes[..at]);
        bytes[at..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    #[test]
    fn a_header_comes_back_from_any_number_of_bytes() {
        let (mut header, maps) = sample();
        let mut bytes = header.emit(&maps);
        assert_eq!(header.header_len as usize, bytes.len());
        for len in 0..bytes.len() {
            assert_eq!(PatchHeader::parse(&bytes[..len]), Ok(None), "{len} bytes");
        }
        assert_eq!(PatchHeader::parse(&bytes), Ok(Some(header)));
        bytes.extend_from_slice(b"body");
        assert_eq!(PatchHeader::parse(&bytes), Ok(Some(header)));
        let (mut words, mut read) = ([0; 6], AddressMaps::default());
        header.read_maps((&bytes, 0), &mut words, &mut read).unwrap();
        assert_eq!((read.old, read.new), (&[maps.old[0].words()][..], &[maps.new[0].words()][..]));
    }

    #[test]
    fn the_smallest_header_leaves_room_in_64_bytes() {
        let mut header = PatchHeader {
            old_size: 1 << 20,
            new_size: 1 << 20,
            granularity_log2: 3,
            tables: Tables { shifts: 8, ..Tables::default() },
            ..PatchHeader::default()
        };
        let bytes = header.emit(&Maps::default());
        assert!(bytes.len() <= 63, "{} bytes", bytes.len());
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let (mut header, maps) = sample();
        let bytes = header.emit(&maps);
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(!matches!(PatchHeader::parse(&damaged), Ok(Some(_))), "bit {bit}");
        }
    }

    #[test]
    fn what_is_not_supported_is_named() {
        let mut header = PatchHeader::default();
        let bytes = header.emit(&Maps::default());
        let with = |at: usize, value: u8| {
            let mut changed = bytes.clone();
            changed[at] = value;
            PatchHeader::parse(&sealed(changed))
        };
        assert_eq!(with(0, b'X'), Err(HeaderError::NotAPatch { offset: 0, found: b'X' }));
        assert_eq!(with(3, 9), Err(HeaderError::UnsupportedVersion { found: 9 }));
        assert_eq!(with(5, 4), Err(HeaderError::BadNumber { offset: 12 }));
        // An order that is not there.
        assert!(matches!(with(5, 8), Err(HeaderError::CutShort { .. })));
        assert_eq!(with(5, 16), Err(HeaderError::BadNumber { offset: 61 }));
        // An image of no bytes cannot end with a digest.
        assert!(matches!(with(5, 64), Err(HeaderError::BadNumber { .. })));
        let mut unknown = bytes.clone();
        unknown.splice(4..6, [bytes[4] + 1, 0x80, 2]);
        assert_eq!(
            PatchHeader::parse(&sealed(unknown)),
            Err(HeaderError::UnknownFeature { bit: 8 })
        );
        assert_eq!(with(6, 15), Err(HeaderError::UnknownCodec { found: 15 }));
        assert_eq!(with(6, 0xC0), Err(HeaderError::UnknownInstructionSet { found: 12 }));
        let reserved = with(6, 0xD0).unwrap_err();
        assert_eq!(reserved, HeaderError::UnknownInstructionSet { found: 13 });
        assert!(reserved.to_string().contains("reserved"), "{reserved}");
        assert_eq!(with(7, 13), Err(HeaderError::TooLarge { offset: 8, found: 13, limit: 12 }));
        assert!(matches!(with(8, 1), Err(HeaderError::InconsistentWorkspace { stated: 256, .. })));
    }
}
