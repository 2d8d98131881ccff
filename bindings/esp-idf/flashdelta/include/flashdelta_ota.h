/**
 * @file flashdelta_ota.h
 * @brief Delta updates for ESP-IDF: from the running partition and a patch to the next OTA
 * partition, or from one data partition to another.
 *
 * Used like esp_ota_begin(), esp_ota_write(), esp_ota_end():
 *
 * @code{.c}
 * flashdelta_ota_handle_t update;
 * esp_err_t err = flashdelta_ota_begin(NULL, &update);
 * while (err == ESP_OK && (len = receive(buffer, sizeof buffer)) > 0) {
 *     err = flashdelta_ota_feed(update, buffer, len);
 * }
 * // ... end or abort exactly once, if begin succeeded
 * err = flashdelta_ota_end(update);
 * if (err == ESP_OK) {
 *     esp_restart();
 * }
 * @endcode
 *
 * What is checked, and when: before the first write, that the patch is for this device and was made
 * from the image that runs; at the end, the SHA-256 of the new image as it reads back, its chip,
 * and all that the bootloader checks (esp_image_verify(): checksum, digest, and signature with
 * Secure Boot). The boot partition is set only after all of that, by flashdelta_ota_end() and
 * nowhere else.
 *
 * Signatures: with `keys`, a patch that none of them has signed is refused before anything of it is
 * used, and each chunk is checked before it is applied. Without, product, hardware and security
 * counter in a patch catch mistakes, not malice. That an image may run, and that it is no older than
 * it may be, is for Secure Boot and its anti-rollback (CONFIG_BOOTLOADER_APP_ANTI_ROLLBACK) to say.
 *
 * Going on after a reset: flashdelta_ota_suspend() saves the state of an update in a partition of its
 * own, and flashdelta_ota_resume() goes on in the middle of the patch:
 *
 * @code{.c}
 * flashdelta_ota_config_t config = {.suspend_partition = partition}; // "suspend" of the example's table
 * size_t taken;
 * esp_err_t err = flashdelta_ota_resume(&config, &update, &taken);
 * // ... ask for the patch from byte `taken` on, which is 0 if there is nothing to go on with
 * // ... feed; now and then, or when the link is lost:
 * err = flashdelta_ota_suspend(update);
 * @endcode
 *
 * One update at a time; its functions are called by one task at a time, not from interrupts.
 * Updates that were interrupted and not suspended start again from the first byte of the patch; what
 * they had finished is neither erased nor written again. The running partition is never written.
 */
#ifndef FLASHDELTA_OTA_H
#define FLASHDELTA_OTA_H

#include <stdbool.h>
#include <stddef.h>

#include "esp_err.h"
#include "esp_partition.h"
#include "flashdelta_apply.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Errors of flashdelta as an esp_err_t: this and a flashdelta_status. */
#define ESP_ERR_FLASHDELTA_BASE 0xFD000

/** An update in progress. */
typedef struct flashdelta_ota *flashdelta_ota_handle_t;

/** Public keys: flashdelta_psa.h. */
struct flashdelta_psa;

/** How to update. Fill it with zeros for the defaults. */
typedef struct {
    /** Holds the image that the patch was made from. NULL: the running partition. */
    const esp_partition_t *old_partition;
    /**
     * To be written: an OTA partition, or a data partition if the old one is a data partition, too.
     * NULL: what esp_ota_get_next_update_partition() says.
     */
    const esp_partition_t *new_partition;
    /** What the device is, to refuse patches for others; copied. NULL: not checked. */
    const flashdelta_device *device;
    /** Most RAM in bytes that a patch may need; see the Kconfig option. 0: CONFIG_FLASHDELTA_RAM. */
    size_t ram;
    /** Ignore bytes after the end of the patch, which are an error otherwise. */
    bool ignore_trailing;
    /** flashdelta_ota_end() verifies, but leaves esp_ota_set_boot_partition() to you. */
    bool keep_boot_partition;
    /**
     * The keys that are trusted: patches must be signed with one of them. They stay where they are
     * until the update ends. NULL: signatures are not looked at.
     */
    const struct flashdelta_psa *keys;
    /**
     * A data partition for the state of the update, and for nothing else; an even number of sectors.
     * Half of it holds the RAM that the patch needs, and 1 KiB. NULL: the update cannot be suspended.
     */
    const esp_partition_t *suspend_partition;
    /**
     * Values for holes of the new image, as a record: see `values` of flashdelta_flash. It stays where
     * it is, as it is, until the update ends; flashdelta_ota_resume() gets the same again. NULL: holes
     * keep what the old image has in them.
     */
    const uint8_t *values;
    /** Its length in bytes. */
    size_t values_len;
} flashdelta_ota_config_t;

