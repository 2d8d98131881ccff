//! A region of flash that keeps a suspended update.

use flashdelta::apply::SuspendError;
use flashdelta::nor::SlotError;
use flashdelta::PatchHeader;

use crate::applier::{at_work, flashdelta_applier, flashdelta_progress};
use crate::callbacks::Fault;
use crate::flashdelta_status::{self, *};
use crate::pointers::put;
use crate::region::{flashdelta_region, records};
use crate::suspend::{resume, suspend_status};

/// Saves the state of an update in a region of flash, as flashdelta_applier_suspend() does: what
/// was saved there before counts until this is whole.
///
/// @param applier initialised by flashdelta_applier_init(); neither failed nor finished
/// @param region where to
/// @return as flashdelta_applier_suspend(); #FLASHDELTA_ERR_STORE_TOO_SMALL if half of the region
///     is too small; #FLASHDELTA_ERR_INVALID_ARGUMENT also if the region does not fit its sectors
///     and units
///
/// # Safety
///
/// C's usual rules: pointers point to what their types say, callbacks can be called.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_applier_suspend_to(
    applier: *mut flashdelta_applier,
    region: *const flashdelta_region,
) -> flashdelta_status {
    let outcome = (|| {
        // SAFETY: the caller's promise.
        let (inner, mut records) = unsafe { (at_work(applier)?, records(region)?) };
        inner.with(|inner| {
            inner.suspend_to(&mut records).map_err(|error| match error {
                SuspendError::Place(SlotError::OutOfSlot) => FLASHDELTA_ERR_STORE_TOO_SMALL,
                error => suspend_status(error),
            })
        })
    })();
    outcome.err().unwrap_or(FLASHDELTA_OK)
}

/// Goes on with an update that was saved by flashdelta_applier_suspend_to(), as
/// flashdelta_applier_resume() does.
///
/// @param applier as for flashdelta_applier_resume()
/// @param region where it was saved
/// @param header as for flashdelta_applier_resume()
/// @param header_len as for flashdelta_applier_resume()
/// @param budget as for flashdelta_applier_resume()
/// @param[out] progress how far the update has come, written only on success
/// @return as flashdelta_applier_resume(); #FLASHDELTA_ERR_NO_SUSPENSION if nothing is saved there
///
/// # Safety
///
/// C's usual rules: pointers point to what their types say, `header` to as many bytes as it says,
/// callbacks can be called.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_applier_resume_from(
    applier: *mut flashdelta_applier,
    region: *const flashdelta_region,
    header: *const u8,
    header_len: usize,
    budget: u32,
    progress: *mut flashdelta_progress,
) -> flashdelta_status {
    let outcome = (|| {
        // SAFETY: the caller's promise.
        let mut records = unsafe { records(region)? };
        let len = records.len().ok_or(FLASHDELTA_ERR_NO_SUSPENSION)?;
        let read = |offset, to: &mut [u8]| records.read(offset, to);
        // SAFETY: the caller's promise.
        unsafe { resume(applier, len, read, (header, header_len), budget, progress) }
    })();
    outcome.err().unwrap_or(FLASHDELTA_OK)
}

/// What the update has to be lent that is saved in a region: before flashdelta_applier_init(),
/// after a reset.
///
/// @param region where it was saved
/// @param[out] workspace_len the workspace
/// @param[out] buffer_len the buffer for flashdelta_applier_guard(); 0 if the patch has no chunks.
///     May be NULL
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_NO_SUSPENSION if nothing is saved there that this
///     version of the library could go on with; #FLASHDELTA_ERR_READ_SUSPENSION;
///     #FLASHDELTA_ERR_NULL_POINTER, #FLASHDELTA_ERR_INVALID_ARGUMENT
///
/// # Safety
///
/// C's usual rules: pointers point to what their types say, callbacks can be called.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_region_needs(
    region: *const flashdelta_region,
    workspace_len: *mut usize,
    buffer_len: *mut usize,
) -> flashdelta_status {
    let outcome = (|| {
        // SAFETY: the caller's promise.
        let mut records = unsafe { records(region)? };
        let len = records.len().ok_or(FLASHDELTA_ERR_NO_SUSPENSION)?;
        let header = PatchHeader::of_suspension(len, |offset, to| records.read(offset, to))
            .map_err(|_: SlotError<Fault>| FLASHDELTA_ERR_READ_SUSPENSION)?
            .ok_or(FLASHDELTA_ERR_NO_SUSPENSION)?;
        #[cfg(feature = "verify")]
        let buffer = header.chunk_ram();
        #[cfg(not(feature = "verify"))]
        let buffer = 0;
        // SAFETY: the caller's promise.
        unsafe {
            put(workspace_len, header.workspace_len())?;
            if buffer_len.is_null() {
                return Ok(());
            }
            put(buffer_len, buffer as usize)
        }
    })();
    outcome.err().unwrap_or(FLASHDELTA_OK)
}

/// Forgets what is saved in a region: to be called once the update is finished. Nothing is erased
/// if nothing is there.
///
/// @param region where it was saved
/// @return #FLASHDELTA_OK; #FLASHDELTA_ERR_WRITE_SUSPENSION if it cannot be erased;
///     #FLASHDELTA_ERR_NULL_POINTER, #FLASHDELTA_ERR_INVALID_ARGUMENT
///
/// # Safety
///
/// C's usual rules: `region` points to what its type says, callbacks can be called.
#[no_mangle]
pub unsafe extern "C" fn flashdelta_region_clear(
    region: *const flashdelta_region,
) -> flashdelta_status {
    // SAFETY: the caller's promise.
    let cleared = unsafe { records(region) }
        .and_then(|mut records| records.clear().map_err(|_| FLASHDELTA_ERR_WRITE_SUSPENSION));
    cleared.err().unwrap_or(FLASHDELTA_OK)
}
