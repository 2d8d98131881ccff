/* A small printf: %d %u %x %c %s %%, %q (fixed point, thousandths), widths and zero padding.
 * SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "fw.h"

static void put_text(putc_fn put, void *ctx, const char *s, int len, int width, char pad, bool left)
{
    if (!left)
        for (int i = len; i < width; i++)
            put(ctx, pad);
    for (int i = 0; i < len; i++)
        put(ctx, s[i]);
    if (left)
        for (int i = len; i < width; i++)
            put(ctx, ' ');
}

static char *digits(char *end, uint32_t v, uint32_t base, int min)
{
    do {
        *--end = "0123456789abcdef"[v % base];
        v /= base;
    } while (--min > 0 || v);
    return end;
}

void vformat(putc_fn put, void *ctx, const char *f, va_list ap)
{
    char tmp[24], *end = tmp + sizeof tmp;
    for (; *f; f++) {
        if (*f != '%') {
            put(ctx, *f);
            continue;
        }
        bool left = false;
        char pad = ' ';
        int width = 0;
        f++;
        if (*f == '-') {
            left = true;
            f++;
        }
        if (*f == '0') {
            pad = '0';
            f++;
        }
        while (*f >= '0' && *f <= '9')
            width = width * 10 + (*f++ - '0');
        char *p = end;
        switch (*f) {
        case 'd': {
            int32_t v = va_arg(ap, int32_t);
            p = digits(end, v < 0 ? 0u - (uint32_t)v : (uint32_t)v, 10, 1);
            if (v < 0)
                *--p = '-';
            break;
        }
        case 'u': p = digits(end, va_arg(ap, uint32_t), 10, 1); break;
        case 'x': p = digits(end, va_arg(ap, uint32_t), 16, 1); break;
        case 'q': {
            int32_t v = va_arg(ap, int32_t);
            uint32_t a = v < 0 ? 0u - (uint32_t)v : (uint32_t)v;
            p = digits(end, a % 1000, 10, 3);
            *--p = '.';
            p = digits(p, a / 1000, 10, 1);
            if (v < 0)
                *--p = '-';
            break;
        }
        case 'c': *--p = (char)va_arg(ap, int); break;
        case 's': {
            const char *s = va_arg(ap, const char *);
            if (!s)
                s = "(null)";
            put_text(put, ctx, s, (int)strlen(s), width, ' ', left);
            continue;
        }
        case '%': *--p = '%'; break;
        case 0: return;
        default:
            put(ctx, '%');
            put(ctx, *f);
            continue;
        }
        put_text(put, ctx, p, (int)(end - p), width, pad, left);
    }
}

struct span { char *p, *end; };

static void put_span(void *ctx, char c)
{
    struct span *s = ctx;
    if (s->p < s->end)
        *s->p++ = c;
}

int format(char *buf, size_t cap, const char *f, ...)
{
    struct span s = { buf, buf + cap - 1 };
    va_list ap;
    va_start(ap, f);
    vformat(put_span, &s, f, ap);
    va_end(ap);
    *s.p = 0;
    return (int)(s.p - buf);
}

static void put_uart(void *ctx, char c)
{
    (void)ctx;
    uart_putc(c);
}

void print(const char *f, ...)
{
    va_list ap;
    va_start(ap, f);
    vformat(put_uart, NULL, f, ap);
    va_end(ap);
}
