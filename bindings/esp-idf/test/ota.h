/* What the tests of the component share: the images, and what has come of an update. */
#ifndef OTA_H
#define OTA_H

#include "flashdelta_ota.h"

#include <string.h>

#include "../../c/tests/check.h"
#include "fake/fake_idf.h"

static blob old_image, new_image, update;

static int slot_is_new(void) {
    return memcmp(fake.flash.bytes + FAKE_SLOT, new_image.bytes, new_image.len) == 0;
}

static int old_is_untouched(void) {
    return fake.boot == &fake.partitions[0] && memcmp(fake.flash.bytes, old_image.bytes, old_image.len) == 0;
}

static void start(bool encrypted) {
    fake_start(old_image.bytes, old_image.len, encrypted);
}

/* Feeds all of a patch, and ends. */
static esp_err_t run(const flashdelta_ota_config_t *config, blob patch, size_t piece) {
    flashdelta_ota_handle_t ota = NULL;
    size_t at;
    esp_err_t err = flashdelta_ota_begin(config, &ota), end;
    if (err != ESP_OK) {
        CHECK(ota == NULL);
        return err;
    }
    for (at = 0; err == ESP_OK && at < patch.len; at += piece) {
        err = flashdelta_ota_feed(ota, patch.bytes + at, patch.len - at < piece ? patch.len - at : piece);
    }
    if (err != ESP_OK) {
        CHECK(flashdelta_ota_feed(ota, patch.bytes, 1) == err);
    }
    end = flashdelta_ota_end(ota);
    CHECK(err == ESP_OK || end == err);
    return end;
}

#endif
