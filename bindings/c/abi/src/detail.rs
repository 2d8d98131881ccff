//! What a number alone does not tell.

use flashdelta::apply::{ApplyError, Damage, ErrorClass};
#[cfg(feature = "verify")]
use flashdelta::verify::{GuardError, VerifyError};
use flashdelta::HeaderError;

use crate::callbacks::Fault;
use crate::flashdelta_status::{self, *};

/// Where and how an update failed. What the numbers mean depends on `status`: see
/// flashdelta_status. What does not apply is 0.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct flashdelta_error_detail {
    /// The error.
    pub status: flashdelta_status,
    /// What the callback returned, if one failed.
    pub callback_returned: i32,
    /// Where: a byte offset into an image or into the patch.
    pub offset: u32,
    /// What was expected.
    pub expected: u32,
    /// What was found.
    pub found: u32,
    /// Valid bytes of both digests: 0, 12 or 32; 8 if the found one is the id of a key.
    pub digest_len: u32,
    /// SHA-256 that the patch tells, or its first bytes.
    pub expected_digest: [u8; 32],
    /// SHA-256 of what is there, or its first bytes.
    pub found_digest: [u8; 32],
}

impl flashdelta_error_detail {
    /// Nothing but a number.
    pub(crate) const fn new(status: flashdelta_status) -> Self {
        Self {
            status,
            callback_returned: 0,
            offset: 0,
            expected: 0,
            found: 0,
            digest_len: 0,
            expected_digest: [0; 32],
            found_digest: [0; 32],
        }
    }

    pub(crate) fn numbers(mut self, offset: u32, expected: u32, found: u32) -> Self {
        (self.offset, self.expected, self.found) = (offset, expected, found);
        self
    }

    pub(crate) fn digests<const N: usize>(mut self, expected: &[u8; N], found: &[u8; N]) -> Self {
        self.digest_len = N as u32;
        for (to, from) in self.expected_digest.iter_mut().zip(expected) {
            *to = *from;
        }
        for (to, from) in self.found_digest.iter_mut().zip(found) {
            *to = *from;
        }
        self
    }

    /// What is known of an error, whatever the images are.
    pub fn of<O, N>(error: &ApplyError<O, N>) -> Self {
        match error {
            ApplyError::Header(error) => error.into(),
            ApplyError::CodecNotBuilt { codec } => {
                Self::new(FLASHDELTA_ERR_CODEC_NOT_BUILT).numbers(0, *codec as u32, 0)
            }
            ApplyError::InstructionSetNotBuilt { isa } => {
                Self::new(FLASHDELTA_ERR_ISA_NOT_BUILT).numbers(0, *isa as u32, 0)
            }
            ApplyError::WorkspaceTooSmall { needed, found } => {
                Self::new(FLASHDELTA_ERR_WORKSPACE_TOO_SMALL).numbers(0, *needed, *found)
            }
            ApplyError::OldTooShort { expected, found } => {
                Self::new(FLASHDELTA_ERR_OLD_TOO_SHORT).numbers(0, *expected, *found)
            }
            ApplyError::NewTooLong { needed, capacity } => {
                Self::new(FLASHDELTA_ERR_NEW_TOO_LONG).numbers(0, *needed, *capacity)
            }
            ApplyError::Granularity { patch, device } => {
                Self::new(FLASHDELTA_ERR_WRITE_SIZE).numbers(0, *patch, *device)
            }
            ApplyError::NoIdentity => Self::new(FLASHDELTA_ERR_NO_IDENTITY),
            ApplyError::WrongProduct { patch, device } => {
                Self::new(FLASHDELTA_ERR_WRONG_PRODUCT).numbers(0, *patch, *device)
            }
            ApplyError::WrongHardware { from, to, device } => Self::new(
                FLASHDELTA_ERR_WRONG_HARDWARE,
            )
            .numbers((*to).into(), (*from).into(), (*device).into()),
            ApplyError::Rollback { patch, device } => {
                Self::new(FLASHDELTA_ERR_ROLLBACK).numbers(0, *device, *patch)
            }
            ApplyError::OldMismatch { expected, found, .. } => {
                Self::new(FLASHDELTA_ERR_OLD_MISMATCH).digests(expected, found)
            }
            ApplyError::ReadOld { offset, .. } => {
                Self::new(FLASHDELTA_ERR_READ_OLD).numbers(*offset, 0, 0)
            }
            ApplyError::ReadNew { offset, .. } => {
                Self::new(FLASHDELTA_ERR_READ_NEW).numbers(*offset, 0, 0)
            }
            ApplyError::Write { offset, .. } => {
                Self::new(FLASHDELTA_ERR_WRITE_NEW).numbers(*offset, 0, 0)
            }
            ApplyError::Finish { .. } => Self::new(FLASHDELTA_ERR_IO),
            ApplyError::Damaged { what, offset } => {
                let source = if let Damage::CopyOutside { source } = what { *source } else { 0 };
                Self::new(FLASHDELTA_ERR_DAMAGED).numbers(*offset, 0, source)
            }
            ApplyError::Truncated { fed, expected } => {
                Self::new(FLASHDELTA_ERR_TRUNCATED).numbers(0, expected.unwrap_or(0), *fed)
            }
            ApplyError::TrailingInput { expected } => {
                Self::new(FLASHDELTA_ERR_TRAILING_INPUT).numbers(0, *expected, 0)
            }
            ApplyError::NewMismatch { expected, found } => {
                Self::new(FLASHDELTA_ERR_NEW_MISMATCH).digests(expected, found)
            }
            ApplyError::Poisoned => Self::new(FLASHDELTA_ERR_FAILED_BEFORE),
            // What is newer than this list still has a class.
            other => Self::new(Self::of_class(other.class())),
        }
    }

