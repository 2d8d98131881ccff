//! ECDSA on the curve P-256 by the crate `p256`.

use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use p256::ecdsa::{Signature, VerifyingKey};

use super::key::StoredKey;
use crate::device::sha256::{Sha256Engine, SoftwareSha256};
use crate::device::verify::check::sha256;
use crate::device::verify::{Algorithm, KeyId, Message, Verdict, Verifier};

/// A public key of ECDSA on the curve P-256.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct P256Key(StoredKey<65>);

impl P256Key {
    /// A key of 65 bytes: `04`, then both coordinates of the point, big-endian (SEC 1,
    /// uncompressed). One that is no point of the curve verifies nothing.
    pub fn new<H: Sha256Engine>(sha: &mut H, bytes: &[u8; 65]) -> Self {
        Self(StoredKey::new(sha, Algorithm::P256, bytes))
    }
}

impl Verifier for P256Key {
    fn verify(
        &mut self,
        algorithm: Algorithm,
        key_id: &KeyId,
        message: &Message,
        signature: &[u8; 64],
    ) -> Verdict {
        let Some(key) = self.0.named(algorithm, key_id) else { return Verdict::UnknownKey };
        let mut digest = [0; 32];
        sha256(&mut SoftwareSha256, message, &mut digest);
        let key = VerifyingKey::from_sec1_bytes(key);
        let signature = Signature::from_slice(signature);
        match (key, signature) {
            (Ok(key), Ok(signature)) if key.verify_prehash(&digest, &signature).is_ok() => {
                Verdict::Right
            }
            _ => Verdict::Wrong,
        }
    }
}
