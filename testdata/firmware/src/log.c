/* Log lines into a ring in RAM, and out of the serial port.
 * SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "fw.h"

static char ring[2048];
static uint16_t ring_at, ring_used;
static const char *const level_names[] = { "error", "warn", "info", "debug" };

static struct module { const char *name; uint8_t level; uint16_t lines; } modules[] = {
    { "main", LOG_INFO, 0 }, { "i2c", LOG_WARN, 0 }, { "sensor", LOG_INFO, 0 }, { "settings", LOG_INFO, 0 },
    { "fsm", LOG_INFO, 0 }, { "vm", LOG_WARN, 0 }, { "modbus", LOG_WARN, 0 }, { "link", LOG_WARN, 0 },
    { "alarm", LOG_INFO, 0 }, { "display", LOG_ERROR, 0 }, { "selftest", LOG_INFO, 0 },
#if FW_1_1
    { "watch", LOG_INFO, 0 },
#endif
};

static struct module *find_module(const char *name)
{
    for (size_t i = 0; i < COUNT(modules); i++)
        if (!strcmp(modules[i].name, name))
            return &modules[i];
    return NULL;
}

static void put_ring(void *ctx, char c)
{
    (void)ctx;
    ring[ring_at] = c;
    ring_at = (uint16_t)((ring_at + 1) % sizeof ring);
    if (ring_used < sizeof ring)
        ring_used++;
}

void log_at(enum log_level level, const char *module, const char *f, ...)
{
    struct module *m = find_module(module);
    if (m && level > m->level)
        return;
    if (m)
        m->lines++;
    char head[40];
    format(head, sizeof head, "[%7u.%03u] %-5s %s: ", ticks / 1000, ticks % 1000, level_names[level], module);
    for (const char *p = head; *p; p++)
        put_ring(NULL, *p);
    va_list ap;
    va_start(ap, f);
    vformat(put_ring, NULL, f, ap);
    va_end(ap);
    put_ring(NULL, '\n');
    if (level == LOG_ERROR)
        print("%s%s\n", head, f);
}

void log_dump(void)
{
    uint16_t at = (uint16_t)((ring_at + sizeof ring - ring_used) % sizeof ring);
    for (uint16_t i = 0; i < ring_used; i++)
        uart_putc(ring[(at + i) % sizeof ring]);
    for (size_t i = 0; i < COUNT(modules); i++)
        print("%-10s %-6s %5u lines\n", modules[i].name, level_names[modules[i].level], (uint32_t)modules[i].lines);
}

void log_set_level(const char *module, int level)
{
    for (size_t i = 0; i < COUNT(modules); i++)
        if (!strcmp(module, "*") || !strcmp(module, modules[i].name))
            modules[i].level = (uint8_t)level;
}

const char *error_name(int code)
{
    return code <= 0 && -code < n_errors ? error_table[-code][0] : "E_UNKNOWN";
}

const char *error_text(int code)
{
    return code <= 0 && -code < n_errors ? error_table[-code][1] : "an error without a text";
}
