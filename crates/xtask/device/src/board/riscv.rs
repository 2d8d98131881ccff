//! QEMU's `virt` board.

// The three instructions around `ebreak` are what tells QEMU that a call is meant (RISC-V Semihosting, section 2.2). They must not be
// compressed, and must lie in one page.
core::arch::global_asm!(
    ".pushsection .guest.start, \"ax\"",
    ".global _start",
    "_start:",
    "  la sp, stack_top",
    "  la t0, trap",
    "  csrw mtvec, t0",
    "  call guest_main",
    ".balign 4",
    "trap:",
    "  la sp, stack_top",
    "  addi sp, sp, -16",
    "  li t0, 0x20026",
    "  sw t0, 0(sp)",
    "  li t0, 99",
    "  sw t0, 4(sp)",
    "  li a0, 0x20",
    "  mv a1, sp",
    "  call semihost",
    "  j trap",
    ".global semihost",
    ".balign 16",
    "semihost:",
    ".option push",
    ".option norvc",
    "  slli x0, x0, 0x1f",
    "  ebreak",
    "  srai x0, x0, 7",
    ".option pop",
    "  ret",
    ".global stack_pointer",
    "stack_pointer:",
    "  mv a0, sp",
    "  ret",
    ".popsection",
);

/// Instructions since the start: exact, as QEMU counts them under `-icount`.
#[inline(never)]
#[link_section = ".text.guest.ticks"]
pub(crate) fn ticks() -> u64 {
    let (mut high, mut low, mut again): (u32, u32, u32);
    loop {
        unsafe {
            core::arch::asm!(
                "csrr {high}, minstreth",
                "csrr {low}, minstret",
                "csrr {again}, minstreth",
                high = out(reg) high,
                low = out(reg) low,
                again = out(reg) again,
                options(nomem, nostack),
            );
        }
        if high == again {
            return u64::from(high) << 32 | u64::from(low);
        }
    }
}
