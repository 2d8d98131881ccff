/**
 * @file flashdelta_dfu.h
 * @brief Delta updates for Zephyr with MCUboot: from the image that runs and a patch to the image
 * in slot 1.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * @code{.c}
 * static struct flashdelta_dfu dfu;
 *
 * int err = flashdelta_dfu_begin(&dfu, NULL);
 * while (err == 0 && (len = receive(buffer, sizeof(buffer))) > 0) {
 *     err = flashdelta_dfu_feed(&dfu, buffer, len);
 * }
 * if (err == 0) {
 *     err = flashdelta_dfu_finish(&dfu); // the only call that tells MCUboot
 * }
 * if (err == 0) {
 *     sys_reboot(SYS_REBOOT_COLD);       // MCUboot tries the new image once
 * }
 * @endcode
 *
 * and the new image, once it has shown that it works: `flashdelta_dfu_confirm()`.
 *
 * Errors: 0 is success. A negative number is one of Zephyr's (-EBUSY), from the flash driver, say.
 * A positive one is a flashdelta_status: `err / 100` is its class, which tells what to do, and
 * flashdelta_strerror() says it in words.
 *
 * What is checked, and when: before the first write, that the patch is for this device and was made
 * from the image that runs; at the end, the SHA-256 of the new image as it reads back. MCUboot
 * checks the signature of the image as always. With `keys`, nothing of a patch is used that none
 * of them has signed.
 *
 * One thread uses one struct flashdelta_dfu at a time; none of this is for interrupts.
 */
#ifndef FLASHDELTA_DFU_H
#define FLASHDELTA_DFU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <flashdelta_apply.h>
#include <zephyr/kernel.h>
#include <zephyr/storage/flash_map.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Public keys: flashdelta_psa.h. */
struct flashdelta_psa;

/** What flashdelta_dfu_config has where there is no such area. */
#define FLASHDELTA_DFU_NO_AREA (-1)

/** How to update. flashdelta_dfu_default_config() fills it. */
struct flashdelta_dfu_config {
	/**
	 * The flash area of the image that the patch was made from: by default the one that runs.
	 */
	uint8_t old_area;
	/** The flash area to be written: by default slot 1. */
	uint8_t new_area;
	/**
	 * A flash area for the state of the update, and for nothing else: an even number of
	 * sectors. Half of it holds CONFIG_FLASHDELTA_RAM at most. #FLASHDELTA_DFU_NO_AREA, the
	 * default: the update cannot be suspended.
	 */
	int suspend_area;
	/**
	 * Both areas hold data, no images: a file system of which there are two that take turns,
	 * say. All of the new area is used, and MCUboot is told nothing.
	 */
	bool is_data;
	/** Ignore bytes after the end of the patch, which are an error otherwise. */
	bool ignore_trailing;
	/** What the device is, to refuse patches for others; copied. NULL: not checked. */
	const flashdelta_device *device;
	/**
	 * The keys that are trusted: patches must be signed with one of them. They stay where they
	 * are until the update ends. NULL: signatures are not looked at.
	 */
	const struct flashdelta_psa *keys;
};

/** Private: a part of a flash area. */
struct flashdelta_dfu_area {
	const struct flash_area *fa;
	uint32_t start;
	uint32_t size;
	uint32_t sector;
	uint32_t unit;
};

/**
 * An update. Static in most programs; its contents are private. It takes CONFIG_FLASHDELTA_RAM, and
 * 248 bytes on a processor of 32 bits; 1,284 with CONFIG_FLASHDELTA_SIGNATURES, which needs the
 * header in one piece.
 */
struct flashdelta_dfu {
	flashdelta_applier applier;
	struct flashdelta_dfu_area old_area;
	struct flashdelta_dfu_area new_area;
	struct flashdelta_dfu_area kept;
	flashdelta_progress progress;
	flashdelta_device device;
	int error;
	int area_error;
	int chunk_error;
	uint8_t phase;
	bool has_device;
	bool is_data;
	bool is_own;
	bool is_clear;
	uint32_t flags;
	const struct flashdelta_psa *keys;
#if defined(CONFIG_FLASHDELTA_SIGNATURES)
	flashdelta_verifier verifier;
	uint16_t header_len;
	uint16_t header_fed;
	uint8_t header[FLASHDELTA_MAX_HEADER_LEN];
#endif
	uint8_t memory[CONFIG_FLASHDELTA_RAM - 1024];
};

