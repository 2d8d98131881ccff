/* Reports as CBOR, and a printer of CBOR for the shell.
 * SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "fw.h"

static void byte(struct cbor *c, uint8_t b)
{
    if (c->p < c->end)
        *c->p++ = b;
    else
        c->error = E_FULL;
}

static void head(struct cbor *c, uint8_t major, uint32_t v)
{
    major = (uint8_t)(major << 5);
    if (v < 24) {
        byte(c, (uint8_t)(major | v));
    } else if (v < 256) {
        byte(c, major | 24);
        byte(c, (uint8_t)v);
    } else if (v < 65536) {
        byte(c, major | 25);
        byte(c, (uint8_t)(v >> 8));
        byte(c, (uint8_t)v);
    } else {
        byte(c, major | 26);
        for (int s = 24; s >= 0; s -= 8)
            byte(c, (uint8_t)(v >> s));
    }
}

void cbor_uint(struct cbor *c, uint32_t v) { head(c, 0, v); }
void cbor_int(struct cbor *c, int32_t v) { v < 0 ? head(c, 1, ~(uint32_t)v) : head(c, 0, (uint32_t)v); }
void cbor_array(struct cbor *c, uint32_t n) { head(c, 4, n); }
void cbor_map(struct cbor *c, uint32_t n) { head(c, 5, n); }

void cbor_bytes(struct cbor *c, const void *p, size_t n)
{
    const uint8_t *b = p;
    head(c, 2, (uint32_t)n);
    while (n--)
        byte(c, *b++);
}

void cbor_str(struct cbor *c, const char *s)
{
    head(c, 3, (uint32_t)strlen(s));
    while (*s)
        byte(c, (uint8_t)*s++);
}

void cbor_f32(struct cbor *c, f32 v)
{
    byte(c, 0xFA);
    for (int s = 24; s >= 0; s -= 8)
        byte(c, (uint8_t)(v >> s));
}

int report_cbor(uint8_t *buf, size_t cap)
{
    struct cbor c = { buf, buf + cap, OK };
    uint32_t present = 0;
    for (int i = 0; i < n_sensors; i++)
        present += sensors[i].present;
    cbor_map(&c, 4);
    cbor_str(&c, "fw");
    cbor_str(&c, FW_VERSION);
    cbor_str(&c, "up");
    cbor_uint(&c, ticks);
    cbor_str(&c, "st");
    cbor_str(&c, fsm_state_name());
    cbor_str(&c, "s");
    cbor_array(&c, present);
    for (int i = 0; i < n_sensors; i++) {
        struct sensor *s = &sensors[i];
        if (!s->present)
            continue;
        cbor_array(&c, 2u + s->n_channels);
        cbor_str(&c, s->name);
        cbor_uint(&c, s->errors);
        for (int k = 0; k < s->n_channels; k++)
            cbor_f32(&c, f32_div(f32_from_int(s->last[k]), 0x447A0000u));
    }
    return c.error == OK ? (int)(c.p - buf) : c.error;
}

struct scan { const uint8_t *p, *end; uint8_t depth; };

static int item(struct scan *s)
{
    if (s->p >= s->end || s->depth > 6)
        return E_PARSE;
    uint8_t b = *s->p++, major = b >> 5, info = b & 31;
    uint32_t v = info;
    if (info >= 24) {
        if (info > 26)
            return E_UNSUPPORTED;
        v = 0;
        for (int n = 1 << (info - 24); n--;) {
            if (s->p >= s->end)
                return E_PARSE;
            v = v << 8 | *s->p++;
        }
    }
    int e = OK;
    switch (major) {
    case 0: print("%u", v); break;
    case 1: print("-%u", v + 1); break;
    case 2:
        print("h'");
        for (; v && s->p < s->end; v--)
            print("%02x", (uint32_t)*s->p++);
        print("'");
        break;
    case 3:
        print("\"");
        for (; v && s->p < s->end; v--)
            print("%c", *s->p++);
        print("\"");
        break;
    case 4:
    case 5:
        print(major == 4 ? "[" : "{");
        s->depth++;
        for (uint32_t i = 0; i < v && e == OK; i++) {
            if (i)
                print(", ");
            e = item(s);
            if (major == 5 && e == OK) {
                print(": ");
                e = item(s);
            }
        }
        s->depth--;
        print(major == 4 ? "]" : "}");
        break;
    case 6:
        print("%u(", v);
        e = item(s);
        print(")");
        break;
    default:
        switch (info) {
        case 20: print("false"); break;
        case 21: print("true"); break;
        case 22: print("null"); break;
        case 26: print("%q", f32_to_int(f32_mul(v, 0x447A0000u))); break;
        default: print("simple(%u)", v);
        }
    }
    return e;
}

int cbor_diagnose(const uint8_t *p, size_t n)
{
    struct scan s = { p, p + n, 0 };
    int e = item(&s);
    print("\n");
    return e;
}
