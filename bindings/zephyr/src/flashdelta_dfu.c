/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "flashdelta_dfu_private.h"

#include <errno.h>
#include <string.h>

#include <zephyr/dfu/mcuboot.h>
#include <zephyr/logging/log.h>
#include <zephyr/sys/util.h>

#if defined(CONFIG_FLASHDELTA_SIGNATURES)
#include <flashdelta_psa.h>
#endif

LOG_MODULE_REGISTER(flashdelta, CONFIG_FLASHDELTA_LOG_LEVEL);

/* ---- Flash ---- */

static int32_t read_old(void *user, uint32_t offset, uint8_t *to, size_t len)
{
	struct flashdelta_dfu *dfu = user;

	return flashdelta_dfu_noted(dfu, flashdelta_dfu_area_read(&dfu->old_area, offset, to, len));
}

static int32_t read_new(void *user, uint32_t offset, uint8_t *to, size_t len)
{
	struct flashdelta_dfu *dfu = user;

	return flashdelta_dfu_noted(dfu, flashdelta_dfu_area_read(&dfu->new_area, offset, to, len));
}

/* Before the first write: what another update has asked MCUboot for, or has saved, is void. */
static int take_over(struct flashdelta_dfu *dfu)
{
	if (!dfu->is_clear && !dfu->is_data) {
		const int err = flashdelta_dfu_clear_mcuboot(dfu);

		if (err != 0) {
			return err;
		}
	}
	dfu->is_clear = true;
	if (!dfu->is_own) {
		flashdelta_dfu_forget(dfu);
		dfu->is_own = true;
	}
	return 0;
}

static int32_t write_new(void *user, uint32_t offset, const uint8_t *from, size_t len)
{
	struct flashdelta_dfu *dfu = user;
	const int err = take_over(dfu);

	return err != 0 ? err : flashdelta_dfu_area_write(&dfu->new_area, offset, from, len);
}

static int32_t erase_new(void *user, uint32_t offset)
{
	struct flashdelta_dfu *dfu = user;
	const int err = take_over(dfu);

	return err != 0 ? err : flashdelta_dfu_area_erase(&dfu->new_area, offset);
}

static int32_t commit_new(void *user)
{
	const struct flashdelta_dfu *dfu = user;

	return dfu->is_data ? 0 : flashdelta_dfu_hand_over(dfu);
}

void flashdelta_dfu_pause(void)
{
#if CONFIG_FLASHDELTA_PAUSE_MS > 0
	k_msleep(CONFIG_FLASHDELTA_PAUSE_MS);
#else
	k_yield();
#endif
}

/* ---- Begin ---- */

void flashdelta_dfu_default_config(struct flashdelta_dfu_config *config)
{
	memset(config, 0, sizeof(*config));
	config->old_area = boot_fetch_active_slot();
	config->new_area = FLASHDELTA_DFU_SLOT1;
	config->suspend_area = FLASHDELTA_DFU_NO_AREA;
}

static int check_areas(const struct flashdelta_dfu_config *config)
{
	const bool is_slot1 = config->new_area == FLASHDELTA_DFU_SLOT1;

	if (config->new_area == config->old_area || config->new_area == boot_fetch_active_slot() ||
	    is_slot1 == config->is_data) {
		return -EINVAL;
	}
	if (is_slot1 && !boot_is_img_confirmed()) {
		LOG_ERR("the running image has not confirmed itself yet");
		return -EBUSY;
	}
	return 0;
}

/* Whose patches are taken. */
static int check_keys(struct flashdelta_dfu *dfu, const struct flashdelta_psa *keys)
{
	dfu->keys = keys;
	if (keys == NULL) {
		return IS_ENABLED(CONFIG_FLASHDELTA_REQUIRE_SIGNATURE) ? -EINVAL : 0;
	}
#if defined(CONFIG_FLASHDELTA_SIGNATURES)
	dfu->verifier = flashdelta_psa_verifier(keys);
	return psa_crypto_init() == PSA_SUCCESS ? 0 : -EIO;
#else
	return -ENOTSUP;
#endif
}

