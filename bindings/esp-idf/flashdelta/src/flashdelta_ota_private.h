/* What the sources of the component share. */
#pragma once

#include "flashdelta_ota.h"
#include "sdkconfig.h"

#if CONFIG_FLASHDELTA_SIGNATURES
#include "flashdelta_psa.h"
#endif

#define TAG "flashdelta"

struct flashdelta_ota {
    flashdelta_applier applier;
    const esp_partition_t *old_partition;
    const esp_partition_t *new_partition;
    flashdelta_device device;
    bool has_device;
    bool ignore_trailing;
    bool keep_boot_partition;
    uint8_t *header; /* the first bytes of the patch, until they tell how much RAM it needs */
    size_t header_len;
    uint8_t *workspace; /* from then on */
    uint8_t *buffer;    /* of the guard, if the patch has chunks or must be signed */
#if CONFIG_FLASHDELTA_SIGNATURES
    flashdelta_verifier verifier;
#endif
    const uint8_t *values; /* for holes; NULL: none */
    size_t values_len;
    bool has_keys;
    bool chunk_is_wrong; /* and has not come again */
    const esp_partition_t *suspend_partition; /* NULL: the update cannot be suspended */
    bool is_own;                              /* what is suspended there, if anything, is of this update */
    esp_err_t partition_error;                /* the last one of any partition, since a suspension or its end was begun */
    size_t most_workspace;
    size_t done_since_yield;
    flashdelta_progress progress;
    flashdelta_error_detail detail; /* of an error from before there is an applier */
    esp_err_t error;                /* the first one */
};

/* This many bytes of flash are read or written: lets other tasks run now and then. */
void flashdelta_ota_count(struct flashdelta_ota *ota, size_t len);

/* Remembers what went wrong with a partition: when it suspends and resumes, the library only tells that something did. */
int32_t flashdelta_ota_noted(struct flashdelta_ota *ota, esp_err_t err);

/*
 * Takes the memory that the update needs, more if there is more, and makes an applier in it.
 *
 * chunks: what the patch needs to have its chunks checked; buffer: what the guard is lent for that, or else for the header and a signature.
 */
esp_err_t flashdelta_ota_make_applier(struct flashdelta_ota *ota, size_t needed, size_t chunks, size_t buffer);

/* Gives it back. */
void flashdelta_ota_free_memory(struct flashdelta_ota *ota);

void flashdelta_ota_free(struct flashdelta_ota *ota);

/* Forgets what was suspended by another update, before anything is written. */
void flashdelta_ota_forget(struct flashdelta_ota *ota);

/* The update has ended, with this: forgets what was suspended of it, unless going on would mend what is wrong. */
void flashdelta_ota_forget_at_end(struct flashdelta_ota *ota, esp_err_t err);
