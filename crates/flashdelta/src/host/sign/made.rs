//! Signatures that were made somewhere else.

use super::patch::{attach, message};
use super::{PublicKey, SignError};
use crate::device::verify::{Algorithm, Message, Signature, Verdict, Verifier as _};

/// The patch with a signature that was made somewhere else: 64 bytes, or for P-256 in DER, as
/// OpenSSL, hardware and cloud services write it. It is checked.
///
/// # Errors
///
/// See [`SignError`].
pub fn attach_made(patch: &[u8], made: &[u8], key: &PublicKey) -> Result<Vec<u8>, SignError> {
    Ok(attach(patch, signature_made(&message(patch)?, made, key)?)?)
}

/// A signature of a message that was made somewhere else, as [`attach_made`] takes it. It is
/// checked.
///
/// # Errors
///
/// See [`SignError`].
pub fn signature_made(
    message: &Message,
    made: &[u8],
    key: &PublicKey,
) -> Result<Signature, SignError> {
    let (mut key, algorithm, key_id) = (*key, key.algorithm(), key.key_id());
    let bytes =
        bytes(made, algorithm).ok_or(SignError::NoSignature { algorithm, len: made.len() })?;
    if key.verify(algorithm, &key_id, message, &bytes) != Verdict::Right {
        return Err(SignError::WrongSignature { key_id });
    }
    Ok(Signature { algorithm: algorithm as u8, key_id, bytes })
}

/// A signature as patches have it.
fn bytes(made: &[u8], algorithm: Algorithm) -> Option<[u8; 64]> {
    if let Ok(bytes) = made.try_into() {
        return Some(bytes);
    }
    let signature = match algorithm {
        Algorithm::Ed25519 => return None,
        Algorithm::P256 => p256::ecdsa::Signature::from_der(made).ok()?,
    };
    Some(signature.to_bytes().into())
}
