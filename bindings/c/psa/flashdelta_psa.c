/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "flashdelta_psa.h"

#include <string.h>

enum { MESSAGE = 48, SIGNATURE = 64, HASH = 32, POINT = 65 };

/* A SubjectPublicKeyInfo for a point on P-256, up to the point (RFC 5480). */
static const uint8_t SPKI[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
                               0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};

static psa_status_t sha256(const uint8_t *bytes, size_t len, uint8_t hash[HASH]) {
    size_t hash_len = 0;
    return psa_hash_compute(PSA_ALG_SHA_256, bytes, len, hash, HASH, &hash_len);
}

psa_status_t flashdelta_psa_import_p256(flashdelta_psa_key *key, const uint8_t point[65]) {
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    uint8_t spki[sizeof SPKI + POINT], hash[HASH];
    psa_key_id_t id = 0;
    psa_status_t status;
    memcpy(spki, SPKI, sizeof SPKI);
    memcpy(spki + sizeof SPKI, point, POINT);
    status = sha256(spki, sizeof spki, hash);
    if (status != PSA_SUCCESS) {
        return status;
    }
    psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_VERIFY_HASH);
    psa_set_key_algorithm(&attributes, PSA_ALG_ECDSA(PSA_ALG_SHA_256));
    psa_set_key_type(&attributes, PSA_KEY_TYPE_ECC_PUBLIC_KEY(PSA_ECC_FAMILY_SECP_R1));
    psa_set_key_bits(&attributes, 256);
    status = psa_import_key(&attributes, point, POINT, &id);
    if (status == PSA_SUCCESS) {
        key->algorithm = FLASHDELTA_ALGORITHM_P256;
        key->key = id;
        memcpy(key->key_id, hash, sizeof key->key_id);
    }
    return status;
}

static psa_status_t check(const flashdelta_psa_key *key, const uint8_t *message, const uint8_t *signature) {
    uint8_t hash[HASH];
    psa_status_t status;
    if (key->algorithm == FLASHDELTA_ALGORITHM_P256) {
        status = sha256(message, MESSAGE, hash);
        if (status != PSA_SUCCESS) {
            return status;
        }
        return psa_verify_hash(key->key, PSA_ALG_ECDSA(PSA_ALG_SHA_256), hash, HASH, signature, SIGNATURE);
    }
#ifdef PSA_ALG_PURE_EDDSA
    if (key->algorithm == FLASHDELTA_ALGORITHM_ED25519) {
        return psa_verify_message(key->key, PSA_ALG_PURE_EDDSA, message, MESSAGE, signature, SIGNATURE);
    }
#endif
    return PSA_ERROR_NOT_SUPPORTED;
}

static int32_t verify(void *user, uint8_t algorithm, const uint8_t *key_id, const uint8_t *message,
                      const uint8_t *signature) {
    const flashdelta_psa *trusted = (const flashdelta_psa *)user;
    size_t i;
    for (i = 0; i < trusted->count; i++) {
        const flashdelta_psa_key *key = &trusted->keys[i];
        if (key->algorithm == algorithm && memcmp(key->key_id, key_id, sizeof key->key_id) == 0) {
            return check(key, message, signature) == PSA_SUCCESS ? FLASHDELTA_VERDICT_RIGHT
                                                                 : FLASHDELTA_VERDICT_WRONG;
        }
    }
    return FLASHDELTA_VERDICT_UNKNOWN_KEY;
}

flashdelta_verifier flashdelta_psa_verifier(const flashdelta_psa *trusted) {
    flashdelta_verifier verifier;
    verifier.user = (void *)(uintptr_t)trusted;
    verifier.verify = verify;
    return verifier;
}