    /// The number of an error of the library, by its code. Several codes may have one number.
    pub fn of_code(code: &str, class: ErrorClass) -> flashdelta_status {
        match code {
            "not-a-patch" | "not-a-bundle" | "wrong-way-round" => FLASHDELTA_ERR_NOT_A_PATCH,
            "checksum" => FLASHDELTA_ERR_HEADER_CHECKSUM,
            "cut-short"
            | "bad-number"
            | "field-too-large"
            | "bad-segment"
            | "left-over"
            | "bad-hole"
            | "inconsistent-workspace"
            | "bad-field" => FLASHDELTA_ERR_HEADER_DAMAGED,
            "damaged" => FLASHDELTA_ERR_DAMAGED,
            "truncated" => FLASHDELTA_ERR_TRUNCATED,
            "trailing-input" => FLASHDELTA_ERR_TRAILING_INPUT,
            "new-mismatch" => FLASHDELTA_ERR_NEW_MISMATCH,
            "host-section" => FLASHDELTA_ERR_HOST_SECTION,
            "old-mismatch" | "already-new" => FLASHDELTA_ERR_OLD_MISMATCH,
            "old-too-short" => FLASHDELTA_ERR_OLD_TOO_SHORT,
            "needs-old-text" => FLASHDELTA_ERR_NEEDS_OLD_TEXT,
            "file-mismatch" => FLASHDELTA_ERR_NEW_FILE_MISMATCH,
            "no-identity" => FLASHDELTA_ERR_NO_IDENTITY,
            "wrong-product" => FLASHDELTA_ERR_WRONG_PRODUCT,
            "wrong-hardware" => FLASHDELTA_ERR_WRONG_HARDWARE,
            "rollback" => FLASHDELTA_ERR_ROLLBACK,
            "workspace-too-small" | "ram" => FLASHDELTA_ERR_WORKSPACE_TOO_SMALL,
            "new-too-long" => FLASHDELTA_ERR_NEW_TOO_LONG,
            "granularity" => FLASHDELTA_ERR_WRITE_SIZE,
            "codec-not-built" | "codec-not-suspendable" => FLASHDELTA_ERR_CODEC_NOT_BUILT,
            "no-suspension" => FLASHDELTA_ERR_NO_SUSPENSION,
            "suspension-damaged" => FLASHDELTA_ERR_SUSPENSION_DAMAGED,
            "suspension-other-patch" => FLASHDELTA_ERR_SUSPENSION_OTHER_PATCH,
            "suspension-other-image" => FLASHDELTA_ERR_SUSPENSION_OTHER_IMAGE,
            "suspension-other-version" => FLASHDELTA_ERR_SUSPENSION_OTHER_VERSION,
            "write-suspension" => FLASHDELTA_ERR_WRITE_SUSPENSION,
            "read-suspension" => FLASHDELTA_ERR_READ_SUSPENSION,
            "isa-not-built" => FLASHDELTA_ERR_ISA_NOT_BUILT,
            "unsupported-version" => FLASHDELTA_ERR_UNSUPPORTED_VERSION,
            "unsupported" | "unknown-feature" => FLASHDELTA_ERR_UNSUPPORTED_FEATURE,
            "unknown-codec" => FLASHDELTA_ERR_UNKNOWN_CODEC,
            "unknown-isa" => FLASHDELTA_ERR_UNKNOWN_ISA,
            "unsigned" => FLASHDELTA_ERR_UNSIGNED,
            "unknown-key" => FLASHDELTA_ERR_UNKNOWN_KEY,
            "wrong-signature" => FLASHDELTA_ERR_WRONG_SIGNATURE,
            "wrong-table" => FLASHDELTA_ERR_WRONG_TABLE,
            "wrong-header" => FLASHDELTA_ERR_WRONG_HEADER,
            "not-a-set" => FLASHDELTA_ERR_NOT_A_SET,
            "wrong-payload" => FLASHDELTA_ERR_WRONG_PAYLOAD,
            "hardware-unknown" => FLASHDELTA_ERR_HARDWARE_UNKNOWN,
            "set-not-recovered" => FLASHDELTA_ERR_NOT_RECOVERED,
            "wrong-component" => FLASHDELTA_ERR_WRONG_COMPONENT,
            "not-absent" => FLASHDELTA_ERR_NOT_ABSENT,
            "component-missing" => FLASHDELTA_ERR_COMPONENT_MISSING,
            "unknown-component" => FLASHDELTA_ERR_UNKNOWN_COMPONENT,
            "index-buffer-too-small" => FLASHDELTA_ERR_INDEX_BUFFER_TOO_SMALL,
            "component" => FLASHDELTA_ERR_COMPONENT,
            "set-record" => FLASHDELTA_ERR_SET_RECORD,
            "wrong-chunk" => FLASHDELTA_ERR_WRONG_CHUNK,
            "chunk-buffer-too-small" => FLASHDELTA_ERR_CHUNK_BUFFER_TOO_SMALL,
            "piece-missing" => FLASHDELTA_ERR_PIECE_MISSING,
            "no-such-piece" | "piece-length" => FLASHDELTA_ERR_NO_PIECE,
            "store-occupied" => FLASHDELTA_ERR_STORE_OCCUPIED,
            "store-empty" => FLASHDELTA_ERR_STORE_EMPTY,
            "no-chunks" | "chunk-granularity" => FLASHDELTA_ERR_NO_CHUNKS,
            "store-too-small" | "store-memory-too-small" => FLASHDELTA_ERR_STORE_TOO_SMALL,
            "store-rotted" => FLASHDELTA_ERR_STORE_ROTTED,
            "profile-too-small" => FLASHDELTA_ERR_PROFILE_TOO_SMALL,
            "too-large" | "file-too-large" | "packed-too-large" => FLASHDELTA_ERR_IMAGES_TOO_LARGE,
            "codec-not-in-profile" | "isa-not-in-profile" => FLASHDELTA_ERR_NOT_IN_PROFILE,
            "unwritable" | "image-too-large" => FLASHDELTA_ERR_CANNOT_CONVERT,
            "read-old" => FLASHDELTA_ERR_READ_OLD,
            "read-new" => FLASHDELTA_ERR_READ_NEW,
            "write-new" => FLASHDELTA_ERR_WRITE_NEW,
            "boot-selection" => FLASHDELTA_ERR_COMMIT_NEW,
            "read" | "write" | "exists" => FLASHDELTA_ERR_FILE,
            "poisoned" => FLASHDELTA_ERR_FAILED_BEFORE,
            "flash-busy" => FLASHDELTA_ERR_BUSY,
            _ => Self::of_class(class),
        }
    }

