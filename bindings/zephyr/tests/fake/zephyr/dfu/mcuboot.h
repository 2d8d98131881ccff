#pragma once
#include <sys/types.h>
#include <zephyr/types.h>

#define BOOT_UPGRADE_TEST 0
#define BOOT_UPGRADE_PERMANENT 1

uint8_t boot_fetch_active_slot(void);
bool boot_is_img_confirmed(void);
int boot_write_img_confirmed(void);
int boot_request_upgrade(int permanent);
