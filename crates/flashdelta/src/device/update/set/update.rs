//! The driver: a set comes in, and all of it becomes active or none.

use super::components::Present;
use super::digest::Digest;
use super::index::{Head, Index};
use super::record::State;
use super::recover::{complete_step, state, write};
use super::update_error::SetErrorOf;
use super::{recover, ComponentUpdate, Components, Payload, SetError, SetRecord, SetUpdateError};
use crate::device::apply::{Applier, ApplyOptions, Sha256Engine, SoftwareSha256};
use crate::device::format::chunks::SIGNATURE_LEN;
use crate::device::format::{DeviceIdentity, APPLIER_BYTES};
use crate::device::verify::{
    check_signature, collect, domain_message, Guard, Message, NoKeys, Verifier, VerifyError,
};

/// What no other protocol signs.
const DOMAIN: &[u8; 16] = b"flashdelta set\0\0";

/// What the signatures of a set are made over. `index` is the index as it is in the set, from
/// the magic to the checksum: its first [`index_len`](Index::index_len) bytes.
pub fn set_message<H: Sha256Engine>(engine: &mut H, index: &[u8]) -> Message {
    domain_message(engine, DOMAIN, index)
}

/// Updates a device by one set.
///
/// The set is fed in parts: first the index with its signatures to [`feed`](Self::feed); then, as
/// long as [`begin`](Self::begin) gives one, each component that is to be written: its payload is
/// fed to it. Payloads that are not needed are left out: a stream skips them, by the offset that
/// [`next`](Self::next) tells; who can fetch any range need not fetch them at all.
/// [`finish`](Self::finish) commits the update and activates all. Before it is called, and if it
/// never is, all stays old.
///
/// [`recover`] has to run after each reset, before an update starts. It takes back what was begun:
/// an update by a set is not suspended, and starts again with the index.
///
/// ```
/// use flashdelta::apply::{NewImage, OldImage};
/// use flashdelta::update::set::{Components, Entry, SetRecord, SetUpdate};
///
/// /// Updates by a set that can be read from anywhere, as one in a store.
/// fn update<C: Components, R: SetRecord>(
///     mut set: impl FnMut(u32, &mut [u8]) -> usize,
///     components: C,
///     record: R,
/// ) -> Result<(), Box<dyn std::error::Error>>
/// where
///     C::Error: std::error::Error + 'static,
///     <C::Old as OldImage>::Error: std::error::Error + 'static,
///     <C::New as NewImage>::Error: std::error::Error + 'static,
///     R::Error: std::error::Error + 'static,
/// {
///     let (mut index, mut workspace, mut chunks) = ([0; 4200], [0; 16 << 10], [0; 4 << 10]);
///     let (mut piece, mut at) = ([0; 256], 0);
///     let mut update = SetUpdate::new(components, record, &mut index);
///     while !update.is_checked() {
///         let len = set(at, &mut piece);
///         if len == 0 {
///             return Err("the set ends too early".into());
///         }
///         at += update.feed(&piece[..len])? as u32;
///     }
///     while let Some(mut component) = update.begin(&mut workspace, &mut chunks)? {
///         while !component.progress().done {
///             let len = set(component.next(), &mut piece);
///             if len == 0 {
///                 return Err("the set ends too early".into());
///             }
///             component.feed(&piece[..len])?;
///         }
///         component.finish()?;
///     }
///     update.finish()?;
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct SetUpdate<'b, C, R, V = NoKeys, H: Sha256Engine = SoftwareSha256> {
    pub(super) components: C,
    record: R,
    verifier: Option<V>,
    pub(super) device: Option<DeviceIdentity>,
    pub(super) sha: H,
    /// What of a component's digest has been taken, while it is checked.
    pub(super) digest: Digest<H>,
    /// The index, and one signature.
    pub(super) buffer: &'b mut [u8],
    filled: usize,
    phase: Phase,
    /// What the phase has left, or where it is.
    left: u32,
    /// Why the signatures so far do not suffice.
    doubt: VerifyError,
    pub(super) head: Head,
    /// A bit for each component that is to be written, and for each that is.
    pub(super) todo: u32,
    done: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Index,
    /// So many signatures are left to be looked at; none was right so far.
    Signatures,
    /// The index is authentic; so many bytes of signatures follow.
    Skip,
    /// The device is right; this step of the check of its components comes next.
    #[cfg(feature = "bounded")]
    Check,
    /// Everything has been checked, nothing written.
    Checked,
    /// The record says that it has begun.
    Begun,
    /// All is written; this step of the end comes next.
    #[cfg(feature = "bounded")]
    Finish,
    Poisoned,
}

