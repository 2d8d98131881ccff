/*
 * Updates of the component that go on after a reset, and signed ones, over a fake of ESP-IDF and a strict NOR flash.
 *
 *     test_suspend FOLDER SIGNED
 *
 * FOLDER: as for test_ota. SIGNED: testdata/signed.
 */
#include "ota.h"

#include "sdkconfig.h"

enum { FAILED = ESP_ERR_FLASHDELTA_BASE, KEPT = 3 * FAKE_SLOT };

static flashdelta_ota_config_t settings(void) {
    flashdelta_ota_config_t config;
    memset(&config, 0, sizeof config);
    config.suspend_partition = &fake.partitions[3];
    return config;
}

static esp_err_t feed(flashdelta_ota_handle_t ota, blob patch, size_t from, size_t to) {
    return flashdelta_ota_feed(ota, patch.bytes + from, to - from);
}

/* What an update would go on with: 0 if it begins. */
static size_t taken_now(const flashdelta_ota_config_t *config) {
    flashdelta_ota_handle_t ota = NULL;
    size_t taken = SIZE_MAX;
    CHECK_STATUS(flashdelta_ota_resume(config, &ota, &taken), ESP_OK);
    CHECK_STATUS(flashdelta_ota_abort(ota), ESP_OK);
    return taken;
}

/* Begins, or goes on at `from`, feeds up to `to`, suspends, and loses the link. */
static void suspend_at(const flashdelta_ota_config_t *config, blob patch, size_t from, size_t to) {
    flashdelta_ota_handle_t ota = NULL;
    size_t taken = SIZE_MAX;
    CHECK_STATUS(flashdelta_ota_resume(config, &ota, &taken), ESP_OK);
    CHECK(taken == from);
    CHECK_STATUS(feed(ota, patch, taken, to), ESP_OK);
    CHECK_STATUS(flashdelta_ota_suspend(ota), ESP_OK);
    CHECK_STATUS(flashdelta_ota_abort(ota), ESP_OK);
}

/* Goes on with whatever there is, to the end of the patch. */
static esp_err_t finish(const flashdelta_ota_config_t *config, blob patch, size_t *taken) {
    flashdelta_ota_handle_t ota = NULL;
    esp_err_t err = flashdelta_ota_resume(config, &ota, taken), end;
    if (err != ESP_OK) {
        return err;
    }
    err = feed(ota, patch, *taken, patch.len);
    end = flashdelta_ota_end(ota);
    CHECK(err == ESP_OK || end == err);
    return end;
}

static void no_byte_is_fed_twice(blob patch) {
    const size_t steps[] = {61, 700, 2000};
    size_t i;
    for (i = 0; i < 6; i++) {
        const size_t step = steps[i / 2];
        size_t at, resets = 0;
        flashdelta_ota_config_t config;
        start(i % 2 == 1);
        config = settings();
        /* The header is in before anything can be suspended. */
        for (at = 0; at == 0 || at + step < patch.len; resets++) {
            const size_t to = at == 0 ? 1024 + step : at + step;
            suspend_at(&config, patch, at, to);
            at = to;
        }
        CHECK(resets >= 1 && old_is_untouched());
        CHECK_STATUS(finish(&config, patch, &at), ESP_OK);
        CHECK(at > patch.len - step - 1 && slot_is_new() && fake.boot == &fake.partitions[1]);
        /* What has succeeded is not gone on with. */
        CHECK(taken_now(&config) == 0);
        fake_stop();
    }
}

