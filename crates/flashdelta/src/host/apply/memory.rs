//! Patches and images in memory.

use core::ops::ControlFlow;

use super::{HeapApplier, HeapError, MemoryImage};
use crate::device::apply::budget::CallBudget;
use crate::device::apply::buffers::{Buffers, Views};
use crate::device::apply::machine::Machine;
use crate::device::apply::workspace;
use crate::device::apply::{ApplyError, Damage, OldImage, OutOfBounds, Progress};
use crate::device::format::{Layout, PatchHeader, MAX_SIZE};
use crate::device::update::holes::WithValues;

/// Why a patch in memory could not be applied.
type MemoryError = ApplyError<OutOfBounds, OutOfBounds>;

/// Applies a patch in memory.
///
/// ```
/// # use flashdelta::{apply, diff, DiffOptions};
/// let (old, new) = (b"the old firmware", b"the new firmware");
/// let patch = diff::diff(old, new, &DiffOptions::new())?;
/// assert_eq!(apply::apply(old, &patch.bytes)?, new);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The new image takes the memory that the patch says it does, up to 2 GiB: before a patch from a
/// stranger is applied, look at [`PatchHeader::new_size`], or write to a [`MemoryImage`].
///
/// # Errors
///
/// See [`ApplyError`]. More than 64 MiB of workspace are not lent.
pub fn apply(old: &[u8], patch: &[u8]) -> Result<Vec<u8>, MemoryError> {
    run(HeapApplier::new(), old, patch, MemoryImage::new(MAX_SIZE)).map(|(_, new)| new)
}

/// Applies a patch without keeping the result, to check that it is whole and fits this old image.
///
/// # Errors
///
/// See [`ApplyError`]; among them [`ApplyError::NewTooLong`] if the new image is out of all
/// proportion, as [`MemoryImage::for_patch`] has it.
pub fn verify(old: &[u8], patch: &[u8]) -> Result<PatchHeader, MemoryError> {
    apply_limited(old, patch).map(|(header, _)| header)
}

/// As [`apply`], but new images out of proportion are refused.
pub(super) fn apply_limited(
    old: &[u8],
    patch: &[u8],
) -> Result<(PatchHeader, Vec<u8>), MemoryError> {
    let new = MemoryImage::for_patch(old.len() as u64, patch.len() as u64);
    // No values are given: zeros stand for them.
    let old = WithValues::new(old, |_: &[u8], _: u32, _: &mut [u8]| Some(0));
    run(HeapApplier::new().exact(true), old, patch, new)
}

/// As [`apply`]. `watch` hears how far it has come, and may give up: `None`.
pub(crate) fn apply_watched(
    old: &[u8],
    patch: &[u8],
    watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Option<Vec<u8>>, MemoryError> {
    let mut watch = |progress| watch(progress);
    let applier = HeapApplier::new().watch(&mut watch);
    match applier.run(patch, old, MemoryImage::new(MAX_SIZE)) {
        Ok(update) => Ok(Some(update.new.into_bytes())),
        Err(HeapError::Apply(error)) => Err(error),
        Err(HeapError::Verify(_)) => Err(WRONG_DIGESTS),
        Err(_) => Ok(None),
    }
}

/// No signature is asked for here: what is left is damage that the chunk digests show.
const WRONG_DIGESTS: MemoryError = ApplyError::Damaged { what: Damage::WrongDigests, offset: 0 };

fn run(
    applier: HeapApplier<'_>,
    old: impl OldImage<Error = OutOfBounds>,
    patch: &[u8],
    new: MemoryImage,
) -> Result<(PatchHeader, Vec<u8>), MemoryError> {
    match applier.run(patch, old, new) {
        Ok(update) => Ok((update.header, update.new.into_bytes())),
        Err(HeapError::Apply(error)) => Err(error),
        Err(HeapError::Verify(_)) => Err(WRONG_DIGESTS),
        // Memory can always be read, and nobody watches or limits the RAM.
        Err(_) => Err(ApplyError::Poisoned),
    }
}

/// Decodes a body that has no header of its own: `header` says what a header would.
pub(crate) fn apply_body(
    old: &[u8],
    body: &[u8],
    mut header: PatchHeader,
) -> Result<Vec<u8>, MemoryError> {
    header.ram = Layout::of(&header).ram() as u32;
    let mut memory = vec![0; header.workspace_len()];
    let (mut machine, mut buffers) = (Machine::idle(), Buffers::empty());
    workspace::divide(&mut memory, &header, (&mut machine, &mut buffers))
        .map_err(ApplyError::Header)?;
    let (mut old, mut new, mut body, mut error) = (old, Vec::new(), body, ApplyError::Poisoned);
    let mut views = Views {
        buffers: &mut buffers,
        old: &mut old,
        new: &mut new,
        error: &mut error,
        has_failed: false,
        budget: CallBudget::new(u32::MAX),
        coded_size: header.coded_size(),
        order: header.order(),
        stops: false,
    };
    let is_complete = machine.feed(&mut body, true, header.coded_size(), &mut views);
    views.flush();
    if views.has_failed {
        return Err(error);
    }
    debug_assert!(is_complete, "the body has ended, so the machine is through or has failed");
    Ok(new)
}