    /// The number of a class, for errors that have none of their own.
    pub fn of_class(class: ErrorClass) -> flashdelta_status {
        match class {
            ErrorClass::BadPatch => FLASHDELTA_ERR_BAD_PATCH,
            ErrorClass::WrongBase => FLASHDELTA_ERR_WRONG_BASE,
            ErrorClass::WrongDevice => FLASHDELTA_ERR_WRONG_DEVICE,
            ErrorClass::DoesNotFit => FLASHDELTA_ERR_DOES_NOT_FIT,
            ErrorClass::Io => FLASHDELTA_ERR_IO,
            ErrorClass::Misuse => FLASHDELTA_ERR_INVALID_ARGUMENT,
            ErrorClass::BadFile => FLASHDELTA_ERR_FIRMWARE_FILE,
            ErrorClass::Cancelled => FLASHDELTA_ERR_CANCELLED,
            ErrorClass::NotAuthentic => FLASHDELTA_ERR_NOT_AUTHENTIC,
            _ => FLASHDELTA_ERR_INTERNAL,
        }
    }
}

impl From<&ApplyError<Fault, Fault>> for flashdelta_error_detail {
    fn from(error: &ApplyError<Fault, Fault>) -> Self {
        let detail = Self::of(error);
        match error {
            // The callback knows more.
            ApplyError::ReadOld { error, .. }
            | ApplyError::ReadNew { error, .. }
            | ApplyError::Write { error, .. }
            | ApplyError::Finish { error } => Self {
                status: error.status,
                callback_returned: error.returned,
                offset: error.offset,
                ..detail
            },
            _ => detail,
        }
    }
}

