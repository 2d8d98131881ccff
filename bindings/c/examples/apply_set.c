/*
 * An update of several components at once: the application, a file system, and a child device behind a bus. All of them become new, or none.
 *
 *     apply_set SET OLD_CHILD OLD_FILES OLD_APP
 *
 * SET is made for a child 3 ("motor") and the partitions "files" and "app". Both flashes are simulated (nor_sim.h). A real device takes signed sets only: see
 * flashdelta_verifier, and psa/flashdelta_psa.h.
 */
#include <flashdelta_apply.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nor_sim.h"

enum {
    SECTOR = 4096,
    UNIT = 8, /* written at once */
    SLOT = 16 * SECTOR,
    RECORD = 4 * SECTOR,        /* the record of the update: two halves */
    PLACE = SECTOR + 2 * SLOT,  /* of a component: a log of which slot is active, and two slots */
    FLASH = RECORD + 2 * PLACE
};

/* ---- A component: two slots, and a log of which one is active. The last whole entry of the log counts; slot 0 if there is none. ---- */

typedef struct component {
    nor_sim *flash;
    uint32_t place; /* the log; the slots come after it */
} component;

/* The active slot, and whether the image with this SHA-256 was activated last. `free_at` is where the next entry goes. */
static uint8_t active_slot(const component *c, const uint8_t *sha256, int *is_activated, uint32_t *free_at) {
    uint8_t unit[UNIT], slot = 0;
    uint32_t at;
    *is_activated = 0;
    for (at = c->place; at < c->place + SECTOR; at += UNIT) {
        if (nor_read(c->flash, at, unit, UNIT) != NOR_OK || unit[0] == 0xFF) {
            break;
        }
        /* An entry that a power cut has torn does not count. */
        if (unit[0] <= 1 && (unit[0] ^ unit[1]) == 0xFF) {
            slot = unit[0];
            *is_activated = sha256 != NULL && memcmp(unit + 2, sha256, UNIT - 2) == 0;
        }
    }
    *free_at = at; /* a real one has a second sector to go on in */
    return slot;
}

static uint32_t slot_of(const component *c, int of_new) {
    int is_activated;
    uint32_t at;
    const uint8_t slot = active_slot(c, NULL, &is_activated, &at);
    return c->place + SECTOR + (uint32_t)(of_new ? !slot : slot) * SLOT;
}

static int32_t read_old(void *user, uint32_t offset, uint8_t *to, size_t len) {
    const component *c = (const component *)user;
    return nor_read(c->flash, slot_of(c, 0) + offset, to, len);
}

static int32_t read_new(void *user, uint32_t offset, uint8_t *to, size_t len) {
    const component *c = (const component *)user;
    return nor_read(c->flash, slot_of(c, 1) + offset, to, len);
}

static int32_t write_new(void *user, uint32_t offset, const uint8_t *from, size_t len) {
    const component *c = (const component *)user;
    return nor_write(c->flash, slot_of(c, 1) + offset, from, len);
}

static int32_t erase_new(void *user, uint32_t offset) {
    const component *c = (const component *)user;
    return nor_erase(c->flash, slot_of(c, 1) + offset);
}

/* ---- The device: what its components are called, and how they become active. ---- */

typedef struct device {
    nor_sim flash;
    nor_sim flash_of_child; /* really it is behind a bus: its callbacks send messages */
    component files;
    component app;
    component child;
} device;

static component *component_of(device *d, const flashdelta_component *named) {
    if (named->target == FLASHDELTA_TARGET_CHILD && named->id == 3) {
        return &d->child;
    }
    if (named->target == FLASHDELTA_TARGET_PARTITION) {
        if (strcmp(named->name, "files") == 0) {
            return &d->files;
        }
        if (strcmp(named->name, "app") == 0) {
            return &d->app;
        }
    }
    return NULL;
}

static int32_t find(void *user, const flashdelta_component *named, flashdelta_flash *flash) {
    component *c = component_of((device *)user, named);
    if (c == NULL) {
        return FLASHDELTA_NO_SUCH_COMPONENT;
    }
    flash->user = c;
    flash->old_size = SLOT;
    flash->new_size = SLOT;
    flash->write_size = UNIT;
    flash->sector_size = SECTOR;
    flash->read_old = read_old;
    flash->read_new = read_new;
    flash->write_new = write_new;
    flash->erase_new = erase_new;
    return 0;
}

