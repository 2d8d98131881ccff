@ The counter of Arm's MPS2 board with the AN385 image: timer 1 of the CMSDK dual timer, 32 bits, counting down at 25 MHz (Arm DDI 0479D,
@ section 4.8). Registers: 0 load, 4 value, 8 control.
    .syntax unified
    .pushsection .guest.start, "ax"
    .thumb
    @ uint64_t ticks(void): units of 40 ns. The first call starts the timer.
    .thumb_func
    .global ticks
ticks:
    ldr r2, =0x40002000
    @ Enabled, free running, no interrupt, 32 bits.
    movs r1, #0x82
    ldr r0, [r2, #8]
    cmp r0, r1
    beq 1f
    movs r0, #0
    mvns r0, r0
    str r0, [r2, #0]
    str r1, [r2, #8]
1:  ldr r0, [r2, #4]
    mvns r0, r0
    movs r1, #0
    bx lr
    .ltorg
    .popsection
