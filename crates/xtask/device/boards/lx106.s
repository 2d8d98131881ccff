# QEMU's `sim` machine with the core of the ESP8266 (lx106, call0 ABI): start, traps, counter. The way to the host is the simulator call of
# Tensilica's simulator: its number in a2, arguments from a3 on.

# The processor starts here: that is where its reset vector lies, whatever the entry of the program is.
    .section .guest.reset, "ax"
    .global _start
_start:
    j start

    .section .guest.started, "ax"
    .align 4
start:
    # No exception mode, no interrupts.
    movi a2, 15
    wsr a2, ps
    rsync
    movi a1, stack_top
    movi a0, guest_main
    jx a0

# Exceptions come to this address plus a multiple of 16. Any of them ends the program with status 99.
    .section .guest.vectors, "ax"
    .align 16
    .rept 16
    j trap
    .align 16
    .endr
    .global abort
abort:
trap:
    movi a3, 99
    movi a2, 1
    simcall
    j trap

    .section .guest.start, "ax"
# long simcall(long number, long a, long b, long c); below 0: an error
    .global host_call
    .align 4
host_call:
    simcall
    ret

# void *stack_pointer(void)
    .global stack_pointer
    .align 4
stack_pointer:
    mov a2, a1
    ret

# uint64_t ticks(void): the cycle counter, 32 bits.
    .global ticks
    .align 4
ticks:
    rsr a2, ccount
    movi a3, 0
    ret
