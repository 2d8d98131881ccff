//! An applier that gets only what has been checked.

use core::ops::Range;

#[cfg(feature = "set")]
use super::check::check_header;
use super::check::{check_chunk, check_signature, check_table, message};
use super::collect::collect;
use super::{GuardError, NoKeys, Verifier, VerifyError};
use crate::device::apply::{Applier, ApplyError, NewImage, OldImage, Progress, SoftwareSha256};
use crate::device::format::chunks::{CHUNK_DIGEST_LEN, SIGNATURE_LEN};
use crate::device::format::{PatchHeader, MAX_HEADER_LEN};
use crate::device::sha256::Sha256Engine;

/// Applies one patch, and checks each byte before the applier gets it.
///
/// It is lent a buffer of as many bytes as [`PatchHeader::chunk_ram`] tells, which is more than the
/// header needs; a patch without chunks needs room for its header only.
///
/// With a verifier, a patch must have a right signature by one of its keys: any other is refused
/// before the header gets to the applier, so before anything after the signed part is read and
/// before the first write. The chunk table must be the one that the header vouches for, and each
/// chunk the one that the table vouches for.
///
/// A wrong chunk is the one error that is not final: [`VerifyError::WrongChunk`] names its bytes,
/// and the next bytes that are fed must be those from its start on, [`next`](Self::next). After any
/// other error the update starts again with a new guard.
pub struct Guard<'w, 'b, O: OldImage, N: NewImage, V = NoKeys, H: Sha256Engine = SoftwareSha256> {
    pub(super) applier: Applier<'w, O, N, H>,
    /// Whether anything is held back from the applier.
    pub(super) is_armed: bool,
    /// Who knows the keys, if a signature is required.
    pub(super) verifier: Option<V>,
    /// Algorithm and id of the key that has vouched for the patch.
    pub(super) signer: Signer,
    /// What the header must be, instead of signed: the first bytes of its SHA-256; and whether the
    /// patch must have chunks.
    #[cfg(feature = "set")]
    header: Option<([u8; 16], bool)>,
    /// The header and one signature; later the chunk table and a chunk.
    pub(super) buffer: &'b mut [u8],
    /// Bytes that wait in the buffer: of the header, of a signature, of the table or of a chunk.
    pub(super) filled: usize,
    /// Taken while at work, so that an error leaves nothing to go on with.
    pub(super) phase: Phase,
    /// Why the signatures so far do not suffice.
    pub(super) doubt: VerifyError,
    /// Where in the patch the first byte is that has not been taken.
    pub(super) taken: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    Header,
    /// This many signatures are left to be looked at; none was right so far.
    Signatures(u8),
    /// The header is with the applier. What is before the chunk table is of no interest.
    Skip,
    Table,
    Chunk(u32),
    /// The chunk is right, and goes to the applier.
    Use(u32),
    /// What is left goes to the applier.
    Rest,
    Poisoned,
}

impl<'w, 'b, O: OldImage, N: NewImage, H: Sha256Engine> Guard<'w, 'b, O, N, NoKeys, H> {
    /// Guards an applier that has not been fed yet. Unsigned patches are taken, and signatures are
    /// not looked at; chunks are checked where they have digests.
    pub fn new(applier: Applier<'w, O, N, H>, buffer: &'b mut [u8]) -> Self {
        Self::with_policy(applier, None, buffer)
    }
}

#[cfg(feature = "set")]
impl<'w, 'b, O: OldImage, N: NewImage, H: Sha256Engine> Guard<'w, 'b, O, N, NoKeys, H> {
    /// Guards an applier that has not been fed yet: the patch must have the header whose SHA-256
    /// starts with these bytes, which are in something that is authentic itself. Whether it must
    /// have chunks, too, is said by `has_chunks`.
    pub(in crate::device) fn for_header(
        applier: Applier<'w, O, N, H>,
        header: [u8; 16],
        has_chunks: bool,
        buffer: &'b mut [u8],
    ) -> Self {
        let mut guard = Self::new(applier, buffer);
        guard.header = Some((header, has_chunks));
        guard
    }
}