/**
 * @brief Begins an update. Nothing is erased or written yet.
 *
 * It takes some 2.3 KiB of the heap, and 1 KiB less once the header of the patch is in. An update that
 * was suspended is forgotten when this one writes for the first time: flashdelta_ota_resume() goes on
 * with it.
 *
 * Data partitions: old and new partition are both of type data, a file system of which there are
 * two that take turns, say. Which of them is used is for your program to remember; the boot
 * partition stays as it is.
 *
 * @param config NULL for the defaults; need not live longer than the call
 * @param[out] out_handle written only on success
 * @return
 *    - ESP_OK
 *    - ESP_ERR_INVALID_ARG: out_handle is NULL, or the partitions are neither app and OTA partition
 *      nor both data; or the new one is otadata; or `suspend_partition` is no data partition of an even
 *      number of sectors, or one of the others; or there are no keys, and
 *      CONFIG_FLASHDELTA_REQUIRE_SIGNATURE is set
 *    - ESP_ERR_NOT_SUPPORTED: keys without CONFIG_FLASHDELTA_SIGNATURES, a `suspend_partition`
 *      without CONFIG_FLASHDELTA_SUSPEND, or `values` without CONFIG_FLASHDELTA_HOLES
 *    - ESP_ERR_NOT_FOUND: there is no such partition
 *    - ESP_ERR_OTA_PARTITION_CONFLICT: the new partition is the running or the old one
 *    - ESP_ERR_OTA_ROLLBACK_INVALID_STATE: the running image has not confirmed itself yet:
 *      esp_ota_mark_app_valid_cancel_rollback()
 *    - ESP_ERR_NO_MEM
 *    - ESP_FAIL: PSA Crypto does not start
 */
esp_err_t flashdelta_ota_begin(const flashdelta_ota_config_t *config, flashdelta_ota_handle_t *out_handle);

/**
 * @brief Goes on with the update that flashdelta_ota_suspend() has saved, or begins one.
 *
 * What was saved is used if the old partition still holds the image that it was made from, which is
 * read for that, and if device, partitions and version of this library are what they were; if there are
 * keys now if there were any, and the one that the patch was signed with is still among them. Else it
 * is forgotten, and the update begins with the first byte of the patch, as after flashdelta_ota_begin().
 *
 * That the server still has the same patch is for you to see to: ask it for the rest with `If-Range`
 * and the ETag of before, or name each patch by an address of its own. The rest of another patch is
 * found out by the digest of a chunk, or of the new image at the latest; then what was saved is
 * forgotten, and the next update starts anew.
 *
 * @param config as for flashdelta_ota_begin(), with a `suspend_partition`
 * @param[out] out_handle written only on success
 * @param[out] out_taken the byte of the patch to go on with: 0 if the update begins; written only on
 *     success
 * @return as flashdelta_ota_begin(); ESP_ERR_INVALID_ARG also if there is no `suspend_partition`;
 *      ESP_ERR_NOT_SUPPORTED without CONFIG_FLASHDELTA_SUSPEND; what esp_partition_read() returned, of
 *      whichever partition, and then what was saved is kept: try again, or flashdelta_ota_begin()
 */
esp_err_t flashdelta_ota_resume(const flashdelta_ota_config_t *config, flashdelta_ota_handle_t *out_handle, size_t *out_taken);

/**
 * @brief Saves the state of the update in the `suspend_partition`. What was saved before stays until
 * this is whole, whenever the power is cut.
 *
 * The update may go on: what it writes after this is made again if it has to be gone on with from
 * here, and does no harm. It costs an erase of each sector that the state takes (half of the partition
 * at most), and one or two of the sector of the new partition that is under way. The state is as
 * secret as the images, and is trusted when it is read: in an encrypted partition nobody with the
 * flash in hand reads or changes it.
 *
 * flashdelta_ota_end() forgets it if the update succeeds, and so do flashdelta_ota_end() and
 * flashdelta_ota_abort() after an error that going on would not mend (ESP_ERR_FLASHDELTA_BASE + a
 * status that is not of class 7). flashdelta_ota_abort() keeps it otherwise: call it when the link is
 * lost.
 *
 * @param handle from flashdelta_ota_begin() or flashdelta_ota_resume()
 * @return
 *    - ESP_OK: it is saved
 *    - ESP_ERR_INVALID_ARG: handle is NULL
 *    - ESP_ERR_INVALID_STATE: there is no `suspend_partition`, or the header of the patch is not in yet,
 *      or not accepted yet: there is nothing to save
 *    - ESP_ERR_INVALID_SIZE: half of the partition is too small
 *    - ESP_ERR_NOT_SUPPORTED: CONFIG_FLASHDELTA_SUSPEND is off
 *    - the error of flashdelta_ota_feed(), if there was one
 *    - what esp_partition_read(), _write() or _erase_range() returned: the update can go on nevertheless
 */
