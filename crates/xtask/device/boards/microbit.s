@ The counter of the micro:bit: TIMER0 of the nRF51, 32 bits at 16 MHz (nRF51 Series Reference Manual 3.0, chapter 18).
    .syntax unified
    .pushsection .guest.start, "ax"
    .thumb
    @ uint64_t ticks(void): units of 62.5 ns. The first call starts the timer.
    .thumb_func
    .global ticks
ticks:
    ldr r2, =0x40008000
    ldr r3, =0x40008500
    @ BITMODE: 3 is 32 bits
    ldr r0, [r3, #8]
    cmp r0, #3
    beq 1f
    movs r0, #3
    str r0, [r3, #8]
    @ PRESCALER
    movs r0, #0
    str r0, [r3, #16]
    @ TASKS_START
    movs r0, #1
    str r0, [r2, #0]
    @ TASKS_CAPTURE[0], CC[0]
1:  movs r0, #1
    str r0, [r2, #0x40]
    ldr r0, [r3, #0x40]
    movs r1, #0
    bx lr
    .ltorg
    .popsection