/* The power goes inside the nth operation of a suspension: that one counts, or the one before. */
static void power_cuts_leave_the_suspension_before(blob patch) {
    const size_t first = patch.len / 3, second = patch.len / 2;
    long operations = 0, n;
    unsigned both = 0;
    int round;
    for (round = 0; round < 2; round++) {
        for (n = 1; n == 1 || n <= operations; n++) {
            flashdelta_ota_config_t config;
            flashdelta_ota_handle_t ota = NULL;
            size_t taken = SIZE_MAX;
            long before;
            /* Encrypted, and with a suspension before; or neither. */
            start(round == 1);
            config = settings();
            if (round == 1) {
                suspend_at(&config, patch, 0, first);
            }
            CHECK_STATUS(flashdelta_ota_resume(&config, &ota, &taken), ESP_OK);
            CHECK(taken == (round == 1 ? first : 0));
            CHECK_STATUS(feed(ota, patch, taken, second), ESP_OK);
            before = (long)(fake.flash.erases + fake.flash.writes);
            if (n == 1 && operations == 0) {
                /* How many there are, without a cut. */
                CHECK_STATUS(flashdelta_ota_suspend(ota), ESP_OK);
                operations = (long)(fake.flash.erases + fake.flash.writes) - before;
                CHECK(operations > 20);
                n = 0;
            } else {
                fake.flash.random = (uint32_t)n;
                fake.flash.cut_after = n;
                fake.flash.cut_at = (uint32_t)n % 17;
                CHECK_STATUS(flashdelta_ota_suspend(ota), ESP_ERR_FLASH_OP_FAIL);
            }
            CHECK_STATUS(flashdelta_ota_abort(ota), ESP_OK);
            nor_power_on(&fake.flash);
            CHECK_STATUS(finish(&config, patch, &taken), ESP_OK);
            CHECK(taken == second || taken == (round == 1 ? first : 0));
            both |= taken == second ? 1 : 2;
            CHECK(slot_is_new() && fake.boot == &fake.partitions[1]);
            fake_stop();
        }
        operations = 0;
    }
    CHECK(both == 3);
}

/* The power goes in the middle of an update that goes on: it can be gone on with once more, from the same place. */
static void power_cuts_after_a_suspension_do_no_harm(blob patch) {
    const size_t first = patch.len / 3;
    long n;
    for (n = 1; n < 400; n += 1 + n / 8) {
        flashdelta_ota_config_t config;
        flashdelta_ota_handle_t ota = NULL;
        size_t taken = 0;
        esp_err_t err;
        start(n % 2 == 1);
        config = settings();
        suspend_at(&config, patch, 0, first);
        CHECK_STATUS(flashdelta_ota_resume(&config, &ota, &taken), ESP_OK);
        fake.flash.random = (uint32_t)n;
        fake.flash.cut_after = n;
        fake.flash.cut_at = (uint32_t)n % 17;
        err = feed(ota, patch, taken, patch.len);
        CHECK(err == ESP_OK || err == ESP_ERR_FLASH_OP_FAIL);
        CHECK_STATUS(flashdelta_ota_abort(ota), ESP_OK);
        nor_power_on(&fake.flash);
        CHECK_STATUS(finish(&config, patch, &taken), ESP_OK);
        CHECK(taken == first && slot_is_new() && fake.boot == &fake.partitions[1]);
        fake_stop();
    }
}

/* A damaged one is no suspension, or it is the one before; the update succeeds in any case. */
static void damage_is_found(blob patch) {
    const size_t first = patch.len / 3, second = patch.len / 2;
    size_t at;
    for (at = 0; at < FAKE_KEPT / 2; at += at < 300 ? 7 : 641) {
        flashdelta_ota_config_t config;
        size_t taken = SIZE_MAX, len;
        uint8_t *half;
        start(false);
        config = settings();
        suspend_at(&config, patch, 0, first);
        suspend_at(&config, patch, first, second);
        /* The second one is in the second half: 12 bytes, of which the last four are its length, that many, and a checksum. */
        half = fake.flash.bytes + KEPT + FAKE_KEPT / 2;
        len = 16 + (half[8] | (size_t)half[9] << 8 | (size_t)half[10] << 16);
        CHECK(len > 1000 && len < FAKE_KEPT / 2);
        half[at] ^= 0x10;
        CHECK_STATUS(finish(&config, patch, &taken), ESP_OK);
        CHECK(taken == (at < len ? first : second));
        CHECK(slot_is_new() && fake.boot == &fake.partitions[1]);
        fake_stop();
    }
}

static void the_rest_of_another_patch_is_found_out(blob patch, blob other) {
    flashdelta_ota_config_t config;
    size_t taken = 0;
    esp_err_t err;
    start(false);
    config = settings();
    suspend_at(&config, patch, 0, patch.len / 2);
    err = finish(&config, other, &taken);
    CHECK(taken == patch.len / 2 && err > FAILED && old_is_untouched());
    /* It is not tried again and again. */
    CHECK_STATUS(finish(&config, other, &taken), ESP_OK);
    CHECK(taken == 0 && fake.boot == &fake.partitions[1]);
    fake_stop();
}

