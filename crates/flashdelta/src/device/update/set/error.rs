//! Why a set is not applied.

use core::fmt;

use crate::device::error::{codes, Hex};
use crate::device::format::HeaderError;
use crate::device::verify::VerifyError;

/// Why a set is refused. Components have the number of their place in the index, from 0.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SetError {
    /// It does not start with "FDS".
    NotASet {
        /// The first byte that is different.
        offset: u32,
        /// What is there.
        found: u8,
    },
    /// The index cannot be used.
    Index(HeaderError),
    /// It is not authentic.
    Verify(VerifyError),
    /// The device says what it is, the set does not say for whom it is.
    NoIdentity,
    /// The set is for another product.
    WrongProduct {
        /// Product of the set.
        set: u32,
        /// Product of the device.
        device: u32,
    },
    /// The set is for other hardware.
    WrongHardware {
        /// First revision of the set.
        from: u16,
        /// Last revision of the set.
        to: u16,
        /// Revision of the device.
        device: u16,
    },
    /// The set is older than the device permits.
    Rollback {
        /// Security counter of the set.
        set: u32,
        /// Security counter of the device.
        device: u32,
    },
    /// A component is for some hardware revisions only, and the device does not say which it is.
    HardwareUnknown {
        /// The component.
        component: u8,
    },
    /// The device has no such component.
    UnknownComponent {
        /// The component.
        component: u8,
    },
    /// Something is there where nothing must be.
    NotAbsent {
        /// The component.
        component: u8,
    },
    /// What is there is neither what the set updates nor what it leads to.
    WrongComponent {
        /// The component.
        component: u8,
        /// First 12 bytes of the SHA-256 that the set expects.
        expected: [u8; 12],
        /// First 12 bytes of the SHA-256 of what is there; zeros if that is too short.
        found: [u8; 12],
    },
    /// The set requires a component that is not there, and does not bring it.
    Missing {
        /// The component.
        component: u8,
    },
    /// A new image does not fit.
    TooLong {
        /// The component.
        component: u8,
        /// Length of the new image.
        needed: u32,
        /// Room that there is.
        capacity: u32,
    },
    /// The buffer for the index is too small.
    BufferTooSmall {
        /// Bytes that are needed.
        needed: u32,
        /// Bytes that were lent.
        found: u32,
    },
    /// The workspace, or the buffer for chunks, is too small for one of the payloads.
    RamTooSmall {
        /// Bytes that are needed.
        needed: u32,
        /// Bytes that were lent.
        found: u32,
    },
    /// A payload makes another image than the index says.
    WrongPayload {
        /// The component.
        component: u8,
    },
    /// A set does not end where it should, or a payload is not complete.
    Incomplete {
        /// Where in the set it goes on, in bytes.
        at: u32,
    },
    /// Something follows the set.
    Trailing {
        /// Length of the set in bytes.
        expected: u32,
    },
    /// An update that was committed is not complete: [`recover`](super::recover) has not run, or
    /// has failed.
    NotRecovered,
    /// There was an error before; start again.
    Poisoned,
}

codes! {
    impl[] SetError {
        Self::NotASet { .. } => "not-a-set", BadPatch;
        Self::NoIdentity => "no-identity", WrongDevice, StateIdentity;
        Self::WrongProduct { .. } => "wrong-product", WrongDevice, PatchForDevice;
        Self::WrongHardware { .. } => "wrong-hardware", WrongDevice, PatchForDevice;
        Self::Rollback { .. } => "rollback", WrongDevice, NewerImage;
        Self::HardwareUnknown { .. } => "hardware-unknown", Misuse;
        Self::UnknownComponent { .. } => "unknown-component", WrongDevice, PatchForDevice;
        Self::NotAbsent { .. } => "not-absent", WrongBase, OtherBase;
        Self::WrongComponent { .. } => "wrong-component", WrongBase, OtherBase;
        Self::Missing { .. } => "component-missing", WrongBase, OtherBase;
        Self::TooLong { needed, .. } =>
            "new-too-long", DoesNotFit, RaiseLimit { needed: (*needed).into() };
        Self::BufferTooSmall { needed, .. } =>
            "index-buffer-too-small", DoesNotFit, MoreRam { needed: *needed };
        Self::RamTooSmall { needed, .. } =>
            "workspace-too-small", DoesNotFit, MoreRam { needed: *needed };
        Self::WrongPayload { .. } => "wrong-payload", BadPatch, PatchFromMaker;
        Self::Incomplete { .. } => "truncated", BadPatch, TransferAgain;
        Self::Trailing { .. } => "trailing-input", BadPatch, CutTrailing;
        Self::NotRecovered => "set-not-recovered", Misuse, Recover;
        Self::Poisoned => "poisoned", Misuse, StartAgain;
    } else {
        Self::Index(error) => error;
        Self::Verify(error) => error;
    }
}

