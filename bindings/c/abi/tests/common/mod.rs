//! Flash and slots in memory, behind callbacks.

use core::ffi::c_void;
use core::ptr::{null, null_mut};

use flashdelta_c_abi::flashdelta_flash;

pub(crate) const SECTOR: usize = 512;

pub(crate) unsafe extern "C" fn read(
    user: *mut c_void,
    offset: u32,
    to: *mut u8,
    len: usize,
) -> i32 {
    // SAFETY: `user` is the flash of the test, `to` has room for `len` bytes.
    unsafe {
        let flash = &(&*user.cast::<Vec<u8>>())[offset as usize..][..len];
        to.copy_from_nonoverlapping(flash.as_ptr(), len);
    }
    0
}

pub(crate) unsafe extern "C" fn write(
    user: *mut c_void,
    offset: u32,
    from: *const u8,
    len: usize,
) -> i32 {
    assert!(len > 0 && len.is_multiple_of(4) && offset.is_multiple_of(4));
    // SAFETY: as above, for reading.
    unsafe {
        let flash = &mut (&mut *user.cast::<Vec<u8>>())[offset as usize..][..len];
        assert!(flash.iter().all(|byte| *byte == 0xFF), "written twice");
        flash.copy_from_slice(core::slice::from_raw_parts(from, len));
    }
    0
}

pub(crate) unsafe extern "C" fn erase(user: *mut c_void, offset: u32) -> i32 {
    // SAFETY: as above.
    unsafe { (&mut *user.cast::<Vec<u8>>())[offset as usize..][..SECTOR].fill(0xFF) };
    0
}

unsafe extern "C" fn read_image(user: *mut c_void, offset: u32, to: *mut u8, len: usize) -> i32 {
    // SAFETY: `user` are the images of the test.
    unsafe {
        let images = user.cast::<[Vec<u8>; 2]>();
        to.copy_from_nonoverlapping((&(*images)[0])[offset as usize..][..len].as_ptr(), len);
    }
    0
}

unsafe extern "C" fn read_new(user: *mut c_void, offset: u32, to: *mut u8, len: usize) -> i32 {
    // SAFETY: as above.
    unsafe {
        let images = user.cast::<[Vec<u8>; 2]>();
        to.copy_from_nonoverlapping((&(*images)[1])[offset as usize..][..len].as_ptr(), len);
    }
    0
}

unsafe extern "C" fn write_new(user: *mut c_void, offset: u32, from: *const u8, len: usize) -> i32 {
    // SAFETY: as above.
    unsafe {
        let images = user.cast::<[Vec<u8>; 2]>();
        (&mut (*images)[1])[offset as usize..][..len]
            .copy_from_slice(core::slice::from_raw_parts(from, len));
    }
    0
}

pub(crate) fn images() -> [Vec<u8>; 2] {
    let old: Vec<u8> = (0..2000_u32).map(|at| (at * at / 7) as u8).collect();
    let new = (0..2000_u32).map(|at| (at * at / 5 + at / 3) as u8).collect();
    [old, new]
}

/// An old and a new slot, which need no erasing.
pub(crate) fn device_of(slots: &mut [Vec<u8>; 2]) -> flashdelta_flash {
    flashdelta_flash {
        old_size: slots[0].len() as u32,
        new_size: slots[1].len() as u32,
        user: core::ptr::from_mut(slots).cast(),
        write_size: 1,
        sector_size: 0,
        flags: 0,
        read_old: Some(read_image),
        read_new: Some(read_new),
        write_new: Some(write_new),
        erase_new: None,
        flush_new: None,
        commit_new: None,
        buffer: null_mut(),
        buffer_len: 0,
        counters: null_mut(),
        values: null(),
        values_len: 0,
    }
}
