/* A device for tests: the old image in memory of its exact size, the new slot in simulated flash, callbacks that can fail. */
#ifndef DEVICE_H
#define DEVICE_H

#include <flashdelta_apply.h>

#include <string.h>

#include "../examples/nor_sim.h"
#include "check.h"

enum { UNIT = 8, SECTOR = 1024 };

typedef enum fault { NO_FAULT, READ_OLD, READ_NEW, WRITE_NEW, ERASE_NEW, FLUSH_NEW, COMMIT_NEW } fault;

typedef struct device {
    nor_sim flash;
    blob old_image;
    fault fault; /* this callback fails from then on ... */
    int after;   /* ... after this many calls */
    int flushed;
    int committed;
    flashdelta_flash_counters counters;
    flashdelta_applier *calls_back; /* callbacks call functions of this one */
} device;

enum { CALLBACK_FAILED = -77 };

static int fails(device *d, fault which) {
    return d->fault == which && d->after-- <= 0;
}

static int32_t write_new(void *user, uint32_t offset, const uint8_t *from, size_t len);

static int32_t read_old(void *user, uint32_t offset, uint8_t *to, size_t len);

/* From inside a callback, no function of the applier does anything. */
static void call_back(flashdelta_applier *applier) {
    flashdelta_error_detail detail;
    flashdelta_flash flash = {0};
    flash.read_old = read_old;
    flash.read_new = read_old;
    flash.write_new = write_new;
    CHECK_STATUS(flashdelta_applier_feed(applier, NULL, 0, NULL), FLASHDELTA_ERR_BUSY);
    CHECK_STATUS(flashdelta_applier_finish(applier), FLASHDELTA_ERR_BUSY);
    CHECK_STATUS(flashdelta_applier_abort(applier), FLASHDELTA_ERR_BUSY);
    CHECK_STATUS(flashdelta_applier_last_error(applier, &detail), FLASHDELTA_ERR_BUSY);
    CHECK_STATUS(flashdelta_applier_init(applier, &flash, NULL, NULL, 0), FLASHDELTA_ERR_BUSY);
}

static int32_t read_old(void *user, uint32_t offset, uint8_t *to, size_t len) {
    device *d = (device *)user;
    if (d->calls_back != NULL) {
        call_back(d->calls_back);
    }
    if (fails(d, READ_OLD)) {
        return CALLBACK_FAILED;
    }
    CHECK(len > 0 && offset <= d->old_image.len && len <= d->old_image.len - offset);
    memcpy(to, d->old_image.bytes + offset, len);
    return 0;
}

static int32_t read_new(void *user, uint32_t offset, uint8_t *to, size_t len) {
    device *d = (device *)user;
    const int bad = fails(d, READ_NEW) || nor_read(&d->flash, offset, to, len) != NOR_OK;
    CHECK(len > 0);
    return bad ? CALLBACK_FAILED : 0;
}

/* What the flash says, which must be nothing but that the power is gone. */
static int32_t said(int status) {
    CHECK(status == NOR_OK || status == NOR_POWER);
    return status;
}

static int32_t write_new(void *user, uint32_t offset, const uint8_t *from, size_t len) {
    device *d = (device *)user;
    CHECK(len > 0 && offset / SECTOR == (offset + len - 1) / SECTOR);
    return fails(d, WRITE_NEW) ? CALLBACK_FAILED : said(nor_write(&d->flash, offset, from, len));
}

static int32_t erase_new(void *user, uint32_t offset) {
    device *d = (device *)user;
    return fails(d, ERASE_NEW) ? CALLBACK_FAILED : said(nor_erase(&d->flash, offset));
}

static int32_t flush_new(void *user) {
    device *d = (device *)user;
    CHECK(d->committed == 0);
    d->flushed++;
    return fails(d, FLUSH_NEW) ? CALLBACK_FAILED : 0;
}

static int32_t commit_new(void *user) {
    device *d = (device *)user;
    CHECK(d->flushed == 1);
    d->committed++;
    if (d->calls_back != NULL) {
        call_back(d->calls_back);
    }
    return fails(d, COMMIT_NEW) ? CALLBACK_FAILED : 0;
}

/* A device with an image of this size to come: its new slot has so many sectors more than that takes, and was in use. */
static flashdelta_flash start_device(device *d, blob old_image, size_t new_len, uint32_t spare) {
    flashdelta_flash flash = {0};
    const uint32_t size = ((uint32_t)((new_len + SECTOR - 1) / SECTOR) + spare) * SECTOR;
    memset(d, 0, sizeof *d);
    if (nor_init(&d->flash, size, SECTOR, UNIT) != 0) {
        exit(2);
    }
    memset(d->flash.bytes, 0x5A, size);
    memset(d->flash.written, 1, size / UNIT);
    d->old_image = old_image;
    flash.user = d;
    flash.old_size = (uint32_t)old_image.len;
    flash.new_size = size;
    flash.write_size = UNIT;
    flash.sector_size = SECTOR;
    flash.read_old = read_old;
    flash.read_new = read_new;
    flash.write_new = write_new;
    flash.erase_new = erase_new;
    flash.flush_new = flush_new;
    flash.commit_new = commit_new;
    flash.counters = &d->counters;
    return flash;
}

static size_t needed(blob patch) {
    size_t len = 0;
    CHECK_STATUS(flashdelta_workspace_len(patch.bytes, patch.len, &len), FLASHDELTA_OK);
    return len;
}

#endif
