/* Reports as JSON, written straight to a sink.
 * SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "fw.h"

static void text(struct json *j, const char *s)
{
    while (*s)
        j->put(j->ctx, *s++);
}

static void quoted(struct json *j, const char *s)
{
    j->put(j->ctx, '"');
    for (; *s; s++) {
        switch (*s) {
        case '"': text(j, "\\\""); break;
        case '\\': text(j, "\\\\"); break;
        case '\n': text(j, "\\n"); break;
        case '\r': text(j, "\\r"); break;
        case '\t': text(j, "\\t"); break;
        default:
            if ((uint8_t)*s < 0x20) {
                char u[8];
                format(u, sizeof u, "\\u%04x", (uint32_t)(uint8_t)*s);
                text(j, u);
            } else {
                j->put(j->ctx, *s);
            }
        }
    }
    j->put(j->ctx, '"');
}

static void start(struct json *j, const char *key)
{
    if (j->comma & (1u << j->depth))
        j->put(j->ctx, ',');
    j->comma |= 1u << j->depth;
    if (key) {
        quoted(j, key);
        j->put(j->ctx, ':');
    }
}

void json_begin(struct json *j, putc_fn put, void *ctx) { *j = (struct json){ put, ctx, 0, 0 }; }

void json_open(struct json *j, const char *key, char bracket)
{
    start(j, key);
    j->put(j->ctx, bracket);
    j->depth++;
    j->comma &= ~(1u << j->depth);
}

void json_close(struct json *j, char bracket)
{
    j->depth--;
    j->put(j->ctx, bracket);
}

void json_int(struct json *j, const char *key, int32_t v)
{
    char b[16];
    start(j, key);
    format(b, sizeof b, "%d", v);
    text(j, b);
}

void json_fixed(struct json *j, const char *key, int32_t v, int places)
{
    char b[20];
    start(j, key);
    if (places == 3) {
        format(b, sizeof b, "%q", v);
    } else {
        int32_t p = 1;
        for (int i = 0; i < places; i++)
            p *= 10;
        format(b, sizeof b, "%s%d.%d", v < 0 ? "-" : "", (v < 0 ? -v : v) / p, (v < 0 ? -v : v) % p);
    }
    text(j, b);
}

void json_str(struct json *j, const char *key, const char *v)
{
    start(j, key);
    quoted(j, v);
}

void json_bool(struct json *j, const char *key, bool v)
{
    start(j, key);
    text(j, v ? "true" : "false");
}

void report_json(putc_fn put, void *ctx)
{
    struct json j;
    json_begin(&j, put, ctx);
    json_open(&j, NULL, '{');
    json_str(&j, "firmware", FW_NAME);
    json_str(&j, "board", BOARD_NAME);
    json_str(&j, "site", config.site);
    json_int(&j, "uptime_ms", (int32_t)ticks);
    json_str(&j, "state", fsm_state_name());
    json_int(&j, "alarms", alarm_count());
#if FW_1_1
    json_bool(&j, "latched", config.alarm_latched);
    json_str(&j, "owner", config.owner);
#endif
    json_open(&j, "sensors", '[');
    for (int i = 0; i < n_sensors; i++) {
        struct sensor *s = &sensors[i];
        if (!s->present)
            continue;
        json_open(&j, NULL, '{');
        json_str(&j, "name", s->name);
        json_int(&j, "errors", s->errors);
#if FW_1_1
        json_int(&j, "missed", s->missed);
        json_int(&j, "period_ms", (int32_t)sensor_period(s));
#endif
        json_bool(&j, "asleep", s->asleep);
        json_open(&j, "values", '{');
        for (int k = 0; k < s->n_channels; k++)
            json_fixed(&j, s->channels[k].name, s->last[k], 3);
        json_close(&j, '}');
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_open(&j, "tasks", '{');
    for (int i = 0; i < n_tasks; i++)
        json_int(&j, tasks[i].name, (int32_t)tasks[i].worst);
    json_close(&j, '}');
    json_close(&j, '}');
}
