/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "board.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int open_file(const board *b, const char *name, int flags) {
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", b->folder, name);
    return open(path, flags, 0666);
}

/* Renaming replaces at once what was there: whatever fails before leaves that. */
static int replace(const board *b, const char *name, const char *text) {
    char from[256], to[256];
    const size_t len = strlen(text);
    int fd;
    (void)snprintf(from, sizeof from, "%s/%s.new", b->folder, name);
    (void)snprintf(to, sizeof to, "%s/%s", b->folder, name);
    fd = open(from, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (fd < 0) {
        return -1;
    }
    if (write(fd, text, len) != (ssize_t)len) {
        (void)close(fd);
        return -1;
    }
    return close(fd) == 0 ? rename(from, to) : -1;
}

static int read_text(const board *b, const char *name, char *to, size_t size) {
    const int fd = open_file(b, name, O_RDONLY);
    ssize_t len = fd < 0 ? -1 : read(fd, to, size - 1);
    if (fd >= 0) {
        (void)close(fd);
    }
    if (len < 0) {
        return -1;
    }
    to[len] = 0;
    return 0;
}

static int write_boot(const board *b, const char *selected, const char *state, const char *before) {
    char text[64];
    (void)snprintf(text, sizeof text, "%s %s %s", selected, state, before);
    return replace(b, "boot", text);
}

int board_boot(board *b, const char *folder) {
    char text[256], selected[16], state[16], before[16];
    const char *now = "valid";
    memset(b, 0, sizeof *b);
    (void)snprintf(b->folder, sizeof b->folder, "%s", folder);
    if (read_text(b, "boot", text, sizeof text) != 0 || sscanf(text, "%15s %15s %15s", selected, state, before) != 3) {
        return -1;
    }
    memcpy(b->running, selected, sizeof selected);
    if (strcmp(state, "pending") == 0) { /* it was on trial, and has not been confirmed */
        memcpy(b->running, before, sizeof before);
    } else if (strcmp(state, "new") == 0) {
        now = "pending";
    }
    if (write_boot(b, b->running, now, before) != 0) {
        return -1;
    }
    (void)snprintf(b->other, sizeof b->other, "%s", strcmp(b->running, "ota_0") == 0 ? "ota_1" : "ota_0");
    b->old_slot = open_file(b, b->running, O_RDONLY);
    b->new_slot = open_file(b, b->other, O_RDWR);
    b->kept = open_file(b, "kept", O_RDWR | O_CREAT);
    if (b->old_slot < 0 || b->new_slot < 0 || b->kept < 0) {
        return -1;
    }
    if (lseek(b->kept, 0, SEEK_END) != KEPT_SIZE) {
        uint32_t at;
        for (at = 0; at < KEPT_SIZE; at += SECTOR) {
            if (flash_erase(b->kept, at) != 0) {
                return -1;
            }
        }
    }
    if (read_text(b, "record", text, sizeof text) != 0 ||
        sscanf(text, "%63s %15s %15s %31s", b->record.job, b->record.state, b->record.slot, b->record.error) != 4) {
        memset(&b->record, 0, sizeof b->record);
        (void)snprintf(b->record.state, sizeof b->record.state, "idle");
    }
    return 0;
}

int32_t flash_read(int fd, uint32_t offset, uint8_t *to, size_t len) {
    return pread(fd, to, len, (off_t)offset) == (ssize_t)len ? 0 : -1;
}

int32_t flash_write(board *b, int fd, uint32_t offset, const uint8_t *from, size_t len) {
    b->written += len;
    return pwrite(fd, from, len, (off_t)offset) == (ssize_t)len ? 0 : -1;
}

int32_t flash_erase(int fd, uint32_t offset) {
    uint8_t erased[SECTOR];
    memset(erased, 0xFF, sizeof erased);
    return pwrite(fd, erased, sizeof erased, (off_t)offset) == (ssize_t)sizeof erased ? 0 : -1;
}

int board_select(const board *b) {
    return write_boot(b, b->other, "new", b->running);
}

int board_confirm(const board *b) {
    return write_boot(b, b->running, "valid", b->other);
}

int board_save(const board *b) {
    char text[192];
    const job_record *r = &b->record;
    (void)snprintf(text, sizeof text, "%s %s %s %s", r->job, r->state, r->slot[0] ? r->slot : "-",
                   r->error[0] ? r->error : "-");
    return replace(b, "record", text);
}
