//! Ed25519 by the crate `salty`, which is made for microcontrollers.

use salty::{PublicKey, Signature};

use super::key::StoredKey;
use crate::device::sha256::Sha256Engine;
use crate::device::verify::{Algorithm, KeyId, Message, Verdict, Verifier};

/// A public key of Ed25519.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SaltyKey(StoredKey<32>);

impl SaltyKey {
    /// A key of 32 bytes, as RFC 8032 has it. One that is no point of the curve verifies nothing.
    pub fn new<H: Sha256Engine>(sha: &mut H, bytes: &[u8; 32]) -> Self {
        Self(StoredKey::new(sha, Algorithm::Ed25519, bytes))
    }
}

impl Verifier for SaltyKey {
    fn verify(
        &mut self,
        algorithm: Algorithm,
        key_id: &KeyId,
        message: &Message,
        signature: &[u8; 64],
    ) -> Verdict {
        let Some(key) = self.0.named(algorithm, key_id) else { return Verdict::UnknownKey };
        match PublicKey::try_from(key) {
            Ok(key) if key.verify(message, &Signature::from(signature)).is_ok() => Verdict::Right,
            _ => Verdict::Wrong,
        }
    }
}
