# QEMU's `sim` machine with the dc233c core, which has what the code of an ESP32 uses, the windowed ABI above all: start, window
# exceptions, traps, counter. For LLVM's assembler.

# The processor starts here, whatever the entry of the program is.
    .section .guest.reset, "ax", @progbits
    .global _start
_start:
    j start

    .section .guest.started.literal, "ax", @progbits
    .p2align 2
.Lstack:
    .long stack_top - 16
.Lmain:
    .long guest_main
# Windows on, no exception mode, no interrupts.
.Lstatus:
    .long 0x4000f

    .section .guest.started, "ax", @progbits
    .p2align 2
start:
    movi a2, 0
    wsr a2, windowbase
    rsync
    movi a2, 1
    wsr a2, windowstart
    rsync
    l32r a2, .Lstatus
    wsr a2, ps
    rsync
    l32r a1, .Lstack
    movi a0, 0
    l32r a4, .Lmain
    callx4 a4

# Xtensa Instruction Set Architecture Reference Manual, section 4.7.1.4: the handlers of the windowed registers, at their offsets.
    .section .guest.vectors, "ax", @progbits
    .p2align 6
vectors_start:
    s32e a0, a5, -16
    s32e a1, a5, -12
    s32e a2, a5, -8
    s32e a3, a5, -4
    rfwo
    .p2align 6
    l32e a0, a5, -16
    l32e a1, a5, -12
    l32e a2, a5, -8
    l32e a3, a5, -4
    rfwu
    .p2align 6
    s32e a0, a9, -16
    l32e a0, a1, -12
    s32e a1, a9, -12
    s32e a2, a9, -8
    s32e a3, a9, -4
    s32e a4, a0, -32
    s32e a5, a0, -28
    s32e a6, a0, -24
    s32e a7, a0, -20
    rfwo
    .p2align 6
    l32e a0, a9, -16
    l32e a1, a9, -12
    l32e a2, a9, -8
    l32e a7, a1, -12
    l32e a3, a9, -4
    l32e a4, a7, -32
    l32e a5, a7, -28
    l32e a6, a7, -24
    l32e a7, a7, -20
    rfwu
    .p2align 6
    s32e a0, a13, -16
    l32e a0, a1, -12
    s32e a1, a13, -12
    s32e a2, a13, -8
    s32e a3, a13, -4
    s32e a4, a0, -48
    s32e a5, a0, -44
    s32e a6, a0, -40
    s32e a7, a0, -36
    s32e a8, a0, -32
    s32e a9, a0, -28
    s32e a10, a0, -24
    s32e a11, a0, -20
    rfwo
    .p2align 6
    l32e a0, a13, -16
    l32e a1, a13, -12
    l32e a2, a13, -8
    l32e a11, a1, -12
    l32e a3, a13, -4
    l32e a4, a11, -48
    l32e a5, a11, -44
    l32e a6, a11, -40
    l32e a7, a11, -36
    l32e a8, a11, -32
    l32e a9, a11, -28
    l32e a10, a11, -24
    l32e a11, a11, -20
    rfwu
# All other exceptions, at multiples of 64 bytes: the program ends with status 99.
    .rept 12
    .p2align 6
    j trap
    .endr
    .p2align 6
    .global abort
abort:
trap:
    movi a3, 99
    movi a2, 1
    .byte 0x00, 0x51, 0x00
    j trap

    .section .guest.start, "ax", @progbits
# long simcall(long number, long a, long b, long c); below 0: an error. LLVM's assembler does not know `simcall`.
    .global host_call
    .p2align 2
host_call:
    entry a1, 16
    .byte 0x00, 0x51, 0x00
    retw

# void *stack_pointer(void)
    .global stack_pointer
    .p2align 2
stack_pointer:
    entry a1, 16
    addi a2, a1, 16
    retw

# uint64_t ticks(void): the cycle counter, 32 bits.
    .global ticks
    .p2align 2
ticks:
    entry a1, 16
    rsr a2, ccount
    movi a3, 0
    retw
