/* Where things are on the two boards.
 * SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef BOARD_H
#define BOARD_H
#if defined(__riscv)
#define BOARD_NAME "heron-rv"
#define UART_BASE 0x60000000u
#define GPIO_BASE 0x60004000u
#define I2C_BASE 0x60013000u
#define SPI_BASE 0x60024000u
#define ADC_BASE 0x60040000u
#define TIMER_BASE 0x6001F000u
#define WDT_BASE 0x60008000u
#define FLASHC_BASE 0x60002000u
#define CLOCK_BASE 0x600C0000u
#define CORE_HZ 160000000u
#define STORE_ADDR 0x423F0000u
#elif defined(__XTENSA__)
/* Named after the chips; the peripherals are as invented as on the other boards. */
#if defined(__XTENSA_WINDOWED_ABI__)
#define BOARD_NAME "heron-esp32"
#else
#define BOARD_NAME "heron-esp8266"
#endif
#define UART_BASE 0x60000000u
#define GPIO_BASE 0x60000300u
#define I2C_BASE 0x60000D00u
#define SPI_BASE 0x60000100u
#define ADC_BASE 0x60000500u
#define TIMER_BASE 0x60000600u
#define WDT_BASE 0x60000900u
#define FLASHC_BASE 0x60000200u
#define CLOCK_BASE 0x60000800u
#define CORE_HZ 80000000u
#define STORE_ADDR 0x402FB000u
#else
#define BOARD_NAME "heron-m4"
#define UART_BASE 0x40013800u
#define GPIO_BASE 0x48000000u
#define I2C_BASE 0x40005400u
#define SPI_BASE 0x40013000u
#define ADC_BASE 0x50040000u
#define TIMER_BASE 0x40000000u
#define WDT_BASE 0x40003000u
#define FLASHC_BASE 0x40022000u
#define CLOCK_BASE 0x40021000u
#define CORE_HZ 80000000u
#define STORE_ADDR 0x080FF000u
#endif
#endif
