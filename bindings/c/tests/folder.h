/* The folder that a test works in. */
#ifndef FOLDER_H
#define FOLDER_H

#include <stdio.h>
#include <stdlib.h>

/* The test's argument. */
static const char *folder;

/* The path of a file in it; good until four more have been asked for. */
static const char *in_folder(const char *name) {
    static char paths[4][1024];
    static int next;
    char *path = paths[next++ % 4];
    if (snprintf(path, 1024, "%s/%s", folder, name) >= 1024) {
        exit(2);
    }
    return path;
}

#endif