impl<'w, 'b, O: OldImage, N: NewImage, V: Verifier, H: Sha256Engine> Guard<'w, 'b, O, N, V, H> {
    /// Guards an applier that has not been fed yet: patches must be signed with a key of
    /// `verifier`.
    pub fn require_signature(
        applier: Applier<'w, O, N, H>,
        verifier: V,
        buffer: &'b mut [u8],
    ) -> Self {
        Self::with_policy(applier, Some(verifier), buffer)
    }

    /// As [`require_signature`](Self::require_signature) if there is a verifier, else as
    /// [`new`](Guard::new).
    pub fn with_policy(
        applier: Applier<'w, O, N, H>,
        verifier: Option<V>,
        buffer: &'b mut [u8],
    ) -> Self {
        let (phase, doubt) = (Phase::Header, VerifyError::Unsigned);
        Self {
            applier,
            is_armed: true,
            verifier,
            signer: Signer::default(),
            #[cfg(feature = "set")]
            header: None,
            buffer,
            filled: 0,
            phase,
            doubt,
            taken: 0,
        }
    }

    /// An applier that nothing is held back from, until it is [armed](Self::arm).
    pub fn unguarded(applier: Applier<'w, O, N, H>) -> Self {
        let mut guard = Self::with_policy(applier, None, &mut []);
        (guard.is_armed, guard.phase) = (false, Phase::Rest);
        guard
    }

    /// From now on as [`with_policy`](Self::with_policy); false, and nothing has changed, if
    /// something of the patch has been fed, or if that would leave out a check of signatures.
    #[must_use]
    pub fn arm(&mut self, verifier: Option<V>, buffer: &'b mut [u8]) -> bool {
        let is_new = self.taken == 0
            && self.phase != Phase::Poisoned
            && (verifier.is_some() || self.verifier.is_none());
        if is_new {
            (self.verifier, self.buffer, self.phase) = (verifier, buffer, Phase::Header);
            self.is_armed = true;
        }
        is_new
    }

    /// Takes the next bytes of the patch, any number of them, as [`Applier::feed`] does.
    ///
    /// # Errors
    ///
    /// [`GuardError`] tells what is wrong. After [`VerifyError::WrongChunk`] what is fed next must
    /// be the patch from the start of that chunk on; the rest of this `input` was not taken.
    pub fn feed(&mut self, input: &[u8]) -> Result<Progress, GuardErrorOf<O, N>> {
        self.feed_by(input, u32::MAX)
    }

    /// Takes the next bytes of the patch within a budget of flash bytes, as
    /// [`Applier::feed_within`] does. What [`Progress::taken`] does not count is to be fed again.
    ///
    /// # Errors
    ///
    /// As [`feed`](Self::feed).
    #[cfg(feature = "bounded")]
    pub fn feed_within(
        &mut self,
        input: &[u8],
        budget: u32,
    ) -> Result<Progress, GuardErrorOf<O, N>> {
        self.feed_by(input, budget)
    }

    pub(in crate::device) fn feed_by(
        &mut self,
        input: &[u8],
        budget: u32,
    ) -> Result<Progress, GuardErrorOf<O, N>> {
        let mut input = input;
        let mut error = GuardError::Apply(ApplyError::Poisoned);
        loop {
            let phase = core::mem::replace(&mut self.phase, Phase::Poisoned);
            match self.step_phase(phase, &mut input, budget, &mut error) {
                Some((phase, goes_on)) => {
                    self.phase = phase;
                    if !goes_on {
                        return Ok(self.progress());
                    }
                }
                None => return Err(error),
            }
        }
    }

