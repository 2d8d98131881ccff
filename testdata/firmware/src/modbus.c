/* Modbus RTU: the functions a logger needs.
 * SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "fw.h"

enum { ILLEGAL_FUNCTION = 1, ILLEGAL_ADDRESS = 2, ILLEGAL_VALUE = 3, DEVICE_FAILURE = 4 };

static struct { uint32_t frames, errors, exceptions; uint16_t last; } stats;

static uint16_t get16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }
static void put16(uint8_t *p, uint16_t v) { p[0] = (uint8_t)(v >> 8); p[1] = (uint8_t)v; }

static int input_register(uint16_t a, uint16_t *v)
{
    unsigned s = a / 16, c = a % 16 / 2;
    if (s < (unsigned)n_sensors && c < sensors[s].n_channels) {
        uint32_t x = (uint32_t)sensors[s].last[c];
        *v = (uint16_t)(a & 1 ? x : x >> 16);
        return OK;
    }
    switch (a) {
    case 1000: *v = (uint16_t)(ticks >> 16); return OK;
    case 1001: *v = (uint16_t)ticks; return OK;
    case 1002: *v = (uint16_t)alarm_count(); return OK;
    case 1003: *v = (uint16_t)uart_stats.overrun; return OK;
    case 1004: *v = (uint16_t)uart_stats.framing; return OK;
    case 1005: *v = (uint16_t)stats.frames; return OK;
    case 1006: *v = (uint16_t)stats.exceptions; return OK;
    case 1007: *v = 0x0100 + FW_MINOR * 0x10; return OK;
    default: return E_RANGE;
    }
}

static int holding_register(uint16_t a, uint16_t *v, bool write)
{
    if (a / 2 >= n_settings)
        return E_RANGE;
    const struct setting *s = &settings[a / 2];
    char text[24];
    int32_t now;
    if (s->type == SET_STR)
        return E_UNSUPPORTED;
    settings_format(s, text, sizeof text);
    if (!parse_int(text, &now))
        now = !strcmp(text, "on");
    if (!write) {
        *v = (uint16_t)(a & 1 ? (uint32_t)now : (uint32_t)now >> 16);
        return OK;
    }
    uint32_t x = (uint32_t)now;
    x = a & 1 ? (x & 0xFFFF0000u) | *v : (x & 0xFFFFu) | (uint32_t)*v << 16;
    format(text, sizeof text, "%d", (int32_t)x);
    return settings_set(s->key, text);
}

static int exception(uint8_t *rsp, uint8_t function, uint8_t code)
{
    rsp[1] = function | 0x80;
    rsp[2] = code;
    stats.exceptions++;
    return 3;
}

static int read_bits(const uint8_t *req, uint8_t *rsp)
{
    uint16_t first = get16(req + 2), n = get16(req + 4);
    if (n == 0 || n > 256)
        return exception(rsp, req[1], ILLEGAL_VALUE);
    if (first + n > 64)
        return exception(rsp, req[1], ILLEGAL_ADDRESS);
    rsp[2] = (uint8_t)((n + 7) / 8);
    memset(rsp + 3, 0, rsp[2]);
    for (unsigned i = 0; i < n; i++)
        if (gpio_read(first + i) > 0)
            rsp[3 + i / 8] |= (uint8_t)(1 << (i & 7));
    return 3 + rsp[2];
}

static int read_registers(const uint8_t *req, uint8_t *rsp)
{
    uint16_t first = get16(req + 2), n = get16(req + 4);
    if (n == 0 || n > 60)
        return exception(rsp, req[1], ILLEGAL_VALUE);
    rsp[2] = (uint8_t)(n * 2);
    for (uint16_t i = 0; i < n; i++) {
        uint16_t v = 0, a = (uint16_t)(first + i);
        int e = req[1] == 4 ? input_register(a, &v) : holding_register(a, &v, false);
        if (e != OK)
            return exception(rsp, req[1], ILLEGAL_ADDRESS);
        put16(rsp + 3 + 2 * i, v);
    }
    return 3 + n * 2;
}

static int write_coil(const uint8_t *req, uint8_t *rsp)
{
    uint16_t v = get16(req + 4);
    if (v != 0 && v != 0xFF00)
        return exception(rsp, req[1], ILLEGAL_VALUE);
    if (gpio_write(get16(req + 2), v != 0) != OK)
        return exception(rsp, req[1], ILLEGAL_ADDRESS);
    memcpy(rsp + 2, req + 2, 4);
    return 6;
}

static int write_register(const uint8_t *req, uint8_t *rsp)
{
    uint16_t v = get16(req + 4);
    switch (holding_register(get16(req + 2), &v, true)) {
    case OK: break;
    case E_RANGE: return exception(rsp, req[1], ILLEGAL_VALUE);
    default: return exception(rsp, req[1], ILLEGAL_ADDRESS);
    }
    memcpy(rsp + 2, req + 2, 4);
    return 6;
}

#if FW_1_1
static int write_registers(const uint8_t *req, uint8_t *rsp)
{
    uint16_t first = get16(req + 2), n = get16(req + 4);
    if (n == 0 || n > 60 || req[6] != n * 2)
        return exception(rsp, req[1], ILLEGAL_VALUE);
    for (uint16_t i = 0; i < n; i++) {
        uint16_t v = get16(req + 7 + 2 * i);
        int e = holding_register((uint16_t)(first + i), &v, true);
        if (e != OK)
            return exception(rsp, req[1], e == E_RANGE ? ILLEGAL_VALUE : ILLEGAL_ADDRESS);
    }
    log_at(LOG_INFO, "modbus", "%u settings written from %u on", (uint32_t)n, (uint32_t)first);
    memcpy(rsp + 2, req + 2, 4);
    return 6;
}
#endif

static int report_id(const uint8_t *req, uint8_t *rsp)
{
    (void)req;
    size_t n = strlen(FW_NAME);
    rsp[2] = (uint8_t)n;
    memcpy(rsp + 3, FW_NAME, n);
    return (int)n + 3;
}

int modbus_handle(const uint8_t *req, size_t n, uint8_t *rsp)
{
    if (n < 4)
        return 0;
    if (crc16_modbus(req, n - 2) != (uint16_t)(req[n - 2] | req[n - 1] << 8)) {
        stats.errors++;
        log_at(LOG_DEBUG, "modbus", "frame of %u bytes with a wrong checksum", (uint32_t)n);
        return 0;
    }
    if (req[0] != config.modbus_id && req[0] != 0)
        return 0;
    stats.frames++;
    stats.last = req[1];
    rsp[0] = req[0];
    rsp[1] = req[1];
    int len;
    switch (req[1]) {
    case 1:
    case 2: len = read_bits(req, rsp); break;
    case 3:
    case 4: len = read_registers(req, rsp); break;
    case 5: len = write_coil(req, rsp); break;
    case 6: len = write_register(req, rsp); break;
    case 7: rsp[2] = (uint8_t)alarm_count(); len = 3; break;
#if FW_1_1
    case 16: len = write_registers(req, rsp); break;
#endif
    case 17: len = report_id(req, rsp); break;
    default: len = exception(rsp, req[1], ILLEGAL_FUNCTION);
    }
    uint16_t crc = crc16_modbus(rsp, (size_t)len);
    rsp[len] = (uint8_t)crc;
    rsp[len + 1] = (uint8_t)(crc >> 8);
    return req[0] ? len + 2 : 0;
}