/** Fills a configuration with the defaults. */
void flashdelta_dfu_default_config(struct flashdelta_dfu_config *config);

/**
 * @brief Begins an update. Nothing is erased or written yet.
 *
 * @param dfu whatever it holds is overwritten
 * @param config NULL for the defaults; need not live longer than the call
 * @retval 0
 * @retval -EINVAL `dfu` is NULL; areas are the same, or the running one would be written, or
 *     `is_data` does not fit; `suspend_area` is of an odd number of sectors; or there are no keys,
 *     and CONFIG_FLASHDELTA_REQUIRE_SIGNATURE is set
 * @retval -EBUSY the running image has not confirmed itself: slot 1 is what MCUboot would go back
 *     to
 * @retval -ENOTSUP keys without CONFIG_FLASHDELTA_SIGNATURES, a `suspend_area` without
 *     CONFIG_FLASHDELTA_SUSPEND; or a flash that erases to something other than 0xff, writes units
 *     of more than 64 bytes, or has sectors that do not fit each other
 * @retval -ENOSPC the area is no larger than what MCUboot keeps at its end
 * @retval -EIO PSA Crypto does not start
 * @retval other what flash_area_open() or flash_get_page_info_by_offs() returned
 */
int flashdelta_dfu_begin(struct flashdelta_dfu *dfu, const struct flashdelta_dfu_config *config);

/**
 * @brief Takes the next bytes of the patch, any number of them, in steps of CONFIG_FLASHDELTA_STEP,
 * with a pause of CONFIG_FLASHDELTA_PAUSE_MS after each.
 *
 * @param dfu begun
 * @param data the bytes; may be NULL if len is 0
 * @param len how many
 * @retval 0
 * @retval FLASHDELTA_ERR_WRONG_CHUNK a chunk of the patch was damaged on its way, or forged, and
 *     nothing of it is used: feed the patch from byte flashdelta_dfu_next() on. The only error that
 *     is not final
 * @retval other the patch cannot be applied, or the flash has failed. Every further call says so
 */
int flashdelta_dfu_feed(struct flashdelta_dfu *dfu, const void *data, size_t len);

/**
 * @brief One step of flashdelta_dfu_feed(), without a pause: for work queues, and for threads that
 * have a watchdog to feed.
 *
 * @param dfu begun
 * @param data the bytes; may be NULL if len is 0
 * @param len how many
 * @param[out] taken how many of them were taken: bring the others again
 * @retval 0 nothing is left to do until there are more bytes
 * @retval -EAGAIN there is more to do, with or without more bytes: call it again
 * @retval other as for flashdelta_dfu_feed()
 */
int flashdelta_dfu_step(struct flashdelta_dfu *dfu, const void *data, size_t len, size_t *taken);

/** Which byte of the patch is to be fed next. */
size_t flashdelta_dfu_next(struct flashdelta_dfu *dfu);

/** How far the update has come. */
flashdelta_progress flashdelta_dfu_progress(const struct flashdelta_dfu *dfu);

/** Where and how the update failed: before it is finished or aborted. */
flashdelta_error_detail flashdelta_dfu_last_error(const struct flashdelta_dfu *dfu);

/**
 * @brief Ends the update: if the new image is complete and verified, calls
 * `boot_request_upgrade(BOOT_UPGRADE_TEST)`. Nothing else does.
 *
 * @param dfu begun
 * @retval 0 a reset starts the new image, once: it has to confirm itself
 * @retval FLASHDELTA_ERR_TRUNCATED the patch was not complete
 * @retval other the error of flashdelta_dfu_feed(), or what boot_request_upgrade() returned.
 *     MCUboot has been told nothing
 */
