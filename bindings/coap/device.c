/*
 * A device of 16 KiB that updates itself from flashdelta-server by CoAP: it asks what there is, takes
 * the patch block by block, goes on after a reset, starts the new image on trial and confirms it when
 * the server has been reached. SPDX-License-Identifier: MIT OR Apache-2.0
 *
 *     device FOLDER PORT TOKEN POINT
 *
 * FOLDER is the simulated board of bindings/c/board, with the digest of what is in each slot in
 * digest_ota_0 and digest_ota_1; POINT the public key that patches are signed with (x and y in
 * hexadecimal). The server is at 127.0.0.1. Ends with 0 when there is nothing to do (any more), with 3
 * when the board resets.
 */
#define _POSIX_C_SOURCE 200809L

#include "coap.h"

#include <board.h>
#include <update.h>

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Milliseconds that a new image has to reach the server. */
#ifndef TRIAL
#define TRIAL 600000
#endif

/* Blocks of 512 bytes; the state is kept after so many bytes of the patch. */
enum { RESET = 3, EXPONENT = 5, KEEP = 2048, TRIES = 3 };
enum { CONTENT = COAP_CODE(2, 5), CHANGED = COAP_CODE(2, 4), BUSY = COAP_CODE(5, 3), TOO_MANY = COAP_CODE(4, 29) };

/* What the server offers: `digest` is of the patch, `image` of what it makes. */
typedef struct offer {
    char action[24], digest[65], image[65];
} offer;

typedef struct device {
    board flash;
    update at_work;
    flashdelta_psa trusted;
    coap_client client;
    int socket;
    uint8_t datagram[1280];
    char digest[65 + 8]; /* parts of the query: what runs, who asks */
    char token[128];
} device;

static uint32_t milliseconds(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000);
}

/* Sends the request that was begun, until there is an answer; false if there is none. */
static bool ask(device *d, coap_answer *answer) {
    for (;;) {
        struct pollfd here = {0, POLLIN, 0};
        const uint8_t *bytes;
        size_t len;
        int32_t wait;
        ssize_t got;
        coap_taken taken;
        here.fd = d->socket;
        while (coap_to_send(&d->client, milliseconds(), &bytes, &len)) {
            (void)send(d->socket, bytes, len, 0);
        }
        wait = coap_wait(&d->client, milliseconds());
        if (wait < 0) {
            return false;
        }
        if (poll(&here, 1, wait) <= 0) {
            continue;
        }
        got = recv(d->socket, d->datagram, sizeof d->datagram, 0);
        if (got < 0) {
            /* Nobody is there now; that may change while it waits. */
            const struct timespec pause = {0, 50000000};
            (void)nanosleep(&pause, NULL);
            continue;
        }
        taken = coap_take(&d->client, milliseconds(), d->datagram, (size_t)got, answer);
        if (taken == COAP_ANSWERED) {
            while (coap_to_send(&d->client, milliseconds(), &bytes, &len)) {
                (void)send(d->socket, bytes, len, 0);
            }
            return true;
        }
        if (taken == COAP_REFUSED) {
            return false;
        }
    }
}

/* GET of a block; waits where the server says so. */
static bool get(device *d, const char *path, coap_block block, coap_answer *answer) {
    const char *query[3];
    query[0] = d->digest;
    query[1] = "profile=small";
    query[2] = d->token;
    for (;;) {
        if (!coap_begin(&d->client, COAP_GET, path, query, 3, block, NULL, 0) || !ask(d, answer)) {
            return false;
        }
        if (answer->code != BUSY && answer->code != TOO_MANY) {
            return answer->code == CONTENT;
        }
        sleep(answer->max_age < 60 ? answer->max_age : 60);
    }
}

