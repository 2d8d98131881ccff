//! Applying with a heap at hand: from memory, or from anything that can be read.

use core::fmt;
use core::ops::ControlFlow;
use std::io::{self, Read};

use super::MemoryImage;
use crate::device::apply::body::Body;
use crate::device::apply::buffers::Views;
use crate::device::apply::workspace;
use crate::device::apply::{
    Applier, ApplyError, ApplyOptions, NewImage, OldImage, OutOfBounds, Progress,
};
use crate::device::format::{HeaderError, Layout, PatchHeader, MAX_HEADER_LEN, MAX_SIZE};

/// Bytes that are read at a time.
const PIECE: usize = 16 * 1024;

/// The same, where somebody watches: a small patch can make a large image.
const WATCHED_PIECE: usize = 1024;

/// Workspace beyond the stated one: larger windows.
const EXTRA: usize = 2048;

/// No more is lent: whatever a header claims, patches need some hundred KiB at most.
const MOST_WORKSPACE: usize = 64 << 20;

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
pub fn apply(old: &[u8], patch: &[u8]) -> Result<Vec<u8>, ApplyError<OutOfBounds, OutOfBounds>> {
    apply_to(old, patch, MemoryImage::new(MAX_SIZE))
}

/// As [`apply`], but new images out of proportion are refused.
pub(super) fn apply_limited(
    old: &[u8],
    patch: &[u8],
) -> Result<Vec<u8>, ApplyError<OutOfBounds, OutOfBounds>> {
    apply_to(old, patch, MemoryImage::for_patch(old.len() as u64, patch.len() as u64))
}

/// As [`apply`], a piece of the patch after the other. After each of them `watch` hears how far it
/// has come, and may give up: `None`.
pub(crate) fn apply_watched(
    old: &[u8],
    patch: &[u8],
    watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Option<Vec<u8>>, ApplyError<OutOfBounds, OutOfBounds>> {
    let mut workspace = vec![0; workspace_for(patch)?];
    let mut applier =
        Applier::new(&mut workspace, old, MemoryImage::new(MAX_SIZE), ApplyOptions::default());
    for piece in patch.chunks(WATCHED_PIECE) {
        let progress = applier.feed(piece)?;
        if watch(progress).is_break() {
            return Ok(None);
        }
    }
    applier.finish().map(|(_, new)| Some(new.into_bytes()))
}

fn apply_to(
    old: &[u8],
    patch: &[u8],
    new: MemoryImage,
) -> Result<Vec<u8>, ApplyError<OutOfBounds, OutOfBounds>> {
    let mut workspace = vec![0; workspace_for(patch)?];
    let mut applier = Applier::new(&mut workspace, old, new, ApplyOptions::default());
    applier.feed(patch)?;
    applier.finish().map(|(_, new)| new.into_bytes())
}

/// Applies a patch without keeping the result: is it whole, and does it fit this old image?
///
/// # Errors
///
/// See [`ApplyError`]; among them [`ApplyError::NewTooLong`] if the new image is out of all
/// proportion, as [`MemoryImage::for_patch`] has it.
pub fn verify(
    old: &[u8],
    patch: &[u8],
) -> Result<PatchHeader, ApplyError<OutOfBounds, OutOfBounds>> {
    apply_limited(old, patch)?;
    PatchHeader::parse(patch)?
        .ok_or(ApplyError::Truncated { fed: patch.len() as u32, expected: None })
}

/// Decodes a body that has no header of its own: `header` says what a header would.
pub(crate) fn apply_body(
    old: &[u8],
    body: &[u8],
    mut header: PatchHeader,
) -> Result<Vec<u8>, ApplyError<OutOfBounds, OutOfBounds>> {
    header.ram = Layout::of(&header).ram() as u32;
    let mut memory = vec![0; header.workspace_len() + EXTRA];
    let mut parts = Body { header, ..Body::idle() };
    workspace::divide(&mut memory, &mut parts)
        .map_err(|trouble| trouble.of(&header, header.workspace_len()))?;
    let (mut old, mut new) = (old, Vec::new());
    let mut views =
        Views { buffers: &mut parts.buffers, old: &mut old, new: &mut new, fault: None };
    let is_complete = parts.machine.feed(body, true, header.coded_size(), &mut views);
    views.flush();
    if let Some(fault) = views.fault {
        return Err(fault.into());
    }
    debug_assert!(is_complete, "the body has ended, so the machine is through or tells of a fault");
    Ok(new)
}

/// The workspace that a patch needs; as much as a header, if it is too short to tell.
fn workspace_for(start: &[u8]) -> Result<usize, HeaderError> {
    let header = PatchHeader::parse(start)?;
    Ok((header.map_or(MAX_HEADER_LEN, |h| h.workspace_len()) + EXTRA).min(MOST_WORKSPACE))
}

/// Why a patch could not be read and applied.
#[non_exhaustive]
#[derive(Debug)]
pub enum ReaderError<O, N> {
    /// Reading the patch failed.
    Read(io::Error),
    /// Applying it failed.
    Apply(ApplyError<O, N>),
}

impl<O: fmt::Display, N: fmt::Display> fmt::Display for ReaderError<O, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => write!(f, "reading the patch failed: {error}"),
            Self::Apply(error) => error.fmt(f),
        }
    }
}

impl<O, N> core::error::Error for ReaderError<O, N>
where
    O: core::error::Error + 'static,
    N: core::error::Error + 'static,
{
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Read(error) => Some(error),
            Self::Apply(error) => error.source(),
        }
    }
}

impl<O, N> From<ApplyError<O, N>> for ReaderError<O, N> {
    fn from(error: ApplyError<O, N>) -> Self {
        Self::Apply(error)
    }
}

/// Reads a patch to its end and applies it; the workspace comes from the heap. Gives the images
/// back.
///
/// # Errors
///
/// If reading fails, or applying does.
pub fn apply_reader<O: OldImage, N: NewImage>(
    mut patch: impl Read,
    old: O,
    new: N,
    options: ApplyOptions,
) -> Result<(O, N), ReaderError<O::Error, N::Error>> {
    let mut start = Vec::new();
    patch
        .by_ref()
        .take(MAX_HEADER_LEN as u64)
        .read_to_end(&mut start)
        .map_err(ReaderError::Read)?;
    let mut workspace = vec![0; workspace_for(&start).map_err(ApplyError::Header)?];
    let mut applier = Applier::new(&mut workspace, old, new, options);
    applier.feed(&start)?;
    let mut piece = vec![0; PIECE];
    loop {
        match patch.read(&mut piece) {
            Ok(0) => return Ok(applier.finish()?),
            Ok(len) => applier.feed(&piece[..len])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(ReaderError::Read(error)),
        };
    }
}