    /// What patches must be, as a number.
    #[cfg(feature = "suspend")]
    pub(super) fn policy(&self) -> u32 {
        #[cfg(feature = "set")]
        if self.header.is_some() {
            return 3;
        }
        match (self.is_armed, &self.verifier) {
            (false, _) => 0,
            (true, None) => 1,
            (true, Some(_)) => SIGNED,
        }
    }

    /// Ends the update, as [`Applier::finish`] does.
    ///
    /// # Errors
    ///
    /// As [`Applier::finish`].
    pub fn finish(self) -> Result<(O, N), ApplyError<O::Error, N::Error>> {
        let fed = self.taken;
        match self.phase {
            Phase::Poisoned => Err(ApplyError::Poisoned),
            Phase::Header | Phase::Signatures(_) => {
                Err(ApplyError::Truncated { fed, expected: None })
            }
            _ => self.applier.finish().map_err(|error| match error {
                // What waits here has not been fed there.
                ApplyError::Truncated { expected, .. } => ApplyError::Truncated { fed, expected },
                error => error,
            }),
        }
    }

    /// The header, once it is complete and, if that is required, its signature right.
    pub fn header(&self) -> Option<&PatchHeader> {
        self.is_accepted().then(|| self.applier.header())?
    }

    /// Whether the header is complete and, if that is required, its signature right.
    fn is_accepted(&self) -> bool {
        !matches!(self.phase, Phase::Header | Phase::Signatures(_))
    }

    /// How far the update has come.
    pub fn progress(&self) -> Progress {
        let inner = self.applier.progress();
        // A chunk that was checked waits here for the applier to take it.
        let pending = inner.pending || matches!(self.phase, Phase::Use(_));
        // What an image will be is not known before its header is accepted.
        let total = if self.is_accepted() { inner.total } else { 0 };
        Progress { taken: self.taken, pending, total, ..inner }
    }

    /// Where in the patch the byte is that must be fed next: after a wrong chunk, its start.
    pub fn next(&self) -> u32 {
        self.taken
    }

