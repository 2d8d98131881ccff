/*
 * The applier through its C functions.
 *
 *     test_applier FOLDER
 *
 * FOLDER holds old.bin and new.bin, and the patches that test_host writes there: model.fdp, lz4.fdp, raw.fdp, for_product.fdp.
 */
#include "device.h"

enum { KEPT_BYTES = 64 * 1024 };
#include "kept.h"

static blob old_image, new_image;

static flashdelta_flash start(device *d) {
    return start_device(d, old_image, new_image.len, 0);
}

static int is_new(const device *d) {
    return memcmp(d->flash.bytes, new_image.bytes, new_image.len) == 0;
}

/* Feeds a whole patch in pieces of this size, and finishes. */
static flashdelta_status run(flashdelta_applier *applier, const flashdelta_flash *flash, const flashdelta_device *identity, const uint8_t *patch, size_t len,
                             size_t piece, size_t workspace_len, flashdelta_error_detail *detail) {
    uint8_t *workspace = (uint8_t *)malloc(workspace_len > 0 ? workspace_len : 1);
    flashdelta_status status = flashdelta_applier_init(applier, flash, identity, workspace, workspace_len);
    flashdelta_progress progress = {7, 7, 7, 7, 7};
    size_t at;
    memset(detail, 0, sizeof *detail);
    CHECK_STATUS(status, FLASHDELTA_OK);
    for (at = 0; status == FLASHDELTA_OK && at < len; at += piece) {
        const flashdelta_progress before = progress;
        const size_t rest = len - at;
        status = flashdelta_applier_feed(applier, patch + at, rest < piece ? rest : piece, &progress);
        CHECK(status == FLASHDELTA_OK || memcmp(&before, &progress, sizeof before) == 0);
    }
    if (status == FLASHDELTA_OK) {
        status = flashdelta_applier_finish(applier);
    } else {
        CHECK_STATUS(flashdelta_applier_feed(applier, patch, 1, &progress), FLASHDELTA_ERR_FAILED_BEFORE);
        CHECK_STATUS(flashdelta_applier_finish(applier), FLASHDELTA_ERR_FAILED_BEFORE);
    }
    if (status == FLASHDELTA_OK) {
        CHECK(progress.done == 1 && progress.written == new_image.len && progress.total == new_image.len);
        CHECK_STATUS(flashdelta_applier_last_error(applier, detail), FLASHDELTA_ERR_NOT_INITIALISED);
    } else {
        CHECK_STATUS(flashdelta_applier_last_error(applier, detail), FLASHDELTA_OK);
        CHECK_STATUS(detail->status, status);
    }
    CHECK_STATUS(flashdelta_applier_abort(applier), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_applier_feed(applier, patch, 1, NULL), FLASHDELTA_ERR_NOT_INITIALISED);
    free(workspace);
    return status;
}

static flashdelta_applier *new_applier(void) {
    flashdelta_applier *applier = (flashdelta_applier *)calloc(1, sizeof *applier);
    if (applier == NULL) {
        exit(2);
    }
    return applier;
}

/* ---- Tests ---- */

static void it_works_however_the_patch_is_cut(blob patch) {
    const size_t pieces[] = {1, 7, 100, 4096, (size_t)1 << 20};
    size_t i;
    for (i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        flashdelta_applier *applier = new_applier();
        flashdelta_error_detail detail;
        device d;
        const flashdelta_flash flash = start(&d);
        CHECK_STATUS(run(applier, &flash, NULL, patch.bytes, patch.len, pieces[i], needed(patch), &detail), FLASHDELTA_OK);
        CHECK(is_new(&d) && d.flushed == 1 && d.committed == 1);
        CHECK(d.flash.erases == (new_image.len + SECTOR - 1) / SECTOR);
        nor_free(&d.flash);
        free(applier);
    }
}

