/* What survives a reset: a suspension of at most KEPT_BYTES, which each test says before, and callbacks that write and read it. */
#ifndef KEPT_H
#define KEPT_H

#include <stdint.h>
#include <string.h>

#include "check.h"

typedef struct kept {
    uint8_t bytes[KEPT_BYTES];
    uint32_t len;
    int fails;
} kept;

static int32_t put(void *user, const uint8_t *from, size_t len) {
    kept *k = (kept *)user;
    CHECK(k->len + len <= sizeof k->bytes);
    memcpy(k->bytes + k->len, from, len);
    k->len += (uint32_t)len;
    return k->fails;
}

static int32_t get(void *user, uint32_t offset, uint8_t *to, size_t len) {
    const kept *k = (const kept *)user;
    CHECK(len > 0 && offset <= k->len && len <= k->len - offset);
    memcpy(to, k->bytes + offset, len);
    return k->fails;
}

#endif
