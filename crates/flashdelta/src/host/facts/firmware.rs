//! What firmware files hold.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use super::{hex, FindingFacts};
use crate::host::image::{
    self, AddressMap, AddressRange, Finding, Image, IsaHint, MapSegment, ReadOptions, SegmentKind,
    Split, Wrapping,
};

/// What a firmware file holds. All sizes are in bytes.
#[non_exhaustive]
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct FirmwareFacts {
    /// Length of the file.
    pub size: usize,
    /// Length without what the container adds to every record.
    pub data_size: usize,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// The digest of the start of the image; none, unless the caller puts it here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<DigestFacts>,
    /// The container.
    pub format: &'static str,
    /// The container, for people.
    pub format_text: String,
    /// What the code is written in, if it could be told.
    pub architecture: Option<&'static str>,
    /// The same for people: not in the JSON.
    #[serde(skip)]
    pub architecture_text: Option<String>,
    /// What headers and descriptors say: names and values, in the order of the file.
    #[serde(serialize_with = "as_map")]
    pub details: Vec<(&'static str, String)>,
    /// Words that look like versions.
    pub versions: Vec<String>,
    /// Entropy of the data in bits per byte.
    pub entropy: f32,
    /// The part of the data, 0 to 1, that looks like random bytes.
    pub packed: f32,
    /// Whether a patch of it saves little.
    pub looks_encrypted_or_compressed: bool,
    /// Bytes with addresses, in the order of the file.
    pub segments: Vec<SegmentFacts>,
    /// The memory in a file of records: consecutive addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<PartFacts>,
    /// Addresses without bytes in the file that pointers may point to.
    pub reserved: Vec<RangeFacts>,
    /// Lengths, checksums and digests that are wrong.
    pub findings: Vec<FindingFacts>,
    /// What the file is packed in, if it cannot be opened here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packed_in: Option<&'static str>,
}

/// Which bytes of a file are at which addresses: a part of the facts of a firmware file.
#[non_exhaustive]
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct AddressMapFacts {
    /// The container.
    pub format: &'static str,
    /// What the code is written in, if it could be told.
    pub architecture: Option<&'static str>,
    /// Bytes with addresses, in the order of the file.
    pub segments: Vec<SegmentFacts>,
    /// Addresses without bytes in the file that pointers may point to.
    pub reserved: Vec<RangeFacts>,
}

/// The digest of the start of an image.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct DigestFacts {
    /// Its length in bytes.
    pub size: usize,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
}

/// Bytes of a file that have an address.
#[non_exhaustive]
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct SegmentFacts {
    /// First byte, as an offset into the data.
    pub offset: u32,
    /// Length in bytes.
    pub size: u32,
    /// Address of the first byte when the firmware runs.
    pub address: u32,
    /// What it holds: "code", "data" or "unknown".
    pub kind: &'static str,
    /// Bits per byte; none in a bare address map.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entropy: Option<f32>,
}

/// Consecutive addresses in memory.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct PartFacts {
    /// First address.
    pub address: u32,
    /// Length in bytes.
    pub size: u64,
}

/// Addresses, the end not included.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct RangeFacts {
    /// First address.
    pub start: u32,
    /// One past the last.
    pub end: u32,
}

impl FirmwareFacts {
    /// What a firmware file holds, and the [`findings`](crate::door::findings) about it.
    pub fn of(file: &[u8], findings: &[Finding]) -> Self {
        // Of a file of records the data counts, which is what a patch is made of.
        let Split { data, map, .. } = image::split(file);
        let about = image::Facts::of(file, &data);
        let AddressMapFacts { format, architecture, segments, reserved } = (&map).into();
        let with_entropy = |segment: SegmentFacts| {
            let entropy = Some(image::entropy(segment.bytes(&data)));
            SegmentFacts { entropy, ..segment }
        };
        Self {
            size: file.len(),
            data_size: data.len(),
            sha256: hex(&Sha256::digest(file)),
            start: None,
            format,
            format_text: map.format.to_string(),
            architecture,
            architecture_text: map.isa.map(|isa| isa.to_string()),
            entropy: image::entropy(&data),
            looks_encrypted_or_compressed: about.is_packed(),
            details: about.details,
            versions: about.versions,
            packed: about.packed,
            segments: segments.into_iter().map(with_entropy).collect(),
            parts: parts(file, &map),
            reserved,
            findings: FindingFacts::list(findings),
            packed_in: image::wrapping(file).map(Wrapping::name),
        }
    }
}

impl DigestFacts {
    /// The digest of these bytes.
    pub fn of(start: &[u8]) -> Self {
        Self { size: start.len(), sha256: hex(&Sha256::digest(start)) }
    }
}

impl SegmentFacts {
    /// The bytes of the segment in the data that the map is of.
    fn bytes<'a>(&self, data: &'a [u8]) -> &'a [u8] {
        let start = self.offset as usize;
        data.get(start..start + self.size as usize).unwrap_or_default()
    }
}

impl PartFacts {
    /// One past the last address.
    pub fn end(&self) -> u64 {
        u64::from(self.address) + self.size
    }
}

impl AddressMapFacts {
    /// The facts as JSON.
    pub fn json(&self) -> String {
        // Numbers and text always are.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl From<&AddressMap> for AddressMapFacts {
    fn from(map: &AddressMap) -> Self {
        Self {
            format: map.format.name(),
            architecture: map.isa.map(IsaHint::name),
            segments: map.segments.iter().map(SegmentFacts::from).collect(),
            reserved: map.reserved.iter().map(RangeFacts::from).collect(),
        }
    }
}

impl From<&MapSegment> for SegmentFacts {
    fn from(segment: &MapSegment) -> Self {
        Self {
            offset: segment.offset,
            size: segment.len,
            address: segment.address,
            kind: segment.kind.map_or("unknown", SegmentKind::name),
            entropy: None,
        }
    }
}

impl From<&AddressRange> for RangeFacts {
    fn from(span: &AddressRange) -> Self {
        Self { start: span.start, end: span.end }
    }
}

/// The memory in a file of records; nothing of other files, and of those that cannot be read.
fn parts(file: &[u8], map: &AddressMap) -> Vec<PartFacts> {
    if !map.format.is_records() {
        return Vec::new();
    }
    let image = Image::parse(file, &ReadOptions::default());
    let segments = image.map(|image| image.segments).unwrap_or_default();
    let part = |segment: &image::Segment| PartFacts {
        address: segment.address,
        size: segment.end() - u64::from(segment.address),
    };
    segments.iter().map(part).collect()
}

/// Of two values with one name the last.
fn as_map<S: Serializer>(pairs: &[(&'static str, String)], to: S) -> Result<S::Ok, S::Error> {
    pairs.iter().map(|(name, value)| (*name, value)).collect::<BTreeMap<_, _>>().serialize(to)
}
