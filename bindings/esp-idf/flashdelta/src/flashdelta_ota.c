#include "flashdelta_ota.h"

#include <stdlib.h>
#include <string.h>

#include "esp_app_format.h"
#include "esp_image_format.h"
#include "esp_log.h"
#include "esp_ota_ops.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "sdkconfig.h"

static const char *TAG = "flashdelta";

enum {
    /* What the RAM that patches state counts for a flashdelta_applier, as large as it is on chips. */
    APPLIER_RAM = 1024,
    /* Workspace beyond what a patch needs: the flash is read in larger pieces then. */
    COMFORT = 2048
};

struct flashdelta_ota {
    flashdelta_applier applier;
    const esp_partition_t *old_partition;
    const esp_partition_t *new_partition;
    flashdelta_device device;
    bool has_device;
    bool ignore_trailing;
    bool keep_boot_partition;
    uint8_t *header; /* the first bytes of the patch, until they tell how much RAM it needs */
    size_t header_len;
    uint8_t *workspace; /* from then on */
    size_t most_workspace;
    size_t done_since_yield;
    flashdelta_progress progress;
    flashdelta_error_detail detail; /* of an error from before there is an applier */
    esp_err_t error;                /* the first one */
};

/* ---- Flash ---- */

/* Long work lets other tasks run, or the watchdog would bark: one call may do all of an update. */
static void count(struct flashdelta_ota *ota, size_t len) {
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

static int32_t read_old(void *user, uint32_t offset, uint8_t *to, size_t len) {
    struct flashdelta_ota *ota = (struct flashdelta_ota *)user;
    count(ota, len);
    return esp_partition_read(ota->old_partition, offset, to, len);
}

static int32_t read_new(void *user, uint32_t offset, uint8_t *to, size_t len) {
    struct flashdelta_ota *ota = (struct flashdelta_ota *)user;
    count(ota, len);
    return esp_partition_read(ota->new_partition, offset, to, len);
}

static int32_t write_new(void *user, uint32_t offset, const uint8_t *from, size_t len) {
    struct flashdelta_ota *ota = (struct flashdelta_ota *)user;
    count(ota, len);
    return esp_partition_write(ota->new_partition, offset, from, len);
}

static int32_t erase_new(void *user, uint32_t offset) {
    struct flashdelta_ota *ota = (struct flashdelta_ota *)user;
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

static void free_ota(struct flashdelta_ota *ota) {
    (void)flashdelta_applier_abort(&ota->applier);
    free(ota->workspace);
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

/* The header tells how much RAM the patch needs: takes that much, more if there is more, and starts. */
static esp_err_t start_applier(struct flashdelta_ota *ota, size_t needed) {
    const flashdelta_flash flash = describe_flash(ota);
    flashdelta_status status;
    if (needed > ota->most_workspace) {
        return refuse(ota, FLASHDELTA_ERR_WORKSPACE_TOO_SMALL, needed, ota->most_workspace);
    }
    if (ota->most_workspace - needed >= COMFORT) {
        ota->workspace = (uint8_t *)malloc(needed + COMFORT);
    }
    if (ota->workspace != NULL) {
        needed += COMFORT;
    } else {
        ota->workspace = (uint8_t *)malloc(needed);
    }
    if (ota->workspace == NULL) {
        ESP_LOGE(TAG, "no %u bytes in one piece for the workspace", (unsigned)needed);
        return ESP_ERR_NO_MEM;
    }
    status = flashdelta_applier_init(&ota->applier, &flash, ota->has_device ? &ota->device : NULL, ota->workspace, needed);
    if (status == FLASHDELTA_OK) {
        status = flashdelta_applier_feed(&ota->applier, ota->header, ota->header_len, &ota->progress);
    }
    free(ota->header);
    ota->header = NULL;
    return of_applier(ota, status);
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
    if (handle == NULL || (data == NULL && len > 0)) {
        return ESP_ERR_INVALID_ARG;
    }
    if (handle->error == ESP_OK && handle->header != NULL && len > 0) {
        size_t taken;
        handle->error = feed_header(handle, bytes, len, &taken);
        bytes += taken;
        len -= taken;
    }
    if (handle->error == ESP_OK && handle->header == NULL && len > 0) {
        handle->error = of_applier(handle, flashdelta_applier_feed(&handle->applier, bytes, len, &handle->progress));
    }
    return handle->error;
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

/* The image is the one that the patch promises. Is it one that this chip can boot? */
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
    free_ota(handle);
    return err;
}

esp_err_t flashdelta_ota_abort(flashdelta_ota_handle_t handle) {
    if (handle == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    free_ota(handle);
    return ESP_OK;
}
