/* Fixed-size blocks.
 * SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "fw.h"

void pool_init(struct pool *p, void *mem, uint16_t size, uint16_t count)
{
    *p = (struct pool){ NULL, mem, size, count, 0, 0 };
    for (uint16_t i = count; i-- > 0;) {
        void **b = (void **)(void *)(p->base + (uint32_t)i * size);
        *b = p->free;
        p->free = b;
    }
}

void *pool_get(struct pool *p)
{
    void **b = p->free;
    if (!b)
        return NULL;
    p->free = *b;
    if (++p->used > p->peak)
        p->peak = p->used;
    return b;
}

void pool_put(struct pool *p, void *b)
{
    uint8_t *q = b;
    if (q < p->base || q >= p->base + (uint32_t)p->size * p->count || (uint32_t)(q - p->base) % p->size)
        return;
    *(void **)b = p->free;
    p->free = b;
    p->used--;
}
