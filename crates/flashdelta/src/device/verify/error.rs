//! Why a patch is not authentic.

use core::fmt;

use super::KeyId;
use crate::device::apply::ApplyError;
use crate::device::error::{codes, Hex};

/// Why the bytes of a patch are not used.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum VerifyError {
    /// The patch is not signed, and a signature is required.
    Unsigned,
    /// The patch is signed, but by no key that is trusted.
    UnknownKey {
        /// The key of its first signature.
        key_id: KeyId,
    },
    /// A signature by a trusted key is wrong: the patch was changed, or the signature is that of
    /// another patch.
    WrongSignature {
        /// The key that it names.
        key_id: KeyId,
    },
    /// The header is not the one that the index of a component set vouches for.
    WrongHeader,
    /// The chunk table is not the one that the header vouches for.
    WrongTable,
    /// A chunk is not the one that the chunk table vouches for. To a [`Guard`](super::Guard) it can
    /// be fed again.
    WrongChunk {
        /// Its number, from 0.
        index: u32,
        /// Its first byte in the patch.
        start: u32,
        /// Where in the patch it ends.
        end: u32,
    },
    /// The buffer for checking chunks is too small.
    BufferTooSmall {
        /// Bytes that are needed: [`chunk_ram`](crate::PatchHeader::chunk_ram).
        needed: u32,
        /// Bytes that were lent.
        found: u32,
    },
}

codes! {
    impl[] VerifyError {
        Self::Unsigned => "unsigned", NotAuthentic, SignPatch;
        Self::UnknownKey { .. } => "unknown-key", NotAuthentic, TrustKey;
        Self::WrongSignature { .. } => "wrong-signature", NotAuthentic, PatchFromMaker;
        Self::WrongHeader => "wrong-header", NotAuthentic, TransferAgain;
        Self::WrongTable => "wrong-table", NotAuthentic, TransferAgain;
        Self::WrongChunk { .. } => "wrong-chunk", NotAuthentic, TransferAgain;
        Self::BufferTooSmall { needed, .. } =>
            "chunk-buffer-too-small", DoesNotFit, MoreRam { needed: *needed };
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsigned => f.write_str("the patch is not signed, and a signature is required"),
            Self::UnknownKey { key_id } => write!(
                f,
                "the patch is signed with key {}, which is not one of the trusted keys",
                Hex(key_id)
            ),
            Self::WrongSignature { key_id } => write!(
                f,
                "the signature with key {} is not that of this patch: one of them was changed",
                Hex(key_id)
            ),
            Self::WrongHeader => f.write_str(
                "the header of the payload is not the one that the index of the set vouches for",
            ),
            Self::WrongTable => f.write_str(
                "the chunk table of the patch is not the one that its header vouches for",
            ),
            Self::WrongChunk { index, start, end } => write!(
                f,
                "chunk {index} of the patch (its bytes {start} to {end}) is not the one that its \
                 chunk table vouches for"
            ),
            Self::BufferTooSmall { needed, found } => write!(
                f,
                "the buffer for chunks is too small: {found} bytes were lent, the patch needs \
                 {needed}"
            ),
        }
    }
}

impl core::error::Error for VerifyError {}

/// Why a guarded patch could not be applied. `O` and `N` are the errors of the old and of the new
/// image.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum GuardError<O, N> {
    /// It is not authentic.
    Verify(VerifyError),
    /// It is, as far as it was checked, but cannot be applied.
    Apply(ApplyError<O, N>),
}

codes! {
    impl[O, N] GuardError<O, N> {
    } else {
        Self::Verify(error) => error;
        Self::Apply(error) => error;
    }
}

impl<O, N> From<VerifyError> for GuardError<O, N> {
    fn from(error: VerifyError) -> Self {
        Self::Verify(error)
    }
}

impl<O, N> From<ApplyError<O, N>> for GuardError<O, N> {
    fn from(error: ApplyError<O, N>) -> Self {
        Self::Apply(error)
    }
}

impl<O: fmt::Display, N: fmt::Display> fmt::Display for GuardError<O, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Verify(error) => error.fmt(f),
            Self::Apply(error) => error.fmt(f),
        }
    }
}

impl<O, N> core::error::Error for GuardError<O, N>
where
    O: core::error::Error + 'static,
    N: core::error::Error + 'static,
{
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Verify(error) => Some(error),
            Self::Apply(error) => Some(error),
        }
    }
}
