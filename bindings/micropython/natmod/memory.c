/*
 * What the library wants of a C library: a native module has none.
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include <stddef.h>

/* A compiler that sees a loop like these would call the function that it is in. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-tree-loop-distribute-patterns")
#endif

void *memcpy(void *to, const void *from, size_t len);
void *memmove(void *to, const void *from, size_t len);
void *memset(void *to, int value, size_t len);
int memcmp(const void *a, const void *b, size_t len);
int bcmp(const void *a, const void *b, size_t len);

void *memcpy(void *to, const void *from, size_t len) {
    unsigned char *t = to;
    const unsigned char *f = from;
    while (len--) {
        *t++ = *f++;
    }
    return to;
}

void *memmove(void *to, const void *from, size_t len) {
    unsigned char *t = to;
    const unsigned char *f = from;
    if (t <= f) {
        return memcpy(to, from, len);
    }
    while (len--) {
        t[len] = f[len];
    }
    return to;
}

void *memset(void *to, int value, size_t len) {
    unsigned char *t = to;
    while (len--) {
        *t++ = (unsigned char)value;
    }
    return to;
}

int memcmp(const void *a, const void *b, size_t len) {
    const unsigned char *x = a, *y = b;
    for (; len--; x++, y++) {
        if (*x != *y) {
            return *x - *y;
        }
    }
    return 0;
}

int bcmp(const void *a, const void *b, size_t len) {
    return memcmp(a, b, len);
}
