//! An update that is suspended and gone on with after a reset, in calls of bounded length: what is
//! measured and run with the feature `suspend`.

use core::convert::Infallible;

use flashdelta::apply::{Applier, ApplyError, Progress, ResumeError};

use crate::update::{Device, FlashError, NewSlot, OldSlot, Storage};

/// What a device keeps over a reset, and what it is to do until the next one.
#[repr(C)]
pub(crate) struct Kept<'a> {
    /// The suspension: here a driver of flash would be.
    pub(crate) suspension: &'a mut [u8],
    /// Bytes of it; 0: nothing was suspended.
    pub(crate) len: usize,
    /// Bytes of the patch that are taken until the next reset.
    pub(crate) every: usize,
    /// Bytes of flash that a call may read and write.
    pub(crate) budget: u32,
    /// Told before and after each call.
    pub(crate) call: extern "C" fn(is_end: bool),
}

/// From one reset to the next: true if the image is complete. `taken`: bytes of the patch that the
/// applier says it has taken.
#[inline(never)]
pub(crate) fn session<'a>(
    device: &'a Device,
    storage: &mut Storage<'a>,
    workspace: &'a mut [u8],
    kept: &mut Kept<'_>,
    patch: &[u8],
    taken: &mut usize,
) -> Result<bool, ApplyError<FlashError, FlashError>> {
    let applier =
        storage.write(Applier::new(workspace, OldSlot(device), NewSlot(device), device.options));
    let mut progress = Progress::default();
    if kept.len > 0 {
        progress = resume(applier, kept)?;
    }
    let start = progress.taken as usize;
    let end = start.saturating_add(kept.every);
    // To the end of the patch, and then as long as there is something to do without more of it.
    while !progress.done && (progress.pending || (progress.taken as usize) < end) {
        let at = progress.taken as usize;
        let rest = patch.get(at..end.min(patch.len())).unwrap_or_default();
        if rest.is_empty() && !progress.pending {
            break;
        }
        (kept.call)(false);
        let fed = applier.feed_within(rest, kept.budget);
        (kept.call)(true);
        progress = fed?;
    }
    *taken = progress.taken as usize;
    if !progress.done {
        suspend(applier, kept).map_err(|()| ApplyError::Poisoned)?;
    }
    Ok(progress.done)
}

type Update<'a> = Applier<'a, OldSlot<'a>, NewSlot<'a>>;

#[inline(always)]
fn resume(
    applier: &mut Update<'_>,
    kept: &mut Kept<'_>,
) -> Result<Progress, ApplyError<FlashError, FlashError>> {
    loop {
        let (suspension, len) = (&*kept.suspension, kept.len as u32);
        let read = |offset: u32, bytes: &mut [u8]| {
            let end = (offset as usize).wrapping_add(bytes.len());
            let from = suspension.get(offset as usize..end).ok_or(FlashError)?;
            bytes.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
            Ok::<(), FlashError>(())
        };
        (kept.call)(false);
        let resumed = applier.resume_within(len, read, None, kept.budget);
        (kept.call)(true);
        match resumed {
            Ok(progress) if progress.pending => {}
            Ok(progress) => return Ok(progress),
            Err(ResumeError::Apply(error)) => return Err(error),
            Err(_) => return Err(ApplyError::Poisoned),
        }
    }
}

#[inline(always)]
fn suspend(applier: &mut Update<'_>, kept: &mut Kept<'_>) -> Result<(), ()> {
    let mut at = 0usize;
    let suspension = &mut *kept.suspension;
    let put = |bytes: &[u8]| {
        let to = suspension.get_mut(at..).unwrap_or_default();
        to.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        at = at.wrapping_add(bytes.len());
        Ok::<(), Infallible>(())
    };
    applier.suspend(put).map_err(drop)?;
    kept.len = at;
    if at > kept.suspension.len() {
        return Err(());
    }
    Ok(())
}
