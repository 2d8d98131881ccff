//! What differs between the emulated boards: start, counter, and the way to the host.

// Shared with the guest in C. For Xtensa it is linked as an object: the compiler knows no assembly
// of it.
#[cfg(target_arch = "riscv32")]
core::arch::global_asm!(include_str!("../boards/virt.s"));
#[cfg(target_arch = "arm")]
core::arch::global_asm!(include_str!("../boards/cortex-m.s"));
#[cfg(all(target_arch = "arm", not(feature = "board-microbit")))]
core::arch::global_asm!(include_str!("../boards/mps2.s"));
#[cfg(all(target_arch = "arm", feature = "board-microbit"))]
core::arch::global_asm!(include_str!("../boards/microbit.s"));

#[cfg(not(target_arch = "xtensa"))]
pub(crate) use crate::semihosting::{exit, write_file};
#[cfg(target_arch = "xtensa")]
pub(crate) use crate::simcall::{exit, write_file};

extern "C" {
    /// The linker script's: the lowest byte of the stack.
    static mut stack_limit: u8;
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
