//! A region of flash that keeps what has to survive resets.

use core::ffi::c_void;

use flashdelta::nor::Records;

use crate::callbacks::Region;
use crate::flashdelta_status::{self, *};
use crate::pointers::{bytes_mut, check};

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
pub(crate) unsafe fn records<'a>(
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
