/* Reset, vectors and traps.
 * SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "fw.h"

extern uint32_t _data_start[], _data_end[], _data_load[], _bss_start[], _bss_end[], _stack_top[];

static _Noreturn void start(void)
{
    const uint32_t *s = _data_load;
    for (uint32_t *d = _data_start; d < _data_end; d++)
        *d = *s++;
    for (uint32_t *d = _bss_start; d < _bss_end; d++)
        *d = 0;
    app_main();
    hal_reset();
}

struct fault { uint32_t magic, cause, address, when; };
struct fault last_fault;

static void fault(uint32_t cause, uint32_t address)
{
    last_fault = (struct fault){ 0xFA017u, cause, address, ticks };
    print("\r\nfault: cause %u at %08x after %u ms\r\n", cause, address, ticks);
    hal_reset();
}

#if defined(__riscv)

__asm__(".section .init, \"ax\"\n"
        ".globl reset_entry\n"
        "reset_entry:\n"
        ".option push\n.option norelax\n"
        "  la gp, __global_pointer$\n"
        ".option pop\n"
        "  la sp, _stack_top\n"
        "  la t0, trap_entry\n"
        "  csrw mtvec, t0\n"
        "  j start_c\n"
        ".text\n");

void start_c(void);
void start_c(void) { start(); }

__attribute__((interrupt("machine"), aligned(4), used)) void trap_entry(void)
{
    uint32_t cause, pc;
    __asm__ volatile("csrr %0, mcause" : "=r"(cause));
    __asm__ volatile("csrr %0, mepc" : "=r"(pc));
    switch (cause) {
    case 0x80000007u: tick_isr(); break;
    case 0x8000000bu: uart_isr(); break;
    case 0x80000003u: break;
    default: fault(cause, pc);
    }
}

#elif defined(__XTENSA__)

/* The boot ROM has a stack, calls the entry point, and attaches the handlers. */
void reset_entry(void);
void reset_entry(void) { start(); }

static void exception(void) { fault(1, 0); }

__attribute__((section(".handlers"), used)) void (*const handlers[])(void) = { exception, tick_isr, uart_isr };

#else

void reset_entry(void);
void reset_entry(void) { start(); }

static void nmi(void) { fault(2, 0); }
static void hard_fault(void) { fault(3, REG32(0xE000ED38u)); }
static void mem_fault(void) { fault(4, REG32(0xE000ED34u)); }
static void bus_fault(void) { fault(5, REG32(0xE000ED38u)); }
static void usage_fault(void) { fault(6, REG32(0xE000ED28u)); }
static void spurious(void) { fault(99, REG32(0xE000ED04u)); }

__attribute__((section(".vectors"), used)) static void *const vectors[16 + 48] = {
    _stack_top, reset_entry, nmi, hard_fault, mem_fault, bus_fault, usage_fault, 0, 0, 0, 0,
    spurious, spurious, 0, spurious, tick_isr,
    [16 ... 52] = spurious,
    [53] = uart_isr,
    [54 ... 63] = spurious,
};

#endif
