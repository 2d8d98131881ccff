//! Signatures of patches.

use crate::device::verify::{Message, Signature};
use crate::host::seal::{Parts, SealError};

/// What is to be signed so that the signature can be [attached](attach) to this patch. It is the
/// same however often the patch has been signed.
///
/// # Errors
///
/// [`SealError`], if this is no whole patch, or a damaged one.
pub fn message(patch: &[u8]) -> Result<Message, SealError> {
    Ok(ready(patch)?.message())
}

/// The patch with one more signature; a signature by the same key is replaced. Whether it is right
/// is not checked here.
///
/// # Errors
///
/// [`SealError`], if this is no whole patch, or a damaged one, or if it has four signatures by
/// other keys.
pub fn attach(patch: &[u8], signature: Signature) -> Result<Vec<u8>, SealError> {
    let mut parts = ready(patch)?;
    parts.sign(signature)?;
    Ok(parts.assemble())
}

/// The patch with one more signature, made here.
///
/// # Errors
///
/// Those of [`attach`].
#[cfg(feature = "sign")]
pub fn sign(patch: &[u8], key: &super::PrivateKey) -> Result<Vec<u8>, SealError> {
    attach(patch, key.sign(&message(patch)?))
}

/// The signatures of a patch.
///
/// # Errors
///
/// [`SealError`], if this is no whole patch, or a damaged one.
pub fn signatures(patch: &[u8]) -> Result<Vec<Signature>, SealError> {
    Ok(Parts::split(patch)?.signatures)
}

/// The parts of a patch that can be signed.
fn ready(patch: &[u8]) -> Result<Parts<'_>, SealError> {
    let mut parts = Parts::split(patch)?;
    parts.add_chunks();
    Ok(parts)
}
