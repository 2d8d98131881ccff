//! Arm's MPS2 board with the AN385 image (Cortex-M3), and the micro:bit (nRF51, Cortex-M0).

// Whatever exception is taken, the program ends with status 99.
core::arch::global_asm!(
    ".pushsection .guest.start, \"ax\"",
    ".word stack_top",
    ".word _start + 1",
    ".rept 46",
    ".word trap + 1",
    ".endr",
    ".thumb",
    ".thumb_func",
    ".global _start",
    "_start:",
    "  bl guest_main",
    ".thumb_func",
    "trap:",
    "  ldr r0, =stack_top",
    "  mov sp, r0",
    "  sub sp, #8",
    "  ldr r0, =0x20026",
    "  str r0, [sp, #0]",
    "  movs r0, #99",
    "  str r0, [sp, #4]",
    "  movs r0, #0x20",
    "  mov r1, sp",
    "  bkpt 0xab",
    "  b trap",
    ".thumb_func",
    ".global semihost",
    "semihost:",
    "  bkpt 0xab",
    "  bx lr",
    ".thumb_func",
    ".global stack_pointer",
    "stack_pointer:",
    "  mov r0, sp",
    "  bx lr",
    ".ltorg",
    ".popsection",
);

pub(crate) use timer::ticks;

#[cfg(not(feature = "board-microbit"))]
mod timer {
    //! Timer 1 of the CMSDK dual timer: 32 bits, counting down at 25 MHz (Arm DDI 0479D, section 4.8).
    const TIMER_LOAD: *mut u32 = 0x4000_2000 as *mut u32;
    const TIMER_VALUE: *const u32 = 0x4000_2004 as *const u32;
    const TIMER_CONTROL: *mut u32 = 0x4000_2008 as *mut u32;
    /// Enabled, free running, 32 bits, no interrupt.
    const RUN: u32 = 1 << 7 | 1 << 1;

    /// Time in units of 40 ns. The first call starts the timer.
    #[inline(never)]
    #[link_section = ".text.guest.ticks"]
    pub(crate) fn ticks() -> u64 {
        unsafe {
            if TIMER_CONTROL.read_volatile() != RUN {
                TIMER_LOAD.write_volatile(u32::MAX);
                TIMER_CONTROL.write_volatile(RUN);
            }
            u64::from(!TIMER_VALUE.read_volatile())
        }
    }
}

#[cfg(feature = "board-microbit")]
mod timer {
    //! TIMER0 of the nRF51: 32 bits at 16 MHz (nRF51 Series Reference Manual 3.0, chapter 18).
    const TASKS_START: *mut u32 = 0x4000_8000 as *mut u32;
    const TASKS_CAPTURE0: *mut u32 = 0x4000_8040 as *mut u32;
    const BITMODE: *mut u32 = 0x4000_8508 as *mut u32;
    const PRESCALER: *mut u32 = 0x4000_8510 as *mut u32;
    const CC0: *const u32 = 0x4000_8540 as *const u32;
    const BITS_32: u32 = 3;

    /// Time in units of 62.5 ns. The first call starts the timer.
    #[inline(never)]
    #[link_section = ".text.guest.ticks"]
    pub(crate) fn ticks() -> u64 {
        unsafe {
            if BITMODE.read_volatile() != BITS_32 {
                BITMODE.write_volatile(BITS_32);
                PRESCALER.write_volatile(0);
                TASKS_START.write_volatile(1);
            }
            TASKS_CAPTURE0.write_volatile(1);
            u64::from(CC0.read_volatile())
        }
    }
}
