/*
 * The device behind the fake of Zephyr: a NOR flash with two slots, and MCUboot as far as it
 * matters.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <zephyr/storage/flash_map.h>

#include "../../../c/examples/nor_sim.h"

enum {
	FAKE_SECTOR = 4096,
	FAKE_SLOT = 32 * FAKE_SECTOR,
	FAKE_KEPT = 10 * FAKE_SECTOR,
	FAKE_STORE = 8 * FAKE_SECTOR,
	FAKE_FLASH = 2 * FAKE_SLOT + FAKE_KEPT + FAKE_STORE,
	FAKE_AREAS = 4
};

struct fake_device {
	nor_sim flash;
	struct flash_area areas[FAKE_AREAS];
	bool is_confirmed;
	uint8_t erased;     /* what erased flash reads as */
	size_t small_until; /* up to this byte of slot 1, pages are of another size, ... */
	size_t page_of;     /* ... this one; all others are sectors */
	long calls;         /* of flash functions */
	long fail_at;       /* the one of them that fails; 0: none */
	int upgrades;       /* calls of boot_request_upgrade() */
	int pauses;
	int logs;
	long most_between_pauses; /* bytes read and written */
	long since_pause;
};

extern struct fake_device fake;

/* A device that runs this image from slot 0, and whose flash was in use. */
void fake_start(const uint8_t *image, size_t len, uint32_t unit);
void fake_stop(void);

/* A reset with power back: MCUboot swaps the slots if it was asked to, or swaps back. */
void fake_reset(void);

/* The bytes of an area. */
uint8_t *fake_bytes(int area);

/* Whether MCUboot will try slot 1. */
bool fake_is_pending(void);
