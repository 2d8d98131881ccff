/*
 * A simulated board: two slots of flash and a region for a suspended update, in files; a
 * bootloader that goes back to the image before if a new one is not confirmed; a record that
 * survives resets. On hardware this file is what the maker of the chip brings.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef BOARD_H
#define BOARD_H

#include <stddef.h>
#include <stdint.h>

enum { SLOT_SIZE = 256 * 1024, SECTOR = 4096, PAGE = 16, KEPT_SIZE = 24 * SECTOR };

typedef struct job_record {
    char job[64];
    char state[16]; /* "taking", "trial", "done", "failed"; "idle" if there has been none */
    char slot[16];  /* on trial: the slot that is to run */
    char error[32]; /* "-" for none */
} job_record;

typedef struct board {
    char folder[200];
    char running[16];
    char other[16];
    int old_slot, new_slot, kept; /* file descriptors */
    job_record record;
    unsigned long written; /* bytes written to the flash since the start */
} board;

/* The bootloader: chooses the slot. 0, or -1 if the folder is no board. */
int board_boot(board *b, const char *folder);

int32_t flash_read(int fd, uint32_t offset, uint8_t *to, size_t len);
int32_t flash_write(board *b, int fd, uint32_t offset, const uint8_t *from, size_t len);
int32_t flash_erase(int fd, uint32_t offset);

/* The other slot is started next, on trial. */
int board_select(const board *b);
/* The running image stays. */
int board_confirm(const board *b);
/* Keeps b->record, whole or not at all. */
int board_save(const board *b);

#endif
