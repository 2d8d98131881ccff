//! The push state machine that applies one patch.

use super::body::Body;
use super::budget::CallBudget;
use super::{ApplyError, NewImage, OldImage};
#[cfg(feature = "in-place")]
use crate::device::format::Stretch;
use crate::device::format::{DeviceIdentity, HeaderError, PatchHeader};
use crate::device::sha256::{Sha256Engine, SoftwareSha256};

/// How a patch is to be applied.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ApplyOptions {
    /// What the device is. If this is set, patches for other devices are refused, and patches that
    /// do not say for whom they are; if not, nothing is checked.
    pub device: Option<DeviceIdentity>,
    /// Whether bytes after the end of the patch are ignored: what a transport with blocks of a
    /// fixed size fills up the last one with. If not, they are [`ApplyError::TrailingInput`].
    pub ignore_trailing: bool,
}

impl ApplyOptions {
    /// Refuses patches that are not for this device.
    #[must_use]
    pub fn device(mut self, device: DeviceIdentity) -> Self {
        self.device = Some(device);
        self
    }

    /// Ignores bytes after the end of the patch.
    #[must_use]
    pub fn ignore_trailing(mut self, ignore: bool) -> Self {
        self.ignore_trailing = ignore;
        self
    }
}

/// How far an update has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Progress {
    /// The new image is complete and reads back right. [`Applier::finish`] puts it to use.
    pub done: bool,
    /// Bytes of the new image made so far.
    pub written: u32,
    /// Bytes of the whole new image; 0 as long as the header is not complete.
    pub total: u32,
    /// Bytes of the patch that have been taken, from its start. The next byte to be fed is the one
    /// after them. 0 for those who only watch.
    pub taken: u32,
    /// The [budget](Applier::feed_within) was used up, and there is more to do: more input is not
    /// needed for that.
    pub pending: bool,
}

/// Applies one patch.
///
/// Any error is final: later calls return [`ApplyError::Poisoned`], and the update starts again
/// with a new applier.
///
/// `H` computes SHA-256: see [`Sha256Engine`].
pub struct Applier<'w, O: OldImage, N: NewImage, H: Sha256Engine = SoftwareSha256> {
    /// Taken while at work, so that an error leaves nothing to go on with.
    pub(super) phase: Phase,
    /// See [`Progress::pending`].
    pub(super) pending: bool,
    /// It stops where a stretch ends: both images are in one slot.
    #[cfg(feature = "in-place")]
    pub(super) stops: bool,
    pub(super) options: ApplyOptions,
    pub(super) old: O,
    pub(super) new: N,
    /// Until the old image is known to be right.
    pub(super) workspace: Option<&'w mut [u8]>,
    /// Afterwards; set up in place.
    pub(super) body: Body<'w, H::Message>,
    /// Bytes that have been taken: of header, body and host section.
    pub(super) fed: u32,
    pub(super) sha: H,
}

/// What is under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    Header,
    /// The digest of the old image.
    Old,
    Body,
    /// The new image is made, and has to be flushed.
    Flush,
    /// The digest of the new image.
    New,
    /// The new image is verified, but not committed.
    Done,
    /// The digest of the old image, before a suspended update goes on.
    #[cfg(feature = "suspend")]
    Resume,
    Poisoned,
}

#[cfg(feature = "suspend")]
impl Phase {
    /// Those in which an update can be suspended, by number.
    pub(super) const SAVED: [Self; 6] =
        [Self::Header, Self::Old, Self::Body, Self::Flush, Self::New, Self::Done];
}

impl<'w, O: OldImage, N: NewImage> Applier<'w, O, N> {
    /// An applier at the start of a patch. `workspace` must have the length that
    /// [`PatchHeader::workspace_len`] tells, or more. A device may lend all the RAM it has: if that
    /// is too little, the error says so before anything is written.
    pub fn new(workspace: &'w mut [u8], old: O, new: N, options: ApplyOptions) -> Self {
        Self::with_sha256(workspace, old, new, options, SoftwareSha256)
    }
}

