//! The way to the host on Xtensa: the one of the guest in C, as the compiler knows no inline
//! assembly for it.

extern "C" {
    fn board_exit(status: u32) -> !;
    fn board_write_file(name: *const u8, name_len: usize, data: *const u8, len: usize) -> i32;
}

/// Ends QEMU with a status.
pub(crate) fn exit(status: u32) -> ! {
    unsafe { board_exit(status) }
}

/// Writes a file on the host. The name ends with a NUL.
///
/// # Safety
///
/// `data` has `len` bytes.
pub(crate) unsafe fn write_file(name: &[u8], data: *const u8, len: usize) -> bool {
    unsafe { board_write_file(name.as_ptr(), name.len().wrapping_sub(1), data, len) == 0 }
}