static int open_areas(struct flashdelta_dfu *dfu, const struct flashdelta_dfu_config *config)
{
	int err = check_areas(config);

	if (err == 0) {
		err = flashdelta_dfu_area_open(&dfu->old_area, config->old_area);
	}
	if (err == 0) {
		err = flashdelta_dfu_area_open(&dfu->new_area, config->new_area);
	}
	if (err == 0 && !config->is_data) {
		err = flashdelta_dfu_fit_mcuboot(dfu);
	}
	if (err == 0) {
		err = flashdelta_dfu_open_kept(dfu, config);
	}
	return err;
}

int flashdelta_dfu_begin(struct flashdelta_dfu *dfu, const struct flashdelta_dfu_config *config)
{
	struct flashdelta_dfu_config defaults;
	int err;

	if (dfu == NULL) {
		return -EINVAL;
	}
	if (config == NULL) {
		flashdelta_dfu_default_config(&defaults);
		config = &defaults;
	}
	memset(dfu, 0, offsetof(struct flashdelta_dfu, memory));
	dfu->is_data = config->is_data;
	dfu->flags = config->ignore_trailing ? FLASHDELTA_IGNORE_TRAILING : 0;
	dfu->has_device = config->device != NULL;
	if (dfu->has_device) {
		dfu->device = *config->device;
	}
	err = check_keys(dfu, config->keys);
	if (err == 0) {
		err = open_areas(dfu, config);
	}
	return err != 0 ? err : flashdelta_dfu_restart(dfu);
}

int flashdelta_dfu_restart(struct flashdelta_dfu *dfu)
{
	(void)flashdelta_applier_abort(&dfu->applier);
	memset(&dfu->progress, 0, sizeof(dfu->progress));
#if defined(CONFIG_FLASHDELTA_SIGNATURES)
	/* How the memory is shared, the header tells. */
	dfu->header_len = 0;
	dfu->header_fed = 0;
	dfu->phase = FLASHDELTA_DFU_HEADER;
	return 0;
#else
	return flashdelta_dfu_make_applier(dfu, 0);
#endif
}

int flashdelta_dfu_make_applier(struct flashdelta_dfu *dfu, size_t buffer)
{
	const size_t workspace = sizeof(dfu->memory) - buffer;
	flashdelta_flash flash;
	flashdelta_status status;

	memset(&flash, 0, sizeof(flash));
	flash.user = dfu;
	flash.old_size = dfu->old_area.size;
	flash.new_size = dfu->new_area.size;
	flash.write_size = dfu->new_area.unit;
	flash.sector_size = dfu->new_area.sector;
	flash.flags = dfu->flags;
	flash.read_old = read_old;
	flash.read_new = read_new;
	flash.write_new = write_new;
	flash.erase_new = erase_new;
	flash.commit_new = commit_new;
	status = flashdelta_applier_init(&dfu->applier, &flash,
					 dfu->has_device ? &dfu->device : NULL, dfu->memory,
					 workspace);
#if defined(CONFIG_FLASHDELTA_SIGNATURES)
	if (status == FLASHDELTA_OK && (dfu->keys != NULL || buffer > 0)) {
		status = flashdelta_applier_guard(&dfu->applier,
						  dfu->keys != NULL ? &dfu->verifier : NULL,
						  dfu->memory + workspace, buffer);
	}
#endif
	dfu->phase = FLASHDELTA_DFU_RUNNING;
	return flashdelta_dfu_of_applier(dfu, status);
}

/* ---- Feed ---- */