#[cfg(feature = "sets")]
impl From<Fault> for flashdelta_error_detail {
    fn from(fault: Fault) -> Self {
        let Fault { status, returned, offset } = fault;
        Self { callback_returned: returned, offset, ..Self::new(status) }
    }
}

#[cfg(feature = "verify")]
impl From<&VerifyError> for flashdelta_error_detail {
    fn from(error: &VerifyError) -> Self {
        let detail = Self::new(Self::of_code(error.code(), error.class()));
        match *error {
            VerifyError::UnknownKey { key_id } | VerifyError::WrongSignature { key_id } => {
                detail.digests(&[0; 8], &key_id)
            }
            VerifyError::WrongChunk { index, start, end } => detail.numbers(start, end, index),
            VerifyError::BufferTooSmall { needed, found } => detail.numbers(0, needed, found),
            _ => detail,
        }
    }
}

#[cfg(feature = "verify")]
impl From<&GuardError<Fault, Fault>> for flashdelta_error_detail {
    fn from(error: &GuardError<Fault, Fault>) -> Self {
        match error {
            GuardError::Verify(error) => error.into(),
            GuardError::Apply(error) => error.into(),
            _ => Self::new(FLASHDELTA_ERR_INTERNAL),
        }
    }
}

impl From<&HeaderError> for flashdelta_error_detail {
    fn from(error: &HeaderError) -> Self {
        match *error {
            HeaderError::NotAPatch { offset, found } => {
                Self::new(FLASHDELTA_ERR_NOT_A_PATCH).numbers(offset, 0, found.into())
            }
            HeaderError::UnsupportedVersion { found } => {
                Self::new(FLASHDELTA_ERR_UNSUPPORTED_VERSION).numbers(0, 0, found.into())
            }
            HeaderError::Checksum { expected, found } => {
                Self::new(FLASHDELTA_ERR_HEADER_CHECKSUM).numbers(0, expected, found)
            }
            HeaderError::Unsupported { feature } => {
                Self::new(FLASHDELTA_ERR_UNSUPPORTED_FEATURE).numbers(0, 0, feature as u32)
            }
            HeaderError::UnknownFeature { bit } => {
                Self::new(FLASHDELTA_ERR_UNSUPPORTED_FEATURE).numbers(0, 0, bit)
            }
            HeaderError::UnknownCodec { found } => {
                Self::new(FLASHDELTA_ERR_UNKNOWN_CODEC).numbers(0, 0, found.into())
            }
            HeaderError::UnknownInstructionSet { found } => {
                Self::new(FLASHDELTA_ERR_UNKNOWN_ISA).numbers(0, 0, found.into())
            }
            HeaderError::BadNumber { offset } => {
                Self::new(FLASHDELTA_ERR_HEADER_DAMAGED).numbers(offset, 0, 0)
            }
            HeaderError::TooLarge { offset, found, limit } => {
                Self::new(FLASHDELTA_ERR_HEADER_DAMAGED).numbers(offset, limit, found)
            }
            HeaderError::InconsistentWorkspace { stated, needed } => {
                Self::new(FLASHDELTA_ERR_HEADER_DAMAGED).numbers(0, needed, stated)
            }
            _ => Self::new(FLASHDELTA_ERR_HEADER_DAMAGED),
        }
    }
}

