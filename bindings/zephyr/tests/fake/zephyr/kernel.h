#pragma once
#include <zephyr/sys/util.h>
#include <zephyr/types.h>

int32_t k_msleep(int32_t ms);
void k_yield(void);