/* What is begun takes the place of what was suspended; what is refused does not. */
static void begin_forgets_what_was_suspended(blob patch) {
    flashdelta_ota_config_t config;
    flashdelta_ota_handle_t ota = NULL;
    start(false);
    config = settings();
    suspend_at(&config, patch, 0, patch.len / 2);
    CHECK_STATUS(flashdelta_ota_begin(&config, &ota), ESP_OK);
    CHECK_STATUS(flashdelta_ota_feed(ota, "no patch", 8), FAILED + FLASHDELTA_ERR_NOT_A_PATCH);
    CHECK_STATUS(flashdelta_ota_end(ota), FAILED + FLASHDELTA_ERR_NOT_A_PATCH);
    CHECK(taken_now(&config) == patch.len / 2);
    CHECK_STATUS(flashdelta_ota_begin(&config, &ota), ESP_OK);
    CHECK_STATUS(feed(ota, update, 0, update.len / 2), ESP_OK);
    CHECK_STATUS(flashdelta_ota_abort(ota), ESP_OK);
    CHECK(taken_now(&config) == 0);
    fake_stop();
}

/* A connection that breaks is no reason to begin again. */
static void a_patch_cut_short_is_gone_on_with(blob patch) {
    flashdelta_ota_config_t config;
    flashdelta_ota_handle_t ota = NULL;
    size_t taken = 0;
    start(false);
    config = settings();
    suspend_at(&config, patch, 0, patch.len / 2);
    CHECK_STATUS(flashdelta_ota_resume(&config, &ota, &taken), ESP_OK);
    CHECK_STATUS(feed(ota, patch, taken, taken + 100), ESP_OK);
    CHECK_STATUS(flashdelta_ota_end(ota), FAILED + FLASHDELTA_ERR_TRUNCATED);
    CHECK_STATUS(finish(&config, patch, &taken), ESP_OK);
    CHECK(taken == patch.len / 2 && slot_is_new());
    fake_stop();
}

static void another_world_is_begun_anew(blob patch) {
    flashdelta_ota_config_t config;
    flashdelta_device device = {1, 1, 0, 1};
    size_t taken = 0, needed = 0;
    int i;
    for (i = 0; i < 4; i++) {
        start(false);
        config = settings();
        suspend_at(&config, patch, 0, patch.len / 2);
        if (i == 0) {
            fake.flash.bytes[100] ^= 1; /* the old image */
        } else if (i == 1) {
            config.device = &device;
        } else if (i == 2) {
            CHECK_STATUS(flashdelta_workspace_len(patch.bytes, patch.len, &needed), FLASHDELTA_OK);
            config.ram = needed + 1023;
        } else {
            /* The sector that is under way. */
            memset(fake.flash.bytes + FAKE_SLOT, 0, FAKE_SLOT);
        }
        CHECK(i == 3 || taken_now(&config) == 0);
        if (i == 3) {
            /* Whatever is noticed first: it does not boot, and the next update does. */
            CHECK(finish(&config, patch, &taken) == ESP_OK ? slot_is_new() : old_is_untouched());
            fake.boot = &fake.partitions[0];
            CHECK_STATUS(finish(&config, patch, &taken), ESP_OK);
            CHECK(taken == 0 && slot_is_new());
        }
        fake_stop();
    }
}

/* One access fails while an update is resumed: that may pass, so what was saved is kept. */
static void a_failing_read_forgets_nothing(blob patch) {
    const size_t half = patch.len / 2;
    long n, calls = 1;
    unsigned failed = 0;
    for (n = 1; n <= calls; n += 1 + n / 20) {
        flashdelta_ota_config_t config;
        flashdelta_ota_handle_t ota = NULL;
        size_t taken = 0;
        long before;
        esp_err_t err;
        start(false);
        config = settings();
        suspend_at(&config, patch, 0, half);
        before = fake.calls;
        fake.fail_at = n > 1 ? before + n : 0;
        err = flashdelta_ota_resume(&config, &ota, &taken);
        calls = n > 1 ? calls : fake.calls - before;
        fake.fail_at = 0;
        if (err == ESP_OK) {
            CHECK_STATUS(flashdelta_ota_abort(ota), ESP_OK);
        } else {
            CHECK_STATUS(err, ESP_ERR_FLASH_OP_FAIL);
            failed++;
        }
        CHECK_STATUS(finish(&config, patch, &taken), ESP_OK);
        CHECK(taken == half && slot_is_new());
        fake_stop();
    }
    CHECK(calls > 20 && failed > 20);
}

