/* Fixed-point filters. Values are thousandths; coefficients are Q14 or Q15.
 * SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "fw.h"

int32_t biquad_step(struct biquad *f, int32_t x)
{
    int64_t acc = (int64_t)f->b0 * x + (int64_t)f->b1 * f->x1 + (int64_t)f->b2 * f->x2
                - (int64_t)f->a1 * f->y1 - (int64_t)f->a2 * f->y2;
    int32_t y = (int32_t)(acc >> 14);
    f->x2 = f->x1;
    f->x1 = x;
    f->y2 = f->y1;
    f->y1 = y;
    return y;
}

int32_t fir_step(const int16_t *taps, int n, int16_t *hist, int *pos, int16_t x)
{
    int32_t acc = 1 << 14;
    hist[*pos] = x;
    int at = *pos;
    for (int i = 0; i < n; i++) {
        acc += taps[i] * hist[at];
        at = at ? at - 1 : n - 1;
    }
    *pos = (*pos + 1) % n;
    return acc >> 15;
}

int32_t median(const int32_t *v, int n)
{
    int32_t s[15];
    if (n > (int)COUNT(s))
        n = COUNT(s);
    for (int i = 0; i < n; i++) {
        int k = i;
        while (k > 0 && s[k - 1] > v[i]) {
            s[k] = s[k - 1];
            k--;
        }
        s[k] = v[i];
    }
#if FW_1_1
    /* Fixed in 1.1: an even count took the upper of the two middle values. */
    if (n % 2 == 0 && n > 0) {
        int32_t lo = s[n / 2 - 1], hi = s[n / 2];
        return lo + (hi - lo) / 2;
    }
#endif
    return s[n / 2];
}

int32_t kalman_step(struct kalman *k, int32_t z)
{
    k->p += k->q;
    int32_t gain = muldiv(k->p, 32768, k->p + k->r);
    k->x += muldiv(z - k->x, gain, 32768);
    k->p = muldiv(k->p, 32768 - gain, 32768);
    return k->x;
}

int32_t sin_q15(uint16_t angle)
{
    uint32_t quadrant = angle >> 14, a = angle & 0x3FFF;
    if (quadrant & 1)
        a = 0x4000 - a;
    uint32_t i = a >> 6, frac = a & 63;
    int32_t v = sine_table[i];
    if (frac)
        v += (sine_table[i + 1] - v) * (int32_t)frac / 64;
    return quadrant & 2 ? -v : v;
}

int32_t interpolate(const int16_t (*table)[2], int n, int32_t x)
{
    int lo = 0, hi = n - 1;
    if (x <= table[0][0])
        return table[0][1];
    if (x >= table[hi][0])
        return table[hi][1];
    while (hi - lo > 1) {
        int mid = (lo + hi) / 2;
        if (table[mid][0] <= x)
            lo = mid;
        else
            hi = mid;
    }
    int32_t dx = table[hi][0] - table[lo][0], dy = table[hi][1] - table[lo][1];
    return table[lo][1] + dy * (x - table[lo][0]) / dx;
}

static struct biquad low_1hz = { 1098, 2196, 1098, -18727, 6735, 0, 0, 0, 0 };
static struct biquad low_5hz = { 4799, 9598, 4799, -3025, 5837, 0, 0, 0, 0 };
static struct biquad notch_50hz = { 15565, -25184, 15565, -25184, 14746, 0, 0, 0, 0 };
static struct kalman slow = { 0, 65536, 12, 9000 }, fast = { 0, 65536, 400, 2500 };

static const int16_t fir_taps[15] = { -62, -190, -171, 601, 2342, 4820, 6993, 7866, 6993, 4820, 2342, 601, -171, -190, -62 };
static struct fir_state { int16_t hist[15]; int pos; } fir_a, fir_b;
static struct median_state { int32_t v[5]; uint8_t n, at; } median_a, median_b;

static int32_t step_biquad(void *s, int32_t x) { return biquad_step(s, x); }
static int32_t step_kalman(void *s, int32_t x) { return kalman_step(s, x); }
static int32_t step_none(void *s, int32_t x) { (void)s; return x; }

static int32_t step_fir(void *s, int32_t x)
{
    struct fir_state *f = s;
    int32_t scaled = x / 16;
    if (scaled > 32767)
        scaled = 32767;
    if (scaled < -32768)
        scaled = -32768;
    return fir_step(fir_taps, COUNT(fir_taps), f->hist, &f->pos, (int16_t)scaled) * 16;
}

static int32_t step_median(void *s, int32_t x)
{
    struct median_state *m = s;
    m->v[m->at] = x;
    m->at = (uint8_t)((m->at + 1) % COUNT(m->v));
    if (m->n < COUNT(m->v))
        m->n++;
    return median(m->v, m->n);
}

const struct filter_bank filter_banks[] = {
    { "none", step_none, NULL },
    { "low-1hz", step_biquad, &low_1hz },
    { "low-5hz", step_biquad, &low_5hz },
    { "notch-50hz", step_biquad, &notch_50hz },
    { "kalman-slow", step_kalman, &slow },
    { "kalman-fast", step_kalman, &fast },
    { "fir-a", step_fir, &fir_a },
    { "fir-b", step_fir, &fir_b },
    { "median-a", step_median, &median_a },
    { "median-b", step_median, &median_b },
};
const int n_filter_banks = COUNT(filter_banks);
