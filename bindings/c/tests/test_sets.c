/*
 * Component sets through the C functions: what goes right, every wrong call, forged and cut sets, callbacks that fail, and a power cut at every operation.
 *
 *     test_sets FOLDER [STEP]
 *
 * FOLDER holds signed.fds, message (what its signature is made over), and the images child-, files- and app- old.bin and new.bin. With STEP only every so
 * many cuts are tried.
 */
#include "parts.h"

enum { OLD_ONES = 0, NEW_ONES = 7 };

static blob images[2 * PARTS];
static blob signed_set, message;
static uint32_t front; /* where the payloads start */

static flashdelta_set set;
static uint8_t index_ram[FLASHDELTA_MAX_INDEX_LEN], workspace[16 * 1024], chunks[8 * 1024];

/* Knows one message and one signature: those of the set. */
static int32_t knows(void *user, uint8_t algorithm, const uint8_t *key_id, const uint8_t *said_message, const uint8_t *signature) {
    CHECK(user == NULL && key_id != NULL);
    if (algorithm != FLASHDELTA_ALGORITHM_ED25519 || memcmp(key_id, signed_set.bytes + front - 72, 8) != 0) {
        return FLASHDELTA_VERDICT_UNKNOWN_KEY;
    }
    if (memcmp(said_message, message.bytes, message.len) != 0) {
        return FLASHDELTA_VERDICT_WRONG;
    }
    return memcmp(signature, signed_set.bytes + front - 64, 64) == 0 ? FLASHDELTA_VERDICT_RIGHT : FLASHDELTA_VERDICT_WRONG;
}

static int32_t knows_nobody(void *user, uint8_t algorithm, const uint8_t *key_id, const uint8_t *said_message, const uint8_t *signature) {
    (void)user, (void)algorithm, (void)key_id, (void)said_message, (void)signature;
    return FLASHDELTA_VERDICT_UNKNOWN_KEY;
}

static const flashdelta_verifier release = {NULL, knows};

static flashdelta_device identity(void) {
    flashdelta_device d;
    memset(&d, 0, sizeof d);
    d.product = 0x8bf140db; /* heron */
    d.hardware = 3;
    d.security_counter = 7;
    return d;
}

static flashdelta_status init(device *d) {
    const flashdelta_components components = components_of(d);
    const flashdelta_region record = record_of(d);
    const flashdelta_device device_id = identity();
    return flashdelta_set_init(&set, &components, &record, &device_id, &release, index_ram, sizeof index_ram);
}

static flashdelta_status recover(device *d, flashdelta_recovered *recovered) {
    static uint8_t ram[FLASHDELTA_MAX_INDEX_LEN];
    const flashdelta_components components = components_of(d);
    const flashdelta_region record = record_of(d);
    return flashdelta_set_recover(&components, &record, ram, sizeof ram, recovered, NULL);
}

/* Feeds index and signatures; the first error. #FLASHDELTA_ERR_TRUNCATED if the set ends before. */
static flashdelta_status check_index(blob file, size_t piece) {
    size_t at = 0, taken;
    while (!flashdelta_set_is_checked(&set)) {
        const size_t len = file.len - at < piece ? file.len - at : piece;
        flashdelta_status status;
        if (len == 0) {
            return FLASHDELTA_ERR_TRUNCATED;
        }
        status = flashdelta_set_feed(&set, file.bytes + at, len, &taken);
        if (status != FLASHDELTA_OK) {
            return status;
        }
        CHECK(taken <= len);
        at += taken;
    }
    return FLASHDELTA_OK;
}

/* Writes one component; the first error. */
static flashdelta_status write_component(blob file, size_t piece) {
    flashdelta_progress progress = {0};
    flashdelta_set_payload payload;
    flashdelta_status status = flashdelta_set_begin(&set, workspace, sizeof workspace, chunks, sizeof chunks);
    while (status == FLASHDELTA_OK && !progress.done) {
        size_t len;
        CHECK_STATUS(flashdelta_set_next(&set, &payload), FLASHDELTA_OK);
        len = payload.offset < file.len ? file.len - payload.offset : 0;
        len = len < piece ? len : piece;
        if (len == 0) {
            CHECK_STATUS(flashdelta_set_component_finish(&set), FLASHDELTA_ERR_TRUNCATED);
            return FLASHDELTA_ERR_TRUNCATED;
        }
        status = flashdelta_set_component_feed(&set, file.bytes + payload.offset, len, &progress);
    }
    return status == FLASHDELTA_OK ? flashdelta_set_component_finish(&set) : status;
}

