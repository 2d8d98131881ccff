/*
 * Data of one device in an image of all: holes that are kept, and that get a value with the update.
 *
 *     test_holes FOLDER
 *
 * FOLDER holds old.bin, new.bin, and holes.fdp between them, which test_host makes: hole "serial" at 0x400-0x410 of both, hole "key" at
 * 0x600-0x620 of the new one.
 */
#include "device.h"

enum { SERIAL = 0x400, SERIAL_LEN = 16, KEY = 0x600, KEY_LEN = 32, RECORD = 64 };

enum { KEPT_BYTES = 96 * 1024 };
#include "kept.h"

static blob old_image, new_image, patch;

/* Appends a value to a record. */
static size_t with(uint8_t *record, size_t len, const char *name, const char *value) {
    const size_t name_len = strlen(name), value_len = strlen(value);
    if (len == 0) {
        memcpy(record, "FDV", 4);
        len = 4;
    }
    record[len++] = (uint8_t)name_len;
    memcpy(record + len, name, name_len);
    len += name_len;
    record[len++] = (uint8_t)value_len;
    record[len++] = 0;
    memcpy(record + len, value, value_len);
    return len + value_len;
}

/* What a device shall have in the end. */
static int is_new_with(const device *d, const char *serial, const char *key) {
    blob wanted = {NULL, 0};
    int is_right;
    wanted.bytes = (uint8_t *)malloc(new_image.len);
    if (wanted.bytes == NULL) {
        exit(2);
    }
    memcpy(wanted.bytes, new_image.bytes, new_image.len);
    memset(wanted.bytes + SERIAL, 0, SERIAL_LEN);
    memcpy(wanted.bytes + SERIAL, serial, strlen(serial));
    memset(wanted.bytes + KEY, 0, KEY_LEN);
    memcpy(wanted.bytes + KEY, key, strlen(key));
    is_right = memcmp(d->flash.bytes, wanted.bytes, new_image.len) == 0;
    free(wanted.bytes);
    return is_right;
}

static flashdelta_status feed_all(flashdelta_applier *applier, size_t piece) {
    flashdelta_status status = FLASHDELTA_OK;
    size_t at;
    for (at = 0; status == FLASHDELTA_OK && at < patch.len; at += piece) {
        status = flashdelta_applier_feed(applier, patch.bytes + at, patch.len - at < piece ? patch.len - at : piece, NULL);
    }
    return status == FLASHDELTA_OK ? flashdelta_applier_finish(applier) : status;
}

static void values_are_kept_and_given(void) {
    static flashdelta_applier applier;
    static uint8_t workspace[64 * 1024];
    uint8_t record[RECORD];
    char serial[SERIAL_LEN];
    int number;
    for (number = 0; number < 8; number++) {
        device d;
        flashdelta_flash flash = start_device(&d, old_image, new_image.len, 1);
        CHECK(snprintf(serial, sizeof serial, "A-%d", number) > 0);
        memset(old_image.bytes + SERIAL, 0, SERIAL_LEN);
        memcpy(old_image.bytes + SERIAL, serial, strlen(serial));
        flash.values = record;
        flash.values_len = with(record, 0, "key", "a key");
        if (number % 2 == 1) { /* and another serial number */
            flash.values_len = with(record, flash.values_len, "serial", "B-7");
        }
        CHECK(needed(patch) <= sizeof workspace);
        CHECK_STATUS(flashdelta_applier_init(&applier, &flash, NULL, workspace, needed(patch)), FLASHDELTA_OK);
        CHECK_STATUS(feed_all(&applier, (size_t)(1 + 100 * number)), FLASHDELTA_OK);
        CHECK(d.committed == 1 && is_new_with(&d, number % 2 == 1 ? "B-7" : serial, "a key"));
        nor_free(&d.flash);
    }
}

