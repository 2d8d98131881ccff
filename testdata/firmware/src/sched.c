/* Tasks in turn.
 * SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "fw.h"

static void led_task(void)
{
    static bool on;
    on = !on;
    gpio_write(12, on);
}

struct task tasks[] = {
    { "shell", shell_task, 5, 0, 0, 0 },
    { "fsm", fsm_run, 10, 0, 0, 0 },
    { "link", link_task, 10, 0, 0, 0 },
    { "sensors", sensors_poll, 50, 0, 0, 0 },
    { "alarm", alarm_task, 200, 0, 0, 0 },
#if FW_1_1
    { "watch", watch_task, 50, 0, 0, 0 },
#endif
    { "display", display_task, 250, 0, 0, 0 },
    { "led", led_task, 500, 0, 0, 0 },
    { "watchdog", watchdog_feed, 1000, 0, 0, 0 },
};
const int n_tasks = COUNT(tasks);

void sched_step(void)
{
    for (size_t i = 0; i < COUNT(tasks); i++) {
        struct task *t = &tasks[i];
        uint32_t start = ticks;
        if ((int32_t)(start - t->due) < 0)
            continue;
        t->run();
        t->runs++;
        t->due = start + t->period;
        if (ticks - start > t->worst)
            t->worst = ticks - start;
    }
}
