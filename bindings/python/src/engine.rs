//! The push applier: one that is fed, and owns what it works in.

use flashdelta::apply::{Applier, ApplyOptions, HeapApplier, HeapError, Progress};
use flashdelta::bundle::{self, BundleInfo};
use flashdelta::holes::Values;
use flashdelta::sign::TrustedKeys;
use flashdelta::update::holes::WithValues;
use flashdelta::verify::{Guard, VerifyError};
use flashdelta::{PatchHeader, MAX_HEADER_LEN};
use self_cell::{self_cell, MutBorrow};

use crate::fault::{ApplyError, Fault, PushError};
use crate::target::{New, Old};

/// What a patch says about itself.
pub(crate) enum Header {
    /// One that devices apply.
    Patch(PatchHeader),
    /// One that computers apply.
    Bundle(BundleInfo),
}

/// The old image, and the values that are given for holes.
pub(crate) type OldWithValues = WithValues<Old, Values>;

/// What a patch has to fit.
#[derive(Clone, Copy)]
pub(crate) struct PushConditions {
    pub(crate) options: ApplyOptions,
    /// RAM of the device.
    pub(crate) ram: Option<u32>,
}

/// The applier of the library with a workspace from the heap, allocated as the header tells.
pub(crate) struct Push {
    stage: Stage,
    conditions: PushConditions,
    /// One of these must have signed the patch.
    keys: Option<TrustedKeys>,
}

enum Stage {
    /// The header is not complete: its bytes so far, and both images.
    Header {
        start: Vec<u8>,
        images: Box<(OldWithValues, New)>,
    },
    Body(Running),
    Failed,
}

impl Push {
    /// Patches that do not fit are refused.
    pub(crate) fn new(
        old: OldWithValues,
        new: New,
        conditions: PushConditions,
        keys: Option<TrustedKeys>,
    ) -> Self {
        let stage = Stage::Header { start: Vec::new(), images: Box::new((old, new)) };
        Self { stage, conditions, keys }
    }

    /// Takes the next bytes of the patch.
    pub(crate) fn feed(&mut self, input: &[u8]) -> Result<Progress, PushError> {
        // Taken, so that an error leaves nothing to go on with.
        match std::mem::replace(&mut self.stage, Stage::Failed) {
            Stage::Failed => Err(ApplyError::Poisoned.into()),
            Stage::Body(running) => self.go_on(running, input),
            Stage::Header { mut start, images } => {
                start.extend_from_slice(input);
                if bundle::is_bundle(&start) {
                    return Err(PushError::Bundle);
                }
                let known = start.len().min(MAX_HEADER_LEN);
                let Some(header) =
                    PatchHeader::parse(&start[..known]).map_err(ApplyError::Header)?
                else {
                    self.stage = Stage::Header { start, images };
                    return Ok(Progress::default());
                };
                let heap = HeapApplier::new().ram(self.conditions.ram);
                let mut memory = heap.workspace(&header).map_err(push_error)?;
                let (options, keys, len) =
                    (self.conditions.options, self.keys.take(), memory.len());
                // After it the buffer for the header, and later for chunks.
                memory.resize(len + MAX_HEADER_LEN.max(header.chunk_ram() as usize), 0);
                let running = Running::new(MutBorrow::new(memory), |memory| {
                    let (workspace, buffer) = memory.borrow_mut().split_at_mut(len);
                    let (old, new) = *images;
                    let applier = Applier::new(workspace, old, new, options);
                    Some(Guard::with_policy(applier, keys, buffer))
                });
                self.go_on(running, &start)
            }
        }
    }

    /// A wrong chunk is no end: it may be fed again.
    fn go_on(&mut self, mut running: Running, input: &[u8]) -> Result<Progress, PushError> {
        let fed = running.feed(input);
        if let Ok(_) | Err(PushError::Verify(VerifyError::WrongChunk { .. })) = fed {
            self.stage = Stage::Body(running);
        }
        fed
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
                let taken = |_: &_, applier: &mut Lent<'_>| applier.take().map(Guard::finish);
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
        HeapError::Verify(error) => PushError::Verify(error),
        HeapError::Apply(error) => PushError::Apply(error),
        // It neither reads nor calls back.
        _ => PushError::Apply(ApplyError::Poisoned),
    }
}

/// The applier; none once it has been taken to its end.
type Lent<'w> = Option<Guard<'w, 'w, OldWithValues, New, TrustedKeys>>;

self_cell!(
    /// An applier together with the workspace that it borrows.
    struct Running {
        owner: MutBorrow<Vec<u8>>,
        #[not_covariant]
        dependent: Lent,
    }
);

impl Running {
    fn feed(&mut self, input: &[u8]) -> Result<Progress, PushError> {
        self.with_dependent_mut(|_, applier| match applier {
            Some(applier) => Ok(applier.feed(input)?),
            None => Err(ApplyError::Poisoned.into()),
        })
    }
}
