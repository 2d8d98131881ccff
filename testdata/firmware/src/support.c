/* What a C library would give: memory, strings, wide division.
 * SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "fw.h"

void *memcpy(void *d, const void *s, size_t n)
{
    uint8_t *a = d;
    const uint8_t *b = s;
    if ((((uintptr_t)a | (uintptr_t)b) & 3) == 0)
        for (; n >= 4; n -= 4, a += 4, b += 4)
            *(uint32_t *)(void *)a = *(const uint32_t *)(const void *)b;
    while (n--)
        *a++ = *b++;
    return d;
}

void *memmove(void *d, const void *s, size_t n)
{
    uint8_t *a = d;
    const uint8_t *b = s;
    if (a <= b || a >= b + n)
        return memcpy(d, s, n);
    while (n--)
        a[n] = b[n];
    return d;
}

void *memset(void *d, int c, size_t n)
{
    for (uint8_t *a = d; n--;)
        *a++ = (uint8_t)c;
    return d;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *p = a, *q = b;
    for (; n--; p++, q++)
        if (*p != *q)
            return *p - *q;
    return 0;
}

size_t strlen(const char *s)
{
    const char *p = s;
    while (*p)
        p++;
    return (size_t)(p - s);
}

int strcmp(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return (uint8_t)*a - (uint8_t)*b;
}

int strncmp(const char *a, const char *b, size_t n)
{
    for (; n && *a && *a == *b; n--)
        a++, b++;
    return n ? (uint8_t)*a - (uint8_t)*b : 0;
}

char *strchr(const char *s, int c)
{
    for (;; s++) {
        if (*s == (char)c)
            return (char *)(uintptr_t)s;
        if (!*s)
            return NULL;
    }
}

/* Shift and subtract; the cores here have no 64-bit divide. */
uint64_t div64(uint64_t n, uint64_t d, uint64_t *rem)
{
    uint64_t q = 0, r = 0;
    if (d == 0) {
        if (rem)
            *rem = n;
        return UINT64_MAX;
    }
    if ((n >> 32) == 0 && (d >> 32) == 0) {
        if (rem)
            *rem = (uint32_t)n % (uint32_t)d;
        return (uint32_t)n / (uint32_t)d;
    }
    for (int i = 0; i < 64; i++) {
        r = r << 1 | n >> 63;
        n <<= 1;
        q <<= 1;
        if (r >= d) {
            r -= d;
            q |= 1;
        }
    }
    if (rem)
        *rem = r;
    return q;
}

int32_t muldiv(int32_t a, int32_t b, int32_t c)
{
    int64_t p = (int64_t)a * b;
    bool neg = (p < 0) != (c < 0);
    uint64_t q = div64((uint64_t)(p < 0 ? -p : p), (uint64_t)(c < 0 ? -(int64_t)c : c), NULL);
    if (q > INT32_MAX)
        q = INT32_MAX;
    return neg ? -(int32_t)q : (int32_t)q;
}

uint32_t isqrt(uint32_t v)
{
    uint32_t r = 0;
    for (uint32_t bit = 1u << 30; bit; bit >>= 2) {
        if (v >= r + bit) {
            v -= r + bit;
            r = (r >> 1) + bit;
        } else {
            r >>= 1;
        }
    }
    return r;
}

bool parse_int(const char *s, int32_t *out)
{
    bool neg = false;
    uint32_t v = 0, base = 10;
    if (*s == '-' || *s == '+')
        neg = *s++ == '-';
    if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
        base = 16;
        s += 2;
    }
    if (!*s)
        return false;
    for (; *s; s++) {
        uint32_t d;
        if (*s >= '0' && *s <= '9')
            d = (uint32_t)(*s - '0');
        else if ((*s | 32) >= 'a' && (*s | 32) <= 'f')
            d = (uint32_t)((*s | 32) - 'a' + 10);
        else
            return false;
        if (d >= base)
            return false;
        v = v * base + d;
    }
    *out = (int32_t)(neg ? 0 - v : v);
    return true;
}

