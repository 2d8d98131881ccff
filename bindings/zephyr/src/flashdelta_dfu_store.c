/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A flash area that receives the chunks of a patch in any order. */
#include "flashdelta_dfu_private.h"

#include <errno.h>
#include <string.h>

#include <flashdelta_psa.h>

static int32_t read_store(void *user, uint32_t offset, uint8_t *to, size_t len)
{
	const struct flashdelta_dfu_store *store = user;

	return flashdelta_dfu_area_read(&store->area, offset, to, len);
}

static int32_t write_store(void *user, uint32_t offset, const uint8_t *from, size_t len)
{
	const struct flashdelta_dfu_store *store = user;

	return flashdelta_dfu_area_write(&store->area, offset, from, len);
}

static int32_t erase_store(void *user, uint32_t offset)
{
	const struct flashdelta_dfu_store *store = user;

	return flashdelta_dfu_area_erase(&store->area, offset);
}

static int32_t verify(void *user, uint8_t algorithm, const uint8_t *key_id, const uint8_t *message,
		      const uint8_t *signature)
{
	const struct flashdelta_dfu_store *store = user;

	return store->verifier.verify(store->verifier.user, algorithm, key_id, message, signature);
}

int flashdelta_dfu_store_open(struct flashdelta_dfu_store *store, uint8_t area,
			      const struct flashdelta_psa *keys, const flashdelta_device *device)
{
	flashdelta_store_flash flash;
	int err;

	if (store == NULL ||
	    (keys == NULL && IS_ENABLED(CONFIG_FLASHDELTA_REQUIRE_SIGNATURE))) {
		return -EINVAL;
	}
	err = flashdelta_dfu_area_open(&store->area, area);
	if (err != 0) {
		return err;
	}
	if (keys != NULL && psa_crypto_init() != PSA_SUCCESS) {
		return -EIO;
	}
	memset(&flash, 0, sizeof(flash));
	flash.user = store;
	flash.size = store->area.size;
	flash.write_size = store->area.unit;
	flash.sector_size = store->area.sector;
	flash.read = read_store;
	flash.write = write_store;
	flash.erase = erase_store;
	flash.device = device;
	if (keys != NULL) {
		store->verifier = flashdelta_psa_verifier(keys);
		flash.verify = verify;
	}
	return flashdelta_store_open(&store->store, &flash, store->memory, sizeof(store->memory));
}

/* The header tells how the memory is shared, and is fed with all the rest afterwards. */
static int read_header(struct flashdelta_dfu *dfu, struct flashdelta_dfu_store *store)
{
	size_t len = 0;
	flashdelta_status status = flashdelta_store_header(&store->store, dfu->header,
							   sizeof(dfu->header), &len);
	int err;

	if (status != FLASHDELTA_OK) {
		return status;
	}
	dfu->header_len = (uint16_t)len;
	err = flashdelta_dfu_make_applier(dfu, flashdelta_dfu_guard_buffer(dfu));
	dfu->header_len = 0;
	return err;
}

int flashdelta_dfu_feed_store(struct flashdelta_dfu *dfu, struct flashdelta_dfu_store *store)
{
	flashdelta_status status = FLASHDELTA_OK;
	uint32_t offset;
	int err = 0;

	if (dfu == NULL || store == NULL || dfu->phase == FLASHDELTA_DFU_NONE ||
	    dfu->header_len > 0) {
		return -EINVAL; /* not begun, or fed by something else */
	}
	if (dfu->error != 0) {
		return dfu->error;
	}
	if (dfu->phase == FLASHDELTA_DFU_HEADER) {
		err = read_header(dfu, store);
	}
	if (err != 0) {
		return err;
	}
	offset = (uint32_t)flashdelta_dfu_next(dfu);
	while (status == FLASHDELTA_OK && !dfu->progress.done) {
		status = flashdelta_store_feed_within(&store->store, &offset, &dfu->applier,
						      CONFIG_FLASHDELTA_STEP, &dfu->progress);
		flashdelta_dfu_pause();
	}
	if (status == FLASHDELTA_OK || status == FLASHDELTA_ERR_PIECE_MISSING ||
	    status == FLASHDELTA_ERR_STORE_ROTTED) {
		return status;
	}
	dfu->error = flashdelta_dfu_of_applier(dfu, status);
	return dfu->error;
}