static void the_first_bytes_tell_what_is_needed(blob patch) {
    flashdelta_patch_info info;
    size_t len = 4711;
    size_t i;
    for (i = 0; i < 40; i++) {
        /* A copy of exactly that size: not one byte too far is read. */
        uint8_t *start_of_patch = (uint8_t *)malloc(i > 0 ? i : 1);
        memcpy(start_of_patch, patch.bytes, i);
        CHECK_STATUS(flashdelta_workspace_len(start_of_patch, i, &len), FLASHDELTA_NEED_MORE);
        CHECK_STATUS(flashdelta_read_patch_info(start_of_patch, i, &info), FLASHDELTA_NEED_MORE);
        free(start_of_patch);
    }
    CHECK(len == 4711);
    CHECK_STATUS(flashdelta_workspace_len(NULL, 0, &len), FLASHDELTA_NEED_MORE);
    CHECK_STATUS(flashdelta_workspace_len(NULL, 1, &len), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_workspace_len(patch.bytes, patch.len, NULL), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_workspace_len(patch.bytes, SIZE_MAX, &len), FLASHDELTA_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(flashdelta_workspace_len(new_image.bytes, new_image.len, &len), FLASHDELTA_ERR_NOT_A_PATCH);
    CHECK_STATUS(flashdelta_read_patch_info(patch.bytes, patch.len, NULL), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_read_patch_info(NULL, 1, &info), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_read_patch_info(patch.bytes, patch.len, &info), FLASHDELTA_OK);
    CHECK(info.workspace_len == needed(patch) && info.ram == info.workspace_len + 1024);
    CHECK(info.old_size == old_image.len && info.new_size == new_image.len && info.patch_size == patch.len);
    CHECK(info.write_size == 16 && info.format_version == 0 && info.isa <= FLASHDELTA_ISA_BYTES);
}

static void wrong_arguments_change_nothing(blob patch) {
    flashdelta_applier *applier = new_applier();
    const size_t len = needed(patch);
    uint8_t *workspace = (uint8_t *)malloc(len);
    uint8_t *misaligned = (uint8_t *)applier + 1;
    flashdelta_error_detail detail;
    flashdelta_progress progress;
    flashdelta_device identity = {0, 0, 0, 0};
    device d;
    const flashdelta_flash good = start(&d);
    flashdelta_flash bad;

    CHECK(sizeof(flashdelta_applier) == FLASHDELTA_APPLIER_SIZE);
    /* Zeros are no applier. */
    CHECK_STATUS(flashdelta_applier_feed(applier, patch.bytes, 1, NULL), FLASHDELTA_ERR_NOT_INITIALISED);
    CHECK_STATUS(flashdelta_applier_finish(applier), FLASHDELTA_ERR_NOT_INITIALISED);
    CHECK_STATUS(flashdelta_applier_last_error(applier, &detail), FLASHDELTA_ERR_NOT_INITIALISED);
    CHECK_STATUS(flashdelta_applier_abort(applier), FLASHDELTA_OK);
    /* NULL everywhere. */
    CHECK_STATUS(flashdelta_applier_init(NULL, &good, NULL, workspace, len), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_applier_init(applier, NULL, NULL, workspace, len), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_applier_init(applier, &good, NULL, NULL, len), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_applier_feed(NULL, patch.bytes, 1, NULL), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_applier_finish(NULL), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_applier_abort(NULL), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_applier_last_error(NULL, &detail), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_applier_last_error(applier, NULL), FLASHDELTA_ERR_NULL_POINTER);
    /* Misaligned, too long, overlapping. */
    CHECK_STATUS(flashdelta_applier_init((flashdelta_applier *)(void *)misaligned, &good, NULL, workspace, len), FLASHDELTA_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(flashdelta_applier_init(applier, &good, NULL, workspace, SIZE_MAX), FLASHDELTA_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(flashdelta_applier_init(applier, &good, NULL, (uint8_t *)applier + 8, 64), FLASHDELTA_ERR_INVALID_ARGUMENT);
    /* Impossible flash. */
#define REFUSED(change, status)                                                                       \
    do {                                                                                              \
        bad = good;                                                                                   \
        change;                                                                                       \
        CHECK_STATUS(flashdelta_applier_init(applier, &bad, &identity, workspace, len), status); \
    } while (0)
    REFUSED(bad.read_old = NULL, FLASHDELTA_ERR_NULL_POINTER);
    REFUSED(bad.read_new = NULL, FLASHDELTA_ERR_NULL_POINTER);
    REFUSED(bad.write_new = NULL, FLASHDELTA_ERR_NULL_POINTER);
    REFUSED(bad.erase_new = NULL, FLASHDELTA_ERR_INVALID_ARGUMENT);
    REFUSED(bad.sector_size = 0, FLASHDELTA_ERR_INVALID_ARGUMENT);
    REFUSED(bad.sector_size = 12, FLASHDELTA_ERR_INVALID_ARGUMENT);
    REFUSED(bad.write_size = 12, FLASHDELTA_ERR_INVALID_ARGUMENT);
    REFUSED(bad.buffer_len = 1, FLASHDELTA_ERR_NULL_POINTER);
    REFUSED((bad.buffer = workspace + len - 1, bad.buffer_len = 1), FLASHDELTA_ERR_INVALID_ARGUMENT);
    REFUSED((bad.buffer = (uint8_t *)applier, bad.buffer_len = 1), FLASHDELTA_ERR_INVALID_ARGUMENT);
    REFUSED(bad.counters = (flashdelta_flash_counters *)(void *)misaligned, FLASHDELTA_ERR_INVALID_ARGUMENT);
    REFUSED(bad.write_size = 2 * FLASHDELTA_MAX_WRITE_SIZE, FLASHDELTA_ERR_INVALID_ARGUMENT);
    REFUSED(bad.flags = FLASHDELTA_IGNORE_TRAILING << 1, FLASHDELTA_ERR_INVALID_ARGUMENT);
    REFUSED(bad.new_size -= UNIT, FLASHDELTA_ERR_INVALID_ARGUMENT);
    /* Still nothing in it. */
    CHECK_STATUS(flashdelta_applier_feed(applier, patch.bytes, 1, NULL), FLASHDELTA_ERR_NOT_INITIALISED);

    /* After wrong calls in the middle the update goes on as if nothing had been. */
    CHECK_STATUS(flashdelta_applier_init(applier, &good, NULL, workspace, len), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_applier_feed(applier, patch.bytes, 50, &progress), FLASHDELTA_OK);
    CHECK(progress.done == 0 && progress.written == 0 && progress.total == 0);
    CHECK_STATUS(flashdelta_applier_feed(applier, NULL, 0, NULL), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_applier_feed(applier, NULL, 1, NULL), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_applier_feed(applier, patch.bytes, SIZE_MAX / 2 + 1, NULL), FLASHDELTA_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(flashdelta_applier_feed(applier, workspace + len - 1, 1, NULL), FLASHDELTA_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(flashdelta_applier_feed(applier, (uint8_t *)applier, 1, NULL), FLASHDELTA_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(flashdelta_applier_feed(applier, patch.bytes, 1, (flashdelta_progress *)(void *)misaligned), FLASHDELTA_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(flashdelta_applier_last_error(applier, &detail), FLASHDELTA_OK);
    CHECK(detail.status == FLASHDELTA_OK);
    d.calls_back = applier;
    CHECK_STATUS(flashdelta_applier_feed(applier, patch.bytes + 50, patch.len - 50, &progress), FLASHDELTA_OK);
    CHECK(progress.done == 1 && is_new(&d) && d.committed == 0);
    CHECK_STATUS(flashdelta_applier_finish(applier), FLASHDELTA_OK);
    CHECK(d.committed == 1);
    CHECK_STATUS(flashdelta_applier_finish(applier), FLASHDELTA_ERR_NOT_INITIALISED);

    /* Giving up half way, and starting over in the same memory. */
    nor_free(&d.flash);
    (void)start(&d);
    CHECK_STATUS(flashdelta_applier_init(applier, &good, NULL, workspace, len), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_applier_feed(applier, patch.bytes, patch.len / 2, NULL), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_applier_abort(applier), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_applier_abort(applier), FLASHDELTA_OK);
    CHECK(d.committed == 0);
    CHECK_STATUS(flashdelta_applier_init(applier, &good, NULL, workspace, len), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_applier_feed(applier, patch.bytes, patch.len, NULL), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_applier_feed(applier, patch.bytes, 1, NULL), FLASHDELTA_ERR_TRAILING_INPUT);
    CHECK_STATUS(flashdelta_applier_finish(applier), FLASHDELTA_ERR_FAILED_BEFORE);
    CHECK(d.committed == 0);
    nor_free(&d.flash);
    free(workspace);
    free(applier);
}

/* A transport fills up its last block: however it cuts, the outcome is the same, and an update that does not end well is not committed. */
static void padding_is_an_error_or_ignored(blob patch) {
    const size_t blocks[] = {1, 16, 100, 128, 1024, (size_t)1 << 20};
    const size_t paddings[] = {0, 1, 15, 127, 2000};
    uint8_t *padded = (uint8_t *)calloc(1, patch.len + 2000);
    size_t i, j;
    memcpy(padded, patch.bytes, patch.len);
    for (i = 0; i < 2 * sizeof blocks / sizeof *blocks; i++) {
        for (j = 0; j < sizeof paddings / sizeof *paddings; j++) {
            const flashdelta_status right = i % 2 == 0 && paddings[j] > 0 ? FLASHDELTA_ERR_TRAILING_INPUT : FLASHDELTA_OK;
            flashdelta_applier *applier = new_applier();
            flashdelta_error_detail detail;
            device d;
            flashdelta_flash flash = start(&d);
            flash.flags = i % 2 == 0 ? 0 : FLASHDELTA_IGNORE_TRAILING;
            CHECK_STATUS(run(applier, &flash, NULL, padded, patch.len + paddings[j], blocks[i / 2], needed(patch), &detail), right);
            CHECK(d.committed == (right == FLASHDELTA_OK));
            CHECK(right == FLASHDELTA_OK || detail.expected == patch.len);
            nor_free(&d.flash);
            free(applier);
        }
    }
    free(padded);
}

/* What must not work, and must not write. */
static void refusals_come_before_the_first_write(blob patch, blob for_product) {
    flashdelta_applier *applier = new_applier();
    flashdelta_error_detail detail;
    flashdelta_device identity = {0x50f7e2a1, 3, 0, 7};
    device d;
    flashdelta_flash flash = start(&d);
    const size_t len = needed(patch);
    blob other = {NULL, 0};

    CHECK_STATUS(run(applier, &flash, NULL, patch.bytes, patch.len, 100, len - 1, &detail), FLASHDELTA_ERR_WORKSPACE_TOO_SMALL);
    CHECK(detail.expected == len && detail.found == len - 1);
    CHECK_STATUS(run(applier, &flash, NULL, patch.bytes, patch.len, 100, 10, &detail), FLASHDELTA_ERR_WORKSPACE_TOO_SMALL);
    CHECK_STATUS(run(applier, &flash, NULL, patch.bytes, patch.len, 100, 0, &detail), FLASHDELTA_ERR_WORKSPACE_TOO_SMALL);
    CHECK_STATUS(run(applier, &flash, NULL, new_image.bytes, 300, 100, len, &detail), FLASHDELTA_ERR_NOT_A_PATCH);
    CHECK_STATUS(run(applier, &flash, &identity, patch.bytes, patch.len, 100, len, &detail), FLASHDELTA_ERR_NO_IDENTITY);
    flash.old_size -= 1;
    CHECK_STATUS(run(applier, &flash, NULL, patch.bytes, patch.len, 100, len, &detail), FLASHDELTA_ERR_OLD_TOO_SHORT);
    CHECK(detail.expected == old_image.len && detail.found == old_image.len - 1);
    flash.old_size += 1;
    flash.new_size = SECTOR;
    CHECK_STATUS(run(applier, &flash, NULL, patch.bytes, patch.len, 100, len, &detail), FLASHDELTA_ERR_NEW_TOO_LONG);
    CHECK(detail.expected == new_image.len && detail.found == SECTOR);
    CHECK(d.flash.writes == 0 && d.flash.erases == 0);
    nor_free(&d.flash);
    flash = start(&d);
    /* One byte of the old image is different. */
    other.len = old_image.len;
    other.bytes = (uint8_t *)malloc(other.len);
    memcpy(other.bytes, old_image.bytes, other.len);
    other.bytes[other.len / 2] ^= 1;
    d.old_image = other;
    CHECK_STATUS(run(applier, &flash, NULL, patch.bytes, patch.len, 100, len, &detail), FLASHDELTA_ERR_OLD_MISMATCH);
    CHECK(detail.digest_len == 12 && memcmp(detail.expected_digest, detail.found_digest, 12) != 0);
    d.old_image = old_image;
    free(other.bytes);
    /* For product 0x50f7e2a1, hardware 2 to 4, security counter 7. */
    identity.product++;
    CHECK_STATUS(run(applier, &flash, &identity, for_product.bytes, for_product.len, 100, needed(for_product), &detail), FLASHDELTA_ERR_WRONG_PRODUCT);
    CHECK(detail.expected == 0x50f7e2a1 && detail.found == 0x50f7e2a2);
    identity.product--;
    identity.hardware = 5;
    CHECK_STATUS(run(applier, &flash, &identity, for_product.bytes, for_product.len, 100, needed(for_product), &detail), FLASHDELTA_ERR_WRONG_HARDWARE);
    CHECK(detail.expected == 2 && detail.offset == 4 && detail.found == 5);
    identity.hardware = 4;
    identity.security_counter = 8;
    CHECK_STATUS(run(applier, &flash, &identity, for_product.bytes, for_product.len, 100, needed(for_product), &detail), FLASHDELTA_ERR_ROLLBACK);
    CHECK(detail.expected == 8 && detail.found == 7);
    CHECK(d.flash.writes == 0 && d.flash.erases == 0 && d.committed == 0);
    identity.security_counter = 7;
    CHECK_STATUS(run(applier, &flash, &identity, for_product.bytes, for_product.len, 100, needed(for_product), &detail), FLASHDELTA_OK);
    CHECK(is_new(&d));
    nor_free(&d.flash);
    free(applier);
}

static void failing_callbacks_end_the_update(blob patch) {
    const struct {
        fault fault;
        int after;
        flashdelta_status status;
    } cases[] = {{READ_OLD, 0, FLASHDELTA_ERR_READ_OLD},   {READ_OLD, 100, FLASHDELTA_ERR_READ_OLD},   {READ_NEW, 0, FLASHDELTA_ERR_READ_NEW},
                 {WRITE_NEW, 0, FLASHDELTA_ERR_WRITE_NEW}, {WRITE_NEW, 50, FLASHDELTA_ERR_WRITE_NEW},  {ERASE_NEW, 0, FLASHDELTA_ERR_ERASE_NEW},
                 {ERASE_NEW, 9, FLASHDELTA_ERR_ERASE_NEW}, {FLUSH_NEW, 0, FLASHDELTA_ERR_FLUSH_NEW},   {COMMIT_NEW, 0, FLASHDELTA_ERR_COMMIT_NEW}};
    size_t i;
    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        flashdelta_applier *applier = new_applier();
        flashdelta_error_detail detail;
        device d;
        const flashdelta_flash flash = start(&d);
        d.fault = cases[i].fault;
        d.after = cases[i].after;
        CHECK_STATUS(run(applier, &flash, NULL, patch.bytes, patch.len, 100, needed(patch), &detail), cases[i].status);
        CHECK(detail.callback_returned == CALLBACK_FAILED);
        CHECK(cases[i].fault != ERASE_NEW || detail.offset == (uint32_t)cases[i].after * SECTOR);
        CHECK(d.counters.erases >= d.flash.erases && d.counters.erases <= d.flash.erases + 1);
        CHECK(d.committed == (cases[i].fault == COMMIT_NEW));
        nor_free(&d.flash);
        free(applier);
    }
}

static void damage_is_noticed(blob patch) {
    flashdelta_applier *applier = new_applier();
    flashdelta_error_detail detail;
    uint8_t *damaged = (uint8_t *)malloc(patch.len);
    size_t i, accepted = 0;
    const size_t step = patch.len / 60 + 1;
    for (i = 0; i < patch.len; i += step) {
        device d;
        flashdelta_flash flash = start(&d);
        flashdelta_status status;
        uint8_t *part = (uint8_t *)malloc(i > 0 ? i : 1);
        /* Cut off. */
        memcpy(part, patch.bytes, i);
        CHECK_STATUS(run(applier, &flash, NULL, part, i, 64, needed(patch), &detail), FLASHDELTA_ERR_TRUNCATED);
        CHECK(detail.found == i && d.committed == 0);
        free(part);
        nor_free(&d.flash);
        /* A bit flipped. An image that is right all the same is no error. */
        flash = start(&d);
        memcpy(damaged, patch.bytes, patch.len);
        damaged[i] ^= (uint8_t)(1 << (i % 8));
        status = run(applier, &flash, NULL, damaged, patch.len, 64, needed(patch), &detail);
        CHECK(status != FLASHDELTA_OK || is_new(&d));
        CHECK(status == FLASHDELTA_OK ||
              (FLASHDELTA_CLASS(status) >= FLASHDELTA_CLASS_BAD_PATCH && FLASHDELTA_CLASS(status) <= FLASHDELTA_CLASS_DOES_NOT_FIT && d.committed == 0));
        accepted += status == FLASHDELTA_OK;
        nor_free(&d.flash);
    }
    CHECK(accepted * step < patch.len / 4);
    free(damaged);
    free(applier);
}

/* With a reset after every 61 bytes or 20 calls, but not in the digests of whole images, which begin anew. No byte of the patch is taken twice. */
static void it_goes_on_after_resets(blob patch, blob other) {
    static kept saved;
    flashdelta_applier *applier = new_applier();
    uint8_t *workspace = (uint8_t *)malloc(needed(patch));
    flashdelta_progress progress = {0, 0, 0, 0, 0};
    uint32_t len, resets = 0, calls = 0;
    device d;
    /* The last sector of a slot cannot be gone on with, if there is no buffer. */
    const flashdelta_flash flash = start_device(&d, old_image, new_image.len + SECTOR, 0);
    memset(&saved, 0, sizeof saved);
    /* What fails would fail without an end. */
    while (!progress.done && failures == 0) {
        uint32_t goal = progress.taken + 61;
        memset(workspace, (int)resets, needed(patch));
        memset(applier, 0, sizeof *applier);
        CHECK_STATUS(flashdelta_applier_init(applier, &flash, NULL, workspace, needed(patch)), FLASHDELTA_OK);
        if (saved.len > 0) {
            const uint32_t taken = progress.taken;
            uint32_t i;
            if (other.bytes != patch.bytes && taken > 300) {
                CHECK_STATUS(flashdelta_applier_resume(applier, get, &saved, saved.len, other.bytes, other.len, 4096, &progress),
                             FLASHDELTA_ERR_SUSPENSION_OTHER_PATCH);
            }
            saved.bytes[resets * 7 % saved.len] ^= 8;
            CHECK_STATUS(flashdelta_applier_resume(applier, get, &saved, saved.len, NULL, 0, 4096, &progress), FLASHDELTA_ERR_SUSPENSION_DAMAGED);
            saved.bytes[resets * 7 % saved.len] ^= 8;
            saved.fails = 1;
            CHECK_STATUS(flashdelta_applier_resume(applier, get, &saved, saved.len, NULL, 0, 4096, &progress), FLASHDELTA_ERR_READ_SUSPENSION);
            saved.fails = 0;
            do {
                CHECK_STATUS(flashdelta_applier_resume(applier, get, &saved, saved.len, taken > 300 ? patch.bytes : NULL, patch.len, 4096, &progress),
                             FLASHDELTA_OK);
            } while (progress.pending && failures == 0);
            CHECK(progress.taken == taken);
            i = progress.taken;
            CHECK_STATUS(flashdelta_applier_feed_within(applier, patch.bytes + i, 0, 0, &progress), FLASHDELTA_OK);
        }
        if (goal > patch.len) {
            goal = (uint32_t)patch.len;
        }
        do {
            CHECK_STATUS(flashdelta_applier_feed_within(applier, patch.bytes + progress.taken, goal - progress.taken, 4096, &progress), FLASHDELTA_OK);
            calls++;
        } while (!progress.done && failures == 0 && (progress.taken < goal || progress.pending) && (calls % 20 != 0 || progress.taken == patch.len || progress.written == 0));
        saved.len = 0;
        saved.fails = 1;
        CHECK_STATUS(flashdelta_applier_suspend(applier, put, &saved), FLASHDELTA_ERR_WRITE_SUSPENSION);
        saved.len = 0;
        saved.fails = 0;
        CHECK_STATUS(flashdelta_applier_suspension_len(applier, &len), FLASHDELTA_OK);
        CHECK_STATUS(flashdelta_applier_suspend(applier, put, &saved), FLASHDELTA_OK);
        CHECK(saved.len == len && len <= needed(patch) + 1024);
        resets++;
    }
    CHECK(resets > 10 && d.committed == 0);
    CHECK_STATUS(flashdelta_applier_resume(applier, get, &saved, saved.len, NULL, 0, 4096, &progress), FLASHDELTA_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(flashdelta_applier_finish(applier), FLASHDELTA_OK);
    CHECK(is_new(&d) && d.committed == 1);
    CHECK_STATUS(flashdelta_applier_suspend(applier, put, &saved), FLASHDELTA_ERR_NOT_INITIALISED);
    CHECK_STATUS(flashdelta_applier_suspend(applier, NULL, &saved), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_applier_resume(applier, NULL, &saved, 0, NULL, 0, 0, &progress), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_applier_suspension_len(applier, NULL), FLASHDELTA_ERR_NULL_POINTER);
    nor_free(&d.flash);
    free(workspace);
    free(applier);
}

static void errors_have_texts(void) {
    int status;
    CHECK(strcmp(flashdelta_strerror(FLASHDELTA_OK), "success") == 0);
    CHECK(strcmp(flashdelta_strerror(FLASHDELTA_ERR_OLD_MISMATCH), "the old image is not the one that the patch was made from") == 0);
    for (status = -1000; status < 1000; status++) {
        CHECK(flashdelta_strerror(status) != NULL && flashdelta_strerror(status)[0] != '\0');
    }
    CHECK(strcmp(flashdelta_strerror(-1), "unknown status") == 0);
    CHECK(strcmp(flashdelta_strerror(INT32_MAX), "unknown status") == 0);
}

int main(int argc, char **argv) {
    const char *names[] = {"model.fdp", "lz4.fdp", "raw.fdp"};
    blob for_product, patch;
    size_t i;
    if (argc != 2) {
        fprintf(stderr, "usage: test_applier FOLDER\n");
        return 2;
    }
    old_image = load(argv[1], "old.bin");
    new_image = load(argv[1], "new.bin");
    for_product = load(argv[1], "for_product.fdp");
    errors_have_texts();
    for (i = 0; i < sizeof names / sizeof *names; i++) {
        patch = load(argv[1], names[i]);
        it_works_however_the_patch_is_cut(patch);
        padding_is_an_error_or_ignored(patch);
        the_first_bytes_tell_what_is_needed(patch);
        wrong_arguments_change_nothing(patch);
        refusals_come_before_the_first_write(patch, for_product);
        failing_callbacks_end_the_update(patch);
        damage_is_noticed(patch);
        it_goes_on_after_resets(patch, for_product);
        free(patch.bytes);
    }
    free(for_product.bytes);
    free(new_image.bytes);
    free(old_image.bytes);
    return summary("test_applier");
}
