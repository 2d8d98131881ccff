//! The way to the host on Arm and RISC-V: Semihosting for AArch32 and AArch64, release 2.0, chapter
//! 6.

extern "C" {
    /// Assembly: asks the host for something.
    fn semihost(operation: u32, argument: *const usize) -> usize;
}

const SYS_OPEN: u32 = 0x01;
const SYS_CLOSE: u32 = 0x02;
const SYS_WRITE: u32 = 0x05;
const SYS_EXIT_EXTENDED: u32 = 0x20;
const APPLICATION_EXIT: usize = 0x20026;
/// "w+b"
const MODE_WRITE: usize = 7;

/// Ends QEMU with a status.
#[inline(never)]
#[link_section = ".text.guest.exit"]
pub(crate) fn exit(status: u32) -> ! {
    let arguments = [APPLICATION_EXIT, status as usize];
    loop {
        unsafe { semihost(SYS_EXIT_EXTENDED, arguments.as_ptr()) };
    }
}

/// Writes a file on the host. The name ends with a NUL.
///
/// # Safety
///
/// `data` has `len` bytes.
#[inline(never)]
#[link_section = ".text.guest.write_file"]
pub(crate) unsafe fn write_file(name: &[u8], data: *const u8, len: usize) -> bool {
    let arguments = [name.as_ptr() as usize, MODE_WRITE, name.len().wrapping_sub(1)];
    let file = unsafe { semihost(SYS_OPEN, arguments.as_ptr()) };
    if file == usize::MAX {
        return false;
    }
    let arguments = [file, data as usize, len];
    let left = unsafe { semihost(SYS_WRITE, arguments.as_ptr()) };
    let closed = unsafe { semihost(SYS_CLOSE, [file].as_ptr()) };
    left == 0 && closed == 0
}
