#ifndef FAKE_RUNTIME_H
#define FAKE_RUNTIME_H

#include "py/obj.h"

enum { MP_QSTR___name__, MP_QSTR__flashdelta, MP_QSTR_state_len, MP_QSTR_info, MP_QSTR_init, MP_QSTR_feed,
       MP_QSTR_finish, MP_QSTR_progress };

typedef struct mp_rom_map_elem_t {
    mp_const_obj_t key, value;
} mp_rom_map_elem_t;

struct mp_obj_dict_t {
    mp_obj_base_t base;
    size_t used;
    const mp_rom_map_elem_t *table;
};

typedef struct mp_obj_module_t {
    mp_obj_base_t base;
    mp_obj_dict_t *globals;
} mp_obj_module_t;

#define MP_ROM_QSTR(qstr) ((mp_const_obj_t)((mp_uint_t)(qstr) << 3 | 2))
#define MP_ROM_PTR(p) (p)
#define MP_DEFINE_CONST_DICT(name, entries) \
    const mp_obj_dict_t name = {{NULL}, sizeof(entries) / sizeof(entries)[0], entries}
/* In MicroPython a generator of headers looks for it. */
#define MP_REGISTER_MODULE(name, module) struct fake_registered_##module

mp_obj_t mp_call_function_n_kw(mp_obj_t function, size_t count, size_t keywords, const mp_obj_t *arguments);
__attribute__((noreturn)) void mp_raise_ValueError(const char *text);

#endif
