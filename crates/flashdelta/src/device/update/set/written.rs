//! A component that is being written.

use core::marker::PhantomData;

use super::components::Present;
use super::update_error::SetErrorOf;
use super::{Components, Entry, Payload, SetError, SetRecord, SetUpdateError};
use crate::device::apply::{ApplyError, Progress, Sha256Engine};
use crate::device::format::PatchHeader;
use crate::device::verify::{Guard, NoKeys};

/// A component that is being written. See [`SetUpdate::begin`](super::SetUpdate::begin).
pub struct ComponentUpdate<'u, 'w, C: Components, R, H: Sha256Engine> {
    guard: Guard<'w, 'w, Present<C::Old>, C::New, NoKeys, &'u mut H>,
    components: &'u mut C,
    done: &'u mut u32,
    entry: Entry<'u>,
    component: u8,
    payload: Payload,
    /// For the type of its errors.
    record: PhantomData<&'u R>,
}

impl<'u, 'w, C: Components, R, H: Sha256Engine> ComponentUpdate<'u, 'w, C, R, H> {
    pub(super) fn new(
        guard: Guard<'w, 'w, Present<C::Old>, C::New, NoKeys, &'u mut H>,
        components: &'u mut C,
        done: &'u mut u32,
        (component, entry, payload): (u8, Entry<'u>, Payload),
    ) -> Self {
        Self { guard, components, done, entry, component, payload, record: PhantomData }
    }
}

impl<C: Components, R: SetRecord, H: Sha256Engine> ComponentUpdate<'_, '_, C, R, H> {
    /// Its number in the set.
    pub fn component(&self) -> u8 {
        self.component
    }

    /// What the index says about it.
    pub fn entry(&self) -> &Entry<'_> {
        &self.entry
    }

    /// Where in the set the byte is that must be fed next.
    pub fn next(&self) -> u32 {
        self.payload.offset.wrapping_add(self.guard.next())
    }

    /// How far it has come. [`Progress::taken`] counts the bytes of the payload.
    pub fn progress(&self) -> Progress {
        self.guard.progress()
    }

    /// Takes the next bytes of the payload. What follows the payload in `input` is not taken.
    ///
    /// # Errors
    ///
    /// [`SetUpdateError::Payload`]. A wrong chunk may be fed again, from [`next`](Self::next) on;
    /// after any other error the component may [begin](super::SetUpdate::begin) again, or the
    /// update is given up. Nothing has become active.
    pub fn feed(&mut self, input: &[u8]) -> Result<Progress, SetErrorOf<C, R>> {
        self.feed_by(input, u32::MAX)
    }

    /// Takes the next bytes of the payload within a budget of flash bytes, as
    /// [`Applier::feed_within`](crate::apply::Applier::feed_within) does. What
    /// [`Progress::taken`] does not count is to be fed again.
    ///
    /// # Errors
    ///
    /// As [`feed`](Self::feed).
    #[cfg(feature = "bounded")]
    pub fn feed_within(&mut self, input: &[u8], budget: u32) -> Result<Progress, SetErrorOf<C, R>> {
        self.feed_by(input, budget)
    }

    fn feed_by(&mut self, input: &[u8], budget: u32) -> Result<Progress, SetErrorOf<C, R>> {
        let left = self.payload.len.saturating_sub(self.guard.next()) as usize;
        let (mine, _) = input.split_at_checked(left).unwrap_or((input, &[]));
        let component = self.component;
        let failed = |error| SetUpdateError::Payload { component, error };
        let progress = self.guard.feed_by(mine, budget).map_err(failed)?;
        // A caller that feeds until it is done would feed for ever.
        let (fed, expected) = (progress.taken, self.guard.header().map(body_end));
        if fed >= self.payload.len && !progress.done && !progress.pending {
            return Err(failed(ApplyError::Truncated { fed, expected }.into()));
        }
        Ok(progress)
    }

    /// Ends the component: its new image is complete, right, and accepted by the device.
    ///
    /// # Errors
    ///
    /// If it is not complete, or not accepted. It may begin again.
    pub fn finish(self) -> Result<(), SetErrorOf<C, R>> {
        let Self { guard, components, done, entry, component, .. } = self;
        let made = guard.header().map(|header| (header.new_size, header.new_digest));
        let finished = guard.finish();
        let (_, new) =
            finished.map_err(|error| SetUpdateError::Payload { component, error: error.into() })?;
        if made != Some((entry.size, entry.sha256)) {
            return Err(SetError::WrongPayload { component }.into());
        }
        let verified = components.verify(&entry, new);
        verified.map_err(|error| SetUpdateError::Component { component, error })?;
        *done |= 1u32 << (component & 31);
        Ok(())
    }
}

/// Where in a patch the body ends.
fn body_end(header: &PatchHeader) -> u32 {
    header.body_offset().saturating_add(header.body_len)
}
