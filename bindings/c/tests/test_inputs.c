/*
 * Inputs of every kind: testdata/inputs/table.tsv, which the tests of the library, the program and Python go through, too.
 *
 *     test_inputs FOLDER TESTDATA ERRORS
 *
 * FOLDER is for what is made on the way, TESTDATA is absolute, ERRORS is docs/errors.md, which tells the number of each code.
 */
#include <flashdelta.h>

#include <string.h>

#include "check.h"
#include "folder.h"

static const char *testdata;
static char codes[300][2][40];
static size_t code_count;

/* The rows of docs/errors.md: code, class, exit code, number in C, ... */
static void read_codes(const char *path) {
    char line[2000];
    FILE *file = fopen(path, "r");
    CHECK(file != NULL);
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        char code[40], number[40];
        if (code_count < 300 && sscanf(line, "| `%39[^`]` | %*[^|] | %*d | %39[0-9] |", code, number) == 2) {
            strcpy(codes[code_count][0], code);
            strcpy(codes[code_count++][1], number);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    CHECK(code_count > 100);
}

/* The number of a code; 0 if it is none. */
static int number_of(const char *code) {
    size_t i;
    for (i = 0; i < code_count; i++) {
        if (strcmp(codes[i][0], code) == 0) {
            return atoi(codes[i][1]);
        }
    }
    return 0;
}

static void path_of(char *path, size_t size, const char *name) {
    CHECK(snprintf(path, size, "%s/%s", testdata, name) < (int)size);
}

/* The file at a path; nothing if there is none. */
static int read_file(const char *path, blob *file) {
    FILE *opened = fopen(path, "rb");
    if (opened == NULL) {
        return 0;
    }
    fclose(opened);
    *file = load("", path);
    return 1;
}

/* Where a file of the test data is, or a patch that was made: @NAME, @NAME-3 without its last three bytes, @NAME+1 with one more, @NAME^12 with another at 12. */
static void resolve(char *path, size_t size, const char *name) {
    char made[200];
    const char *digits;
    size_t len, count;
    blob patch;
    FILE *out;
    if (name[0] != '@') {
        path_of(path, size, name);
        return;
    }
    len = strlen(name);
    while (name[len - 1] >= '0' && name[len - 1] <= '9') {
        len--;
    }
    digits = name + len;
    if (*digits == '\0' || strchr("-+^", digits[-1]) == NULL) {
        CHECK(snprintf(path, size, "%s", in_folder(name + 1)) < (int)size);
        return;
    }
    CHECK(snprintf(made, sizeof made, "%.*s", (int)(len - 2), name + 1) < (int)sizeof made);
    count = (size_t)atoi(digits);
    patch = load(folder, made);
    CHECK(snprintf(path, size, "%s", in_folder("changed")) < (int)size);
    out = fopen(path, "wb");
    CHECK(out != NULL);
    if (digits[-1] == '^') {
        patch.bytes[count] ^= 1;
    }
    fwrite(patch.bytes, 1, digits[-1] == '-' ? patch.len - count : patch.len, out);
    while (digits[-1] == '+' && count-- > 0) {
        fputc(0, out);
    }
    fclose(out);
    free(patch.bytes);
}

static uint32_t codec_named(const char *name) {
    return strcmp(name, "zstd") == 0 ? FLASHDELTA_CODEC_ZSTD : FLASHDELTA_AUTO;
}

static uint32_t isa_named(const char *name) {
    return strcmp(name, "thumb") == 0 ? FLASHDELTA_ISA_THUMB : FLASHDELTA_AUTO;
}

/* One option; what the codec and the instruction set are called the table says in few places. Gives
 * what an option comes to that may be wrong. */
static flashdelta_status set_option(flashdelta_options *options, const char *word, int makes, int *in_memory) {
    static const flashdelta_device nobody = {0, 0, 0, 0};
    char name[40] = "", value[200] = "";
    const char *rest = strchr(word, '=');
    unsigned long number;
    CHECK(sscanf(word, "%39[^=]", name) == 1);
    if (rest != NULL) {
        CHECK(strlen(rest + 1) < sizeof value);
        strcpy(value, rest + 1);
    }
    number = strtoul(value, NULL, 0);
    if (strcmp(name, "verbatim") == 0) {
        CHECK_STATUS(flashdelta_options_set_verbatim(options, 1), FLASHDELTA_OK);
    } else if (strcmp(name, "allow-empty") == 0) {
        CHECK_STATUS(flashdelta_options_set_allow_empty(options, 1), FLASHDELTA_OK);
    } else if (strcmp(name, "strict") == 0) {
        CHECK_STATUS(flashdelta_options_set_strict(options, 1), FLASHDELTA_OK);
    } else if (strcmp(name, "accept") == 0) {
        const uint32_t accepted = strcmp(value, "manifest") == 0 ? FLASHDELTA_ACCEPT_MANIFEST : FLASHDELTA_ACCEPT_CHECKSUM;
        CHECK_STATUS(flashdelta_options_set_accept(options, accepted), FLASHDELTA_OK);
    } else if (strcmp(name, "in-memory") == 0) {
        *in_memory = 1;
    } else if (strcmp(name, "profile-file") == 0) {
        char path[1200];
        path_of(path, sizeof path, value);
        return flashdelta_options_load_profile(options, path);
    } else if (strcmp(name, "family") == 0) {
        CHECK_STATUS(flashdelta_options_set_family(options, (uint32_t)number), FLASHDELTA_OK);
    } else if (strcmp(name, "fill") == 0) {
        CHECK_STATUS(flashdelta_options_set_fill(options, (uint32_t)number), FLASHDELTA_OK);
    } else if (strcmp(name, "range") == 0) {
        CHECK_STATUS(flashdelta_options_set_range(options, (uint32_t)number, strtoul(strchr(value, '-') + 1, NULL, 0)), FLASHDELTA_OK);
    } else if (strcmp(name, "base") == 0) {
        CHECK_STATUS(flashdelta_options_set_base(options, (uint32_t)number), FLASHDELTA_OK);
    } else if (strcmp(name, "isa") == 0) {
        CHECK_STATUS(flashdelta_options_set_isa(options, isa_named(value)), FLASHDELTA_OK);
    } else if (strcmp(name, "codec") == 0) {
        CHECK_STATUS(flashdelta_options_set_codec(options, codec_named(value)), FLASHDELTA_OK);
    } else if (strcmp(name, "profile") == 0) {
        return flashdelta_options_set_profile(options, value);
    } else if (strcmp(name, "hole") == 0) {
        return flashdelta_options_add_hole(options, value);
    } else if (strcmp(name, "ram") == 0) {
        CHECK_STATUS(flashdelta_options_set_ram(options, (uint32_t)number), FLASHDELTA_OK);
    } else if (strcmp(name, "limit") == 0) {
        CHECK_STATUS(flashdelta_options_set_limit(options, (uint32_t)number), FLASHDELTA_OK);
    } else if (strcmp(name, "output") == 0) {
        CHECK_STATUS(flashdelta_options_set_output(options, FLASHDELTA_FORMAT_RAW), FLASHDELTA_OK);
    } else if (strcmp(name, "new-elf") == 0) {
        blob elf = load(testdata, value);
        CHECK_STATUS(flashdelta_options_set_elfs(options, NULL, 0, elf.bytes, elf.len), FLASHDELTA_OK);
        free(elf.bytes);
    } else if (strcmp(name, "product") == 0 && makes) {
        CHECK_STATUS(flashdelta_options_set_identity(options, (uint32_t)number, 0, 0xffff, 0), FLASHDELTA_OK);
    } else if (strcmp(name, "product") == 0) {
        flashdelta_device device = nobody;
        device.product = (uint32_t)number;
        CHECK_STATUS(flashdelta_options_set_device(options, &device), FLASHDELTA_OK);
    } else {
        fprintf(stderr, "no such option: %s\n", name);
        failures++;
    }
    return FLASHDELTA_OK;
}

/* Warnings as the table writes them, each with a blank after it. */
static char told[1000];

static void note(void *user, int32_t is_new, const char *code, const char *text) {
    (void)user;
    CHECK(strlen(text) > 0 && strlen(told) + strlen(code) + 6 < sizeof told);
    sprintf(told + strlen(told), "%s:%s ", is_new ? "new" : "old", code);
}

static uint32_t format_named(const char *name) {
    return strcmp(name, "ihex") == 0 ? FLASHDELTA_FORMAT_INTEL_HEX : strcmp(name, "srec") == 0 ? FLASHDELTA_FORMAT_SREC : FLASHDELTA_FORMAT_RAW;
}

/* What is as expected? */
static void compare(const char *name, flashdelta_status status, const char *result, int makes, const char *out) {
    blob made = {NULL, 0}, expected = {NULL, 0};
    char path[1200];
    /* A kind of patch has the name of an error. */
    const int number = makes && strcmp(result, "bundle") == 0 ? 0 : number_of(result);
    int is_right;
    if (status != FLASHDELTA_OK || number != 0) {
        is_right = (int)status == number;
    } else if (makes) {
        is_right = read_file(out, &made) && made.len > 3 && memcmp(made.bytes, strcmp(result, "patch") == 0 ? "FDP" : "FDB", 3) == 0;
    } else {
        path_of(path, sizeof path, result);
        is_right = read_file(out, &made) && read_file(path, &expected) && made.len == expected.len && memcmp(made.bytes, expected.bytes, made.len) == 0;
    }
    CHECK(is_right);
    if (!is_right) {
        fprintf(stderr, "%s: %s was expected, %d: %s\n", name, result, (int)status, flashdelta_last_error());
    }
    free(made.bytes);
    free(expected.bytes);
}

/* The same of files in memory, which have no names and nothing beside them. */
static flashdelta_status make_in_memory(const char *old_path, const char *new_path, const char *out, const flashdelta_options *options) {
    blob old_file = load("", old_path), new_file = load("", new_path);
    flashdelta_buffer patch = {0};
    const flashdelta_status status = flashdelta_make(old_file.bytes, old_file.len, new_file.bytes, new_file.len, options, &patch);
    FILE *file = fopen(out, "wb");
    CHECK(file != NULL && fwrite(patch.data, 1, patch.len, file) == patch.len);
    fclose(file);
    flashdelta_buffer_free(&patch);
    free(old_file.bytes);
    free(new_file.bytes);
    return status;
}

/* A patch that is verified: nothing comes of it. */
static void verify(char **cells, const char *old_path, const char *patch_path, const flashdelta_options *options) {
    blob old_file = load("", old_path), patch = load("", patch_path);
    const flashdelta_status status = flashdelta_verify(old_file.bytes, old_file.len, patch.bytes, patch.len, options);
    CHECK_STATUS(status, strcmp(cells[5], "ok") == 0 ? FLASHDELTA_OK : (flashdelta_status)number_of(cells[5]));
    if ((int)status != number_of(cells[5])) {
        fprintf(stderr, "%s: %s was expected, %d: %s\n", cells[0], cells[5], (int)status, flashdelta_last_error());
    }
    free(old_file.bytes);
    free(patch.bytes);
}

static void run(char **cells) {
    flashdelta_options *options = NULL;
    char old_path[1200], new_path[1200], out[1200], expected[1000] = "", *word;
    const int makes = strcmp(cells[1], "diff") == 0, converts = strcmp(cells[1], "convert") == 0;
    int in_memory = 0;
    flashdelta_status status = FLASHDELTA_OK;
    blob old_file = {NULL, 0}, patch = {NULL, 0};
    resolve(old_path, sizeof old_path, cells[2]);
    resolve(new_path, sizeof new_path, cells[3]);
    CHECK(snprintf(out, sizeof out, "%s", in_folder(makes ? cells[0] : "out")) < (int)sizeof out);
    CHECK_STATUS(flashdelta_options_new(&options), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_options_set_warning(options, note, NULL), FLASHDELTA_OK);
    for (word = strtok(cells[4], " "); word != NULL; word = strtok(NULL, " ")) {
        const flashdelta_status set = set_option(options, word, makes, &in_memory);
        status = status == FLASHDELTA_OK ? set : status;
    }
    for (word = strtok(cells[6], " "); word != NULL; word = strtok(NULL, " ")) {
        strcat(strcat(expected, word), " ");
    }
    told[0] = '\0';
    remove(out);
    if (strcmp(cells[1], "verify") == 0) {
        verify(cells, old_path, new_path, options);
        flashdelta_options_free(options);
        return;
    }
    if (status == FLASHDELTA_OK) {
        status = in_memory  ? make_in_memory(old_path, new_path, out, options)
            : makes         ? flashdelta_make_file(old_path, new_path, out, options)
            : converts      ? flashdelta_convert_file(old_path, out, format_named(cells[3]), options)
                            : flashdelta_apply_file(old_path, new_path, out, options);
    }
    compare(cells[0], status, cells[5], makes, out);
    CHECK(strcmp(told, expected) == 0);
    if (strcmp(told, expected) != 0) {
        fprintf(stderr, "%s: warnings %s, %s\n", cells[0], expected, told);
    }
    /* In memory it is the same. */
    if (!makes && !converts && read_file(old_path, &old_file) && read_file(new_path, &patch)) {
        flashdelta_buffer made = {0};
        CHECK_STATUS(flashdelta_apply(old_file.bytes, old_file.len, patch.bytes, patch.len, options, &made), status);
        flashdelta_buffer_free(&made);
    }
    free(old_file.bytes);
    free(patch.bytes);
    flashdelta_options_free(options);
}

int main(int argc, char **argv) {
    char table[1200], line[2000];
    FILE *file;
    int rows = 0;
    if (argc != 4) {
        fprintf(stderr, "usage: test_inputs FOLDER TESTDATA ERRORS\n");
        return 2;
    }
    folder = argv[1];
    testdata = argv[2];
    read_codes(argv[3]);
    path_of(table, sizeof table, "inputs/table.tsv");
    file = fopen(table, "r");
    CHECK(file != NULL && fgets(line, sizeof line, file) != NULL);
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        char *cells[7], *at = line;
        int i;
        line[strcspn(line, "\n")] = '\0';
        for (i = 0; i < 7; i++) {
            char *tab = at + strcspn(at, "\t");
            const int is_last = *tab == '\0';
            cells[i] = at;
            *tab = '\0';
            CHECK(is_last == (i == 6));
            at = is_last ? tab : tab + 1;
        }
        run(cells);
        rows++;
    }
    if (file != NULL) {
        fclose(file);
    }
    CHECK(rows > 60);
    return summary("test_inputs");
}
