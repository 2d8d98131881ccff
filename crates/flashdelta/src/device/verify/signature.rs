//! What a signature is.

use crate::device::format::chunks::SIGNATURE_LEN;

/// Names a key: the first 8 bytes of the SHA-256 of its SubjectPublicKeyInfo (RFC 5280) in DER.
pub type KeyId = [u8; 8];

/// What is signed: 16 bytes that no other protocol signs, `flashdelta patch`, and the SHA-256 of
/// the whole header of the patch.
pub type Message = [u8; 48];

/// How signatures are made.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Algorithm {
    /// Ed25519 (RFC 8032), over the message as it is.
    Ed25519 = 1,
    /// ECDSA on the curve P-256, over the SHA-256 of the message (FIPS 186-5).
    P256 = 2,
}

impl Algorithm {
    /// The algorithm of a number in a patch.
    pub fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Ed25519),
            2 => Some(Self::P256),
            _ => None,
        }
    }

    /// The name: `ed25519` or `p256`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::P256 => "p256",
        }
    }
}

/// One signature of a patch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Signature {
    /// How it was made, as the number in the patch: see [`Algorithm::from_number`]. Signatures by
    /// algorithms without a name are left to those who know them.
    pub algorithm: u8,
    /// The key that it was made with.
    pub key_id: KeyId,
    /// The signature itself: for Ed25519 as RFC 8032 has it, for P-256 *r* and *s*, 32 bytes each,
    /// big-endian.
    pub bytes: [u8; 64],
}

impl Signature {
    /// Reads one from the 73 bytes that it has in a patch; `None` if there are fewer.
    pub fn read(entry: &[u8]) -> Option<Self> {
        let (algorithm, key_id, bytes) = Self::parts(entry.first_chunk()?);
        Some(Self { algorithm, key_id: *key_id, bytes: *bytes })
    }

    /// The algorithm, the key id and the signature itself, where they lie in a patch: copies would
    /// take code.
    pub(super) fn parts(entry: &[u8; SIGNATURE_LEN]) -> (u8, &KeyId, &[u8; 64]) {
        let [algorithm, rest @ ..] = entry;
        let (key_id, signature) = (rest.first_chunk(), rest.last_chunk());
        // Both are there: the compiler knows the lengths.
        (*algorithm, key_id.unwrap_or(&[0; 8]), signature.unwrap_or(&[0; 64]))
    }

    /// The signatures of a signature block, which is what is between the header and the chunk
    /// table. What cannot be one is left out.
    pub fn list(block: &[u8]) -> impl Iterator<Item = Self> + '_ {
        let entries = block.get(1..).unwrap_or(&[]);
        entries.chunks_exact(SIGNATURE_LEN).filter_map(Self::read)
    }
}
