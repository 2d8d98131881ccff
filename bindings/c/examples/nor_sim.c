#include "nor_sim.h"

#include <stdlib.h>
#include <string.h>

int nor_init(nor_sim *flash, uint32_t size, uint32_t sector_size, uint32_t write_size) {
    flash->bytes = (uint8_t *)malloc(size);
    flash->written = (uint8_t *)calloc(size / write_size, 1);
    flash->wear = (uint32_t *)calloc(size / sector_size, sizeof *flash->wear);
    flash->size = size;
    flash->sector_size = sector_size;
    flash->write_size = write_size;
    flash->erases = 0;
    flash->writes = 0;
    flash->cut_after = -1;
    flash->cut_at = 8;
    flash->address = 0;
    flash->random = 1;
    if (flash->bytes == NULL || flash->written == NULL || flash->wear == NULL) {
        nor_free(flash);
        return -1;
    }
    memset(flash->bytes, 0xFF, size);
    return 0;
}

void nor_free(nor_sim *flash) {
    free(flash->bytes);
    free(flash->written);
    free(flash->wear);
    flash->bytes = NULL;
    flash->written = NULL;
    flash->wear = NULL;
}

void nor_power_on(nor_sim *flash) {
    flash->cut_after = -1;
}

static int outside(const nor_sim *flash, uint32_t address, size_t len) {
    return address > flash->size || len > flash->size - address;
}

/* Counts an operation. 1: the power is cut inside it. */
static int is_cut(nor_sim *flash, uint32_t address) {
    flash->address = address;
    if (flash->cut_after > 0) {
        flash->cut_after--;
        return flash->cut_after == 0;
    }
    return 0;
}

/* Marsaglia, "Xorshift RNGs", 2003. */
static uint8_t random_byte(nor_sim *flash) {
    uint32_t x = flash->random;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    flash->random = x;
    return (uint8_t)(x >> 11);
}

static int is_off(const nor_sim *flash) {
    return flash->cut_after == 0;
}

int nor_read(const nor_sim *flash, uint32_t address, void *to, size_t len) {
    if (is_off(flash)) {
        return NOR_POWER;
    }
    if (outside(flash, address, len)) {
        return NOR_OUTSIDE;
    }
    memcpy(to, flash->bytes + address, len);
    return NOR_OK;
}

int nor_write(nor_sim *flash, uint32_t address, const void *from, size_t len) {
    const uint32_t unit = flash->write_size;
    size_t at, whole, torn = 0;
    if (is_off(flash)) {
        return NOR_POWER;
    }
    if (outside(flash, address, len)) {
        return NOR_OUTSIDE;
    }
    if (address % unit != 0 || len % unit != 0) {
        return NOR_UNALIGNED;
    }
    for (at = address; at < address + len; at += unit) {
        if (flash->written[at / unit]) {
            return NOR_NOT_ERASED;
        }
    }
    whole = len;
    if (is_cut(flash, address)) {
        whole = len / unit * flash->cut_at / 16 * unit;
        torn = whole < len ? unit : 0;
    }
    memcpy(flash->bytes + address, from, whole);
    for (at = whole; at < whole + torn; at++) {
        /* Any of the bits that should become 0 may have done so. */
        flash->bytes[address + at] &= (uint8_t)(((const uint8_t *)from)[at] | random_byte(flash));
    }
    for (at = address; at < address + whole + torn; at += unit) {
        flash->written[at / unit] = 1;
    }
    flash->writes++;
    return is_off(flash) ? NOR_POWER : NOR_OK;
}

int nor_erase(nor_sim *flash, uint32_t address) {
    const uint32_t len = flash->sector_size;
    uint32_t whole = len, at;
    if (is_off(flash)) {
        return NOR_POWER;
    }
    if (outside(flash, address, len)) {
        return NOR_OUTSIDE;
    }
    if (address % len != 0) {
        return NOR_UNALIGNED;
    }
    if (is_cut(flash, address)) {
        whole = len / 16 * flash->cut_at;
    }
    memset(flash->bytes + address, 0xFF, whole);
    for (at = whole; at < len; at++) {
        flash->bytes[address + at] |= random_byte(flash);
    }
    /* Half erased: some bytes may look erased, but none may be written. */
    memset(flash->written + address / flash->write_size, whole < len, len / flash->write_size);
    flash->wear[address / len]++;
    flash->erases++;
    return is_off(flash) ? NOR_POWER : NOR_OK;
}
