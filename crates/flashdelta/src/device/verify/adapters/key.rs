//! What the keys of all crates have in common.

use crate::device::sha256::Sha256Engine;
use crate::device::verify::{key_id, Algorithm, KeyId};

/// A public key as it is kept in flash: it is unpacked when it is needed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct StoredKey<const LEN: usize> {
    id: KeyId,
    algorithm: Algorithm,
    bytes: [u8; LEN],
}

impl<const LEN: usize> StoredKey<LEN> {
    pub(super) fn new<H: Sha256Engine>(
        sha: &mut H,
        algorithm: Algorithm,
        bytes: &[u8; LEN],
    ) -> Self {
        Self { id: key_id(sha, algorithm, bytes), algorithm, bytes: *bytes }
    }

    /// The key, if it is the one that is asked for.
    pub(super) fn named(&self, algorithm: Algorithm, id: &KeyId) -> Option<&[u8; LEN]> {
        (algorithm == self.algorithm && *id == self.id).then_some(&self.bytes)
    }
}
