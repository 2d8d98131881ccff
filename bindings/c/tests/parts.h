/* A device of three components in simulated flash, one of them a child with a flash of its own; callbacks that can fail. */
#ifndef PARTS_H
#define PARTS_H

#include <flashdelta_apply.h>

#include <string.h>

#include "../examples/nor_sim.h"
#include "check.h"

enum { UNIT = 8, SECTOR = 512, PARTS = 3, CHILD = 0, FILES = 1, APP = 2 };

/* Where it all is: two halves of a record, then for each component a log of which slot is active, and two slots. */
enum { SLOT = 20 * SECTOR, RECORD = 4 * SECTOR, PLACE = SECTOR + 2 * SLOT, FLASH = RECORD + 2 * PLACE };

enum { CALLBACK_FAILED = -77 };

typedef enum fault { NO_FAULT, FIND, BEGIN, VERIFY, ACTIVATE, REVERT } fault;

typedef struct device device;

/* A component, which its own flash callbacks are given. */
typedef struct part {
    nor_sim *flash;
    uint32_t log; /* its slots come after it */
    blob old_image;
    blob new_image;
    device *owner;
    int is_there; /* it has an image */
} part;

struct device {
    nor_sim main;
    nor_sim child;
    part parts[PARTS];
    fault fault;
    flashdelta_set *calls_back; /* callbacks call functions of this one */
    int misses_child;           /* the device has no such child */
    uint32_t bytes;             /* read from old images and from new ones, and written */
};

/* What the parts of the device are called in the set; its number, or PARTS. */
static int part_of(const flashdelta_component *c) {
    CHECK(c->size > 0);
    if (c->target == FLASHDELTA_TARGET_CHILD && c->id == 3 && strcmp(c->name, "motor") == 0) {
        CHECK(c->kind == FLASHDELTA_COMPONENT_CHILD);
        return CHILD;
    }
    if (c->target == FLASHDELTA_TARGET_PARTITION && c->id == 0) {
        return strcmp(c->name, "files") == 0 ? FILES : strcmp(c->name, "app") == 0 ? APP : PARTS;
    }
    return PARTS;
}

/* The last whole unit of a log: the active slot, and whose image was activated. `free_at` is where the next one goes. */
static uint8_t active_slot(const part *p, const uint8_t *sha256, int *is_activated, uint32_t *free_at) {
    uint8_t unit[UNIT], slot = 0;
    uint32_t at;
    *is_activated = 0;
    for (at = p->log; at < p->log + SECTOR && p->flash->written[at / UNIT]; at += UNIT) {
        memcpy(unit, p->flash->bytes + at, UNIT);
        if (unit[0] <= 1 && (unit[0] ^ unit[1]) == 0xFF) {
            slot = unit[0];
            *is_activated = sha256 != NULL && memcmp(unit + 2, sha256, UNIT - 2) == 0;
        }
    }
    *free_at = at;
    return slot;
}

static uint32_t start_of(const part *p, int of_new) {
    int is_activated;
    uint32_t at;
    const uint8_t slot = active_slot(p, NULL, &is_activated, &at);
    return p->log + SECTOR + (uint32_t)(of_new ? !slot : slot) * SLOT;
}

static int32_t read_old(void *user, uint32_t offset, uint8_t *to, size_t len) {
    const part *p = (const part *)user;
    CHECK(len > 0 && offset <= SLOT && len <= SLOT - offset);
    p->owner->bytes += (uint32_t)len;
    return nor_read(p->flash, start_of(p, 0) + offset, to, len);
}

static int32_t read_new(void *user, uint32_t offset, uint8_t *to, size_t len) {
    const part *p = (const part *)user;
    p->owner->bytes += (uint32_t)len;
    return nor_read(p->flash, start_of(p, 1) + offset, to, len);
}

static int32_t write_new(void *user, uint32_t offset, const uint8_t *from, size_t len) {
    const part *p = (const part *)user;
    p->owner->bytes += (uint32_t)len;
    return nor_write(p->flash, start_of(p, 1) + offset, from, len);
}

static int32_t erase_new(void *user, uint32_t offset) {
    const part *p = (const part *)user;
    return nor_erase(p->flash, start_of(p, 1) + offset);
}

/* From inside a callback, no function of the set does anything. */
static void call_back(flashdelta_set *set) {
    flashdelta_error_detail detail;
    flashdelta_set_payload payload;
    CHECK_STATUS(flashdelta_set_feed(set, NULL, 0, NULL), FLASHDELTA_ERR_BUSY);
    CHECK_STATUS(flashdelta_set_component_feed(set, NULL, 0, NULL), FLASHDELTA_ERR_BUSY);
    CHECK_STATUS(flashdelta_set_component_finish(set), FLASHDELTA_ERR_BUSY);
    CHECK_STATUS(flashdelta_set_component_abort(set), FLASHDELTA_ERR_BUSY);
    CHECK_STATUS(flashdelta_set_begin(set, NULL, 0, NULL, 0), FLASHDELTA_ERR_BUSY);
    CHECK_STATUS(flashdelta_set_next(set, &payload), FLASHDELTA_ERR_BUSY);
    CHECK_STATUS(flashdelta_set_finish(set), FLASHDELTA_ERR_BUSY);
    CHECK_STATUS(flashdelta_set_last_error(set, &detail, NULL), FLASHDELTA_ERR_BUSY);
}

