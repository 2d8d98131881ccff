/*
 * An update with two slots in NOR flash, as firmware does it: write the other slot, hand over to the bootloader, try the new image once, confirm it or fall back.
 *
 *     apply_slots OLD PATCH NEW
 *
 * The flash is simulated (nor_sim.h). NEW is only compared with what comes out.
 */
#include <flashdelta_apply.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nor_sim.h"

enum {
    SECTOR = 4096,
    UNIT = 8, /* written at once */
    SLOT_SECTORS = 32,
    SLOT = SLOT_SECTORS * SECTOR,
    RECORDS = 2 * SLOT, /* after both slots: what the bootloader reads */
    FLASH = RECORDS + SECTOR
};

/* ---- What the bootloader and the application agree on: a log of records in a sector of its own. The last one counts. ---- */

enum { UNUSED = 0xFF, TRY = 0x01, TRIED = 0x02, CONFIRMED = 0x03 };

/* Of one record, UNIT bytes: what to do with which slot. */
typedef struct record {
    uint8_t state;
    uint8_t slot;
} record;

static record last_record(const nor_sim *flash, uint32_t *free_at) {
    record last = {CONFIRMED, 0};
    uint8_t unit[UNIT];
    uint32_t at;
    for (at = RECORDS; at < FLASH; at += UNIT) {
        if (nor_read(flash, at, unit, UNIT) != NOR_OK || unit[0] == UNUSED) {
            break;
        }
        /* A record that a power cut has torn does not count. */
        if ((unit[2] ^ unit[0]) == 0xFF && (unit[3] ^ unit[1]) == 0xFF) {
            last.state = unit[0];
            last.slot = unit[1];
        }
    }
    *free_at = at;
    return last;
}

static int append_record(nor_sim *flash, uint8_t state, uint8_t slot) {
    uint8_t unit[UNIT];
    uint32_t at;
    (void)last_record(flash, &at);
    if (at == FLASH) {
        return -1; /* a real one has a second sector to go on in */
    }
    memset(unit, 0, sizeof unit);
    unit[0] = state;
    unit[1] = slot;
    unit[2] = state ^ 0xFF;
    unit[3] = slot ^ 0xFF;
    return nor_write(flash, at, unit, UNIT);
}

/* The bootloader: which slot is started? A new image is started once; if it has not confirmed itself by the next start, the other one is. */
static uint8_t boot(nor_sim *flash) {
    uint32_t at;
    const record last = last_record(flash, &at);
    if (last.state == TRY) {
        return append_record(flash, TRIED, last.slot) == NOR_OK ? last.slot : (uint8_t)!last.slot;
    }
    return last.state == TRIED ? (uint8_t)!last.slot : last.slot;
}

/* ---- The application ---- */

typedef struct slots {
    nor_sim *flash;
    uint8_t running;
} slots;

static uint32_t start_of(uint8_t slot) {
    return slot == 0 ? 0 : SLOT;
}

static int32_t read_old(void *user, uint32_t offset, uint8_t *to, size_t len) {
    const slots *s = (const slots *)user;
    return nor_read(s->flash, start_of(s->running) + offset, to, len);
}

static int32_t read_new(void *user, uint32_t offset, uint8_t *to, size_t len) {
    const slots *s = (const slots *)user;
    return nor_read(s->flash, start_of(!s->running) + offset, to, len);
}

static int32_t write_new(void *user, uint32_t offset, const uint8_t *from, size_t len) {
    const slots *s = (const slots *)user;
    return nor_write(s->flash, start_of(!s->running) + offset, from, len);
}

static int32_t erase_new(void *user, uint32_t offset) {
    const slots *s = (const slots *)user;
    return nor_erase(s->flash, start_of(!s->running) + offset);
}

/* The image is complete and its SHA-256 is right: hand it over to the bootloader, to be tried once. */
static int32_t commit_new(void *user) {
    const slots *s = (const slots *)user;
    return append_record(s->flash, TRY, !s->running);
}

static uint8_t workspace[65536 - 1024]; /* patches made for 64 KiB of RAM */
static flashdelta_applier applier;

