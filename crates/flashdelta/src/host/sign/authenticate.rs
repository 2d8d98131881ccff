//! Whether a whole patch is what it is vouched to be.

use core::fmt;

use crate::device::apply::SoftwareSha256;
use crate::device::error::codes;
use crate::device::format::{HeaderError, PatchHeader};
use crate::device::verify::{
    check_chunk, check_signatures, check_table, chunk_digest, message, KeyId, Verifier, VerifyError,
};
use crate::host::seal::write_truncated;
use sha2::{Digest as _, Sha256};

/// Checks a whole patch, before any of it is used but the header: with `verifier` that one of its
/// keys has signed it; always, that it is what its chunk digests say, if it has them. Gives the
/// key, if one was asked for.
///
/// # Errors
///
/// See [`AuthenticateError`].
pub fn authenticate(
    patch: &[u8],
    verifier: Option<&mut dyn Verifier>,
) -> Result<Option<KeyId>, AuthenticateError> {
    let header = PatchHeader::parse(patch)?
        .ok_or(AuthenticateError::Truncated { found: patch.len() as u64, expected: None })?;
    let expected = Some(header.patch_len());
    let cut = || AuthenticateError::Truncated { found: patch.len() as u64, expected };
    let part = |start: u64, len: u64| {
        let range = usize::try_from(start).ok()?..usize::try_from(start + len).ok()?;
        patch.get(range)
    };
    let header_len = u64::from(header.header_len);
    let block = header.signatures_len().into();
    let sha = &mut SoftwareSha256;
    let key = match verifier {
        Some(_) if header.signatures == 0 => return Err(VerifyError::Unsigned.into()),
        Some(verifier) => {
            let signed = message(sha, part(0, header_len).ok_or_else(cut)?);
            let block = part(header_len, block).ok_or_else(cut)?;
            Some(check_signatures(verifier, &signed, block)?)
        }
        None => None,
    };
    if header.chunks.is_none() {
        return Ok(key);
    }
    let table_len = header.chunk_table_len().into();
    let table = part(header_len + block, table_len).ok_or_else(cut)?;
    check_table(sha, &header, table)?;
    for index in 0..header.chunk_count() {
        let range = header.chunk_range(index).unwrap_or_default();
        let chunk = part(range.start.into(), range.len() as u64).ok_or_else(cut)?;
        check_chunk(sha, &header, table, index, chunk)?;
    }
    if header.host_len != 0 {
        let start = u64::from(header.body_offset()) + u64::from(header.body_len);
        let host = part(start, header.host_len.into()).ok_or_else(cut)?;
        let index = header.chunk_count();
        let digest = chunk_digest(table, index);
        if !digest.is_some_and(|digest| Sha256::digest(host).starts_with(digest)) {
            let (start, end) = (start as u32, (start + u64::from(header.host_len)) as u32);
            return Err(VerifyError::WrongChunk { index, start, end }.into());
        }
    }
    Ok(key)
}

/// Why a whole patch is not authentic.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AuthenticateError {
    /// The header cannot be used.
    Header(HeaderError),
    /// It is not complete.
    Truncated {
        /// Bytes that there are.
        found: u64,
        /// Bytes of the whole patch, if its header is complete.
        expected: Option<u64>,
    },
    /// It is not what it is vouched to be, or nobody who is trusted vouches for it.
    Verify(VerifyError),
}

codes! {
    impl[] AuthenticateError {
        Self::Truncated { .. } => "truncated", BadPatch, TransferAgain;
    } else {
        Self::Header(error) => error;
        Self::Verify(error) => error;
    }
}

impl From<HeaderError> for AuthenticateError {
    fn from(error: HeaderError) -> Self {
        Self::Header(error)
    }
}

impl From<VerifyError> for AuthenticateError {
    fn from(error: VerifyError) -> Self {
        Self::Verify(error)
    }
}

impl fmt::Display for AuthenticateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(error) => error.fmt(f),
            Self::Truncated { found, expected } => write_truncated(f, *found, *expected),
            Self::Verify(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for AuthenticateError {}