/* A line `name=value` of the offer. */
static bool value_of(const char *text, const char *name, char *to, size_t size) {
    const size_t name_len = strlen(name);
    const char *line = text;
    while (line != NULL && *line != 0) {
        if (strncmp(line, name, name_len) == 0 && line[name_len] == '=') {
            const size_t len = strcspn(line + name_len + 1, "\n");
            if (len >= size) {
                return false;
            }
            memcpy(to, line + name_len + 1, len);
            to[len] = 0;
            return true;
        }
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    return false;
}

/* What there is: 1; nothing: 0; -1: the server was not reached. */
static int look(device *d, offer *found) {
    char text[1024];
    size_t len = 0;
    coap_block block = {0, EXPONENT, false};
    coap_answer answer;
    do {
        if (!get(d, "v1/update/offer", block, &answer)) {
            return -1;
        }
        if (coap_start(&answer) != len || answer.len >= sizeof text - len) {
            return -1;
        }
        memcpy(text + len, answer.payload, answer.len);
        len += answer.len;
        block = answer.block;
        block.number++;
    } while (answer.has_block && answer.block.more);
    text[len] = 0;
    return len != 0 && value_of(text, "action", found->action, sizeof found->action) &&
           value_of(text, "digest", found->digest, sizeof found->digest) &&
           value_of(text, "image", found->image, sizeof found->image) && strlen(found->digest) == 64;
}

static void save(device *d, const char *state, const char *error) {
    job_record *r = &d->flash.record;
    (void)snprintf(r->state, sizeof r->state, "%s", state);
    (void)snprintf(r->error, sizeof r->error, "%s", error);
    (void)board_save(&d->flash);
}

/* Tells the server what has not worked. */
static void report(device *d, const char *action, const char *message) {
    char text[160];
    coap_answer answer;
    const coap_block block = {0, EXPONENT, false};
    const char *query[1];
    query[0] = d->token;
    (void)snprintf(text, sizeof text, "{\"action\": %s, \"result\": \"failure\", \"message\": \"%s\"}", action, message);
    if (coap_begin(&d->client, COAP_POST, "v1/update/report", query, 1, block, (const uint8_t *)text, strlen(text)) &&
        ask(d, &answer) && answer.code == CHANGED) {
        printf("reported: %s\n", message);
    }
}

/* The ETag is the start of the digest. */
static bool is_of(const coap_answer *answer, const char *digest) {
    char hex[17] = "";
    size_t i;
    for (i = 0; i < answer->etag_len; i++) {
        (void)snprintf(hex + 2 * i, sizeof hex - 2 * i, "%02x", answer->etag[i]);
    }
    return answer->etag_len == 8 && strncmp(hex, digest, 16) == 0;
}

/* Takes the patch from where it is; what it has come to, or -1: the server has gone, or has another. */
static int take(device *d, const char *digest, flashdelta_status *status) {
    flashdelta_progress *progress = &d->at_work.progress;
    uint32_t kept = progress->taken;
    uint8_t exponent = EXPONENT;
    int wrong = 0;
    for (;;) {
        coap_block block = {0, 0, false};
        coap_answer answer;
        uint32_t skip;
        block.number = progress->taken >> (exponent + 4);
        block.exponent = exponent;
        if (!get(d, "v1/update", block, &answer) || !is_of(&answer, digest)) {
            return -1;
        }
        /* The server may have made blocks smaller. */
        exponent = answer.has_block ? answer.block.exponent : exponent;
        skip = progress->taken - coap_start(&answer);
        if (coap_start(&answer) > progress->taken || skip > answer.len) {
            return -1;
        }
        *status = update_feed(&d->at_work, answer.payload + skip, answer.len - skip);
        if (*status == FLASHDELTA_ERR_WRONG_CHUNK && ++wrong < TRIES) {
            continue;
        }
        if (*status != FLASHDELTA_OK || !answer.has_block || !answer.block.more) {
            return 0;
        }
        wrong = 0;
        if (progress->taken - kept >= KEEP && update_keep(&d->at_work) == FLASHDELTA_OK) {
            kept = progress->taken;
        }
    }
}

static void path_of(const device *d, const char *slot, char *to, size_t size) {
    (void)snprintf(to, size, "%s/digest_%s", d->flash.folder, slot);
}

/* Which image a slot has. On hardware this is computed, or in the image's own header. */
static void write_digest(const device *d, const char *slot, const char *digest) {
    char path[256];
    FILE *file;
    path_of(d, slot, path, sizeof path);
    file = fopen(path, "w");
    if (file != NULL) {
        (void)fprintf(file, "%s", digest);
        (void)fclose(file);
    }
}

static bool read_digest(device *d) {
    char path[256];
    FILE *file;
    bool is_read;
    path_of(d, d->flash.running, path, sizeof path);
    file = fopen(path, "r");
    memcpy(d->digest, "digest=", 7);
    is_read = file != NULL && fread(d->digest + 7, 1, 64, file) == 64;
    d->digest[7 + 64] = 0;
    if (file != NULL) {
        (void)fclose(file);
    }
    return is_read;
}

/* Updates to what is offered. Gives how the program ends. */
static int update_to(device *d, const offer *found) {
    job_record *r = &d->flash.record;
    flashdelta_status status;
    char error[32];
    /* Of a digest the first half will do. */
    if (strncmp(r->job, found->digest, 32) != 0) {
        d->at_work.where = &d->flash;
        update_forget(&d->at_work);
        (void)snprintf(r->job, sizeof r->job, "%.32s:%s", found->digest, found->action);
    }
    save(d, "taking", "-");
    status = update_begin(&d->at_work, &d->flash, &d->trusted);
    printf("taking from byte %u on\n", (unsigned)d->at_work.progress.taken);
    (void)fflush(stdout);
    if (status == FLASHDELTA_OK && take(d, found->digest, &status) != 0) {
        return 1;
    }
    if (status == FLASHDELTA_OK) {
        /* The record is there before the slot is selected: whatever is started next knows of it. */
        (void)snprintf(r->slot, sizeof r->slot, "%s", d->flash.other);
        save(d, "trial", "-");
        write_digest(d, d->flash.other, found->image);
        status = update_finish(&d->at_work);
    }
    update_forget(&d->at_work);
    if (status == FLASHDELTA_OK) {
        return RESET;
    }
    (void)snprintf(error, sizeof error, "%d", (int)status);
    r->slot[0] = 0;
    save(d, "failed", error);
    report(d, found->action, flashdelta_strerror(status));
    return 1;
}

/* After a start of the new image: whether it stays is decided by whether it reaches the server. */
static int end_trial(device *d, bool is_reached) {
    job_record *r = &d->flash.record;
    const char *action = strchr(r->job, ':');
    if (strcmp(d->flash.running, r->slot) != 0) {
        r->slot[0] = 0;
        save(d, "failed", "rolled-back");
        report(d, action ? action + 1 : "0", "the new image has not reached the server");
        return 1;
    }
    if (!is_reached) {
        return RESET;
    }
    r->slot[0] = 0;
    if (board_confirm(&d->flash) == 0) {
        save(d, "done", "-");
        printf("confirmed\n");
    }
    return 0;
}

static int run(device *d) {
    const uint32_t started = milliseconds();
    const bool is_trial = strcmp(d->flash.record.state, "trial") == 0;
    offer found;
    int there = look(d, &found);
    while (there < 0 && is_trial && milliseconds() - started < TRIAL) {
        there = look(d, &found);
    }
    if (is_trial) {
        const int ended = end_trial(d, there >= 0);
        if (ended != 0 || there <= 0) {
            return ended;
        }
    }
    return there > 0 ? update_to(d, &found) : there == 0 ? 0 : 1;
}

static int connect_to(int port) {
    struct sockaddr_in server;
    const int to = socket(AF_INET, SOCK_DGRAM, 0);
    memset(&server, 0, sizeof server);
    server.sin_family = AF_INET;
    server.sin_port = htons((uint16_t)port);
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return to >= 0 && connect(to, (const struct sockaddr *)&server, sizeof server) == 0 ? to : -1;
}

int main(int argc, char **argv) {
    static device d;
    static flashdelta_psa_key key;
    if (argc != 5 || board_boot(&d.flash, argv[1]) != 0 || !read_digest(&d)) {
        fprintf(stderr, "device FOLDER PORT TOKEN POINT\n");
        return 2;
    }
    if (update_key(&key, argv[4]) != 0) {
        fprintf(stderr, "the key is of no use\n");
        return 2;
    }
    d.trusted.keys = &key;
    d.trusted.count = 1;
    d.socket = connect_to(atoi(argv[2]));
    (void)snprintf(d.token, sizeof d.token, "token=%s", argv[3]);
    /* Any number, another one after each reset. */
    coap_init(&d.client, milliseconds() * 2654435761u ^ (uint32_t)getpid());
    return d.socket < 0 ? 2 : run(&d);
}
