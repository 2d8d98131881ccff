#include "flashdelta_ota_private.h"

#include <stdlib.h>
#include <string.h>

#include "esp_app_format.h"
#include "esp_image_format.h"
#include "esp_log.h"
#include "esp_ota_ops.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"

enum {
    /* What the RAM that patches state counts for a flashdelta_applier, as large as it is on chips. */
    APPLIER_RAM = 1024,
    /* Workspace beyond what a patch needs: the flash is read in larger pieces then. */
    COMFORT = 2048,
    /* The number of signatures in a patch, and one of them: both follow the header. */
    SIGNATURE = 1 + 73
};

/* ---- Flash ---- */

/* Long work lets other tasks run, or the watchdog would bark: one call may do all of an update. */
void flashdelta_ota_count(struct flashdelta_ota *ota, size_t len) {
#if CONFIG_FLASHDELTA_YIELD_KIB > 0
    ota->done_since_yield += len;
    if (ota->done_since_yield >= (size_t)CONFIG_FLASHDELTA_YIELD_KIB * 1024) {
        ota->done_since_yield = 0;
        vTaskDelay(1);
    }
#else
    (void)ota;
    (void)len;
#endif
}

int32_t flashdelta_ota_noted(struct flashdelta_ota *ota, esp_err_t err) {
    if (err != ESP_OK) {
        ota->partition_error = err;
    }
    return err;
}

static int32_t read_old(void *user, uint32_t offset, uint8_t *to, size_t len) {
    struct flashdelta_ota *ota = (struct flashdelta_ota *)user;
    flashdelta_ota_count(ota, len);
    return flashdelta_ota_noted(ota, esp_partition_read(ota->old_partition, offset, to, len));
}

static int32_t read_new(void *user, uint32_t offset, uint8_t *to, size_t len) {
    struct flashdelta_ota *ota = (struct flashdelta_ota *)user;
    flashdelta_ota_count(ota, len);
    return flashdelta_ota_noted(ota, esp_partition_read(ota->new_partition, offset, to, len));
}

static int32_t write_new(void *user, uint32_t offset, const uint8_t *from, size_t len) {
    struct flashdelta_ota *ota = (struct flashdelta_ota *)user;
    flashdelta_ota_forget(ota);
    flashdelta_ota_count(ota, len);
    return esp_partition_write(ota->new_partition, offset, from, len);
}

static int32_t erase_new(void *user, uint32_t offset) {
    struct flashdelta_ota *ota = (struct flashdelta_ota *)user;
    flashdelta_ota_forget(ota);
    return esp_partition_erase_range(ota->new_partition, offset, ota->new_partition->erase_size);
}

static flashdelta_flash describe_flash(struct flashdelta_ota *ota) {
    flashdelta_flash flash;
    memset(&flash, 0, sizeof flash);
    flash.user = ota;
    flash.old_size = ota->old_partition->size;
    flash.new_size = ota->new_partition->size;
    /* Encrypted flash is written in blocks of AES. */
    flash.write_size = ota->new_partition->encrypted ? 16 : 1;
    flash.sector_size = ota->new_partition->erase_size;
    flash.flags = ota->ignore_trailing ? FLASHDELTA_IGNORE_TRAILING : 0;
    flash.read_old = read_old;
    flash.read_new = read_new;
    flash.write_new = write_new;
    flash.erase_new = erase_new;
    flash.values = ota->values;
    flash.values_len = ota->values_len;
    return flash;
}

/* ---- Begin ---- */

static bool is_ota_partition(const esp_partition_t *partition) {
    return partition->type == ESP_PARTITION_TYPE_APP && partition->subtype >= ESP_PARTITION_SUBTYPE_APP_OTA_MIN &&
           partition->subtype < ESP_PARTITION_SUBTYPE_APP_OTA_MAX;
}

/* Data that has two partitions which take turns. What the bootloader reads is not of that kind. */
static bool is_data_pair(const esp_partition_t *old_partition, const esp_partition_t *new_partition) {
    return old_partition->type == ESP_PARTITION_TYPE_DATA && new_partition->type == ESP_PARTITION_TYPE_DATA &&
           new_partition->subtype != ESP_PARTITION_SUBTYPE_DATA_OTA;
}