static flashdelta_status update(nor_sim *flash, uint8_t running, const uint8_t *patch, size_t patch_len) {
    flashdelta_flash description;
    slots user;
    flashdelta_status status;
    size_t at, len;

    user.flash = flash;
    user.running = running;
    memset(&description, 0, sizeof description);
    description.user = &user;
    description.old_size = SLOT;
    description.new_size = SLOT;
    description.write_size = UNIT;
    description.sector_size = SECTOR;
    description.read_old = read_old;
    description.read_new = read_new;
    description.write_new = write_new;
    description.erase_new = erase_new;
    description.commit_new = commit_new;
    status = flashdelta_applier_init(&applier, &description, NULL, workspace, sizeof workspace);
    for (at = 0; status == FLASHDELTA_OK && at < patch_len; at += len) {
        len = patch_len - at < 100 ? patch_len - at : 100; /* packets, as a radio brings them */
        status = flashdelta_applier_feed(&applier, patch + at, len, NULL);
    }
    if (status == FLASHDELTA_OK) {
        status = flashdelta_applier_finish(&applier);
    }
    (void)flashdelta_applier_abort(&applier); /* does nothing after success */
    return status;
}

static int holds(const nor_sim *flash, uint8_t slot, const uint8_t *image, size_t len) {
    return memcmp(flash->bytes + start_of(slot), image, len) == 0;
}

/* ---- What happens ---- */

static int check(int right, const char *what) {
    printf("%s: %s\n", right ? "ok" : "WRONG", what);
    return right;
}

static int demonstrate(nor_sim *flash, const uint8_t *patch, size_t patch_len, const uint8_t *image, size_t image_len) {
    int right = check(boot(flash) == 0, "the device runs slot 0");

    /* The power goes in the middle of the update. The old image runs on, and the update simply starts again. */
    flash->cut_after = 20;
    right &= check(FLASHDELTA_CLASS(update(flash, 0, patch, patch_len)) == FLASHDELTA_CLASS_IO, "a power cut in the middle of the update");
    nor_power_on(flash);
    right &= check(boot(flash) == 0, "the device still runs slot 0");

    right &= check(update(flash, 0, patch, patch_len) == FLASHDELTA_OK, "the update is written to slot 1");
    right &= check(holds(flash, 1, image, image_len), "slot 1 holds the new image");
    right &= check(boot(flash) == 1, "the bootloader tries slot 1");
    right &= check(boot(flash) == 0, "it crashed before it confirmed: the bootloader falls back to slot 0");

    right &= check(update(flash, 0, patch, patch_len) == FLASHDELTA_OK, "the update is written once more");
    right &= check(boot(flash) == 1, "the bootloader tries slot 1");
    right &= check(append_record(flash, CONFIRMED, 1) == NOR_OK, "the new image tests itself and confirms");
    right &= check(boot(flash) == 1 && boot(flash) == 1, "slot 1 stays");

    right &= check(update(flash, 1, patch, patch_len) == FLASHDELTA_ERR_OLD_MISMATCH, "the same patch no longer applies: slot 1 is not its old image");
    right &= check(boot(flash) == 1, "slot 1 runs on");
    printf("%lu sectors erased, %lu writes\n", flash->erases, flash->writes);
    return right;
}

static uint8_t *load(const char *path, size_t *len) {
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = (uint8_t *)malloc(SLOT + 1);
    *len = 0;
    if (file == NULL || bytes == NULL) {
        perror(path);
        exit(2);
    }
    *len = fread(bytes, 1, SLOT + 1, file);
    fclose(file);
    if (*len > SLOT) {
        fprintf(stderr, "%s: larger than a slot\n", path);
        exit(2);
    }
    return bytes;
}

int main(int argc, char **argv) {
    nor_sim flash;
    uint8_t *old_image, *patch, *new_image;
    size_t old_len, patch_len, new_len;
    int right;

    if (argc != 4) {
        fprintf(stderr, "usage: apply_slots OLD PATCH NEW\n");
        return 2;
    }
    old_image = load(argv[1], &old_len);
    patch = load(argv[2], &patch_len);
    new_image = load(argv[3], &new_len);
    if (nor_init(&flash, FLASH, SECTOR, UNIT) != 0) {
        return 2;
    }
    /* The factory writes the first image. */
    memcpy(flash.bytes, old_image, old_len);
    memset(flash.written, 1, SLOT / UNIT);
    right = demonstrate(&flash, patch, patch_len, new_image, new_len);
    nor_free(&flash);
    free(new_image);
    free(patch);
    free(old_image);
    return right ? 0 : 1;
}
