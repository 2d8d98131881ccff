//! Limits of the format that the RAM of a device depends on. The codecs assert that they keep them.

/// A step of the model codec consumes at most this many bytes of the body.
pub(crate) const MODEL_STEP_BYTES: usize = 109;

/// A step of a byte codec consumes at most this many bytes of the stream of operations: a unit of
/// four bytes with four corrections of six bytes.
pub(crate) const BYTE_CODEC_STEP_BYTES: usize = 32;

/// Slots of the model codec that have a place of their own; the hashed ones follow.
pub(crate) const MODEL_DIRECT_SLOTS: usize = 687;

/// Mixer weights of the model codec.
pub(crate) const MODEL_WEIGHTS: usize = 180;
