//! Errors of suspending an update, and of going on with it.

use core::fmt;

use super::ApplyError;
use crate::device::error::{codes, Hex};
use crate::device::format::Codec;

/// Why an update could not be suspended. `N` is the error of the new image, `E` that of the place
/// where the suspension goes.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SuspendError<N, E> {
    /// The decoder of this codec cannot be suspended.
    Codec {
        /// The codec.
        codec: Codec,
    },
    /// The update has failed, or is not yet resumed.
    Poisoned,
    /// The new image could not be read.
    New(N),
    /// The suspension could not be written.
    Place(E),
}

impl<N, E> SuspendError<N, E> {
    /// The same where nothing could go wrong with the place.
    pub(crate) fn in_place<F>(error: SuspendError<N, F>) -> Self {
        match error {
            SuspendError::Codec { codec } => Self::Codec { codec },
            SuspendError::New(error) => Self::New(error),
            SuspendError::Poisoned | SuspendError::Place(_) => Self::Poisoned,
        }
    }
}

codes! {
    impl[N, E] SuspendError<N, E> {
        Self::Codec { .. } => "codec-not-suspendable", DoesNotFit, OtherCodec;
        Self::Poisoned => "poisoned", Misuse, StartAgain;
        Self::New(_) => "read-new", Io;
        Self::Place(_) => "write-suspension", Io;
    }
}

impl<N: fmt::Display, E: fmt::Display> fmt::Display for SuspendError<N, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Codec { codec } => {
                write!(f, "an update by codec \"{codec}\" cannot be suspended")
            }
            Self::Poisoned => f.write_str("the applier had failed before"),
            Self::New(error) => write!(f, "reading back the new image failed: {error}"),
            Self::Place(error) => write!(f, "writing the suspension failed: {error}"),
        }
    }
}

/// Why an update does not go on. `O` and `N` are the errors of the old and of the new image, `E`
/// that of the place where the suspension is.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ResumeError<O, N, E> {
    /// There is no suspension.
    Nothing,
    /// The suspension is damaged.
    Damaged,
    /// Another version of this library has written it.
    OtherVersion,
    /// It is of another patch.
    OtherPatch,
    /// The new image is not as it was when the update was suspended; or its slot is another one, or
    /// ends with the sector that was under way and has no buffer for it.
    OtherImage,
    /// The new image could not be read, to see whether it is as it was. That may pass: the
    /// suspension is as good as before.
    New(N),
    /// The update cannot go on here: the old image is another one, for example.
    Apply(ApplyError<O, N>),
    /// The suspension could not be read.
    Place(E),
    /// The buffer that the guard was lent is too small.
    BufferTooSmall {
        /// Bytes that are needed.
        needed: u32,
        /// Bytes that were lent.
        found: u32,
    },
    /// The key that has vouched for the patch is not trusted any more.
    UnknownKey {
        /// The key.
        key_id: [u8; 8],
    },
    /// The applier has been fed already.
    InUse,
}

codes! {
    impl[O, N, E] ResumeError<O, N, E> {
        Self::Nothing => "no-suspension", Misuse, StartAgain;
        Self::Damaged => "suspension-damaged", BadPatch, StartAgain;
        Self::OtherVersion => "suspension-other-version", DoesNotFit, StartAgain;
        Self::OtherPatch => "suspension-other-patch", BadPatch, StartAgain;
        Self::OtherImage => "suspension-other-image", WrongBase, StartAgain;
        Self::New(_) => "read-new", Io;
        Self::Place(_) => "read-suspension", Io, StartAgain;
        Self::BufferTooSmall { needed, .. } =>
            "chunk-buffer-too-small", DoesNotFit, MoreRam { needed: *needed };
        Self::UnknownKey { .. } => "unknown-key", NotAuthentic, TrustKey;
        Self::InUse => "resumed-in-use", Misuse, StartAgain;
    } else {
        Self::Apply(error) => error;
    }
}

impl<O: fmt::Display, N: fmt::Display, E: fmt::Display> fmt::Display for ResumeError<O, N, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("there is no suspended update"),
            Self::Damaged => f.write_str("the suspension is damaged"),
            Self::OtherVersion => {
                f.write_str("the suspension was written by another version of this library")
            }
            Self::OtherPatch => f.write_str("the suspension is of another patch"),
            Self::OtherImage => {
                f.write_str("the new image is not as it was when the update was suspended")
            }
            Self::New(error) => write!(f, "reading back the new image failed: {error}"),
            Self::Apply(error) => error.fmt(f),
            Self::Place(error) => write!(f, "reading the suspension failed: {error}"),
            Self::BufferTooSmall { needed, found } => write!(
                f,
                "the buffer for chunks is too small: {found} bytes were lent, the suspended update \
                 needs {needed}"
            ),
            Self::UnknownKey { key_id } => write!(
                f,
                "the suspended update is signed with key {}, which is not trusted any more",
                Hex(key_id)
            ),
            Self::InUse => f.write_str("the applier has been fed already"),
        }
    }
}

impl<N, E> core::error::Error for SuspendError<N, E>
where
    N: core::error::Error + 'static,
    E: core::error::Error + 'static,
{
}

impl<O, N, E> core::error::Error for ResumeError<O, N, E>
where
    O: core::error::Error + 'static,
    N: core::error::Error + 'static,
    E: core::error::Error + 'static,
{
}
