/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "coap.h"

#include <string.h>

/* Types of messages. */
enum { CONFIRMABLE = 0, NON_CONFIRMABLE = 1, ACKNOWLEDGEMENT = 2, RESET = 3 };
/* Numbers of options. */
enum { ETAG = 4, OBSERVE = 6, URI_PATH = 11, CONTENT_FORMAT = 12, MAX_AGE = 14, URI_QUERY = 15, BLOCK2 = 23, SIZE2 = 28 };
enum { TOKEN = 4, LARGEST = 6, JSON = 50, DEFAULT_MAX_AGE = 60 };

/* Marsaglia: "Xorshift RNGs", 2003. */
static uint32_t next_random(coap_client *c) {
    c->random ^= c->random << 13;
    c->random ^= c->random >> 17;
    c->random ^= c->random << 5;
    return c->random;
}

void coap_init(coap_client *c, uint32_t random) {
    memset(c, 0, sizeof *c);
    c->random = random | 1;
    c->id = (uint16_t)next_random(c);
}

/* A request that is being written; too much for it is dropped, and remembered. */
typedef struct writer {
    uint8_t *bytes;
    size_t len;
    uint32_t option;
    bool is_full;
} writer;

static void put(writer *w, const void *bytes, size_t len) {
    if (len > COAP_REQUEST - w->len) {
        w->is_full = true;
    } else if (len != 0) {
        memcpy(w->bytes + w->len, bytes, len);
        w->len += len;
    }
}

static void put_byte(writer *w, unsigned byte) {
    const uint8_t one = (uint8_t)byte;
    put(w, &one, 1);
}

/* Options come in ascending order; none of ours is further than 12 from the one before. */
static void put_option(writer *w, uint32_t number, const void *value, size_t len) {
    const uint32_t delta = number - w->option;
    if (len > 268 || delta > 12) {
        w->is_full = true;
        return;
    }
    put_byte(w, delta << 4 | (unsigned)(len < 13 ? len : 13));
    if (len >= 13) {
        put_byte(w, (unsigned)(len - 13));
    }
    put(w, value, len);
    w->option = number;
}

/* An unsigned number, as few bytes as will do. */
static void put_number(writer *w, uint32_t number, uint32_t value) {
    uint8_t bytes[4];
    size_t len = 0;
    int shift;
    for (shift = 24; shift >= 0; shift -= 8) {
        if (len != 0 || value >> shift != 0) {
            bytes[len++] = (uint8_t)(value >> shift);
        }
    }
    put_option(w, number, bytes, len);
}

static void put_path(writer *w, const char *path) {
    while (*path != 0) {
        const size_t len = strcspn(path, "/");
        if (len != 0) {
            put_option(w, URI_PATH, path, len);
        }
        path += len + (path[len] == '/');
    }
}

bool coap_begin(coap_client *c, coap_method method, const char *path, const char *const *query, size_t queries,
                coap_block block, const uint8_t *payload, size_t len) {
    writer w = {c->request, 0, 0, false};
    const uint32_t token = next_random(c);
    size_t i;
    c->id++;
    put_byte(&w, 1 << 6 | CONFIRMABLE << 4 | TOKEN);
    put_byte(&w, (unsigned)method);
    put_byte(&w, c->id >> 8);
    put_byte(&w, c->id);
    put(&w, &token, TOKEN);
    put_path(&w, path);
    if (method == COAP_POST) {
        put_number(&w, CONTENT_FORMAT, JSON);
    }
    for (i = 0; i < queries; i++) {
        put_option(&w, URI_QUERY, query[i], strlen(query[i]));
    }
    if (method == COAP_GET) {
        put_number(&w, BLOCK2, block.number << 4 | block.exponent);
    }
    if (len != 0) {
        put_byte(&w, 0xFF);
        put(&w, payload, len);
    }
    c->request_len = w.is_full ? 0 : w.len;
    c->tries = 0;
    c->is_acknowledged = false;
    return !w.is_full;
}

bool coap_to_send(coap_client *c, uint32_t now, const uint8_t **datagram, size_t *len) {
    if (c->owes) {
        c->owes = false;
        c->empty[0] = 1 << 6 | ACKNOWLEDGEMENT << 4;
        c->empty[1] = 0;
        c->empty[2] = (uint8_t)(c->owed >> 8);
        c->empty[3] = (uint8_t)c->owed;
        *datagram = c->empty;
        *len = sizeof c->empty;
        return true;
    }
    if (c->request_len == 0 || c->is_acknowledged || c->tries > COAP_MAX_RETRANSMIT) {
        return false;
    }
    if (c->tries != 0 && now - c->sent < c->timeout) {
        return false;
    }
    /* The first time is 1 to 1.5 of the timeout, so that many do not send in step. */
    c->timeout = c->tries == 0 ? COAP_ACK_TIMEOUT + next_random(c) % (COAP_ACK_TIMEOUT / 2) : c->timeout * 2;
    c->sent = now;
    c->tries++;
    *datagram = c->request;
    *len = c->request_len;
    return true;
}

