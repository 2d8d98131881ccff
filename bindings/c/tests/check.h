/* Checks that go on after a failure, and files in memory of exactly their size, so that sanitizers and valgrind see every byte too far. */
#ifndef CHECK_H
#define CHECK_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static int checks;
static int failures;

#define CHECK(condition)                                                             \
    do {                                                                             \
        checks++;                                                                    \
        if (!(condition)) {                                                          \
            failures++;                                                              \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
        }                                                                            \
    } while (0)

#define CHECK_STATUS(call, expected)                                                                                                       \
    do {                                                                                                                                   \
        const int status_ = (int)(call);                                                                                                   \
        checks++;                                                                                                                          \
        if (status_ != (int)(expected)) {                                                                                                  \
            failures++;                                                                                                                    \
            fprintf(stderr, "%s:%d: %s gave %d, expected %d (%s)\n", __FILE__, __LINE__, #call, status_, (int)(expected), #expected); \
        }                                                                                                                                  \
    } while (0)

typedef struct blob {
    uint8_t *bytes;
    size_t len;
} blob;

/* A file, or else the end of the test. */
static blob load(const char *folder, const char *name) {
    char path[1024];
    FILE *file;
    long len;
    blob b = {NULL, 0};
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path || (file = fopen(path, "rb")) == NULL) {
        perror(name);
        exit(2);
    }
    if (fseek(file, 0, SEEK_END) != 0 || (len = ftell(file)) < 0 || fseek(file, 0, SEEK_SET) != 0) {
        perror(name);
        exit(2);
    }
    b.len = (size_t)len;
    b.bytes = (uint8_t *)malloc(b.len > 0 ? b.len : 1);
    if (b.bytes == NULL || fread(b.bytes, 1, b.len, file) != b.len) {
        perror(name);
        exit(2);
    }
    fclose(file);
    return b;
}

static int summary(const char *name) {
    printf("%s: %d checks, %d failures\n", name, checks, failures);
    return failures == 0 ? 0 : 1;
}

#endif
