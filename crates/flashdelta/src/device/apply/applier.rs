//! The push state machine that applies one patch.

use sha2::digest::{FixedOutput as _, Update};

use super::body::Body;
use super::buffers::Views;
use super::workspace;
use super::{ApplyError, NewImage, OldImage};

use crate::device::format::{DeviceIdentity, HeaderError, PatchHeader, DIGEST_LEN, MAX_HEADER_LEN};
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
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// The new image is complete and reads back right. [`Applier::finish`] puts it to use.
    pub done: bool,
    /// Bytes of the new image made so far.
    pub written: u32,
    /// Bytes of the whole new image; 0 as long as the header is not complete.
    pub total: u32,
}

/// Applies one patch.
///
/// Any error is final: later calls return [`ApplyError::Poisoned`], and the update starts again
/// with a new applier.
///
/// `H` computes SHA-256: see [`Sha256Engine`].
pub struct Applier<'w, O: OldImage, N: NewImage, H = SoftwareSha256> {
    /// Taken while at work, so that an error leaves nothing to go on with.
    phase: Phase,
    options: ApplyOptions,
    old: O,
    new: N,
    /// As long as the header is not complete.
    workspace: Option<&'w mut [u8]>,
    /// Afterwards; set up in place.
    body: Body<'w>,
    /// Bytes that have been fed: of header, body and host section.
    fed: u32,
    sha: H,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Header,
    Body,
    /// The new image is verified, but not committed.
    Done,
    Poisoned,
}

