//! What is checked before anything is written: the device, and what is in its components.

use core::fmt;

use super::update_error::SetErrorOf;
use super::{Components, Entry, Precondition, SetError, SetRecord, SetUpdate, SetUpdateError};
use crate::device::apply::{OldImage, Sha256Engine};
use crate::device::verify::Verifier;

impl<C: Components, R: SetRecord, V: Verifier, H: Sha256Engine> SetUpdate<'_, C, R, V, H> {
    /// Checks the device and its components from this step on, and reads no more of them than the
    /// budget says, but for a first piece. `None`: all are right; else the step to go on with. A
    /// component has two steps: whether it is what it shall become, and whether it is what it has
    /// to be before. Nothing is written.
    #[inline(never)] // Its stack is not that of the payloads.
    pub(super) fn check(
        &mut self,
        mut step: u8,
        budget: u32,
    ) -> Result<Option<u8>, SetErrorOf<C, R>> {
        if step == 0 {
            self.check_identity()?;
        }
        // A call without a budget gets somewhere, too.
        let mut left = budget.max(1);
        while step >> 1 < self.head.count {
            let (component, is_before) = (step >> 1, step & 1 == 1);
            let next = (step | 1).wrapping_add(1);
            let Some(entry) = self.head.entry(self.buffer, component) else { break };
            if let Some((from, to)) = entry.hardware {
                let device = self.device.ok_or(SetError::HardwareUnknown { component })?;
                if !(from..=to).contains(&device.hardware) {
                    step = next;
                    continue;
                }
            }
            let Some(capacity) = self.components.capacity(&entry) else {
                return Err(SetError::UnknownComponent { component }.into());
            };
            if entry.size > capacity {
                let needed = entry.size;
                return Err(SetError::TooLong { component, needed, capacity }.into());
            }
            let old = self.components.old(&entry);
            let mut old = old.map_err(|error| SetUpdateError::Component { component, error })?;
            let expected = match is_before {
                false => Some(entry.size),
                true => before(&entry),
            };
            let mut found = None;
            if let (Some(old), Some(size)) = (&mut old, expected) {
                let taken = self.digest.take(&mut self.sha, old, size, &mut left);
                match taken.map_err(|error| SetUpdateError::Old { component, error })? {
                    #[cfg(feature = "bounded")]
                    Taken::Some => return Ok(Some(step)),
                    Taken::All(digest) => found = Some(digest),
                    Taken::TooShort => {}
                }
            }
            if !is_before {
                if found == Some(entry.sha256) {
                    step = next;
                    continue;
                }
                if entry.payload.is_none() {
                    return Err(SetError::Missing { component }.into());
                }
                if before(&entry).is_some() {
                    step |= 1;
                    continue;
                }
            }
            match entry.precondition {
                Precondition::Absent if old.is_some() => {
                    return Err(SetError::NotAbsent { component }.into());
                }
                Precondition::Image { digest: expected, .. } => {
                    let found = found.unwrap_or_default().first_chunk().copied();
                    let found = found.unwrap_or_default();
                    if found != expected {
                        let error = SetError::WrongComponent { component, expected, found };
                        return Err(error.into());
                    }
                }
                Precondition::Any | Precondition::Absent => {}
            }
            self.todo |= 1u32 << (component & 31);
            step = next;
        }
        Ok(None)
    }

    fn check_identity(&self) -> Result<(), SetError> {
        let Some(device) = self.device else { return Ok(()) };
        let Some(identity) = self.head.identity else { return Err(SetError::NoIdentity) };
        if identity.product != device.product {
            let (set, device) = (identity.product, device.product);
            return Err(SetError::WrongProduct { set, device });
        }
        let (from, to) = (identity.hardware_from, identity.hardware_to);
        if !(from..=to).contains(&device.hardware) {
            return Err(SetError::WrongHardware { from, to, device: device.hardware });
        }
        if identity.security_counter < device.security_counter {
            let (set, device) = (identity.security_counter, device.security_counter);
            return Err(SetError::Rollback { set, device });
        }
        Ok(())
    }
}

