//! What is checked before anything is written: the device, and what is in its components.

use core::fmt;

use super::update_error::SetErrorOf;
use super::{Components, Entry, Precondition, SetError, SetRecord, SetUpdate, SetUpdateError};
use crate::device::apply::{OldImage, Sha256Engine};
use crate::device::verify::Verifier;

/// Where the check of the components goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct At {
    component: u8,
    /// It is not what it shall become; what it has to be before is compared next.
    is_before: bool,
}

/// A digest under way.
pub(super) struct Digest<H: Sha256Engine> {
    message: Option<H::Message>,
    /// Bytes of it so far.
    taken: u32,
}

impl<C: Components, R: SetRecord, V: Verifier, H: Sha256Engine> SetUpdate<'_, C, R, V, H> {
    /// Checks the components from here on, and reads no more of them than the budget says, but for
    /// a first step. `None`: all are right; else where to go on. Nothing is written.
    #[inline(never)] // Its stack is not that of the payloads.
    pub(super) fn check(
        &mut self,
        mut at: At,
        budget: u32,
    ) -> Result<Option<At>, SetErrorOf<C, R>> {
        // A call without a budget gets somewhere, too.
        let mut left = budget.max(1);
        while at.component < self.head.count {
            let component = at.component;
            let Some(entry) = self.head.entry(self.buffer, component) else { break };
            if let Some((from, to)) = entry.hardware {
                let device = self.device.ok_or(SetError::HardwareUnknown { component })?;
                if !(from..=to).contains(&device.hardware) {
                    at = at.after();
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
            let expected = match at.is_before {
                false => Some(entry.size),
                true => before(&entry),
            };
            let mut found = None;
            if let (Some(old), Some(size)) = (&mut old, expected) {
                let taken = self.digest.take(&mut self.sha, old, size, &mut left);
                match taken.map_err(|error| SetUpdateError::Old { component, error })? {
                    Taken::Some => return Ok(Some(at)),
                    Taken::All(digest) => found = Some(digest),
                    Taken::TooShort => {}
                }
            }
            if !at.is_before {
                if found == Some(entry.sha256) {
                    at = at.after();
                    continue;
                }
                if entry.payload.is_none() {
                    return Err(SetError::Missing { component }.into());
                }
                at.is_before = true;
                if before(&entry).is_some() {
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
            at = at.after();
        }
        Ok(None)
    }

    pub(super) fn check_identity(&self) -> Result<(), SetError> {
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

impl At {
    /// At the next component.
    fn after(self) -> Self {
        Self { component: self.component.wrapping_add(1), is_before: false }
    }
}

/// How much of a digest was taken.
enum Taken {
    /// There is more to read.
    Some,
    /// It is complete.
    All([u8; 32]),
    /// There are fewer bytes.
    TooShort,
}

impl<H: Sha256Engine> fmt::Debug for Digest<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Digest").field("taken", &self.taken).finish_non_exhaustive()
    }
}

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
        let mut piece = [0; 128];
        while self.taken < size {
            if *left == 0 {
                self.message = Some(message);
                return Ok(Taken::Some);
            }
            let len = piece.len().min(size.wrapping_sub(self.taken) as usize);
            let part = piece.get_mut(..len).unwrap_or_default();
            old.read(self.taken, part)?;
            sha.update(&mut message, part);
            self.taken = self.taken.wrapping_add(len as u32);
            *left = if *left == u32::MAX { *left } else { left.saturating_sub(len as u32) };
        }
        let mut digest = [0; 32];
        sha.digest(&mut message, &mut digest);
        Ok(Taken::All(digest))
    }
}
