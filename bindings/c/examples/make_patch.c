/*
 * Makes a patch, and proves that it works.
 *
 *     make_patch OLD NEW PATCH [PROFILE [HOLE...]]
 *
 * PROFILE is tiny, small, esp32 or linux: how much RAM the device has. HOLE is a range that each device has for itself: serial=0x400-0x410.
 */
#include <flashdelta.h>

#include <stdio.h>

/* Called from threads of the library, one at a time. */
static int32_t progress(void *user, uint32_t phase, float fraction) {
    int *percent = (int *)user;
    const int now = (int)(fraction * 100);
    if (now >= *percent + 10) {
        *percent = now;
        fprintf(stderr, "%s: %d %%\n", phase == FLASHDELTA_PHASE_APPLY ? "proving" : "making", now);
    }
    return 0; /* go on */
}

/* What flashdelta said, or 0. */
static int failed(flashdelta_status status) {
    if (status != FLASHDELTA_OK) {
        fprintf(stderr, "error %d: %s\n", (int)status, flashdelta_last_error());
    }
    return status != FLASHDELTA_OK;
}

static int tell(const char *path) {
    uint8_t start[FLASHDELTA_MAX_HEADER_LEN];
    flashdelta_patch_info info;
    FILE *file = fopen(path, "rb");
    size_t len;
    if (file == NULL) {
        perror(path);
        return 1;
    }
    len = fread(start, 1, sizeof start, file);
    fclose(file);
    if (flashdelta_read_patch_info(start, len, &info) != FLASHDELTA_OK) {
        fprintf(stderr, "%s: no patch\n", path);
        return 1;
    }
    printf("%lu bytes for an image of %lu; the device lends %lu bytes of RAM\n", (unsigned long)info.patch_size, (unsigned long)info.new_size,
           (unsigned long)info.workspace_len);
    return 0;
}

int main(int argc, char **argv) {
    flashdelta_options *options = NULL;
    char proof[1024];
    int percent = -10;
    int bad, i;

    if (argc < 4 || snprintf(proof, sizeof proof, "%s.proof", argv[3]) >= (int)sizeof proof) {
        fprintf(stderr, "usage: make_patch OLD NEW PATCH [tiny|small|esp32|linux [HOLE...]]\n");
        return 2;
    }
    bad = failed(flashdelta_options_new(&options)) || failed(flashdelta_options_set_progress(options, progress, &percent)) ||
          failed(flashdelta_options_set_profile(options, argc >= 5 ? argv[4] : "esp32"));
    for (i = 5; !bad && i < argc; i++) {
        bad = failed(flashdelta_options_add_hole(options, argv[i]));
    }
    bad = bad || failed(flashdelta_make_file(argv[1], argv[2], argv[3], options)) || tell(argv[3]);
    if (!bad) {
        /* Its SHA-256 is checked: what comes out is the new image, or an error. */
        percent = -10;
        bad = failed(flashdelta_apply_file(argv[1], argv[3], proof, options));
        remove(proof);
    }
    flashdelta_options_free(options);
    return bad;
}