/* A whole update; the first error. */
static flashdelta_status update(device *d, blob file, size_t piece) {
    flashdelta_set_payload payload;
    flashdelta_status status = init(d);
    if (status == FLASHDELTA_OK) {
        status = check_index(file, piece);
    }
    while (status == FLASHDELTA_OK) {
        CHECK_STATUS(flashdelta_set_next(&set, &payload), FLASHDELTA_OK);
        if (payload.component == FLASHDELTA_NO_COMPONENT) {
            return flashdelta_set_finish(&set);
        }
        status = write_component(file, piece);
    }
    return status;
}

static void goes_right(void) {
    static const size_t pieces[] = {1, 7, 64, 1000, 1 << 20};
    size_t i;
    for (i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        flashdelta_recovered recovered;
        flashdelta_set_info info;
        device d;
        start_device(&d, images);
        CHECK_STATUS(recover(&d, &recovered), FLASHDELTA_OK);
        CHECK(recovered == FLASHDELTA_RECOVERED_NOTHING);
        d.calls_back = i == 0 ? &set : NULL;
        CHECK_STATUS(update(&d, signed_set, pieces[i]), FLASHDELTA_OK);
        CHECK(active(&d) == NEW_ONES);
        d.calls_back = NULL;
        CHECK_STATUS(recover(&d, &recovered), FLASHDELTA_OK);
        CHECK(recovered == FLASHDELTA_RECOVERED_NOTHING);
        /* Once more: nothing is left to do, and nothing is written. */
        {
            const unsigned long before = operations(&d.main) + operations(&d.child);
            CHECK_STATUS(init(&d), FLASHDELTA_OK);
            CHECK_STATUS(check_index(signed_set, 100), FLASHDELTA_OK);
            CHECK_STATUS(flashdelta_set_read_info(&set, &info), FLASHDELTA_OK);
            CHECK(info.components == PARTS && info.updated == 0);
            CHECK_STATUS(flashdelta_set_finish(&set), FLASHDELTA_OK);
            CHECK(operations(&d.main) + operations(&d.child) == before);
        }
        end_device(&d);
    }
}

/* The same in calls of bounded length: they count what they read and write. */
static void in_steps(void) {
    static const uint32_t budgets[] = {0, 100, 1000, 4096};
    size_t i;
    for (i = 0; i < sizeof budgets / sizeof *budgets; i++) {
        flashdelta_set_payload payload;
        size_t at = 0, taken;
        unsigned calls = 0;
        uint32_t done = 0;
        device d;
        start_device(&d, images);
        CHECK_STATUS(init(&d), FLASHDELTA_OK);
        CHECK_STATUS(flashdelta_set_finish_step(&set, &done), FLASHDELTA_ERR_WRONG_ORDER);
        CHECK_STATUS(flashdelta_set_finish_step(&set, NULL), FLASHDELTA_ERR_NULL_POINTER);
        while (!flashdelta_set_is_checked(&set)) {
            d.bytes = 0;
            CHECK_STATUS(flashdelta_set_feed_within(&set, signed_set.bytes + at, signed_set.len - at, budgets[i], &taken), FLASHDELTA_OK);
            CHECK(d.bytes <= budgets[i] + 128);
            at += taken;
            calls++;
        }
        CHECK(at == front && calls > 15000 / (budgets[i] + 128));
        CHECK_STATUS(flashdelta_set_finish_step(&set, &done), FLASHDELTA_ERR_TRUNCATED);
        for (;;) {
            flashdelta_progress progress = {0};
            CHECK_STATUS(flashdelta_set_next(&set, &payload), FLASHDELTA_OK);
            if (payload.component == FLASHDELTA_NO_COMPONENT) {
                break;
            }
            CHECK_STATUS(flashdelta_set_begin(&set, workspace, sizeof workspace, chunks, sizeof chunks), FLASHDELTA_OK);
            while (!progress.done) {
                CHECK_STATUS(flashdelta_set_next(&set, &payload), FLASHDELTA_OK);
                d.bytes = 0;
                CHECK_STATUS(flashdelta_set_component_feed_within(&set, signed_set.bytes + payload.offset, signed_set.len - payload.offset, budgets[i],
                                                                  &progress),
                             FLASHDELTA_OK);
                /* A first step of the applier, and the start of a sector that is right there (flashdelta_flash). */
                CHECK(d.bytes <= budgets[i] + 1800 + SECTOR);
            }
            CHECK_STATUS(flashdelta_set_component_finish(&set), FLASHDELTA_OK);
        }
        CHECK(active(&d) == OLD_ONES);
        for (calls = 0; !done; calls++) {
            CHECK_STATUS(flashdelta_set_finish_step(&set, &done), FLASHDELTA_OK);
        }
        CHECK(calls == PARTS + 2 && active(&d) == NEW_ONES);
        CHECK_STATUS(flashdelta_set_finish_step(&set, &done), FLASHDELTA_ERR_NOT_INITIALISED);
        end_device(&d);
    }
}

