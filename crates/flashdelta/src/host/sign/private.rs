//! Private keys.

use core::fmt;

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, KeypairBytes};
use ed25519_dalek::Signer as _;

use super::public::{self, PublicKey};
use super::KeyError;
use crate::device::verify::{Algorithm, Message, Signature};

/// A private key. It leaves memory when it is dropped.
#[derive(Clone)]
pub struct PrivateKey(Key);

#[derive(Clone)]
enum Key {
    Ed25519(ed25519_dalek::SigningKey),
    P256(p256::ecdsa::SigningKey),
}

impl PrivateKey {
    /// A new key.
    ///
    /// # Errors
    ///
    /// [`KeyError::NoRandomNumbers`].
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        loop {
            let mut seed = [0; 32];
            getrandom::fill(&mut seed).map_err(|_| KeyError::NoRandomNumbers)?;
            match algorithm {
                Algorithm::Ed25519 => {
                    let key = ed25519_dalek::SigningKey::from_bytes(&seed);
                    return Ok(Self(Key::Ed25519(key)));
                }
                // One in 2^32 numbers is none for a key.
                Algorithm::P256 => {
                    if let Ok(key) = p256::ecdsa::SigningKey::from_slice(&seed) {
                        return Ok(Self(Key::P256(key)));
                    }
                }
            }
        }
    }

    /// Reads a key from PEM (PKCS#8, RFC 5958), as `openssl genpkey` writes it.
    ///
    /// # Errors
    ///
    /// See [`KeyError`].
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        if let Ok(key) = ed25519_dalek::SigningKey::from_pkcs8_pem(pem) {
            return Ok(Self(Key::Ed25519(key)));
        }
        if let Ok(key) = p256::ecdsa::SigningKey::from_pkcs8_pem(pem) {
            return Ok(Self(Key::P256(key)));
        }
        Err(match public::label(pem) {
            Some("PUBLIC KEY") => KeyError::IsPublic,
            Some("ENCRYPTED PRIVATE KEY") => KeyError::Encrypted,
            Some("EC PRIVATE KEY" | "EC PARAMETERS") => KeyError::OldForm,
            _ => KeyError::NoPrivateKey,
        })
    }

    /// The key in PEM (PKCS#8), as OpenSSL reads it. Not to be read by others.
    ///
    /// # Panics
    ///
    /// Never: keys can be written.
    pub fn to_pem(&self) -> String {
        let pem = match &self.0 {
            // Without the public key, which OpenSSL does not take there.
            Key::Ed25519(key) => KeypairBytes { secret_key: key.to_bytes(), public_key: None }
                .to_pkcs8_pem(LineEnding::LF),
            Key::P256(key) => key.to_pkcs8_pem(LineEnding::LF),
        };
        (*pem.expect("keys have a form in PEM")).clone()
    }

    /// The public key that belongs to it.
    pub fn public(&self) -> PublicKey {
        match &self.0 {
            Key::Ed25519(key) => PublicKey::ed25519(&key.verifying_key()),
            Key::P256(key) => PublicKey::p256(key.verifying_key()),
        }
    }

    /// Signs the [message](super::message) of a patch. The same message gives the same signature
    /// (RFC 8032, RFC 6979).
    pub fn sign(&self, message: &Message) -> Signature {
        let public = self.public();
        let bytes = match &self.0 {
            Key::Ed25519(key) => key.sign(message).to_bytes(),
            Key::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                signature.to_bytes().into()
            }
        };
        Signature { algorithm: public.algorithm() as u8, key_id: public.key_id(), bytes }
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey").field("public", &self.public()).finish_non_exhaustive()
    }
}
