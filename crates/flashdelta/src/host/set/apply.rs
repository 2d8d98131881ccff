//! The driver of devices, on components in memory.

use core::convert::Infallible;
use std::collections::BTreeMap;

use super::ComponentName;
use crate::device::apply::OutOfBounds;
use crate::device::format::DeviceIdentity;
use crate::device::update::set::{
    Components, Entry, SetError, SetRecord, SetUpdate, SetUpdateError, MAX_INDEX_LEN,
};
use crate::device::verify::{NoKeys, Verifier};
use crate::host::budget::output_limit;

/// Why a set cannot be applied in memory.
pub type SetApplyError = SetUpdateError<Infallible, OutOfBounds, OutOfBounds, Infallible>;

/// No payload of an honest set takes more RAM, in bytes.
const MOST_RAM: u32 = 64 << 20;

/// What components hold, by their names.
type Contents = BTreeMap<ComponentName, Vec<u8>>;

/// Applies a set to what components hold; what is not in `old` is absent. Gives what all hold
/// afterwards: nothing of it is new unless all of it is.
///
/// `device`: as [`SetUpdate::device`] has it.
///
/// # Errors
///
/// [`SetUpdateError`].
pub fn apply(
    set: &[u8],
    old: &Contents,
    device: Option<DeviceIdentity>,
) -> Result<Contents, SetApplyError> {
    apply_signed(set, old, device, None::<NoKeys>)
}

/// As [`apply`], with the keys of which one must have signed the set, if there are any.
///
/// # Errors
///
/// [`SetUpdateError`].
pub fn apply_signed<V: Verifier>(
    set: &[u8],
    old: &Contents,
    device: Option<DeviceIdentity>,
    keys: Option<V>,
) -> Result<Contents, SetApplyError> {
    let limit = output_limit(old.values().map(|old| old.len() as u64).sum(), set.len() as u64);
    let components = Memory { old, limit, staged: BTreeMap::new(), active: old.clone() };
    let mut buffer = vec![0; MAX_INDEX_LEN + 74];
    let update = SetUpdate::new(components, NoRecord, &mut buffer);
    let update = match device {
        Some(device) => update.device(device),
        None => update,
    };
    match keys {
        Some(keys) => run(update.require_signature(keys), set),
        None => run(update, set),
    }
}

fn run<V: Verifier>(
    mut update: SetUpdate<'_, Memory<'_>, NoRecord, V>,
    set: &[u8],
) -> Result<Contents, SetApplyError> {
    update.feed(set)?;
    let Some(index) = update.index().filter(|_| update.is_checked()) else {
        return Err(SetError::Incomplete { at: set.len() as u32 }.into());
    };
    let (ram, chunk_ram) = (index.ram(), index.chunk_ram());
    if ram > MOST_RAM {
        return Err(SetError::RamTooSmall { needed: ram, found: MOST_RAM }.into());
    }
    if index.set_len() < set.len() as u64 {
        return Err(SetError::Trailing { expected: index.set_len() as u32 }.into());
    }
    let (mut workspace, mut chunks) = (vec![0; ram as usize], vec![0; chunk_ram as usize]);
    while let Some(mut component) = update.begin(&mut workspace, &mut chunks)? {
        let rest = set.get(component.next() as usize..).unwrap_or_default();
        component.feed(rest)?;
        component.finish()?;
    }
    let (components, _) = update.finish()?;
    Ok(components.active)
}

/// Components in memory.
struct Memory<'a> {
    old: &'a Contents,
    limit: u32,
    staged: Contents,
    active: Contents,
}

impl<'a> Components for Memory<'a> {
    type Error = Infallible;
    type Old = &'a [u8];
    type New = Vec<u8>;

    fn capacity(&mut self, _: &Entry<'_>) -> Option<u32> {
        Some(self.limit)
    }

    fn old(&mut self, entry: &Entry<'_>) -> Result<Option<&'a [u8]>, Infallible> {
        Ok(self.old.get(&entry.target.into()).map(Vec::as_slice))
    }

    fn begin(&mut self, entry: &Entry<'_>) -> Result<Vec<u8>, Infallible> {
        self.staged.remove(&entry.target.into());
        Ok(Vec::new())
    }

    fn verify(&mut self, entry: &Entry<'_>, new: Vec<u8>) -> Result<(), Infallible> {
        self.staged.insert(entry.target.into(), new);
        Ok(())
    }

    fn activate(&mut self, entry: &Entry<'_>) -> Result<(), Infallible> {
        let name = ComponentName::from(entry.target);
        if let Some(new) = self.staged.remove(&name) {
            self.active.insert(name, new);
        }
        Ok(())
    }
}

/// Memory does not survive a reset.
struct NoRecord;

impl SetRecord for NoRecord {
    type Error = Infallible;

    fn len(&self) -> Option<u32> {
        None
    }

    fn read(&mut self, _: u32, _: &mut [u8]) -> Result<(), Infallible> {
        Ok(())
    }

    fn write(&mut self, _: &[u8], _: &[u8]) -> Result<(), Infallible> {
        Ok(())
    }
}
