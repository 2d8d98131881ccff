//! Public keys.

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePublicKey as _, EncodePublicKey as _};

use super::KeyError;
use crate::device::apply::SoftwareSha256;
use crate::device::verify::adapters::{Ed25519Key, P256Key};
use crate::device::verify::{key_id, Algorithm, KeyId, Message, Verdict, Verifier};

/// A public key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PublicKey(Key);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Key {
    Ed25519([u8; 32]),
    P256([u8; 65]),
}

impl PublicKey {
    pub(super) fn ed25519(key: &ed25519_dalek::VerifyingKey) -> Self {
        Self(Key::Ed25519(key.to_bytes()))
    }

    pub(super) fn p256(key: &p256::ecdsa::VerifyingKey) -> Self {
        let mut bytes = [0; 65];
        bytes.copy_from_slice(key.to_sec1_point(false).as_bytes());
        Self(Key::P256(bytes))
    }

    /// Reads a key from PEM (SubjectPublicKeyInfo, RFC 5280), as `openssl pkey -pubout` writes it.
    ///
    /// # Errors
    ///
    /// See [`KeyError`].
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        if let Ok(key) = ed25519_dalek::VerifyingKey::from_public_key_pem(pem) {
            return Ok(Self::ed25519(&key));
        }
        if let Ok(key) = p256::ecdsa::VerifyingKey::from_public_key_pem(pem) {
            return Ok(Self::p256(&key));
        }
        Err(match label(pem) {
            Some("PRIVATE KEY" | "ENCRYPTED PRIVATE KEY" | "EC PRIVATE KEY") => KeyError::IsPrivate,
            _ => KeyError::NoPublicKey,
        })
    }

    /// The key in PEM (SubjectPublicKeyInfo).
    ///
    /// # Panics
    ///
    /// Never: keys can be written.
    pub fn to_pem(&self) -> String {
        let pem = match &self.0 {
            Key::Ed25519(bytes) => ed25519_dalek::VerifyingKey::from_bytes(bytes)
                .ok()
                .and_then(|key| key.to_public_key_pem(LineEnding::LF).ok()),
            Key::P256(bytes) => p256::ecdsa::VerifyingKey::from_sec1_bytes(bytes)
                .ok()
                .and_then(|key| key.to_public_key_pem(LineEnding::LF).ok()),
        };
        pem.expect("keys have a form in PEM")
    }

    /// What it is for.
    pub fn algorithm(&self) -> Algorithm {
        match self.0 {
            Key::Ed25519(_) => Algorithm::Ed25519,
            Key::P256(_) => Algorithm::P256,
        }
    }

    /// The key as devices hold it: 32 bytes of Ed25519 (RFC 8032), 65 of P-256 (SEC 1,
    /// uncompressed).
    pub fn bytes(&self) -> &[u8] {
        match &self.0 {
            Key::Ed25519(bytes) => bytes,
            Key::P256(bytes) => bytes,
        }
    }

    /// Its id, as signatures name it.
    pub fn key_id(&self) -> KeyId {
        key_id(&mut SoftwareSha256, self.algorithm(), self.bytes())
    }
}

impl Verifier for PublicKey {
    fn verify(
        &mut self,
        algorithm: Algorithm,
        key_id: &KeyId,
        message: &Message,
        signature: &[u8; 64],
    ) -> Verdict {
        let sha = &mut SoftwareSha256;
        match &self.0 {
            Key::Ed25519(bytes) => {
                Ed25519Key::new(sha, bytes).verify(algorithm, key_id, message, signature)
            }
            Key::P256(bytes) => {
                P256Key::new(sha, bytes).verify(algorithm, key_id, message, signature)
            }
        }
    }
}

/// The keys that are trusted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TrustedKeys(Vec<PublicKey>);

impl TrustedKeys {
    /// These keys.
    pub fn new(keys: impl IntoIterator<Item = PublicKey>) -> Self {
        Self(keys.into_iter().collect())
    }
}

impl From<PublicKey> for TrustedKeys {
    fn from(key: PublicKey) -> Self {
        Self(vec![key])
    }
}

impl Verifier for TrustedKeys {
    fn verify(
        &mut self,
        algorithm: Algorithm,
        key_id: &KeyId,
        message: &Message,
        signature: &[u8; 64],
    ) -> Verdict {
        self.0[..].verify(algorithm, key_id, message, signature)
    }
}

/// What a PEM file says that it is.
pub(super) fn label(pem: &str) -> Option<&str> {
    let (_, rest) = pem.split_once("-----BEGIN ")?;
    Some(rest.split_once("-----")?.0)
}
