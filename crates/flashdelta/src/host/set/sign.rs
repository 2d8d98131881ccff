//! Signatures of sets.

use super::parts::{check, Parts};
use super::SetFileError;
use crate::device::apply::SoftwareSha256;
use crate::device::format::PatchHeader;
use crate::device::update::set::{set_message, SetError};
use crate::device::verify::{check_signatures, KeyId, Message, Signature, Verifier, VerifyError};

/// What is to be signed so that the signature can be [attached](attach) to this set. It is the same
/// however often the set has been signed.
///
/// # Errors
///
/// [`SetFileError`], if this is no whole set, or a damaged one.
pub fn message(set: &[u8]) -> Result<Message, SetFileError> {
    ready(set)?.message()
}

/// The set with one more signature; a signature by the same key is replaced. Payloads get chunk
/// digests if they have none. Whether the signature is right is not checked here.
///
/// # Errors
///
/// [`SetFileError`], if this is no whole set, or a damaged one, or if it has four signatures by
/// other keys.
pub fn attach(set: &[u8], signature: Signature) -> Result<Vec<u8>, SetFileError> {
    let mut parts = ready(set)?;
    parts.sign(signature)?;
    parts.assemble()
}

/// The set with one more signature, made here.
///
/// # Errors
///
/// Those of [`attach`].
#[cfg(feature = "sign")]
pub fn sign(set: &[u8], key: &crate::host::sign::PrivateKey) -> Result<Vec<u8>, SetFileError> {
    attach(set, key.sign(&message(set)?))
}

/// The signatures of a set.
///
/// # Errors
///
/// [`SetFileError`], if this is no whole set, or a damaged one.
pub fn signatures(set: &[u8]) -> Result<Vec<Signature>, SetFileError> {
    Ok(Parts::split(set)?.signatures)
}

/// Checks that a set is whole, and signed with one of these keys, which is given; and that the
/// signature vouches for every byte.
///
/// # Errors
///
/// [`SetFileError`].
pub fn authenticate<V: Verifier>(set: &[u8], keys: &mut V) -> Result<KeyId, SetFileError> {
    let (parts, index) = (Parts::split(set)?, check(set)?);
    let lacks_chunks = |payload: &Vec<u8>| {
        PatchHeader::parse(payload).ok().flatten().is_none_or(|header| header.chunks.is_none())
    };
    if parts.components.iter().filter_map(|(_, payload)| payload.as_ref()).any(lacks_chunks) {
        return Err(SetError::Verify(VerifyError::Unsigned).into());
    }
    let (index_len, end) = (index.index_len() as usize, index.payloads_offset() as usize);
    let message = set_message(&mut SoftwareSha256, &set[..index_len]);
    let checked = check_signatures(keys, &message, &set[index_len..end]);
    Ok(checked.map_err(SetError::Verify)?)
}

/// The parts of a set that can be signed.
fn ready(set: &[u8]) -> Result<Parts, SetFileError> {
    let mut parts = Parts::split(set)?;
    parts.add_chunks()?;
    Ok(parts)
}
