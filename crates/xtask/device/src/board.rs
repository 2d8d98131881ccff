//! What differs between the emulated boards: start, counter, and the way to the host.

// Shared with the guest in C.
#[cfg(target_arch = "riscv32")]
core::arch::global_asm!(include_str!("../boards/virt.s"));
#[cfg(target_arch = "arm")]
core::arch::global_asm!(include_str!("../boards/cortex-m.s"));
#[cfg(all(target_arch = "arm", not(feature = "board-microbit")))]
core::arch::global_asm!(include_str!("../boards/mps2.s"));
#[cfg(all(target_arch = "arm", feature = "board-microbit"))]
core::arch::global_asm!(include_str!("../boards/microbit.s"));

extern "C" {
    /// The linker script's: the lowest byte of the stack.
    static mut stack_limit: u8;
    /// Assembly: asks the host for something.
    fn semihost(operation: u32, argument: *const usize) -> usize;
    /// Assembly: the stack pointer.
    fn stack_pointer() -> *mut u8;
    /// Assembly: what the board's counter says, in its own unit.
    #[link_name = "ticks"]
    fn board_ticks() -> u64;
}

/// What the board's counter says.
#[inline(always)]
pub(crate) fn ticks() -> u64 {
    unsafe { board_ticks() }
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

const PAINT: u8 = 0x5C;

/// Paints the stack below the caller.
#[inline(never)]
#[link_section = ".text.guest.paint_stack"]
pub(crate) fn paint_stack() {
    unsafe {
        let (mut at, top) = (&raw mut stack_limit, stack_pointer());
        while at < top {
            at.write_volatile(PAINT);
            at = at.add(1);
        }
    }
}

/// Where the caller's part of the stack ends.
#[inline(always)]
pub(crate) fn top_of_stack() -> *const u8 {
    unsafe { stack_pointer() }
}

/// How much of the painted stack below `top` was used, in bytes.
#[inline(never)]
#[link_section = ".text.guest.used_stack"]
pub(crate) fn used_stack(top: *const u8) -> u32 {
    unsafe {
        let mut at = &raw const stack_limit;
        while at < top && at.read_volatile() == PAINT {
            at = at.add(1);
        }
        (top as usize).wrapping_sub(at as usize) as u32
    }
}
