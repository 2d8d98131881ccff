//! An update by a component set, and one by a signed patch: linked for what the former costs beyond
//! the latter.

#[cfg(feature = "set")]
pub(crate) use components as update;
#[cfg(not(feature = "set"))]
pub(crate) use guarded as update;

use crate::update::Device;

/// A signed patch.
#[cfg(not(feature = "set"))]
#[inline(never)]
pub(crate) fn guarded(device: &Device, workspace: &mut [u8], patch: &[u8]) -> Result<bool, ()> {
    use flashdelta::apply::Applier;
    use flashdelta::verify::Guard;

    use crate::chip::Key;
    use crate::update::{NewSlot, OldSlot};

    let (workspace, buffer) = workspace.split_at_mut_checked(4096).ok_or(())?;
    let applier = Applier::new(workspace, OldSlot(device), NewSlot(device), device.options);
    let mut guard = Guard::require_signature(applier, Key(device), buffer);
    for piece in patch.chunks(64) {
        guard.feed(piece).map_err(drop)?;
    }
    guard.finish().map_err(drop)?;
    Ok(true)
}

/// A set, which is in memory as a whole.
#[cfg(feature = "set")]
#[inline(never)]
pub(crate) fn components(device: &Device, workspace: &mut [u8], set: &[u8]) -> Result<bool, ()> {
    use flashdelta::nor::Records;
    use flashdelta::update::set::{recover, SetUpdate};

    use crate::chip::{Chip, Key};

    let (workspace, buffer) = workspace.split_at_mut_checked(4096).ok_or(())?;
    let (index, chunks) = buffer.split_at_mut_checked(2048).ok_or(())?;
    let mut record = Records::new(Chip(device), 0, 16384).map_err(drop)?;
    recover(index, &mut Slots(device), &mut record).map_err(drop)?;
    let mut update = SetUpdate::new(Slots(device), record, index).require_signature(Key(device));
    if let Some(device) = device.options.device {
        update = update.device(device);
    }
    update.feed(set).map_err(drop)?;
    while let Some(mut component) = update.begin(workspace, chunks).map_err(drop)? {
        while !component.progress().done {
            let at = component.next() as usize;
            let piece = set.get(at..at.wrapping_add(64)).ok_or(())?;
            component.feed(piece).map_err(drop)?;
        }
        component.finish().map_err(drop)?;
    }
    update.finish().map_err(drop)?;
    Ok(true)
}

/// Its components.
#[cfg(feature = "set")]
struct Slots<'a>(&'a Device);

#[cfg(feature = "set")]
impl<'a> flashdelta::update::set::Components for Slots<'a> {
    type Error = crate::update::FlashError;
    type Old = crate::update::OldSlot<'a>;
    type New = crate::update::NewSlot<'a>;

    fn capacity(&mut self, entry: &flashdelta::update::set::Entry<'_>) -> Option<u32> {
        (entry.kind as u32 != 7).then_some(self.0.new_len)
    }

    fn old(
        &mut self,
        _: &flashdelta::update::set::Entry<'_>,
    ) -> Result<Option<Self::Old>, Self::Error> {
        Ok((self.0.old_len > 0).then_some(crate::update::OldSlot(self.0)))
    }

    fn begin(&mut self, _: &flashdelta::update::set::Entry<'_>) -> Result<Self::New, Self::Error> {
        Ok(crate::update::NewSlot(self.0))
    }

    fn activate(&mut self, entry: &flashdelta::update::set::Entry<'_>) -> Result<(), Self::Error> {
        crate::update::checked((self.0.write)(self.0.new, entry.sha256.as_ptr(), 32))
    }
}
