/* A packet link on the second serial port: COBS frames with a checksum, blocks from a pool.
 * SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "fw.h"

struct packet { struct packet *next; uint16_t len; uint8_t type, seq; uint8_t data[120]; };

static uint8_t arena[8 * sizeof(struct packet)] __attribute__((aligned(4)));
static struct pool pool;
static struct packet *outgoing, **outgoing_tail = &outgoing;
static uint8_t seq;
static struct { uint32_t sent, received, bad, dropped; } counters;

size_t cobs_encode(const uint8_t *in, size_t n, uint8_t *out)
{
    uint8_t *o = out + 1, *code = out, run = 1;
    for (size_t i = 0; i < n; i++) {
        if (in[i]) {
            *o++ = in[i];
            run++;
        }
        if (!in[i] || run == 0xFF) {
            *code = run;
            code = o++;
            run = 1;
        }
    }
    *code = run;
    *o++ = 0;
    return (size_t)(o - out);
}

size_t cobs_decode(const uint8_t *in, size_t n, uint8_t *out)
{
    uint8_t *o = out;
    size_t i = 0;
    while (i < n) {
        uint8_t run = in[i++];
        if (run == 0 || i + run - 1u > n)
            return 0;
        for (uint8_t k = 1; k < run; k++)
            *o++ = in[i++];
        if (run != 0xFF && i < n)
            *o++ = 0;
    }
    return (size_t)(o - out);
}

static struct packet *new_packet(uint8_t type)
{
    struct packet *p = pool_get(&pool);
    if (!p) {
        counters.dropped++;
        log_at(LOG_WARN, "link", "no block for a packet of type %u", (uint32_t)type);
        return NULL;
    }
    *p = (struct packet){ .type = type, .seq = seq++ };
    return p;
}

static void send(struct packet *p)
{
    *outgoing_tail = p;
    outgoing_tail = &p->next;
}

static void on_ping(const uint8_t *d, size_t n)
{
    struct packet *p = new_packet(0x81);
    if (!p)
        return;
    p->len = (uint16_t)(n < sizeof p->data ? n : sizeof p->data);
    memcpy(p->data, d, p->len);
    send(p);
}

static void on_report(const uint8_t *d, size_t n)
{
    (void)d;
    (void)n;
    struct packet *p = new_packet(0x82);
    if (!p)
        return;
    int len = report_cbor(p->data, sizeof p->data);
    p->len = (uint16_t)(len > 0 ? len : 0);
    send(p);
}

static void on_set(const uint8_t *d, size_t n)
{
    char key[24], value[24];
    size_t k = 0;
    while (k < n && k < sizeof key - 1 && d[k] != '=') {
        key[k] = (char)d[k];
        k++;
    }
    key[k] = 0;
    size_t v = 0;
    for (k++; k < n && v < sizeof value - 1; k++)
        value[v++] = (char)d[k];
    value[v] = 0;
    int e = settings_set(key, value);
    struct packet *p = new_packet(0x83);
    if (!p)
        return;
    p->len = (uint16_t)format((char *)p->data, sizeof p->data, "%s: %s", key, error_text(e));
    send(p);
}

static void on_modbus(const uint8_t *d, size_t n)
{
    struct packet *p = new_packet(0x84);
    if (!p)
        return;
    p->len = (uint16_t)modbus_handle(d, n, p->data);
    send(p);
}

static void on_event(const uint8_t *d, size_t n)
{
    if (n && d[0] < EV_COUNT)
        fsm_post(d[0]);
}

#if FW_1_1
static void on_ack(const uint8_t *d, size_t n)
{
    (void)d;
    (void)n;
    struct packet *p = new_packet(0x86);
    fsm_post(EV_ACK);
    if (!p)
        return;
    p->len = (uint16_t)format((char *)p->data, sizeof p->data, "%d alarms acknowledged", alarm_count());
    send(p);
}
#endif

static const struct handler { uint8_t type; const char *name; void (*run)(const uint8_t *, size_t); } handlers[] = {
    { 0x01, "ping", on_ping }, { 0x02, "report", on_report }, { 0x03, "set", on_set }, { 0x04, "modbus", on_modbus }, { 0x05, "event", on_event },
#if FW_1_1
    { 0x06, "ack", on_ack },
#endif
};

static void receive(const uint8_t *p, size_t n)
{
    if (n < 4 || crc16_ccitt(p, n - 2) != (uint16_t)(p[n - 2] << 8 | p[n - 1])) {
        counters.bad++;
        return;
    }
    counters.received++;
    for (size_t i = 0; i < COUNT(handlers); i++)
        if (handlers[i].type == p[0]) {
            log_at(LOG_DEBUG, "link", "%s, %u bytes", handlers[i].name, (uint32_t)n);
            handlers[i].run(p + 2, n - 4);
            return;
        }
    log_at(LOG_DEBUG, "link", "unknown packet type %u", (uint32_t)p[0]);
}

static void transmit(void)
{
    uint8_t raw[128], wire[136];
    while (outgoing) {
        struct packet *p = outgoing;
        outgoing = p->next;
        if (!outgoing)
            outgoing_tail = &outgoing;
        raw[0] = p->type;
        raw[1] = p->seq;
        memcpy(raw + 2, p->data, p->len);
        uint16_t crc = crc16_ccitt(raw, p->len + 2u);
        raw[p->len + 2] = (uint8_t)(crc >> 8);
        raw[p->len + 3] = (uint8_t)crc;
        size_t n = cobs_encode(raw, p->len + 4u, wire);
        spi_transfer(7, wire, NULL, n);
        counters.sent++;
        pool_put(&pool, p);
    }
}

void link_task(void)
{
    static uint8_t buf[160], plain[160];
    static size_t len;
    if (!pool.base)
        pool_init(&pool, arena, sizeof(struct packet), 8);
    uint8_t c;
    while (spi_transfer(6, NULL, &c, 1) == OK && c != 0xFF) {
        if (c) {
            if (len < sizeof buf)
                buf[len++] = c;
            continue;
        }
        size_t n = cobs_decode(buf, len, plain);
        len = 0;
        if (n)
            receive(plain, n);
        else
            counters.bad++;
    }
    transmit();
}