impl<'b, C: Components, R: SetRecord> SetUpdate<'b, C, R> {
    /// An update at its start. `buffer` is lent for the index: its length and 74 bytes, if the set
    /// is signed; [`MAX_INDEX_LEN`](super::MAX_INDEX_LEN) and 74 bytes are enough for any.
    pub fn new(components: C, record: R, buffer: &'b mut [u8]) -> Self {
        Self {
            components,
            record,
            verifier: None,
            device: None,
            sha: SoftwareSha256,
            digest: Digest::none(),
            buffer,
            filled: 0,
            phase: Phase::Index,
            left: 0,
            doubt: VerifyError::Unsigned,
            head: Head::default(),
            todo: 0,
            done: 0,
        }
    }
}

impl<'b, C: Components, R: SetRecord, V: Verifier, H: Sha256Engine> SetUpdate<'b, C, R, V, H> {
    /// Requires a signature by one of the keys of `verifier`: anything else is refused before
    /// anything of the index is used.
    #[must_use]
    pub fn require_signature<W: Verifier>(self, verifier: W) -> SetUpdate<'b, C, R, W, H> {
        self.with(|_| Some(verifier), |sha| sha)
    }

    /// As [`require_signature`](Self::require_signature) if there is a verifier; else signatures
    /// are not looked at.
    #[must_use]
    pub fn with_policy<W: Verifier>(self, verifier: Option<W>) -> SetUpdate<'b, C, R, W, H> {
        self.with(|_| verifier, |sha| sha)
    }

    /// Computes SHA-256 by other means: the hardware unit of a chip, say.
    #[must_use]
    pub fn with_sha256<E: Sha256Engine>(self, sha: E) -> SetUpdate<'b, C, R, V, E> {
        self.with(|verifier| verifier, |_| sha)
    }

    /// The same update with another verifier or engine.
    fn with<W: Verifier, E: Sha256Engine>(
        self,
        verifier: impl FnOnce(Option<V>) -> Option<W>,
        sha: impl FnOnce(H) -> E,
    ) -> SetUpdate<'b, C, R, W, E> {
        SetUpdate {
            components: self.components,
            record: self.record,
            verifier: verifier(self.verifier),
            device: self.device,
            sha: sha(self.sha),
            digest: Digest::none(),
            buffer: self.buffer,
            filled: self.filled,
            phase: self.phase,
            left: self.left,
            doubt: self.doubt,
            head: self.head,
            todo: self.todo,
            done: self.done,
        }
    }

    /// Says what the device is: sets for other devices are refused, and sets that do not say for
    /// whom they are. Without this, nothing of it is checked.
    #[must_use]
    pub fn device(mut self, device: DeviceIdentity) -> Self {
        self.device = Some(device);
        self
    }

    /// Takes bytes of index and signatures; gives how many of these were taken. When they are
    /// complete, [everything is checked](Self::is_checked); what follows belongs to the payloads.
    ///
    /// # Errors
    ///
    /// All are final. Nothing has been written.
    pub fn feed(&mut self, input: &[u8]) -> Result<usize, SetErrorOf<C, R>> {
        self.feed_by(input, u32::MAX)
    }

    /// Takes bytes of index and signatures, as [`feed`](Self::feed), and reads no more than
    /// `budget` bytes of the components, but for a first step of 128 bytes. While
    /// [there is more to check](Self::is_pending), calls need no input and take none.
    ///
    /// # Errors
    ///
    /// As [`feed`](Self::feed).
    #[cfg(feature = "bounded")]
    pub fn feed_within(&mut self, input: &[u8], budget: u32) -> Result<usize, SetErrorOf<C, R>> {
        self.feed_by(input, budget)
    }

    /// Whether components are left to be checked, for which no more input is needed.
    #[cfg(feature = "bounded")]
    pub fn is_pending(&self) -> bool {
        self.phase == Phase::Check
    }

    fn feed_by(&mut self, input: &[u8], budget: u32) -> Result<usize, SetErrorOf<C, R>> {
        let mut rest = input;
        loop {
            let phase = core::mem::replace(&mut self.phase, Phase::Poisoned);
            self.phase = match phase {
                Phase::Index => match self.take_index(&mut rest)? {
                    true => self.after_index()?,
                    false => return self.waits(phase, input, rest),
                },
                Phase::Signatures => {
                    let front = self.head.len as usize;
                    if !collect(self.buffer, &mut self.filled, &mut rest, (front, SIGNATURE_LEN)) {
                        return self.waits(phase, input, rest);
                    }
                    self.after_signature()?
                }
                Phase::Skip => {
                    let now = rest.len().min(self.left as usize);
                    rest = rest.get(now..).unwrap_or(&[]);
                    self.left = self.left.wrapping_sub(now as u32);
                    if self.left > 0 {
                        return self.waits(phase, input, rest);
                    }
                    self.after_front()?
                }
                #[cfg(feature = "bounded")]
                Phase::Check => match self.check(self.left as u8, budget)? {
                    Some(step) => {
                        self.left = step.into();
                        return self.waits(phase, input, rest);
                    }
                    None => Phase::Checked,
                },
                Phase::Poisoned => return Err(SetError::Poisoned.into()),
                _ => return self.waits(phase, input, rest),
            };
        }
    }

    /// Index and signatures are complete.
    #[cfg(feature = "bounded")]
    fn after_front(&mut self) -> Result<Phase, SetErrorOf<C, R>> {
        Ok(Phase::Check)
    }

    /// Index and signatures are complete.
    #[cfg(not(feature = "bounded"))]
    fn after_front(&mut self) -> Result<Phase, SetErrorOf<C, R>> {
        self.check(0, u32::MAX)?;
        Ok(Phase::Checked)
    }

    /// More input is needed, or none.
    fn waits(
        &mut self,
        phase: Phase,
        input: &[u8],
        rest: &[u8],
    ) -> Result<usize, SetErrorOf<C, R>> {
        self.phase = phase;
        Ok(input.len().wrapping_sub(rest.len()))
    }

    /// Whether the index is complete, authentic and right for the device. Nothing has been written
    /// before that.
    pub fn is_checked(&self) -> bool {
        matches!(self.phase, Phase::Checked | Phase::Begun)
    }

    /// The index, once it is complete and, if that is required, its signature right.
    pub fn index(&self) -> Option<Index<'_>> {
        match self.phase {
            Phase::Index | Phase::Signatures | Phase::Poisoned => None,
            _ => Some(Index::of(self.head, self.buffer)),
        }
    }

    /// Whether a component is to be written, or was: it is not as it shall be, and it is for this
    /// hardware.
    pub fn is_updated(&self, component: u8) -> bool {
        self.todo >> (component & 31) & 1 == 1
    }

    /// The next component to be written: its number, and where in the set its payload is.
    pub fn next(&self) -> Option<(u8, Payload)> {
        let left = self.todo & !self.done;
        if left == 0 || !self.is_checked() {
            return None;
        }
        let number = left.trailing_zeros() as u8;
        Some((number, self.head.entry(self.buffer, number)?.payload?))
    }

    /// Begins with the [next](Self::next) component; `None` if all are written. One that was not
    /// [finished](ComponentUpdate::finish) starts again. `workspace` is that of the
    /// [`Applier`], `chunks` that of the [`Guard`]; they are free again when the component is
    /// dropped. [`Index::ram`] and [`Index::chunk_ram`] tell what they need.
    ///
    /// # Errors
    ///
    /// [`SetError::RamTooSmall`] and [`SetError::NotRecovered`] before anything is written;
    /// [`SetUpdateError::Record`] and [`SetUpdateError::Component`] may be tried again.
    #[allow(clippy::type_complexity)] // It has what it was given.
    pub fn begin<'u, 'w>(
        &'u mut self,
        workspace: &'w mut [u8],
        chunks: &'w mut [u8],
    ) -> Result<Option<ComponentUpdate<'u, 'w, C, R, H>>, SetErrorOf<C, R>> {
        if !self.is_checked() {
            return Err(SetError::Poisoned.into());
        }
        let Some((component, payload)) = self.next() else { return Ok(None) };
        let ram = self.head.ram.saturating_sub(APPLIER_BYTES as u32);
        for (needed, found) in [(ram, workspace.len()), (self.head.chunk_ram, chunks.len())] {
            if needed as usize > found {
                return Err(SetError::RamTooSmall { needed, found: found as u32 }.into());
            }
        }
        if self.phase != Phase::Begun {
            // The record of an update that is committed, and not complete, must not get lost.
            if let Some((State::COMMITTED, _)) = state(&mut self.record)? {
                return Err(SetError::NotRecovered.into());
            }
            let index = self.buffer.get(..self.head.len as usize).unwrap_or(&[]);
            write(&mut self.record, State::Begun, self.todo, index)?;
            self.phase = Phase::Begun;
        }
        let must_have_chunks = self.verifier.is_some();
        let Self { components, sha, buffer, head, done, .. } = self;
        let Some(entry) = head.entry(buffer, component) else { return Ok(None) };
        let failed = |error| SetUpdateError::Component { component, error };
        let old = Present(components.old(&entry).map_err(failed)?);
        let new = components.begin(&entry).map_err(failed)?;
        let applier = Applier::with_sha256(workspace, old, new, ApplyOptions::default(), sha);
        let guard = Guard::for_header(applier, payload.header, must_have_chunks, chunks);
        Ok(Some(ComponentUpdate::new(guard, components, done, (component, entry, payload))))
    }

    /// Ends the update: commits it by one record, and activates all components in order. If nothing
    /// had to be written, nothing is done. Gives back what came in.
    ///
    /// # Errors
    ///
    /// [`SetError::Incomplete`] if components are left to be written; [`SetUpdateError::Record`] if
    /// the record cannot be written: [`recover`] will tell whether it was. After
    /// [`SetUpdateError::Component`] the update is committed: [`recover`] goes on.
    pub fn finish(mut self) -> Result<(C, R), SetErrorOf<C, R>> {
        let mut step = self.to_finish()?;
        while let Some(now) = step {
            step = self.finish_from(now)?;
        }
        Ok((self.components, self.record))
    }

    /// One step of [`finish`](Self::finish), for calls of bounded length: writes the record once,
    /// or activates one component. False: it has to be called again; nothing else may be called
    /// any more.
    ///
    /// # Errors
    ///
    /// As [`finish`](Self::finish); after [`SetError::Incomplete`] nothing has changed.
    #[cfg(feature = "bounded")]
    pub fn finish_step(&mut self) -> Result<bool, SetErrorOf<C, R>> {
        let step = match self.phase {
            Phase::Finish => Some(self.left as u8),
            _ => self.to_finish()?,
        };
        self.phase = Phase::Poisoned;
        let Some(now) = step else { return Ok(true) };
        let next = self.finish_from(now)?;
        (self.phase, self.left) = (Phase::Finish, next.unwrap_or(now).into());
        Ok(next.is_none())
    }

    /// The first step of the end; `None` if nothing had to be written.
    fn to_finish(&self) -> Result<Option<u8>, SetErrorOf<C, R>> {
        if !self.is_checked() {
            return Err(SetError::Poisoned.into());
        }
        match self.next() {
            Some((_, payload)) => Err(SetError::Incomplete { at: payload.offset }.into()),
            None => Ok((self.todo != 0).then_some(0)),
        }
    }

    /// A step of the end; gives the next one.
    fn finish_from(&mut self, step: u8) -> Result<Option<u8>, SetErrorOf<C, R>> {
        let Self { components, record, head, buffer, todo, .. } = self;
        let index = buffer.get(..head.len as usize).unwrap_or(&[]);
        complete_step(components, record, head, index, (*todo, true), step)
    }

    /// Gives the update up: what was begun is taken back.
    ///
    /// # Errors
    ///
    /// As [`recover`], which may be called until it succeeds.
    pub fn abandon(mut self) -> Result<(C, R), SetErrorOf<C, R>> {
        recover(self.buffer, &mut self.components, &mut self.record)?;
        Ok((self.components, self.record))
    }

    /// Collects the index; true once it is complete, with the number of its signatures.
    fn take_index(&mut self, input: &mut &[u8]) -> Result<bool, SetError> {
        let before = self.filled;
        let mut known = before;
        for (to, from) in self.buffer.iter_mut().skip(before).zip(*input) {
            *to = *from;
            known = known.wrapping_add(1);
        }
        let is_complete = self.head.read(self.buffer.get(..known).unwrap_or(&[]))?;
        let found = self.buffer.len();
        if !is_complete && known == found {
            // What the first bytes say, if they are all there.
            let needed = Head::stated_len(self.buffer).unwrap_or(super::MAX_INDEX_LEN as u32);
            let needed = needed.wrapping_add(1 + SIGNATURE_LEN as u32);
            return Err(SetError::BufferTooSmall { needed, found: found as u32 });
        }
        if is_complete {
            known = self.head.front_len().wrapping_sub(self.signatures_left()) as usize;
        }
        *input = input.get(known.wrapping_sub(before)..).unwrap_or(&[]);
        self.filled = if is_complete { 0 } else { known };
        Ok(is_complete)
    }

    /// Bytes of the signatures.
    fn signatures_left(&self) -> u32 {
        u32::from(self.head.signatures).wrapping_mul(SIGNATURE_LEN as u32)
    }

    /// The index is complete.
    fn after_index(&mut self) -> Result<Phase, SetError> {
        let count = self.head.signatures;
        match self.verifier {
            None => {
                self.left = self.signatures_left();
                Ok(Phase::Skip)
            }
            Some(_) if count == 0 => Err(VerifyError::Unsigned.into()),
            Some(_) => {
                let needed = self.head.len.wrapping_add(SIGNATURE_LEN as u32);
                let found = self.buffer.len() as u32;
                if found < needed {
                    return Err(SetError::BufferTooSmall { needed, found });
                }
                self.left = count.into();
                Ok(Phase::Signatures)
            }
        }
    }

    /// A signature is complete.
    fn after_signature(&mut self) -> Result<Phase, SetError> {
        self.left = self.left.wrapping_sub(1);
        let (index, rest) =
            self.buffer.split_at_checked(self.head.len as usize).ok_or(SetError::Poisoned)?;
        let message = set_message(&mut self.sha, index);
        let signature = rest.first_chunk().ok_or(SetError::Poisoned)?;
        let verifier = self.verifier.as_mut().ok_or(SetError::Poisoned)?;
        if check_signature(verifier, &message, signature, &mut self.doubt) {
            self.left = self.left.wrapping_mul(SIGNATURE_LEN as u32);
            return Ok(Phase::Skip);
        }
        if self.left == 0 {
            return Err(self.doubt.into());
        }
        Ok(Phase::Signatures)
    }
}
