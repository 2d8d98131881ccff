//! The calls into the library. Everything that makes or applies a patch, or a bundle, goes through
//! here.

use std::io::Read;
use std::ops::ControlFlow;

use flashdelta::apply::{Applier, ApplyOptions, HeapApplier, HeapError, Progress};
use flashdelta::bundle::{self, BundleError, BundleInfo};
use flashdelta::file::{FileError, Files, Output};
use flashdelta::{image, PatchHeader, MAX_HEADER_LEN};
use pyo3::PyErr;
use self_cell::{self_cell, MutBorrow};

use crate::source::Source;
use crate::target::{Fault, New, Old};

/// Why a patch could not be applied, with the images that there are here.
pub(crate) type ApplyError = flashdelta::apply::ApplyError<Fault, Fault>;

/// Applies a bundle. `limit`: most bytes of the new file; `None`: what honest bundles make.
/// `on_progress` is called now and then and may give up.
pub(crate) fn apply_bundle(
    old: &[u8],
    patch: &[u8],
    limit: Option<u32>,
    on_progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Vec<u8>, BundleError> {
    bundle::apply_with(old, patch, limit, on_progress)
}

/// What a patch says about itself.
pub(crate) enum Header {
    /// One that devices apply.
    Patch(PatchHeader),
    /// One that computers apply.
    Bundle(BundleInfo),
}

/// Bytes of a patch that are fed at a time: a small patch can make a large image, and progress
/// shall show.
const PIECE: usize = 1024;

/// Why a piece of a patch could not be applied.
pub(crate) enum PushError {
    /// The applier says why.
    Apply(ApplyError),
    /// The patch needs more RAM than the device has.
    Ram { needed: u32, found: u32 },
    /// It is a bundle, which devices do not apply.
    Bundle,
}

impl From<ApplyError> for PushError {
    fn from(error: ApplyError) -> Self {
        Self::Apply(error)
    }
}

/// Why [`apply`] failed.
pub(crate) enum Failure {
    /// Reading the patch.
    Read(std::io::Error),
    /// Applying it.
    Push(PushError),
    /// The files around the images.
    File(FileError),
    /// The caller's own.
    Caller(PyErr),
}

impl<E: Into<PushError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Push(error.into())
    }
}

/// Is there nothing around the images? Then the new one can be written as it is made. `start`: of
/// the old file.
pub(crate) fn is_plain(start: &[u8], header: Option<PatchHeader>, output: Output) -> bool {
    let is_plain =
        matches!(output, Output::Same | Output::Binary) && !image::detect(start).is_records();
    is_plain && header.is_none_or(|header| header.host_len == 0)
}

/// What a patch has to fit.
#[derive(Clone, Copy)]
pub(crate) struct Fit {
    pub(crate) options: ApplyOptions,
    /// RAM of the device.
    pub(crate) ram: Option<u32>,
    /// Most bytes of the new image.
    pub(crate) limit: Option<u32>,
}

/// Applies a patch to a file in memory, and makes the new file around the new image.
pub(crate) fn apply_to_file(
    old_file: Source,
    patch: &[u8],
    output: Output,
    fit: Fit,
    on_progress: impl FnMut(Progress) -> Result<(), PyErr>,
) -> Result<(PatchHeader, Vec<u8>), Failure> {
    let header = PatchHeader::parse(patch).map_err(ApplyError::Header)?;
    if is_plain(&old_file, header, output) {
        let (header, new) =
            apply(patch, Old::memory_of(old_file), New::memory(), fit, on_progress)?;
        return Ok((header, new.into_bytes().unwrap_or_default()));
    }
    let files = Files::of(&old_file, patch).map_err(Failure::File)?;
    let old = Old::memory_of(Source::Owned(files.old_image().to_vec()));
    let (header, new) = apply(patch, old, New::memory(), fit, on_progress)?;
    let file = files.finish(new.into_bytes().unwrap_or_default(), output).map_err(Failure::File)?;
    Ok((header, file))
}

