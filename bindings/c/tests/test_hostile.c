/*
 * Whatever can go wrong does, everywhere: each byte of a patch missing or wrong, each call of a callback failing, each workspace that is too short or misaligned.
 *
 *     test_hostile FOLDER [STEP]
 *
 * FOLDER holds what test_host writes for test_slots. With STEP, only every so-manieth place is tried, for slow machines (valgrind).
 */
#include "device.h"

enum { PIECE = 37 };

static blob old_image, new_image;
static size_t stride = 1;

/* One update with a workspace of exactly this size, which starts `shift` bytes after a multiple of 16 and is full of rubbish. */
static flashdelta_status update(device *d, const flashdelta_flash *flash, const uint8_t *patch, size_t len, size_t workspace_len, size_t misaligned) {
    flashdelta_applier *applier = (flashdelta_applier *)calloc(1, sizeof *applier);
    uint8_t *memory = (uint8_t *)malloc(misaligned + workspace_len + 1);
    flashdelta_error_detail detail;
    flashdelta_status status;
    size_t at;
    if (applier == NULL || memory == NULL) {
        exit(2);
    }
    memset(memory, 0xA5, misaligned + workspace_len + 1);
    status = flashdelta_applier_init(applier, flash, NULL, memory + misaligned, workspace_len);
    CHECK_STATUS(status, FLASHDELTA_OK);
    for (at = 0; status == FLASHDELTA_OK && at < len; at += PIECE) {
        status = flashdelta_applier_feed(applier, patch + at, len - at < PIECE ? len - at : PIECE, NULL);
    }
    if (status == FLASHDELTA_OK) {
        status = flashdelta_applier_finish(applier);
    }
    if (status != FLASHDELTA_OK) {
        CHECK_STATUS(flashdelta_applier_last_error(applier, &detail), FLASHDELTA_OK);
        CHECK_STATUS(detail.status, status);
        CHECK_STATUS(flashdelta_applier_finish(applier), FLASHDELTA_ERR_FAILED_BEFORE);
    }
    /* The bytes around it are none of the library's. */
    CHECK((misaligned == 0 || memory[misaligned - 1] == 0xA5) && memory[misaligned + workspace_len] == 0xA5);
    CHECK(status != FLASHDELTA_OK || (d->committed == 1 && memcmp(d->flash.bytes, new_image.bytes, new_image.len) == 0));
    CHECK(status == FLASHDELTA_OK || status == FLASHDELTA_ERR_COMMIT_NEW || d->committed == 0);
    free(memory);
    free(applier);
    return status;
}

static flashdelta_flash start(device *d) {
    return start_device(d, old_image, new_image.len, 1);
}

static void patches_end_anywhere(blob patch) {
    size_t len;
    for (len = 0; len < patch.len; len += stride) {
        uint8_t *part = (uint8_t *)malloc(len > 0 ? len : 1);
        device d;
        const flashdelta_flash flash = start(&d);
        memcpy(part, patch.bytes, len);
        CHECK_STATUS(update(&d, &flash, part, len, needed(patch), 0), FLASHDELTA_ERR_TRUNCATED);
        nor_free(&d.flash);
        free(part);
    }
}

static void any_byte_is_wrong(blob patch) {
    const uint8_t wrong[] = {0x01, 0x80, 0xFF};
    const size_t workspace_len = needed(patch);
    size_t at, i;
    for (at = 0; at < patch.len; at += stride) {
        for (i = 0; i < sizeof wrong; i++) {
            device d;
            const flashdelta_flash flash = start(&d);
            flashdelta_status status;
            patch.bytes[at] ^= wrong[i];
            status = update(&d, &flash, patch.bytes, patch.len, workspace_len, 0);
            /* The image may come out right all the same; update() sees to that. */
            CHECK(status == FLASHDELTA_OK ||
                  (FLASHDELTA_CLASS(status) >= FLASHDELTA_CLASS_BAD_PATCH && FLASHDELTA_CLASS(status) <= FLASHDELTA_CLASS_DOES_NOT_FIT));
            patch.bytes[at] ^= wrong[i];
            nor_free(&d.flash);
        }
    }
}

static void any_call_of_a_callback_fails(blob patch) {
    const struct {
        fault fault;
        flashdelta_status status;
    } cases[] = {{READ_OLD, FLASHDELTA_ERR_READ_OLD},   {READ_NEW, FLASHDELTA_ERR_READ_NEW},   {WRITE_NEW, FLASHDELTA_ERR_WRITE_NEW},
                 {ERASE_NEW, FLASHDELTA_ERR_ERASE_NEW}, {FLUSH_NEW, FLASHDELTA_ERR_FLUSH_NEW}, {COMMIT_NEW, FLASHDELTA_ERR_COMMIT_NEW}};
    size_t i;
    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        flashdelta_status status;
        int after = 0;
        do {
            device d;
            const flashdelta_flash flash = start(&d);
            d.fault = cases[i].fault;
            d.after = after;
            status = update(&d, &flash, patch.bytes, patch.len, needed(patch), 0);
            /* What cannot be read before it is erased, is erased. */
            CHECK(status == FLASHDELTA_OK || status == cases[i].status);
            CHECK(d.after >= 0 || status == cases[i].status || cases[i].fault == READ_NEW);
            nor_free(&d.flash);
            if (d.after >= 0) {
                break; /* It has not come to that call any more. */
            }
            after += (int)stride;
        } while (after < 100000);
        CHECK_STATUS(status, FLASHDELTA_OK);
    }
}

static void workspaces_are_short_or_misaligned(blob patch) {
    const size_t len = needed(patch);
    size_t i;
    for (i = 0; i < len; i += stride * 7) {
        device d;
        const flashdelta_flash flash = start(&d);
        CHECK_STATUS(update(&d, &flash, patch.bytes, patch.len, i, i % 5), FLASHDELTA_ERR_WORKSPACE_TOO_SMALL);
        CHECK(d.flash.writes == 0 && d.flash.erases == 0);
        nor_free(&d.flash);
    }
    for (i = 0; i < 16; i++) {
        device d;
        const flashdelta_flash flash = start(&d);
        CHECK_STATUS(update(&d, &flash, patch.bytes, patch.len, len, i), FLASHDELTA_OK);
        nor_free(&d.flash);
        (void)start(&d);
        CHECK_STATUS(update(&d, &flash, patch.bytes, patch.len, len + i * i * i, 1), FLASHDELTA_OK);
        nor_free(&d.flash);
    }
}

int main(int argc, char **argv) {
    const char *names[] = {"short_model.fdp", "short_lz4.fdp", "short_raw.fdp"};
    size_t i;
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: test_hostile FOLDER [STEP]\n");
        return 2;
    }
    if (argc == 3) {
        stride = (size_t)strtoul(argv[2], NULL, 10);
    }
    if (stride == 0) {
        return 2;
    }
    old_image = load(argv[1], "short_old.bin");
    new_image = load(argv[1], "short_new.bin");
    for (i = 0; i < sizeof names / sizeof *names; i++) {
        blob patch = load(argv[1], names[i]);
        patches_end_anywhere(patch);
        any_byte_is_wrong(patch);
        any_call_of_a_callback_fails(patch);
        workspaces_are_short_or_misaligned(patch);
        free(patch.bytes);
    }
    free(new_image.bytes);
    free(old_image.bytes);
    return summary("test_hostile");
}
