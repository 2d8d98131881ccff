//! The record of an update: after a reset it says what is left to do.

use super::index::Head;
use super::record::{State, RECORD_HEAD};
use super::update_error::SetErrorOf;
use super::{Components, Recovered, SetError, SetRecord, SetUpdateError};

/// After a reset: what was committed is activated, what was only begun is taken back. Does nothing
/// if no update was under way. `buffer` is lent for the index, as in
/// [`SetUpdate::new`](super::SetUpdate::new).
///
/// # Errors
///
/// If a component or the record cannot be used: call it again, at the latest after the next reset.
/// As long as it fails, nothing must be started that the set may change.
#[allow(clippy::type_complexity)] // It is that of an update.
pub fn recover<C: Components, R: SetRecord>(
    buffer: &mut [u8],
    components: &mut C,
    record: &mut R,
) -> Result<Recovered, SetErrorOf<C, R>> {
    let (is_committed, todo) = match state(record)? {
        Some((State::COMMITTED, todo)) => (true, todo),
        Some((State::BEGUN, todo)) => (false, todo),
        _ => return Ok(Recovered::Nothing),
    };
    let len = (record.len().unwrap_or(0) as usize).saturating_sub(RECORD_HEAD);
    let (needed, found) = (len as u32, buffer.len() as u32);
    let Some(index) = buffer.get_mut(..len) else {
        return Err(SetError::BufferTooSmall { needed, found }.into());
    };
    record.read(RECORD_HEAD as u32, index).map_err(SetUpdateError::Record)?;
    let mut head = Head::default();
    head.read(index).map_err(|error| SetUpdateError::Set(error.into()))?;
    let (mut step, what) = (Some(0), (todo, is_committed));
    while let Some(now) = step {
        step = complete_step(components, record, &head, index, what, now)?;
    }
    Ok(if is_committed { Recovered::Completed } else { Recovered::Reverted })
}

/// How far the update of the record has come, and its components; `None` if there is none.
#[allow(clippy::type_complexity)] // It is that of an update.
#[inline(never)] // One copy in the device's flash.
pub(super) fn state<C, O, N, R: SetRecord>(
    record: &mut R,
) -> Result<Option<(u8, u32)>, SetUpdateError<C, O, N, R::Error>> {
    if record.len().is_none_or(|len| (len as usize) < RECORD_HEAD) {
        return Ok(None);
    }
    let mut head = [0; RECORD_HEAD];
    record.read(0, &mut head).map_err(SetUpdateError::Record)?;
    let [state, todo @ ..] = head;
    Ok(Some((state, u32::from_le_bytes(todo))))
}

/// A step of what is left: commits the update, or activates one of these components, or takes it
/// back, or tells the record that it is done. Gives the next step, the first one being 0.
#[inline(never)] // One copy in the device's flash.
pub(super) fn complete_step<C: Components, R: SetRecord>(
    components: &mut C,
    record: &mut R,
    head: &Head,
    index: &[u8],
    (todo, is_committed): (u32, bool),
    step: u8,
) -> Result<Option<u8>, SetErrorOf<C, R>> {
    let next = step.wrapping_add(1);
    let Some(component) = step.checked_sub(1) else {
        if is_committed {
            // Also if it is committed already: that record may be one whose last unit was torn and
            // reads right by chance. Before anything depends on it, it is written again.
            write(record, State::Committed, todo, index)?;
        }
        return Ok(Some(next));
    };
    let Some(entry) = head.entry(index, component) else {
        // The index is not needed any more.
        write(record, State::Done, todo, &[])?;
        return Ok(None);
    };
    if todo >> (component & 31) & 1 == 1 {
        let done =
            if is_committed { components.activate(&entry) } else { components.revert(&entry) };
        done.map_err(|error| SetUpdateError::Component { component, error })?;
    }
    Ok(Some(next))
}

/// Writes a record.
#[inline(never)] // One copy in the device's flash.
pub(super) fn write<C, O, N, R: SetRecord>(
    record: &mut R,
    state: State,
    todo: u32,
    index: &[u8],
) -> Result<(), SetUpdateError<C, O, N, R::Error>> {
    record.write(&state.head(todo), index).map_err(SetUpdateError::Record)
}
