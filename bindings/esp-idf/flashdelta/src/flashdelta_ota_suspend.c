/* Updates that go on after a reset. */
#include "flashdelta_ota_private.h"

#include <stdlib.h>
#include <string.h>

#include "esp_log.h"
#include "esp_ota_ops.h"

#if CONFIG_FLASHDELTA_SUSPEND

static int32_t read_kept(void *user, uint32_t offset, uint8_t *to, size_t len) {
    struct flashdelta_ota *ota = (struct flashdelta_ota *)user;
    flashdelta_ota_count(ota, len);
    return flashdelta_ota_noted(ota, esp_partition_read(ota->suspend_partition, offset, to, len));
}

static int32_t write_kept(void *user, uint32_t offset, const uint8_t *from, size_t len) {
    struct flashdelta_ota *ota = (struct flashdelta_ota *)user;
    flashdelta_ota_count(ota, len);
    return flashdelta_ota_noted(ota, esp_partition_write(ota->suspend_partition, offset, from, len));
}

static int32_t erase_kept(void *user, uint32_t offset) {
    struct flashdelta_ota *ota = (struct flashdelta_ota *)user;
    return flashdelta_ota_noted(ota, esp_partition_erase_range(ota->suspend_partition, offset, ota->suspend_partition->erase_size));
}

static flashdelta_region describe_region(struct flashdelta_ota *ota) {
    flashdelta_region region;
    memset(&region, 0, sizeof region);
    region.user = ota;
    region.size = ota->suspend_partition->size;
    region.write_size = ota->suspend_partition->encrypted ? 16 : 1;
    region.sector_size = ota->suspend_partition->erase_size;
    region.read = read_kept;
    region.write = write_kept;
    region.erase = erase_kept;
    ota->partition_error = ESP_OK;
    return region;
}

/* If it cannot be erased, it is found out later that it is of no use. */
void flashdelta_ota_forget(struct flashdelta_ota *ota) {
    if (ota->suspend_partition != NULL && !ota->is_own) {
        const flashdelta_region region = describe_region(ota);
        ota->is_own = true;
        if (flashdelta_region_clear(&region) != FLASHDELTA_OK) {
            ESP_LOGW(TAG, "the suspended update is not erased: error %d", (int)ota->partition_error);
        }
    }
}

/* Whether going on would not mend it: the patch is wrong, or does not fit. What is only cut short is neither. */
static bool is_final(esp_err_t err) {
    const int status = err - ESP_ERR_FLASHDELTA_BASE;
    return err == ESP_ERR_OTA_VALIDATE_FAILED ||
           (status > 0 && status != FLASHDELTA_ERR_TRUNCATED && FLASHDELTA_CLASS(status) != FLASHDELTA_CLASS_IO);
}

void flashdelta_ota_forget_at_end(struct flashdelta_ota *ota, esp_err_t err) {
    /* An update that has failed before it wrote anything leaves alone what is not its own. */
    if (err == ESP_OK || (is_final(err) && ota->is_own)) {
        ota->is_own = false;
        flashdelta_ota_forget(ota);
    }
}

esp_err_t flashdelta_ota_suspend(flashdelta_ota_handle_t handle) {
    flashdelta_region region;
    flashdelta_status status;
    if (handle == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    if (handle->error != ESP_OK) {
        return handle->error;
    }
    /* Until the header is accepted there is no image to make. After a wrong chunk it may have been, and nobody was told. */
    if (handle->header == NULL) {
        (void)flashdelta_applier_feed(&handle->applier, NULL, 0, &handle->progress);
    }
    if (handle->suspend_partition == NULL || handle->header != NULL || handle->progress.total == 0) {
        return ESP_ERR_INVALID_STATE;
    }
    region = describe_region(handle);
    status = flashdelta_applier_suspend_to(&handle->applier, &region);
    if (status == FLASHDELTA_OK) {
        handle->is_own = true;
        return ESP_OK;
    }
    ESP_LOGE(TAG, "the update is not suspended: %s", flashdelta_strerror(status));
    if (status == FLASHDELTA_ERR_STORE_TOO_SMALL) {
        return ESP_ERR_INVALID_SIZE;
    }
    return handle->partition_error != ESP_OK ? handle->partition_error : ESP_ERR_FLASHDELTA_BASE + status;
}

/* Goes on with what was suspended. If that is of no use, the update begins. */
static esp_err_t go_on(struct flashdelta_ota *ota) {
    const flashdelta_region region = describe_region(ota);
    size_t needed, buffer;
    flashdelta_status status = flashdelta_region_needs(&region, &needed, &buffer);
    esp_err_t err = ESP_OK;
    if (status == FLASHDELTA_OK) {
        err = flashdelta_ota_make_applier(ota, needed, buffer, buffer);
        if (err == ESP_ERR_NO_MEM) {
            return err;
        }
        if (err != ESP_OK) {
            /* There is less RAM than when it was suspended. */
            status = (flashdelta_status)(err - ESP_ERR_FLASHDELTA_BASE);
        } else {
            status = flashdelta_applier_resume_from(&ota->applier, &region, NULL, 0, UINT32_MAX, &ota->progress);
        }
    }
    if (status == FLASHDELTA_OK) {
        free(ota->header);
        ota->header = NULL;
        ota->is_own = true;
        return ESP_OK;
    }
    flashdelta_ota_free_memory(ota);
    memset(&ota->detail, 0, sizeof ota->detail);
    if (FLASHDELTA_CLASS(status) == FLASHDELTA_CLASS_IO || (status == FLASHDELTA_ERR_NO_SUSPENSION && ota->partition_error != ESP_OK)) {
        return ota->partition_error != ESP_OK ? ota->partition_error : ESP_ERR_FLASHDELTA_BASE + status;
    }
    if (status != FLASHDELTA_ERR_NO_SUSPENSION) {
        ESP_LOGW(TAG, "the update begins again: %s", flashdelta_strerror(status));
        flashdelta_ota_forget(ota);
    }
    return ESP_OK;
}

esp_err_t flashdelta_ota_resume(const flashdelta_ota_config_t *config, flashdelta_ota_handle_t *out_handle, size_t *out_taken) {
    flashdelta_ota_handle_t ota = NULL;
    esp_err_t err;
    if (config == NULL || config->suspend_partition == NULL || out_handle == NULL || out_taken == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    err = flashdelta_ota_begin(config, &ota);
    if (err == ESP_OK) {
        err = go_on(ota);
    }
    if (err != ESP_OK) {
        if (ota != NULL) {
            flashdelta_ota_free(ota);
        }
        return err;
    }
    *out_handle = ota;
    *out_taken = ota->progress.taken;
    return ESP_OK;
}

#else

void flashdelta_ota_forget(struct flashdelta_ota *ota) {
    (void)ota;
}

void flashdelta_ota_forget_at_end(struct flashdelta_ota *ota, esp_err_t err) {
    (void)ota;
    (void)err;
}

esp_err_t flashdelta_ota_suspend(flashdelta_ota_handle_t handle) {
    return handle == NULL ? ESP_ERR_INVALID_ARG : ESP_ERR_NOT_SUPPORTED;
}

esp_err_t flashdelta_ota_resume(const flashdelta_ota_config_t *config, flashdelta_ota_handle_t *out_handle, size_t *out_taken) {
    return config == NULL || out_handle == NULL || out_taken == NULL ? ESP_ERR_INVALID_ARG : ESP_ERR_NOT_SUPPORTED;
}

#endif