/// Bytes of the image that has to be there before, if it has to be one.
fn before(entry: &Entry<'_>) -> Option<u32> {
    match entry.precondition {
        Precondition::Image { size, .. } => Some(size),
        _ => None,
    }
}

/// How much of a digest was taken.
enum Taken {
    /// There is more to read.
    #[cfg(feature = "bounded")]
    Some,
    /// It is complete.
    All([u8; 32]),
    /// There are fewer bytes.
    TooShort,
}

/// A digest under way.
pub(super) struct Digest<H: Sha256Engine> {
    #[cfg(feature = "bounded")]
    message: Option<H::Message>,
    /// Bytes of it so far.
    #[cfg(feature = "bounded")]
    taken: u32,
    #[cfg(not(feature = "bounded"))]
    engine: core::marker::PhantomData<H>,
}

impl<H: Sha256Engine> fmt::Debug for Digest<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Digest").finish_non_exhaustive()
    }
}

#[cfg(feature = "bounded")]
impl<H: Sha256Engine> Digest<H> {
    pub(super) fn none() -> Self {
        Self { message: None, taken: 0 }
    }

    /// Takes the SHA-256 of the first `size` bytes, or goes on with it.
    #[inline(never)] // One copy in the device's flash.
    fn take<O: OldImage>(
        &mut self,
        sha: &mut H,
        old: &mut O,
        size: u32,
        left: &mut u32,
    ) -> Result<Taken, O::Error> {
        let under_way = self.message.take();
        if old.len() < size {
            return Ok(Taken::TooShort);
        }
        if under_way.is_none() {
            self.taken = 0;
        }
        let mut message = under_way.unwrap_or_else(|| sha.start());
        while self.taken < size {
            if *left == 0 {
                self.message = Some(message);
                return Ok(Taken::Some);
            }
            let len = take_piece(sha, &mut message, old, (self.taken, size))?;
            self.taken = self.taken.wrapping_add(len);
            *left = if *left == u32::MAX { *left } else { left.saturating_sub(len) };
        }
        Ok(Taken::All(end(sha, &mut message)))
    }
}

#[cfg(not(feature = "bounded"))]
impl<H: Sha256Engine> Digest<H> {
    pub(super) fn none() -> Self {
        Self { engine: core::marker::PhantomData }
    }

    /// Takes the SHA-256 of the first `size` bytes.
    #[inline(never)] // One copy in the device's flash.
    #[allow(clippy::unused_self)] // As above.
    fn take<O: OldImage>(
        &mut self,
        sha: &mut H,
        old: &mut O,
        size: u32,
        _: &mut u32,
    ) -> Result<Taken, O::Error> {
        if old.len() < size {
            return Ok(Taken::TooShort);
        }
        let (mut message, mut taken) = (sha.start(), 0u32);
        while taken < size {
            taken = taken.wrapping_add(take_piece(sha, &mut message, old, (taken, size))?);
        }
        Ok(Taken::All(end(sha, &mut message)))
    }
}

/// Takes some bytes of an image, from here to there; gives how many.
fn take_piece<O: OldImage, H: Sha256Engine>(
    sha: &mut H,
    message: &mut H::Message,
    old: &mut O,
    (at, to): (u32, u32),
) -> Result<u32, O::Error> {
    let mut piece = [0; 128];
    let len = piece.len().min(to.wrapping_sub(at) as usize);
    let part = piece.get_mut(..len).unwrap_or_default();
    old.read(at, part)?;
    sha.update(message, part);
    Ok(len as u32)
}

fn end<H: Sha256Engine>(sha: &mut H, message: &mut H::Message) -> [u8; 32] {
    let mut digest = [0; 32];
    sha.digest(message, &mut digest);
    digest
}
