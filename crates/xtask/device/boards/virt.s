# QEMU's `virt` board: start, traps, semihosting, counter. For the Rust guest and the C guest.
    .pushsection .guest.start, "ax"
    .global _start
_start:
    la sp, stack_top
    la t0, trap
    csrw mtvec, t0
    call guest_main

# Any trap ends the program with status 99.
    .balign 4
trap:
    la sp, stack_top
    addi sp, sp, -16
    li t0, 0x20026
    sw t0, 0(sp)
    li t0, 99
    sw t0, 4(sp)
    li a0, 0x20
    mv a1, sp
    call semihost
    j trap

# uintptr_t semihost(uint32_t operation, const uintptr_t *arguments)
# The instructions around `ebreak` tell the debugger that a call is meant (RISC-V Semihosting 1.0, section 2). They must not be compressed, and
# must lie in one page.
    .global semihost
    .balign 16
semihost:
    .option push
    .option norvc
    slli x0, x0, 0x1f
    ebreak
    srai x0, x0, 7
    .option pop
    ret

# void *stack_pointer(void)
    .global stack_pointer
stack_pointer:
    mv a0, sp
    ret

# uint64_t ticks(void): instructions since the start, exact as QEMU counts them under -icount.
    .global ticks
ticks:
    csrr a1, minstreth
    csrr a0, minstret
    csrr t0, minstreth
    bne a1, t0, ticks
    ret
    .popsection
