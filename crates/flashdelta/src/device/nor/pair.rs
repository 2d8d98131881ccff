//! Both slots on one chip.

use core::cell::RefCell;

use embedded_storage::nor_flash::NorFlash;

use super::{NorNew, NorOld, Shared, SharedError, Slot, SlotError};

/// Two slots on one chip: the one that runs, which is only read, and the one that is written.
/// `buffer`: as in [`NorNew::with_buffer`]; `[]` for none.
///
/// # Errors
///
/// [`SlotError::Overlap`] if they have a byte in common; else as [`NorOld::new`] and
/// [`NorNew::with_buffer`].
#[allow(clippy::type_complexity)] // It is a pair.
pub fn slots<'a, F: NorFlash, B: AsMut<[u8]>>(
    flash: &'a RefCell<F>,
    running: Slot,
    other: Slot,
    buffer: B,
) -> Result<(NorOld<Shared<'a, F>>, NorNew<Shared<'a, F>, B>), SlotError<SharedError<F::Error>>> {
    if running.start < other.end() && other.start < running.end() {
        return Err(SlotError::Overlap);
    }
    let old = NorOld::new(Shared(flash), running.start, running.len)?;
    let new = NorNew::with_buffer(Shared(flash), other.start, other.len, buffer)?;
    Ok((old, new))
}
