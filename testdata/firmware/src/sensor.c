/* What all sensor drivers share.
 * SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "fw.h"

int sensor_reg_read(struct sensor *s, uint8_t reg, uint8_t *p, size_t n)
{
    int e;
    if (s->bus < 2) {
        e = i2c_read(s->address, reg, p, n);
    } else {
        uint8_t buf[24];
        if (n + 1 > sizeof buf)
            return E_RANGE;
        memset(buf, 0xFF, sizeof buf);
        buf[0] = reg | 0x80;
        e = spi_transfer(s->address, buf, buf, n + 1);
        memcpy(p, buf + 1, n);
    }
    if (e != OK) {
        s->errors++;
        log_at(LOG_DEBUG, "sensor", "%s: register %02x: %s", s->name, (uint32_t)reg, error_name(e));
    } else {
        s->last_seen = ticks;
    }
    return e;
}

int sensor_reg_write(struct sensor *s, uint8_t reg, uint8_t v)
{
    uint8_t buf[2] = { reg, v };
    int e = s->bus < 2 ? i2c_write(s->address, buf, 2) : spi_transfer(s->address, buf, NULL, 2);
    if (e != OK)
        s->errors++;
    return e;
}

int sensor_reg_update(struct sensor *s, uint8_t reg, uint8_t mask, uint8_t v)
{
    uint8_t old;
    int e = sensor_reg_read(s, reg, &old, 1);
    if (e != OK)
        return e;
    uint8_t new = (uint8_t)((old & ~mask) | (v & mask));
    return new == old ? OK : sensor_reg_write(s, reg, new);
}

int sensor_reg_wait(struct sensor *s, uint8_t reg, uint8_t mask, uint8_t v, unsigned tries)
{
    while (tries--) {
        uint8_t now;
        int e = sensor_reg_read(s, reg, &now, 1);
        if (e != OK)
            return e;
        if ((now & mask) == v)
            return OK;
        delay_ms(1);
    }
    return E_TIMEOUT;
}

int32_t sensor_raw(const struct channel *c, const uint8_t *p)
{
    uint32_t v = 0;
    unsigned bytes = (c->width + 7u) / 8;
    for (unsigned i = 0; i < bytes; i++)
        v |= (uint32_t)p[c->big_endian ? bytes - 1 - i : i] << (8 * i);
    unsigned spare = 32 - c->width;
    return c->is_signed ? (int32_t)(v << spare) >> spare : (int32_t)v;
}

int32_t sensor_scale(const struct sensor *s, const struct channel *c, int32_t raw)
{
    int32_t v = muldiv(raw, c->num, c->den) + c->offset;
    if (s->cal_gain)
        v = muldiv(v, s->cal_gain, 65536);
    return v + s->cal_offset;
}

#if FW_1_1
void sensor_set_period(struct sensor *s, unsigned ms) { s->period_ms = ms > 60000 ? 60000 : (uint16_t)ms; }
unsigned sensor_period(const struct sensor *s) { return s->period_ms; }
#else
void sensor_set_period(struct sensor *s, unsigned ms) { s->period = ms / 100 > 255 ? 255 : (uint8_t)(ms / 100); }
unsigned sensor_period(const struct sensor *s) { return s->period * 100u; }
#endif

struct sensor *sensor_find(const char *name)
{
    for (int i = 0; i < n_sensors; i++)
        if (!strcmp(sensors[i].name, name))
            return &sensors[i];
    return NULL;
}

void sensors_start(void)
{
    int found = 0;
    for (int i = 0; i < n_sensors; i++) {
        struct sensor *s = &sensors[i];
        int e = s->ops->probe(s);
        s->present = e == OK;
        if (s->present)
            e = s->ops->init(s);
        if (e != OK && e != E_NACK)
            log_at(LOG_WARN, "sensor", "%s: %s (%s)", s->name, error_text(e), error_name(e));
        if (s->present) {
            found++;
            sensor_set_period(s, config.interval_ms);
            log_at(LOG_INFO, "sensor", "%s at %02x on bus %u, %u channels", s->name, (uint32_t)s->address,
                   (uint32_t)s->bus, (uint32_t)s->n_channels);
        }
    }
    log_at(LOG_INFO, "sensor", "%d of %d sensors found", found, n_sensors);
}

void sensors_poll(void)
{
    struct reading r[6];
    for (int i = 0; i < n_sensors; i++) {
        struct sensor *s = &sensors[i];
        if (!s->present || s->asleep || ticks - s->last_seen < sensor_period(s))
            continue;
        int n = s->ops->read(s, r, COUNT(r));
        if (n < 0) {
#if FW_1_1
            if (++s->missed == 10) {
                log_at(LOG_ERROR, "sensor", "%s: ten readings missed, starting it again", s->name);
                s->missed = 0;
                s->present = s->ops->init(s) == OK;
            }
#endif
            log_at(LOG_WARN, "sensor", "%s: %s", s->name, error_text(n));
            continue;
        }
#if FW_1_1
        s->missed = 0;
#endif
        for (int k = 0; k < n; k++) {
            const struct filter_bank *f = &filter_banks[(i + k) % n_filter_banks];
            s->last[r[k].channel] = f->step(f->state, r[k].value);
        }
    }
    fsm_post(EV_SAMPLE);
}