int flashdelta_dfu_of_applier(struct flashdelta_dfu *dfu, flashdelta_status status)
{
	flashdelta_error_detail detail;

	if (status == FLASHDELTA_OK) {
		return 0;
	}
	if (status == FLASHDELTA_ERR_WRONG_CHUNK) {
		LOG_WRN("a chunk of the patch is wrong, and has to come again");
		return status;
	}
	if (flashdelta_applier_last_error(&dfu->applier, &detail) != FLASHDELTA_OK ||
	    detail.status != status) {
		return status;
	}
	LOG_ERR("error %d: %s (at %u, expected %u, found %u, returned %d)", (int)status,
		flashdelta_strerror(status), (unsigned int)detail.offset,
		(unsigned int)detail.expected, (unsigned int)detail.found,
		(int)detail.callback_returned);
	/* What the driver says is more telling than that it failed. -EAGAIN has a meaning here. */
	if (detail.callback_returned < 0) {
		return detail.callback_returned == -EAGAIN ? -EIO : detail.callback_returned;
	}
	return status;
}

/* One step of the applier; tells how many of the bytes it took. */
static int feed_applier(struct flashdelta_dfu *dfu, const uint8_t *data, size_t len, size_t *taken)
{
	uint32_t before = dfu->progress.taken;
	flashdelta_status status;

#if defined(CONFIG_FLASHDELTA_SIGNATURES)
	(void)flashdelta_applier_next(&dfu->applier, &before); /* a wrong chunk is taken back */
#endif
	status = flashdelta_applier_feed_within(&dfu->applier, data, len, CONFIG_FLASHDELTA_STEP,
						&dfu->progress);
	if (status != FLASHDELTA_OK) {
		return flashdelta_dfu_of_applier(dfu, status);
	}
	*taken = dfu->progress.taken - before;
	if (dfu->progress.done && (dfu->flags & FLASHDELTA_IGNORE_TRAILING) != 0) {
		*taken = len;
	}
	return 0;
}

#if defined(CONFIG_FLASHDELTA_SIGNATURES)

/* The number of signatures in a patch, and one of them: both follow the header. */
#define SIGNATURE_LEN (1 + 73)

size_t flashdelta_dfu_guard_buffer(const struct flashdelta_dfu *dfu)
{
	size_t buffer = 0;

	if (flashdelta_chunk_ram(dfu->header, dfu->header_len, &buffer) != FLASHDELTA_OK) {
		buffer = 0;
	}
	if (dfu->keys != NULL) {
		buffer = MAX(buffer, (size_t)dfu->header_len + SIGNATURE_LEN);
	}
	/* What is too little, the applier says, once it knows whether to believe the header. */
	return buffer <= sizeof(dfu->memory) ? buffer : sizeof(dfu->memory) / 2;
}

/* Collects the header, which tells how the memory is shared. */
static int collect_header(struct flashdelta_dfu *dfu, const uint8_t *data, size_t len,
			  size_t *taken)
{
	size_t needed;

	*taken = MIN(len, sizeof(dfu->header) - dfu->header_len);
	if (*taken > 0) {
		memcpy(dfu->header + dfu->header_len, data, *taken);
	}
	dfu->header_len += (uint16_t)*taken;
	if (flashdelta_workspace_len(dfu->header, dfu->header_len, &needed) ==
	    FLASHDELTA_NEED_MORE) {
		return 0;
	}
	/* What is wrong with a header, the applier tells best. */
	return flashdelta_dfu_make_applier(dfu, flashdelta_dfu_guard_buffer(dfu));
}

/* A step; `more`: there is something to do without more bytes. */
static int one_step(struct flashdelta_dfu *dfu, const uint8_t *data, size_t len, size_t *taken,
		    bool *more)
{
	size_t fed = 0;
	int err;

	if (dfu->phase == FLASHDELTA_DFU_HEADER) {
		err = collect_header(dfu, data, len, taken);
		*more = dfu->phase == FLASHDELTA_DFU_RUNNING;
		return err;
	}
	if (dfu->header_fed < dfu->header_len) {
		err = feed_applier(dfu, dfu->header + dfu->header_fed,
				   dfu->header_len - dfu->header_fed, &fed);
		dfu->header_fed += (uint16_t)fed;
		*more = len > 0 || dfu->header_fed < dfu->header_len || dfu->progress.pending;
		return err;
	}
	err = feed_applier(dfu, data, len, taken);
	*more = *taken < len || dfu->progress.pending;
	return err;
}