/* Called again after a reset: what is active already stays so. */
static int32_t activate(void *user, const flashdelta_component *named) {
    const component *c = component_of((device *)user, named);
    uint8_t unit[UNIT];
    int is_activated;
    uint32_t at;
    uint8_t slot;
    if (c == NULL) {
        return -1;
    }
    slot = active_slot(c, named->sha256, &is_activated, &at);
    if (is_activated) {
        return 0;
    }
    unit[0] = !slot;
    unit[1] = unit[0] ^ 0xFF;
    memcpy(unit + 2, named->sha256, UNIT - 2);
    return nor_write(c->flash, at, unit, UNIT);
}

static int32_t read_record(void *user, uint32_t offset, uint8_t *to, size_t len) {
    return nor_read(&((device *)user)->flash, offset, to, len);
}

static int32_t write_record(void *user, uint32_t offset, const uint8_t *from, size_t len) {
    return nor_write(&((device *)user)->flash, offset, from, len);
}

static int32_t erase_record(void *user, uint32_t offset) {
    return nor_erase(&((device *)user)->flash, offset);
}

static flashdelta_components components_of(device *d) {
    flashdelta_components components;
    memset(&components, 0, sizeof components);
    components.user = d;
    components.find = find;
    components.activate = activate; /* new images are in slots of their own: there is nothing to take back */
    return components;
}

static flashdelta_region record_of(device *d) {
    flashdelta_region record;
    memset(&record, 0, sizeof record);
    record.user = d;
    record.size = RECORD;
    record.write_size = UNIT;
    record.sector_size = SECTOR;
    record.read = read_record;
    record.write = write_record;
    record.erase = erase_record;
    return record;
}

/* ---- The update. Memory for sets with an index of up to 950 bytes, made for 64 KiB of RAM. ---- */

static flashdelta_set set;
static uint8_t index_ram[1024];
static uint8_t workspace[65536 - 1024];
static uint8_t chunks[16 * 1024];

/* After each reset, before anything is started that a set can change. */
static flashdelta_status boot(device *d, flashdelta_recovered *recovered) {
    const flashdelta_components components = components_of(d);
    const flashdelta_region record = record_of(d);
    return flashdelta_set_recover(&components, &record, index_ram, sizeof index_ram, recovered, NULL);
}

/* What can be fetched of a set: `len` bytes from `offset` on, or as many as there are. */
typedef struct source {
    const uint8_t *bytes;
    size_t len;
} source;

static size_t fetch(const source *from, size_t offset, const uint8_t **to) {
    const size_t rest = offset < from->len ? from->len - offset : 0;
    *to = from->bytes + (from->len - rest);
    return rest < 100 ? rest : 100; /* packets, as a radio brings them */
}

/* Writes the component that comes next. */
static flashdelta_status update_component(const source *from) {
    flashdelta_progress progress;
    flashdelta_set_payload next;
    flashdelta_status status = flashdelta_set_begin(&set, workspace, sizeof workspace, chunks, sizeof chunks);
    memset(&progress, 0, sizeof progress);
    while (status == FLASHDELTA_OK && !progress.done) {
        const uint8_t *piece;
        size_t len;
        status = flashdelta_set_next(&set, &next);
        if (status == FLASHDELTA_OK) {
            len = fetch(from, next.offset, &piece);
            if (len == 0) {
                return FLASHDELTA_ERR_TRUNCATED;
            }
            status = flashdelta_set_component_feed(&set, piece, len, &progress);
        }
        if (status == FLASHDELTA_ERR_WRONG_CHUNK) {
            status = FLASHDELTA_OK; /* flashdelta_set_next() tells what to fetch again; a real device counts how often */
        }
    }
    return status == FLASHDELTA_OK ? flashdelta_set_component_finish(&set) : status;
}

