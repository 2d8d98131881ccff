//! Why a patch could not be made.

use core::fmt;

use crate::device::error::codes;
use crate::device::format::Codec;
use crate::device::isa::InstructionSet;
use crate::host::holes::HoleError;

/// Why a patch could not be made.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DiffError {
    /// An image, or both together, are too large.
    TooLarge {
        /// Length of both together in bytes.
        found: u64,
        /// The largest length possible.
        limit: u64,
    },
    /// This computer does not give as much memory as making the patch may take.
    OutOfMemory {
        /// That much, in bytes.
        needed: u64,
    },
    /// The device has too little RAM for what was asked for.
    ProfileTooSmall {
        /// Name of the profile.
        profile: String,
        /// RAM in bytes that there is: the profile's, or what was given in place of it.
        ram: u32,
        /// The codec that was to fit.
        codec: Codec,
        /// RAM in bytes that would do.
        needed: u32,
    },
    /// The images do not fit into the one slot that there is, or there is nothing to spare.
    SlotTooSmall {
        /// Bytes of the slot.
        slot: u32,
        /// Bytes of a slot that would do.
        needed: u64,
        /// Sectors of the scratch area.
        scratch: u32,
    },
    /// The profile is not possible.
    BadProfile {
        /// What is wrong with it.
        what: &'static str,
    },
    /// The device cannot apply the codec that was asked for.
    CodecNotInProfile {
        /// The codec.
        codec: Codec,
        /// Name of the profile.
        profile: String,
        /// What it can apply.
        allowed: Vec<Codec>,
    },
    /// The device cannot predict by the instruction set that was asked for.
    InstructionSetNotInProfile {
        /// The instruction set.
        isa: InstructionSet,
        /// Name of the profile.
        profile: String,
    },
    /// This library was built without the codec.
    CodecNotBuilt {
        /// The codec.
        codec: Codec,
    },
    /// No patch, or not this one, can have chunks of this size: it must be a power of two from 256
    /// to 65536, and there are at most 65536 chunks.
    BadChunkSize {
        /// The size in bytes.
        size: u32,
    },
    /// The images cannot have holes, or not these.
    Hole(HoleError),
    /// The progress callback asked to give up.
    Cancelled,
}

codes! {
    impl[] DiffError {
        Self::TooLarge { .. } => "too-large", DoesNotFit;
        Self::OutOfMemory { needed } =>
            "out-of-memory", DoesNotFit, MoreMemory { needed: *needed };
        Self::ProfileTooSmall { needed, .. } =>
            "profile-too-small", DoesNotFit, MoreRam { needed: *needed };
        Self::SlotTooSmall { .. } => "slot-too-small", DoesNotFit;
        Self::BadProfile { .. } => "bad-profile", Misuse;
        Self::CodecNotInProfile { .. } => "codec-not-in-profile", DoesNotFit, OtherCodec;
        Self::InstructionSetNotInProfile { .. } => "isa-not-in-profile", DoesNotFit, OtherIsa;
        Self::CodecNotBuilt { .. } => "codec-not-built", DoesNotFit, OtherCodec;
        Self::BadChunkSize { .. } => "chunk-size", Misuse;
        Self::Cancelled => "cancelled", Cancelled;
    } else {
        Self::Hole(error) => error;
    }
}

impl fmt::Display for DiffError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { found, limit } => {
                write!(f, "the images are too large: {found} bytes together, the limit is {limit}")
            }
            Self::OutOfMemory { needed } => write!(
                f,
                "out of memory: making a patch between images of this size takes up to {needed} \
                 bytes, and this computer does not give as many"
            ),
            // The profile may have been given another amount.
            Self::ProfileTooSmall { profile: _, ram, codec, needed } => write!(
                f,
                "codec {codec} does not fit into {ram} bytes of RAM: it needs at least {needed}"
            ),
            Self::SlotTooSmall { slot, needed, scratch: 0 } => write!(
                f,
                "an update in one slot of {slot} bytes is not possible: without scratch sectors, \
                 these images take a slot of {needed} bytes"
            ),
            Self::SlotTooSmall { slot, needed, scratch } => write!(
                f,
                "an update in one slot of {slot} bytes is not possible: with {scratch} scratch \
                 sectors, these images take a slot of {needed} bytes"
            ),
            Self::BadProfile { what } => write!(f, "the device profile is not possible: {what}"),
            Self::CodecNotInProfile { codec, profile, allowed } => {
                write!(f, "profile \"{profile}\" does not allow codec {codec}; it allows")?;
                for (i, codec) in allowed.iter().enumerate() {
                    write!(f, "{} {codec}", if i > 0 { "," } else { "" })?;
                }
                Ok(())
            }
            Self::InstructionSetNotInProfile { isa, profile } => {
                write!(f, "profile \"{profile}\" has no prediction for instruction set {isa}")
            }
            Self::CodecNotBuilt { codec } => {
                write!(f, "this program was built without codec {codec}")
            }
            Self::BadChunkSize { size } => write!(
                f,
                "chunks of {size} bytes are not possible: their size is a power of two from 256 to \
                 65536, and there are at most 65536 of them"
            ),
            Self::Hole(error) => error.fmt(f),
            Self::Cancelled => f.write_str("cancelled"),
        }
    }
}

impl From<HoleError> for DiffError {
    fn from(error: HoleError) -> Self {
        Self::Hole(error)
    }
}

impl core::error::Error for DiffError {}
