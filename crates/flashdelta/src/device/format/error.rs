//! What can be wrong with a header.

use core::fmt;

use crate::device::error::codes;
use crate::device::isa::InstructionSet;

/// Something that a patch may require of the applier.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Feature {
    /// The header holds an address map.
    AddressMap = 0,
    /// The header says which devices the patch is for.
    Identity = 1,
    /// A table with the digests of the chunks of the body follows the header.
    Chunks = 2,
    /// The new image may overwrite the old one: the header says in which order.
    InPlace = 3,
    /// Signatures follow the header.
    Signatures = 4,
    /// After the body follows a section that only hosts need: how the file was written that the
    /// new image comes from.
    HostSection = 5,
    /// The new image ends with the SHA-256 of all before it: the applier computes it, the body is
    /// without it.
    OwnDigest = 6,
    /// Ranges of the images that each device has for itself: the header has a table of them.
    Holes = 7,
}

impl Feature {
    /// The feature of a bit.
    pub(crate) fn from_bit(bit: u32) -> Option<Self> {
        Some(match bit {
            0 => Self::AddressMap,
            1 => Self::Identity,
            2 => Self::Chunks,
            3 => Self::InPlace,
            4 => Self::Signatures,
            5 => Self::HostSection,
            6 => Self::OwnDigest,
            7 => Self::Holes,
            _ => return None,
        })
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AddressMap => "address map",
            Self::Identity => "device identity",
            Self::Chunks => "chunk digests",
            Self::InPlace => "in-place order",
            Self::Signatures => "signatures",
            Self::HostSection => "host section",
            Self::OwnDigest => "digest at the end of the new image",
            Self::Holes => "holes",
        })
    }
}

/// Why something is not the header of a patch that can be applied.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HeaderError {
    /// It does not start with "FDP".
    NotAPatch {
        /// The first byte that is different.
        offset: u32,
        /// What is there.
        found: u8,
    },
    /// It is a patch in a format that this version does not know.
    UnsupportedVersion {
        /// The version.
        found: u8,
    },
    /// The CRC-32 of the header is wrong: the patch was damaged on its way.
    Checksum {
        /// What the header says.
        expected: u32,
        /// What its bytes give.
        found: u32,
    },
    /// The patch requires something that this version does not support.
    Unsupported {
        /// What is required.
        feature: Feature,
    },
    /// The patch requires something that this version does not even know the name of.
    UnknownFeature {
        /// Number of the feature bit.
        bit: u32,
    },
    /// No codec has this number.
    UnknownCodec {
        /// The number.
        found: u8,
    },
    /// No instruction set has this number.
    UnknownInstructionSet {
        /// The number. 13 is reserved: the number of an instruction set past 15 will follow it.
        found: u8,
    },
    /// A field is cut short by the end of the header.
    CutShort {
        /// Where the header ends, in bytes.
        offset: u32,
    },
    /// A number is not written in the shortest form, or does not fit into 32 bits.
    BadNumber {
        /// Where it is in the header, in bytes.
        offset: u32,
    },
    /// A field is larger than allowed.
    TooLarge {
        /// Where it ends in the header, in bytes.
        offset: u32,
        /// What it says.
        found: u32,
        /// The largest value allowed.
        limit: u32,
    },
    /// Segments of the address map overlap or reach beyond the image.
    BadSegment {
        /// Index of the segment.
        index: u32,
    },
    /// A hole reaches outside an image, overlaps another or has the name of another, or is what no
    /// hole is.
    BadHole {
        /// Index of the hole.
        index: u32,
    },
    /// Bytes are left between the last field and the checksum.
    LeftOver {
        /// How many.
        count: u32,
    },
    /// The stated workspace is smaller than what the tables of the patch take.
    InconsistentWorkspace {
        /// RAM in bytes that the header states.
        stated: u32,
        /// RAM in bytes that is needed.
        needed: u32,
    },
}

codes! {
    impl[] HeaderError {
        Self::NotAPatch { .. } => "not-a-patch", BadPatch, GivePatch;
        Self::UnsupportedVersion { .. } => "unsupported-version", DoesNotFit, UpdateProgram;
        Self::Checksum { .. } => "checksum", BadPatch, TransferAgain;
        Self::Unsupported { .. } => "unsupported", DoesNotFit, UpdateProgram;
        Self::UnknownFeature { .. } => "unknown-feature", DoesNotFit, UpdateProgram;
        Self::UnknownCodec { .. } => "unknown-codec", DoesNotFit, UpdateProgram;
        Self::UnknownInstructionSet { .. } => "unknown-isa", DoesNotFit, UpdateProgram;
        Self::CutShort { .. } => "cut-short", BadPatch, TransferAgain;
        Self::BadNumber { .. } => "bad-number", BadPatch, TransferAgain;
        Self::TooLarge { .. } => "field-too-large", BadPatch, TransferAgain;
        Self::BadSegment { .. } => "bad-segment", BadPatch, TransferAgain;
        Self::BadHole { .. } => "bad-hole", BadPatch, TransferAgain;
        Self::LeftOver { .. } => "left-over", BadPatch, TransferAgain;
        Self::InconsistentWorkspace { .. } => "inconsistent-workspace", BadPatch, TransferAgain;
    }
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotAPatch { offset, found } => write!(
                f,
                "this is not a flashdelta patch: it should start with \"FDP\", but byte {offset} \
                 is 0x{found:02x}"
            ),
            Self::UnsupportedVersion { found } => write!(
                f,
                "patch format version {found} is not supported, this applier reads version 0"
            ),
            Self::Checksum { expected, found } => write!(
                f,
                "the patch header is damaged: its checksum should be {expected:08x}, but its bytes \
                 give {found:08x}"
            ),
            Self::Unsupported { feature } => {
                write!(f, "the patch requires \"{feature}\", which this applier does not support")
            }
            Self::UnknownFeature { bit } => write!(
                f,
                "the patch requires feature {bit}, which this applier does not know: it was made \
                 for a newer one"
            ),
            Self::UnknownCodec { found } => {
                write!(f, "the patch uses codec {found}, which this applier does not know")
            }
            Self::UnknownInstructionSet { found: InstructionSet::NUMBER_FOLLOWS } => f.write_str(
                "the patch gives its instruction set by a number that follows (13, reserved), \
                 which this applier does not support",
            ),
            Self::UnknownInstructionSet { found } => write!(
                f,
                "the patch uses instruction set {found}, which this applier does not know"
            ),
            Self::CutShort { offset } => {
                write!(f, "the patch header ends at byte {offset}, inside a field")
            }
            Self::BadNumber { offset } => {
                write!(f, "the field at byte {offset} of the patch header is not a valid number")
            }
            Self::TooLarge { offset, found, limit } => write!(
                f,
                "the field before byte {offset} of the patch header is {found}, the limit is \
                 {limit}"
            ),
            Self::BadSegment { index } => write!(
                f,
                "segment {index} of the patch's address map overlaps another or reaches beyond its \
                 image"
            ),
            Self::BadHole { index } => write!(
                f,
                "hole {index} of the patch overlaps another, reaches beyond its image, or is none"
            ),
            Self::LeftOver { count } => write!(f, "the patch header has {count} bytes too many"),
            Self::InconsistentWorkspace { stated, needed } => write!(
                f,
                "the patch header states {stated} bytes of RAM, but its tables need {needed}"
            ),
        }
    }
}

impl core::error::Error for HeaderError {}
