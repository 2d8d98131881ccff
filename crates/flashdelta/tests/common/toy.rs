//! A key for tests.
#![allow(unreachable_pub)] // Some tests have it as a module of their own.

use flashdelta::verify::{Algorithm, KeyId, Message, Signature, Verdict, Verifier};

/// A stand-in for arithmetic on curves: a "signature" that everybody could make.
#[derive(Clone, Copy, Debug)]
pub struct Toy(pub u8);

impl Toy {
    pub fn sign(self, message: &Message) -> Signature {
        let mut bytes = [self.0; 64];
        bytes.iter_mut().zip(message).for_each(|(to, from)| *to ^= from);
        Signature { algorithm: 1, key_id: [self.0; 8], bytes }
    }
}

impl Verifier for Toy {
    fn verify(
        &mut self,
        algorithm: Algorithm,
        key_id: &KeyId,
        message: &Message,
        signature: &[u8; 64],
    ) -> Verdict {
        if algorithm != Algorithm::Ed25519 || *key_id != [self.0; 8] {
            Verdict::UnknownKey
        } else if self.sign(message).bytes == *signature {
            Verdict::Right
        } else {
            Verdict::Wrong
        }
    }
}