static void wrong_arguments_are_refused(blob patch) {
    flashdelta_ota_config_t config;
    flashdelta_ota_handle_t ota = NULL;
    size_t taken = 0, next = 0;
    start(false);
    config = settings();
    CHECK_STATUS(flashdelta_ota_suspend(NULL), ESP_ERR_INVALID_ARG);
    CHECK_STATUS(flashdelta_ota_resume(NULL, &ota, &taken), ESP_ERR_INVALID_ARG);
    CHECK_STATUS(flashdelta_ota_resume(&config, NULL, &taken), ESP_ERR_INVALID_ARG);
    CHECK_STATUS(flashdelta_ota_resume(&config, &ota, NULL), ESP_ERR_INVALID_ARG);
    CHECK_STATUS(flashdelta_ota_get_next(NULL, &next), ESP_ERR_INVALID_ARG);
    config.suspend_partition = NULL;
    CHECK_STATUS(flashdelta_ota_resume(&config, &ota, &taken), ESP_ERR_INVALID_ARG);
    config.suspend_partition = &fake.partitions[1];
    CHECK_STATUS(flashdelta_ota_begin(&config, &ota), ESP_ERR_INVALID_ARG);
    config = settings();
    fake.partitions[3].subtype = ESP_PARTITION_SUBTYPE_DATA_OTA;
    CHECK_STATUS(flashdelta_ota_begin(&config, &ota), ESP_ERR_INVALID_ARG);
    fake.partitions[3].subtype = ESP_PARTITION_SUBTYPE_DATA_UNDEFINED;
    fake.partitions[3].size = 3 * FAKE_SECTOR;
    CHECK_STATUS(flashdelta_ota_begin(&config, &ota), ESP_ERR_INVALID_ARG);
    CHECK(ota == NULL);
    /* Too small for what is to be kept: the update goes on. */
    fake.partitions[3].size = 2 * FAKE_SECTOR;
    CHECK_STATUS(flashdelta_ota_begin(&config, &ota), ESP_OK);
    CHECK_STATUS(flashdelta_ota_get_next(ota, NULL), ESP_ERR_INVALID_ARG);
    CHECK_STATUS(flashdelta_ota_suspend(ota), ESP_ERR_INVALID_STATE);
    CHECK_STATUS(feed(ota, patch, 0, 20), ESP_OK);
    CHECK_STATUS(flashdelta_ota_get_next(ota, &next), ESP_OK);
    CHECK(next == 20);
    CHECK_STATUS(flashdelta_ota_suspend(ota), ESP_ERR_INVALID_STATE);
    CHECK_STATUS(feed(ota, patch, 20, patch.len / 2), ESP_OK);
    CHECK_STATUS(flashdelta_ota_get_next(ota, &next), ESP_OK);
    CHECK(next == patch.len / 2);
    CHECK_STATUS(flashdelta_ota_suspend(ota), ESP_ERR_INVALID_SIZE);
    CHECK_STATUS(feed(ota, patch, patch.len / 2, patch.len), ESP_OK);
    CHECK_STATUS(flashdelta_ota_end(ota), ESP_OK);
    CHECK(slot_is_new());
    fake_stop();
    start(false);
    CHECK_STATUS(flashdelta_ota_begin(NULL, &ota), ESP_OK);
    CHECK_STATUS(feed(ota, patch, 0, patch.len / 2), ESP_OK);
    CHECK_STATUS(flashdelta_ota_suspend(ota), ESP_ERR_INVALID_STATE);
    CHECK_STATUS(flashdelta_ota_abort(ota), ESP_OK);
    fake_stop();
}

