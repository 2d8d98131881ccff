/* What a C library brings, for compilers that come without one. They count as the applier's, as they do where Rust brings them. */
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *restrict to, const void *restrict from, size_t len) {
    uint8_t *t = (uint8_t *)to;
    const uint8_t *f = (const uint8_t *)from;
    if ((((uintptr_t)t | (uintptr_t)f) & 3) == 0) {
        for (; len >= 4; len -= 4, t += 4, f += 4) {
            *(uint32_t *)(void *)t = *(const uint32_t *)(const void *)f;
        }
    }
    while (len-- > 0) {
        *t++ = *f++;
    }
    return to;
}

void *memmove(void *to, const void *from, size_t len) {
    uint8_t *t = (uint8_t *)to;
    const uint8_t *f = (const uint8_t *)from;
    if (t <= f || t >= f + len) {
        return memcpy(to, from, len);
    }
    while (len-- > 0) {
        t[len] = f[len];
    }
    return to;
}

void *memset(void *to, int byte, size_t len) {
    uint8_t *t = (uint8_t *)to;
    uint32_t word = (uint8_t)byte * 0x01010101u;
    for (; len > 0 && ((uintptr_t)t & 3) != 0; len--) {
        *t++ = (uint8_t)byte;
    }
    for (; len >= 4; len -= 4, t += 4) {
        *(uint32_t *)(void *)t = word;
    }
    while (len-- > 0) {
        *t++ = (uint8_t)byte;
    }
    return to;
}

int memcmp(const void *a, const void *b, size_t len) {
    const uint8_t *x = (const uint8_t *)a;
    const uint8_t *y = (const uint8_t *)b;
    for (; len > 0; len--, x++, y++) {
        if (*x != *y) {
            return *x < *y ? -1 : 1;
        }
    }
    return 0;
}

/* Debian's libgcc for the ESP8266 has no division, as the chip's ROM brings it. */
static uint32_t divide(uint32_t number, uint32_t by, uint32_t *rest) {
    uint32_t quotient = 0;
    uint32_t left = 0;
    for (int bit = 31; bit >= 0; bit--) {
        left = left << 1 | (number >> bit & 1);
        if (left >= by) {
            left -= by;
            quotient |= 1u << bit;
        }
    }
    *rest = left;
    return quotient;
}

uint32_t __udivsi3(uint32_t number, uint32_t by) {
    uint32_t rest;
    return divide(number, by, &rest);
}

uint32_t __umodsi3(uint32_t number, uint32_t by) {
    uint32_t rest;
    divide(number, by, &rest);
    return rest;
}