int32_t coap_wait(const coap_client *c, uint32_t now) {
    const uint32_t passed = now - c->sent;
    if (c->request_len == 0) {
        return -1;
    }
    if (c->tries == 0 || c->owes) {
        return 0;
    }
    if (passed < c->timeout) {
        return (int32_t)(c->timeout - passed);
    }
    return c->is_acknowledged || c->tries > COAP_MAX_RETRANSMIT ? -1 : 0;
}

/* A datagram that is being read. */
typedef struct reader {
    const uint8_t *at, *end;
} reader;

/* The delta or the length of an option: its four bits, and what extends them. */
static bool extended(reader *r, unsigned nibble, uint32_t *value) {
    const size_t more = nibble < 13 ? 0 : nibble - 12;
    if (nibble == 15 || (size_t)(r->end - r->at) < more) {
        return false;
    }
    *value = more == 0 ? nibble : more == 1 ? 13u + r->at[0] : 269u + ((uint32_t)r->at[0] << 8 | r->at[1]);
    r->at += more;
    return true;
}

static bool number_of(const uint8_t *bytes, size_t len, size_t most, uint32_t *value) {
    size_t i;
    *value = 0;
    for (i = 0; i < len && i < 4; i++) {
        *value = *value << 8 | bytes[i];
    }
    return len <= most;
}

static bool take_option(coap_answer *a, uint32_t number, const uint8_t *value, size_t len) {
    uint32_t block;
    switch (number) {
    case ETAG:
        if (len == 0 || len > sizeof a->etag) {
            return false;
        }
        memcpy(a->etag, value, len);
        a->etag_len = len;
        return true;
    case MAX_AGE:
        return number_of(value, len, 4, &a->max_age);
    case BLOCK2:
        if (!number_of(value, len, 3, &block) || (block & 7) > LARGEST) {
            return false;
        }
        a->has_block = true;
        a->block.number = block >> 4;
        a->block.more = (block & 8) != 0;
        a->block.exponent = (uint8_t)(block & 7);
        return true;
    default:
        /* An odd number is of an option that has to be understood. */
        return (number & 1) == 0;
    }
}

static bool take_options(coap_answer *a, reader *r) {
    uint32_t number = 0;
    while (r->at != r->end && *r->at != 0xFF) {
        const unsigned head = *r->at++;
        uint32_t delta, len;
        if (!extended(r, head >> 4, &delta) || !extended(r, head & 15, &len) || len > (size_t)(r->end - r->at)) {
            return false;
        }
        number += delta;
        if (!take_option(a, number, r->at, len)) {
            return false;
        }
        r->at += len;
    }
    if (r->at != r->end && ++r->at == r->end) {
        return false; /* the mark of a payload, and none */
    }
    a->payload = r->at;
    a->len = (size_t)(r->end - r->at);
    return true;
}

coap_taken coap_take(coap_client *c, uint32_t now, const uint8_t *datagram, size_t len, coap_answer *answer) {
    reader r;
    unsigned type;
    uint16_t id;
    if (c->request_len == 0 || c->tries == 0 || len < 4 || datagram[0] >> 6 != 1) {
        return COAP_NOTHING;
    }
    type = datagram[0] >> 4 & 3;
    id = (uint16_t)(datagram[2] << 8 | datagram[3]);
    if ((type == ACKNOWLEDGEMENT || type == RESET) && id != c->id) {
        return COAP_NOTHING;
    }
    if (type == RESET) {
        c->request_len = 0;
        return COAP_REFUSED;
    }
    if (datagram[1] == 0) {
        if (type == ACKNOWLEDGEMENT && len == 4) { /* the answer comes by itself */
            c->is_acknowledged = true;
            c->sent = now;
            c->timeout = COAP_SEPARATE;
        }
        return COAP_NOTHING;
    }
    if ((datagram[0] & 15) != TOKEN || len < 4 + TOKEN || memcmp(datagram + 4, c->request + 4, TOKEN) != 0 ||
        datagram[1] >> 5 < 2) {
        return COAP_NOTHING;
    }
    memset(answer, 0, sizeof *answer);
    answer->code = datagram[1];
    answer->max_age = DEFAULT_MAX_AGE;
    r.at = datagram + 4 + TOKEN;
    r.end = datagram + len;
    if (!take_options(answer, &r)) {
        return COAP_NOTHING;
    }
    if (type == CONFIRMABLE) {
        c->owes = true;
        c->owed = id;
    }
    c->request_len = 0;
    return COAP_ANSWERED;
}

uint32_t coap_start(const coap_answer *answer) {
    return answer->has_block ? answer->block.number << (answer->block.exponent + 4) : 0;
}