/* One access fails while the state is saved, and those after it work again: it is said, and the update goes on. */
static void no_failing_call_is_overlooked(blob patch) {
    const size_t half = patch.len / 2;
    long n, calls = 1;
    for (n = 1; n <= calls; n += 1 + n / 20) {
        flashdelta_ota_config_t config;
        flashdelta_ota_handle_t ota = NULL;
        size_t taken = 0;
        long before;
        esp_err_t err;
        start(false);
        config = settings();
        CHECK_STATUS(flashdelta_ota_begin(&config, &ota), ESP_OK);
        CHECK_STATUS(feed(ota, patch, 0, half), ESP_OK);
        before = fake.calls;
        fake.fail_at = n > 1 ? before + n : 0;
        err = flashdelta_ota_suspend(ota);
        calls = n > 1 ? calls : fake.calls - before;
        fake.fail_at = 0;
        if (err != ESP_OK) {
            CHECK_STATUS(err, ESP_ERR_FLASH_OP_FAIL);
        }
        if (err == ESP_OK) {
            CHECK_STATUS(flashdelta_ota_abort(ota), ESP_OK);
            CHECK_STATUS(finish(&config, patch, &taken), ESP_OK);
            CHECK(taken == half);
        } else {
            CHECK_STATUS(feed(ota, patch, half, patch.len), ESP_OK);
            CHECK_STATUS(flashdelta_ota_end(ota), ESP_OK);
        }
        CHECK(slot_is_new() && fake.boot == &fake.partitions[1]);
        fake_stop();
    }
    CHECK(calls > 20);
}

#if CONFIG_FLASHDELTA_SIGNATURES

#include "flashdelta_psa.h"

static const char *signed_folder;
static flashdelta_psa_key known[1], strange[1];
static const flashdelta_psa trusted = {known, 1}, others = {strange, 1};

static void import(flashdelta_psa_key *key, const char *name) {
    const blob point = load(signed_folder, name);
    CHECK(point.len == 65 && flashdelta_psa_import_p256(key, point.bytes) == PSA_SUCCESS);
    free(point.bytes);
}

/* Data partitions: the old one holds what the signed patches were made from. */
static flashdelta_ota_config_t start_data(blob image) {
    flashdelta_ota_config_t config;
    fake_start(image.bytes, image.len, false);
    fake.running = fake.boot = &fake.partitions[2];
    fake.partitions[0].type = fake.partitions[1].type = ESP_PARTITION_TYPE_DATA;
    fake.partitions[0].subtype = fake.partitions[1].subtype = ESP_PARTITION_SUBTYPE_DATA_LITTLEFS;
    config = settings();
    config.old_partition = &fake.partitions[0];
    config.new_partition = &fake.partitions[1];
    config.keys = &trusted;
    return config;
}

static int is_there(blob image) {
    return memcmp(fake.flash.bytes + FAKE_SLOT, image.bytes, image.len) == 0;
}

static void patches_must_be_signed(blob old_data, blob new_data) {
    static const struct {
        const char *patch;
        const flashdelta_psa *keys;
        int expected;
    } cases[] = {
        {"signed-p256-openssl.patch", &trusted, FLASHDELTA_OK},
        {"signed-p256-cryptography.patch", &trusted, FLASHDELTA_OK},
        {"signed-twice.patch", &trusted, FLASHDELTA_OK},
        {"signed-p256-openssl.patch", NULL, FLASHDELTA_OK},
        {"chunks.patch", NULL, FLASHDELTA_OK},
        {"signed-p256-openssl.patch", &others, FLASHDELTA_ERR_UNKNOWN_KEY},
        {"chunks.patch", &trusted, FLASHDELTA_ERR_UNSIGNED},
        {"signed-ed25519-cryptography.patch", &trusted, FLASHDELTA_ERR_UNKNOWN_KEY},
        {"bad-p256-signature.patch", &trusted, FLASHDELTA_ERR_WRONG_SIGNATURE},
        {"bad-zero-signature.patch", &trusted, FLASHDELTA_ERR_WRONG_SIGNATURE},
        {"bad-table.patch", NULL, FLASHDELTA_ERR_WRONG_TABLE},
    };
    size_t i;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const blob patch = load(signed_folder, cases[i].patch);
        const size_t pieces[] = {1, 100, 1 << 20};
        size_t piece;
        for (piece = 0; piece < 3; piece++) {
            flashdelta_ota_config_t config = start_data(old_data);
            config.keys = cases[i].keys;
            CHECK_STATUS(run(&config, patch, pieces[piece]), cases[i].expected == FLASHDELTA_OK ? ESP_OK : FAILED + cases[i].expected);
            CHECK(cases[i].expected == FLASHDELTA_OK ? is_there(new_data) : fake.flash.writes == 0 && fake.flash.erases == 0);
            fake_stop();
        }
        free(patch.bytes);
    }
}

