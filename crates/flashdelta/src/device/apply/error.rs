//! Errors of applying a patch.

use core::fmt;

use crate::device::error::codes;
#[cfg(feature = "holes")]
use crate::device::format::HoleName;
use crate::device::format::{Codec, HeaderError};
use crate::device::isa::InstructionSet;

/// Why a patch could not be applied. `O` and `N` are the errors of the old and of the new image.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ApplyError<O, N> {
    /// The header cannot be used.
    Header(HeaderError),
    /// The applier was built without the codec of this patch.
    CodecNotBuilt {
        /// The codec.
        codec: Codec,
    },
    /// The applier was built without the instruction set of this patch.
    InstructionSetNotBuilt {
        /// The instruction set.
        isa: InstructionSet,
    },
    /// The workspace is too small.
    WorkspaceTooSmall {
        /// Bytes that are needed.
        needed: u32,
        /// Bytes that were lent.
        found: u32,
    },
    /// The old image is shorter than the one that the patch was made for.
    OldTooShort {
        /// Length that the patch expects.
        expected: u32,
        /// Length that there is.
        found: u32,
    },
    /// The new image does not fit.
    NewTooLong {
        /// Length of the new image.
        needed: u32,
        /// Room that there is.
        capacity: u32,
    },
    /// The flash cannot be written in the units that the patch was made for.
    Granularity {
        /// The patch's unit in bytes.
        patch: u32,
        /// The device's unit in bytes.
        device: u32,
    },
    /// The device says what it is, the patch does not say for whom it is.
    NoIdentity,
    /// The patch is for another product.
    WrongProduct {
        /// Product of the patch.
        patch: u32,
        /// Product of the device.
        device: u32,
    },
    /// The patch is for other hardware.
    WrongHardware {
        /// First revision of the patch.
        from: u16,
        /// Last revision of the patch.
        to: u16,
        /// Revision of the device.
        device: u16,
    },
    /// The new image is older than the device permits.
    Rollback {
        /// Security counter of the patch.
        patch: u32,
        /// Security counter of the device.
        device: u32,
    },
    /// The device has no value for a hole of the new image: none is given, and none may be kept.
    /// Nothing has been written.
    #[cfg(feature = "holes")]
    HoleValueMissing {
        /// The hole.
        name: HoleName,
    },
    /// The value that is given for a hole is longer than the hole. Nothing has been written.
    #[cfg(feature = "holes")]
    HoleValueTooLong {
        /// The hole.
        name: HoleName,
        /// Bytes of the value.
        found: u32,
        /// Bytes of the hole.
        limit: u32,
    },
    /// The old image is not the one that the patch was made for. Nothing has been written.
    OldMismatch {
        /// First 12 bytes of the SHA-256 that the patch expects.
        expected: [u8; 12],
        /// First 12 bytes of the SHA-256 of what is there.
        found: [u8; 12],
        /// How many bytes that is the digest of, from the start of the slot or the file: the length
        /// of the old image that the patch was made from. What is after them was not looked at.
        len: u32,
    },
    /// Reading the old image failed.
    ReadOld {
        /// Where.
        offset: u32,
        /// How.
        error: O,
    },
    /// Reading back the new image failed.
    ReadNew {
        /// Where.
        offset: u32,
        /// How.
        error: N,
    },
    /// Writing the new image failed.
    Write {
        /// Where.
        offset: u32,
        /// How.
        error: N,
    },
    /// Flushing or committing the new image failed.
    Finish {
        /// How.
        error: N,
    },
    /// The body of the patch is damaged.
    Damaged {
        /// What is wrong with it.
        what: Damage,
        /// Bytes of the new image that had been made.
        offset: u32,
    },
    /// The patch is not complete.
    Truncated {
        /// Bytes that have been fed.
        fed: u32,
        /// Bytes of the whole patch, if that is known already.
        expected: Option<u32>,
    },
    /// There is input after the end of the patch. The new image is not committed.
    TrailingInput {
        /// Length of the patch.
        expected: u32,
    },
    /// The new image is wrong. It must not be used.
    NewMismatch {
        /// SHA-256 that the patch promises.
        expected: [u8; 32],
        /// SHA-256 of what was written.
        found: [u8; 32],
    },
    /// There was an error before; this applier cannot be used any more.
    Poisoned,
}

