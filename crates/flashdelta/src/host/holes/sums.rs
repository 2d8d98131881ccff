//! What of an image follows from its other bytes: the checksum and the digest that end it.

use core::ops::Range;

use sha2::{Digest as _, Sha256};

use super::error::HoleError;
use crate::device::format::DIGEST_LEN;
use crate::host::image::esp::EspImage;
use crate::host::image::{self, mcuboot, Format};

/// The end of an image: a checksum, a digest of all before, both or nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Sums {
    /// Where the image begins in the file.
    start: usize,
    /// Where its checksum is: the exclusive or of these bytes, and of a seed.
    pub(super) checksum: Option<usize>,
    /// Where the digest of all before begins.
    pub(super) digest: Option<usize>,
    /// Where holes may be, if not everywhere before these two.
    segments: Option<Vec<Range<usize>>>,
}

impl Sums {
    /// Those of an image that is to have holes.
    pub(super) fn of(file: &[u8]) -> Result<Self, HoleError> {
        match image::detect(file) {
            Format::Esp => Self::of_esp(file),
            Format::Mcuboot => Err(HoleError::Vouched { by: vouched_by(file) }),
            Format::Raw | Format::Elf | Format::Vmem => Ok(Self::of_bytes(file)),
            format => Err(HoleError::Format { format }),
        }
    }

    /// A plain image may end with the digest of all before.
    fn of_bytes(file: &[u8]) -> Self {
        let digest = file.split_last_chunk::<{ DIGEST_LEN as usize }>();
        let is_own = |(start, own): &(&[u8], &[u8; 32])| {
            Sha256::digest(start)[..] == own[..] && !start.is_empty()
        };
        Self { digest: digest.filter(is_own).map(|(start, _)| start.len()), ..Self::default() }
    }

    fn of_esp(file: &[u8]) -> Result<Self, HoleError> {
        let Some(image) = EspImage::parse(file, 0) else {
            // A whole flash, or the two parts of an ESP8266 image.
            return Err(HoleError::Format { format: Format::Esp });
        };
        let end = image.end;
        let sums = Self::of_esp_image(file, image)?;
        if end != file.len() {
            return Err(HoleError::Trailing { end, found: file.len() });
        }
        Ok(sums)
    }

    /// Those of one of the images in a file.
    fn of_esp_image(file: &[u8], image: EspImage) -> Result<Self, HoleError> {
        if has_signature(file, image.end) {
            return Err(HoleError::Vouched { by: "a signature for secure boot" });
        }
        let digest = image.digest.map(|range| range.start);
        let is_right = digest.is_none_or(|at| {
            Sha256::digest(&file[image.start..at])[..] == file[at..at + DIGEST_LEN as usize]
        });
        if !image.checksum_ok || !is_right {
            return Err(HoleError::WrongSum);
        }
        let segments = image.segments.into_iter().map(|segment| segment.range).collect();
        let (start, checksum) = (image.start, Some(image.checksum));
        Ok(Self { start, checksum, digest, segments: Some(segments) })
    }

    /// Those of an image that is to be personalized: whatever surrounds it may stay. A file may
    /// hold several images: of each that has one of these ranges.
    pub(super) fn all_of(file: &[u8], ranges: &[Range<usize>]) -> Result<Vec<Self>, HoleError> {
        if image::detect(file) != Format::Esp {
            return Ok(vec![Self::of(file)?]);
        }
        let holds = |image: &EspImage| {
            ranges.iter().any(|range| range.start < image.end && image.start < range.end)
        };
        let images = image::esp::images(file);
        images.into_iter().filter(holds).map(|image| Self::of_esp_image(file, image)).collect()
    }

    /// Bytes of an image of this length that may have holes.
    pub(super) fn limit(&self, len: usize) -> usize {
        self.checksum.or(self.digest).unwrap_or(len)
    }

    /// Whether a range has a byte of the image.
    pub(super) fn touches(&self, range: &Range<usize>) -> bool {
        let end = self.digest.map(|at| at + DIGEST_LEN as usize);
        let end = end.or(self.checksum.map(|at| at + 1)).unwrap_or(usize::MAX);
        self.start < range.end && range.start < end
    }

    /// Whether a range is in the image.
    pub(super) fn holds(&self, range: &Range<usize>) -> bool {
        self.start <= range.start && self.allows(range)
    }

    /// Whether a range may be a hole.
    pub(super) fn allows(&self, range: &Range<usize>) -> bool {
        let holds =
            |segment: &Range<usize>| segment.start <= range.start && range.end <= segment.end;
        self.segments.as_ref().is_none_or(|segments| segments.iter().any(holds))
    }

    /// Puts other bytes in place of some, and keeps the checksum right.
    pub(super) fn put(&self, image: &mut [u8], at: usize, bytes: impl Iterator<Item = u8>) {
        let mut sum = 0;
        for (to, from) in image[at..].iter_mut().zip(bytes) {
            sum ^= *to ^ from;
            *to = from;
        }
        if let Some(checksum) = self.checksum {
            image[checksum] ^= sum;
        }
    }

    /// Makes the digest right.
    pub(super) fn finish(&self, image: &mut [u8]) {
        if let Some(at) = self.digest {
            let digest = Sha256::digest(&image[self.start..at]);
            image[at..at + DIGEST_LEN as usize].copy_from_slice(&digest);
        }
    }
}

/// What a bootloader checks an MCUboot image by.
fn vouched_by(file: &[u8]) -> &'static str {
    let tlvs = mcuboot::Mcuboot::parse(file).map_or_else(Vec::new, |image| image.tlvs);
    match tlvs.iter().any(|(_, kind, _)| (0x20..=0x25).contains(kind)) {
        true => "a signature for MCUboot",
        false => "a digest for MCUboot",
    }
}

/// Whether a signature for secure boot follows an ESP image: a block in a sector of its own
/// (version 2), or 68 bytes (version 1).
fn has_signature(file: &[u8], end: usize) -> bool {
    /// Magic and version of a signature block ("Secure Boot v2" in the manual of ESP-IDF).
    const BLOCK: [u8; 2] = [0xe7, 0x02];
    const SECTOR: usize = 4096;
    /// The version of the signature, and two numbers of 32 bytes.
    const VERSION_1: usize = 68;
    let block = file.get(end.next_multiple_of(SECTOR)..).unwrap_or_default();
    block.starts_with(&BLOCK) || file.len() == end + VERSION_1
}
