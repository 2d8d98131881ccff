//! Who wrote an index.

use flashdelta::sign::{PrivateKey, TrustedKeys};
use flashdelta::verify::{Algorithm, Message, Signature, Verdict, Verifier as _, VerifyError};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// What is signed of an index: the 16 bytes `flashdelta index`, and the SHA-256 of its bytes. Other
/// messages that the same key signs begin with others.
pub fn index_message(index: &[u8]) -> Message {
    let mut message = [0; 48];
    let (domain, digest) = message.split_at_mut(16);
    domain.copy_from_slice(b"flashdelta index");
    digest.copy_from_slice(&Sha256::digest(index));
    message
}

/// `index.json.sig`
#[derive(Serialize, Deserialize)]
struct File {
    signatures: Vec<Entry>,
}

/// A signature, in hexadecimal.
#[derive(Serialize, Deserialize)]
struct Entry {
    algorithm: String,
    key_id: String,
    signature: String,
}

/// Signs an index.
pub(super) fn sign(index: &[u8], key: &PrivateKey) -> String {
    let made = key.sign(&index_message(index));
    let entry = Entry {
        algorithm: key.public().algorithm().name().to_owned(),
        key_id: hex(&made.key_id),
        signature: hex(&made.bytes),
    };
    let text = serde_json::to_string_pretty(&File { signatures: vec![entry] });
    // Text always is JSON.
    text.unwrap_or_default() + "\n"
}

/// Checks that one of the keys has signed an index.
pub(super) fn check(index: &[u8], file: &[u8], keys: &TrustedKeys) -> Result<(), VerifyError> {
    let message = index_message(index);
    let file: File = serde_json::from_slice(file).map_err(|_| VerifyError::Unsigned)?;
    let mut keys = keys.clone();
    let mut error = VerifyError::Unsigned;
    for signature in file.signatures.iter().filter_map(read) {
        let Signature { algorithm, key_id, bytes } = signature;
        let Some(algorithm) = Algorithm::from_number(algorithm) else { continue };
        match keys.verify(algorithm, &key_id, &message, &bytes) {
            Verdict::Right => return Ok(()),
            Verdict::Wrong => error = VerifyError::WrongSignature { key_id },
            Verdict::UnknownKey if error == VerifyError::Unsigned => {
                error = VerifyError::UnknownKey { key_id };
            }
            Verdict::UnknownKey => {}
        }
    }
    Err(error)
}

fn read(entry: &Entry) -> Option<Signature> {
    let numbers = [1, 2].into_iter().filter_map(Algorithm::from_number);
    let algorithm = numbers.into_iter().find(|algorithm| algorithm.name() == entry.algorithm)?;
    let (key_id, bytes) = (unhex(&entry.key_id)?, unhex(&entry.signature)?);
    Some(Signature { algorithm: algorithm as u8, key_id, bytes })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let is_hex = text.len() == 2 * N && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    is_hex.then_some(bytes)
}
