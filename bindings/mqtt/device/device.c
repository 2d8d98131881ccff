/*
 * A device of a fleet over MQTT: takes commands, asks for pieces of a patch, feeds them to the
 * applier, tells how far it is. SPDX-License-Identifier: MIT OR Apache-2.0
 *
 *     device FOLDER NAME PORT PASSWORD POINT
 *
 * FOLDER is the simulated board, POINT the public key that patches are signed with (x and y in
 * hexadecimal). It ends with 3 when the board resets. The client is libmosquitto, which runs on
 * hosts; on a device it is the one of the maker, esp-mqtt or coreMQTT, say.
 */
#define _POSIX_C_SOURCE 200809L

#include <board.h>
#include <update.h>

#include <mosquitto.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Milliseconds, which a product sets with -D: after so long without a piece it is asked for again, */
#ifndef PATIENCE
#define PATIENCE 3000
#endif
/* so long it waits before it connects again, */
#ifndef RETRY
#define RETRY 5000
#endif
/* and so long an image on trial has to reach the broker. */
#ifndef TRIAL
#define TRIAL 600000
#endif

enum { RESET = 3, FIRST_WINDOW = 1024, LAST_WINDOW = 8192, TRIES = 3 };

typedef struct device {
    struct mosquitto *client;
    board flash;
    update at_work;
    flashdelta_psa trusted;
    const char *name;
    char version[16];
    bool is_sick, is_deaf;
    bool is_busy;    /* an update is under way */
    bool is_resetting;
    uint32_t size;   /* of the patch */
    uint32_t until;  /* what has been asked for ends there */
    uint32_t window; /* how much is asked for at once */
    int wrong;       /* chunks that have come damaged, one after the other */
    int64_t asked, started;
} device;