/* A wrong chunk is asked for again: nothing of it is used, and the update goes on. */
static void a_wrong_chunk_is_mended(blob old_data, blob new_data) {
    const blob patch = load(signed_folder, "signed-p256-openssl.patch");
    size_t at, mended = 0;
    for (at = 0; at < patch.len; at += 13) {
        flashdelta_ota_config_t config = start_data(old_data);
        flashdelta_ota_handle_t ota = NULL;
        size_t next = 0;
        esp_err_t err;
        CHECK_STATUS(flashdelta_ota_begin(&config, &ota), ESP_OK);
        patch.bytes[at] ^= 4;
        err = feed(ota, patch, 0, patch.len);
        patch.bytes[at] ^= 4;
        CHECK(err > FAILED);
        if (err == FAILED + FLASHDELTA_ERR_WRONG_CHUNK) {
            CHECK_STATUS(flashdelta_ota_get_next(ota, &next), ESP_OK);
            CHECK(next > 0 && next <= at);
            CHECK_STATUS(flashdelta_ota_suspend(ota), ESP_OK);
            CHECK_STATUS(feed(ota, patch, next, patch.len), ESP_OK);
            CHECK_STATUS(flashdelta_ota_end(ota), ESP_OK);
            CHECK(is_there(new_data));
            mended++;
        } else {
            CHECK(fake.flash.writes == 0 && fake.flash.erases == 0);
            CHECK_STATUS(flashdelta_ota_get_next(ota, &next), err);
            CHECK_STATUS(flashdelta_ota_end(ota), err);
        }
        fake_stop();
    }
    CHECK(mended > 10);
    /* Given up or ended with a wrong chunk: that is not tried again and again. */
    for (at = 0; at < 2; at++) {
        flashdelta_ota_config_t config = start_data(old_data);
        flashdelta_ota_handle_t ota = NULL;
        size_t taken = 0;
        suspend_at(&config, patch, 0, patch.len - 100);
        CHECK_STATUS(flashdelta_ota_resume(&config, &ota, &taken), ESP_OK);
        CHECK(taken == patch.len - 100);
        patch.bytes[patch.len - 1] ^= 1;
        CHECK_STATUS(feed(ota, patch, taken, patch.len), FAILED + FLASHDELTA_ERR_WRONG_CHUNK);
        patch.bytes[patch.len - 1] ^= 1;
        if (at == 0) {
            CHECK_STATUS(flashdelta_ota_abort(ota), ESP_OK);
        } else {
            CHECK_STATUS(flashdelta_ota_end(ota), FAILED + FLASHDELTA_ERR_TRUNCATED);
        }
        CHECK(taken_now(&config) == 0);
        fake_stop();
    }
    free(patch.bytes);
}

/* With keys, without, and with others than when it was suspended: that is no way round them. */
static void signed_updates_go_on(blob old_data, blob new_data) {
    const blob patch = load(signed_folder, "signed-p256-openssl.patch");
    flashdelta_ota_config_t config = start_data(old_data);
    size_t at;
    for (at = 300; at < patch.len; at += 50) {
        suspend_at(&config, patch, at > 300 ? at - 50 : 0, at);
    }
    CHECK_STATUS(finish(&config, patch, &at), ESP_OK);
    CHECK(at > patch.len - 51 && is_there(new_data));
    fake_stop();

    config = start_data(old_data);
    config.keys = NULL;
    suspend_at(&config, patch, 0, patch.len / 2);
    config.keys = &trusted;
    CHECK(taken_now(&config) == 0);
    suspend_at(&config, patch, 0, patch.len / 2);
    config.keys = NULL;
    CHECK(taken_now(&config) == 0);
    config.keys = &trusted;
    suspend_at(&config, patch, 0, patch.len / 2);
    /* The key is revoked. */
    config.keys = &others;
    CHECK(taken_now(&config) == 0);
    config.keys = &trusted;
    CHECK(taken_now(&config) == 0);
    fake_stop();
    free(patch.bytes);
}

