//! A patch applied to see whether it works.

use super::apply::{apply, candidate, Applied};
use super::error::PatchError;
use super::request::ApplyRequest;
use crate::host::apply::{explain as explain_image, Breakdown};
use crate::host::file::{FileError, Files};
use crate::host::input::Input;

/// Applies a patch or a bundle to an old input in memory without keeping the result: whether it is
/// whole, and fits that input and this device. It works as a device does: in exactly the workspace
/// that the patch asks for. Zeros stand for values of holes that are not given.
///
/// # Errors
///
/// See [`PatchError`].
pub fn verify(
    old: &Input<'_>,
    patch: &[u8],
    request: ApplyRequest<'_>,
) -> Result<Applied, PatchError> {
    let applied = apply(old, patch, request.exact(true).any_values(true))?;
    Ok(Applied { bytes: Vec::new(), ..applied })
}

/// What the bytes of a patch between images are spent on: only of one that works it is known.
/// `None` of a bundle, whose [`BundleInfo`](crate::bundle::BundleInfo) tells it.
///
/// # Errors
///
/// See [`PatchError`].
pub fn explain(old: &Input<'_>, patch: &[u8]) -> Result<Option<Breakdown>, PatchError> {
    if verify(old, patch, ApplyRequest::new())?.header.is_none() {
        return Ok(None);
    }
    let files = Files::of(candidate(old, patch)?, patch)?;
    let breakdown = explain_image(files.old_image(), patch).map_err(FileError::from)?;
    Ok(Some(breakdown))
}
