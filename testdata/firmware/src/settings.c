/* Named settings, kept in flash as one record with a checksum.
 * SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "fw.h"

struct config config;

#define NUM(k, t, lo, hi, d, h) { #k, h, &config.k, t, lo, hi, d }
const struct setting settings[] = {
    NUM(baud, SET_U32, 1200, 1000000, 115200, "speed of the serial port"),
    NUM(interval_ms, SET_U32, 100, 60000, 1000, "time between two samples"),
    NUM(log_mask, SET_U32, 0, 0x7FFFFFFF, 0xFF, "which channels are written to the log"),
    NUM(modbus_id, SET_U16, 1, 247, 17, "address on the field bus"),
    NUM(frame_gap, SET_U16, 2, 500, 4, "silence that ends a frame, in ms"),
    NUM(brightness, SET_U8, 0, 255, 128, "light behind the display"),
    NUM(contrast, SET_U8, 0, 255, 90, "contrast of the display"),
    NUM(verbosity, SET_U8, 0, 3, 2, "0 errors, 1 warnings, 2 information, 3 everything"),
    NUM(sleep_enabled, SET_BOOL, 0, 1, 0, "sleep between samples"),
    NUM(display_on, SET_BOOL, 0, 1, 1, "use the display"),
    NUM(csv, SET_BOOL, 0, 1, 0, "print samples as comma separated values"),
    NUM(temp_low, SET_I32, -40000, 85000, -10000, "alarm below this temperature, in thousandths of a degree"),
    NUM(temp_high, SET_I32, -40000, 125000, 60000, "alarm above this temperature, in thousandths of a degree"),
    NUM(hum_low, SET_I32, 0, 100000, 5000, "alarm below this humidity, in thousandths of a percent"),
    NUM(hum_high, SET_I32, 0, 100000, 90000, "alarm above this humidity, in thousandths of a percent"),
#if FW_1_1
    NUM(watch_ms, SET_U32, 50, 60000, 500, "how often watched channels are printed"),
    NUM(alarm_repeat, SET_U8, 0, 60, 5, "minutes after which an alarm is told again; 0 never"),
    NUM(alarm_latched, SET_BOOL, 0, 1, 0, "an alarm stays until it is acknowledged"),
#endif
    { "site", "name of the place, 15 characters", config.site, SET_STR, 0, sizeof config.site, 0 },
    { "owner", "who to call, 15 characters", config.owner, SET_STR, 0, sizeof config.owner, 0 },
};
const int n_settings = COUNT(settings);

struct record { uint32_t magic, size, crc; struct config body; };
#define MAGIC (0x48524E00u + FW_MINOR)

static void store(const struct setting *s, int32_t v)
{
    switch (s->type) {
    case SET_U8: *(uint8_t *)s->where = (uint8_t)v; break;
    case SET_U16: *(uint16_t *)s->where = (uint16_t)v; break;
    case SET_U32: *(uint32_t *)s->where = (uint32_t)v; break;
    case SET_I32: *(int32_t *)s->where = v; break;
    case SET_BOOL: *(bool *)s->where = v != 0; break;
    case SET_STR: *(char *)s->where = 0; break;
    }
}

static int32_t fetch(const struct setting *s)
{
    switch (s->type) {
    case SET_U8: return *(uint8_t *)s->where;
    case SET_U16: return *(uint16_t *)s->where;
    case SET_U32: return (int32_t)*(uint32_t *)s->where;
    case SET_I32: return *(int32_t *)s->where;
    case SET_BOOL: return *(bool *)s->where;
    default: return 0;
    }
}

void settings_defaults(void)
{
    for (size_t i = 0; i < COUNT(settings); i++)
        store(&settings[i], settings[i].def);
    memcpy(config.site, "unnamed", 8);
}

const struct setting *settings_find(const char *key)
{
    for (size_t i = 0; i < COUNT(settings); i++)
        if (!strcmp(settings[i].key, key))
            return &settings[i];
    return NULL;
}

int settings_set(const char *key, const char *text)
{
    const struct setting *s = settings_find(key);
    int32_t v;
    if (!s)
        return E_NODEV;
    if (s->type == SET_STR) {
        size_t n = strlen(text);
        if ((int32_t)n >= s->max)
            return E_RANGE;
        memcpy(s->where, text, n + 1);
        return OK;
    }
    if (!strcmp(text, "on") || !strcmp(text, "yes"))
        v = 1;
    else if (!strcmp(text, "off") || !strcmp(text, "no"))
        v = 0;
    else if (!parse_int(text, &v))
        return E_PARSE;
    if (v < s->min || v > s->max)
        return E_RANGE;
    store(s, v);
    return OK;
}

int settings_format(const struct setting *s, char *buf, size_t cap)
{
    if (s->type == SET_STR)
        return format(buf, cap, "\"%s\"", (const char *)s->where);
    if (s->type == SET_BOOL)
        return format(buf, cap, "%s", fetch(s) ? "on" : "off");
    return format(buf, cap, "%d", fetch(s));
}

int settings_load(void)
{
    struct record r;
    flash_read(STORE_ADDR, &r, sizeof r);
    if (r.magic != MAGIC || r.size != sizeof r.body) {
        settings_defaults();
        log_at(LOG_WARN, "settings", "no settings in flash, using defaults");
        return E_EMPTY;
    }
    if (crc32(0, (const uint8_t *)&r.body, sizeof r.body) != r.crc) {
        settings_defaults();
        log_at(LOG_ERROR, "settings", "settings in flash are damaged, using defaults");
        return E_CRC;
    }
    config = r.body;
    return OK;
}

int settings_save(void)
{
    struct record r = { MAGIC, sizeof r.body, 0, config };
    r.crc = crc32(0, (const uint8_t *)&r.body, sizeof r.body);
    int e = flash_erase(255);
    if (e == OK)
        e = flash_write(STORE_ADDR, &r, sizeof r);
    log_at(e == OK ? LOG_INFO : LOG_ERROR, "settings", "saved %u bytes: %s", (uint32_t)sizeof r, error_text(e));
    return e;
}