impl<'w, O: OldImage, N: NewImage, H: Sha256Engine> Applier<'w, O, N, H> {
    /// As [`new`](Applier::new), with another implementation of SHA-256: the hardware unit of a
    /// chip, say.
    pub fn with_sha256(
        workspace: &'w mut [u8],
        old: O,
        new: N,
        options: ApplyOptions,
        sha: H,
    ) -> Self {
        Self {
            phase: Phase::Header,
            pending: false,
            #[cfg(feature = "in-place")]
            stops: false,
            options,
            old,
            new,
            workspace: Some(workspace),
            body: Body::idle(),
            fed: 0,
            sha,
        }
    }

    /// Takes the next bytes of the patch, any number of them. When the last one of the body is in,
    /// the new image is verified and [`Progress::done`] is set; [`finish`](Self::finish) commits
    /// it. A [host section](PatchHeader::host_len) after the body may be fed or not; it is ignored.
    ///
    /// The call that completes the header reads the whole old image, the one that completes the
    /// body the whole new image, and a few bytes may stand for a copy of any length: for calls of
    /// bounded length there is [`feed_within`](Self::feed_within).
    ///
    /// # Errors
    ///
    /// [`ApplyError`] tells what is wrong. Up to and including [`ApplyError::OldMismatch`] nothing
    /// has been written. Bytes after the end of the patch are [`ApplyError::TrailingInput`], unless
    /// [`ApplyOptions::ignore_trailing`] is set.
    #[inline] // Where it is called once, its stack is its caller's.
    pub fn feed(&mut self, input: &[u8]) -> Result<Progress, ApplyError<O::Error, N::Error>> {
        self.feed_by(input, u32::MAX)
    }

    /// Takes the next bytes of the patch, as many as it can without reading and writing more than
    /// `budget` bytes of flash; `u32::MAX` is no bound. [`Progress::taken`] tells how many it has
    /// taken of the patch in all: what it has not taken, feed again. As long as
    /// [`Progress::pending`] is set there is something to do even without input. The result does
    /// not depend on the budgets, no more than on how the patch is cut.
    ///
    /// All is counted that is asked of the images; what is written counts twice, since [slots in
    /// flash](crate::nor) are compared before they are written. What may go beyond the budget:
    ///
    /// - the first step of a call is always taken, so that a small budget does not stop everything.
    ///   It takes at most 1.7 KiB and the patch's write granularity, less with less workspace;
    /// - [`NewImage::flush`] has a call for itself, apart from 32 bytes of the image and some reads
    ///   of its digest before. A slot in flash reads the rest of the last sector then;
    /// - slots in flash that meet a sector that is right at its start only copy that start, once or
    ///   twice: see [`nor`](crate::nor).
    ///
    /// Processor time goes with the bytes: some thousand instructions for each byte that is read
    /// and written.
    ///
    /// # Errors
    ///
    /// As [`feed`](Self::feed).
    #[cfg(feature = "bounded")]
    #[inline]
    pub fn feed_within(
        &mut self,
        input: &[u8],
        budget: u32,
    ) -> Result<Progress, ApplyError<O::Error, N::Error>> {
        self.feed_by(input, budget)
    }

    /// Takes input; without the feature `bounded` no budget bounds that.
    #[inline]
    pub(in crate::device) fn feed_by(
        &mut self,
        input: &[u8],
        budget: u32,
    ) -> Result<Progress, ApplyError<O::Error, N::Error>> {
        // Errors are large: each is put in its final place at once, and `None` is all that is
        // handed up.
        let mut result = Err(ApplyError::Poisoned);
        if let Err(error) = &mut result {
            if let Some(phase) = self.run_phases(input, budget, error) {
                self.phase = phase;
                result = Ok(self.progress());
            }
        }
        result
    }