    /// Goes one step of the phase on; false: it needs more input. `None` if that ends in an error,
    /// which is where it was wanted then.
    #[inline(never)]
    fn step_phase(
        &mut self,
        phase: Phase,
        input: &mut &[u8],
        budget: u32,
        error: &mut GuardErrorOf<O, N>,
    ) -> Option<(Phase, bool)> {
        // What is fed there has a call for itself, unless calls have no bound.
        let goes_on = budget == u32::MAX;
        if self.applier.progress().pending && phase != Phase::Poisoned {
            self.hand_over(0..0, budget, error)?;
            return Some((phase, goes_on && !self.applier.progress().pending));
        }
        let phase = match phase {
            Phase::Header => {
                if !self.take_header(input, error)? {
                    return Some((phase, false));
                }
                #[cfg(feature = "set")]
                if let Some((expected, has_chunks)) = &self.header {
                    let (header, sha) = self.applier.front();
                    let bytes = self.buffer.get(..header.header_len as usize)?;
                    let checked = check_header(sha, bytes, expected);
                    checked.map_err(|e| *error = e.into()).ok()?;
                    if *has_chunks && header.chunks.is_none() {
                        *error = VerifyError::Unsigned.into();
                        return None;
                    }
                }
                let signatures = self.applier.front().0.signatures;
                match self.verifier {
                    Some(_) if signatures == 0 => {
                        *error = VerifyError::Unsigned.into();
                        return None;
                    }
                    Some(_) => Phase::Signatures(signatures),
                    None => return Some((self.admit(budget, error)?, goes_on)),
                }
            }
            Phase::Signatures(left) => {
                let front = self.front_len();
                if !self.collect(input, front, SIGNATURE_LEN) {
                    return Some((phase, false));
                }
                if self.is_right(left, error)? {
                    return Some((self.admit(budget, error)?, goes_on));
                }
                Phase::Signatures(left.wrapping_sub(1))
            }
            Phase::Skip => {
                let header = self.applier.front().0;
                let end = header.header_len.wrapping_add(header.signatures_len());
                let left = end.saturating_sub(self.taken) as usize;
                let (_, rest) = input.split_at_checked(left).unwrap_or((*input, &[]));
                self.took(input, rest);
                if self.taken < end {
                    return Some((phase, false));
                }
                Phase::Table
            }
            Phase::Table => {
                let len = self.applier.front().0.chunk_table_len() as usize;
                if !self.collect(input, 0, len) {
                    return Some((phase, false));
                }
                let (header, sha) = self.applier.front();
                let table = self.buffer.get(..len).unwrap_or(&[]);
                check_table(sha, header, table).map_err(|e| *error = e.into()).ok()?;
                Phase::Chunk(0)
            }
            Phase::Chunk(index) => match self.applier.front().0.chunk_range(index) {
                None => Phase::Rest,
                Some(range) => {
                    let table = self.applier.front().0.chunk_count() as usize * CHUNK_DIGEST_LEN;
                    if !self.collect(input, table, range.len()) {
                        return Some((phase, false));
                    }
                    if !self.is_right_chunk(index, table, range.len(), error)? {
                        // To be fed again.
                        self.taken = range.start;
                        self.phase = phase;
                        return None;
                    }
                    Phase::Use(index)
                }
            },
            Phase::Use(index) => {
                let header = self.applier.front().0;
                let (range, count) = (header.chunk_range(index)?, header.chunk_count());
                let used = self.applier.progress().taken.saturating_sub(range.start) as usize;
                let start = (count as usize).wrapping_mul(CHUNK_DIGEST_LEN);
                let chunk = start.wrapping_add(used)..start.wrapping_add(range.len());
                self.hand_over(chunk, budget, error)?;
                if self.applier.progress().taken < range.end {
                    return Some((phase, goes_on));
                }
                return Some((Phase::Chunk(index.wrapping_add(1)), goes_on));
            }
            Phase::Rest => {
                let rest = core::mem::take(input);
                let fed = self.applier.feed_by(rest, budget);
                self.taken = fed.map_err(|e| *error = e.into()).ok()?.taken;
                return Some((phase, false));
            }
            Phase::Poisoned => return None,
        };
        Some((phase, true))
    }

    /// Collects the header; true once it is complete.
    fn take_header(&mut self, input: &mut &[u8], error: &mut GuardErrorOf<O, N>) -> Option<bool> {
        let before = self.filled;
        let mut known = before;
        for (to, from) in self.buffer.iter_mut().take(MAX_HEADER_LEN).skip(before).zip(*input) {
            *to = *from;
            known = known.wrapping_add(1);
        }
        let found = self.buffer.len();
        let header = self.applier.front().0;
        let is_complete = header.read(self.buffer.get(..known).unwrap_or(&[]));
        let is_complete =
            is_complete.map_err(|e| *error = GuardError::Apply(ApplyError::Header(e))).ok()?;
        let needed = if is_complete {
            self.filled = 0;
            known = self.front_len();
            let is_signed = self.verifier.is_some() && self.applier.front().0.signatures != 0;
            known.wrapping_add(if is_signed { SIGNATURE_LEN } else { 0 })
        } else {
            self.filled = known;
            MAX_HEADER_LEN
        };
        let rest = input.get(known.wrapping_sub(before)..).unwrap_or(&[]);
        if found < needed && (is_complete || !rest.is_empty()) {
            *error =
                VerifyError::BufferTooSmall { needed: needed as u32, found: found as u32 }.into();
            return None;
        }
        self.took(input, rest);
        Some(is_complete)
    }

    /// Bytes of the header, with the number of signatures that follows it.
    fn front_len(&mut self) -> usize {
        let header = self.applier.front().0;
        (header.header_len as usize).wrapping_add(usize::from(header.signatures != 0))
    }