impl<'w, O: OldImage, N: NewImage> Applier<'w, O, N> {
    /// An applier at the start of a patch. `workspace` must have the length that
    /// [`PatchHeader::workspace_len`] tells, or more; a device that gives all it has learns from
    /// the error whether it was enough, before anything is written.
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
    /// body the whole new image.
    ///
    /// # Errors
    ///
    /// [`ApplyError`] tells what is wrong. Up to and including [`ApplyError::OldMismatch`] nothing
    /// has been written. Bytes after the end of the patch are [`ApplyError::TrailingInput`], unless
    /// [`ApplyOptions::ignore_trailing`] is set.
    #[inline] // Where it is called once, its stack is its caller's.
    pub fn feed(&mut self, input: &[u8]) -> Result<Progress, ApplyError<O::Error, N::Error>> {
        // Errors are large: each is put in its final place at once, and `None` is all that is
        // handed up.
        let mut error = ApplyError::Poisoned;
        match self.go_on(input, &mut error) {
            Some(phase) => {
                self.phase = phase;
                Ok(self.progress())
            }
            None => Err(error),
        }
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
            Phase::Header | Phase::Body => {
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
        Progress { done: self.phase == Phase::Done, written, total }
    }

    /// Takes the input; `None` if that ends in an error, which is where it was wanted then. So do
    /// the functions below.
    #[inline(never)]
    fn go_on(&mut self, input: &[u8], error: &mut Failure<O, N>) -> Option<Phase> {
        let mut phase = core::mem::replace(&mut self.phase, Phase::Poisoned);
        let mut input = input;
        if phase == Phase::Header {
            phase = self.feed_header(&mut input, error)?;
        }
        if phase == Phase::Body && self.is_at_body(&mut input) {
            phase = self.feed_body(&mut input, error)?;
        }
        match phase {
            Phase::Poisoned => return None,
            Phase::Done => self.skip(input, error)?,
            _ => {}
        }
        Some(phase)
    }

    /// Collects the header at the front of the workspace.
    fn feed_header(&mut self, input: &mut &[u8], error: &mut Failure<O, N>) -> Option<Phase> {
        let memory = self.workspace.take()?;
        let filled = self.fed as usize;
        let mut known = filled;
        for (to, from) in memory.iter_mut().take(MAX_HEADER_LEN).skip(filled).zip(*input) {
            *to = *from;
            known = known.wrapping_add(1);
        }
        let is_complete = self.body.header.read(memory.get(..known).unwrap_or(&[]));
        if is_complete.map_err(|e| *error = ApplyError::Header(e)).ok()? {
            self.fed = self.body.header.header_len;
            #[cfg(feature = "verify")]
            if self.body.header.signatures != 0 {
                // Their number has been read with the header.
                self.fed = self.fed.wrapping_add(1);
            }
            *input = input.get((self.fed as usize).saturating_sub(filled)..).unwrap_or(&[]);
            self.begin(memory, error)?;
            return Some(Phase::Body);
        }
        self.fed = known as u32;
        *input = input.get(known.wrapping_sub(filled)..).unwrap_or(&[]);
        if !input.is_empty() {
            *error = ApplyError::WorkspaceTooSmall {
                needed: MAX_HEADER_LEN as u32,
                found: memory.len() as u32,
            };
            return None;
        }
        self.workspace = Some(memory);
        Some(Phase::Header)
    }

    /// The header is complete: checks everything that can be checked before the first write.
    #[inline(never)] // Its stack and that of decoding need not add up.
    fn begin(&mut self, memory: &'w mut [u8], error: &mut Failure<O, N>) -> Option<()> {
        self.check_device(error)?;
        let found = memory.len();
        self.body.left = self.body.header.body_len;
        if let Err(trouble) = workspace::divide(memory, &mut self.body) {
            *error = trouble.of(&self.body.header, found);
            return None;
        }
        let old_size = self.body.header.old_size;
        let mut digest = Digest::default();
        hash(
            &mut self.sha,
            self.body.buffers.spare(),
            (old_size, old_size),
            &mut digest,
            &mut |offset, access| {
                let Access::Read(piece) = access else { return true };
                self.old
                    .read(offset, piece)
                    .map_err(|e| *error = ApplyError::ReadOld { offset, error: e })
                    .is_ok()
            },
        )?;
        let (expected, found) = (&self.body.header.old_digest, digest.first_chunk()?);
        if found != expected {
            *error = ApplyError::OldMismatch { expected: *expected, found: *found, len: old_size };
            return None;
        }
        Some(())
    }

    /// Skips the signatures and the chunk table: true once the body follows. Checking them is the
    /// business of a `Guard`.
    fn is_at_body(&mut self, input: &mut &[u8]) -> bool {
        if !cfg!(feature = "verify") {
            return true;
        }
        let left = self.body.header.body_offset().saturating_sub(self.fed);
        let (front, rest) = input.split_at_checked(left as usize).unwrap_or((*input, &[]));
        *input = rest;
        self.fed = self.fed.wrapping_add(front.len() as u32);
        front.len() == left as usize
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

    /// Skips the host section, which devices ignore. Input after it is an error, unless it is to be
    /// ignored, too.
    fn skip(&mut self, input: &[u8], error: &mut Failure<O, N>) -> Option<()> {
        let header = &self.body.header;
        let expected =
            header.body_offset().saturating_add(header.body_len).saturating_add(header.host_len);
        let left = expected.saturating_sub(self.fed) as usize;
        if input.len() > left && !self.options.ignore_trailing {
            *error = ApplyError::TrailingInput { expected };
            return None;
        }
        self.fed = self.fed.saturating_add(input.len().min(left) as u32);
        Some(())
    }

    #[inline(never)]
    fn check_device(&self, error: &mut Failure<O, N>) -> Option<()> {
        let header = &self.body.header;
        let mut refuse = |why| {
            *error = why;
            None
        };
        if !header.codec.is_available() {
            return refuse(ApplyError::CodecNotBuilt { codec: header.codec });
        }
        if !header.isa.is_available() {
            return refuse(ApplyError::InstructionSetNotBuilt { isa: header.isa });
        }
        if self.old.len() < header.old_size {
            return refuse(ApplyError::OldTooShort {
                expected: header.old_size,
                found: self.old.len(),
            });
        }
        if self.new.capacity() < header.new_size {
            return refuse(ApplyError::NewTooLong {
                needed: header.new_size,
                capacity: self.new.capacity(),
            });
        }
        let (patch, device) = (1u32 << (header.granularity_log2 & 31), self.new.granularity());
        if !device.is_power_of_two() || device > patch {
            return refuse(ApplyError::Granularity { patch, device });
        }
        let Some(device) = self.options.device else { return Some(()) };
        let Some(identity) = header.identity else { return refuse(ApplyError::NoIdentity) };
        if identity.product != device.product {
            return refuse(ApplyError::WrongProduct {
                patch: identity.product,
                device: device.product,
            });
        }
        let (from, to) = (identity.hardware_from, identity.hardware_to);
        if !(from..=to).contains(&device.hardware) {
            return refuse(ApplyError::WrongHardware { from, to, device: device.hardware });
        }
        if identity.security_counter < device.security_counter {
            let (patch, device) = (identity.security_counter, device.security_counter);
            return refuse(ApplyError::Rollback { patch, device });
        }
        Some(())
    }

    /// Takes bytes of the body.
    fn feed_body(&mut self, input: &mut &[u8], error: &mut Failure<O, N>) -> Option<Phase> {
        let body = &mut self.body;
        let (mine, rest) = input.split_at_checked(body.left as usize).unwrap_or((*input, &[]));
        *input = rest;
        body.left = body.left.saturating_sub(mine.len() as u32);
        self.fed = self.fed.saturating_add(mine.len() as u32);
        let mut views = Views {
            buffers: &mut body.buffers,
            old: &mut self.old,
            new: &mut self.new,
            fault: None,
        };
        let is_complete =
            body.machine.feed(mine, body.left == 0, body.header.coded_size(), &mut views);
        if is_complete {
            views.flush();
        }
        if let Some(fault) = views.fault {
            *error = fault.into();
            return None;
        }
        if is_complete {
            self.complete(error)
        } else {
            Some(Phase::Body)
        }
    }

    /// The body has ended: appends the new image's own digest, if it has one, and verifies the
    /// whole image.
    #[inline(never)] // As for `begin`.
    fn complete(&mut self, error: &mut Failure<O, N>) -> Option<Phase> {
        let Self { sha, body: Body { header, buffers, .. }, new, .. } = self;
        let sizes = (header.coded_size(), header.new_size);
        let has_own_digest = sizes.0 != sizes.1;
        if !has_own_digest {
            new.flush().map_err(|e| *error = ApplyError::Finish { error: e }).ok()?;
        }
        let mut found = Digest::default();
        hash(sha, buffers.spare(), sizes, &mut found, &mut |offset, access| match access {
            Access::Read(piece) => new
                .read(offset, piece)
                .map_err(|e| *error = ApplyError::ReadNew { offset, error: e })
                .is_ok(),
            Access::Append(own) => {
                cfg!(feature = "model") && {
                    let written = new
                        .write(offset, own)
                        .map_err(|e| *error = ApplyError::Write { offset, error: e });
                    written
                        .and_then(|()| {
                            new.flush().map_err(|e| *error = ApplyError::Finish { error: e })
                        })
                        .is_ok()
                }
            }
        })?;
        if has_own_digest {
            buffers.skip(DIGEST_LEN);
        }
        if found != header.new_digest {
            *error = ApplyError::NewMismatch { expected: header.new_digest, found };
            return None;
        }
        Some(Phase::Done)
    }
}

/// What an update of these images can fail with.
type Failure<O, N> = ApplyError<<O as OldImage>::Error, <N as NewImage>::Error>;

/// A SHA-256.
type Digest = [u8; DIGEST_LEN as usize];

/// What [`hash`] asks of an image.
enum Access<'a> {
    /// To read a piece.
    Read(&'a mut [u8]),
    /// To append its digest so far.
    Append(&'a Digest),
}

/// Has an image at an offset; false if that fails. Not generic: the code is there once for both
/// images.
type Accessor<'a> = dyn FnMut(u32, Access<'_>) -> bool + 'a;

/// The digest of an image of `len` bytes, read through `buffer`; `None` if it cannot be read. If
/// only `coded` bytes of it are there, their digest is appended first.
#[inline(never)] // One copy in the device's flash.
fn hash<H: Sha256Engine>(
    engine: &mut H,
    buffer: &mut [u8],
    (coded, len): (u32, u32),
    digest: &mut Digest,
    image: &mut Accessor<'_>,
) -> Option<()> {
    // Whole blocks need no copying inside the hash, and flash likes to be read in words. The
    // smallest buffer holds a block.
    let piece = buffer.len() & !63;
    let mut sha = engine.start();
    let (mut at, mut end) = (0, coded);
    loop {
        while at < end {
            let len = piece.min(end.wrapping_sub(at) as usize).max(1);
            let bytes = buffer.get_mut(..len)?;
            if !image(at, Access::Read(bytes)) {
                return None;
            }
            sha.update(bytes);
            at = at.wrapping_add(len as u32);
        }
        let is_all = !cfg!(feature = "model") || end == len;
        // In place, if possible: the other way moves the state.
        if !H::digest_so_far(&mut sha, digest) {
            sha.finalize_into(digest.into());
            if is_all {
                return Some(());
            }
            (sha, at) = (engine.start(), 0);
        }
        if is_all {
            return Some(());
        }
        if !image(coded, Access::Append(digest)) {
            return None;
        }
        end = len;
    }
}

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
