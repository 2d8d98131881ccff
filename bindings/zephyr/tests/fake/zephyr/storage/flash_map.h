#pragma once
#include <sys/types.h>
#include <zephyr/device.h>
#include <zephyr/types.h>

struct flash_area {
	uint8_t fa_id;
	uint16_t pad16;
	off_t fa_off;
	size_t fa_size;
	const struct device *fa_dev;
};

int flash_area_open(uint8_t id, const struct flash_area **fa);
void flash_area_close(const struct flash_area *fa);
int flash_area_read(const struct flash_area *fa, off_t off, void *dst, size_t len);
int flash_area_write(const struct flash_area *fa, off_t off, const void *src, size_t len);
int flash_area_flatten(const struct flash_area *fa, off_t off, size_t len);
uint32_t flash_area_align(const struct flash_area *fa);
const struct device *flash_area_get_device(const struct flash_area *fa);
uint8_t flash_area_erased_val(const struct flash_area *fa);

/* The devicetree of the fake has these partitions. */
enum { FAKE_slot0_partition, FAKE_slot1_partition, FAKE_suspend_partition, FAKE_store_partition };
#define FIXED_PARTITION_ID(label) FAKE_##label
