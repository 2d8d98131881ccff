/*
 * A client of CoAP (RFC 7252) with blocks (RFC 7959), for devices: one request at a time. It owns
 * no socket and no clock: whoever has them sends what coap_to_send gives, and hands what comes to
 * coap_take. With DTLS the datagrams go through that. SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef COAP_H
#define COAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the longest request. */
#ifndef COAP_REQUEST
#define COAP_REQUEST 384
#endif
/* Milliseconds before a request is sent again, and how often that is done; the time doubles. */
#ifndef COAP_ACK_TIMEOUT
#define COAP_ACK_TIMEOUT 2000
#endif
#ifndef COAP_MAX_RETRANSMIT
#define COAP_MAX_RETRANSMIT 4
#endif
/* Milliseconds for an answer after the server has said that it will come later. */
#ifndef COAP_SEPARATE
#define COAP_SEPARATE 30000
#endif

/* Codes of answers, class and detail. */
#define COAP_CODE(class, detail) ((uint8_t)((class) << 5 | (detail)))

/* Which block of which size: 16 << exponent bytes, 16 to 1024. */
typedef struct coap_block {
    uint32_t number;
    uint8_t exponent;
    bool more;
} coap_block;

typedef struct coap_answer {
    uint8_t code;
    bool has_block; /* else it is the only one, of number 0 */
    coap_block block;
    uint8_t etag[8];
    size_t etag_len;
    uint32_t max_age; /* seconds; 60 if it does not say */
    const uint8_t *payload;
    size_t len;
} coap_answer;

typedef struct coap_client {
    uint8_t request[COAP_REQUEST];
    size_t request_len; /* 0: there is none */
    uint16_t id;
    uint32_t random;
    uint32_t sent, timeout; /* when, and for how long to wait then, in milliseconds */
    uint8_t tries;          /* how often it has been sent */
    bool is_acknowledged;   /* it is not sent again */
    bool owes;              /* an acknowledgement, of `owed` */
    uint16_t owed;
    uint8_t empty[4];
} coap_client;

typedef enum coap_method { COAP_GET = 1, COAP_POST = 2 } coap_method;

typedef enum coap_taken {
    COAP_NOTHING,  /* nothing that was waited for */
    COAP_ANSWERED, /* the answer: it points into the datagram */
    COAP_REFUSED   /* the server does not know the request */
} coap_taken;

/* Any number as `random`, another one after each reset. */
void coap_init(coap_client *c, uint32_t random);

/*
 * Begins a request, in place of the one before. `path` has `/` between its parts, `query` has a part
 * each. A GET asks for `block`; a POST sends `payload`. False: it is too long.
 */
bool coap_begin(coap_client *c, coap_method method, const char *path, const char *const *query, size_t queries,
                coap_block block, const uint8_t *payload, size_t len);

/* What is to be sent now, at `now` milliseconds of any clock that may wrap; call it until it is false. */
bool coap_to_send(coap_client *c, uint32_t now, const uint8_t **datagram, size_t *len);

/* Milliseconds until coap_to_send has something, if nothing comes; -1: no answer has come in time. */
int32_t coap_wait(const coap_client *c, uint32_t now);

/* Takes a datagram that has come. What is malformed is nothing. */
coap_taken coap_take(coap_client *c, uint32_t now, const uint8_t *datagram, size_t len, coap_answer *answer);

/* Where the payload of an answer begins. */
uint32_t coap_start(const coap_answer *answer);

#endif
