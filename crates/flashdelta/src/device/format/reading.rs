//! Reading headers, from patches and from suspensions.

#[cfg(feature = "verify")]
use super::chunks::{self, Chunks};
use super::codec::Codec;
use super::crc::crc32;
use super::error::{Feature, HeaderError};
use super::header::{PatchHeader, MAGIC, MAX_RAM_UNITS, RAM_UNIT, VERSION};
#[cfg(feature = "holes")]
use super::holes;
use super::identity::Identity;
#[cfg(feature = "in-place")]
use super::in_place::InPlace;
use super::layout::Layout;
use super::limits::{CHECKSUM, DIGEST_LEN, MAX_HEADER_LEN, MAX_SIZE};
use super::map::{decode_map, MapCounts, MOST_SEGMENTS};
use super::tables::parse_tables;
#[cfg(feature = "suspend")]
use super::tables::{Tables, ZSTD_WINDOW};
use super::varint::Reader;
use crate::device::isa::InstructionSet;
#[cfg(feature = "suspend")]
use crate::device::port::Port;
use crate::device::predict::address_map::AddressMaps;

/// Magic, version, and the length of the header.
const PREFIX: usize = MAGIC.len() + 1;

/// Features of patches that this build supports, a bit each.
const SUPPORTED: u32 = (cfg!(feature = "prediction") as u32) << Feature::AddressMap as u32
    | 1 << Feature::Identity as u32
    | (cfg!(feature = "verify") as u32) << Feature::Chunks as u32
    | (cfg!(feature = "in-place") as u32) << Feature::InPlace as u32
    | (cfg!(feature = "verify") as u32) << Feature::Signatures as u32
    | 1 << Feature::HostSection as u32
    | (cfg!(feature = "holes") as u32) << Feature::Holes as u32
    | (cfg!(feature = "model") as u32) << Feature::OwnDigest as u32;

/// What every header begins and ends with: magic, version, length, and a CRC-32 of all before it.
/// Gives the fields between, with the checksum found right; `None` if the header goes on after
/// `bytes`.
pub(crate) fn frame<'a>(
    bytes: &'a [u8],
    magic: &[u8; 3],
    version: u8,
    most: usize,
) -> Result<Option<Reader<'a>>, HeaderError> {
    for (offset, (found, expected)) in bytes.iter().zip(magic).enumerate() {
        if found != expected {
            return Err(HeaderError::NotAPatch { offset: offset as u32, found: *found });
        }
    }
    match bytes.get(magic.len()) {
        None => return Ok(None),
        Some(&found) if found == version => {}
        Some(&found) => return Err(HeaderError::UnsupportedVersion { found }),
    }
    let mut start = Reader::new(bytes, PREFIX);
    let len = start.limited(most as u32) as usize;
    match start.check() {
        Ok(()) => {}
        Err(HeaderError::CutShort { .. }) => return Ok(None),
        Err(error) => return Err(error),
    }
    let Some(header) = bytes.get(..len) else { return Ok(None) };
    let Some((content, checksum)) = header.split_last_chunk::<CHECKSUM>() else {
        return Err(HeaderError::CutShort { offset: len as u32 });
    };
    let (expected, found) = (u32::from_le_bytes(*checksum), crc32(content));
    if expected != found {
        return Err(HeaderError::Checksum { expected, found });
    }
    Ok(Some(Reader::new(content, start.offset())))
}

impl PatchHeader {
    /// Reads the header from the first bytes of a patch. `Ok(None)`: it goes on after `bytes`,
    /// call again with more of them; [`MAX_HEADER_LEN`] bytes are always enough.
    ///
    /// # Errors
    ///
    /// If this is no patch, or not one that this version understands, or a damaged one.
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, HeaderError> {
        let mut header = Self::default();
        let is_complete = header.read(bytes)?;
        if is_complete && cfg!(feature = "prediction") {
            let (mut words, mut maps) = ([0; MOST_SEGMENTS * 6], AddressMaps::default());
            let words = words.get_mut(..header.map_counts.segments() * 3).unwrap_or(&mut []);
            header.read_maps((bytes, 0), words, &mut maps)?;
        }
        Ok(is_complete.then_some(header))
    }