esp_err_t flashdelta_ota_suspend(flashdelta_ota_handle_t handle);

/**
 * @brief Takes the next bytes of the patch, any number of them.
 *
 * The call that completes the header of the patch takes the workspace from the heap, as much as the
 * patch needs, and reads the whole old image; the one that completes the patch reads the whole new
 * image. Any other may read, erase and write any part of the partitions, as a few bytes of a patch
 * can stand for a copy of all the image. With CONFIG_FLASHDELTA_YIELD_KIB other tasks run
 * meanwhile; a task that is subscribed to the task watchdog itself has to see to it otherwise.
 *
 * @param handle from flashdelta_ota_begin()
 * @param data the bytes; may be NULL if len is 0
 * @param len how many
 * @return
 *    - ESP_OK
 *    - ESP_ERR_INVALID_ARG: handle is NULL, or data is NULL
 *    - ESP_ERR_NO_MEM: no memory in one piece for the workspace
 *    - ESP_ERR_FLASHDELTA_BASE + a flashdelta_status: the patch cannot be applied; `status / 100`
 *      tells why, flashdelta_ota_last_error() more
 *    - ESP_ERR_FLASHDELTA_BASE + FLASHDELTA_ERR_WRONG_CHUNK: a chunk of the patch was damaged on its
 *      way, or forged. Nothing of it is used. Feed the patch from byte flashdelta_ota_get_next() on
 *    - what esp_partition_read(), _write() or _erase_range() returned
 *
 * After an error every further call returns the same, and so does flashdelta_ota_end(); but not after
 * FLASHDELTA_ERR_WRONG_CHUNK, which can be mended.
 */
esp_err_t flashdelta_ota_feed(flashdelta_ota_handle_t handle, const void *data, size_t len);

/**
 * @brief Which byte of the patch is to be fed next: after a wrong chunk, the first one of that.
 *
 * @param handle from flashdelta_ota_begin()
 * @param[out] next bytes from the start of the patch
 * @return ESP_OK; ESP_ERR_INVALID_ARG if one is NULL; the error of flashdelta_ota_feed(), if there was
 *      one that is final
 */
esp_err_t flashdelta_ota_get_next(flashdelta_ota_handle_t handle, size_t *next);

/**
 * @brief How far the update has come.
 *
 * @param handle from flashdelta_ota_begin()
 * @param[out] progress bytes of the new image written so far, and in all
 * @return ESP_OK; ESP_ERR_INVALID_ARG if one is NULL
 */
esp_err_t flashdelta_ota_get_progress(flashdelta_ota_handle_t handle, flashdelta_progress *progress);

/**
 * @brief Where and how the update failed: to be called before flashdelta_ota_end() or
 * flashdelta_ota_abort().
 *
 * @param handle from flashdelta_ota_begin()
 * @param[out] detail its status is FLASHDELTA_OK if there was no error
 * @return ESP_OK; ESP_ERR_INVALID_ARG if one is NULL
 */
esp_err_t flashdelta_ota_last_error(flashdelta_ota_handle_t handle, flashdelta_error_detail *detail);

/**
 * @brief Ends the update: verifies the new image and makes it the one that boots next. Data needs no
 * more than the patch being complete, and changes nothing about what boots.
 *
 * The handle is freed, whatever the result. On any error the boot partition stays what it was.
 *
 * @param handle from flashdelta_ota_begin()
 * @return
 *    - ESP_OK: esp_restart() starts the new image. With CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE it
 *      has to confirm itself
 *    - ESP_ERR_INVALID_ARG: handle is NULL
 *    - ESP_ERR_FLASHDELTA_BASE + FLASHDELTA_ERR_TRUNCATED: the patch was not complete
 *    - ESP_ERR_OTA_VALIDATE_FAILED: what was written is no valid app image for this chip
 *    - the error of flashdelta_ota_feed(), if there was one; what esp_ota_set_boot_partition() returned
 */
esp_err_t flashdelta_ota_end(flashdelta_ota_handle_t handle);

/**
 * @brief Gives the update up. The handle is freed; the boot partition stays what it was. What was saved
 * by flashdelta_ota_suspend() stays, unless the update has failed for good.
 *
 * @param handle from flashdelta_ota_begin()
 * @return ESP_OK; ESP_ERR_INVALID_ARG if it is NULL
 */
esp_err_t flashdelta_ota_abort(flashdelta_ota_handle_t handle);

#ifdef __cplusplus
}
#endif

#endif