static void wrong_calls(void) {
    device d;
    flashdelta_components components, without;
    flashdelta_region record, wrong;
    flashdelta_error_detail detail;
    flashdelta_set_payload payload;
    flashdelta_set_info info;
    flashdelta_recovered recovered;
    size_t taken = 77;
    uint32_t number;
    start_device(&d, images);
    components = components_of(&d);
    record = record_of(&d);

    memset(&set, 0, sizeof set);
    CHECK_STATUS(flashdelta_set_feed(&set, NULL, 0, NULL), FLASHDELTA_ERR_NOT_INITIALISED);
    CHECK_STATUS(flashdelta_set_finish(&set), FLASHDELTA_ERR_NOT_INITIALISED);
    CHECK_STATUS(flashdelta_set_next(&set, &payload), FLASHDELTA_ERR_NOT_INITIALISED);
    CHECK_STATUS(flashdelta_set_read_info(&set, &info), FLASHDELTA_ERR_NOT_INITIALISED);
    CHECK_STATUS(flashdelta_set_last_error(&set, &detail, NULL), FLASHDELTA_ERR_NOT_INITIALISED);
    CHECK_STATUS(flashdelta_set_begin(&set, NULL, 0, NULL, 0), FLASHDELTA_ERR_NOT_INITIALISED);
    CHECK_STATUS(flashdelta_set_component_abort(&set), FLASHDELTA_ERR_NOT_INITIALISED);
    CHECK(flashdelta_set_is_checked(&set) == 0 && flashdelta_set_is_checked(NULL) == 0);

#define INIT(s, c, r, i, n) flashdelta_set_init(s, c, r, NULL, NULL, i, n)
    CHECK_STATUS(INIT(NULL, &components, &record, index_ram, 10), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(INIT(&set, NULL, &record, index_ram, 10), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(INIT(&set, &components, NULL, index_ram, 10), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(INIT(&set, &components, &record, NULL, 10), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(INIT(&set, &components, &record, index_ram, (size_t)-1), FLASHDELTA_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(INIT(&set, &components, &record, (uint8_t *)&set, 10), FLASHDELTA_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(INIT((flashdelta_set *)(void *)((uint8_t *)&set + 1), &components, &record, index_ram, 10), FLASHDELTA_ERR_INVALID_ARGUMENT);
    without = components;
    without.find = NULL;
    CHECK_STATUS(INIT(&set, &without, &record, index_ram, 10), FLASHDELTA_ERR_NULL_POINTER);
    without = components;
    without.activate = NULL;
    CHECK_STATUS(INIT(&set, &without, &record, index_ram, 10), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_set_recover(&without, &record, index_ram, 10, &recovered, NULL), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_set_recover(&components, NULL, index_ram, 10, &recovered, NULL), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_set_recover(NULL, &record, index_ram, 10, &recovered, NULL), FLASHDELTA_ERR_NULL_POINTER);
    wrong = record;
    wrong.erase = NULL;
    CHECK_STATUS(INIT(&set, &components, &wrong, index_ram, 10), FLASHDELTA_ERR_NULL_POINTER);
    wrong = record;
    wrong.size = SECTOR; /* one half */
    CHECK_STATUS(INIT(&set, &components, &wrong, index_ram, 10), FLASHDELTA_ERR_INVALID_ARGUMENT);
    wrong = record;
    wrong.buffer = index_ram;
    wrong.buffer_len = 10;
    CHECK_STATUS(INIT(&set, &components, &wrong, index_ram, 10), FLASHDELTA_ERR_INVALID_ARGUMENT);

    /* Too little RAM for the index: told with how much. */
    CHECK_STATUS(INIT(&set, &components, &record, index_ram, 10), FLASHDELTA_OK);
    CHECK_STATUS(check_index(signed_set, 64), FLASHDELTA_ERR_INDEX_BUFFER_TOO_SMALL);
    CHECK_STATUS(flashdelta_set_last_error(&set, &detail, &number), FLASHDELTA_OK);
    CHECK(detail.expected > 10 && detail.found == 10 && number == FLASHDELTA_NO_COMPONENT);
    CHECK_STATUS(flashdelta_set_feed(&set, NULL, 0, NULL), FLASHDELTA_ERR_FAILED_BEFORE);
    CHECK_STATUS(flashdelta_set_next(&set, &payload), FLASHDELTA_ERR_FAILED_BEFORE);
    CHECK_STATUS(flashdelta_set_begin(&set, workspace, 1, chunks, 1), FLASHDELTA_ERR_FAILED_BEFORE);
    CHECK_STATUS(flashdelta_set_component_feed(&set, NULL, 0, NULL), FLASHDELTA_ERR_FAILED_BEFORE);
    CHECK_STATUS(flashdelta_set_finish(&set), FLASHDELTA_ERR_FAILED_BEFORE);
    CHECK(!flashdelta_set_is_checked(&set));

    /* Nothing goes before its time. */
    CHECK_STATUS(init(&d), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_set_last_error(&set, NULL, NULL), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_set_last_error(&set, &detail, NULL), FLASHDELTA_OK);
    CHECK_STATUS(detail.status, FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_set_feed(&set, signed_set.bytes, 60, &taken), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_set_next(&set, &payload), FLASHDELTA_ERR_WRONG_ORDER);
    CHECK_STATUS(flashdelta_set_read_info(&set, &info), FLASHDELTA_ERR_WRONG_ORDER);
    CHECK_STATUS(flashdelta_set_begin(&set, workspace, sizeof workspace, chunks, sizeof chunks), FLASHDELTA_ERR_WRONG_ORDER);
    CHECK_STATUS(flashdelta_set_component_feed(&set, NULL, 0, NULL), FLASHDELTA_ERR_WRONG_ORDER);
    CHECK_STATUS(flashdelta_set_component_finish(&set), FLASHDELTA_ERR_WRONG_ORDER);
    CHECK_STATUS(flashdelta_set_finish(&set), FLASHDELTA_ERR_WRONG_ORDER);
    CHECK_STATUS(flashdelta_set_feed(&set, index_ram, 1, &taken), FLASHDELTA_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(flashdelta_set_feed(&set, NULL, 1, &taken), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_set_feed(&set, signed_set.bytes + 60, signed_set.len - 60, &taken), FLASHDELTA_OK);
    CHECK(taken == front - 60 && flashdelta_set_is_checked(&set));
    CHECK_STATUS(flashdelta_set_feed(&set, signed_set.bytes + front, 10, &taken), FLASHDELTA_OK);
    CHECK(taken == 0);
    CHECK_STATUS(flashdelta_set_finish(&set), FLASHDELTA_ERR_TRUNCATED);
    CHECK_STATUS(flashdelta_set_read_info(&set, &info), FLASHDELTA_OK);
    CHECK(info.components == PARTS && info.updated == NEW_ONES && info.workspace_len > 0 && info.chunk_ram > 0);
    CHECK_STATUS(flashdelta_set_read_info(&set, NULL), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_set_next(&set, NULL), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_set_begin(&set, workspace, info.workspace_len - 1, chunks, info.chunk_ram), FLASHDELTA_ERR_WORKSPACE_TOO_SMALL);
    CHECK_STATUS(flashdelta_set_last_error(&set, &detail, NULL), FLASHDELTA_OK);
    CHECK(detail.expected == info.workspace_len && detail.found == info.workspace_len - 1);
    CHECK_STATUS(flashdelta_set_begin(&set, workspace, info.workspace_len, chunks, info.chunk_ram - 1), FLASHDELTA_ERR_WORKSPACE_TOO_SMALL);
    CHECK_STATUS(flashdelta_set_begin(&set, workspace, sizeof workspace, workspace + 10, 10), FLASHDELTA_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(flashdelta_set_begin(&set, index_ram, 10, chunks, sizeof chunks), FLASHDELTA_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(flashdelta_set_begin(&set, NULL, 10, chunks, sizeof chunks), FLASHDELTA_ERR_NULL_POINTER);
    CHECK(operations(&d.main) + operations(&d.child) == 0); /* so far nothing was written */

    /* A component: one at a time; aborted and begun again. */
    CHECK_STATUS(flashdelta_set_component_abort(&set), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_set_begin(&set, workspace, info.workspace_len, chunks, info.chunk_ram), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_set_begin(&set, workspace, info.workspace_len, chunks, info.chunk_ram), FLASHDELTA_ERR_WRONG_ORDER);
    CHECK_STATUS(flashdelta_set_feed(&set, NULL, 0, NULL), FLASHDELTA_ERR_WRONG_ORDER);
    CHECK_STATUS(flashdelta_set_finish(&set), FLASHDELTA_ERR_WRONG_ORDER);
    CHECK_STATUS(flashdelta_set_read_info(&set, &info), FLASHDELTA_ERR_WRONG_ORDER);
    CHECK(flashdelta_set_is_checked(&set));
    CHECK_STATUS(flashdelta_set_component_feed(&set, workspace, 1, NULL), FLASHDELTA_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(flashdelta_set_component_feed(&set, chunks, 1, NULL), FLASHDELTA_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(flashdelta_set_component_feed(&set, NULL, 1, NULL), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_set_next(&set, &payload), FLASHDELTA_OK);
    CHECK(payload.component == 0 && payload.offset == front);
    CHECK_STATUS(flashdelta_set_component_feed(&set, signed_set.bytes + front, 30, NULL), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_set_next(&set, &payload), FLASHDELTA_OK);
    CHECK(payload.component == 0 && payload.offset == front + 30);
    CHECK_STATUS(flashdelta_set_component_abort(&set), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_set_next(&set, &payload), FLASHDELTA_OK);
    CHECK(payload.component == 0 && payload.offset == front);
    CHECK_STATUS(flashdelta_set_component_finish(&set), FLASHDELTA_ERR_WRONG_ORDER);
    CHECK_STATUS(write_component(signed_set, 100), FLASHDELTA_OK);
    CHECK_STATUS(write_component(signed_set, 100), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_set_finish(&set), FLASHDELTA_ERR_TRUNCATED);
    CHECK_STATUS(write_component(signed_set, 100), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_set_begin(&set, workspace, sizeof workspace, chunks, sizeof chunks), FLASHDELTA_ERR_WRONG_ORDER);
    CHECK(active(&d) == OLD_ONES);
    CHECK_STATUS(flashdelta_set_finish(&set), FLASHDELTA_OK);
    CHECK(active(&d) == NEW_ONES);
    CHECK_STATUS(flashdelta_set_finish(&set), FLASHDELTA_ERR_NOT_INITIALISED);
    end_device(&d);
}

/* Sets that are not what was signed: refused, and what was active stays. */
static void forged(void) {
    blob bad = {NULL, signed_set.len};
    size_t at;
    device d;
    bad.bytes = (uint8_t *)malloc(bad.len);
    if (bad.bytes == NULL) {
        exit(2);
    }
    start_device(&d, images);
    for (at = 0; at < signed_set.len; at += at < front ? 1 : 41) {
        const unsigned long before = operations(&d.main) + operations(&d.child);
        flashdelta_status status;
        memcpy(bad.bytes, signed_set.bytes, bad.len);
        bad.bytes[at] ^= (uint8_t)(1 << at % 8);
        status = update(&d, bad, 100);
        CHECK(status != FLASHDELTA_OK && active(&d) == OLD_ONES);
        if (at < front) {
            CHECK(FLASHDELTA_CLASS(status) == FLASHDELTA_CLASS_BAD_PATCH || FLASHDELTA_CLASS(status) == FLASHDELTA_CLASS_DOES_NOT_FIT ||
                  FLASHDELTA_CLASS(status) == FLASHDELTA_CLASS_NOT_AUTHENTIC);
            CHECK(operations(&d.main) + operations(&d.child) == before);
        } else {
            flashdelta_recovered recovered;
            CHECK(FLASHDELTA_CLASS(status) == FLASHDELTA_CLASS_NOT_AUTHENTIC || FLASHDELTA_CLASS(status) == FLASHDELTA_CLASS_BAD_PATCH ||
                  FLASHDELTA_CLASS(status) == FLASHDELTA_CLASS_DOES_NOT_FIT);
            CHECK_STATUS(recover(&d, &recovered), FLASHDELTA_OK);
            CHECK(recovered == FLASHDELTA_RECOVERED_REVERTED);
        }
    }
    free(bad.bytes);
    end_device(&d);
}

static void truncated(void) {
    size_t len;
    device d;
    start_device(&d, images);
    for (len = 0; len < signed_set.len; len += len < front ? 1 : 37) {
        blob part_of_it = {NULL, len};
        part_of_it.bytes = (uint8_t *)malloc(len > 0 ? len : 1);
        if (part_of_it.bytes == NULL) {
            exit(2);
        }
        memcpy(part_of_it.bytes, signed_set.bytes, len);
        CHECK_STATUS(update(&d, part_of_it, 64), FLASHDELTA_ERR_TRUNCATED);
        CHECK(active(&d) == OLD_ONES);
        CHECK_STATUS(recover(&d, NULL), FLASHDELTA_OK);
        free(part_of_it.bytes);
    }
    /* A wrong chunk may come again. */
    {
        flashdelta_progress progress = {0};
        flashdelta_set_payload payload;
        uint8_t wrong[20];
        CHECK_STATUS(init(&d), FLASHDELTA_OK);
        CHECK_STATUS(check_index(signed_set, 100), FLASHDELTA_OK);
        CHECK_STATUS(flashdelta_set_begin(&set, workspace, sizeof workspace, chunks, sizeof chunks), FLASHDELTA_OK);
        CHECK_STATUS(flashdelta_set_next(&set, &payload), FLASHDELTA_OK);
        CHECK_STATUS(flashdelta_set_component_feed(&set, signed_set.bytes + payload.offset, payload.len - sizeof wrong, &progress), FLASHDELTA_OK);
        memset(wrong, 0xA5, sizeof wrong);
        CHECK_STATUS(flashdelta_set_component_feed(&set, wrong, sizeof wrong, &progress), FLASHDELTA_ERR_WRONG_CHUNK);
        CHECK_STATUS(flashdelta_set_next(&set, &payload), FLASHDELTA_OK);
        CHECK(payload.offset > front && payload.offset < front + payload.len);
        CHECK_STATUS(flashdelta_set_component_feed(&set, signed_set.bytes + payload.offset, front + payload.len - payload.offset, &progress), FLASHDELTA_OK);
        CHECK(progress.done && progress.taken == payload.len);
        CHECK_STATUS(flashdelta_set_component_finish(&set), FLASHDELTA_OK);
    }
    end_device(&d);
}

/* The device is not what the set is for, or says no. */
static void refused(void) {
    device d;
    flashdelta_device who = identity();
    flashdelta_error_detail detail;
    flashdelta_recovered recovered;
    flashdelta_components components;
    flashdelta_region record;
    flashdelta_verifier nobody = {NULL, knows_nobody};
    uint32_t number;
    int i;
    start_device(&d, images);
    components = components_of(&d);
    record = record_of(&d);
#define REFUSED(id, verifier, expected)                                                                                      \
    do {                                                                                                                     \
        CHECK_STATUS(flashdelta_set_init(&set, &components, &record, id, verifier, index_ram, sizeof index_ram), FLASHDELTA_OK); \
        CHECK_STATUS(check_index(signed_set, 100), expected);                                                                \
        CHECK_STATUS(flashdelta_set_last_error(&set, &detail, &number), FLASHDELTA_OK);                                     \
        CHECK_STATUS(detail.status, expected);                                                                               \
    } while (0)
    REFUSED(&who, &nobody, FLASHDELTA_ERR_UNKNOWN_KEY);
    who.product++;
    REFUSED(&who, &release, FLASHDELTA_ERR_WRONG_PRODUCT);
    CHECK(detail.expected == who.product - 1 && detail.found == who.product);
    who = identity();
    who.hardware = 9;
    REFUSED(&who, &release, FLASHDELTA_ERR_WRONG_HARDWARE);
    who = identity();
    who.security_counter = 8;
    REFUSED(&who, &release, FLASHDELTA_ERR_ROLLBACK);
    d.misses_child = 1;
    REFUSED(NULL, &release, FLASHDELTA_ERR_UNKNOWN_COMPONENT);
    CHECK(number == CHILD);
    d.misses_child = 0;
    d.parts[APP].is_there = 0;
    REFUSED(NULL, NULL, FLASHDELTA_ERR_WRONG_COMPONENT);
    CHECK(number == APP && detail.digest_len == 12);
    d.parts[APP].is_there = 1;
    d.fault = FIND;
    REFUSED(NULL, &release, FLASHDELTA_ERR_COMPONENT);
    CHECK(number == CHILD && detail.callback_returned == CALLBACK_FAILED);
    CHECK(operations(&d.main) + operations(&d.child) == 0);
    for (i = BEGIN; i <= VERIFY; i++) {
        d.fault = (fault)i;
        CHECK_STATUS(update(&d, signed_set, 100), FLASHDELTA_ERR_COMPONENT);
        CHECK_STATUS(flashdelta_set_last_error(&set, &detail, &number), FLASHDELTA_OK);
        CHECK(number == CHILD && detail.callback_returned == CALLBACK_FAILED);
        /* It may begin again. */
        d.fault = NO_FAULT;
        CHECK_STATUS(write_component(signed_set, 100), FLASHDELTA_OK);
        d.fault = REVERT;
        CHECK_STATUS(recover(&d, &recovered), FLASHDELTA_ERR_COMPONENT);
        d.fault = NO_FAULT;
        CHECK_STATUS(recover(&d, &recovered), FLASHDELTA_OK);
        CHECK(recovered == FLASHDELTA_RECOVERED_REVERTED && active(&d) == OLD_ONES);
    }
    /* Once it is committed, it goes on until all are new; another update has to wait. */
    d.fault = ACTIVATE;
    CHECK_STATUS(update(&d, signed_set, 100), FLASHDELTA_ERR_COMPONENT);
    CHECK_STATUS(flashdelta_set_finish(&set), FLASHDELTA_ERR_FAILED_BEFORE);
    CHECK_STATUS(flashdelta_set_recover(&components, &record, index_ram, sizeof index_ram, &recovered, &detail), FLASHDELTA_ERR_COMPONENT);
    CHECK(detail.callback_returned == CALLBACK_FAILED);
    CHECK_STATUS(flashdelta_set_recover(&components, &record, index_ram, 10, &recovered, &detail), FLASHDELTA_ERR_INDEX_BUFFER_TOO_SMALL);
    d.fault = NO_FAULT;
    CHECK_STATUS(update(&d, signed_set, 100), FLASHDELTA_ERR_NOT_RECOVERED);
    CHECK_STATUS(recover(&d, &recovered), FLASHDELTA_OK);
    CHECK(recovered == FLASHDELTA_RECOVERED_COMPLETED && active(&d) == NEW_ONES);
    end_device(&d);
}

/* After a reset the device recovers, with one more cut while it does so if `again` is not 0: all is old or all is new. Whether that cut happened. */
static int recovers(device *d, long again, uint32_t at) {
    flashdelta_recovered recovered = FLASHDELTA_RECOVERED_NOTHING;
    flashdelta_status status;
    int was_cut = 0, is_new;
    power_on(d);
    if (again > 0) {
        d->main.cut_after = again;
        d->main.cut_at = at;
        status = recover(d, &recovered);
        was_cut = status != FLASHDELTA_OK;
        power_on(d);
    }
    CHECK_STATUS(recover(d, &recovered), FLASHDELTA_OK);
    is_new = active(d);
    CHECK(is_new == OLD_ONES || is_new == NEW_ONES);
    CHECK(recovered != FLASHDELTA_RECOVERED_REVERTED || is_new == OLD_ONES);
    CHECK(recovered != FLASHDELTA_RECOVERED_COMPLETED || is_new == NEW_ONES);
    return was_cut;
}

/* A cut of power at every operation of either flash: whichever the device is, it goes on from there. */
static void power_cuts(unsigned long step) {
    static const uint32_t positions[] = {0, 3, 8, 15, 16};
    unsigned long count[2], n, old_ones = 0, new_ones = 0;
    device d;
    size_t i;
    int on_child;
    start_device(&d, images);
    CHECK_STATUS(update(&d, signed_set, 1000), FLASHDELTA_OK);
    count[0] = operations(&d.main);
    count[1] = operations(&d.child);
    end_device(&d);
    for (on_child = 0; on_child < 2; on_child++) {
        for (n = 1; n <= count[on_child]; n += step) {
            for (i = 0; i < sizeof positions / sizeof *positions; i++) {
                long again = 0;
                int was_cut;
                do {
                    nor_sim *flash;
                    start_device(&d, images);
                    flash = on_child ? &d.child : &d.main;
                    flash->cut_after = (long)n;
                    flash->cut_at = positions[i];
                    if (update(&d, signed_set, 1000) == FLASHDELTA_OK) {
                        CHECK(active(&d) == NEW_ONES); /* the last one, and it was complete */
                    }
                    was_cut = recovers(&d, again, positions[i]);
                    *(active(&d) == NEW_ONES ? &new_ones : &old_ones) += 1;
                    CHECK_STATUS(update(&d, signed_set, 1000), FLASHDELTA_OK);
                    CHECK(active(&d) == NEW_ONES);
                    end_device(&d);
                    again += 1;
                } while (again == 1 || was_cut);
            }
        }
    }
    CHECK(old_ones > 0 && (new_ones > 0 || step > 1)); /* it is committed near its end */
    printf("power cuts: %lu end old, %lu new; %lu and %lu operations\n", old_ones, new_ones, count[0], count[1]);
}

int main(int argc, char **argv) {
    static const char *const names[2 * PARTS] = {"child-old.bin", "files-old.bin", "app-old.bin", "child-new.bin", "files-new.bin", "app-new.bin"};
    int i;
    if (argc != 2 && argc != 3) {
        fprintf(stderr, "usage: test_sets FOLDER [STEP]\n");
        return 2;
    }
    for (i = 0; i < 2 * PARTS; i++) {
        images[i] = load(argv[1], names[i]);
    }
    signed_set = load(argv[1], "signed.fds");
    message = load(argv[1], "message");
    CHECK(message.len == 48);
    {
        /* Where the signature is: before the payloads. */
        flashdelta_set_payload payload = {0, 0, 0};
        flashdelta_components components;
        flashdelta_region record;
        device d;
        start_device(&d, images);
        components = components_of(&d);
        record = record_of(&d);
        CHECK_STATUS(flashdelta_set_init(&set, &components, &record, NULL, NULL, index_ram, sizeof index_ram), FLASHDELTA_OK);
        CHECK_STATUS(check_index(signed_set, 100), FLASHDELTA_OK);
        CHECK_STATUS(flashdelta_set_next(&set, &payload), FLASHDELTA_OK);
        front = payload.offset;
        end_device(&d);
    }
    goes_right();
    in_steps();
    wrong_calls();
    forged();
    truncated();
    refused();
    power_cuts(argc == 3 ? strtoul(argv[2], NULL, 10) : 1);
    for (i = 0; i < 2 * PARTS; i++) {
        free(images[i].bytes);
    }
    free(signed_set.bytes);
    free(message.bytes);
    return summary("test_sets");
}