static bool is_same(const esp_partition_t *a, const esp_partition_t *b) {
    return a->flash_chip == b->flash_chip && a->address == b->address;
}

static esp_err_t check_partitions(const esp_partition_t *old_partition, const esp_partition_t *new_partition) {
    const esp_partition_t *running = esp_ota_get_running_partition();
    if (running == NULL || old_partition == NULL || new_partition == NULL || esp_partition_verify(old_partition) == NULL ||
        esp_partition_verify(new_partition) == NULL) {
        return ESP_ERR_NOT_FOUND;
    }
    if (is_same(new_partition, running) || is_same(new_partition, old_partition)) {
        return ESP_ERR_OTA_PARTITION_CONFLICT;
    }
    if (is_data_pair(old_partition, new_partition)) {
        return ESP_OK;
    }
    if (!is_ota_partition(new_partition) || old_partition->type != ESP_PARTITION_TYPE_APP) {
        return ESP_ERR_INVALID_ARG;
    }
#ifdef CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE
    {
        /* The slot that would be written is the one that a rollback needs. */
        esp_ota_img_states_t state;
        if (esp_ota_get_state_partition(running, &state) == ESP_OK && state == ESP_OTA_IMG_PENDING_VERIFY) {
            ESP_LOGE(TAG, "the running image has not confirmed itself yet");
            return ESP_ERR_OTA_ROLLBACK_INVALID_STATE;
        }
    }
#endif
    return ESP_OK;
}

/* A partition that is nothing else, with two halves of whole sectors. */
static esp_err_t check_suspend_partition(const flashdelta_ota_config_t *config) {
    const esp_partition_t *partition = config->suspend_partition;
    if (partition == NULL) {
        return ESP_OK;
    }
#if !CONFIG_FLASHDELTA_SUSPEND
    return ESP_ERR_NOT_SUPPORTED;
#else
    if (esp_partition_verify(partition) == NULL) {
        return ESP_ERR_NOT_FOUND;
    }
    if (partition->type != ESP_PARTITION_TYPE_DATA || partition->subtype == ESP_PARTITION_SUBTYPE_DATA_OTA ||
        partition->size % (2 * partition->erase_size) != 0 || is_same(partition, config->old_partition) ||
        is_same(partition, config->new_partition)) {
        return ESP_ERR_INVALID_ARG;
    }
    return ESP_OK;
#endif
}

/* Whose patches are taken. */
static esp_err_t check_keys(const flashdelta_ota_config_t *config) {
    if (config->keys == NULL) {
#if CONFIG_FLASHDELTA_REQUIRE_SIGNATURE
        ESP_LOGE(TAG, "no keys: CONFIG_FLASHDELTA_REQUIRE_SIGNATURE is set");
        return ESP_ERR_INVALID_ARG;
#else
        return ESP_OK;
#endif
    }
#if CONFIG_FLASHDELTA_SIGNATURES
    return psa_crypto_init() == PSA_SUCCESS ? ESP_OK : ESP_FAIL;
#else
    return ESP_ERR_NOT_SUPPORTED;
#endif
}

void flashdelta_ota_free_memory(struct flashdelta_ota *ota) {
    (void)flashdelta_applier_abort(&ota->applier);
    free(ota->workspace);
    free(ota->buffer);
    ota->workspace = NULL;
    ota->buffer = NULL;
}

void flashdelta_ota_free(struct flashdelta_ota *ota) {
    flashdelta_ota_free_memory(ota);
    free(ota->header);
    free(ota);
}

