/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Updates that go on after a reset. */
#include "flashdelta_dfu_private.h"

#include <errno.h>
#include <string.h>

#include <zephyr/logging/log.h>
#include <zephyr/sys/util.h>

LOG_MODULE_DECLARE(flashdelta, CONFIG_FLASHDELTA_LOG_LEVEL);

#if defined(CONFIG_FLASHDELTA_SUSPEND)

static int32_t read_kept(void *user, uint32_t offset, uint8_t *to, size_t len)
{
	struct flashdelta_dfu *dfu = user;

	return flashdelta_dfu_noted(dfu, flashdelta_dfu_area_read(&dfu->kept, offset, to, len));
}

static int32_t write_kept(void *user, uint32_t offset, const uint8_t *from, size_t len)
{
	struct flashdelta_dfu *dfu = user;

	return flashdelta_dfu_noted(dfu, flashdelta_dfu_area_write(&dfu->kept, offset, from, len));
}

static int32_t erase_kept(void *user, uint32_t offset)
{
	struct flashdelta_dfu *dfu = user;
	const int err = flashdelta_dfu_area_erase(&dfu->kept, offset);

	flashdelta_dfu_pause(); /* an erase takes long, and the next one follows at once */
	return flashdelta_dfu_noted(dfu, err);
}

static flashdelta_region describe_region(struct flashdelta_dfu *dfu)
{
	flashdelta_region region;

	memset(&region, 0, sizeof(region));
	region.user = dfu;
	region.size = dfu->kept.size;
	region.write_size = dfu->kept.unit;
	region.sector_size = dfu->kept.sector;
	region.read = read_kept;
	region.write = write_kept;
	region.erase = erase_kept;
	dfu->area_error = 0;
	return region;
}

int flashdelta_dfu_open_kept(struct flashdelta_dfu *dfu,
			     const struct flashdelta_dfu_config *config)
{
	int err;

	if (config->suspend_area == FLASHDELTA_DFU_NO_AREA) {
		return 0;
	}
	if (config->suspend_area < 0 || config->suspend_area > UINT8_MAX ||
	    config->suspend_area == config->old_area || config->suspend_area == config->new_area) {
		return -EINVAL;
	}
	err = flashdelta_dfu_area_open(&dfu->kept, (uint8_t)config->suspend_area);
	if (err == 0 && dfu->kept.size % (2 * dfu->kept.sector) != 0) {
		err = -EINVAL;
	}
	return err;
}

/* If it cannot be erased, it is found out later that it is of no use. */
void flashdelta_dfu_forget(struct flashdelta_dfu *dfu)
{
	if (dfu->kept.fa != NULL) {
		const flashdelta_region region = describe_region(dfu);

		if (flashdelta_region_clear(&region) != FLASHDELTA_OK) {
			LOG_WRN("the suspended update is not erased: error %d", dfu->area_error);
		}
	}
}

/* Whether going on would not mend it: the patch is wrong, or does not fit. */
static bool is_final(int err)
{
	return err > 0 && err != FLASHDELTA_ERR_TRUNCATED &&
	       FLASHDELTA_CLASS(err) != FLASHDELTA_CLASS_IO;
}

void flashdelta_dfu_forget_at_end(struct flashdelta_dfu *dfu, int err)
{
	/* An update that has failed before it wrote anything leaves alone what is not its own. */
	if (err == 0 || (is_final(err) && dfu->is_own)) {
		flashdelta_dfu_forget(dfu);
	}
}

int flashdelta_dfu_suspend(struct flashdelta_dfu *dfu)
{
	flashdelta_region region;
	flashdelta_status status;

	if (dfu == NULL || dfu->phase == FLASHDELTA_DFU_NONE || dfu->kept.fa == NULL) {
		return -EINVAL;
	}
	if (dfu->error != 0) {
		return dfu->error;
	}
	/* After a wrong chunk the header may have been accepted, and nobody was told. */
	if (dfu->phase == FLASHDELTA_DFU_RUNNING) {
		(void)flashdelta_applier_feed_within(&dfu->applier, NULL, 0, CONFIG_FLASHDELTA_STEP,
						     &dfu->progress);
	}
	if (dfu->progress.total == 0) {
		return -EAGAIN;
	}
	region = describe_region(dfu);
	status = flashdelta_applier_suspend_to(&dfu->applier, &region);
	if (status == FLASHDELTA_OK) {
		dfu->is_own = true;
		return 0;
	}
	LOG_ERR("the update is not suspended: %s", flashdelta_strerror(status));
	if (status == FLASHDELTA_ERR_STORE_TOO_SMALL) {
		return -ENOSPC;
	}
	return dfu->area_error != 0 ? dfu->area_error : (int)status;
}