static int32_t said(device *d, fault which) {
    if (d->calls_back != NULL) {
        call_back(d->calls_back);
    }
    return d->fault == which ? CALLBACK_FAILED : 0;
}

static int32_t find(void *user, const flashdelta_component *component, flashdelta_flash *flash) {
    device *d = (device *)user;
    const int which = part_of(component);
    CHECK(flash->user == user && flash->read_old == NULL);
    if (said(d, FIND) != 0) {
        return CALLBACK_FAILED;
    }
    if (which == PARTS || (which == CHILD && d->misses_child)) {
        return FLASHDELTA_NO_SUCH_COMPONENT;
    }
    flash->user = &d->parts[which];
    if (d->parts[which].is_there) {
        flash->old_size = SLOT;
        flash->read_old = read_old;
    }
    flash->new_size = SLOT;
    flash->write_size = UNIT;
    flash->sector_size = SECTOR;
    flash->read_new = read_new;
    flash->write_new = write_new;
    flash->erase_new = erase_new;
    return 0;
}

static int32_t begin(void *user, const flashdelta_component *component) {
    CHECK(part_of(component) < PARTS);
    return said((device *)user, BEGIN);
}

static int32_t verify(void *user, const flashdelta_component *component) {
    device *d = (device *)user;
    const part *p = &d->parts[part_of(component)];
    CHECK(memcmp(p->flash->bytes + start_of(p, 1), p->new_image.bytes, p->new_image.len) == 0);
    return said(d, VERIFY);
}

static int32_t activate(void *user, const flashdelta_component *component) {
    device *d = (device *)user;
    const part *p = &d->parts[part_of(component)];
    uint8_t unit[UNIT];
    int is_activated;
    uint32_t at;
    const uint8_t slot = active_slot(p, component->sha256, &is_activated, &at);
    if (said(d, ACTIVATE) != 0) {
        return CALLBACK_FAILED;
    }
    if (is_activated) {
        return 0; /* before a reset */
    }
    unit[0] = !slot;
    unit[1] = unit[0] ^ 0xFF;
    memcpy(unit + 2, component->sha256, UNIT - 2);
    return nor_write(p->flash, at, unit, UNIT);
}

static int32_t revert(void *user, const flashdelta_component *component) {
    CHECK(part_of(component) < PARTS);
    return said((device *)user, REVERT);
}

static flashdelta_components components_of(device *d) {
    flashdelta_components c;
    memset(&c, 0, sizeof c);
    c.user = d;
    c.find = find;
    c.begin = begin;
    c.verify = verify;
    c.activate = activate;
    c.revert = revert;
    return c;
}

static int32_t read_record(void *user, uint32_t offset, uint8_t *to, size_t len) {
    return nor_read(&((device *)user)->main, offset, to, len);
}

static int32_t write_record(void *user, uint32_t offset, const uint8_t *from, size_t len) {
    return nor_write(&((device *)user)->main, offset, from, len);
}

static int32_t erase_record(void *user, uint32_t offset) {
    return nor_erase(&((device *)user)->main, offset);
}

static flashdelta_region record_of(device *d) {
    flashdelta_region r;
    memset(&r, 0, sizeof r);
    r.user = d;
    r.size = RECORD;
    r.write_size = UNIT;
    r.sector_size = SECTOR;
    r.read = read_record;
    r.write = write_record;
    r.erase = erase_record;
    return r;
}

/* A device with the old images. `images` are the old ones and then the new ones, in the order of the set. */
static void start_device(device *d, const blob *images) {
    int i;
    memset(d, 0, sizeof *d);
    if (nor_init(&d->main, FLASH, SECTOR, UNIT) != 0 || nor_init(&d->child, PLACE, SECTOR, UNIT) != 0) {
        exit(2);
    }
    for (i = 0; i < PARTS; i++) {
        part *p = &d->parts[i];
        p->flash = i == CHILD ? &d->child : &d->main;
        p->log = i == CHILD ? 0 : RECORD + (uint32_t)(i - 1) * PLACE;
        p->old_image = images[i];
        p->new_image = images[PARTS + i];
        p->owner = d;
        p->is_there = 1;
        CHECK(p->old_image.len <= SLOT && p->new_image.len <= SLOT);
        memcpy(p->flash->bytes + p->log + SECTOR, p->old_image.bytes, p->old_image.len);
        memset(p->flash->written + (p->log + SECTOR) / UNIT, 1, 2 * SLOT / UNIT); /* both slots were in use */
    }
}

static void end_device(device *d) {
    nor_free(&d->main);
    nor_free(&d->child);
}

static void power_on(device *d) {
    nor_power_on(&d->main);
    nor_power_on(&d->child);
}

/* A bit for each component whose new image is active; the others have the old one. */
static int active(const device *d) {
    int i, bits = 0;
    for (i = 0; i < PARTS; i++) {
        const part *p = &d->parts[i];
        const uint8_t *image = p->flash->bytes + start_of(p, 0);
        if (memcmp(image, p->new_image.bytes, p->new_image.len) == 0) {
            bits |= 1 << i;
        } else {
            CHECK(memcmp(image, p->old_image.bytes, p->old_image.len) == 0);
        }
    }
    return bits;
}

static unsigned long operations(const nor_sim *flash) {
    return flash->erases + flash->writes;
}

#endif