#else

static int one_step(struct flashdelta_dfu *dfu, const uint8_t *data, size_t len, size_t *taken,
		    bool *more)
{
	const int err = feed_applier(dfu, data, len, taken);

	*more = *taken < len || dfu->progress.pending;
	return err;
}

#endif

int flashdelta_dfu_step(struct flashdelta_dfu *dfu, const void *data, size_t len, size_t *taken)
{
	bool more = false;
	int err;

	if (dfu == NULL || taken == NULL || (data == NULL && len > 0) ||
	    dfu->phase == FLASHDELTA_DFU_NONE) {
		return -EINVAL;
	}
	*taken = 0;
	if (dfu->error != 0) {
		return dfu->error;
	}
	err = one_step(dfu, data, len, taken, &more);
	/* It may come again: that is no end. */
	dfu->chunk_error = err == FLASHDELTA_ERR_WRONG_CHUNK ? err : 0;
	if (err == 0) {
		return more ? -EAGAIN : 0;
	}
	if (dfu->chunk_error == 0) {
		dfu->error = err;
	}
	return err;
}

int flashdelta_dfu_feed(struct flashdelta_dfu *dfu, const void *data, size_t len)
{
	const uint8_t *bytes = data;
	int err;

	for (;;) {
		size_t taken = 0;

		err = flashdelta_dfu_step(dfu, bytes, len, &taken);
		if (taken > 0) {
			bytes += taken;
			len -= taken;
		}
		if (err != -EAGAIN && (err != 0 || len == 0)) {
			return err;
		}
		flashdelta_dfu_pause();
	}
}

size_t flashdelta_dfu_next(struct flashdelta_dfu *dfu)
{
	uint32_t next = dfu->progress.taken;

#if defined(CONFIG_FLASHDELTA_SIGNATURES)
	if (dfu->phase == FLASHDELTA_DFU_RUNNING) {
		(void)flashdelta_applier_next(&dfu->applier, &next);
	}
	return MAX(next, dfu->header_len);
#else
	return next;
#endif
}

flashdelta_progress flashdelta_dfu_progress(const struct flashdelta_dfu *dfu)
{
	return dfu->progress;
}

flashdelta_error_detail flashdelta_dfu_last_error(const struct flashdelta_dfu *dfu)
{
	flashdelta_error_detail detail;

	memset(&detail, 0, sizeof(detail));
	(void)flashdelta_applier_last_error(&dfu->applier, &detail);
	return detail;
}

size_t flashdelta_dfu_capacity(const struct flashdelta_dfu *dfu)
{
	return dfu->new_area.size;
}

/* ---- End ---- */

static void end_update(struct flashdelta_dfu *dfu, int err)
{
	/* A wrong chunk that was not sent again is what has ended it. */
	flashdelta_dfu_forget_at_end(dfu, dfu->chunk_error != 0 ? dfu->chunk_error : err);
	(void)flashdelta_applier_abort(&dfu->applier);
	dfu->phase = FLASHDELTA_DFU_NONE;
}

int flashdelta_dfu_finish(struct flashdelta_dfu *dfu)
{
	int err;

	if (dfu == NULL || dfu->phase == FLASHDELTA_DFU_NONE) {
		return -EINVAL;
	}
	err = dfu->error;
	if (err == 0) {
		err = FLASHDELTA_ERR_TRUNCATED;
		if (dfu->phase == FLASHDELTA_DFU_RUNNING) {
			err = flashdelta_applier_finish(&dfu->applier);
			err = flashdelta_dfu_of_applier(dfu, (flashdelta_status)err);
		}
	}
	end_update(dfu, err);
	return err;
}

void flashdelta_dfu_abort(struct flashdelta_dfu *dfu)
{
	if (dfu != NULL && dfu->phase != FLASHDELTA_DFU_NONE) {
		/* Given up, an update is like one whose link is lost: it may be gone on with. */
		end_update(dfu, dfu->error != 0 ? dfu->error : FLASHDELTA_ERR_TRUNCATED);
	}
}