static flashdelta_status update(device *d, const source *from) {
    const flashdelta_components components = components_of(d);
    const flashdelta_region record = record_of(d);
    flashdelta_set_payload next;
    size_t at = 0, taken;
    flashdelta_status status = flashdelta_set_init(&set, &components, &record, NULL, NULL, index_ram, sizeof index_ram);
    while (status == FLASHDELTA_OK && !flashdelta_set_is_checked(&set)) {
        const uint8_t *piece;
        const size_t len = fetch(from, at, &piece);
        if (len == 0) {
            return FLASHDELTA_ERR_TRUNCATED;
        }
        status = flashdelta_set_feed(&set, piece, len, &taken);
        at += taken;
    }
    while (status == FLASHDELTA_OK && (status = flashdelta_set_next(&set, &next)) == FLASHDELTA_OK && next.component != FLASHDELTA_NO_COMPONENT) {
        status = update_component(from);
    }
    return status == FLASHDELTA_OK ? flashdelta_set_finish(&set) : status;
}

/* ---- What happens ---- */

static int check(int right, const char *what) {
    printf("%s: %s\n", right ? "ok" : "WRONG", what);
    return right;
}

/* The components that run from their second slots, as bits. */
static int second_slots(const device *d) {
    int is_activated;
    uint32_t at;
    return active_slot(&d->child, NULL, &is_activated, &at) | active_slot(&d->files, NULL, &is_activated, &at) << 1 |
           active_slot(&d->app, NULL, &is_activated, &at) << 2;
}

static int demonstrate(device *d, const source *from) {
    flashdelta_recovered recovered;
    int right = check(boot(d, &recovered) == FLASHDELTA_OK && recovered == FLASHDELTA_RECOVERED_NOTHING, "the device starts, no update was under way");

    d->flash.cut_after = 10;
    right &= check(update(d, from) != FLASHDELTA_OK, "a power cut while components are written");
    nor_power_on(&d->flash);
    right &= check(boot(d, &recovered) == FLASHDELTA_OK && recovered == FLASHDELTA_RECOVERED_REVERTED, "the update is taken back");
    right &= check(second_slots(d) == 0, "everything is old");

    /* The child holds its new image from before: all that is left to write there is that it is active, which happens after the commit. */
    d->flash_of_child.cut_after = 1;
    right &= check(update(d, from) == FLASHDELTA_ERR_COMPONENT, "a power cut while the child becomes active");
    nor_power_on(&d->flash_of_child);
    right &= check(boot(d, &recovered) == FLASHDELTA_OK && recovered == FLASHDELTA_RECOVERED_COMPLETED, "the update was committed, and is completed");
    right &= check(second_slots(d) == 7, "everything is new");
    right &= check(boot(d, &recovered) == FLASHDELTA_OK && recovered == FLASHDELTA_RECOVERED_NOTHING, "the device starts");
    right &= check(update(d, from) == FLASHDELTA_OK && second_slots(d) == 7, "once more: nothing is left to do");
    return right;
}

static uint8_t *load(const char *path, size_t *len) {
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = (uint8_t *)malloc(SLOT);
    *len = 0;
    if (file == NULL || bytes == NULL) {
        perror(path);
        exit(2);
    }
    *len = fread(bytes, 1, SLOT, file);
    fclose(file);
    return bytes;
}

/* The factory writes the first image. */
static void install(const component *c, const char *path) {
    size_t len;
    uint8_t *image = load(path, &len);
    memcpy(c->flash->bytes + slot_of(c, 0), image, len);
    memset(c->flash->written + (c->place + SECTOR) / UNIT, 1, SLOT / UNIT);
    free(image);
}

int main(int argc, char **argv) {
    device d;
    source from;
    uint8_t *bytes;
    int right;
    if (argc != 5) {
        fprintf(stderr, "usage: apply_set SET OLD_CHILD OLD_FILES OLD_APP\n");
        return 2;
    }
    if (nor_init(&d.flash, FLASH, SECTOR, UNIT) != 0 || nor_init(&d.flash_of_child, PLACE, SECTOR, UNIT) != 0) {
        return 2;
    }
    d.child.flash = &d.flash_of_child;
    d.child.place = 0;
    d.files.flash = d.app.flash = &d.flash;
    d.files.place = RECORD;
    d.app.place = RECORD + PLACE;
    install(&d.child, argv[2]);
    install(&d.files, argv[3]);
    install(&d.app, argv[4]);
    bytes = load(argv[1], &from.len);
    from.bytes = bytes;
    right = demonstrate(&d, &from);
    free(bytes);
    nor_free(&d.flash_of_child);
    nor_free(&d.flash);
    return right ? 0 : 1;
}
