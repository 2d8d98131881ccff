/* What the tests of the module share: images, patches, and what has come of an update. */
#ifndef DFU_H
#define DFU_H

#include "flashdelta_dfu.h"

#include <errno.h>
#include <string.h>

#include <zephyr/dfu/mcuboot.h>

#include "../../c/tests/check.h"
#include "fake/fake_zephyr.h"

static const uint32_t UNITS[] = {1, 4, 8, 16};
enum { UNIT_COUNT = 4 };

static blob old_image, new_image, update;
static struct flashdelta_dfu dfu;

static inline int runs(blob image)
{
	return memcmp(fake_bytes(FAKE_slot0_partition), image.bytes, image.len) == 0;
}

static inline int is_in_slot1(blob image)
{
	return memcmp(fake_bytes(FAKE_slot1_partition) + dfu.new_area.start, image.bytes,
		      image.len) == 0;
}

/* Nothing of the flash has changed. */
static inline int is_untouched(void)
{
	return fake.flash.erases == 0 && fake.flash.writes == 0 && fake.upgrades == 0;
}

/* The device goes on with the image that it has. */
static inline int stays_old(void)
{
	fake_reset();
	return runs(old_image);
}

/* It runs the new image now, as a trial. */
static inline int becomes_new(void)
{
	fake_reset();
	return runs(new_image) && !boot_is_img_confirmed();
}

static inline void start(uint32_t unit)
{
	fake_start(old_image.bytes, old_image.len, unit);
}

/* Feeds bytes `from` to before `to` of a patch, some at a time. */
static inline int feed(blob patch, size_t from, size_t to, size_t piece)
{
	int err = 0;

	for (; err == 0 && from < to; from += piece) {
		err = flashdelta_dfu_feed(&dfu, patch.bytes + from,
					  to - from < piece ? to - from : piece);
	}
	return err;
}

/* Feeds all of a patch, and ends. */
static inline int run(const struct flashdelta_dfu_config *config, blob patch, size_t piece)
{
	int err = flashdelta_dfu_begin(&dfu, config);

	if (err != 0) {
		return err;
	}
	err = feed(patch, 0, patch.len, piece);
	if (err == 0) {
		return flashdelta_dfu_finish(&dfu);
	}
	flashdelta_dfu_abort(&dfu);
	return err;
}

static inline struct flashdelta_dfu_config defaults(void)
{
	struct flashdelta_dfu_config config;

	flashdelta_dfu_default_config(&config);
	return config;
}

static inline void load_all(const char *folder)
{
	old_image = load(folder, "old.bin");
	new_image = load(folder, "new.bin");
	update = load(folder, "update.fdp");
}

static inline void free_all(void)
{
	free(old_image.bytes);
	free(new_image.bytes);
	free(update.bytes);
}

#endif
