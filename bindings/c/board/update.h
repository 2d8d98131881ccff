/* One update: the applier of the library over the slots of a board. It goes on after a reset. */
#ifndef UPDATE_H
#define UPDATE_H

#include "board.h"

#include <flashdelta_apply.h>
#include <flashdelta_psa.h>

/* What patches made with --profile small need; the guard's buffer has room for a chunk of theirs. */
enum { WORKSPACE = 16 * 1024 - 1024, CHECKED = 8 * 1024 };

typedef struct update {
    board *where;
    flashdelta_applier applier;
    flashdelta_progress progress;
    uint8_t workspace[WORKSPACE];
    uint8_t checked[CHECKED];
    uint8_t sector[SECTOR];
} update;

/* The public key that patches are signed with, from x and y in hexadecimal. 0, or -1 if it is none. */
int update_key(flashdelta_psa_key *key, const char *point);
/* Begins an update, or goes on with the one that is kept. Only patches that one of these keys has
 * signed are taken. */
flashdelta_status update_begin(update *u, board *where, const flashdelta_psa *trusted);
/* Takes the next bytes of the patch, those from u->progress.taken on. */
flashdelta_status update_feed(update *u, const uint8_t *piece, size_t len);
/* Keeps the state, so that no byte before is asked for again. */
flashdelta_status update_keep(update *u);
/* The new image reads back right: it is selected. */
flashdelta_status update_finish(update *u);
/* Forgets what is kept. */
void update_forget(update *u);

#endif
