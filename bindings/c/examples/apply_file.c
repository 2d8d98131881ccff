/*
 * Applies a patch to a file, with the library for devices: everything is read through callbacks, and the patch is fed as it arrives.
 *
 *     apply_file OLD PATCH NEW
 *
 * A program on a host would rather call flashdelta_apply_file() of flashdelta.h.
 */
#include <flashdelta_apply.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct files {
    FILE *old_file;
    FILE *new_file;
} files;

static int32_t read_at(FILE *file, uint32_t offset, uint8_t *to, size_t len) {
    return fseek(file, (long)offset, SEEK_SET) == 0 && fread(to, 1, len, file) == len ? 0 : -1;
}

static int32_t read_old(void *user, uint32_t offset, uint8_t *to, size_t len) {
    return read_at(((const files *)user)->old_file, offset, to, len);
}

static int32_t read_new(void *user, uint32_t offset, uint8_t *to, size_t len) {
    return read_at(((const files *)user)->new_file, offset, to, len);
}

static int32_t write_new(void *user, uint32_t offset, const uint8_t *from, size_t len) {
    FILE *file = ((const files *)user)->new_file;
    return fseek(file, (long)offset, SEEK_SET) == 0 && fwrite(from, 1, len, file) == len ? 0 : -1;
}

static int32_t flush_new(void *user) {
    return fflush(((const files *)user)->new_file) == 0 ? 0 : -1;
}

static long size_of(FILE *file) {
    return fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
}

/* Lends the workspace that the patch asks for. NULL: it is no patch, or there is no memory. */
static uint8_t *workspace_for(FILE *patch, size_t *len) {
    uint8_t start[FLASHDELTA_MAX_HEADER_LEN];
    const size_t known = fread(start, 1, sizeof start, patch);
    const flashdelta_status status = flashdelta_workspace_len(start, known, len);
    if (status != FLASHDELTA_OK) {
        fprintf(stderr, "the patch cannot be used: %s\n", flashdelta_strerror(status));
        return NULL;
    }
    rewind(patch);
    return (uint8_t *)malloc(*len);
}

static flashdelta_status update(files *user, FILE *patch, long old_size) {
    static flashdelta_applier applier; /* static: filled with zeros, and not on the stack */
    flashdelta_flash flash;
    flashdelta_progress progress = {0, 0, 0, 0, 0};
    flashdelta_status status;
    uint8_t piece[256];
    uint8_t *workspace;
    size_t workspace_len = 0;
    size_t len;

    workspace = workspace_for(patch, &workspace_len);
    if (workspace == NULL) {
        return FLASHDELTA_ERR_BAD_PATCH;
    }
    memset(&flash, 0, sizeof flash);
    flash.user = user;
    flash.old_size = (uint32_t)old_size;
    flash.new_size = UINT32_MAX; /* a file takes whatever comes */
    flash.read_old = read_old;
    flash.read_new = read_new;
    flash.write_new = write_new;
    flash.flush_new = flush_new;
    status = flashdelta_applier_init(&applier, &flash, NULL, workspace, workspace_len);
    while (status == FLASHDELTA_OK && (len = fread(piece, 1, sizeof piece, patch)) > 0) {
        status = flashdelta_applier_feed(&applier, piece, len, &progress);
    }
    if (status == FLASHDELTA_OK) {
        status = flashdelta_applier_finish(&applier);
    }
    if (status != FLASHDELTA_OK) {
        flashdelta_error_detail detail;
        fprintf(stderr, "error %d: %s\n", (int)status, flashdelta_strerror(status));
        if (flashdelta_applier_last_error(&applier, &detail) == FLASHDELTA_OK) {
            fprintf(stderr, "at %lu: expected %lu, found %lu\n", (unsigned long)detail.offset, (unsigned long)detail.expected,
                    (unsigned long)detail.found);
        }
    } else {
        printf("%lu bytes, SHA-256 as promised\n", (unsigned long)progress.written);
    }
    (void)flashdelta_applier_abort(&applier);
    free(workspace);
    return status;
}

int main(int argc, char **argv) {
    files user = {NULL, NULL};
    FILE *patch = NULL;
    char temporary[1024];
    long old_size = -1;
    int done = 0;

    if (argc != 4 || snprintf(temporary, sizeof temporary, "%s.tmp", argv[3]) >= (int)sizeof temporary) {
        fprintf(stderr, "usage: apply_file OLD PATCH NEW\n");
        return 2;
    }
    user.old_file = fopen(argv[1], "rb");
    patch = fopen(argv[2], "rb");
    user.new_file = fopen(temporary, "w+b");
    if (user.old_file != NULL) {
        old_size = size_of(user.old_file);
    }
    if (patch == NULL || user.new_file == NULL || old_size < 0) {
        perror("apply_file");
    } else {
        done = update(&user, patch, old_size) == FLASHDELTA_OK;
    }
    if (user.old_file != NULL) {
        fclose(user.old_file);
    }
    if (patch != NULL) {
        fclose(patch);
    }
    if (user.new_file != NULL && fclose(user.new_file) != 0) {
        done = 0;
    }
    /* Only what is complete gets its name. */
    if (done && rename(temporary, argv[3]) == 0) {
        return 0;
    }
    remove(temporary);
    return 1;
}
