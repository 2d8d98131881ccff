/*
 * Signed patches through the C functions, with keys in PSA Crypto (Mbed TLS).
 *
 *     test_guard FOLDER
 *
 * FOLDER is testdata/signed, with p256.point and other-p256.point: public keys as 65 bytes.
 */
#include "device.h"

#include "../psa/flashdelta_psa.h"

enum { KEPT_BYTES = 96 * 1024 };
#include "kept.h"

static const char *folder;

static blob file(const char *name) {
    return load(folder, name);
}

static flashdelta_psa_key key_of(const char *name) {
    flashdelta_psa_key key;
    blob point = file(name);
    CHECK(point.len == 65);
    CHECK(flashdelta_psa_import_p256(&key, point.bytes) == PSA_SUCCESS);
    free(point.bytes);
    return key;
}

/* Applies in pieces of 100 bytes; gives what came of it. */
static flashdelta_status run(blob old_image, blob new_image, blob patch, const flashdelta_verifier *verifier,
                             flashdelta_error_detail *detail) {
    static flashdelta_applier applier;
    device d;
    flashdelta_flash flash = start_device(&d, old_image, new_image.len, 1);
    uint8_t workspace[16 * 1024], buffer[68 * 1024];
    size_t at, piece;
    flashdelta_status status = flashdelta_applier_init(&applier, &flash, NULL, workspace, sizeof workspace);
    CHECK_STATUS(status, FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_applier_guard(&applier, verifier, workspace, 100), FLASHDELTA_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(flashdelta_applier_guard(&applier, verifier, buffer, sizeof buffer), FLASHDELTA_OK);
    if (verifier != NULL) { /* and no way back */
        CHECK_STATUS(flashdelta_applier_guard(&applier, NULL, buffer, sizeof buffer), FLASHDELTA_ERR_INVALID_ARGUMENT);
    }
    for (at = 0; status == FLASHDELTA_OK && at < patch.len; at += piece) {
        piece = patch.len - at < 100 ? patch.len - at : 100;
        status = flashdelta_applier_feed(&applier, patch.bytes + at, piece, NULL);
        CHECK_STATUS(flashdelta_applier_guard(&applier, verifier, buffer, sizeof buffer),
                     status == FLASHDELTA_OK || status == FLASHDELTA_ERR_WRONG_CHUNK ? FLASHDELTA_ERR_INVALID_ARGUMENT
                                                                                     : FLASHDELTA_ERR_FAILED_BEFORE);
    }
    if (status == FLASHDELTA_ERR_WRONG_CHUNK) {
        /* It may come again: here it does not. */
        uint32_t next = 0;
        CHECK_STATUS(flashdelta_applier_next(&applier, &next), FLASHDELTA_OK);
        CHECK(next > 0 && next < patch.len);
        CHECK_STATUS(flashdelta_applier_finish(&applier), FLASHDELTA_ERR_TRUNCATED);
    } else if (status == FLASHDELTA_OK) {
        status = flashdelta_applier_finish(&applier);
        CHECK(d.committed == (status == FLASHDELTA_OK));
    } else {
        CHECK_STATUS(flashdelta_applier_last_error(&applier, detail), FLASHDELTA_OK);
        CHECK(detail->status == status && d.committed == 0 && d.counters.writes == 0);
    }
    if (status == FLASHDELTA_OK) {
        CHECK(memcmp(d.flash.bytes, new_image.bytes, new_image.len) == 0);
    }
    CHECK_STATUS(flashdelta_applier_abort(&applier), FLASHDELTA_OK);
    nor_free(&d.flash);
    return status;
}

/* A signed update with a reset after each 100 bytes: nothing is fed twice, and another policy is no way to go on. */
static void run_with_resets(blob old_image, blob new_image, blob patch, const flashdelta_verifier *verifier) {
    static flashdelta_applier applier;
    static kept saved;
    device d;
    flashdelta_flash flash = start_device(&d, old_image, new_image.len, 1);
    uint8_t workspace[16 * 1024], buffer[68 * 1024];
    const flashdelta_psa nobody = {NULL, 0};
    const flashdelta_verifier stranger = flashdelta_psa_verifier(&nobody);
    flashdelta_progress progress = {0};
    uint32_t taken = 0, len = 0, resets = 0;
    while (!progress.done || taken < patch.len) {
        uint32_t end = taken + 100 < patch.len ? taken + 100 : (uint32_t)patch.len;
        memset(workspace, (int)resets, sizeof workspace);
        memset(buffer, 0xA5, sizeof buffer);
        memset(&applier, 0x5A, sizeof applier);
        CHECK_STATUS(flashdelta_applier_init(&applier, &flash, NULL, workspace, sizeof workspace), FLASHDELTA_OK);
        if (resets > 0) {
            const flashdelta_status expected = progress.total > 0 ? FLASHDELTA_ERR_UNKNOWN_KEY : FLASHDELTA_OK;
            CHECK_STATUS(flashdelta_applier_guard(&applier, NULL, buffer, sizeof buffer), FLASHDELTA_OK);
            CHECK_STATUS(flashdelta_applier_resume(&applier, get, &saved, saved.len, NULL, 0, UINT32_MAX, &progress),
                         FLASHDELTA_ERR_SUSPENSION_DAMAGED);
            CHECK_STATUS(flashdelta_applier_abort(&applier), FLASHDELTA_OK);
            CHECK_STATUS(flashdelta_applier_init(&applier, &flash, NULL, workspace, sizeof workspace), FLASHDELTA_OK);
            /* Without a guard. */
            CHECK_STATUS(flashdelta_applier_resume(&applier, get, &saved, saved.len, NULL, 0, UINT32_MAX, &progress),
                         FLASHDELTA_ERR_SUSPENSION_DAMAGED);
            /* With other keys, once the header was accepted. */
            CHECK_STATUS(flashdelta_applier_guard(&applier, &stranger, buffer, sizeof buffer), FLASHDELTA_OK);
            CHECK_STATUS(flashdelta_applier_resume(&applier, get, &saved, saved.len, NULL, 0, UINT32_MAX, &progress),
                         expected);
            CHECK_STATUS(flashdelta_applier_abort(&applier), FLASHDELTA_OK);
            CHECK_STATUS(flashdelta_applier_init(&applier, &flash, NULL, workspace, sizeof workspace), FLASHDELTA_OK);
        }
        CHECK_STATUS(flashdelta_applier_guard(&applier, verifier, buffer, sizeof buffer), FLASHDELTA_OK);
        if (resets > 0) {
            CHECK_STATUS(flashdelta_applier_resume(&applier, get, &saved, saved.len, NULL, 0, UINT32_MAX, &progress), FLASHDELTA_OK);
            CHECK(progress.taken == taken);
        }
        CHECK_STATUS(flashdelta_applier_feed(&applier, patch.bytes + taken, end - taken, &progress), FLASHDELTA_OK);
        CHECK(progress.taken == end);
        taken = end;
        saved.len = 0;
        CHECK_STATUS(flashdelta_applier_suspension_len(&applier, &len), FLASHDELTA_OK);
        CHECK_STATUS(flashdelta_applier_suspend(&applier, put, &saved), FLASHDELTA_OK);
        CHECK(saved.len == len);
        resets++;
    }
    CHECK(resets > 3 && d.committed == 0);
    CHECK_STATUS(flashdelta_applier_finish(&applier), FLASHDELTA_OK);
    CHECK(d.committed == 1 && memcmp(d.flash.bytes, new_image.bytes, new_image.len) == 0);
    nor_free(&d.flash);
}

/* A damaged chunk is named by its first byte, and comes again. */
static void a_wrong_chunk_is_mended(blob old_image, blob new_image, blob patch, const flashdelta_verifier *verifier) {
    static flashdelta_applier applier;
    uint8_t workspace[16 * 1024], buffer[68 * 1024];
    size_t at, mended = 0;
    for (at = 300; at < patch.len; at += 41) {
        device d;
        flashdelta_flash flash = start_device(&d, old_image, new_image.len, 1);
        flashdelta_status status;
        CHECK_STATUS(flashdelta_applier_init(&applier, &flash, NULL, workspace, sizeof workspace), FLASHDELTA_OK);
        CHECK_STATUS(flashdelta_applier_guard(&applier, verifier, buffer, sizeof buffer), FLASHDELTA_OK);
        patch.bytes[at] ^= 1;
        status = flashdelta_applier_feed(&applier, patch.bytes, patch.len, NULL);
        patch.bytes[at] ^= 1;
        if (status == FLASHDELTA_ERR_WRONG_CHUNK) {
            uint32_t next = 0;
            CHECK_STATUS(flashdelta_applier_next(&applier, &next), FLASHDELTA_OK);
            CHECK(next > 0 && next <= at);
            CHECK_STATUS(flashdelta_applier_feed(&applier, patch.bytes + next, patch.len - next, NULL), FLASHDELTA_OK);
            CHECK_STATUS(flashdelta_applier_finish(&applier), FLASHDELTA_OK);
            CHECK(d.committed == 1 && memcmp(d.flash.bytes, new_image.bytes, new_image.len) == 0);
            mended++;
        } else {
            CHECK(status != FLASHDELTA_OK && d.counters.writes == 0);
            CHECK_STATUS(flashdelta_applier_abort(&applier), FLASHDELTA_OK);
        }
        nor_free(&d.flash);
    }
    CHECK(mended > 3);
}

int main(int argc, char **argv) {
    static const struct {
        const char *patch;
        int trusts, expected;
    } cases[] = {
        {"signed-p256-cryptography.patch", 1, FLASHDELTA_OK},
        {"signed-p256-openssl.patch", 1, FLASHDELTA_OK},
        {"signed-twice.patch", 1, FLASHDELTA_OK},
        {"signed-twice.patch", 0, FLASHDELTA_OK},
        {"signed-by-the-future.patch", 1, FLASHDELTA_OK},
        {"chunks.patch", 0, FLASHDELTA_OK},
        {"chunks.patch", 1, FLASHDELTA_ERR_UNSIGNED},
        {"signed-ed25519-cryptography.patch", 1, FLASHDELTA_ERR_UNKNOWN_KEY},
        {"bad-p256-signature.patch", 1, FLASHDELTA_ERR_WRONG_SIGNATURE},
        {"bad-zero-signature.patch", 1, FLASHDELTA_ERR_WRONG_SIGNATURE},
        {"bad-table.patch", 0, FLASHDELTA_ERR_WRONG_TABLE},
        {"bad-chunk.patch", 0, FLASHDELTA_ERR_WRONG_CHUNK},
    };
    flashdelta_psa_key keys[2];
    flashdelta_psa trusted;
    flashdelta_verifier verifier;
    flashdelta_error_detail detail;
    blob old_image, new_image;
    size_t i;
    CHECK(argc == 2);
    folder = argv[1];
    CHECK(psa_crypto_init() == PSA_SUCCESS);
    keys[0] = key_of("other-p256.point");
    keys[1] = key_of("p256.point");
    trusted.keys = keys;
    trusted.count = 2;
    verifier = flashdelta_psa_verifier(&trusted);
    old_image = file("chunks.old");
    new_image = file("chunks.new");
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        blob patch = file(cases[i].patch);
        size_t ram = 0;
        CHECK_STATUS(flashdelta_chunk_ram(patch.bytes, patch.len, &ram), FLASHDELTA_OK);
        CHECK(ram >= 256 && needed(patch) <= 16 * 1024);
        CHECK_STATUS(run(old_image, new_image, patch, cases[i].trusts ? &verifier : NULL, &detail),
                     (flashdelta_status)cases[i].expected);
        if (cases[i].expected == FLASHDELTA_OK && cases[i].trusts) {
            run_with_resets(old_image, new_image, patch, &verifier);
            a_wrong_chunk_is_mended(old_image, new_image, patch, &verifier);
        }
        if (cases[i].expected == FLASHDELTA_ERR_WRONG_SIGNATURE) {
            CHECK(detail.digest_len == 8 && memcmp(detail.found_digest, keys[1].key_id, 8) == 0);
        }
        free(patch.bytes);
    }
    free(old_image.bytes);
    free(new_image.bytes);
    mbedtls_psa_crypto_free();
    return summary("test_guard");
}
