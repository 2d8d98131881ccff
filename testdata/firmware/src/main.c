/* Start and run.
 * SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "fw.h"

static const char *const banner[] = {
    "",
    "     _",
    "    <o)_______",
    "      \\\\   __/   " FW_NAME,
    "       \\\\_/ /    board " BOARD_NAME,
    "        | |      type 'help' for a list of commands",
    "",
};

int app_main(void)
{
    hal_init();
    settings_load();
    uart_init(config.baud);
    for (size_t i = 0; i < COUNT(banner); i++)
        print("%s\n", banner[i]);
    log_at(LOG_INFO, "main", FW_NAME " started");
    log_set_level("*", config.verbosity);
    if (selftest_all() != OK)
        fsm_post(EV_FAULT);
    fsm_post(EV_BOOT);
    for (;;)
        sched_step();
}
