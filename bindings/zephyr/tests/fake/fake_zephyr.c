#include "fake_zephyr.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zephyr/dfu/mcuboot.h>
#include <zephyr/drivers/flash.h>
#include <zephyr/kernel.h>
#include <zephyr/logging/log.h>

struct fake_device fake;
static const struct device controller = {"flash"};

/*
 * The last bytes of a slot that MCUboot has something to do with ("Image trailer" of its design).
 */
static const uint8_t MAGIC[16] = {0x77, 0xc2, 0x95, 0xf3, 0x60, 0xd2, 0xef, 0x7f,
				  0x35, 0x52, 0x50, 0x0f, 0x2c, 0xb6, 0x79, 0x80};

void fake_start(const uint8_t *image, size_t len, uint32_t unit)
{
	static const size_t sizes[FAKE_AREAS] = {FAKE_SLOT, FAKE_SLOT, FAKE_KEPT, FAKE_STORE};
	size_t at = 0;

	memset(&fake, 0, sizeof(fake));
	if (nor_init(&fake.flash, FAKE_FLASH, FAKE_SECTOR, unit) != 0) {
		exit(2);
	}
	for (int i = 0; i < FAKE_AREAS; i++) {
		fake.areas[i].fa_id = (uint8_t)i;
		fake.areas[i].fa_off = (off_t)at;
		fake.areas[i].fa_size = sizes[i];
		fake.areas[i].fa_dev = &controller;
		at += sizes[i];
	}
	/* All was in use: nothing may be written that was not erased. */
	memset(fake.flash.bytes, 0x5a, fake.flash.size);
	memset(fake.flash.written, 1, fake.flash.size / unit);
	memcpy(fake.flash.bytes, image, len);
	fake.is_confirmed = true;
	fake.erased = 0xff;
	fake.page_of = FAKE_SECTOR;
}

void fake_stop(void)
{
	nor_free(&fake.flash);
}

uint8_t *fake_bytes(int area)
{
	return fake.flash.bytes + fake.areas[area].fa_off;
}

/* ---- Flash ---- */

static bool fails(void)
{
	return ++fake.calls == fake.fail_at;
}

static void worked(size_t len)
{
	fake.since_pause += (long)len;
	if (fake.since_pause > fake.most_between_pauses) {
		fake.most_between_pauses = fake.since_pause;
	}
}

static int of_flash(int status)
{
	if (status == NOR_OUTSIDE || status == NOR_UNALIGNED || status == NOR_NOT_ERASED) {
		fprintf(stderr, "the flash is used wrongly: %d\n", status);
		abort();
	}
	return status == NOR_OK ? 0 : -EIO;
}

static uint32_t address(const struct flash_area *fa, off_t off, size_t len, bool changes)
{
	if (off < 0 || (size_t)off > fa->fa_size || len > fa->fa_size - (size_t)off) {
		fprintf(stderr, "outside of an area\n");
		abort();
	}
	if (changes && fa->fa_id == FAKE_slot0_partition) {
		fprintf(stderr, "the running image is changed\n");
		abort();
	}
	return (uint32_t)(fa->fa_off + off);
}

int flash_area_open(uint8_t id, const struct flash_area **fa)
{
	if (id >= FAKE_AREAS) {
		*fa = NULL;
		return -ENOENT;
	}
	*fa = &fake.areas[id];
	return 0;
}

void flash_area_close(const struct flash_area *fa)
{
	(void)fa;
}

int flash_area_read(const struct flash_area *fa, off_t off, void *dst, size_t len)
{
	const uint32_t at = address(fa, off, len, false);

	worked(len);
	return fails() ? -EIO : of_flash(nor_read(&fake.flash, at, dst, len));
}

int flash_area_write(const struct flash_area *fa, off_t off, const void *src, size_t len)
{
	const uint32_t at = address(fa, off, len, true);

	worked(len);
	return fails() ? -EIO : of_flash(nor_write(&fake.flash, at, src, len));
}

int flash_area_flatten(const struct flash_area *fa, off_t off, size_t len)
{
	const uint32_t at = address(fa, off, len, true);
	int err = fails() ? -EIO : 0;

	if (len == 0 || len % FAKE_SECTOR != 0) {
		return -EINVAL;
	}
	for (uint32_t done = 0; err == 0 && done < len; done += FAKE_SECTOR) {
		err = of_flash(nor_erase(&fake.flash, at + done));
	}
	return err;
}

