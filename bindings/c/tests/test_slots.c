/*
 * Slots in NOR flash through the C functions: what is erased, what is kept, and power cuts everywhere.
 *
 *     test_slots FOLDER [STEP]
 *
 * FOLDER holds short_old.bin and short_new.bin, and the patches that test_host writes there: short_raw.fdp, short_lz4.fdp, short_model.fdp. Only every STEPth operation is
 * cut.
 */
#include "device.h"

static blob old_image, new_image;

static flashdelta_flash start(device *d) {
    return start_device(d, old_image, new_image.len, 1);
}

static uint32_t sectors(void) {
    return (uint32_t)((new_image.len + SECTOR - 1) / SECTOR);
}

/* The image, and blank up to the end of its last sector. */
static int is_new(const device *d) {
    size_t at;
    for (at = new_image.len; at < (size_t)sectors() * SECTOR; at++) {
        if (d->flash.bytes[at] != 0xFF) {
            return 0;
        }
    }
    return memcmp(d->flash.bytes, new_image.bytes, new_image.len) == 0;
}

/* An update from its start to its end, in a workspace larger than it need be by `extra`. */
static flashdelta_status run(const flashdelta_flash *flash, blob patch, size_t extra) {
    static flashdelta_applier applier;
    const size_t len = needed(patch) + extra;
    uint8_t *workspace = (uint8_t *)malloc(len);
    size_t at, piece;
    device *d = (device *)flash->user;
    flashdelta_status status = flashdelta_applier_init(&applier, flash, NULL, workspace, len);
    d->flushed = d->committed = 0;
    for (at = 0; status == FLASHDELTA_OK && at < patch.len; at += piece) {
        piece = patch.len - at < 200 ? patch.len - at : 200;
        status = flashdelta_applier_feed(&applier, patch.bytes + at, piece, NULL);
    }
    if (status == FLASHDELTA_OK) {
        status = flashdelta_applier_finish(&applier);
    }
    CHECK(d->committed == (status == FLASHDELTA_OK));
    CHECK_STATUS(flashdelta_applier_abort(&applier), FLASHDELTA_OK);
    free(workspace);
    return status;
}

static void what_is_there_is_kept(blob patch) {
    device d;
    flashdelta_flash flash = start(&d);
    const unsigned long writes = (unsigned long)(sectors() * SECTOR / UNIT);
    CHECK_STATUS(run(&flash, patch, 0), FLASHDELTA_OK);
    CHECK(is_new(&d) && d.counters.erases == sectors() && d.counters.kept == 0);
    CHECK(d.counters.erases == d.flash.erases && d.counters.writes == d.flash.writes && d.flash.writes <= writes);
    CHECK(d.counters.bytes_written == (new_image.len + UNIT - 1) / UNIT * UNIT);
    CHECK(d.flash.wear[sectors()] == 0);
    /* Once more: nothing to do. */
    CHECK_STATUS(run(&flash, patch, 0), FLASHDELTA_OK);
    CHECK(is_new(&d) && d.counters.erases == 0 && d.counters.writes == 0 && d.counters.kept == sectors());
    CHECK(d.flash.erases == sectors());
    /* Without counters. */
    flash.counters = NULL;
    CHECK_STATUS(run(&flash, patch, 1000), FLASHDELTA_OK);
    CHECK(d.flash.erases == sectors());
    flash.counters = &d.counters;
    /* A byte is wrong, late in a sector: its start is saved in the next one. */
    d.flash.bytes[3 * SECTOR - 9] ^= 1;
    CHECK_STATUS(run(&flash, patch, 0), FLASHDELTA_OK);
    CHECK(is_new(&d) && d.counters.erases == 3 && d.counters.kept == sectors() - 2);
    nor_free(&d.flash);
}

static void a_buffer_spares_erases(blob patch) {
    device d;
    flashdelta_flash flash = start(&d);
    flash.buffer = (uint8_t *)malloc(SECTOR);
    flash.buffer_len = SECTOR;
    CHECK_STATUS(run(&flash, patch, 0), FLASHDELTA_OK);
    d.flash.bytes[3 * SECTOR - 9] ^= 1;
    CHECK_STATUS(run(&flash, patch, 0), FLASHDELTA_OK);
    CHECK(is_new(&d) && d.counters.erases == 1 && d.counters.kept == sectors() - 1);
    /* The last sector of the slot is no exception then. */
    flash.new_size = sectors() * SECTOR;
    CHECK_STATUS(run(&flash, patch, 0), FLASHDELTA_OK);
    CHECK(is_new(&d) && d.counters.erases == 0 && d.counters.kept == sectors());
    free(flash.buffer);
    flash.buffer = NULL;
    flash.buffer_len = 0;
    CHECK_STATUS(run(&flash, patch, 0), FLASHDELTA_OK);
    CHECK(is_new(&d) && d.counters.erases == 1 && d.counters.kept == sectors() - 1);
    nor_free(&d.flash);
}

