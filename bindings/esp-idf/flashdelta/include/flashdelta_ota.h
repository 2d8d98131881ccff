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
 * Patches are not signed: product, hardware and security counter in a patch catch mistakes, not
 * malice. That an image may run, and that it is no older than it may be, is for Secure Boot and its
 * anti-rollback (CONFIG_BOOTLOADER_APP_ANTI_ROLLBACK) to say.
 *
 * One update at a time; its functions are called by one task at a time, not from interrupts.
 * Updates that were interrupted start again from the first byte of the patch; what they had
 * finished is neither erased nor written again. The running partition is never written.
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
} flashdelta_ota_config_t;

/**
 * @brief Begins an update. Nothing is erased or written yet.
 *
 * It takes some 2.2 KiB of the heap, and 1 KiB less once the header of the patch is in.
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
 *      nor both data; or the new one is otadata
 *    - ESP_ERR_NOT_FOUND: there is no such partition
 *    - ESP_ERR_OTA_PARTITION_CONFLICT: the new partition is the running or the old one
 *    - ESP_ERR_OTA_ROLLBACK_INVALID_STATE: the running image has not confirmed itself yet:
 *      esp_ota_mark_app_valid_cancel_rollback()
 *    - ESP_ERR_NO_MEM
 */
esp_err_t flashdelta_ota_begin(const flashdelta_ota_config_t *config, flashdelta_ota_handle_t *out_handle);

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
 *    - what esp_partition_read(), _write() or _erase_range() returned
 *
 * After an error every further call returns the same, and so does flashdelta_ota_end().
 */
esp_err_t flashdelta_ota_feed(flashdelta_ota_handle_t handle, const void *data, size_t len);

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
 * @brief Gives the update up. The handle is freed; the boot partition stays what it was.
 *
 * @param handle from flashdelta_ota_begin()
 * @return ESP_OK; ESP_ERR_INVALID_ARG if it is NULL
 */
esp_err_t flashdelta_ota_abort(flashdelta_ota_handle_t handle);

#ifdef __cplusplus
}
#endif

#endif
