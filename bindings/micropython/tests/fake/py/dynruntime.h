#ifndef FAKE_DYNRUNTIME_H
#define FAKE_DYNRUNTIME_H

#include "py/nlr.h"
#include "py/runtime.h"

typedef struct mp_fun_table_t {
    unsigned int (*nlr_push)(nlr_buf_t *);
    void (*nlr_pop)(void);
} mp_fun_table_t;
extern const mp_fun_table_t mp_fun_table;

typedef struct mp_obj_fun_bc_t mp_obj_fun_bc_t;
mp_obj_t mpy_init(mp_obj_fun_bc_t *self, size_t n_args, size_t n_kw, mp_obj_t *args);
void mp_store_global(size_t qstr, mp_obj_t object);

#define MP_DYNRUNTIME_INIT_ENTRY (void)self;
#define MP_DYNRUNTIME_INIT_EXIT return mp_const_none;

#endif
