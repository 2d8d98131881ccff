//! An update as a device does it: what is measured.

use core::mem::MaybeUninit;

use flashdelta::apply::{Applier, ApplyError, ApplyOptions, NewImage, OldImage};

/// What a device brings. Function pointers, so that the optimiser cannot look into them.
#[repr(C)]
pub(crate) struct Device {
    pub(crate) read: extern "C" fn(at: *const u8, to: *mut u8, len: usize) -> bool,
    pub(crate) write: extern "C" fn(at: *mut u8, from: *const u8, len: usize) -> bool,
    pub(crate) old: *const u8,
    pub(crate) old_len: u32,
    pub(crate) new: *mut u8,
    pub(crate) new_len: u32,
    /// Not known when compiling: the checks of the identity stay in.
    pub(crate) options: ApplyOptions,
}

pub(crate) struct OldSlot<'a>(pub(crate) &'a Device);

pub(crate) struct NewSlot<'a>(pub(crate) &'a Device);

pub(crate) struct FlashError;

/// What holds the old image, and values for holes if there are any.
#[cfg(not(feature = "values"))]
pub(crate) type Old<'a> = OldSlot<'a>;
#[cfg(feature = "values")]
pub(crate) type Old<'a> =
    flashdelta::update::holes::WithValues<OldSlot<'a>, flashdelta::update::holes::ValueRecord<'a>>;

/// Where the applier itself lies: not on the stack.
pub(crate) type Storage<'a> = MaybeUninit<Applier<'a, Old<'a>, NewSlot<'a>>>;

/// Pieces in which the patch arrives, in bytes.
#[cfg(not(any(feature = "guard", feature = "set", feature = "in-place")))]
const PIECE: usize = 64;

/// Applies a patch. `Ok(false)`: the patch is not complete.
#[cfg_attr(all(target_os = "none", feature = "suspend"), allow(dead_code))]
#[inline(never)]
pub(crate) fn update<'a>(
    device: &'a Device,
    storage: &mut Storage<'a>,
    workspace: &'a mut [u8],
    patch: &[u8],
) -> Result<bool, ApplyError<FlashError, FlashError>> {
    // Only ever linked, for its size.
    #[cfg(feature = "receive")]
    if patch.len() == usize::MAX >> 1 {
        let feed = |bytes: &[u8]| bytes.len() < workspace.len();
        let mut memory = [0; 64];
        return crate::receive::receive(device, &mut memory, patch, feed)
            .map_err(|_| ApplyError::Poisoned);
    }
    // Instead of the applier alone: the applier is in these as it is without them.
    #[cfg(feature = "in-place")]
    {
        let _ = storage;
        crate::in_place::update(device, workspace, patch).map_err(|()| ApplyError::Poisoned)
    }
    #[cfg(any(feature = "guard", feature = "set"))]
    {
        let _ = storage;
        crate::set::update(device, workspace, patch).map_err(|()| ApplyError::Poisoned)
    }
    #[cfg(not(any(feature = "guard", feature = "set", feature = "in-place")))]
    apply(device, storage, workspace, patch)
}

#[cfg(not(any(feature = "guard", feature = "set", feature = "in-place")))]
#[inline(always)]
fn apply<'a>(
    device: &'a Device,
    storage: &mut Storage<'a>,
    workspace: &'a mut [u8],
    patch: &[u8],
) -> Result<bool, ApplyError<FlashError, FlashError>> {
    let old = OldSlot(device);
    #[cfg(feature = "values")]
    let old = {
        use flashdelta::update::holes::{ValueRecord, WithValues};
        // SAFETY: the start of the old slot, in which there may be a record for all that is known.
        let record = unsafe { core::slice::from_raw_parts(device.old, device.old_len as usize) };
        WithValues::new(old, ValueRecord::new(record).unwrap_or(ValueRecord::EMPTY))
    };
    let applier = storage.write(Applier::new(workspace, old, NewSlot(device), device.options));
    let mut done = false;
    for piece in patch.chunks(PIECE) {
        #[cfg(feature = "a-panic")]
        assert!(piece[piece.len() >> 1] != 0xA5);
        #[cfg(not(feature = "bounded"))]
        let progress = applier.feed(piece)?;
        #[cfg(feature = "bounded")]
        let progress = feed_within(applier, piece)?;
        done = progress.done;
    }
    Ok(done)
}

/// A piece in bounded calls.
#[cfg(all(
    feature = "bounded",
    not(any(feature = "guard", feature = "set", feature = "in-place"))
))]
#[inline(always)]
fn feed_within(
    applier: &mut Applier<'_, Old<'_>, NewSlot<'_>>,
    piece: &[u8],
) -> Result<flashdelta::apply::Progress, ApplyError<FlashError, FlashError>> {
    let end = applier.progress().taken.wrapping_add(piece.len() as u32);
    let mut rest = piece;
    loop {
        let progress = applier.feed_within(rest, 4096)?;
        let left = end.wrapping_sub(progress.taken) as usize;
        rest = rest.get(rest.len().saturating_sub(left)..).unwrap_or_default();
        if !progress.pending && rest.is_empty() {
            return Ok(progress);
        }
    }
}

pub(crate) fn checked(done: bool) -> Result<(), FlashError> {
    if done {
        Ok(())
    } else {
        Err(FlashError)
    }
}

impl OldImage for OldSlot<'_> {
    type Error = FlashError;

    fn len(&self) -> u32 {
        self.0.old_len
    }

    fn read(&mut self, offset: u32, buf: &mut [u8]) -> Result<(), FlashError> {
        checked((self.0.read)(
            self.0.old.wrapping_add(offset as usize),
            buf.as_mut_ptr(),
            buf.len(),
        ))
    }
}

impl NewImage for NewSlot<'_> {
    type Error = FlashError;

    fn capacity(&self) -> u32 {
        self.0.new_len
    }

    fn granularity(&self) -> u32 {
        16
    }

    fn write(&mut self, offset: u32, data: &[u8]) -> Result<(), FlashError> {
        checked((self.0.write)(self.0.new.wrapping_add(offset as usize), data.as_ptr(), data.len()))
    }

    fn read(&mut self, offset: u32, buf: &mut [u8]) -> Result<(), FlashError> {
        checked((self.0.read)(
            self.0.new.wrapping_add(offset as usize),
            buf.as_mut_ptr(),
            buf.len(),
        ))
    }
}