/// Applies a patch that is read to its end. `on_progress` is called now and then and may give up.
pub(crate) fn apply(
    mut patch: impl Read,
    old: Old,
    new: New,
    fit: Fit,
    mut on_progress: impl FnMut(Progress) -> Result<(), PyErr>,
) -> Result<(PatchHeader, New), Failure> {
    let mut push = Push::new(old, new, fit);
    let mut piece = [0; PIECE];
    let mut header = None;
    loop {
        let len = match patch.read(&mut piece) {
            Ok(len) => len,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Failure::Read(error)),
        };
        if len == 0 {
            break;
        }
        let progress = push.feed(&piece[..len])?;
        header = push.header().or(header);
        on_progress(progress).map_err(Failure::Caller)?;
    }
    let new = push.finish()?;
    // A patch that could be finished has a header.
    Ok((header.ok_or(ApplyError::Poisoned)?, new))
}

/// The applier of the library with a workspace from the heap, allocated as the header tells.
pub(crate) struct Push {
    stage: Stage,
    fit: Fit,
}

enum Stage {
    /// The header is not complete: its bytes so far.
    Header {
        start: Vec<u8>,
        old: Old,
        new: New,
    },
    Body(Running),
    Failed,
}

impl Push {
    /// Patches that do not fit are refused.
    pub(crate) fn new(old: Old, new: New, fit: Fit) -> Self {
        Self { stage: Stage::Header { start: Vec::new(), old, new }, fit }
    }

    /// Takes the next bytes of the patch.
    pub(crate) fn feed(&mut self, input: &[u8]) -> Result<Progress, PushError> {
        // Taken, so that an error leaves nothing to go on with.
        match std::mem::replace(&mut self.stage, Stage::Failed) {
            Stage::Failed => Err(ApplyError::Poisoned.into()),
            Stage::Body(mut running) => {
                let progress = running.feed(input)?;
                self.stage = Stage::Body(running);
                Ok(progress)
            }
            Stage::Header { mut start, old, new } => {
                start.extend_from_slice(input);
                if bundle::is_bundle(&start) {
                    return Err(PushError::Bundle);
                }
                let known = start.len().min(MAX_HEADER_LEN);
                let Some(header) =
                    PatchHeader::parse(&start[..known]).map_err(ApplyError::Header)?
                else {
                    self.stage = Stage::Header { start, old, new };
                    return Ok(Progress { done: false, written: 0, total: 0 });
                };
                let conditions = HeapApplier::new().ram(self.fit.ram).limit(self.fit.limit);
                let workspace = conditions.workspace(&header).map_err(push_error)?;
                let options = self.fit.options;
                let mut running = Running::new(MutBorrow::new(workspace), |workspace| {
                    Some(Applier::new(workspace.borrow_mut(), old, new, options))
                });
                let progress = running.feed(&start)?;
                self.stage = Stage::Body(running);
                Ok(progress)
            }
        }
    }

    /// The header, once it is complete.
    pub(crate) fn header(&self) -> Option<PatchHeader> {
        match &self.stage {
            Stage::Body(running) => {
                running.with_dependent(|_, applier| applier.as_ref()?.header().copied())
            }
            _ => None,
        }
    }

    /// Ends the update and gives the new image.
    pub(crate) fn finish(self) -> Result<New, ApplyError> {
        match self.stage {
            Stage::Failed => Err(ApplyError::Poisoned),
            Stage::Header { start, .. } => {
                Err(ApplyError::Truncated { fed: start.len() as u32, expected: None })
            }
            Stage::Body(mut running) => {
                let taken = |_: &_, applier: &mut Lent<'_>| applier.take().map(Applier::finish);
                match running.with_dependent_mut(taken) {
                    Some(finished) => finished.map(|(_, new)| new),
                    None => Err(ApplyError::Poisoned),
                }
            }
        }
    }
}

/// Why there is no workspace.
fn push_error(error: HeapError<Fault, Fault>) -> PushError {
    match error {
        HeapError::Ram { needed, found } => PushError::Ram { needed, found },
        HeapError::Apply(error) => PushError::Apply(error),
        // It neither reads nor calls back.
        _ => PushError::Apply(ApplyError::Poisoned),
    }
}

/// The applier; none once it has been taken to its end.
type Lent<'w> = Option<Applier<'w, Old, New>>;

self_cell!(
    /// An applier together with the workspace that it borrows.
    struct Running {
        owner: MutBorrow<Vec<u8>>,
        #[not_covariant]
        dependent: Lent,
    }
);

impl Running {
    fn feed(&mut self, input: &[u8]) -> Result<Progress, ApplyError> {
        self.with_dependent_mut(|_, applier| match applier {
            Some(applier) => applier.feed(input),
            None => Err(ApplyError::Poisoned),
        })
    }
}
