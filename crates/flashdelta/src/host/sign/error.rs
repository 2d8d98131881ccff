//! Why there is no key or no signature.

use core::fmt;

use crate::device::error::{codes, Hex};
use crate::device::verify::{Algorithm, KeyId};
use crate::host::seal::SealError;

/// Why a file is no key that can be used.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyError {
    /// It is no private key in PEM (PKCS#8), or one for something else than Ed25519 and P-256.
    NoPrivateKey,
    /// It is no public key in PEM (SubjectPublicKeyInfo), or one for something else than Ed25519
    /// and P-256.
    NoPublicKey,
    /// A private key was given where a public one is meant.
    IsPrivate,
    /// A public key was given where a private one is meant.
    IsPublic,
    /// The private key is encrypted.
    Encrypted,
    /// It is in the older form of private keys on elliptic curves ("EC PRIVATE KEY").
    OldForm,
    /// The operating system gives no random numbers.
    NoRandomNumbers,
}

codes! {
    impl[] KeyError {
        Self::NoPrivateKey | Self::NoPublicKey | Self::IsPrivate | Self::IsPublic
            | Self::Encrypted | Self::OldForm => "bad-key", BadFile, GiveKey;
        Self::NoRandomNumbers => "no-random-numbers", Io;
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoPrivateKey => {
                "this is no private key in PEM (PKCS#8) for Ed25519 or ECDSA P-256"
            }
            Self::NoPublicKey => {
                "this is no public key in PEM (SubjectPublicKeyInfo) for Ed25519 or ECDSA P-256"
            }
            Self::IsPrivate => "this is a private key, where a public one is needed",
            Self::IsPublic => "this is a public key, where a private one is needed",
            Self::Encrypted => "this private key is encrypted, which is not supported",
            Self::OldForm => "this private key is in the older form \"EC PRIVATE KEY\", not PKCS#8",
            Self::NoRandomNumbers => "the operating system gives no random numbers",
        })
    }
}

impl core::error::Error for KeyError {}

/// Why a signature that was made somewhere else cannot be attached.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SignError {
    /// The patch cannot be signed.
    Seal(SealError),
    /// It has not the length or the form of a signature.
    NoSignature {
        /// The algorithm of the key.
        algorithm: Algorithm,
        /// Its length in bytes.
        len: usize,
    },
    /// It is not the signature of this patch by this key.
    WrongSignature {
        /// The key.
        key_id: KeyId,
    },
}

codes! {
    impl[] SignError {
        Self::NoSignature { .. } => "no-signature", BadFile, GiveSignature;
        Self::WrongSignature { .. } => "wrong-signature", NotAuthentic, GiveSignature;
    } else {
        Self::Seal(error) => error;
    }
}

impl From<SealError> for SignError {
    fn from(error: SealError) -> Self {
        Self::Seal(error)
    }
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seal(error) => error.fmt(f),
            Self::NoSignature { algorithm: Algorithm::Ed25519, len } => {
                write!(f, "these {len} bytes are no signature: those of Ed25519 have 64 bytes")
            }
            Self::NoSignature { len, .. } => write!(
                f,
                "these {len} bytes are no signature: those of P-256 are in DER, or 64 bytes"
            ),
            Self::WrongSignature { key_id } => {
                write!(f, "this is not the signature of this patch with key {}", Hex(key_id))
            }
        }
    }
}

impl core::error::Error for SignError {}