uint32_t flash_area_align(const struct flash_area *fa)
{
	(void)fa;
	return fake.flash.write_size;
}

uint8_t flash_area_erased_val(const struct flash_area *fa)
{
	(void)fa;
	return fake.erased;
}

const struct device *flash_area_get_device(const struct flash_area *fa)
{
	return fa->fa_dev;
}

int flash_get_page_info_by_offs(const struct device *dev, off_t offset,
				struct flash_pages_info *info)
{
	const off_t slot1 = fake.areas[FAKE_slot1_partition].fa_off;
	const bool is_small = offset >= slot1 && (size_t)(offset - slot1) < fake.small_until;
	const size_t size = is_small ? fake.page_of : FAKE_SECTOR;

	if (dev != &controller || offset < 0) {
		return -EINVAL;
	}
	info->start_offset = is_small ? slot1 + (offset - slot1) / (off_t)size * (off_t)size
				      : offset / (off_t)size * (off_t)size;
	info->size = size;
	info->index = 0;
	return 0;
}

/* ---- MCUboot ---- */

static uint8_t *end_of(int slot)
{
	return fake_bytes(slot) + FAKE_SLOT;
}

bool fake_is_pending(void)
{
	return memcmp(end_of(FAKE_slot1_partition) - sizeof(MAGIC), MAGIC, sizeof(MAGIC)) == 0;
}

uint8_t boot_fetch_active_slot(void)
{
	return FAKE_slot0_partition;
}

bool boot_is_img_confirmed(void)
{
	return fake.is_confirmed;
}

int boot_write_img_confirmed(void)
{
	fake.is_confirmed = true;
	return 0;
}

/* As boot_set_next() of MCUboot: a trailer that is neither blank nor right is an error. */
int boot_request_upgrade(int permanent)
{
	const struct flash_area *fa = &fake.areas[FAKE_slot1_partition];
	uint8_t found[sizeof(MAGIC)], blank[sizeof(MAGIC)];
	const off_t at = FAKE_SLOT - (off_t)sizeof(MAGIC);

	fake.upgrades++;
	memset(blank, 0xff, sizeof(blank));
	if (permanent != BOOT_UPGRADE_TEST || flash_area_read(fa, at, found, sizeof(found)) != 0) {
		return -EFAULT;
	}
	if (memcmp(found, MAGIC, sizeof(MAGIC)) == 0) {
		return 0;
	}
	if (memcmp(found, blank, sizeof(blank)) != 0 ||
	    flash_area_write(fa, at, MAGIC, sizeof(MAGIC)) != 0) {
		return -EFAULT;
	}
	return 0;
}

void fake_reset(void)
{
#if defined(CONFIG_MCUBOOT_BOOTLOADER_MODE_SWAP_USING_OFFSET)
	const size_t first = FAKE_SECTOR; /* where the image of slot 1 is */
#else
	const size_t first = 0;
#endif
	uint8_t *one = fake_bytes(FAKE_slot0_partition);
	uint8_t *other = fake_bytes(FAKE_slot1_partition) + first;
	const bool is_trial = fake_is_pending();

	nor_power_on(&fake.flash);
	if (!is_trial && fake.is_confirmed) {
		return;
	}
	for (size_t i = 0; i < FAKE_SLOT - first; i++) {
		const uint8_t kept = one[i];

		one[i] = other[i];
		other[i] = kept;
	}
	memset(end_of(FAKE_slot1_partition) - sizeof(MAGIC), 0x5a, sizeof(MAGIC));
	memset(fake.flash.written, 1, fake.flash.size / fake.flash.write_size);
	fake.is_confirmed = !is_trial;
}

/* ---- Kernel ---- */

int32_t k_msleep(int32_t ms)
{
	(void)ms;
	fake.pauses++;
	fake.since_pause = 0;
	return 0;
}

void k_yield(void)
{
	(void)k_msleep(0);
}

void fake_log(const char *format, ...)
{
	(void)format;
	fake.logs++;
}
