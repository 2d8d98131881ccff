/* Registers of the board's peripherals.
 * SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "fw.h"

volatile uint32_t ticks;
struct uart_stats uart_stats;

static struct { volatile uint8_t head, tail; uint8_t buf[128]; } rx_queue;

enum { UART_CR = 0x00, UART_BRR = 0x0C, UART_SR = 0x1C, UART_ICR = 0x20, UART_RDR = 0x24, UART_TDR = 0x28 };
enum { I2C_CR1 = 0x00, I2C_CR2 = 0x04, I2C_TIMING = 0x10, I2C_ISR = 0x18, I2C_ICR = 0x1C, I2C_RX = 0x24, I2C_TX = 0x28 };
enum { SPI_CR = 0x00, SPI_SR = 0x08, SPI_DR = 0x0C, SPI_CS = 0x20 };
enum { ADC_ISR = 0x00, ADC_CR = 0x08, ADC_SQ = 0x30, ADC_DR = 0x40 };
enum { FLASH_KEY = 0x08, FLASH_SR = 0x10, FLASH_CR = 0x14 };

static int wait_set(uint32_t reg, uint32_t mask, uint32_t limit)
{
    uint32_t start = ticks;
    while (!(REG32(reg) & mask))
        if (ticks - start > limit)
            return E_TIMEOUT;
    return OK;
}

static int wait_clear(uint32_t reg, uint32_t mask, uint32_t limit)
{
    uint32_t start = ticks;
    while (REG32(reg) & mask)
        if (ticks - start > limit)
            return E_TIMEOUT;
    return OK;
}

void tick_isr(void) { ticks++; }

void delay_ms(uint32_t ms)
{
    uint32_t start = ticks;
    while (ticks - start < ms)
        watchdog_feed();
}

void uart_init(uint32_t baud)
{
    REG32(UART_BASE + UART_CR) = 0;
    REG32(UART_BASE + UART_BRR) = (CORE_HZ + baud / 2) / baud;
    REG32(UART_BASE + UART_CR) = 0x2D;
}

void uart_putc(char c)
{
    if (c == '\n')
        uart_putc('\r');
    if (wait_set(UART_BASE + UART_SR, 1u << 7, 20) == OK) {
        REG32(UART_BASE + UART_TDR) = (uint8_t)c;
        uart_stats.tx++;
    }
}

void uart_isr(void)
{
    uint32_t sr = REG32(UART_BASE + UART_SR);
    if (sr & (1u << 3)) {
        uart_stats.overrun++;
        REG32(UART_BASE + UART_ICR) = 1u << 3;
    }
    if (sr & (1u << 1)) {
        uart_stats.framing++;
        REG32(UART_BASE + UART_ICR) = 1u << 1;
    }
    while (REG32(UART_BASE + UART_SR) & (1u << 5)) {
        uint8_t c = (uint8_t)REG32(UART_BASE + UART_RDR);
        uint8_t next = (uint8_t)((rx_queue.head + 1) % sizeof rx_queue.buf);
        if (next == rx_queue.tail) {
            uart_stats.overrun++;
            break;
        }
        rx_queue.buf[rx_queue.head] = c;
        rx_queue.head = next;
        uart_stats.rx++;
    }
}

int uart_getc(void)
{
    if (rx_queue.head == rx_queue.tail)
        return -1;
    int c = rx_queue.buf[rx_queue.tail];
    rx_queue.tail = (uint8_t)((rx_queue.tail + 1) % sizeof rx_queue.buf);
    return c;
}

int gpio_mode(unsigned pin, unsigned mode)
{
    uint32_t port = GPIO_BASE + (pin >> 4) * 0x400u, shift = (pin & 15) * 2;
    if (pin >= 64 || mode > 3)
        return E_RANGE;
    REG32(port) = (REG32(port) & ~(3u << shift)) | mode << shift;
    return OK;
}

int gpio_write(unsigned pin, bool on)
{
    if (pin >= 64)
        return E_RANGE;
    REG32(GPIO_BASE + (pin >> 4) * 0x400u + 0x18) = 1u << ((pin & 15) + (on ? 0 : 16));
    return OK;
}

int gpio_read(unsigned pin)
{
    if (pin >= 64)
        return E_RANGE;
    return REG32(GPIO_BASE + (pin >> 4) * 0x400u + 0x10) >> (pin & 15) & 1;
}

static void i2c_recover(void)
{
    REG32(I2C_BASE + I2C_CR1) = 0;
    for (int i = 0; i < 9; i++) {
        gpio_write(22, false);
        gpio_write(22, true);
    }
    REG32(I2C_BASE + I2C_TIMING) = 0x10909CECu;
    REG32(I2C_BASE + I2C_CR1) = 1;
}

static int i2c_start(uint8_t addr, size_t n, bool read, bool stop)
{
    int e = wait_clear(I2C_BASE + I2C_ISR, 1u << 15, 5);
    if (e != OK) {
        i2c_recover();
        return E_BUSY;
    }
    REG32(I2C_BASE + I2C_CR2) = (uint32_t)addr << 1 | (uint32_t)n << 16 | (read ? 1u << 10 : 0) | 1u << 13 | (stop ? 1u << 25 : 0);
    return OK;
}

static int i2c_step(uint32_t mask)
{
    int e = wait_set(I2C_BASE + I2C_ISR, mask | 1u << 4, 5);
    if (e == OK && (REG32(I2C_BASE + I2C_ISR) & (1u << 4))) {
        REG32(I2C_BASE + I2C_ICR) = 1u << 4;
        return E_NACK;
    }
#if FW_1_1
    /* Fixed in 1.1: a device that holds the clock left the bus busy for ever. */
    if (e == E_TIMEOUT) {
        log_at(LOG_WARN, "i2c", "clock held low, bus recovered");
        i2c_recover();
    }
