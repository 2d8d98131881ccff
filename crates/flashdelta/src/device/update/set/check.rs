//! What is checked before anything is written: the device, and what is in its components.

use super::digest::Taken;
use super::update_error::SetErrorOf;
use super::{Components, Entry, Precondition, SetError, SetRecord, SetUpdate, SetUpdateError};
use crate::device::apply::Sha256Engine;
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
