/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "update.h"

#include <stdio.h>
#include <string.h>

static int32_t read_old(void *user, uint32_t offset, uint8_t *to, size_t len) {
    return flash_read(((board *)user)->old_slot, offset, to, len);
}

static int32_t read_new(void *user, uint32_t offset, uint8_t *to, size_t len) {
    return flash_read(((board *)user)->new_slot, offset, to, len);
}

static int32_t write_new(void *user, uint32_t offset, const uint8_t *from, size_t len) {
    board *b = (board *)user;
    return flash_write(b, b->new_slot, offset, from, len);
}

static int32_t erase_new(void *user, uint32_t offset) {
    return flash_erase(((board *)user)->new_slot, offset);
}

static int32_t commit_new(void *user) {
    return board_select((const board *)user);
}

static int32_t read_kept(void *user, uint32_t offset, uint8_t *to, size_t len) {
    return flash_read(((board *)user)->kept, offset, to, len);
}

static int32_t write_kept(void *user, uint32_t offset, const uint8_t *from, size_t len) {
    board *b = (board *)user;
    return flash_write(b, b->kept, offset, from, len);
}

static int32_t erase_kept(void *user, uint32_t offset) {
    return flash_erase(((board *)user)->kept, offset);
}

static flashdelta_region region_of(update *u) {
    flashdelta_region region;
    memset(&region, 0, sizeof region);
    region.user = u->where;
    region.size = KEPT_SIZE;
    region.write_size = PAGE;
    region.sector_size = SECTOR;
    region.read = read_kept;
    region.write = write_kept;
    region.erase = erase_kept;
    return region;
}

static flashdelta_status start(update *u, const flashdelta_psa *trusted) {
    const flashdelta_verifier verifier = flashdelta_psa_verifier(trusted);
    flashdelta_flash flash;
    flashdelta_status status;
    memset(&flash, 0, sizeof flash);
    flash.user = u->where;
    flash.old_size = SLOT_SIZE;
    flash.new_size = SLOT_SIZE;
    flash.write_size = PAGE;
    flash.sector_size = SECTOR;
    flash.read_old = read_old;
    flash.read_new = read_new;
    flash.write_new = write_new;
    flash.erase_new = erase_new;
    flash.commit_new = commit_new;
    flash.buffer = u->sector;
    flash.buffer_len = sizeof u->sector;
    memset(&u->progress, 0, sizeof u->progress);
    status = flashdelta_applier_init(&u->applier, &flash, NULL, u->workspace, sizeof u->workspace);
    if (status == FLASHDELTA_OK) {
        status = flashdelta_applier_guard(&u->applier, &verifier, u->checked, sizeof u->checked);
    }
    return status;
}

int update_key(flashdelta_psa_key *key, const char *point) {
    uint8_t bytes[65] = {4}; /* uncompressed, as SEC 1 has it */
    size_t i;
    if (strlen(point) != 128) {
        return -1;
    }
    for (i = 0; i < 64; i++) {
        unsigned byte;
        if (sscanf(point + 2 * i, "%2x", &byte) != 1) {
            return -1;
        }
        bytes[1 + i] = (uint8_t)byte;
    }
    return psa_crypto_init() == PSA_SUCCESS && flashdelta_psa_import_p256(key, bytes) == PSA_SUCCESS ? 0 : -1;
}

flashdelta_status update_begin(update *u, board *where, const flashdelta_psa *trusted) {
    flashdelta_region region;
    flashdelta_status status;
    memset(u, 0, sizeof *u);
    u->where = where;
    status = start(u, trusted);
    if (status != FLASHDELTA_OK) {
        return status;
    }
    region = region_of(u);
    status = flashdelta_applier_resume_from(&u->applier, &region, NULL, 0, UINT32_MAX, &u->progress);
    if (status == FLASHDELTA_OK) {
        return status;
    }
    /* Nothing is kept, or it is of no use: from the beginning. */
    (void)flashdelta_applier_abort(&u->applier);
    update_forget(u);
    return start(u, trusted);
}

flashdelta_status update_feed(update *u, const uint8_t *piece, size_t len) {
    const flashdelta_status status = flashdelta_applier_feed(&u->applier, piece, len, &u->progress);
    if (status == FLASHDELTA_ERR_WRONG_CHUNK) {
        /* The one error that is not final: the chunk may be asked for again. */
        (void)flashdelta_applier_next(&u->applier, &u->progress.taken);
    }
    return status;
}

flashdelta_status update_keep(update *u) {
    const flashdelta_region region = region_of(u);
    return flashdelta_applier_suspend_to(&u->applier, &region);
}

flashdelta_status update_finish(update *u) {
    return flashdelta_applier_finish(&u->applier);
}

void update_forget(update *u) {
    const flashdelta_region region = region_of(u);
    (void)flashdelta_region_clear(&region);
}