/* A header that nobody vouches for says nothing about RAM. */
static void too_little_ram_is_said_of_signed_patches_only(blob old_data) {
    const blob patch = load(signed_folder, "signed-p256-openssl.patch"), unsigned_patch = load(signed_folder, "chunks.patch");
    size_t needed = 0, chunks = 0, i;
    CHECK_STATUS(flashdelta_workspace_len(patch.bytes, patch.len, &needed), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_chunk_ram(patch.bytes, patch.len, &chunks), FLASHDELTA_OK);
    for (i = 0; i < 4; i++) {
        const size_t ram[] = {1, chunks, needed - 1, needed + chunks - 1};
        flashdelta_ota_config_t config = start_data(old_data);
        esp_err_t err;
        config.ram = 1024 + ram[i];
        err = run(&config, patch, 100);
        CHECK(err == FAILED + FLASHDELTA_ERR_WORKSPACE_TOO_SMALL || err == FAILED + FLASHDELTA_ERR_CHUNK_BUFFER_TOO_SMALL);
        CHECK(i < 3 || err == FAILED + FLASHDELTA_ERR_CHUNK_BUFFER_TOO_SMALL);
        CHECK_STATUS(run(&config, unsigned_patch, 100), FAILED + FLASHDELTA_ERR_UNSIGNED);
        config.keys = &others;
        CHECK_STATUS(run(&config, patch, 100), FAILED + FLASHDELTA_ERR_UNKNOWN_KEY);
        CHECK(fake.flash.writes == 0 && fake.flash.erases == 0);
        fake_stop();
    }
    free(unsigned_patch.bytes);
    free(patch.bytes);
}

static void signatures(const char *folder) {
    blob old_data, new_data;
    signed_folder = folder;
    old_data = load(folder, "chunks.old");
    new_data = load(folder, "chunks.new");
    CHECK(psa_crypto_init() == PSA_SUCCESS);
    import(known, "p256.point");
    import(strange, "other-p256.point");
    patches_must_be_signed(old_data, new_data);
    a_wrong_chunk_is_mended(old_data, new_data);
    signed_updates_go_on(old_data, new_data);
    too_little_ram_is_said_of_signed_patches_only(old_data);
    free(old_data.bytes);
    free(new_data.bytes);
    mbedtls_psa_crypto_free();
}

#else

/* Fail closed: keys that nobody looks at are an error. */
static void signatures(const char *folder) {
    flashdelta_ota_config_t config;
    start(false);
    config = settings();
    config.keys = (const struct flashdelta_psa *)folder;
    CHECK_STATUS(run(&config, update, 100), ESP_ERR_NOT_SUPPORTED);
    fake_stop();
}

#endif

int main(int argc, char **argv) {
    blob patch;
    if (argc != 3) {
        fprintf(stderr, "usage: test_suspend FOLDER SIGNED\n");
        return 2;
    }
    old_image = load(argv[1], "old.bin");
    new_image = load(argv[1], "new.bin");
    update = load(argv[1], "update.fdp");
    patch = load(argv[1], "small.fdp");
    no_byte_is_fed_twice(patch);
    power_cuts_leave_the_suspension_before(patch);
    power_cuts_after_a_suspension_do_no_harm(patch);
    damage_is_found(patch);
    the_rest_of_another_patch_is_found_out(patch, update);
    begin_forgets_what_was_suspended(patch);
    a_patch_cut_short_is_gone_on_with(patch);
    another_world_is_begun_anew(patch);
    a_failing_read_forgets_nothing(patch);
    wrong_arguments_are_refused(patch);
    no_failing_call_is_overlooked(patch);
    signatures(argv[2]);
    free(patch.bytes);
    free(update.bytes);
    free(new_image.bytes);
    free(old_image.bytes);
    return summary("test_suspend");
}
