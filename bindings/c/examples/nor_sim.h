/*
 * A NOR flash in RAM that is as strict as a real one: it is erased by sectors, every unit is written once after that, and everything is aligned. The power can be
 * cut inside any operation, which leaves random bits behind.
 */
#ifndef NOR_SIM_H
#define NOR_SIM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    NOR_OK = 0,
    NOR_OUTSIDE = -1,    /* beyond the end of the flash */
    NOR_UNALIGNED = -2,  /* not at a multiple of the write unit or sector */
    NOR_NOT_ERASED = -3, /* a unit is written twice */
    NOR_POWER = -4       /* the power is gone */
};

typedef struct nor_sim {
    uint8_t *bytes;
    uint8_t *written; /* one flag per write unit: it is written, or was torn by a power cut, and must be erased before it is written */
    uint32_t *wear;   /* erases of each sector, those included that a power cut has ended */
    uint32_t size;
    uint32_t sector_size;
    uint32_t write_size;
    unsigned long erases;
    unsigned long writes;
    long cut_after;    /* the power is cut inside the operation (write or erase) of this number from now, counted from 1; 0: it is off; below 0: never */
    uint32_t cut_at;   /* this many sixteenths of that operation are done; 16: it is complete, and then the power goes */
    uint32_t address;  /* of the last operation */
    uint32_t random;   /* for the bits of torn units */
} nor_sim;

/* A flash of `size` bytes, erased. 0, or -1 if there is no memory. `size` is a multiple of `sector_size`, that one of `write_size`. */
int nor_init(nor_sim *flash, uint32_t size, uint32_t sector_size, uint32_t write_size);
void nor_free(nor_sim *flash);

int nor_read(const nor_sim *flash, uint32_t address, void *to, size_t len);
int nor_write(nor_sim *flash, uint32_t address, const void *from, size_t len);
int nor_erase(nor_sim *flash, uint32_t address); /* one sector */

/* The power is back. */
void nor_power_on(nor_sim *flash);

#ifdef __cplusplus
}
#endif

#endif