codes! {
    impl[O, N] ApplyError<O, N> {
        Self::CodecNotBuilt { .. } => "codec-not-built", DoesNotFit, OtherCodec;
        Self::InstructionSetNotBuilt { .. } => "isa-not-built", DoesNotFit, OtherIsa;
        Self::WorkspaceTooSmall { needed, .. } =>
            "workspace-too-small", DoesNotFit, MoreRam { needed: *needed };
        Self::OldTooShort { .. } => "old-too-short", WrongBase, OtherBase;
        Self::NewTooLong { needed, .. } =>
            "new-too-long", DoesNotFit, RaiseLimit { needed: u64::from(*needed) };
        Self::Granularity { device, .. } => "granularity", DoesNotFit, PageSize { page: *device };
        Self::NoIdentity => "no-identity", WrongDevice, StateIdentity;
        Self::WrongProduct { .. } => "wrong-product", WrongDevice, PatchForDevice;
        Self::WrongHardware { .. } => "wrong-hardware", WrongDevice, PatchForDevice;
        Self::Rollback { .. } => "rollback", WrongDevice, NewerImage;
        #[cfg(feature = "holes")]
        Self::HoleValueMissing { .. } => "hole-value-missing", Misuse, GiveValue;
        #[cfg(feature = "holes")]
        Self::HoleValueTooLong { .. } => "hole-value-too-long", Misuse;
        Self::OldMismatch { .. } => "old-mismatch", WrongBase, OtherBase;
        Self::ReadOld { .. } => "read-old", Io;
        Self::ReadNew { .. } => "read-new", Io;
        Self::Write { .. } => "write-new", Io;
        Self::Finish { .. } => "finish-new", Io;
        Self::Damaged { .. } => "damaged", BadPatch, TransferAgain;
        Self::Truncated { .. } => "truncated", BadPatch, TransferAgain;
        Self::TrailingInput { .. } => "trailing-input", BadPatch, CutTrailing;
        Self::NewMismatch { .. } => "new-mismatch", BadPatch, TransferAgain;
        Self::Poisoned => "poisoned", Misuse, StartAgain;
    } else {
        Self::Header(error) => error;
    }
}

/// How the body of a patch is damaged.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Damage {
    /// A copy reads outside the images.
    CopyOutside {
        /// Where it reads.
        source: u32,
    },
    /// It writes past the declared end of the new image.
    TooLong,
    /// It ends inside an operation.
    Ends,
    /// It holds something that is no operation.
    NoOperation,
    /// A compressed block cannot be unpacked.
    Block,
    /// The new image is complete, but not all of the body was used.
    Unused,
    /// It makes no progress.
    Stuck,
    /// It makes other bytes of a hole than its fill.
    Hole,
    /// It is not what its chunk digests say: it was noticed before it was decoded.
    WrongDigests,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CopyOutside { source } => {
                write!(f, "a copy reads outside the images, at byte {source}")
            }
            Self::TooLong => f.write_str("it writes past the end of the new image"),
            Self::Ends => f.write_str("it ends inside an operation"),
            Self::NoOperation => f.write_str("it holds an unknown operation"),
            Self::Block => f.write_str("a compressed block cannot be unpacked"),
            Self::Unused => {
                f.write_str("the new image is complete, but not all of the patch was used")
            }
            Self::WrongDigests => f.write_str("it is not what its chunk digests say"),
            Self::Stuck => f.write_str("it makes no progress"),
            Self::Hole => f.write_str("it makes bytes of a hole that are not its fill"),
        }
    }
}

/// The first bytes of a digest in hexadecimal.
struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.iter().take(8) {
            write!(f, "{byte:02x}")?;
        }
        f.write_str("...")
    }
}

