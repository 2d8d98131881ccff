/*
 * The client alone: what it sends, byte by byte; what it does without an answer; and that nothing
 * that comes can harm it. SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include "../coap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                            \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static const char *const QUERY[] = {"profile=small", "a=b"};

static void begin(coap_client *c, uint32_t block) {
    const coap_block third = {block, 2, false};
    coap_init(c, 7);
    CHECK(coap_begin(c, COAP_GET, "v1/update", QUERY, 2, third, NULL, 0));
}

static void what_is_sent(void) {
    /* After head and token: v1, update, the queries, block 3 of 64 bytes. */
    static const uint8_t EXPECTED[] = "\xB2v1\x06update\x4D\x00profile=small\x03"
                                      "a=b\x81\x32";
    coap_client c;
    const uint8_t *sent;
    size_t len;
    begin(&c, 3);
    CHECK(coap_wait(&c, 0) == 0 && coap_to_send(&c, 0, &sent, &len));
    CHECK(sent[0] == 0x44 && sent[1] == 1 && len == 8 + sizeof EXPECTED - 1);
    CHECK(memcmp(sent + 8, EXPECTED, sizeof EXPECTED - 1) == 0);
    CHECK(!coap_begin(&c, COAP_POST, "a", NULL, 0, (coap_block){0, 0, false}, sent, COAP_REQUEST));
}

/* The clock wraps meanwhile. */
static void nobody_answers(void) {
    coap_client c;
    const uint8_t *sent;
    size_t len;
    uint32_t now = UINT32_MAX - 100;
    int count = 0;
    begin(&c, 0);
    while (coap_wait(&c, now) >= 0) {
        now += (uint32_t)coap_wait(&c, now);
        while (coap_to_send(&c, now, &sent, &len)) {
            count++;
        }
    }
    CHECK(count == 1 + COAP_MAX_RETRANSMIT);
    CHECK(now - (UINT32_MAX - 100) >= COAP_ACK_TIMEOUT * 31);
}

/* An answer with ETag, Max-Age, Block2 and a payload; gives its length. */
static size_t answer_to(const coap_client *c, uint8_t *to, unsigned type) {
    static const uint8_t REST[] = "\x44TAGS\xA1\x05\x92\x00\x1A\xFFpay";
    to[0] = (uint8_t)(0x44 | type << 4);
    to[1] = COAP_CODE(2, 5);
    memcpy(to + 2, c->request + 2, 6);
    memcpy(to + 8, REST, sizeof REST - 1);
    return 8 + sizeof REST - 1;
}

static void answers(void) {
    coap_client c;
    coap_answer a;
    uint8_t datagram[64];
    const uint8_t *sent;
    size_t len;
    begin(&c, 1);
    CHECK(coap_take(&c, 0, datagram, answer_to(&c, datagram, 2), &a) == COAP_NOTHING); /* it was not sent yet */
    CHECK(coap_to_send(&c, 0, &sent, &len));
    len = answer_to(&c, datagram, 2);
    datagram[5] ^= 1;
    CHECK(coap_take(&c, 0, datagram, len, &a) == COAP_NOTHING); /* to another question */
    datagram[5] ^= 1;
    CHECK(coap_take(&c, 0, datagram, len, &a) == COAP_ANSWERED);
    CHECK(a.code == COAP_CODE(2, 5) && a.etag_len == 4 && memcmp(a.etag, "TAGS", 4) == 0 && a.max_age == 5);
    CHECK(a.has_block && a.block.number == 1 && a.block.more && a.block.exponent == 2 && coap_start(&a) == 64);
    CHECK(a.len == 3 && memcmp(a.payload, "pay", 3) == 0);
    CHECK(coap_take(&c, 0, datagram, len, &a) == COAP_NOTHING); /* it was answered */
}

/* The server says that the answer comes later; then it comes, and is acknowledged. */
static void separate_answers(void) {
    coap_client c;
    coap_answer a;
    uint8_t datagram[64] = {0x60, 0};
    const uint8_t *sent;
    size_t len;
    begin(&c, 1);
    CHECK(coap_to_send(&c, 0, &sent, &len));
    memcpy(datagram + 2, sent + 2, 2);
    CHECK(coap_take(&c, 5, datagram, 4, &a) == COAP_NOTHING);
    CHECK(!coap_to_send(&c, COAP_ACK_TIMEOUT * 2, &sent, &len));
    CHECK(coap_wait(&c, 5) == COAP_SEPARATE && coap_wait(&c, 5 + COAP_SEPARATE) == -1);
    len = answer_to(&c, datagram, 0);
    datagram[3] ^= 0x55;
    CHECK(coap_take(&c, 9, datagram, len, &a) == COAP_ANSWERED);
    CHECK(coap_to_send(&c, 9, &sent, &len) && len == 4 && sent[0] == 0x60 && sent[1] == 0);
    CHECK(memcmp(sent + 2, datagram + 2, 2) == 0 && !coap_to_send(&c, 9, &sent, &len));
}

/* Damaged in any way: nothing, or an answer whose payload is inside of the datagram. */
static void damage(void) {
    uint32_t random = 1;
    int answered = 0, round;
    for (round = 0; round < 1000000; round++) {
        coap_client c;
        coap_answer a;
        uint8_t bytes[64], *datagram;
        const uint8_t *sent;
        size_t len;
        int changes;
        begin(&c, 1);
        (void)coap_to_send(&c, 0, &sent, &len);
        len = answer_to(&c, bytes, round & 3);
        for (changes = 0; changes < 3; changes++) {
            random = random * 1664525u + 1013904223u;
            bytes[8 + (random >> 8) % (len - 8)] = (uint8_t)(random >> 24);
        }
        len = random % 7 == 0 ? (random >> 4) % (len + 1) : len;
        /* Memory of its own, so that a byte too far is seen. */
        datagram = malloc(len + 1);
        CHECK(datagram != NULL);
        memcpy(datagram + 1, bytes, len);
        if (coap_take(&c, 0, datagram + 1, len, &a) == COAP_ANSWERED) {
            answered++;
            CHECK(a.payload >= datagram + 1 && a.payload + a.len == datagram + 1 + len);
            CHECK(a.etag_len <= 8 && a.block.exponent <= 6);
        }
        free(datagram);
    }
    CHECK(answered > 1000);
}

int main(void) {
    what_is_sent();
    nobody_answers();
    answers();
    separate_answers();
    damage();
    puts("right");
    return 0;
}
