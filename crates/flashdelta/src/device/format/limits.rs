//! Limits and lengths of the format. Of those that the RAM of a device depends on, the codecs
//! assert that they keep them.

/// A step of the model codec consumes at most this many bytes of the body.
pub(crate) const MODEL_STEP_BYTES: usize = 109;

/// A step of a byte codec consumes at most this many bytes of the stream of operations: a unit of
/// four bytes with four corrections of six bytes.
pub(crate) const BYTE_CODEC_STEP_BYTES: usize = 32;

/// Slots of the model codec that have a place of their own; the hashed ones follow.
pub(crate) const MODEL_DIRECT_SLOTS: usize = 687;

/// Mixer weights of the model codec.
pub(crate) const MODEL_WEIGHTS: usize = 180;

/// No image and no body is larger: 2^31 - 1 bytes.
pub(crate) const MAX_SIZE: u32 = i32::MAX as u32;

/// No header is longer than this, in bytes. That of a signed patch is shorter by one byte: by the
/// number of signatures, which follows it.
pub const MAX_HEADER_LEN: usize = 1024;

/// The RAM that a patch states, [`PatchHeader::ram`](super::PatchHeader::ram), includes this many
/// bytes for the [`Applier`](crate::apply::Applier) itself, so that "4 KiB" means all of it; the
/// rest is the workspace.
pub const APPLIER_BYTES: usize = 1024;

/// Length of a SHA-256.
pub(crate) const DIGEST_LEN: u32 = 32;

/// Bytes of the CRC-32 that a header ends with.
pub(crate) const CHECKSUM: usize = 4;