    /// Whether the signature is right that is complete now. If it is not, and it is the last one to
    /// be looked at (`left` is the number of those to come), that is an error.
    fn is_right(&mut self, left: u8, error: &mut GuardErrorOf<O, N>) -> Option<bool> {
        let front = self.front_len();
        let (header, sha) = self.applier.front();
        let message = message(sha, self.buffer.get(..header.header_len as usize)?);
        let signature = self.buffer.get(front..)?.first_chunk()?;
        let verifier = self.verifier.as_mut()?;
        let is_right = check_signature(verifier, &message, signature, &mut self.doubt);
        // Byte by byte: they may overlap for all the compiler knows, and moving takes 700 bytes of
        // code.
        self.signer.iter_mut().zip(signature).for_each(|(to, from)| *to = *from);
        *error = self.doubt.into();
        (is_right || left > 1).then_some(is_right)
    }

    /// The header is what it must be: hands it to the applier. What it says about its chunks is
    /// worth an answer only now.
    fn admit(&mut self, budget: u32, error: &mut GuardErrorOf<O, N>) -> Option<Phase> {
        let (needed, found) = (self.applier.front().0.chunk_ram(), self.buffer.len() as u32);
        if found < needed {
            *error = VerifyError::BufferTooSmall { needed, found }.into();
            return None;
        }
        let front = self.front_len();
        self.hand_over(0..front, budget, error)?;
        if self.applier.front().0.chunks.is_none() {
            return Some(Phase::Rest);
        }
        self.applier.skip_to_body();
        Some(Phase::Skip)
    }

    /// Hands bytes of the buffer to the applier: they have been checked.
    #[inline(never)]
    fn hand_over(
        &mut self,
        bytes: Range<usize>,
        budget: u32,
        error: &mut GuardErrorOf<O, N>,
    ) -> Option<()> {
        let bytes = self.buffer.get(bytes)?;
        self.applier.feed_by(bytes, budget).map_err(|e| *error = e.into()).ok()?;
        Some(())
    }

    /// Whether the chunk is right that is complete now.
    fn is_right_chunk(
        &mut self,
        index: u32,
        table: usize,
        len: usize,
        error: &mut GuardErrorOf<O, N>,
    ) -> Option<bool> {
        let (table, chunk) = self.buffer.split_at_checked(table)?;
        let (header, sha) = self.applier.front();
        let checked = check_chunk(sha, header, table, index, chunk.get(..len)?);
        Some(checked.map_err(|wrong| *error = wrong.into()).is_ok())
    }

    /// Collects `len` bytes in the buffer, from `at` on; true once they are complete.
    fn collect(&mut self, input: &mut &[u8], at: usize, len: usize) -> bool {
        let mut rest = *input;
        let is_complete = collect(self.buffer, &mut self.filled, &mut rest, (at, len));
        self.took(input, rest);
        is_complete
    }

    /// Takes the input up to `rest`.
    fn took(&mut self, input: &mut &[u8], rest: &'_ [u8]) {
        let taken = input.len().saturating_sub(rest.len()) as u32;
        self.taken = self.taken.saturating_add(taken);
        *input = input.get(taken as usize..).unwrap_or(&[]);
    }
}

/// The [policy](Guard::policy) that patches must be signed.
#[cfg(feature = "suspend")]
pub(super) const SIGNED: u32 = 2;

/// The start of an entry of the signature block: algorithm, key id.
pub(super) type Signer = [u8; 9];

/// What a guarded update of these images can fail with.
type GuardErrorOf<O, N> = GuardError<<O as OldImage>::Error, <N as NewImage>::Error>;

#[cfg(test)]
mod tests {
    use super::*;

    /// On processors of 32 bits both together fit what headers reserve for the applier.
    #[test]
    fn a_guard_takes_little_more_than_its_applier() {
        let guard = size_of::<Guard<'_, '_, &[u8], &mut [u8]>>();
        let applier = size_of::<Applier<'_, &[u8], &mut [u8]>>();
        assert!(guard - applier <= 104, "{guard} - {applier} bytes");
    }
}
