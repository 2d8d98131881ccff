#include "nor_sim.h"

#include <stdlib.h>
#include <string.h>

int nor_init(nor_sim *flash, uint32_t size, uint32_t sector_size, uint32_t write_size) {
    flash->bytes = (uint8_t *)malloc(size);
    flash->written = (uint8_t *)calloc(size / write_size, 1);
    flash->size = size;
    flash->sector_size = sector_size;
    flash->write_size = write_size;
    flash->erases = 0;
    flash->writes = 0;
    flash->cut_after = -1;
    if (flash->bytes == NULL || flash->written == NULL) {
        nor_free(flash);
        return -1;
    }
    memset(flash->bytes, 0xFF, size);
    return 0;
}

void nor_free(nor_sim *flash) {
    free(flash->bytes);
    free(flash->written);
    flash->bytes = NULL;
    flash->written = NULL;
}

void nor_power_on(nor_sim *flash) {
    flash->cut_after = -1;
}

static int outside(const nor_sim *flash, uint32_t address, size_t len) {
    return address > flash->size || len > flash->size - address;
}

/* Counts an operation. 1: the power is cut in the middle of it. */
static int is_cut(nor_sim *flash) {
    if (flash->cut_after > 0) {
        flash->cut_after--;
        return flash->cut_after == 0;
    }
    return 0;
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
    size_t at;
    int cut;
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
    cut = is_cut(flash);
    if (cut) {
        len /= 2; /* the middle of the operation */
    }
    memcpy(flash->bytes + address, from, len);
    for (at = address; at < address + len; at += unit) {
        flash->written[at / unit] = 1;
    }
    flash->writes++;
    return cut ? NOR_POWER : NOR_OK;
}

int nor_erase(nor_sim *flash, uint32_t address) {
    uint32_t len = flash->sector_size;
    int cut;
    if (is_off(flash)) {
        return NOR_POWER;
    }
    if (outside(flash, address, len)) {
        return NOR_OUTSIDE;
    }
    if (address % len != 0) {
        return NOR_UNALIGNED;
    }
    cut = is_cut(flash);
    if (cut) {
        /* Half erased: some bytes look erased, but none may be written. */
        memset(flash->bytes + address, 0xFF, len / 2);
        memset(flash->written + address / flash->write_size, 1, len / flash->write_size);
        return NOR_POWER;
    }
    memset(flash->bytes + address, 0xFF, len);
    memset(flash->written + address / flash->write_size, 0, len / flash->write_size);
    flash->erases++;
    return NOR_OK;
}