int flashdelta_dfu_finish(struct flashdelta_dfu *dfu);

/**
 * @brief Gives the update up. What was saved by flashdelta_dfu_suspend() stays, unless the update
 * has failed for good.
 */
void flashdelta_dfu_abort(struct flashdelta_dfu *dfu);

/**
 * @brief Saves the state of the update in the `suspend_area`. What was saved before stays until
 * this is whole, whenever the power is cut. The update may go on.
 *
 * @param dfu begun or resumed
 * @retval 0
 * @retval -EINVAL there is no `suspend_area`
 * @retval -EAGAIN the header of the patch is not accepted yet: there is nothing to save
 * @retval -ENOSPC half of the area is too small
 * @retval -ENOTSUP CONFIG_FLASHDELTA_SUSPEND is off
 * @retval other the error of the update, or of the flash
 */
int flashdelta_dfu_suspend(struct flashdelta_dfu *dfu);

/**
 * @brief Goes on with the update that flashdelta_dfu_suspend() has saved, or begins one.
 *
 * What was saved is used if the old image is still the one that it was made from, which is read for
 * that, and if device, areas, keys and version of the library allow it. Else it is forgotten, and
 * the update begins. That the rest is of the same patch is for the caller to see to; if it is of
 * another, that is found out by a digest.
 *
 * @param dfu whatever it holds is overwritten
 * @param config as for flashdelta_dfu_begin(), with a `suspend_area`
 * @param[out] taken the byte of the patch to go on with: 0 if the update begins
 * @return as for flashdelta_dfu_begin(); the error of a flash that could not be read, and then what
 *     was saved is kept
 */
int flashdelta_dfu_resume(struct flashdelta_dfu *dfu, const struct flashdelta_dfu_config *config,
			  size_t *taken);

/** @brief The image that runs works, and stays: boot_write_img_confirmed(). */
int flashdelta_dfu_confirm(void);

/**
 * @brief The longest image that the new area can take: without MCUboot's trailer, and what swapping
 * needs.
 *
 * @param dfu begun
 */
size_t flashdelta_dfu_capacity(const struct flashdelta_dfu *dfu);

#if defined(CONFIG_FLASHDELTA_STORE)

/**
 * A flash area that receives the chunks of a patch in any order. Hand `&store.store` to
 * flashdelta_store_offer(), flashdelta_store_put() and their like.
 */
struct flashdelta_dfu_store {
	/** Open: for the functions of flashdelta_apply.h. */
	flashdelta_store store;
	/** Private. */
	struct flashdelta_dfu_area area;
	/** Private. */
	flashdelta_verifier verifier;
	/** Private. */
	uint8_t memory[CONFIG_FLASHDELTA_STORE_MEMORY];
};

/**
 * @brief Opens a store, as whatever was before has left it.
 *
 * @param store whatever it holds is overwritten
 * @param area the flash area: for this, and nothing else
 * @param keys as in flashdelta_dfu_config: nothing is stored that none of them has signed. NULL:
 *     any patch is stored if there is none
 * @param device as in flashdelta_dfu_config
 * @return 0, or as for flashdelta_dfu_begin(), or a flashdelta_status
 */
int flashdelta_dfu_store_open(struct flashdelta_dfu_store *store, uint8_t area,
			      const struct flashdelta_psa *keys, const flashdelta_device *device);

/**
 * @brief Feeds an update from a store, from where it is, in steps and with pauses as
 * flashdelta_dfu_feed(). Each chunk is checked once more.
 *
 * @param dfu begun, and fed by nothing else
 * @param store open
 * @retval 0 all of the patch was fed: finish the update
 * @retval FLASHDELTA_ERR_PIECE_MISSING a chunk is missing, or is not any more what was written:
 *     receive what flashdelta_store_missing() tells, and call again
 * @retval other as for flashdelta_dfu_feed(), or an error of the store
 */
int flashdelta_dfu_feed_store(struct flashdelta_dfu *dfu, struct flashdelta_dfu_store *store);

#endif

#ifdef __cplusplus
}
#endif

#endif
