/* The program that QEMU runs, in C: it knows of the applier what flashdelta_apply.h says, and nothing else.
 *
 * It does what ../src/guest.rs does, with the same structures in memory. */
#include "guest.h"

#include <flashdelta_apply.h>

typedef struct patch {
    const uint8_t *start;
    uint32_t len;
} patch;

typedef struct report {
    uint32_t outcome;
    uint32_t same;
    /* Low word first: in two, so that nothing has to be aligned to 8 bytes. */
    uint32_t ticks[2];
    uint32_t stack;
    uint32_t workspace;
    uint32_t applier;
    uint32_t fences;
    uint32_t new_size;
    /* Of suspended updates only. */
    uint32_t reserved[4];
} report;

_Static_assert(sizeof(report) == 13 * 4, "as the host and ../src/guest.rs have it");

/* Where the linker is told that it is. */
extern const struct task {
    uint32_t magic;
    const uint8_t *old_image;
    uint32_t old_len;
    uint8_t *new_image;
    uint32_t new_len;
    uint8_t *storage;
    uint32_t storage_len;
    uint8_t *workspace;
    uint32_t workspace_len;
    report *reports;
    const uint8_t *expected;
    uint32_t expected_len;
    const patch *patches;
    uint32_t patch_count;
} task;

enum { MAGIC = 0x31544446, BAD_TASK = 98, FENCE = 64, FENCE_BYTE = 0xF3, PAINT = 0x5C, PIECE = 64, SECTOR = 4096 };

/* Not a flashdelta_status: the library broke its promise about the order of callbacks. */
enum { PROMISE_BROKEN = 9999 };

/* A slot in memory that has the manners of NOR flash. */
typedef struct slots {
    const uint8_t *old_image;
    uint8_t *new_image;
    uint32_t commits;
} slots;

static int32_t read_old(void *user, uint32_t offset, uint8_t *to, size_t len) {
    const slots *s = (const slots *)user;
    __builtin_memcpy(to, s->old_image + offset, len);
    return 0;
}

static int32_t read_new(void *user, uint32_t offset, uint8_t *to, size_t len) {
    const slots *s = (const slots *)user;
    __builtin_memcpy(to, s->new_image + offset, len);
    return 0;
}

static int32_t write_new(void *user, uint32_t offset, const uint8_t *from, size_t len) {
    slots *s = (slots *)user;
    if (len == 0 || s->commits != 0) {
        return 2;
    }
    __builtin_memcpy(s->new_image + offset, from, len);
    return 0;
}

static int32_t erase_new(void *user, uint32_t offset) {
    slots *s = (slots *)user;
    if (offset % SECTOR != 0) {
        return 3;
    }
    __builtin_memset(s->new_image + offset, 0xFF, SECTOR);
    return 0;
}

static int32_t commit_new(void *user) {
    slots *s = (slots *)user;
    s->commits++;
    return 0;
}

static int is_filled(const uint8_t *at, uint8_t byte, size_t len) {
    while (len > 0 && *at == byte) {
        at++;
        len--;
    }
    return len == 0;
}

static int is_same(const uint8_t *a, const uint8_t *b, size_t len) {
    while (len > 0 && *a == *b) {
        a++;
        b++;
        len--;
    }
    return len == 0;
}

/* What a device would do; this is measured. */
static __attribute__((noinline)) flashdelta_status update(flashdelta_applier *applier, const flashdelta_flash *flash, uint8_t *workspace,
                                                          size_t workspace_len, const patch *p) {
    flashdelta_status status = flashdelta_applier_init(applier, flash, NULL, workspace, workspace_len);
    size_t at = 0;
    while (status == FLASHDELTA_OK && at < p->len) {
        size_t len = p->len - at < PIECE ? p->len - at : PIECE;
        status = flashdelta_applier_feed(applier, p->start + at, len, NULL);
        at += len;
    }
    return status == FLASHDELTA_OK ? flashdelta_applier_finish(applier) : status;
}

