/* binary32 in integers. Rounds towards nearest, ties away; flushes subnormals to zero.
 * SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "fw.h"

#define SIGN 0x80000000u
#define INF 0x7F800000u
#define QNAN 0x7FC00000u

static int exponent(f32 a) { return (int)(a >> 23 & 0xFF); }
static uint32_t mantissa(f32 a) { return (a & 0x7FFFFF) | 0x800000; }
static bool is_nan(f32 a) { return (a & ~SIGN) > INF; }

/* m carries 24 bits of value above `extra` bits to round away. */
static f32 pack(uint32_t sign, int e, uint64_t m, int extra)
{
    if (m == 0)
        return sign;
    while (m >> (24 + extra))
        extra++, e++;
    while (!(m >> (23 + extra))) {
        if (extra > 0)
            extra--;
        else
            m <<= 1;
        e--;
    }
    if (extra > 0) {
        m += (uint64_t)1 << (extra - 1);
        if (m >> (24 + extra))
            extra++, e++;
        m >>= extra;
    }
    if (e >= 255)
        return sign | INF;
    if (e <= 0)
        return sign;
    return sign | (uint32_t)e << 23 | ((uint32_t)m & 0x7FFFFF);
}

f32 f32_from_int(int32_t v)
{
    uint32_t sign = v < 0 ? SIGN : 0;
    return pack(sign, 127 + 23, v < 0 ? 0u - (uint32_t)v : (uint32_t)v, 0);
}

int32_t f32_to_int(f32 a)
{
    int e = exponent(a) - 127;
    uint32_t m = mantissa(a);
    if (e < 0 || is_nan(a))
        return 0;
    if (e >= 31)
        return a & SIGN ? INT32_MIN : INT32_MAX;
    m = e >= 23 ? m << (e - 23) : m >> (23 - e);
    return a & SIGN ? -(int32_t)m : (int32_t)m;
}

f32 f32_add(f32 a, f32 b)
{
    if (is_nan(a) || is_nan(b))
        return QNAN;
    if ((a & ~SIGN) < (b & ~SIGN)) {
        f32 t = a;
        a = b;
        b = t;
    }
    int ea = exponent(a), eb = exponent(b);
    if (ea == 255)
        return eb == 255 && ((a ^ b) & SIGN) ? QNAN : a;
    if (eb == 0)
        return ea == 0 ? a & b & SIGN : a;
    uint64_t ma = (uint64_t)mantissa(a) << 8, mb = (uint64_t)mantissa(b) << 8;
    mb = ea - eb > 40 ? 0 : mb >> (ea - eb);
    if ((a ^ b) & SIGN) {
        if (ma == mb)
            return 0;
        return pack(a & SIGN, ea, ma - mb, 8);
    }
    return pack(a & SIGN, ea, ma + mb, 8);
}

f32 f32_sub(f32 a, f32 b) { return f32_add(a, b ^ SIGN); }

f32 f32_mul(f32 a, f32 b)
{
    uint32_t sign = (a ^ b) & SIGN;
    int ea = exponent(a), eb = exponent(b);
    if (is_nan(a) || is_nan(b))
        return QNAN;
    if (ea == 255 || eb == 255)
        return ea == 0 || eb == 0 ? QNAN : sign | INF;
    if (ea == 0 || eb == 0)
        return sign;
    return pack(sign, ea + eb - 127, (uint64_t)mantissa(a) * mantissa(b), 23);
}

f32 f32_div(f32 a, f32 b)
{
    uint32_t sign = (a ^ b) & SIGN;
    int ea = exponent(a), eb = exponent(b);
    if (is_nan(a) || is_nan(b) || (ea == 255 && eb == 255) || (ea == 0 && eb == 0))
        return QNAN;
    if (ea == 255 || eb == 0)
        return sign | INF;
    if (ea == 0 || eb == 255)
        return sign;
    return pack(sign, ea - eb + 127, div64((uint64_t)mantissa(a) << 32, mantissa(b), NULL), 9);
}

int f32_cmp(f32 a, f32 b)
{
    int32_t x = a & SIGN ? -(int32_t)(a & ~SIGN) : (int32_t)a;
    int32_t y = b & SIGN ? -(int32_t)(b & ~SIGN) : (int32_t)b;
    return (x > y) - (x < y);
}

f32 f32_sqrt(f32 a)
{
    if (exponent(a) == 0)
        return 0;
    if (a & SIGN)
        return QNAN;
    f32 x = 0x1FBD1DF5u + (a >> 1);
    for (int i = 0; i < 4; i++)
        x = f32_mul(0x3F000000u, f32_add(x, f32_div(a, x)));
    return x;
}

f32 f32_poly(const f32 *c, int n, f32 x)
{
    f32 y = 0;
    while (n--)
        y = f32_add(f32_mul(y, x), c[n]);
    return y;
}

/* log2 by an odd series on (m-1)/(m+1). */
f32 f32_log2(f32 a)
{
    static const f32 series[] = { 0x4038AA3Bu, 0x3F76384Fu, 0x3F13BB63u, 0x3ED30BB1u };
    if (a & SIGN || exponent(a) == 0)
        return QNAN;
    f32 m = (a & 0x7FFFFF) | 127u << 23, one = 127u << 23;
    f32 t = f32_div(f32_sub(m, one), f32_add(m, one));
    f32 y = f32_mul(t, f32_poly(series, 4, f32_mul(t, t)));
    return f32_add(f32_from_int(exponent(a) - 127), y);
}
