/**
 * @file flashdelta_psa.h
 * @brief Signatures of patches checked by PSA Crypto: Mbed TLS, TF-M, ESP-IDF, Zephyr, secure elements.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Call psa_crypto_init() first, and import or open the keys as PSA keys that may verify hashes (P-256) or messages (Ed25519, where the library has it). Then:
 *
 * @code{.c}
 * static flashdelta_psa_key keys[1];
 * static const flashdelta_psa trusted = {keys, 1};
 *
 * // once: the public key as `openssl pkey -pubin -in release.pub.pem -outform DER | tail -c 65` gives it
 * if (flashdelta_psa_import_p256(&keys[0], release_public_key) != PSA_SUCCESS) { ... }
 *
 * flashdelta_verifier verifier = flashdelta_psa_verifier(&trusted);
 * status = flashdelta_applier_guard(&applier, &verifier, buffer, sizeof buffer);
 * @endcode
 */
#ifndef FLASHDELTA_PSA_H
#define FLASHDELTA_PSA_H

#include <flashdelta_apply.h>
#include <psa/crypto.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A public key that is trusted. */
typedef struct flashdelta_psa_key {
    /** One of flashdelta_algorithm. */
    uint32_t algorithm;
    /** Its id: the first 8 bytes of the SHA-256 of its SubjectPublicKeyInfo, as `flashdelta keygen` prints it. */
    uint8_t key_id[8];
    /** The key in PSA Crypto. */
    psa_key_id_t key;
} flashdelta_psa_key;

/** The keys that are trusted. It must live as long as the verifier is used. */
typedef struct flashdelta_psa {
    const flashdelta_psa_key *keys;
    size_t count;
} flashdelta_psa;

/**
 * Imports a public key for ECDSA P-256 as a volatile key, and works out its id.
 *
 * @param[out] key written only on success
 * @param point the point, uncompressed: 04, then both coordinates, big-endian (65 bytes)
 * @return what PSA Crypto returns
 */
psa_status_t flashdelta_psa_import_p256(flashdelta_psa_key *key, const uint8_t point[65]);

/** The verifier of these keys. */
flashdelta_verifier flashdelta_psa_verifier(const flashdelta_psa *trusted);

#ifdef __cplusplus
}
#endif

#endif