static __attribute__((noinline)) void paint(uint8_t *from) {
    volatile uint8_t *at = from;
    volatile uint8_t *top = (volatile uint8_t *)stack_pointer();
    while (at < top) {
        *at++ = PAINT;
    }
}

extern uint8_t stack_limit[];

static __attribute__((noinline)) void run(const patch *p, report *r) {
    slots where = {task.old_image, task.new_image, 0};
    flashdelta_applier *applier = (flashdelta_applier *)task.storage;
    flashdelta_flash flash = {0};
    size_t wanted = 0;
    flashdelta_patch_info info;
    const uint8_t *top;
    uint8_t *workspace = task.workspace + FENCE;

    r->new_size = flashdelta_read_patch_info(p->start, p->len, &info) == FLASHDELTA_OK ? info.new_size : 0;
    if (flashdelta_workspace_len(p->start, p->len, &wanted) != FLASHDELTA_OK || wanted > task.workspace_len - 2 * FENCE) {
        wanted = task.workspace_len - 2 * FENCE;
    }
    flash.user = &where;
    flash.old_size = task.old_len;
    flash.new_size = task.new_len;
    flash.write_size = 16;
    flash.sector_size = SECTOR;
    flash.read_old = read_old;
    flash.read_new = read_new;
    flash.write_new = write_new;
    flash.erase_new = erase_new;
    flash.commit_new = commit_new;

    __builtin_memset(task.workspace, FENCE_BYTE, FENCE);
    __builtin_memset(workspace, 0xA7, wanted);
    __builtin_memset(workspace + wanted, FENCE_BYTE, FENCE);
    __builtin_memset(task.new_image, 0, task.new_len);
    __builtin_memset(applier, 0, sizeof *applier);
    paint(stack_limit);
    top = (const uint8_t *)stack_pointer();

    uint64_t before = ticks();
    flashdelta_status status = update(applier, &flash, workspace, wanted, p);
    uint64_t took = ticks() - before;
    r->ticks[0] = (uint32_t)took;
    r->ticks[1] = (uint32_t)(took >> 32);
    const uint8_t *deepest = stack_limit;
    while (deepest < top && *(const volatile uint8_t *)deepest == PAINT) {
        deepest++;
    }
    r->stack = (uint32_t)(top - deepest);
    r->outcome = (uint32_t)status;
    if (where.commits != (status == FLASHDELTA_OK)) {
        r->outcome = PROMISE_BROKEN;
    }
    r->same = status == FLASHDELTA_OK && is_same(task.new_image, task.expected, task.expected_len);
    r->workspace = wanted;
    r->applier = sizeof(flashdelta_applier);
    r->fences = is_filled(task.workspace, FENCE_BYTE, FENCE) && is_filled(workspace + wanted, FENCE_BYTE, FENCE);
    if (status != FLASHDELTA_OK) {
        flashdelta_error_detail detail;
        if (flashdelta_applier_last_error(applier, &detail) == FLASHDELTA_OK && detail.status != status) {
            r->outcome = PROMISE_BROKEN;
        }
        if (flashdelta_applier_abort(applier) != FLASHDELTA_OK) {
            r->outcome = PROMISE_BROKEN;
        }
    }
}

_Noreturn void guest_main(void) {
    uint32_t written = 0;
    if (task.magic != MAGIC || task.storage_len < sizeof(flashdelta_applier)) {
        board_exit(BAD_TASK);
    }
    for (uint32_t i = 0; i < task.patch_count; i++) {
        run(&task.patches[i], &task.reports[i]);
        written = task.reports[i].outcome == FLASHDELTA_OK ? task.reports[i].new_size : 0;
    }
    int failed = board_write_file("report.bin", 10, task.reports, task.patch_count * sizeof(report));
    failed |= board_write_file("new.bin", 7, task.new_image, written);
    board_exit(failed ? BAD_TASK : 0);
}