/* A flash that is written in units of 128 bytes: larger than what fits into the applier. */
static void large_units_need_a_buffer(blob patch) {
    device d;
    flashdelta_flash flash = start(&d);
    static flashdelta_applier applier;
    uint8_t buffer[2 * 128];
    flash.write_size = 128;
    CHECK_STATUS(flashdelta_applier_init(&applier, &flash, NULL, NULL, 0), FLASHDELTA_ERR_INVALID_ARGUMENT);
    flash.buffer = buffer;
    flash.buffer_len = sizeof buffer - 1;
    CHECK_STATUS(flashdelta_applier_init(&applier, &flash, NULL, NULL, 0), FLASHDELTA_ERR_INVALID_ARGUMENT);
    flash.buffer_len = sizeof buffer;
    nor_free(&d.flash);
    if (nor_init(&d.flash, flash.new_size, SECTOR, 128) != 0) {
        exit(2);
    }
    CHECK_STATUS(run(&flash, patch, 0), FLASHDELTA_OK);
    CHECK(is_new(&d) && d.flash.writes <= sectors() * SECTOR / 128);
    nor_free(&d.flash);
}

/* A slot that is written from start to end and never compared: reading what was not written fails, as at the end of a file. */
static uint32_t file_len;

static int32_t append(void *user, uint32_t offset, const uint8_t *from, size_t len) {
    device *d = (device *)user;
    CHECK(offset == file_len);
    memcpy(d->flash.bytes + offset, from, len);
    file_len = offset + (uint32_t)len;
    return 0;
}

static int32_t read_file(void *user, uint32_t offset, uint8_t *to, size_t len) {
    device *d = (device *)user;
    CHECK(offset + len <= file_len);
    memcpy(to, d->flash.bytes + offset, len);
    return 0;
}

static void without_erasing_every_byte_is_written_once(blob patch) {
    device d;
    flashdelta_flash flash = start(&d);
    const uint32_t sizes[] = {0, 1, 8, 12};
    size_t i;
    flash.erase_new = NULL;
    flash.sector_size = 0;
    flash.write_new = append;
    flash.read_new = read_file;
    for (i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const uint32_t unit = sizes[i] > 0 ? sizes[i] : 1;
        flash.write_size = sizes[i];
        flash.new_size = UINT32_MAX / unit * unit;
        file_len = 0;
        memset(d.flash.bytes, 0, d.flash.size);
        CHECK_STATUS(run(&flash, patch, 0), FLASHDELTA_OK);
        CHECK(file_len == (new_image.len + unit - 1) / unit * unit);
        CHECK(memcmp(d.flash.bytes, new_image.bytes, new_image.len) == 0);
        CHECK(d.counters.erases == 0 && d.counters.kept == 0 && d.counters.bytes_written == file_len);
    }
    nor_free(&d.flash);
}

/* The power goes at every operation, at 16 positions inside it and after it. The update that is started again ends right, and leaves alone what was finished. */
static void power_cuts_do_no_harm(blob patch, size_t buffer_len, long step) {
    uint32_t *wear = (uint32_t *)malloc((sectors() + 1) * sizeof *wear);
    uint8_t *buffer = (uint8_t *)malloc(SECTOR);
    const uint32_t most = buffer_len >= SECTOR ? 1 : 2;
    long operations, n, cuts = 0;
    uint32_t position, sector;
    device d;
    flashdelta_flash flash = start(&d);
    CHECK_STATUS(run(&flash, patch, 0), FLASHDELTA_OK);
    operations = (long)(d.flash.erases + d.flash.writes);
    nor_free(&d.flash);
    CHECK(operations > (long)sectors() * 4);
    for (n = 1; n <= operations; n += step) {
        for (position = 0; position <= 16; position++, cuts++) {
            flash = start(&d);
            flash.buffer = buffer_len > 0 ? buffer : NULL;
            flash.buffer_len = buffer_len;
            d.flash.random = 1 + (uint32_t)n * 17 + position;
            d.flash.cut_after = n;
            d.flash.cut_at = position;
            CHECK(FLASHDELTA_CLASS(run(&flash, patch, 0)) == FLASHDELTA_CLASS_IO);
            nor_power_on(&d.flash);
            memcpy(wear, d.flash.wear, (sectors() + 1) * sizeof *wear);
            CHECK_STATUS(run(&flash, patch, 0), FLASHDELTA_OK);
            CHECK(is_new(&d));
            for (sector = 0; sector <= sectors(); sector++) {
                /* A sector is finished when the next one has been begun. */
                const int finished = sector < sectors() && wear[sector + 1] > 0;
                CHECK(d.flash.wear[sector] - wear[sector] <= (finished ? 0 : most));
            }
            nor_free(&d.flash);
        }
    }
    printf("%ld operations, %ld cuts\n", operations, cuts);
    free(buffer);
    free(wear);
}

int main(int argc, char **argv) {
    const char *names[] = {"short_raw.fdp", "short_lz4.fdp", "short_model.fdp"};
    long step = 1;
    size_t i;
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: test_slots FOLDER [STEP]\n");
        return 2;
    }
    if (argc == 3) {
        step = strtol(argv[2], NULL, 10);
    }
    old_image = load(argv[1], "short_old.bin");
    new_image = load(argv[1], "short_new.bin");
    for (i = 0; i < sizeof names / sizeof *names; i++) {
        blob patch = load(argv[1], names[i]);
        what_is_there_is_kept(patch);
        a_buffer_spares_erases(patch);
        large_units_need_a_buffer(patch);
        without_erasing_every_byte_is_written_once(patch);
        power_cuts_do_no_harm(patch, i == 0 ? 0 : i * SECTOR / 2, step);
        free(patch.bytes);
    }
    free(new_image.bytes);
    free(old_image.bytes);
    return summary("test_slots");
}
