/* Limits, alarms and (from 1.1 on) watched channels.
 * SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "fw.h"

struct alarm {
    const char *name, *unit;
    int32_t *low, *high;
    uint32_t since;
    int32_t worst;
    bool active;
#if FW_1_1
    bool acknowledged;
#endif
};

static int32_t volt_low = 3000, volt_high = 3600, press_low = 30000, press_high = 110000, co2_low = 0, co2_high = 2000000;
static struct alarm alarms[] = {
    { .name = "temperature", .unit = "C", .low = &config.temp_low, .high = &config.temp_high },
    { .name = "humidity", .unit = "%", .low = &config.hum_low, .high = &config.hum_high },
    { .name = "supply", .unit = "V", .low = &volt_low, .high = &volt_high },
    { .name = "pressure", .unit = "Pa", .low = &press_low, .high = &press_high },
    { .name = "co2", .unit = "ppm", .low = &co2_low, .high = &co2_high },
};

static void check(struct alarm *a, const struct sensor *s, int32_t v)
{
    bool outside = v < *a->low || v > *a->high;
    int32_t mid = *a->low / 2 + *a->high / 2;
    if (outside && !a->active) {
        a->since = ticks;
        a->worst = v;
        log_at(LOG_WARN, "alarm", "%s of %s is %q %s", a->name, s->name, v, a->unit);
        fsm_post(EV_ALARM);
    }
    if (outside && (v < mid ? v < a->worst : v > a->worst))
        a->worst = v;
#if FW_1_1
    if (!outside && a->active && config.alarm_latched && !a->acknowledged)
        return;
    if (!outside)
        a->acknowledged = false;
#endif
    a->active = outside;
}

void alarm_task(void)
{
    bool before = alarm_count() > 0;
    for (int i = 0; i < n_sensors; i++)
        for (int k = 0; sensors[i].present && k < sensors[i].n_channels; k++)
            for (size_t a = 0; a < COUNT(alarms); a++)
                if (!strcmp(sensors[i].channels[k].name, alarms[a].name))
                    check(&alarms[a], &sensors[i], sensors[i].last[k]);
    if (before && alarm_count() == 0)
        fsm_post(EV_CLEAR);
}

int alarm_count(void)
{
    int n = 0;
    for (size_t i = 0; i < COUNT(alarms); i++)
        n += alarms[i].active;
    return n;
}

void alarm_list(void)
{
    for (size_t i = 0; i < COUNT(alarms); i++) {
        struct alarm *a = &alarms[i];
        print("%-12s %10q .. %10q %-4s ", a->name, *a->low, *a->high, a->unit);
        if (!a->active)
            print("quiet\n");
#if FW_1_1
        else if (a->acknowledged)
            print("acknowledged, worst %q\n", a->worst);
#endif
        else
            print("for %u s, worst %q\n", (ticks - a->since) / 1000, a->worst);
    }
}

#if FW_1_1
int alarm_ack(void)
{
    int left = 0;
    for (size_t i = 0; i < COUNT(alarms); i++) {
        alarms[i].acknowledged = alarms[i].active;
        left += alarms[i].active;
    }
    return left;
}

static struct watch { const struct sensor *sensor; uint8_t channel; int32_t low, high, last; uint32_t n; } watches[8];
static uint8_t n_watches;

int watch_add(const char *name, int channel)
{
    const struct sensor *s = sensor_find(name);
    if (!s || channel < 0 || channel >= s->n_channels)
        return E_NODEV;
    if (n_watches == COUNT(watches))
        return E_FULL;
    watches[n_watches++] = (struct watch){ s, (uint8_t)channel, INT32_MAX, INT32_MIN, 0, 0 };
    log_at(LOG_INFO, "watch", "%s.%s added", s->name, s->channels[channel].name);
    return OK;
}

void watch_clear(void) { n_watches = 0; }

void watch_task(void)
{
    static uint32_t last;
    if (!n_watches || ticks - last < config.watch_ms)
        return;
    last = ticks;
    for (int i = 0; i < n_watches; i++) {
        struct watch *w = &watches[i];
        int32_t v = w->sensor->last[w->channel];
        if (v < w->low)
            w->low = v;
        if (v > w->high)
            w->high = v;
        print("%s.%s=%q%s (%q .. %q, %c, %u)  ", w->sensor->name, w->sensor->channels[w->channel].name, v,
              w->sensor->channels[w->channel].unit, w->low, w->high, v > w->last ? '+' : v < w->last ? '-' : '=', ++w->n);
        w->last = v;
    }
    print("\n");
}
#endif