impl<O: fmt::Display, N: fmt::Display> fmt::Display for ApplyError<O, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(error) => error.fmt(f),
            Self::CodecNotBuilt { codec } => {
                write!(f, "the patch uses codec \"{codec}\", which this applier was built without")
            }
            Self::InstructionSetNotBuilt { isa } => write!(
                f,
                "the patch predicts instruction set \"{isa}\", which this applier was built without"
            ),
            Self::WorkspaceTooSmall { needed, found } => write!(
                f,
                "the workspace is too small: {found} bytes were lent, the patch needs {needed}"
            ),
            Self::OldTooShort { expected, found } => write!(
                f,
                "old image does not match this patch: patch expects {expected} bytes, there are \
                 only {found}"
            ),
            Self::NewTooLong { needed, capacity } => {
                write!(f, "the new image has {needed} bytes, but there is room for only {capacity}")
            }
            Self::Granularity { patch, device } => write!(
                f,
                "the flash is written in units of {device} bytes, but the patch was made for \
                 units of {patch}"
            ),
            Self::NoIdentity => f.write_str(
                "the patch does not say which devices it is for, and this device asks for it",
            ),
            Self::WrongProduct { patch, device } => write!(
                f,
                "the patch is for product {patch:08x}, this device is product {device:08x}"
            ),
            Self::WrongHardware { from, to, device } => write!(
                f,
                "the patch is for hardware revisions {from} to {to}, this device has revision \
                 {device}"
            ),
            Self::Rollback { patch, device } => write!(
                f,
                "the patch would install security counter {patch}, but this device is at {device} \
                 and does not go back"
            ),
            #[cfg(feature = "holes")]
            Self::HoleValueMissing { name } => write!(
                f,
                "the device has no value for hole {name}: none is given, and the old image has none"
            ),
            #[cfg(feature = "holes")]
            Self::HoleValueTooLong { name, found, limit } => {
                write!(f, "the value for hole {name} has {found} bytes, the hole has {limit}")
            }
            Self::OldMismatch { expected, found, len } => write!(
                f,
                "old image does not match this patch: patch expects sha256 {} of the first {len} \
                 bytes, slot holds {}",
                Hex(expected),
                Hex(found)
            ),
            Self::ReadOld { offset, error } => {
                write!(f, "reading the old image at byte {offset} failed: {error}")
            }
            Self::ReadNew { offset, error } => {
                write!(f, "reading back the new image at byte {offset} failed: {error}")
            }
            Self::Write { offset, error } => {
                write!(f, "writing the new image at byte {offset} failed: {error}")
            }
            Self::Finish { error } => write!(f, "completing the new image failed: {error}"),
            Self::Damaged { what, offset } => {
                write!(f, "the patch is damaged: {what} (after {offset} bytes of the new image)")
            }
            Self::Truncated { fed, expected: Some(expected) } => {
                write!(f, "the patch is not complete: {fed} of {expected} bytes were received")
            }
            Self::Truncated { fed, expected: None } => {
                write!(f, "the patch is not complete: it ends after {fed} bytes, inside its header")
            }
            Self::TrailingInput { expected } => {
                write!(f, "the patch has {expected} bytes, but more were received")
            }
            Self::NewMismatch { expected, found } => write!(
                f,
                "the new image is wrong and must not be used: patch promises sha256 {}, what was \
                 written has {}",
                Hex(expected),
                Hex(found)
            ),
            Self::Poisoned => f.write_str("the applier had failed before"),
        }
    }
}

impl<O, N> core::error::Error for ApplyError<O, N>
where
    O: core::error::Error + 'static,
    N: core::error::Error + 'static,
{
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Header(error) => Some(error),
            Self::ReadOld { error, .. } => Some(error),
            Self::ReadNew { error, .. } | Self::Write { error, .. } | Self::Finish { error } => {
                Some(error)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::error::ErrorClass;

    #[test]
    fn errors_are_classed_by_what_to_do_about_them() {
        type Error = ApplyError<(), ()>;
        let class = |error: Error| error.class();
        assert_eq!(
            class(Error::Header(HeaderError::NotAPatch { offset: 0, found: 0 })),
            ErrorClass::BadPatch
        );
        assert_eq!(
            class(Error::Header(HeaderError::UnsupportedVersion { found: 9 })),
            ErrorClass::DoesNotFit
        );
        assert_eq!(class(Error::OldTooShort { expected: 2, found: 1 }), ErrorClass::WrongBase);
        assert_eq!(class(Error::Rollback { patch: 1, device: 2 }), ErrorClass::WrongDevice);
        assert_eq!(class(Error::Write { offset: 0, error: () }), ErrorClass::Io);
        assert_eq!(class(Error::Poisoned), ErrorClass::Misuse);
    }
}
