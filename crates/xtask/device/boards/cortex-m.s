@ Any Cortex-M: start, traps, semihosting. For the Rust guest and the C guest.
    .syntax unified
    .pushsection .guest.start, "ax"
    .thumb
    .word stack_top
    .word _start + 1
    @ Whatever exception is taken, the program ends with status 99.
    .rept 46
    .word trap + 1
    .endr
    .thumb_func
    .global _start
_start:
    bl guest_main
    .thumb_func
trap:
    ldr r0, =stack_top
    mov sp, r0
    sub sp, #8
    ldr r0, =0x20026
    str r0, [sp, #0]
    movs r0, #99
    str r0, [sp, #4]
    movs r0, #0x20
    mov r1, sp
    bkpt 0xab
    b trap

    @ uintptr_t semihost(uint32_t operation, const uintptr_t *arguments)
    .thumb_func
    .global semihost
semihost:
    bkpt 0xab
    bx lr

    @ void *stack_pointer(void)
    .thumb_func
    .global stack_pointer
stack_pointer:
    mov r0, sp
    bx lr
    .ltorg
    .popsection