#[cfg(test)]
mod tests {
    use flashdelta::{Codec, Feature, InstructionSet};

    use super::*;

    /// The numbers are promised: `docs/errors.md` lists them, and they never change.
    #[test]
    fn numbers_are_those_of_the_document() {
        let classes = [
            ErrorClass::Internal,
            ErrorClass::Misuse,
            ErrorClass::BadPatch,
            ErrorClass::WrongBase,
            ErrorClass::WrongDevice,
            ErrorClass::DoesNotFit,
            ErrorClass::Io,
            ErrorClass::BadFile,
            ErrorClass::NotAuthentic,
            ErrorClass::Cancelled,
        ];
        let document = include_str!("../../../../docs/errors.md");
        // What follows has no numbers: C has no fleets.
        let (document, _) = document.split_once("\n## Fleets and releases\n").unwrap();
        let rows = document.lines().filter(|line| line.starts_with("| `"));
        let mut seen = 0;
        for row in rows {
            let mut cells = row.split('|').skip(1).map(|cell| cell.trim().trim_matches('`'));
            let mut next = || cells.next().expect("a table has its columns");
            let (code, class, _, number) = (next(), next(), next(), next());
            let class = classes.into_iter().find(|known| known.name() == class).expect(code);
            let status = flashdelta_error_detail::of_code(code, class);
            assert_eq!(number.parse(), Ok(status as i32), "{code}");
            seen += 1;
        }
        assert!(seen > 100, "only {seen} rows");
    }

    #[test]
    fn devices_and_hosts_give_the_same_number() {
        type Error = ApplyError<(), ()>;
        let headers = [
            HeaderError::NotAPatch { offset: 0, found: 0 },
            HeaderError::UnsupportedVersion { found: 9 },
            HeaderError::Checksum { expected: 1, found: 2 },
            HeaderError::Unsupported { feature: Feature::InPlace },
            HeaderError::UnknownFeature { bit: 9 },
            HeaderError::UnknownCodec { found: 9 },
            HeaderError::UnknownInstructionSet { found: 9 },
            HeaderError::CutShort { offset: 1 },
            HeaderError::BadNumber { offset: 1 },
            HeaderError::TooLarge { offset: 1, found: 2, limit: 1 },
            HeaderError::BadSegment { index: 1 },
            HeaderError::BadHole { index: 1 },
            HeaderError::LeftOver { count: 1 },
            HeaderError::InconsistentWorkspace { stated: 1, needed: 2 },
        ];
        let others = [
            Error::CodecNotBuilt { codec: Codec::Raw },
            Error::InstructionSetNotBuilt { isa: InstructionSet::Thumb },
            Error::WorkspaceTooSmall { needed: 2, found: 1 },
            Error::OldTooShort { expected: 2, found: 1 },
            Error::NewTooLong { needed: 2, capacity: 1 },
            Error::Granularity { patch: 1, device: 2 },
            Error::NoIdentity,
            Error::WrongProduct { patch: 1, device: 2 },
            Error::WrongHardware { from: 1, to: 1, device: 2 },
            Error::Rollback { patch: 1, device: 2 },
            Error::OldMismatch { expected: [0; 12], found: [1; 12], len: 1 },
            Error::ReadOld { offset: 0, error: () },
            Error::ReadNew { offset: 0, error: () },
            Error::Write { offset: 0, error: () },
            Error::Finish { error: () },
            Error::Damaged { what: Damage::Stuck, offset: 0 },
            Error::Truncated { fed: 0, expected: None },
            Error::TrailingInput { expected: 0 },
            Error::NewMismatch { expected: [0; 32], found: [1; 32] },
            Error::Poisoned,
        ];
        for error in headers.into_iter().map(Error::Header).chain(others) {
            let of_device = flashdelta_error_detail::of(&error).status;
            let of_host = flashdelta_error_detail::of_code(error.code(), error.class());
            assert_eq!(of_device, of_host, "{error:?}");
        }
    }
}
