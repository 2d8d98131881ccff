//! The checks: one promise each.

use super::{Algorithm, KeyId, Message, Signature, Verdict, Verifier, VerifyError};
use crate::device::format::chunks::{CHUNK_DIGEST_LEN, SIGNATURE_LEN};
use crate::device::format::PatchHeader;
use crate::device::sha256::Sha256Engine;

/// What no other protocol signs.
const DOMAIN: &[u8; 16] = b"flashdelta patch";

/// What the signatures of a patch are made over. `header` is the header as it is in the patch,
/// from the magic to the checksum: its first [`header_len`](PatchHeader::header_len) bytes.
pub fn message<H: Sha256Engine>(engine: &mut H, header: &[u8]) -> Message {
    domain_message(engine, DOMAIN, header)
}

/// A message of 48 bytes: what no other protocol signs, and the digest of `content`.
pub(in crate::device) fn domain_message<H: Sha256Engine>(
    engine: &mut H,
    separator: &[u8; 16],
    content: &[u8],
) -> Message {
    let mut message = [0; 48];
    if let Some((domain, digest)) = message.split_first_chunk_mut() {
        *domain = *separator;
        if let Some(digest) = digest.first_chunk_mut() {
            sha256(engine, content, digest);
        }
    }
    message
}

/// What the signatures of a patch are made over, if this is the SHA-256 of its header.
#[cfg(feature = "receive")]
pub(in crate::device) fn message_of(digest: &[u8; 32]) -> Message {
    let mut message = [0; 48];
    message.iter_mut().zip(DOMAIN.iter().chain(digest)).for_each(|(to, from)| *to = *from);
    message
}

/// The id of a public key: for Ed25519 its 32 bytes (RFC 8032), for P-256 the uncompressed point,
/// 65 bytes (SEC 1).
pub fn key_id<H: Sha256Engine>(engine: &mut H, algorithm: Algorithm, key: &[u8]) -> KeyId {
    // A SubjectPublicKeyInfo up to the key (RFC 8410, RFC 5480).
    let start: &[u8] = match algorithm {
        Algorithm::Ed25519 => b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00",
        Algorithm::P256 => {
            b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\
              \x03\x01\x07\x03\x42\x00"
        }
    };
    let mut message = engine.start();
    engine.update(&mut message, start);
    engine.update(&mut message, key);
    let mut digest = [0; 32];
    engine.digest(&mut message, &mut digest);
    digest.first_chunk().copied().unwrap_or_default()
}

/// Checks the header of a patch by the first bytes of its SHA-256, where something that is
/// authentic itself has named them.
///
/// # Errors
///
/// [`VerifyError::WrongHeader`].
#[cfg(feature = "set")]
pub(super) fn check_header<H: Sha256Engine>(
    engine: &mut H,
    header: &[u8],
    expected: &[u8; 16],
) -> Result<(), VerifyError> {
    let mut found = [0; 32];
    sha256(engine, header, &mut found);
    if found.starts_with(expected) {
        Ok(())
    } else {
        Err(VerifyError::WrongHeader)
    }
}

/// Asks `verifier` about the signatures of a signature block until one is right; gives the key that
/// it was made with.
///
/// # Errors
///
/// [`VerifyError::Unsigned`] without signatures, [`VerifyError::WrongSignature`] and
/// [`VerifyError::UnknownKey`] if none is right.
pub fn check_signatures<V: Verifier + ?Sized>(
    verifier: &mut V,
    message: &Message,
    block: &[u8],
) -> Result<KeyId, VerifyError> {
    let mut error = VerifyError::Unsigned;
    // Their number comes first.
    let mut rest = block.get(1..).unwrap_or(block);
    while let Some((entry, after)) = rest.split_first_chunk() {
        if check_signature(verifier, message, entry, &mut error) {
            return Ok(*Signature::parts(entry).1);
        }
        rest = after;
    }
    Err(error)
}

/// Asks `verifier` about one signature: true if it is right. Else `error` says why the patch is not
/// authentic, as far as known: that of a known key counts more than those of unknown ones.
#[inline(never)]
pub(in crate::device) fn check_signature<V: Verifier + ?Sized>(
    verifier: &mut V,
    message: &Message,
    entry: &[u8; SIGNATURE_LEN],
    error: &mut VerifyError,
) -> bool {
    let (algorithm, key_id, signature) = Signature::parts(entry);
    let verdict = match Algorithm::from_number(algorithm) {
        Some(algorithm) => verifier.verify(algorithm, key_id, message, signature),
        None => Verdict::UnknownKey,
    };
    let key_id = *key_id;
    match verdict {
        Verdict::Right => return true,
        Verdict::Wrong => *error = VerifyError::WrongSignature { key_id },
        Verdict::UnknownKey if *error == VerifyError::Unsigned => {
            *error = VerifyError::UnknownKey { key_id };
        }
        Verdict::UnknownKey => {}
    }
    false
}

/// Whether `verifier` trusts the key that has made a signature: it is asked about one that no key
/// makes.
#[cfg(feature = "suspend")]
pub(super) fn is_trusted<V: Verifier + ?Sized>(
    verifier: &mut V,
    algorithm: u8,
    key_id: &KeyId,
) -> bool {
    Algorithm::from_number(algorithm).is_some_and(|algorithm| {
        verifier.verify(algorithm, key_id, &[0; 48], &[0; 64]) != Verdict::UnknownKey
    })
}

/// Checks the chunk table: all that is between the signatures and the body, against the digest
/// in the header.
///
/// # Errors
///
/// [`VerifyError::WrongTable`].
pub fn check_table<H: Sha256Engine>(
    engine: &mut H,
    header: &PatchHeader,
    table: &[u8],
) -> Result<(), VerifyError> {
    let mut found = [0; 32];
    sha256(engine, table, &mut found);
    match &header.chunks {
        Some(chunks) if chunks.root == found => Ok(()),
        _ => Err(VerifyError::WrongTable),
    }
}

/// The digest of chunk `index`, by a table that has been checked; after those of all chunks is
/// that of the host section, if there is one.
pub fn chunk_digest(table: &[u8], index: u32) -> Option<&[u8; CHUNK_DIGEST_LEN]> {
    let start = (index as usize).checked_mul(CHUNK_DIGEST_LEN)?;
    table.get(start..)?.first_chunk()
}

/// Checks a whole chunk of the body, by a table that has been checked.
///
/// # Errors
///
/// [`VerifyError::WrongChunk`], also if these are not as many bytes as the chunk has.
pub fn check_chunk<H: Sha256Engine>(
    engine: &mut H,
    header: &PatchHeader,
    table: &[u8],
    index: u32,
    chunk: &[u8],
) -> Result<(), VerifyError> {
    let range = header.chunk_range(index).unwrap_or_default();
    let mut found = [0; 32];
    sha256(engine, chunk, &mut found);
    let is_right = chunk.len() == range.len()
        && chunk_digest(table, index).is_some_and(|digest| found.starts_with(digest));
    if is_right {
        Ok(())
    } else {
        Err(VerifyError::WrongChunk { index, start: range.start, end: range.end })
    }
}

/// The SHA-256 of a whole message.
#[inline(never)] // One copy in the device's flash.
pub(crate) fn sha256<H: Sha256Engine>(engine: &mut H, bytes: &[u8], digest: &mut [u8; 32]) {
    let mut message = engine.start();
    engine.update(&mut message, bytes);
    engine.digest(&mut message, digest);
}
