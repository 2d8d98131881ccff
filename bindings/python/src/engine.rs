//! The two calls into the library. Everything that makes or applies a patch goes through here.

use std::io::Read;

use flashdelta::apply::{Applier, ApplyError, ApplyOptions, NewImage, OldImage, Progress};
use flashdelta::diff::{DiffError, DiffOptions, Patch};
use flashdelta::{PatchHeader, MAX_HEADER_LEN};

/// Makes a patch.
pub(crate) fn diff(old: &[u8], new: &[u8], options: &DiffOptions) -> Result<Patch, DiffError> {
    flashdelta::diff::diff(old, new, options)
}

/// Workspace beyond the stated one: larger windows make reading cheaper.
const COMFORT: usize = 64 << 10;

/// Bytes of a patch that are fed at a time: a small patch can make a large image, and progress shall show.
const PIECE: usize = 1024;

/// Why [`apply`] failed.
pub(crate) enum Failure<O, N, E> {
    /// Reading the patch.
    Read(std::io::Error),
    /// Applying it.
    Apply(ApplyError<O, N>),
    /// The patch needs more RAM than the device has.
    Ram { needed: u32, found: u32 },
    /// The caller's own.
    Caller(E),
}

impl<O, N, E> From<ApplyError<O, N>> for Failure<O, N, E> {
    fn from(error: ApplyError<O, N>) -> Self {
        Self::Apply(error)
    }
}

/// Applies a patch that is read to its end. `on_progress` is called now and then and may give up.
pub(crate) fn apply<O: OldImage, N: NewImage, E>(
    mut patch: impl Read,
    old: O,
    new: N,
    options: ApplyOptions,
    ram: Option<u32>,
    mut on_progress: impl FnMut(Progress) -> Result<(), E>,
) -> Result<(PatchHeader, N), Failure<O::Error, N::Error, E>> {
    let mut push = Push::new(old, new, options, ram);
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
        let progress = push.feed(&piece[..len]).map_err(Failure::from)?;
        header = push.header().copied().or(header);
        on_progress(progress).map_err(Failure::Caller)?;
    }
    let new = push.finish().map_err(Failure::from)?;
    // A patch that could be finished has a header.
    let header = header.ok_or(ApplyError::Poisoned)?;
    Ok((header, new))
}

/// What [`Push`] can fail with.
pub(crate) enum PushError<O, N> {
    Apply(ApplyError<O, N>),
    Ram { needed: u32, found: u32 },
}

impl<O, N> From<ApplyError<O, N>> for PushError<O, N> {
    fn from(error: ApplyError<O, N>) -> Self {
        Self::Apply(error)
    }
}

impl<O, N, E> From<PushError<O, N>> for Failure<O, N, E> {
    fn from(error: PushError<O, N>) -> Self {
        match error {
            PushError::Apply(error) => Self::Apply(error),
            PushError::Ram { needed, found } => Self::Ram { needed, found },
        }
    }
}

/// The applier of the library with a workspace from the heap, allocated as the header tells.
pub(crate) struct Push<O: OldImage, N: NewImage> {
    stage: Stage<O, N>,
    options: ApplyOptions,
    ram: Option<u32>,
}

enum Stage<O: OldImage, N: NewImage> {
    /// The header is not complete: its bytes so far.
    Header {
        start: Vec<u8>,
        old: O,
        new: N,
    },
    Body(Box<Running<O, N>>),
    Failed,
}

impl<O: OldImage, N: NewImage> Push<O, N> {
    /// `ram`: what the device has; patches that need more are refused.
    pub(crate) fn new(old: O, new: N, options: ApplyOptions, ram: Option<u32>) -> Self {
        Self { stage: Stage::Header { start: Vec::new(), old, new }, options, ram }
    }

    /// Takes the next bytes of the patch.
    pub(crate) fn feed(&mut self, input: &[u8]) -> Result<Progress, PushError<O::Error, N::Error>> {
        // Taken, so that an error leaves nothing to go on with.
        match std::mem::replace(&mut self.stage, Stage::Failed) {
            Stage::Failed => Err(ApplyError::Poisoned.into()),
            Stage::Body(mut running) => {
                let progress = running.applier().feed(input)?;
                self.stage = Stage::Body(running);
                Ok(progress)
            }
            Stage::Header { mut start, old, new } => {
                start.extend_from_slice(input);
                let known = start.len().min(MAX_HEADER_LEN);
                let Some(header) = PatchHeader::parse(&start[..known]).map_err(ApplyError::Header)? else {
                    self.stage = Stage::Header { start, old, new };
                    return Ok(Progress { done: false, written: 0, total: 0 });
                };
                if let Some(found) = self.ram.filter(|ram| *ram < header.ram) {
                    return Err(PushError::Ram { needed: header.ram, found });
                }
                let mut running = Running::new(header.workspace_len() + COMFORT, old, new, self.options);
                let progress = running.applier().feed(&start)?;
                self.stage = Stage::Body(Box::new(running));
                Ok(progress)
            }
        }
    }

    /// The header, once it is complete.
    pub(crate) fn header(&self) -> Option<&PatchHeader> {
        match &self.stage {
            Stage::Body(running) => running.applier.as_ref()?.header(),
            _ => None,
        }
    }

    /// Ends the update and gives the new image.
    pub(crate) fn finish(self) -> Result<N, ApplyError<O::Error, N::Error>> {
        match self.stage {
            Stage::Failed => Err(ApplyError::Poisoned),
            Stage::Header { start, .. } => Err(ApplyError::Truncated { fed: start.len() as u32, expected: None }),
            Stage::Body(mut running) => match running.applier.take() {
                Some(applier) => applier.finish().map(|(_, new)| new),
                None => Err(ApplyError::Poisoned),
            },
        }
    }
}

/// An applier together with the workspace that it borrows.
struct Running<O: OldImage, N: NewImage> {
    /// Borrows `workspace`, whatever its lifetime says. It never leaves this module.
    applier: Option<Applier<'static, O, N>>,
    /// From `Box::into_raw`. A `Box` would claim to be the only way to these bytes.
    workspace: *mut [u8],
}

// SAFETY: `workspace` is owned by this value alone; a `Box<[u8]>` and the applier that borrows it may both be sent.
unsafe impl<O: OldImage + Send, N: NewImage + Send> Send for Running<O, N> {}

impl<O: OldImage, N: NewImage> Running<O, N> {
    fn new(len: usize, old: O, new: N, options: ApplyOptions) -> Self {
        let workspace = Box::into_raw(vec![0; len].into_boxed_slice());
        // SAFETY: the bytes live until `drop`, which ends the applier first; nothing else reads or writes them.
        let lent: &'static mut [u8] = unsafe { &mut *workspace };
        Self { applier: Some(Applier::new(lent, old, new, options)), workspace }
    }

    /// Present until `finish`, which takes it together with `self`.
    fn applier(&mut self) -> &mut Applier<'static, O, N> {
        self.applier.as_mut().expect("taken only by `finish`")
    }
}

impl<O: OldImage, N: NewImage> Drop for Running<O, N> {
    fn drop(&mut self) {
        self.applier = None;
        // SAFETY: it came from `Box::into_raw`, and the only borrower is gone.
        drop(unsafe { Box::from_raw(self.workspace) });
    }
}