/* The compiler asks for these on 32-bit cores without wide shifts. Written on
 * halves, so that they do not call themselves. */
#if defined(__riscv) || defined(__XTENSA__)
union wide { uint64_t v; struct { uint32_t lo, hi; } h; };

uint64_t __ashldi3(uint64_t v, int n);
uint64_t __ashldi3(uint64_t v, int n)
{
    union wide w = { v };
    if (n >= 32)
        w.h.hi = w.h.lo << (n - 32), w.h.lo = 0;
    else if (n)
        w.h.hi = w.h.hi << n | w.h.lo >> (32 - n), w.h.lo <<= n;
    return w.v;
}

uint64_t __lshrdi3(uint64_t v, int n);
uint64_t __lshrdi3(uint64_t v, int n)
{
    union wide w = { v };
    if (n >= 32)
        w.h.lo = w.h.hi >> (n - 32), w.h.hi = 0;
    else if (n)
        w.h.lo = w.h.lo >> n | w.h.hi << (32 - n), w.h.hi >>= n;
    return w.v;
}

int64_t __ashrdi3(int64_t v, int n);
int64_t __ashrdi3(int64_t v, int n)
{
    union wide w = { (uint64_t)v };
    if (n >= 32)
        w.h.lo = (uint32_t)((int32_t)w.h.hi >> (n - 32)), w.h.hi = (uint32_t)((int32_t)w.h.hi >> 31);
    else if (n)
        w.h.lo = w.h.lo >> n | w.h.hi << (32 - n), w.h.hi = (uint32_t)((int32_t)w.h.hi >> n);
    return (int64_t)w.v;
}
#endif

/* The boot ROM of the chips has these. The LX106 does not divide. */
#if defined(__XTENSA__)
uint64_t __muldi3(uint64_t a, uint64_t b);
uint64_t __muldi3(uint64_t a, uint64_t b)
{
    union wide x = { a }, y = { b }, r;
    uint32_t al = x.h.lo & 0xFFFF, ah = x.h.lo >> 16, bl = y.h.lo & 0xFFFF, bh = y.h.lo >> 16;
    uint32_t low = al * bl, m1 = ah * bl + (low >> 16), m2 = al * bh + (m1 & 0xFFFF);
    r.h.lo = m2 << 16 | (low & 0xFFFF);
    r.h.hi = ah * bh + (m1 >> 16) + (m2 >> 16) + x.h.lo * y.h.hi + x.h.hi * y.h.lo;
    return r.v;
}

static uint32_t divide(uint32_t n, uint32_t d, uint32_t *rem)
{
    uint32_t q = 0, r = 0;
    for (int i = 31; i >= 0; i--) {
        r = r << 1 | (n >> i & 1);
        if (r >= d) {
            r -= d;
            q |= 1u << i;
        }
    }
    *rem = r;
    return q;
}

uint32_t __udivsi3(uint32_t n, uint32_t d);
uint32_t __udivsi3(uint32_t n, uint32_t d)
{
    uint32_t r;
    return divide(n, d, &r);
}

uint32_t __umodsi3(uint32_t n, uint32_t d);
uint32_t __umodsi3(uint32_t n, uint32_t d)
{
    uint32_t r;
    divide(n, d, &r);
    return r;
}

int32_t __divsi3(int32_t n, int32_t d);
int32_t __divsi3(int32_t n, int32_t d)
{
    uint32_t r, q = divide(n < 0 ? 0 - (uint32_t)n : (uint32_t)n, d < 0 ? 0 - (uint32_t)d : (uint32_t)d, &r);
    return (int32_t)((n < 0) != (d < 0) ? 0 - q : q);
}

int32_t __modsi3(int32_t n, int32_t d);
int32_t __modsi3(int32_t n, int32_t d)
{
    uint32_t r;
    divide(n < 0 ? 0 - (uint32_t)n : (uint32_t)n, d < 0 ? 0 - (uint32_t)d : (uint32_t)d, &r);
    return (int32_t)(n < 0 ? 0 - r : r);
}
#endif
