#include "fake_idf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "esp_image_format.h"
#include "esp_log.h"
#include "freertos/task.h"

fake_device fake;

void fake_start(const uint8_t *image, size_t len, bool encrypted) {
    static const esp_partition_subtype_t subtypes[] = {ESP_PARTITION_SUBTYPE_APP_OTA_0, ESP_PARTITION_SUBTYPE_APP_OTA_1, ESP_PARTITION_SUBTYPE_APP_FACTORY,
                                                       ESP_PARTITION_SUBTYPE_DATA_UNDEFINED};
    int i;
    memset(&fake, 0, sizeof fake);
    if (nor_init(&fake.flash, FAKE_FLASH, FAKE_SECTOR, encrypted ? 16 : 1) != 0) {
        exit(2);
    }
    for (i = 0; i < 4; i++) {
        fake.partitions[i].type = i < 3 ? ESP_PARTITION_TYPE_APP : ESP_PARTITION_TYPE_DATA;
        fake.partitions[i].subtype = subtypes[i];
        fake.partitions[i].address = (uint32_t)i * FAKE_SLOT;
        fake.partitions[i].size = i < 3 ? FAKE_SLOT : FAKE_KEPT;
        fake.partitions[i].erase_size = FAKE_SECTOR;
        fake.partitions[i].encrypted = encrypted;
    }
    /* Both slots were in use: nothing may be written that was not erased. */
    memset(fake.flash.bytes, 0, fake.flash.size);
    memset(fake.flash.written, 1, fake.flash.size / fake.flash.write_size);
    memcpy(fake.flash.bytes, image, len);
    fake.running = fake.boot = &fake.partitions[0];
    fake.next = &fake.partitions[1];
    fake.state = ESP_OTA_IMG_VALID;
}

void fake_stop(void) {
    nor_free(&fake.flash);
}

const char *esp_err_to_name(esp_err_t err) {
    return err == ESP_OK ? "ESP_OK" : "an error";
}

const esp_partition_t *esp_partition_verify(const esp_partition_t *partition) {
    int i;
    for (i = 0; i < 4; i++) {
        if (partition->address == fake.partitions[i].address && partition->type == fake.partitions[i].type &&
            partition->subtype == fake.partitions[i].subtype) {
            return &fake.partitions[i];
        }
    }
    return NULL;
}

static esp_err_t in_range(const esp_partition_t *partition, size_t offset, size_t size) {
    if (offset > partition->size) {
        return ESP_ERR_INVALID_ARG;
    }
    return size > partition->size - offset ? ESP_ERR_INVALID_SIZE : ESP_OK;
}

static bool fails(void) {
    return ++fake.calls == fake.fail_at;
}

static esp_err_t of_flash(int status) {
    return status == NOR_OK ? ESP_OK : ESP_ERR_FLASH_OP_FAIL;
}

esp_err_t esp_partition_read(const esp_partition_t *partition, size_t src_offset, void *dst, size_t size) {
    const esp_err_t err = fails() ? ESP_ERR_FLASH_OP_FAIL : in_range(partition, src_offset, size);
    return err != ESP_OK ? err : of_flash(nor_read(&fake.flash, partition->address + (uint32_t)src_offset, dst, size));
}

esp_err_t esp_partition_write(const esp_partition_t *partition, size_t dst_offset, const void *src, size_t size) {
    const esp_err_t err = fails() ? ESP_ERR_FLASH_OP_FAIL : in_range(partition, dst_offset, size);
    if (partition == fake.running) {
        fprintf(stderr, "the running partition is written\n");
        abort();
    }
    return err != ESP_OK ? err : of_flash(nor_write(&fake.flash, partition->address + (uint32_t)dst_offset, src, size));
}

esp_err_t esp_partition_erase_range(const esp_partition_t *partition, size_t offset, size_t size) {
    esp_err_t err = fails() ? ESP_ERR_FLASH_OP_FAIL : in_range(partition, offset, size);
    if (partition == fake.running) {
        fprintf(stderr, "the running partition is erased\n");
        abort();
    }
    if (offset % partition->erase_size != 0 || size % partition->erase_size != 0) {
        return ESP_ERR_INVALID_SIZE;
    }
    for (; err == ESP_OK && size > 0; size -= partition->erase_size, offset += partition->erase_size) {
        err = of_flash(nor_erase(&fake.flash, partition->address + (uint32_t)offset));
    }
    return err;
}

const esp_partition_t *esp_ota_get_running_partition(void) {
    return fake.running;
}

const esp_partition_t *esp_ota_get_next_update_partition(const esp_partition_t *start_from) {
    (void)start_from;
    return fake.next;
}

esp_err_t esp_ota_set_boot_partition(const esp_partition_t *partition) {
    if (fake.set_boot_result == ESP_OK) {
        fake.boot = partition;
    }
    return fake.set_boot_result;
}

esp_err_t esp_ota_get_state_partition(const esp_partition_t *partition, esp_ota_img_states_t *ota_state) {
    (void)partition;
    *ota_state = fake.state;
    return ESP_OK;
}

esp_err_t esp_ota_mark_app_valid_cancel_rollback(void) {
    fake.state = ESP_OTA_IMG_VALID;
    return ESP_OK;
}

/* One segment and its checksum: as far as the images of the tests go. The layout is that of Espressif's "Firmware Image Format". */
esp_err_t esp_image_verify(esp_image_load_mode_t mode, const esp_partition_pos_t *part, esp_image_metadata_t *data) {
    uint8_t head[32], checksum = 0xEF, byte;
    uint32_t len, at;
    (void)mode;
    if (fails() || nor_read(&fake.flash, part->offset, head, sizeof head) != NOR_OK || head[0] != ESP_IMAGE_HEADER_MAGIC || head[1] != 1) {
        return ESP_FAIL;
    }
    len = head[28] | (uint32_t)head[29] << 8 | (uint32_t)head[30] << 16 | (uint32_t)head[31] << 24;
    if (len > part->size - 64) {
        return ESP_FAIL;
    }
    for (at = 32; at < 32 + len; at++) {
        (void)nor_read(&fake.flash, part->offset + at, &byte, 1);
        checksum ^= byte;
    }
    (void)nor_read(&fake.flash, part->offset + (at | 15), &byte, 1);
    data->image_len = (at | 15) + 1;
    return byte == checksum ? ESP_OK : ESP_FAIL;
}

void vTaskDelay(const TickType_t xTicksToDelay) {
    fake.delays += (int)xTicksToDelay;
}

void fake_log(const char *tag, const char *format, ...) {
    (void)tag;
    (void)format;
    fake.logs++;
}
