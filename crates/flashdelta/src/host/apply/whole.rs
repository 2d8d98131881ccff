//! Whether a patch is whole.

use crate::device::apply::ApplyError;
use crate::device::format::PatchHeader;

/// Checks that a patch is all there, and that nothing follows it, by what its `header` says.
///
/// ```
/// # use flashdelta::{apply, diff, DiffOptions};
/// use flashdelta::apply::{ApplyError, OutOfBounds};
/// # let patch = diff::diff(b"the old firmware", b"the new firmware", &DiffOptions::new())?;
///
/// let (start, _) = patch.bytes.split_at(patch.bytes.len() - 1);
/// let checked = apply::whole::<OutOfBounds, OutOfBounds>(&patch.header, start);
/// assert!(matches!(checked, Err(ApplyError::Truncated { .. })));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`ApplyError::Truncated`] or [`ApplyError::TrailingInput`].
pub fn whole<O, N>(header: &PatchHeader, patch: &[u8]) -> Result<(), ApplyError<O, N>> {
    let [expected, fed] =
        [header.patch_len(), patch.len() as u64].map(|len| u32::try_from(len).unwrap_or(u32::MAX));
    match fed.cmp(&expected) {
        core::cmp::Ordering::Less => Err(ApplyError::Truncated { fed, expected: Some(expected) }),
        core::cmp::Ordering::Equal => Ok(()),
        core::cmp::Ordering::Greater => Err(ApplyError::TrailingInput { expected }),
    }
}
