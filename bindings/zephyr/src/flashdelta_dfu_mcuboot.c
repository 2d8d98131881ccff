/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What MCUboot keeps at the end of slots, and how it is told of a new image. */
#include "flashdelta_dfu_private.h"

#include <errno.h>

#include <zephyr/dfu/mcuboot.h>
#include <zephyr/sys/util.h>

/* CONFIG_BOOT_MAX_IMG_SECTORS of MCUboot unless it is set to something else. */
#define DEFAULT_SECTORS 128
/* Progress that it keeps of each sector, one write unit each. */
#define STATES 3
/* Fields at the very end: swap type, copy done, image ok, swap size, and sizes of TLVs. */
#define FIELDS 5
#define MAGIC_LEN 16
/* MCUBOOT_BOOT_MAX_ALIGN is no larger. */
#define MAX_ALIGN 32

/*
 * Where MCUboot's trailer begins, at a sector's boundary. "Image trailer" of MCUboot's design tells
 * what is in it; boot_trailer_sz() and `imgtool` count like this. Encrypted images have more there,
 * but patches between them make no sense.
 */
static uint32_t trailer_start(const struct flashdelta_dfu_area *area)
{
	const uint32_t whole = (uint32_t)area->fa->fa_size;
	uint32_t len = FIELDS * MAX_ALIGN + ROUND_UP(MAGIC_LEN, MAX_ALIGN);

	if (!IS_ENABLED(CONFIG_MCUBOOT_BOOTLOADER_MODE_OVERWRITE_ONLY)) {
		uint32_t sectors = CONFIG_FLASHDELTA_MCUBOOT_SECTORS;

		if (sectors == 0) {
			sectors = MAX(DEFAULT_SECTORS, whole / area->sector);
		}
		len += sectors * STATES * area->unit;
	}
	len = ROUND_UP(len, area->sector);
	return len < whole ? whole - len : 0;
}

/* A sector that swapping by moving needs in slot 0; if nothing is known, it may be that. */
static uint32_t room_to_move(const struct flashdelta_dfu_area *area)
{
	const bool needs_none = IS_ENABLED(CONFIG_MCUBOOT_BOOTLOADER_MODE_OVERWRITE_ONLY) ||
				IS_ENABLED(CONFIG_MCUBOOT_BOOTLOADER_MODE_SWAP_SCRATCH) ||
				IS_ENABLED(CONFIG_MCUBOOT_BOOTLOADER_MODE_SWAP_USING_OFFSET);

	return needs_none ? 0 : area->sector;
}

int flashdelta_dfu_fit_mcuboot(struct flashdelta_dfu *dfu)
{
	struct flashdelta_dfu_area *slot1 = &dfu->new_area;
	const uint32_t move = room_to_move(&dfu->old_area);
	uint32_t first = trailer_start(&dfu->old_area), second = trailer_start(slot1);

	if (IS_ENABLED(CONFIG_MCUBOOT_BOOTLOADER_MODE_SWAP_USING_OFFSET)) {
		slot1->start = slot1->sector; /* it is free for the first step of a swap */
	}
	if (first <= move || second <= slot1->start) {
		return -ENOSPC;
	}
	slot1->size = ROUND_DOWN(MIN(first - move, second - slot1->start), slot1->sector);
	return slot1->size > 0 ? 0 : -ENOSPC;
}

int flashdelta_dfu_clear_mcuboot(const struct flashdelta_dfu *dfu)
{
	const struct flashdelta_dfu_area *slot1 = &dfu->new_area;
	const int err = flashdelta_dfu_area_clear(slot1, trailer_start(slot1),
						  (uint32_t)slot1->fa->fa_size);

	return err != 0 ? err : flashdelta_dfu_area_clear(slot1, 0, slot1->start);
}

int flashdelta_dfu_hand_over(const struct flashdelta_dfu *dfu)
{
	/*
	 * Blank, or MCUboot refuses: an earlier call may have been cut off by the power. (An update
	 * that has found all of its image in the slot has written nothing, and cleared nothing.)
	 */
	const int err = flashdelta_dfu_clear_mcuboot(dfu);

	return err != 0 ? err : boot_request_upgrade(BOOT_UPGRADE_TEST);
}

int flashdelta_dfu_confirm(void)
{
	return boot_write_img_confirmed();
}