    /// Ends the update: [commits](NewImage::commit) the new image, and gives both images back.
    /// Nothing is committed anywhere else.
    ///
    /// # Errors
    ///
    /// [`ApplyError::Truncated`] if the patch is not complete, [`ApplyError::Poisoned`] if there
    /// was an error before, [`ApplyError::Finish`] if committing fails.
    pub fn finish(mut self) -> Result<(O, N), ApplyError<O::Error, N::Error>> {
        match self.phase {
            Phase::Done => match self.new.commit() {
                Ok(()) => Ok((self.old, self.new)),
                Err(error) => Err(ApplyError::Finish { error }),
            },
            Phase::Poisoned => Err(ApplyError::Poisoned),
            _ => {
                let header = self.header();
                let expected =
                    header.map(|header| header.body_offset().saturating_add(header.body_len));
                Err(ApplyError::Truncated { fed: self.fed, expected })
            }
        }
    }

    /// The header, once it is complete.
    pub fn header(&self) -> Option<&PatchHeader> {
        (self.body.header.header_len != 0).then_some(&self.body.header)
    }

    /// How far the update has come.
    pub fn progress(&self) -> Progress {
        let (written, total) = (self.body.buffers.position(), self.body.header.new_size);
        let done = self.phase == Phase::Done;
        Progress { done, written, total, taken: self.fed, pending: self.pending }
    }

    /// Takes the input; `None` if that ends in an error, which is where it was wanted then. So do
    /// the functions of the phases.
    #[inline(never)]
    fn run_phases(
        &mut self,
        input: &[u8],
        budget: u32,
        error: &mut ApplyErrorOf<O, N>,
    ) -> Option<Phase> {
        let mut phase = core::mem::replace(&mut self.phase, Phase::Poisoned);
        let (mut input, mut budget) = (input, CallBudget::new(budget));
        if phase == Phase::Header {
            phase = self.feed_header(&mut input, error)?;
        }
        if phase == Phase::Old {
            phase = self.check_old(&mut budget, error)?;
        }
        if phase == Phase::Body && self.is_at_body(&mut input) {
            phase = self.feed_body(&mut input, &mut budget, error)?;
        }
        if matches!(phase, Phase::Flush | Phase::New) {
            phase = self.check_new(phase, &mut budget, error)?;
        }
        match phase {
            Phase::Poisoned => return None,
            #[cfg(feature = "suspend")]
            Phase::Resume => return None,
            Phase::Done => self.skip(input, error)?,
            _ => {}
        }
        self.pending = budget.is_over();
        Some(phase)
    }

    /// The parts of it that a guard works with while nothing has been fed: the header, for it to
    /// read, and what computes digests.
    #[cfg(feature = "verify")]
    pub(in crate::device) fn front(&mut self) -> (&mut PatchHeader, &mut H) {
        (&mut self.body.header, &mut self.sha)
    }

    /// The header has been fed; what follows it up to the body will not be.
    #[cfg(feature = "verify")]
    pub(in crate::device) fn skip_to_body(&mut self) {
        self.fed = self.body.header.body_offset();
    }
}

/// What an update in one slot asks for.
#[cfg(feature = "in-place")]
impl<O: OldImage, N: NewImage, H: Sha256Engine> Applier<'_, O, N, H> {
    /// From now on decoding stops where a stretch ends, and before the first one.
    pub(in crate::device) fn stop_at_stretches(&mut self) {
        self.stops = true;
    }

    /// Whether a stretch has to be [entered](Self::enter) before decoding goes on.
    pub(in crate::device) fn is_at_stretch(&self) -> bool {
        self.phase == Phase::Body && self.body.buffers.is_at_limit()
    }

    /// Decoding goes on.
    pub(in crate::device) fn enter(&mut self, stretch: Stretch) {
        self.body.buffers.enter(stretch);
    }

    /// The old image.
    pub(in crate::device) fn old_mut(&mut self) -> &mut O {
        &mut self.old
    }
}

/// What an update of these images can fail with.
pub(super) type ApplyErrorOf<O, N> = ApplyError<<O as OldImage>::Error, <N as NewImage>::Error>;

impl<O, N> From<HeaderError> for ApplyError<O, N> {
    fn from(error: HeaderError) -> Self {
        Self::Header(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_applier_takes_the_ram_that_headers_reserve_for_it() {
        let size = size_of::<Applier<'_, &[u8], &mut [u8]>>();
        assert!(size <= crate::device::format::APPLIER_BYTES, "{size} bytes");
    }
}