impl From<HeaderError> for SetError {
    fn from(error: HeaderError) -> Self {
        match error {
            HeaderError::NotAPatch { offset, found } => Self::NotASet { offset, found },
            error => Self::Index(error),
        }
    }
}

impl From<VerifyError> for SetError {
    fn from(error: VerifyError) -> Self {
        Self::Verify(error)
    }
}

impl fmt::Display for SetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotASet { offset, found } => write!(
                f,
                "this is not a component set: it should start with \"FDS\", but byte {offset} is \
                 0x{found:02x}"
            ),
            Self::Index(error) => index_text(error, f),
            Self::Verify(VerifyError::Unsigned) => {
                f.write_str("the set is not signed, and a signature is required")
            }
            Self::Verify(VerifyError::UnknownKey { key_id }) => write!(
                f,
                "the set is signed with key {}, which is not one of the trusted keys",
                Hex(key_id)
            ),
            Self::Verify(VerifyError::WrongSignature { key_id }) => write!(
                f,
                "the signature with key {} is not that of this set: one of them was changed",
                Hex(key_id)
            ),
            // The others are of a payload, which is a patch.
            Self::Verify(error) => write!(f, "the set is not authentic: {error}"),
            Self::NoIdentity => f.write_str("the set does not say for which devices it is"),
            Self::WrongProduct { set, device } => {
                write!(f, "the set is for product {set:08x}, this device is {device:08x}")
            }
            Self::WrongHardware { from, to, device } => write!(
                f,
                "the set is for hardware revisions {from} to {to}, this device is revision {device}"
            ),
            Self::Rollback { set, device } => write!(
                f,
                "the set would go back: its security counter is {set}, the device's is {device}"
            ),
            Self::HardwareUnknown { component } => write!(
                f,
                "component {component} is for some hardware revisions only, and that of this \
                 device is not known"
            ),
            Self::UnknownComponent { component } => {
                write!(f, "this device has no such component as number {component} of the set")
            }
            Self::NotAbsent { component } => write!(
                f,
                "something is there in component {component}, where the set expects nothing"
            ),
            Self::WrongComponent { component, expected, found } => {
                write!(
                    f,
                    "component {component} is not what the set was made for: it expects sha256 {}",
                    Hex(expected)
                )?;
                if *found == [0; 12] {
                    return f.write_str(", what is there is shorter, or nothing");
                }
                write!(f, ", there is {}", Hex(found))
            }
            Self::Missing { component } => write!(
                f,
                "the set requires component {component} as it is in the set, and does not bring it"
            ),
            Self::TooLong { component, needed, capacity } => write!(
                f,
                "the new image of component {component} has {needed} bytes, there is room for \
                 {capacity}"
            ),
            Self::BufferTooSmall { needed, found } => write!(
                f,
                "the buffer for the index is too small: {found} bytes were lent, the set needs \
                 {needed}"
            ),
            Self::RamTooSmall { needed, found } => write!(
                f,
                "workspace or chunk buffer are too small for the payloads: {found} bytes were \
                 lent, the set needs {needed}"
            ),
            Self::WrongPayload { component } => write!(
                f,
                "the payload of component {component} makes another image than the index says"
            ),
            Self::Incomplete { at } => {
                write!(f, "the set is not complete: it goes on at byte {at}")
            }
            Self::Trailing { expected } => {
                write!(f, "the set has {expected} bytes, but something follows it")
            }
            Self::NotRecovered => f.write_str("another update was committed, and is not complete"),
            Self::Poisoned => f.write_str("the update had failed before"),
        }
    }
}

/// Those of a header, with the words of a set.
fn index_text(error: &HeaderError, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match *error {
        HeaderError::UnsupportedVersion { found } => {
            write!(f, "set format version {found} is not supported, this program reads version 0")
        }
        HeaderError::Checksum { expected, found } => write!(
            f,
            "the index of the set is damaged: its checksum should be {expected:08x}, but its bytes \
             give {found:08x}"
        ),
        HeaderError::UnknownFeature { bit } => write!(
            f,
            "the set requires feature {bit}, which this program does not know: it was made for a \
             newer one"
        ),
        HeaderError::CutShort { offset } => {
            write!(f, "the index of the set ends at byte {offset}, inside a field")
        }
        HeaderError::BadNumber { offset } => {
            write!(f, "the field at byte {offset} of the set's index is not valid")
        }
        HeaderError::TooLarge { offset, found, limit } => write!(
            f,
            "the field before byte {offset} of the set's index is {found}, the limit is {limit}"
        ),
        HeaderError::LeftOver { count } => {
            write!(f, "the index of the set has {count} bytes too many")
        }
        ref error => write!(f, "the index of the set cannot be used: {error}"),
    }
}

impl core::error::Error for SetError {}
