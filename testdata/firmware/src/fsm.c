/* What the logger is doing: a table of states and events.
 * SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "fw.h"

enum state { S_COLD, S_STARTING, S_RUNNING, S_ALARM, S_ASLEEP, S_UPDATING, S_FAULT,
#if FW_1_1
    S_SILENCED,
#endif
    S_COUNT };
static const char *const state_names[S_COUNT] = { "cold", "starting", "running", "alarm", "asleep", "updating", "fault",
#if FW_1_1
    "silenced",
#endif
};
static const char *const event_names[EV_COUNT] = { "boot", "ready", "sample", "alarm", "clear", "fault", "sleep", "wake", "update", "timeout",
#if FW_1_1
    "acknowledge",
#endif
};

static uint8_t queue[16], queue_head, queue_tail;
static uint8_t state = S_COLD;
static uint32_t entered, counts[S_COUNT];

static void start_sensors(void) { sensors_start(); fsm_post(EV_READY); }
static void note_sample(void) { counts[S_RUNNING]++; }
static void led_on(void) { gpio_write(13, true); }
static void led_off(void) { gpio_write(13, false); }
static void raise(void) { led_on(); log_at(LOG_WARN, "alarm", "raised: %d channels outside their limits", alarm_count()); }
static void clear(void) { led_off(); log_at(LOG_INFO, "alarm", "cleared after %u ms", ticks - entered); }
static void go_to_sleep(void)
{
    for (int i = 0; i < n_sensors; i++)
        if (sensors[i].present && sensors[i].ops->sleep(&sensors[i], true) == OK)
            sensors[i].asleep = true;
    config.display_on = false;
}
static void wake_up(void)
{
    for (int i = 0; i < n_sensors; i++)
        if (sensors[i].asleep && sensors[i].ops->sleep(&sensors[i], false) == OK)
            sensors[i].asleep = false;
    config.display_on = true;
}
static void begin_update(void) { log_at(LOG_INFO, "fsm", "update announced, sampling stops"); }
static void record_fault(void) { log_at(LOG_ERROR, "fsm", "fault in state %s", state_names[state]); }
static void restart(void) { hal_reset(); }
#if FW_1_1
static void silence(void) { led_off(); log_at(LOG_INFO, "alarm", "acknowledged, %d channels stay outside", alarm_ack()); }
#endif

struct edge { uint8_t from, event, to; void (*action)(void); };
static const struct edge edges[] = {
    { S_COLD, EV_BOOT, S_STARTING, start_sensors },
    { S_STARTING, EV_READY, S_RUNNING, led_off },
    { S_STARTING, EV_FAULT, S_FAULT, record_fault },
    { S_STARTING, EV_TIMEOUT, S_FAULT, record_fault },
    { S_RUNNING, EV_SAMPLE, S_RUNNING, note_sample },
    { S_RUNNING, EV_ALARM, S_ALARM, raise },
    { S_RUNNING, EV_SLEEP, S_ASLEEP, go_to_sleep },
    { S_RUNNING, EV_UPDATE, S_UPDATING, begin_update },
    { S_RUNNING, EV_FAULT, S_FAULT, record_fault },
    { S_ALARM, EV_CLEAR, S_RUNNING, clear },
    { S_ALARM, EV_SAMPLE, S_ALARM, note_sample },
    { S_ALARM, EV_FAULT, S_FAULT, record_fault },
#if FW_1_1
    { S_ALARM, EV_ACK, S_SILENCED, silence },
    { S_SILENCED, EV_SAMPLE, S_SILENCED, note_sample },
    { S_SILENCED, EV_CLEAR, S_RUNNING, clear },
    { S_SILENCED, EV_TIMEOUT, S_ALARM, raise },
    { S_SILENCED, EV_FAULT, S_FAULT, record_fault },
#endif
    { S_ALARM, EV_UPDATE, S_UPDATING, begin_update },
    { S_ASLEEP, EV_WAKE, S_RUNNING, wake_up },
    { S_ASLEEP, EV_ALARM, S_ALARM, wake_up },
    { S_UPDATING, EV_TIMEOUT, S_RUNNING, led_off },
    { S_UPDATING, EV_READY, S_COLD, restart },
    { S_FAULT, EV_CLEAR, S_STARTING, start_sensors },
    { S_FAULT, EV_TIMEOUT, S_COLD, restart },
};

void fsm_post(uint8_t event)
{
    uint8_t next = (uint8_t)((queue_head + 1) % sizeof queue);
    if (next == queue_tail) {
        log_at(LOG_WARN, "fsm", "event %s lost", event_names[event]);
        return;
    }
    queue[queue_head] = event;
    queue_head = next;
}

static void handle(uint8_t event)
{
    for (size_t i = 0; i < COUNT(edges); i++) {
        const struct edge *e = &edges[i];
        if (e->from != state || e->event != event)
            continue;
        if (e->to != state)
            log_at(LOG_DEBUG, "fsm", "%s -> %s on %s", state_names[state], state_names[e->to], event_names[event]);
        e->action();
        if (e->to != state)
            entered = ticks;
        state = e->to;
        return;
    }
    log_at(LOG_DEBUG, "fsm", "%s ignores %s", state_names[state], event_names[event]);
}

void fsm_run(void)
{
    while (queue_tail != queue_head) {
        uint8_t event = queue[queue_tail];
        queue_tail = (uint8_t)((queue_tail + 1) % sizeof queue);
        handle(event);
    }
    static const uint32_t limits[S_COUNT] = { [S_STARTING] = 5000, [S_UPDATING] = 120000, [S_FAULT] = 30000 };
    uint32_t limit = limits[state];
#if FW_1_1
    if (state == S_SILENCED)
        limit = config.alarm_repeat * 60000u;
#endif
    if (limit && ticks - entered > limit)
        fsm_post(EV_TIMEOUT);
}

const char *fsm_state_name(void) { return state_names[state]; }