    /// Reads the header as [`parse`](Self::parse) does, but in place, and without its address map;
    /// `false` if it goes on after `bytes`.
    #[inline(never)]
    pub(crate) fn read(&mut self, bytes: &[u8]) -> Result<bool, HeaderError> {
        let Some(reader) = frame(bytes, &MAGIC, VERSION, MAX_HEADER_LEN)? else {
            return Ok(false);
        };
        let len = reader.end_of_frame();
        #[cfg(feature = "audit")]
        crate::device::audit::parsed(crate::device::audit::Parsed::Header);
        self.header_len = len as u32;
        let is_complete = self.read_fields(reader, bytes.get(len))?;
        if !is_complete {
            self.header_len = 0;
        }
        Ok(is_complete)
    }

    /// Reads the address maps into `words`, which has room for as many as [`Layout`] says. `bytes`
    /// is the patch that this is the header of, or what is after some bytes of it that `skipped`
    /// counts.
    #[inline(never)]
    pub(crate) fn read_maps<'w>(
        &self,
        (bytes, skipped): (&[u8], usize),
        words: &'w mut [u32],
        maps: &mut AddressMaps<'w>,
    ) -> Result<(), HeaderError> {
        #[cfg(feature = "audit")]
        crate::device::audit::parsed(crate::device::audit::Parsed::Maps);
        let start = usize::from(self.map_offset).wrapping_sub(skipped);
        let end = start.wrapping_add(self.map_len.into());
        let mut reader = Reader::new(bytes.get(..end).unwrap_or(&[]), start);
        let segments = words.as_chunks_mut().0;
        decode_map(
            &mut reader,
            self.map_counts,
            (self.old_size, self.new_size),
            segments,
            &mut maps.pointers,
        );
        (maps.old, maps.new) =
            segments.split_at_checked(self.map_counts.old.into()).unwrap_or_default();
        reader.end()
    }

    /// Reads the fields. `follows`: the byte after the header; `false` if it is needed and not
    /// there yet.
    fn read_fields(
        &mut self,
        mut reader: Reader<'_>,
        follows: Option<&u8>,
    ) -> Result<bool, HeaderError> {
        let (reader, header) = (&mut reader, self);
        let features = reader.varint();
        let unsupported = features & !SUPPORTED;
        if unsupported != 0 {
            let bit = unsupported.trailing_zeros();
            reader.fail(match Feature::from_bit(bit) {
                Some(feature) => HeaderError::Unsupported { feature },
                None => HeaderError::UnknownFeature { bit },
            });
        }
        let has = |feature: Feature| features >> feature as u32 & 1 == 1;
        let kinds = reader.byte();
        match Codec::from_number(kinds & 15) {
            Some(codec) => header.codec = codec,
            None => reader.fail(HeaderError::UnknownCodec { found: kinds & 15 }),
        }
        match InstructionSet::from_number(kinds >> 4) {
            Some(isa) => header.isa = isa,
            None => reader.fail(HeaderError::UnknownInstructionSet { found: kinds >> 4 }),
        }
        let granularity = reader.byte().into();
        header.granularity_log2 = reader.at_most(granularity, 12) as u8;
        header.ram = reader.limited(MAX_RAM_UNITS) * RAM_UNIT;
        header.old_size = reader.limited(MAX_SIZE);
        let new_size = header.old_size.wrapping_add(reader.signed() as u32);
        header.new_size = reader.at_most(new_size, MAX_SIZE);
        header.has_own_digest = cfg!(feature = "model") && has(Feature::OwnDigest);
        let unit = 1u32 << (header.granularity_log2 & 15);
        // The digest is written for itself.
        if header.has_own_digest
            && (header.new_size < DIGEST_LEN || header.coded_size() & unit.wrapping_sub(1) != 0)
        {
            reader.bad_number(0);
        }
        header.body_len = reader.limited(MAX_SIZE);
        if has(Feature::HostSection) {
            header.host_len = reader.limited(MAX_SIZE);
        }
        #[cfg(feature = "verify")]
        if has(Feature::Chunks) {
            header.chunks.insert(Chunks::NONE).read(reader, header.body_len);
        }
        header.tables = parse_tables(reader, header.codec);
        if has(Feature::Identity) {
            header.identity = Some(Identity::parse(reader));
        }
        reader.bytes(&mut header.old_digest);
        reader.bytes(&mut header.new_digest);
        #[cfg(feature = "in-place")]
        if has(Feature::InPlace) {
            header.order = InPlace::read(reader, header.granularity_log2);
            // Byte codecs have no order; the values of holes may be gone when they are asked for.
            if header.codec != Codec::Model || has(Feature::Holes) {
                reader.bad_number(0);
            }
        }
        #[cfg(feature = "holes")]
        if has(Feature::Holes) {
            let start = reader.offset() as u16;
            holes::check(reader, header.hole_sizes());
            let len = (reader.offset() as u16).wrapping_sub(start);
            header.hole_span = len | u16::from(has(Feature::AddressMap)) << holes::MAP_FOLLOWS;
        }
        if cfg!(feature = "prediction") && has(Feature::AddressMap) {
            header.map_counts = MapCounts::read(reader);
        }
        // The map itself is left to whoever has a place for it.
        header.map_offset = reader.offset() as u16;
        header.map_len = reader.left() as u16;
        let needed = Layout::of(header).ram() as u32;
        if needed > header.ram {
            reader.fail(HeaderError::InconsistentWorkspace { stated: header.ram, needed });
        }
        #[cfg(feature = "verify")]
        let is_complete = !has(Feature::Signatures) || {
            let count = follows.copied();
            header.signatures =
                chunks::read_count(reader, header.header_len, has(Feature::Chunks), count);
            count.is_some()
        };
        #[cfg(not(feature = "verify"))]
        let is_complete = true;
        // Without prediction no one else looks at what is left.
        let checked = if cfg!(feature = "prediction") { reader.check() } else { reader.end() };
        checked.map(|()| is_complete)
    }

    /// Everything that the header says, into a suspension or out of it.
    #[cfg(feature = "suspend")]
    #[inline(never)]
    pub(crate) fn port(&mut self, port: &mut Port<'_>) {
        let Self {
            version,
            codec,
            isa,
            granularity_log2,
            ram,
            old_size,
            new_size,
            body_len,
            host_len,
            has_own_digest,
            identity,
            old_digest,
            new_digest,
            #[cfg(feature = "verify")]
            chunks,
            #[cfg(feature = "verify")]
            signatures,
            #[cfg(feature = "holes")]
            hole_span,
            #[cfg(feature = "in-place")]
            order,
            header_len,
            tables: Tables { slots, shifts, block_log2 },
            map_counts: MapCounts { old, new, ranges, shift },
            map_offset,
            map_len,
        } = self;
        port.same((*version).into());
        port.choice(codec, *codec as u8, Codec::from_number);
        port.choice(isa, *isa as u8, InstructionSet::from_number);
        for number in [ram, old_size, new_size, body_len, host_len, header_len] {
            port.number(number);
        }
        for number in [slots, shifts, map_offset, map_len] {
            port.half(number);
        }
        #[cfg(feature = "holes")]
        port.half(hole_span);
        #[cfg(feature = "in-place")]
        order.port(port);
        for number in [granularity_log2, block_log2, old, new, ranges, shift] {
            port.small(number);
        }
        port.flag(has_own_digest);
        port.bytes(old_digest);
        port.bytes(new_digest);
        let mut has_identity = identity.is_some();
        port.flag(&mut has_identity);
        if has_identity {
            let identity = identity.get_or_insert_default();
            port.number(&mut identity.product);
            port.half(&mut identity.hardware_from);
            port.half(&mut identity.hardware_to);
            port.number(&mut identity.security_counter);
        }
        #[cfg(feature = "verify")]
        {
            let mut has_chunks = chunks.is_some();
            port.flag(&mut has_chunks);
            if has_chunks {
                let Chunks { size_log2, root } = chunks.get_or_insert(Chunks::NONE);
                port.small(size_log2);
                port.bytes(root);
            }
            port.small(signatures);
            if chunks.is_some_and(|chunks| !Chunks::SIZES.contains(&chunks.size_log2)) {
                port.refuse();
            }
        }
        // As for a header that is read.
        let sizes = [self.old_size, self.new_size, self.body_len, self.host_len];
        if sizes.iter().any(|size| *size > MAX_SIZE)
            || self.header_len > MAX_HEADER_LEN as u32
            || self.granularity_log2 > 12
            || self.tables.block_log2 > ZSTD_WINDOW
            || self.header_len != 0 && Layout::of(self).ram() > self.ram as usize
        {
            port.refuse();
        }
    }
}
