/* The device behind the fake of ESP-IDF. */
#pragma once
#include "../../../c/examples/nor_sim.h"
#include "esp_ota_ops.h"

enum { FAKE_SECTOR = 4096, FAKE_SLOT = 32 * FAKE_SECTOR, FAKE_KEPT = 12 * FAKE_SECTOR, FAKE_FLASH = 3 * FAKE_SLOT + FAKE_KEPT };

typedef struct fake_device {
    nor_sim flash; /* ota_0, ota_1, something else, and a partition for suspended updates */
    esp_partition_t partitions[4];
    const esp_partition_t *running;
    const esp_partition_t *next;
    const esp_partition_t *boot;
    esp_ota_img_states_t state;
    esp_err_t set_boot_result;
    long calls;   /* of flash functions */
    long fail_at; /* the one of them that fails; 0: none */
    int delays;
    int logs;
} fake_device;

extern fake_device fake;

/* A device that runs this image from ota_0. */
void fake_start(const uint8_t *image, size_t len, bool encrypted);
void fake_stop(void);
