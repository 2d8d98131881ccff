/*
 * Runs the example in the comment of flashdelta.h, exactly as it is there.
 *
 *     run_host_example FOLDER
 *
 * The example is in flashdelta.c: cargo xtask test cuts it out of the header. FOLDER holds old.bin and new.bin.
 */
#include "flashdelta.c" /* first: it must bring what it needs */

#include "check.h"

int main(int argc, char **argv) {
    blob old_image, new_image;
    if (argc != 2) {
        return 2;
    }
    old_image = load(argv[1], "old.bin");
    new_image = load(argv[1], "new.bin");
    CHECK(make_and_prove(old_image.bytes, old_image.len, new_image.bytes, new_image.len) == 0);
    CHECK(make_and_prove(NULL, 1, new_image.bytes, new_image.len) == 1);
    free(new_image.bytes);
    free(old_image.bytes);
    return summary("run_host_example");
}
