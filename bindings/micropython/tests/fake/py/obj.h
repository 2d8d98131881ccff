/*
 * As much of MicroPython's headers as the glue uses, so that it is compiled where there is no source
 * tree. Types and functions are as MicroPython's documentation and headers declare them.
 */
#ifndef FAKE_OBJ_H
#define FAKE_OBJ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef intptr_t mp_int_t;
typedef uintptr_t mp_uint_t;
typedef void *mp_obj_t;
typedef const void *mp_const_obj_t;
typedef struct mp_obj_type_t mp_obj_type_t;
typedef struct mp_obj_dict_t mp_obj_dict_t;

typedef struct mp_obj_base_t {
    const mp_obj_type_t *type;
} mp_obj_base_t;

typedef struct mp_buffer_info_t {
    void *buf;
    size_t len;
    int typecode;
} mp_buffer_info_t;

typedef struct nlr_buf_t {
    struct nlr_buf_t *prev;
    void *ret_val;
    void *regs[16];
} nlr_buf_t;

typedef struct mp_obj_fun_builtin_fixed_t {
    mp_obj_base_t base;
    union {
        mp_obj_t (*_0)(void);
        mp_obj_t (*_1)(mp_obj_t);
        mp_obj_t (*_2)(mp_obj_t, mp_obj_t);
    } fun;
} mp_obj_fun_builtin_fixed_t;

extern const mp_obj_type_t mp_type_fun_builtin_0, mp_type_fun_builtin_1, mp_type_fun_builtin_2, mp_type_module;
extern const mp_obj_base_t fake_none, fake_true;

#define MP_OBJ_NULL ((mp_obj_t)0)
#define MP_OBJ_FROM_PTR(p) ((mp_obj_t)(uintptr_t)(p))
#define MP_OBJ_NEW_SMALL_INT(value) ((mp_obj_t)((mp_uint_t)(value) << 1 | 1))
#define MP_ERROR_TEXT(text) (text)
#define MP_BUFFER_READ 1
#define MP_BUFFER_WRITE 2
#define mp_const_none MP_OBJ_FROM_PTR(&fake_none)
#define mp_const_true MP_OBJ_FROM_PTR(&fake_true)
#define MP_DEFINE_CONST_FUN_OBJ_0(name, function) \
    const mp_obj_fun_builtin_fixed_t name = {.base = {&mp_type_fun_builtin_0}, .fun._0 = function}
#define MP_DEFINE_CONST_FUN_OBJ_1(name, function) \
    const mp_obj_fun_builtin_fixed_t name = {.base = {&mp_type_fun_builtin_1}, .fun._1 = function}
#define MP_DEFINE_CONST_FUN_OBJ_2(name, function) \
    const mp_obj_fun_builtin_fixed_t name = {.base = {&mp_type_fun_builtin_2}, .fun._2 = function}

mp_obj_t mp_obj_new_int_from_uint(mp_uint_t value);
mp_obj_t mp_obj_new_bytes(const uint8_t *data, size_t len);
mp_obj_t mp_obj_new_bytearray_by_ref(size_t len, void *items);
mp_obj_t mp_obj_new_tuple(size_t count, const mp_obj_t *items);
mp_int_t mp_obj_get_int_truncated(mp_const_obj_t object);
void mp_obj_get_array(mp_obj_t object, size_t *len, mp_obj_t **items);
bool mp_get_buffer_raise(mp_obj_t object, mp_buffer_info_t *buffer, mp_uint_t flags);

#endif
