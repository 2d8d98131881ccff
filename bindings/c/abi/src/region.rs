//! A region of flash that keeps a suspended update.

use core::ffi::c_void;

use flashdelta::apply::SuspendError;
use flashdelta::nor::{Records, SlotError};
use flashdelta::PatchHeader;

use crate::applier::{at_work, flashdelta_applier, flashdelta_progress};
use crate::callbacks::{Fault, Region};
use crate::flashdelta_status::{self, *};
use crate::pointers::{bytes_mut, check, put};
use crate::suspend::{resume, suspend_status};

/// A region of flash that keeps the state of an update over resets. It has two halves, of whole
/// sectors each, and what is saved goes into the one that does not hold what was saved last: so
/// whenever the power is cut, that is there until the new one is whole.
///
/// Fill it with zeros first (memset()). What `user` and `buffer` point to must live as long as the
/// call that is given it. Callbacks return 0 for success. Offsets count bytes from the start of the
/// region.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct flashdelta_region {
    /// Passed to every callback. May be NULL.
    pub user: *mut c_void,
    /// Bytes of the region: a multiple of two sectors. Each half of it has room for what
    /// flashdelta_applier_suspension_len() tells and 16 bytes.
    pub size: u32,
    /// The unit in which it is written, in bytes; 0 counts as 1. Units are written once after each
    /// erase. Above #FLASHDELTA_MAX_WRITE_SIZE it needs a `buffer` of a unit.
    pub write_size: u32,
    /// The unit in which it is erased, in bytes, a multiple of `write_size`.
    pub sector_size: u32,
    /// Reads `len` bytes from byte `offset` into `to`.
    pub read: Option<
        unsafe extern "C" fn(user: *mut c_void, offset: u32, to: *mut u8, len: usize) -> i32,
    >,
    /// Writes `len` bytes to byte `offset`, all in one sector.
    pub write: Option<
        unsafe extern "C" fn(user: *mut c_void, offset: u32, from: *const u8, len: usize) -> i32,
    >,
    /// Erases the sector at byte `offset`: bytes of 0xFF afterwards.
    pub erase: Option<unsafe extern "C" fn(user: *mut c_void, offset: u32) -> i32>,
    /// RAM for writing more than 64 bytes at a time: a page of the flash, say. NULL for none.
    pub buffer: *mut u8,
    /// Its size in bytes; 0 if it is NULL.
    pub buffer_len: usize,
}

/// What is kept in a region.
///
/// # Safety
///
/// `region` is NULL, or points to what its type says, with callbacks that can be called.
unsafe fn records<'a>(
    region: *const flashdelta_region,
) -> Result<Records<Region, &'a mut [u8]>, flashdelta_status> {
    check(region)?;
    // SAFETY: not NULL, aligned; the rest is the caller's promise.
    let region = unsafe { *region };
    let sizes = [region.size, region.write_size, region.sector_size];
    let flash = Region::erased(region.user, sizes, (region.read, region.write, region.erase))?;
    // SAFETY: the caller lends it for as long as the records are used.
    let buffer: &'a mut [u8] = unsafe { bytes_mut(region.buffer, region.buffer_len)? };
    // What cannot be read is no record, and no error: the geometry is all that can be wrong.
    Records::with_buffer(flash, 0, region.size, buffer).map_err(|_| FLASHDELTA_ERR_INVALID_ARGUMENT)
}

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