/* Goes on with what was saved, as far as the library is concerned. */
static flashdelta_status resume_from(struct flashdelta_dfu *dfu, const flashdelta_region *region)
{
	size_t needed = 0, buffer = 0;
	flashdelta_status status = flashdelta_region_needs(region, &needed, &buffer);

	if (status != FLASHDELTA_OK) {
		return status;
	}
	if (buffer > sizeof(dfu->memory) || needed > sizeof(dfu->memory) - buffer) {
		return FLASHDELTA_ERR_WORKSPACE_TOO_SMALL; /* there was more then */
	}
	(void)flashdelta_applier_abort(&dfu->applier);
	status = (flashdelta_status)flashdelta_dfu_make_applier(dfu, buffer);
	if (status != FLASHDELTA_OK) {
		return status;
	}
	do {
		status = flashdelta_applier_resume_from(&dfu->applier, region, NULL, 0,
							CONFIG_FLASHDELTA_STEP, &dfu->progress);
		flashdelta_dfu_pause();
	} while (status == FLASHDELTA_OK && dfu->progress.pending);
	return status;
}

int flashdelta_dfu_resume(struct flashdelta_dfu *dfu, const struct flashdelta_dfu_config *config,
			  size_t *taken)
{
	flashdelta_region region;
	flashdelta_status status;
	int err;

	if (dfu == NULL || config == NULL || taken == NULL ||
	    config->suspend_area == FLASHDELTA_DFU_NO_AREA) {
		return -EINVAL;
	}
	err = flashdelta_dfu_begin(dfu, config);
	if (err != 0) {
		return err;
	}
	*taken = 0;
	region = describe_region(dfu);
	status = resume_from(dfu, &region);
	if (status == FLASHDELTA_OK) {
		dfu->is_own = true;
		*taken = dfu->progress.taken;
		return 0;
	}
	err = dfu->area_error;
	if (FLASHDELTA_CLASS(status) == FLASHDELTA_CLASS_IO ||
	    (status == FLASHDELTA_ERR_NO_SUSPENSION && err != 0)) {
		dfu->phase = FLASHDELTA_DFU_NONE;
		return err != 0 ? err : (int)status;
	}
	if (status != FLASHDELTA_ERR_NO_SUSPENSION) {
		LOG_WRN("the update begins again: %s", flashdelta_strerror(status));
		flashdelta_dfu_forget(dfu);
	}
	return flashdelta_dfu_restart(dfu);
}

#else

int flashdelta_dfu_open_kept(struct flashdelta_dfu *dfu,
			     const struct flashdelta_dfu_config *config)
{
	ARG_UNUSED(dfu);
	return config->suspend_area == FLASHDELTA_DFU_NO_AREA ? 0 : -ENOTSUP;
}

void flashdelta_dfu_forget(struct flashdelta_dfu *dfu)
{
	ARG_UNUSED(dfu);
}

void flashdelta_dfu_forget_at_end(struct flashdelta_dfu *dfu, int err)
{
	ARG_UNUSED(dfu);
	ARG_UNUSED(err);
}

int flashdelta_dfu_suspend(struct flashdelta_dfu *dfu)
{
	ARG_UNUSED(dfu);
	return -ENOTSUP;
}

int flashdelta_dfu_resume(struct flashdelta_dfu *dfu, const struct flashdelta_dfu_config *config,
			  size_t *taken)
{
	ARG_UNUSED(dfu);
	ARG_UNUSED(config);
	ARG_UNUSED(taken);
	return -ENOTSUP;
}

#endif