esp_err_t flashdelta_ota_begin(const flashdelta_ota_config_t *config, flashdelta_ota_handle_t *out_handle) {
    flashdelta_ota_config_t wanted;
    struct flashdelta_ota *ota;
    esp_err_t err;

    if (out_handle == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    memset(&wanted, 0, sizeof wanted);
    if (config != NULL) {
        wanted = *config;
    }
    if (wanted.old_partition == NULL) {
        wanted.old_partition = esp_ota_get_running_partition();
    }
    if (wanted.new_partition == NULL) {
        wanted.new_partition = esp_ota_get_next_update_partition(NULL);
    }
    if (wanted.ram == 0) {
        wanted.ram = CONFIG_FLASHDELTA_RAM;
    }
    if (wanted.ram < APPLIER_RAM) {
        return ESP_ERR_INVALID_ARG;
    }
    err = check_partitions(wanted.old_partition, wanted.new_partition);
    if (err == ESP_OK) {
        err = check_suspend_partition(&wanted);
    }
    if (err == ESP_OK) {
        err = check_keys(&wanted);
    }
#if !CONFIG_FLASHDELTA_HOLES
    if (err == ESP_OK && wanted.values != NULL) {
        err = ESP_ERR_NOT_SUPPORTED;
    }
#endif
    if (err != ESP_OK) {
        return err;
    }
    ota = (struct flashdelta_ota *)calloc(1, sizeof *ota);
    if (ota == NULL) {
        return ESP_ERR_NO_MEM;
    }
    ota->header = (uint8_t *)malloc(FLASHDELTA_MAX_HEADER_LEN);
    if (ota->header == NULL) {
        free(ota);
        return ESP_ERR_NO_MEM;
    }
    ota->old_partition = wanted.old_partition;
    ota->new_partition = wanted.new_partition;
    ota->ignore_trailing = wanted.ignore_trailing;
    ota->keep_boot_partition = wanted.keep_boot_partition;
    ota->most_workspace = wanted.ram - APPLIER_RAM;
    ota->suspend_partition = wanted.suspend_partition;
    ota->values = wanted.values;
    ota->values_len = wanted.values_len;
    ota->has_keys = wanted.keys != NULL;
#if CONFIG_FLASHDELTA_SIGNATURES
    if (ota->has_keys) {
        ota->verifier = flashdelta_psa_verifier(wanted.keys);
    }
#endif
    if (wanted.device != NULL) {
        ota->device = *wanted.device;
        ota->has_device = true;
    }
    *out_handle = ota;
    return ESP_OK;
}

/* ---- Feed ---- */

static esp_err_t to_esp_err(const flashdelta_error_detail *detail) {
    ESP_LOGE(TAG, "error %d: %s (at %u, expected %u, found %u)", (int)detail->status, flashdelta_strerror(detail->status), (unsigned)detail->offset,
             (unsigned)detail->expected, (unsigned)detail->found);
    /* What the drivers say is more telling than that they failed. */
    return detail->callback_returned != 0 ? detail->callback_returned : ESP_ERR_FLASHDELTA_BASE + detail->status;
}

/* What the applier says. */
static esp_err_t of_applier(struct flashdelta_ota *ota, flashdelta_status status) {
    flashdelta_error_detail detail;
    if (status == FLASHDELTA_OK) {
        return ESP_OK;
    }
    if (status == FLASHDELTA_ERR_WRONG_CHUNK) {
        ESP_LOGW(TAG, "a chunk of the patch is wrong, and has to come again");
        return ESP_ERR_FLASHDELTA_BASE + status;
    }
    if (flashdelta_applier_last_error(&ota->applier, &detail) != FLASHDELTA_OK || detail.status != status) {
        return ESP_ERR_FLASHDELTA_BASE + status;
    }
    return to_esp_err(&detail);
}

/* An error from before there is an applier. */
static esp_err_t refuse(struct flashdelta_ota *ota, flashdelta_status status, size_t expected, size_t found) {
    ota->detail.status = status;
    ota->detail.expected = (uint32_t)expected;
    ota->detail.found = (uint32_t)found;
    return to_esp_err(&ota->detail);
}

esp_err_t flashdelta_ota_make_applier(struct flashdelta_ota *ota, size_t needed, size_t chunks, size_t buffer) {
    const flashdelta_flash flash = describe_flash(ota);
    flashdelta_status status;
    if (needed > ota->most_workspace) {
        return refuse(ota, FLASHDELTA_ERR_WORKSPACE_TOO_SMALL, needed, ota->most_workspace);
    }
    if (chunks > ota->most_workspace - needed) {
        return refuse(ota, FLASHDELTA_ERR_CHUNK_BUFFER_TOO_SMALL, chunks, ota->most_workspace - needed);
    }
    if (buffer > 0) {
        ota->buffer = (uint8_t *)malloc(buffer);
    }
    if (ota->most_workspace - needed - chunks >= COMFORT) {
        ota->workspace = (uint8_t *)malloc(needed + COMFORT);
    }
    if (ota->workspace != NULL) {
        needed += COMFORT;
    } else {
        ota->workspace = (uint8_t *)malloc(needed);
    }
    if (ota->workspace == NULL || (buffer > 0 && ota->buffer == NULL)) {
        ESP_LOGE(TAG, "no %u and %u bytes, each in one piece", (unsigned)needed, (unsigned)buffer);
        return ESP_ERR_NO_MEM;
    }
    status = flashdelta_applier_init(&ota->applier, &flash, ota->has_device ? &ota->device : NULL, ota->workspace, needed);
#if CONFIG_FLASHDELTA_SIGNATURES
    if (status == FLASHDELTA_OK && (ota->has_keys || buffer > 0)) {
        status = flashdelta_applier_guard(&ota->applier, ota->has_keys ? &ota->verifier : NULL, ota->buffer, buffer);
    }
#endif
    return of_applier(ota, status);
}

/* The header tells how much RAM the patch needs. */
static esp_err_t start_applier(struct flashdelta_ota *ota, size_t needed) {
    size_t chunks = 0, buffer = 0;
    esp_err_t err;
#if CONFIG_FLASHDELTA_SIGNATURES
    const size_t front = ota->header_len + SIGNATURE;
    if (flashdelta_chunk_ram(ota->header, ota->header_len, &chunks) != FLASHDELTA_OK) {
        chunks = 0;
    }
    if (ota->has_keys && (needed > ota->most_workspace || chunks > ota->most_workspace - needed)) {
        /* Nobody vouches for that yet. With what there is, the applier tells whether the signature is right, and then what is too little. */
        if (needed > ota->most_workspace) {
            needed = ota->most_workspace - (chunks < ota->most_workspace ? chunks : 0);
        }
        chunks = ota->most_workspace - needed;
        buffer = chunks > front ? chunks : front;
    } else {
        buffer = chunks > 0 ? chunks : ota->has_keys ? front : 0;
    }
#endif
    err = flashdelta_ota_make_applier(ota, needed, chunks, buffer);
    if (err == ESP_OK) {
        err = of_applier(ota, flashdelta_applier_feed(&ota->applier, ota->header, ota->header_len, &ota->progress));
    }
    free(ota->header);
    ota->header = NULL;
    return err;
}

/* Collects the header. Gives how many of the bytes it took. */
static esp_err_t feed_header(struct flashdelta_ota *ota, const uint8_t *data, size_t len, size_t *taken) {
    const size_t room = FLASHDELTA_MAX_HEADER_LEN - ota->header_len;
    size_t needed;
    flashdelta_status status;
    *taken = len < room ? len : room;
    if (*taken > 0) {
        memcpy(ota->header + ota->header_len, data, *taken);
    }
    ota->header_len += *taken;
    status = flashdelta_workspace_len(ota->header, ota->header_len, &needed);
    if (status == FLASHDELTA_NEED_MORE) {
        return ESP_OK;
    }
    /* What is wrong with a header, the applier tells best: it has to hold it for that. */
    return start_applier(ota, status == FLASHDELTA_OK ? needed : ota->header_len);
}

esp_err_t flashdelta_ota_feed(flashdelta_ota_handle_t handle, const void *data, size_t len) {
    const uint8_t *bytes = (const uint8_t *)data;
    esp_err_t err;
    if (handle == NULL || (data == NULL && len > 0)) {
        return ESP_ERR_INVALID_ARG;
    }
    err = handle->error;
    if (err == ESP_OK && handle->header != NULL && len > 0) {
        size_t taken;
        err = feed_header(handle, bytes, len, &taken);
        bytes += taken;
        len -= taken;
    }
    if (err == ESP_OK && handle->header == NULL && len > 0) {
        err = of_applier(handle, flashdelta_applier_feed(&handle->applier, bytes, len, &handle->progress));
    }
    /* It may come again: that is no end. */
    handle->chunk_is_wrong = err == ESP_ERR_FLASHDELTA_BASE + FLASHDELTA_ERR_WRONG_CHUNK;
    if (!handle->chunk_is_wrong) {
        handle->error = err;
    }
    return err;
}

esp_err_t flashdelta_ota_get_next(flashdelta_ota_handle_t handle, size_t *next) {
    if (handle == NULL || next == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    if (handle->error != ESP_OK) {
        return handle->error;
    }
    *next = handle->header_len;
#if CONFIG_FLASHDELTA_SIGNATURES
    if (handle->header == NULL) {
        uint32_t offset = 0;
        const esp_err_t err = of_applier(handle, flashdelta_applier_next(&handle->applier, &offset));
        *next = offset;
        return err;
    }
#else
    if (handle->header == NULL) {
        *next = handle->progress.taken;
    }
#endif
    return ESP_OK;
}

esp_err_t flashdelta_ota_get_progress(flashdelta_ota_handle_t handle, flashdelta_progress *progress) {
    if (handle == NULL || progress == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    *progress = handle->progress;
    return ESP_OK;
}

esp_err_t flashdelta_ota_last_error(flashdelta_ota_handle_t handle, flashdelta_error_detail *detail) {
    if (handle == NULL || detail == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    if (flashdelta_applier_last_error(&handle->applier, detail) != FLASHDELTA_OK) {
        /* There is no applier yet. */
        *detail = handle->detail;
    }
    return ESP_OK;
}

/* ---- End ---- */

/* The image is the one that the patch promises. Whether this chip can boot it is checked here. */
static esp_err_t check_image(const esp_partition_t *partition) {
    esp_image_header_t header;
    esp_image_metadata_t metadata;
    esp_partition_pos_t position;
    esp_err_t err = esp_partition_read(partition, 0, &header, sizeof header);
    if (err != ESP_OK) {
        return err;
    }
    if (header.magic != ESP_IMAGE_HEADER_MAGIC) {
        ESP_LOGE(TAG, "the new image is no app image: it starts with 0x%02x", (unsigned)header.magic);
        return ESP_ERR_OTA_VALIDATE_FAILED;
    }
    if (header.chip_id != CONFIG_IDF_FIRMWARE_CHIP_ID) {
        ESP_LOGE(TAG, "the new image is for chip %u, this is chip %u", (unsigned)header.chip_id, (unsigned)CONFIG_IDF_FIRMWARE_CHIP_ID);
        return ESP_ERR_OTA_VALIDATE_FAILED;
    }
    memset(&metadata, 0, sizeof metadata);
    position.offset = partition->address;
    position.size = partition->size;
    return esp_image_verify(ESP_IMAGE_VERIFY, &position, &metadata) == ESP_OK ? ESP_OK : ESP_ERR_OTA_VALIDATE_FAILED;
}

/* What ended the update: a wrong chunk that was not sent again, or else this. */
static esp_err_t wrong_chunk_or(const struct flashdelta_ota *ota, esp_err_t err) {
    return ota->chunk_is_wrong ? ESP_ERR_FLASHDELTA_BASE + FLASHDELTA_ERR_WRONG_CHUNK : err;
}

esp_err_t flashdelta_ota_end(flashdelta_ota_handle_t handle) {
    esp_err_t err;
    if (handle == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    err = handle->error;
    if (err == ESP_OK) {
        err = handle->header == NULL ? of_applier(handle, flashdelta_applier_finish(&handle->applier))
                                     : refuse(handle, FLASHDELTA_ERR_TRUNCATED, 0, handle->header_len);
    }
    /* Data is not started: there is nothing that the bootloader has to check, or to be told. */
    if (handle->new_partition->type == ESP_PARTITION_TYPE_APP) {
        if (err == ESP_OK) {
            err = check_image(handle->new_partition);
        }
        if (err == ESP_OK && !handle->keep_boot_partition) {
            err = esp_ota_set_boot_partition(handle->new_partition);
        }
    }
    flashdelta_ota_forget_at_end(handle, wrong_chunk_or(handle, err));
    flashdelta_ota_free(handle);
    return err;
}

esp_err_t flashdelta_ota_abort(flashdelta_ota_handle_t handle) {
    esp_err_t err;
    if (handle == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    err = wrong_chunk_or(handle, handle->error);
    if (err != ESP_OK) {
        flashdelta_ota_forget_at_end(handle, err);
    }
    flashdelta_ota_free(handle);
    return ESP_OK;
}
