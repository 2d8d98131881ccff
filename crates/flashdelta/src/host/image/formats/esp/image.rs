//! One image of a file: header, segments, checksum, digest.

use core::ops::Range;

use super::chip::{self, Chip};
use super::descriptor::APP_DESCRIPTOR;
use crate::host::image::bytes::{index, slice, u16_le, u32_le, u8_at};

/// First byte of an image.
pub const MAGIC: u8 = 0xe9;
/// First byte of the first part of an ESP8266 "version 2" image: one flash-mapped segment, then an
/// ordinary image.
pub const MAGIC_V2: u8 = 0xea;
/// Most segments that an image can have.
pub(super) const MAX_SEGMENTS: u8 = 16;
pub(super) const SHORT_HEADER: usize = 8;
pub(super) const LONG_HEADER: usize = 24;
pub(super) const CHECKSUM_SEED: u8 = 0xef;

/// One segment of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Address where the bytes are loaded, or mapped from flash.
    pub address: u32,
    /// The bytes, as a range of the file.
    pub range: Range<usize>,
}

/// An image, as it is in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EspImage {
    /// First byte in the file.
    pub start: usize,
    /// One past the last byte: after the checksum, and the digest if there is one.
    pub end: usize,
    /// The chip that the image is for.
    pub chip: &'static Chip,
    /// Entry point.
    pub entry: u32,
    /// The segments, in file order.
    pub segments: Vec<Segment>,
    /// Where the checksum byte is in the file.
    pub checksum: usize,
    /// Where the appended SHA-256 (of everything before it) is, if there is one.
    pub digest: Option<Range<usize>>,
    /// Whether the checksum byte matches the segments. (Not so in applications of the ESP8266
    /// Arduino core, which patches a CRC in later.)
    pub checksum_ok: bool,
    /// Whether all segments are where the chip has memory. (Padding segments have address 0.)
    pub placed: bool,
}

impl EspImage {
    /// Reads the image that begins at `start`. `None` if there is none, or if a segment runs out of
    /// the file.
    pub fn parse(file: &[u8], start: usize) -> Option<Self> {
        if u8_at(file, start)? != MAGIC {
            return None;
        }
        let long = u16_le(file, start.checked_add(12)?)
            .and_then(chip::by_id)
            .and_then(|chip| Self::parse_for(file, start, chip));
        match long {
            Some(image) if image.checksum_ok => Some(image),
            long => Self::parse_for(file, start, &chip::ESP8266)
                .filter(|short| short.is_sound() || long.is_none())
                .or(long),
        }
    }

    pub(super) fn parse_for(file: &[u8], start: usize, chip: &'static Chip) -> Option<Self> {
        let count = u8_at(file, start.checked_add(1)?)?;
        if count == 0 || count > MAX_SEGMENTS {
            return None;
        }
        let entry = u32_le(file, start.checked_add(4)?)?;
        let mut at =
            start.checked_add(if chip.id.is_some() { LONG_HEADER } else { SHORT_HEADER })?;
        let mut segments = Vec::with_capacity(usize::from(count));
        let mut sum = CHECKSUM_SEED;
        let (mut placed, mut some) = (true, false);
        for _ in 0..count {
            let address = u32_le(file, at)?;
            let len = index(u32_le(file, at.checked_add(4)?)?);
            let range = at + 8..at.checked_add(8)?.checked_add(len)?;
            sum = file.get(range.clone())?.iter().fold(sum, |sum, byte| sum ^ byte);
            let region = chip.region(address).is_some();
            some |= region;
            placed &= region || address == 0;
            at = range.end;
            segments.push(Segment { address, range });
        }
        // The checksum is the last byte of a 16-byte line (counted from the start of the image).
        let checksum = start + ((at - start) | 15);
        let found = u8_at(file, checksum)?;
        if !some {
            return None;
        }
        let has_digest = chip.id.is_some() && u8_at(file, start + 23) == Some(1);
        let digest = has_digest
            .then(|| checksum + 1..checksum + 33)
            .filter(|r| slice(file, r.start, 32).is_some());
        let end = digest.as_ref().map_or(checksum + 1, |r| r.end);
        Some(Self {
            start,
            end,
            chip,
            entry,
            segments,
            checksum,
            digest,
            checksum_ok: found == sum,
            placed,
        })
    }

    /// Whether it is an image, and not bytes that happen to begin like one.
    pub fn is_sound(&self) -> bool {
        self.checksum_ok || self.placed && self.segments.len() > 1
    }

    /// The application descriptor's bytes (256), if the image has one.
    pub fn app_descriptor<'a>(&self, file: &'a [u8]) -> Option<&'a [u8]> {
        let first = self.segments.first()?;
        let descriptor = slice(file, first.range.start, 256)?;
        (u32_le(descriptor, 0) == Some(APP_DESCRIPTOR)).then_some(descriptor)
    }
}