/* Nothing is written for them. */
static void what_is_wrong_is_refused(void) {
    static flashdelta_applier applier;
    static uint8_t workspace[64 * 1024];
    uint8_t record[RECORD];
    device d;
    flashdelta_error_detail detail;
    flashdelta_flash flash = start_device(&d, old_image, new_image.len, 1);
    const size_t len = with(record, 0, "key", "a key");
    size_t cut;
    /* No record, a record in the workspace. */
    flash.values = record;
    for (cut = 1; cut < len; cut++) {
        flash.values_len = cut;
        CHECK_STATUS(flashdelta_applier_init(&applier, &flash, NULL, workspace, sizeof workspace),
                     cut == 4 ? FLASHDELTA_OK : FLASHDELTA_ERR_INVALID_ARGUMENT);
    }
    flash.values = NULL;
    CHECK_STATUS(flashdelta_applier_init(&applier, &flash, NULL, workspace, sizeof workspace), FLASHDELTA_ERR_NULL_POINTER);
    memcpy(workspace, record, len);
    flash.values = workspace;
    flash.values_len = len;
    CHECK_STATUS(flashdelta_applier_init(&applier, &flash, NULL, workspace, sizeof workspace), FLASHDELTA_ERR_INVALID_ARGUMENT);
    /* No value for the key; one that is too long. */
    flash.values = NULL;
    flash.values_len = 0;
    CHECK_STATUS(flashdelta_applier_init(&applier, &flash, NULL, workspace, sizeof workspace), FLASHDELTA_OK);
    CHECK_STATUS(feed_all(&applier, 64), FLASHDELTA_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(flashdelta_applier_last_error(&applier, &detail), FLASHDELTA_OK);
    CHECK(detail.status == FLASHDELTA_ERR_INVALID_ARGUMENT);
    flash.values = record;
    flash.values_len = with(record, 0, "key", "33 bytes are too many for this key");
    CHECK_STATUS(flashdelta_applier_init(&applier, &flash, NULL, workspace, sizeof workspace), FLASHDELTA_OK);
    CHECK_STATUS(feed_all(&applier, 64), FLASHDELTA_ERR_INVALID_ARGUMENT);
    /* A device whose other bytes differ. */
    flash.values_len = with(record, 0, "key", "a key");
    old_image.bytes[SERIAL + SERIAL_LEN] ^= 1;
    CHECK_STATUS(flashdelta_applier_init(&applier, &flash, NULL, workspace, sizeof workspace), FLASHDELTA_OK);
    CHECK_STATUS(feed_all(&applier, 64), FLASHDELTA_ERR_OLD_MISMATCH);
    old_image.bytes[SERIAL + SERIAL_LEN] ^= 1;
    CHECK(d.counters.writes == 0 && d.counters.erases == 0 && d.committed == 0);
    nor_free(&d.flash);
}

/* A reset after each 500 bytes of the patch. */
static void an_update_with_values_goes_on(void) {
    static flashdelta_applier applier;
    static kept saved;
    static uint8_t workspace[64 * 1024];
    uint8_t record[RECORD];
    device d;
    flashdelta_progress progress = {0};
    flashdelta_flash flash = start_device(&d, old_image, new_image.len, 1);
    uint32_t taken = 0, resets = 0;
    flash.values = record;
    flash.values_len = with(record, 0, "key", "a key");
    memset(old_image.bytes + SERIAL, 'S', SERIAL_LEN);
    while (taken < patch.len) {
        uint32_t end = taken + 500 < patch.len ? taken + 500 : (uint32_t)patch.len;
        memset(workspace, 0xA5, sizeof workspace);
        memset(&applier, 0x5A, sizeof applier);
        CHECK_STATUS(flashdelta_applier_init(&applier, &flash, NULL, workspace, sizeof workspace), FLASHDELTA_OK);
        if (resets++ > 0) {
            CHECK_STATUS(flashdelta_applier_resume(&applier, get, &saved, saved.len, NULL, 0, UINT32_MAX, &progress), FLASHDELTA_OK);
        }
        CHECK_STATUS(flashdelta_applier_feed(&applier, patch.bytes + taken, end - taken, &progress), FLASHDELTA_OK);
        taken = end;
        saved.len = 0;
        if (taken < patch.len) {
            CHECK_STATUS(flashdelta_applier_suspend(&applier, put, &saved), FLASHDELTA_OK);
        }
    }
    CHECK(resets > 3 && progress.done);
    CHECK_STATUS(flashdelta_applier_finish(&applier), FLASHDELTA_OK);
    CHECK(is_new_with(&d, "SSSSSSSSSSSSSSSS", "a key"));
    nor_free(&d.flash);
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: test_holes FOLDER\n");
        return 2;
    }
    old_image = load(argv[1], "old.bin");
    new_image = load(argv[1], "new.bin");
    patch = load(argv[1], "holes.fdp");
    values_are_kept_and_given();
    what_is_wrong_is_refused();
    an_update_with_values_goes_on();
    free(old_image.bytes);
    free(new_image.bytes);
    free(patch.bytes);
    return summary("test_holes");
}