static int64_t milliseconds(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void publish(device *d, const char *what, const char *text, int qos, bool retain) {
    char topic[96];
    (void)snprintf(topic, sizeof topic, "fleet/%s/%s", d->name, what);
    (void)mosquitto_publish(d->client, NULL, topic, (int)strlen(text), text, qos, retain);
}

static void tell(device *d) {
    char text[384], more[96] = "";
    const job_record *r = &d->flash.record;
    const bool has_error = r->error[0] && strcmp(r->error, "-") != 0;
    if (d->is_busy) {
        (void)snprintf(more, sizeof more, ", \"at\": %u, \"of\": %u, \"made\": %u", (unsigned)d->at_work.progress.taken,
                       (unsigned)d->size, (unsigned)d->at_work.progress.written);
    }
    (void)snprintf(text, sizeof text, "{\"state\": \"%s\", \"version\": \"%s\", \"slot\": \"%s\", \"job\": \"%s\"%s%s%s%s}", r->state,
                   d->version, d->flash.running, r->job, more, has_error ? ", \"error\": \"" : "", has_error ? r->error : "",
                   has_error ? "\"" : "");
    publish(d, "status", text, 1, true);
}

static void ask(device *d) {
    char text[160];
    const uint32_t at = d->at_work.progress.taken;
    d->asked = milliseconds();
    d->until = d->size - at > d->window ? at + d->window : d->size;
    (void)snprintf(text, sizeof text, "{\"job\": \"%s\", \"at\": %u, \"count\": %u}", d->flash.record.job, (unsigned)at,
                   (unsigned)(d->until - at));
    publish(d, "request", text, 0, false);
}

static void end(device *d, const char *state, const char *error) {
    job_record *r = &d->flash.record;
    (void)snprintf(r->state, sizeof r->state, "%s", state);
    (void)snprintf(r->error, sizeof r->error, "%s", error);
    r->slot[0] = 0;
    (void)board_save(&d->flash);
    d->is_busy = false;
}

static void fail(device *d, flashdelta_status status) {
    char error[32];
    fprintf(stderr, "the update has failed: %s\n", flashdelta_strerror(status));
    (void)snprintf(error, sizeof error, "%d", (int)status);
    update_forget(&d->at_work);
    end(d, "failed", error);
    tell(d);
}

/* The value of a text or number in a flat JSON object; false if it is not there or too long. */
static bool value_of(const char *json, const char *name, char *to, size_t size) {
    char key[24];
    size_t len = 0;
    const char *at;
    (void)snprintf(key, sizeof key, "\"%s\":", name);
    at = strstr(json, key);
    if (at == NULL) {
        return false;
    }
    for (at += strlen(key); *at == ' ' || *at == '"';) {
        at++;
    }
    while (at[len] && strchr("\",} ", at[len]) == NULL) {
        len++;
    }
    if (len == 0 || len >= size) {
        return false;
    }
    memcpy(to, at, len);
    to[len] = 0;
    return true;
}

static void take_command(device *d, const char *json) {
    job_record *r = &d->flash.record;
    char job[64], size[16];
    flashdelta_status status;
    if (!value_of(json, "job", job, sizeof job) || !value_of(json, "size", size, sizeof size)) {
        d->is_busy = false; /* the command has been taken back */
        return;
    }
    if (strcmp(job, r->job) == 0 && (d->is_busy || strcmp(r->state, "taking") != 0)) {
        return; /* under way, or over: what is retained says so again and again */
    }
    if (strcmp(job, r->job) != 0) {
        d->at_work.where = &d->flash;
        update_forget(&d->at_work);
        memcpy(r->job, job, sizeof job);
        end(d, "taking", "-");
    }
    d->size = (uint32_t)strtoul(size, NULL, 10);
    d->is_busy = true;
    d->wrong = 0;
    status = update_begin(&d->at_work, &d->flash, &d->trusted);
    if (status != FLASHDELTA_OK) {
        fail(d, status);
        return;
    }
    printf("taking from byte %u on\n", (unsigned)d->at_work.progress.taken);
    (void)fflush(stdout);
    tell(d);
    ask(d);
}

/* The record is there before the slot is selected: whatever is started next knows of it. */
static void complete(device *d) {
    job_record *r = &d->flash.record;
    flashdelta_status status;
    if (!d->at_work.progress.done) {
        fail(d, FLASHDELTA_ERR_TRUNCATED);
        return;
    }
    (void)snprintf(r->state, sizeof r->state, "trial");
    (void)snprintf(r->slot, sizeof r->slot, "%s", d->flash.other);
    (void)board_save(&d->flash);
    status = update_finish(&d->at_work);
    if (status != FLASHDELTA_OK) {
        fail(d, status);
        return;
    }
    update_forget(&d->at_work);
    d->is_busy = false;
    tell(d);
    d->is_resetting = true;
}

/* A piece that is not the next one does no harm. */
static void take_piece(device *d, const uint8_t *bytes, size_t len) {
    flashdelta_status status;
    uint32_t at;
    if (!d->is_busy || len < 5) {
        return;
    }
    at = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
    if (at != d->at_work.progress.taken || len - 4 > d->size - at) {
        return;
    }
    status = update_feed(&d->at_work, bytes + 4, len - 4);
    d->asked = milliseconds();
    if (status == FLASHDELTA_ERR_WRONG_CHUNK && ++d->wrong < TRIES) {
        ask(d);
    } else if (status != FLASHDELTA_OK) {
        fail(d, status);
    } else if (d->at_work.progress.taken == d->size) {
        complete(d);
    } else if (d->at_work.progress.taken >= d->until) {
        d->wrong = 0;
        if (d->window < LAST_WINDOW) {
            d->window *= 2;
        }
        /* Before the header is whole there is nothing to keep, which is as well. */
        (void)update_keep(&d->at_work);
        tell(d);
        ask(d);
    }
}

static void on_message(struct mosquitto *client, void *user, const struct mosquitto_message *message) {
    device *d = (device *)user;
    const size_t len = strlen(message->topic);
    (void)client;
    if (d->is_resetting) {
        return;
    }
    if (len > 7 && strcmp(message->topic + len - 7, "command") == 0) {
        char json[512];
        const size_t size = message->payloadlen < (int)sizeof json ? (size_t)message->payloadlen : sizeof json - 1;
        memcpy(json, message->payload ? message->payload : "", message->payload ? size : 0);
        json[size] = 0;
        take_command(d, json);
    } else {
        take_piece(d, (const uint8_t *)message->payload, (size_t)message->payloadlen);
    }
}

/* The first connection after an update decides about the new image. */
static void end_trial(device *d) {
    if (strcmp(d->flash.running, d->flash.record.slot) != 0) {
        end(d, "failed", "rolled-back");
    } else if (d->is_sick) {
        d->is_resetting = true;
    } else if (board_confirm(&d->flash) == 0) {
        end(d, "done", "-");
    }
}

static void on_connect(struct mosquitto *client, void *user, int refused) {
    device *d = (device *)user;
    char topic[96];
    if (refused) {
        return;
    }
    /* What is under way when a connection is cut is lost: with a bad network little is. */
    d->window = FIRST_WINDOW;
    publish(d, "online", "1", 1, true);
    if (strcmp(d->flash.record.state, "trial") == 0) {
        end_trial(d);
    }
    tell(d);
    (void)snprintf(topic, sizeof topic, "fleet/%s/command", d->name);
    (void)mosquitto_subscribe(client, NULL, topic, 1);
    (void)snprintf(topic, sizeof topic, "fleet/%s/piece", d->name);
    (void)mosquitto_subscribe(client, NULL, topic, 0);
    if (d->is_busy) {
        ask(d);
    }
}

/* Until the board resets. */
static void run(device *d, int port) {
    const struct timespec pause = {RETRY / 1000, RETRY % 1000 * 1000000L};
    bool is_connected = mosquitto_connect(d->client, "127.0.0.1", port, 5) == MOSQ_ERR_SUCCESS;
    while (!d->is_resetting) {
        if (!is_connected) {
            if (strcmp(d->flash.record.state, "trial") == 0 && milliseconds() - d->started > TRIAL) {
                return; /* the image on trial has not reached the broker */
            }
            (void)nanosleep(&pause, NULL);
            is_connected = mosquitto_reconnect(d->client) == MOSQ_ERR_SUCCESS;
        } else if (mosquitto_loop(d->client, 20, 1) != MOSQ_ERR_SUCCESS) {
            is_connected = false;
        } else if (d->is_busy && milliseconds() - d->asked > PATIENCE) {
            ask(d);
        }
    }
    while (is_connected && mosquitto_want_write(d->client)) {
        is_connected = mosquitto_loop(d->client, 20, 1) == MOSQ_ERR_SUCCESS;
    }
}

/* An image says what it is in its first 32 bytes. */
static void read_version(device *d) {
    char head[33] = "", *word;
    (void)flash_read(d->flash.old_slot, 0, (uint8_t *)head, 32);
    (void)strtok(head, " ");
    word = strtok(NULL, " ");
    (void)snprintf(d->version, sizeof d->version, "%s", word ? word : "?");
    while ((word = strtok(NULL, " ")) != NULL) {
        d->is_sick = d->is_sick || strcmp(word, "sick") == 0;
        d->is_deaf = d->is_deaf || strcmp(word, "deaf") == 0;
    }
}

int main(int argc, char **argv) {
    static device d;
    static flashdelta_psa_key key;
    char topic[96];
    if (argc != 6 || board_boot(&d.flash, argv[1]) != 0) {
        fprintf(stderr, "device FOLDER NAME PORT PASSWORD POINT\n");
        return 2;
    }
    if (update_key(&key, argv[5]) != 0) {
        fprintf(stderr, "the key is of no use\n");
        return 2;
    }
    d.trusted.keys = &key;
    d.trusted.count = 1;
    d.name = argv[2];
    d.started = milliseconds();
    read_version(&d);
    (void)mosquitto_lib_init();
    d.client = mosquitto_new(d.name, true, &d);
    if (d.client == NULL) {
        return 2;
    }
    (void)mosquitto_username_pw_set(d.client, d.name, argv[4]);
    (void)snprintf(topic, sizeof topic, "fleet/%s/online", d.name);
    (void)mosquitto_will_set(d.client, topic, 1, "0", 1, true);
    mosquitto_connect_callback_set(d.client, on_connect);
    mosquitto_message_callback_set(d.client, on_message);
    run(&d, d.is_deaf ? 9 : atoi(argv[3]));
    mosquitto_destroy(d.client);
    (void)mosquitto_lib_cleanup();
    return RESET;
}
