//! Suspending a guarded update, and going on with it after a reset.
//!
//! What the guard has checked stays checked: the header, and the chunk table that the header
//! vouches for. So a suspension belongs where only the device itself writes. What comes after the
//! reset is checked by that table, as before.
//!
//! But trust may end meanwhile. The suspension names the key that has vouched for the patch, and
//! nothing goes on if it is not trusted any more. Its signature is not kept to be checked once
//! more: that would take 105 bytes of RAM in every guard. Whoever has header and signatures once
//! more, from a store or from the sender, can have them [checked](Guard::check_front): then what a
//! suspension says the image shall be is what is signed.

use super::check::{check_signatures, is_trusted, message};
use super::guard::{Guard, Phase, Signer, SIGNED};
use super::{GuardError, KeyId, Verifier, VerifyError};
use crate::device::apply::suspend::Kind;
use crate::device::apply::{
    Applier, ApplyError, NewImage, OldImage, Port, Progress, ResumeError, SuspendError,
};
use crate::device::format::chunks::CHUNK_DIGEST_LEN;
use crate::device::format::PatchHeader;
use crate::device::sha256::Sha256Engine;

/// A guard without its applier.
struct State<'a> {
    /// What patches must be: a suspension under another policy is none.
    policy: u32,
    phase: &'a mut Phase,
    filled: &'a mut usize,
    taken: &'a mut u32,
    doubt: &'a mut VerifyError,
    signer: &'a mut Signer,
    buffer: &'a mut [u8],
    /// Bytes of buffer that are needed, if there are fewer.
    lacks: Option<u32>,
}

impl State<'_> {
    /// Into a suspension or out of it.
    fn port(&mut self, port: &mut Port<'_>, header: &PatchHeader) {
        port.same(self.policy);
        let (mut number, mut param) = self.phase.to_numbers();
        port.small(&mut number);
        port.number(&mut param);
        match Phase::from_numbers(number, param) {
            Some(phase) => *self.phase = phase,
            None => port.refuse(),
        }
        port.number(self.taken);
        port.size(self.filled);
        let (mut kind, mut key_id) = match self.doubt {
            VerifyError::UnknownKey { key_id } => (1, *key_id),
            VerifyError::WrongSignature { key_id } => (2, *key_id),
            _ => (0, [0; 8]),
        };
        port.small(&mut kind);
        port.bytes(&mut key_id);
        *self.doubt = match kind {
            1 => VerifyError::UnknownKey { key_id },
            2 => VerifyError::WrongSignature { key_id },
            _ => VerifyError::Unsigned,
        };
        port.bytes(self.signer);
        let Some(used) = self.used(header) else { return port.refuse() };
        match self.buffer.get_mut(..used) {
            Some(bytes) => port.bytes(bytes),
            None => {
                self.lacks = Some(used as u32);
                port.refuse();
            }
        }
    }

    /// The key that has vouched for the patch, if that had to be signed and is: its algorithm, and
    /// its id.
    fn signer(&self) -> Option<(u8, KeyId)> {
        let waits = matches!(self.phase, Phase::Header | Phase::Signatures(_));
        let [algorithm, key_id @ ..] = *self.signer;
        (self.policy == SIGNED && !waits).then_some((algorithm, key_id))
    }

    /// Bytes of the buffer that are of use; `None` if nothing goes on from here.
    fn used(&self, header: &PatchHeader) -> Option<usize> {
        let digests = (header.chunk_count() as usize).wrapping_mul(CHUNK_DIGEST_LEN);
        let (start, filled) = match *self.phase {
            Phase::Header | Phase::Table => (0, *self.filled),
            Phase::Signatures(_) => (header.header_len as usize + 1, *self.filled),
            Phase::Chunk(_) => (digests, *self.filled),
            Phase::Use(index) => (digests, header.chunk_range(index)?.len()),
            Phase::Skip | Phase::Rest => (0, 0),
            Phase::Poisoned => return None,
        };
        start.checked_add(filled)
    }
}

impl Phase {
    /// A phase as numbers, and back.
    fn to_numbers(self) -> (u8, u32) {
        match self {
            Self::Header => (0, 0),
            Self::Signatures(left) => (1, left.into()),
            Self::Skip => (2, 0),
            Self::Table => (3, 0),
            Self::Chunk(index) => (4, index),
            Self::Use(index) => (5, index),
            Self::Rest => (6, 0),
            Self::Poisoned => (7, 0),
        }
    }

    fn from_numbers(number: u8, param: u32) -> Option<Self> {
        Some(match number {
            0 => Self::Header,
            1 => Self::Signatures(param as u8),
            2 => Self::Skip,
            3 => Self::Table,
            4 => Self::Chunk(param),
            5 => Self::Use(param),
            6 => Self::Rest,
            _ => return None,
        })
    }
}

