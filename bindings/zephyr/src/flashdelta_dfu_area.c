/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Flash areas as the library wants them. */
#include "flashdelta_dfu_private.h"

#include <errno.h>

#include <zephyr/drivers/flash.h>
#include <zephyr/sys/util.h>

/* The page at an offset of the area: where it begins there, and its size. */
static int page_at(const struct flash_area *fa, uint32_t at, uint32_t *begin, uint32_t *size)
{
	struct flash_pages_info page;
	const off_t offset = fa->fa_off + (off_t)at;
	const int err = flash_get_page_info_by_offs(flash_area_get_device(fa), offset, &page);

	if (err != 0) {
		return err;
	}
	if (page.size == 0 || page.start_offset != offset) {
		return -ENOTSUP; /* the area does not begin with a page */
	}
	*begin = at;
	*size = (uint32_t)page.size;
	return 0;
}

/*
 * What is erased at once: the largest page of the area. Smaller ones (the first ones of an STM32F4,
 * say) have to make up such a unit together.
 */
static int find_sector(struct flashdelta_dfu_area *area)
{
	uint32_t at = 0, size = 0;
	int err;

	area->sector = 0;
	for (uint32_t next = 0; next < area->size; next += size) {
		err = page_at(area->fa, next, &at, &size);
		if (err != 0) {
			return err;
		}
		area->sector = MAX(area->sector, size);
	}
	for (uint32_t next = 0; next < area->size; next += size) {
		err = page_at(area->fa, next, &at, &size);
		if (err != 0) {
			return err;
		}
		if (at / area->sector != (at + size - 1) / area->sector) {
			return -ENOTSUP;
		}
	}
	return area->size % area->sector == 0 ? 0 : -ENOTSUP;
}

int flashdelta_dfu_area_open(struct flashdelta_dfu_area *area, uint8_t id)
{
	int err = flash_area_open(id, &area->fa);

	if (err != 0) {
		return err;
	}
	area->start = 0;
	area->size = (uint32_t)area->fa->fa_size;
	area->unit = flash_area_align(area->fa);
	if (area->size == 0 || area->unit == 0 || area->unit > FLASHDELTA_MAX_WRITE_SIZE ||
	    flash_area_erased_val(area->fa) != 0xff) {
		return -ENOTSUP;
	}
	return find_sector(area);
}

int flashdelta_dfu_area_read(const struct flashdelta_dfu_area *area, uint32_t offset, void *to,
			     size_t len)
{
	return flash_area_read(area->fa, (off_t)area->start + (off_t)offset, to, len);
}

int flashdelta_dfu_area_write(const struct flashdelta_dfu_area *area, uint32_t offset,
			      const void *from, size_t len)
{
	return flash_area_write(area->fa, (off_t)area->start + (off_t)offset, from, len);
}

int flashdelta_dfu_area_erase(const struct flashdelta_dfu_area *area, uint32_t offset)
{
	/*
	 * Memory that needs no erasing (RRAM, MRAM) is filled with 0xff: the library counts on it.
	 */
	return flash_area_flatten(area->fa, (off_t)area->start + (off_t)offset, area->sector);
}

/* What cannot be read (a torn unit in a flash with an error-correcting code) is not blank. */
static bool is_blank(const struct flash_area *fa, uint32_t from, uint32_t to)
{
	uint8_t bytes[64];

	for (; from < to; from += sizeof(bytes)) {
		const size_t len = MIN(sizeof(bytes), to - from);

		if (flash_area_read(fa, (off_t)from, bytes, len) != 0) {
			return false;
		}
		for (size_t i = 0; i < len; i++) {
			if (bytes[i] != 0xff) {
				return false;
			}
		}
	}
	return true;
}

int flashdelta_dfu_area_clear(const struct flashdelta_dfu_area *area, uint32_t from, uint32_t to)
{
	while (to > from) {
		const uint32_t sector = to - area->sector;

		if (!is_blank(area->fa, sector, to)) {
			const int err = flash_area_flatten(area->fa, (off_t)sector, area->sector);

			if (err != 0) {
				return err;
			}
		}
		to = sector;
	}
	return 0;
}