#endif
    return e;
}

int i2c_write(uint8_t addr, const uint8_t *p, size_t n)
{
    int e = i2c_start(addr, n, false, true);
    while (e == OK && n--) {
        e = i2c_step(1u << 1);
        if (e == OK)
            REG32(I2C_BASE + I2C_TX) = *p++;
    }
    return e;
}

int i2c_read(uint8_t addr, uint8_t reg, uint8_t *p, size_t n)
{
    int e = i2c_start(addr, 1, false, false);
    if (e == OK)
        e = i2c_step(1u << 1);
    if (e != OK)
        return e;
    REG32(I2C_BASE + I2C_TX) = reg;
    e = i2c_step(1u << 6);
    if (e == OK)
        e = i2c_start(addr, n, true, true);
    while (e == OK && n--) {
        e = i2c_step(1u << 2);
        if (e == OK)
            *p++ = (uint8_t)REG32(I2C_BASE + I2C_RX);
    }
    return e;
}

int spi_transfer(uint8_t cs, const uint8_t *tx, uint8_t *rx, size_t n)
{
    int e = OK;
    REG32(SPI_BASE + SPI_CS) = 1u << cs;
    while (n-- && e == OK) {
        REG32(SPI_BASE + SPI_DR) = tx ? *tx++ : 0xFF;
        e = wait_set(SPI_BASE + SPI_SR, 1, 2);
        uint8_t v = (uint8_t)REG32(SPI_BASE + SPI_DR);
        if (rx)
            *rx++ = v;
    }
    REG32(SPI_BASE + SPI_CS) = 0;
    return e;
}

int adc_read(unsigned channel)
{
    if (channel > 18)
        return E_RANGE;
    REG32(ADC_BASE + ADC_SQ) = channel << 6;
    REG32(ADC_BASE + ADC_CR) |= 1u << 2;
    int e = wait_set(ADC_BASE + ADC_ISR, 1u << 2, 2);
    return e == OK ? (int)(REG32(ADC_BASE + ADC_DR) & 0xFFF) : e;
}

int flash_erase(uint32_t sector)
{
    REG32(FLASHC_BASE + FLASH_KEY) = 0x45670123u;
    REG32(FLASHC_BASE + FLASH_KEY) = 0xCDEF89ABu;
    REG32(FLASHC_BASE + FLASH_CR) = 2u | sector << 3;
    REG32(FLASHC_BASE + FLASH_CR) |= 1u << 16;
    int e = wait_clear(FLASHC_BASE + FLASH_SR, 1u << 16, 500);
    REG32(FLASHC_BASE + FLASH_CR) = 1u << 31;
    return e;
}

int flash_write(uint32_t addr, const void *p, size_t n)
{
    const uint32_t *w = p;
    int e = OK;
    REG32(FLASHC_BASE + FLASH_CR) = 1;
    for (size_t i = 0; i + 4 <= n && e == OK; i += 4) {
        REG32(addr + i) = w[i / 4];
        e = wait_clear(FLASHC_BASE + FLASH_SR, 1u << 16, 10);
        if (e == OK && REG32(addr + i) != w[i / 4])
            e = E_VERIFY;
    }
    REG32(FLASHC_BASE + FLASH_CR) = 1u << 31;
    return e;
}

int flash_read(uint32_t addr, void *p, size_t n)
{
    memcpy(p, (const void *)(uintptr_t)addr, n);
    return OK;
}

void watchdog_feed(void) { REG32(WDT_BASE) = 0xAAAA; }

void hal_reset(void)
{
    for (;;)
        REG32(WDT_BASE + 4) = 0x5FA0004u;
}

void hal_init(void)
{
    for (int i = 0; i < n_peripherals; i++)
        peripherals[i].enable();
    for (int i = 0; i < n_pins; i++)
        gpio_mode(pins[i].pin, pins[i].mode);
    REG32(TIMER_BASE + 0x2C) = CORE_HZ / 1000 - 1;
    REG32(TIMER_BASE) = 1;
    i2c_recover();
    uart_init(115200);
}