impl<'w, O: OldImage, N: NewImage, V: Verifier, H: Sha256Engine> Guard<'w, '_, O, N, V, H> {
    /// Hands the state of the update to `put`, as
    /// [`Applier::suspend`](crate::apply::Applier::suspend) does: with what waits in the buffer, so
    /// no byte of the patch is to be fed twice. Keep it where only the device itself writes: what
    /// has been checked is not checked again.
    ///
    /// # Errors
    ///
    /// As [`Applier::suspend`](crate::apply::Applier::suspend).
    pub fn suspend<E>(
        &mut self,
        put: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), SuspendError<N::Error, E>> {
        let (applier, _, mut state) = self.apart();
        if *state.phase == Phase::Poisoned {
            return Err(SuspendError::Poisoned);
        }
        applier.suspend_as(
            Kind::guarded(&mut |port: &mut Port<'_>, header: &PatchHeader| {
                state.port(port, header)
            }),
            put,
        )
    }

    /// How many bytes [`suspend`](Self::suspend) would hand over now.
    ///
    /// # Errors
    ///
    /// As [`suspend`](Self::suspend).
    pub fn suspension_len(
        &mut self,
    ) -> Result<u32, SuspendError<N::Error, core::convert::Infallible>> {
        let (applier, _, mut state) = self.apart();
        if *state.phase == Phase::Poisoned {
            return Err(SuspendError::Poisoned);
        }
        applier.suspension_len_as(Kind::guarded(
            &mut |port: &mut Port<'_>, header: &PatchHeader| state.port(port, header),
        ))
    }

    /// Checks the front of a patch, its header and signatures and perhaps more, as it is checked
    /// when it is fed, and gives the header: for [`resume`](Self::resume), so that whoever can
    /// write suspensions cannot have another image made than the one that is signed. Nothing
    /// changes.
    ///
    /// # Errors
    ///
    /// What is wrong with it; [`ApplyError::Truncated`] if it is not complete.
    #[allow(clippy::type_complexity)]
    pub fn check_front(
        &mut self,
        front: &[u8],
    ) -> Result<PatchHeader, GuardError<O::Error, N::Error>> {
        let mut header = PatchHeader::default();
        let is_whole = header.read(front).map_err(ApplyError::Header)?;
        let len = header.header_len.saturating_add(header.signatures_len());
        let end = if self.verifier.is_some() { len } else { header.header_len };
        let parts = front
            .get(..end as usize)
            .and_then(|front| front.split_at_checked(header.header_len as usize));
        let Some((fields, signatures)) = parts.filter(|_| is_whole) else {
            let (fed, expected) = (front.len() as u32, is_whole.then_some(len));
            return Err(ApplyError::Truncated { fed, expected }.into());
        };
        if let Some(verifier) = &mut self.verifier {
            let message = message(self.applier.front().1, fields);
            check_signatures(verifier, &message, signatures)?;
        }
        Ok(header)
    }

    /// Goes on with an update that was [suspended](Self::suspend), in a guard that has not been
    /// fed, with the same policy: as [`Applier::resume`](crate::apply::Applier::resume).
    /// [`next`](Self::next) tells which byte of the patch has to be fed next.
    ///
    /// # Errors
    ///
    /// As [`Applier::resume`](crate::apply::Applier::resume): a suspension by an applier without a
    /// guard, or under another policy, is [`ResumeError::OtherVersion`] or
    /// [`ResumeError::Damaged`]; [`ResumeError::UnknownKey`] if the key that has vouched for the
    /// patch is not trusted any more; [`ResumeError::BufferTooSmall`].
    pub fn resume<E>(
        &mut self,
        len: u32,
        read: impl FnMut(u32, &mut [u8]) -> Result<(), E>,
        patch: Option<&PatchHeader>,
    ) -> Result<Progress, ResumeError<O::Error, N::Error, E>> {
        self.resume_within(len, read, patch, u32::MAX)
    }

    /// As [`resume`](Self::resume), but without reading more than `budget` bytes of the old image:
    /// call it again as long as [`Progress::pending`] is set.
    ///
    /// # Errors
    ///
    /// As [`resume`](Self::resume).
    pub fn resume_within<E>(
        &mut self,
        len: u32,
        read: impl FnMut(u32, &mut [u8]) -> Result<(), E>,
        patch: Option<&PatchHeader>,
        budget: u32,
    ) -> Result<Progress, ResumeError<O::Error, N::Error, E>> {
        let first = if self.is_armed { Phase::Header } else { Phase::Rest };
        let (applier, verifier, mut state) = self.apart();
        let is_fresh = *state.phase == first && *state.filled == 0 && *state.taken == 0;
        if !is_fresh && !applier.progress().pending {
            return Err(ResumeError::InUse);
        }
        let mut stranger = None;
        let front = &mut |port: &mut Port<'_>, header: &PatchHeader| {
            state.port(port, header);
            let (Some(verifier), Some((algorithm, key_id))) = (&mut *verifier, state.signer())
            else {
                return;
            };
            if !port.is_refused() && !is_trusted(verifier, algorithm, &key_id) {
                stranger = Some(key_id);
                port.refuse();
            }
        };
        let resumed = applier.resume_as(Kind::guarded(front), len, read, patch, budget);
        let (needed, found) = (state.lacks, state.buffer.len() as u32);
        if let Err(error) = resumed {
            // In the middle of a call that a budget ended: it goes on as if nothing had been asked.
            if !is_fresh && matches!(error, ResumeError::InUse) {
                return Err(error);
            }
            (self.phase, self.filled, self.taken) = (first, 0, 0);
            self.doubt = VerifyError::Unsigned;
            return Err(match (stranger, needed) {
                (Some(key_id), _) => ResumeError::UnknownKey { key_id },
                (None, Some(needed)) => ResumeError::BufferTooSmall { needed, found },
                (None, None) => error,
            });
        }
        Ok(self.progress())
    }

    /// The applier, who knows the keys, and what is the guard's own.
    fn apart(&mut self) -> (&mut Applier<'w, O, N, H>, &mut Option<V>, State<'_>) {
        let policy = self.policy();
        let Self { applier, verifier, buffer, filled, phase, doubt, signer, taken, .. } = self;
        let state = State { policy, phase, filled, taken, doubt, signer, buffer, lacks: None };
        (applier, verifier, state)
    }
}
