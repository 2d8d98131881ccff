/*
 * The module `_flashdelta`: the applier in C, with the model codec, for flashdelta/native.py.
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Built into the firmware (micropython.cmake, micropython.mk), or as a native module that stock
 * firmware loads (../natmod). The state of an update is in a bytearray of Python's: what lies in
 * there the garbage collector sees, the functions that are called among it.
 */
#if defined(MICROPY_ENABLE_DYNRUNTIME) && MICROPY_ENABLE_DYNRUNTIME
#include "py/dynruntime.h"
#define NLR_PUSH(buffer) (mp_fun_table.nlr_push(buffer))
#define NLR_POP() (mp_fun_table.nlr_pop())
#else
#include "py/nlr.h"
#include "py/obj.h"
#include "py/runtime.h"
#define NLR_PUSH(buffer) nlr_push(buffer)
#define NLR_POP() nlr_pop()
#endif

#include <flashdelta_apply.h>

/* The library writes in units of this; what Python keeps is a block. */
enum { UNIT = 64 };

enum { READ_OLD, READ_NEW, WRITE_NEW, FLUSH_NEW, VERIFY, CALLS };

typedef struct state {
    mp_obj_t calls[CALLS];
    mp_obj_t raised; /* what one of them has raised, or MP_OBJ_NULL */
    flashdelta_applier applier;
} state;

/* Calls a function of Python's. An exception waits until the library has returned: nothing may jump
 * over its frames. */
static int32_t call(state *s, int which, size_t count, const mp_obj_t *arguments, mp_obj_t *result) {
    nlr_buf_t nlr;
    if (NLR_PUSH(&nlr) == 0) {
        *result = mp_call_function_n_kw(s->calls[which], count, 0, arguments);
        NLR_POP();
        return 0;
    }
    s->raised = MP_OBJ_FROM_PTR(nlr.ret_val);
    return -1;
}

/* A function of Python's that takes an offset and a buffer. The buffer is an object on the heap, so
 * that it, too, is made where an exception is caught. */
static int32_t move(state *s, int which, uint32_t offset, const uint8_t *bytes, size_t len) {
    nlr_buf_t nlr;
    mp_obj_t arguments[2], result;
    if (NLR_PUSH(&nlr) != 0) {
        s->raised = MP_OBJ_FROM_PTR(nlr.ret_val);
        return -1;
    }
    arguments[0] = mp_obj_new_int_from_uint(offset);
    arguments[1] = mp_obj_new_bytearray_by_ref(len, (void *)(uintptr_t)bytes);
    NLR_POP();
    return call(s, which, 2, arguments, &result);
}

static int32_t read_old(void *user, uint32_t offset, uint8_t *to, size_t len) {
    return move((state *)user, READ_OLD, offset, to, len);
}

static int32_t read_new(void *user, uint32_t offset, uint8_t *to, size_t len) {
    return move((state *)user, READ_NEW, offset, to, len);
}

static int32_t write_new(void *user, uint32_t offset, const uint8_t *from, size_t len) {
    return move((state *)user, WRITE_NEW, offset, from, len);
}

static int32_t flush_new(void *user) {
    mp_obj_t result;
    return call((state *)user, FLUSH_NEW, 0, NULL, &result);
}

static int32_t verify(void *user, uint8_t algorithm, const uint8_t *key_id, const uint8_t *message,
                      const uint8_t *signature) {
    state *s = (state *)user;
    nlr_buf_t nlr;
    mp_obj_t arguments[4], result;
    if (NLR_PUSH(&nlr) != 0) {
        s->raised = MP_OBJ_FROM_PTR(nlr.ret_val);
        return FLASHDELTA_VERDICT_WRONG;
    }
    arguments[0] = mp_obj_new_bytes(key_id, 8);
    arguments[1] = MP_OBJ_NEW_SMALL_INT(algorithm);
    arguments[2] = mp_obj_new_bytes(message, 48);
    arguments[3] = mp_obj_new_bytes(signature, 64);
    NLR_POP();
    if (call(s, VERIFY, 4, arguments, &result) != 0) {
        return FLASHDELTA_VERDICT_WRONG;
    }
    if (result == mp_const_none) {
        return FLASHDELTA_VERDICT_UNKNOWN_KEY;
    }
    return result == mp_const_true ? FLASHDELTA_VERDICT_RIGHT : FLASHDELTA_VERDICT_WRONG;
}

static mp_buffer_info_t bytes_of(mp_obj_t object, mp_uint_t flags) {
    mp_buffer_info_t buffer;
    mp_get_buffer_raise(object, &buffer, flags);
    return buffer;
}

static state *state_of(mp_obj_t object) {
    const mp_buffer_info_t buffer = bytes_of(object, MP_BUFFER_WRITE);
    if (buffer.len < sizeof(state) || (uintptr_t)buffer.buf % sizeof(size_t) != 0) {
        mp_raise_ValueError(MP_ERROR_TEXT("state"));
    }
    return (state *)buffer.buf;
}

/* What a call returned; or the exception that was raised on the way. */
static mp_obj_t outcome(state *s, flashdelta_status status) {
    const mp_obj_t raised = s->raised;
    if (raised != MP_OBJ_NULL) {
        s->raised = MP_OBJ_NULL;
        nlr_raise(raised);
    }
    return MP_OBJ_NEW_SMALL_INT((mp_int_t)status);
}

/* state_len(): bytes of a state. */
static mp_obj_t state_len(void) {
    return MP_OBJ_NEW_SMALL_INT(sizeof(state));
}
static MP_DEFINE_CONST_FUN_OBJ_0(state_len_obj, state_len);

/* info(head): a status; or (workspace, chunk RAM, old size, new size, patch size). */
static mp_obj_t info(mp_obj_t head) {
    const mp_buffer_info_t buffer = bytes_of(head, MP_BUFFER_READ);
    flashdelta_patch_info found;
    size_t checked = 0;
    mp_obj_t items[5];
    flashdelta_status status = flashdelta_read_patch_info((const uint8_t *)buffer.buf, buffer.len, &found);
    if (status == FLASHDELTA_OK) {
        status = flashdelta_chunk_ram((const uint8_t *)buffer.buf, buffer.len, &checked);
    }
    if (status != FLASHDELTA_OK) {
        return MP_OBJ_NEW_SMALL_INT((mp_int_t)status);
    }
    items[0] = mp_obj_new_int_from_uint(found.workspace_len);
    items[1] = mp_obj_new_int_from_uint(checked);
    items[2] = mp_obj_new_int_from_uint(found.old_size);
    items[3] = mp_obj_new_int_from_uint(found.new_size);
    items[4] = mp_obj_new_int_from_uint(found.patch_size);
    return mp_obj_new_tuple(5, items);
}
static MP_DEFINE_CONST_FUN_OBJ_1(info_obj, info);

/* init(state, (functions, old size, new size, device or None, workspace, buffer or None)): a status.
 * `functions`: read_old, read_new, write_new, flush_new, verify or None; `device`: product, hardware,
 * security counter. Workspace and buffer stay what they are until the end. */
static mp_obj_t init(mp_obj_t state_in, mp_obj_t arguments) {
    state *s = state_of(state_in);
    mp_obj_t *items, *calls, *device_items;
    size_t count, i;
    flashdelta_flash flash = {0};
    flashdelta_device device = {0};
    flashdelta_verifier verifier;
    flashdelta_status status;
    mp_buffer_info_t workspace, buffer;
    mp_obj_get_array(arguments, &count, &items);
    if (count != 6) {
        mp_raise_ValueError(MP_ERROR_TEXT("arguments"));
    }
    mp_obj_get_array(items[0], &count, &calls);
    if (count != CALLS) {
        mp_raise_ValueError(MP_ERROR_TEXT("functions"));
    }
    for (i = 0; i < CALLS; i++) {
        s->calls[i] = calls[i];
    }
    s->raised = MP_OBJ_NULL;
    flash.user = s;
    flash.old_size = (uint32_t)mp_obj_get_int_truncated(items[1]);
    flash.new_size = (uint32_t)mp_obj_get_int_truncated(items[2]);
    flash.write_size = UNIT;
    flash.read_old = read_old;
    flash.read_new = read_new;
    flash.write_new = write_new;
    flash.flush_new = flush_new;
    if (items[3] != mp_const_none) {
        mp_obj_get_array(items[3], &count, &device_items);
        if (count != 3) {
            mp_raise_ValueError(MP_ERROR_TEXT("device"));
        }
        device.product = (uint32_t)mp_obj_get_int_truncated(device_items[0]);
        device.hardware = (uint16_t)mp_obj_get_int_truncated(device_items[1]);
        device.security_counter = (uint32_t)mp_obj_get_int_truncated(device_items[2]);
    }
    workspace = bytes_of(items[4], MP_BUFFER_WRITE);
    status = flashdelta_applier_init(&s->applier, &flash, items[3] != mp_const_none ? &device : NULL,
                                     (uint8_t *)workspace.buf, workspace.len);
    if (status == FLASHDELTA_OK && items[5] != mp_const_none) {
        buffer = bytes_of(items[5], MP_BUFFER_WRITE);
        verifier.user = s;
        verifier.verify = verify;
        status = flashdelta_applier_guard(&s->applier, calls[VERIFY] != mp_const_none ? &verifier : NULL,
                                          (uint8_t *)buffer.buf, buffer.len);
    }
    return outcome(s, status);
}
static MP_DEFINE_CONST_FUN_OBJ_2(init_obj, init);

/* feed(state, data): a status. */
static mp_obj_t feed(mp_obj_t state_in, mp_obj_t data) {
    state *s = state_of(state_in);
    const mp_buffer_info_t buffer = bytes_of(data, MP_BUFFER_READ);
    return outcome(s, flashdelta_applier_feed(&s->applier, (const uint8_t *)buffer.buf, buffer.len, NULL));
}
static MP_DEFINE_CONST_FUN_OBJ_2(feed_obj, feed);

/* finish(state): a status. */
static mp_obj_t finish(mp_obj_t state_in) {
    state *s = state_of(state_in);
    return outcome(s, flashdelta_applier_finish(&s->applier));
}
static MP_DEFINE_CONST_FUN_OBJ_1(finish_obj, finish);

/* progress(state): bytes of the new image made so far. */
static mp_obj_t progress(mp_obj_t state_in) {
    state *s = state_of(state_in);
    flashdelta_progress found = {0};
    (void)flashdelta_applier_feed(&s->applier, NULL, 0, &found);
    return mp_obj_new_int_from_uint(found.written);
}
static MP_DEFINE_CONST_FUN_OBJ_1(progress_obj, progress);

#if defined(MICROPY_ENABLE_DYNRUNTIME) && MICROPY_ENABLE_DYNRUNTIME

mp_obj_t mpy_init(mp_obj_fun_bc_t *self, size_t n_args, size_t n_kw, mp_obj_t *args) {
    MP_DYNRUNTIME_INIT_ENTRY
    (void)n_args;
    (void)n_kw;
    (void)args;
    mp_store_global(MP_QSTR_state_len, MP_OBJ_FROM_PTR(&state_len_obj));
    mp_store_global(MP_QSTR_info, MP_OBJ_FROM_PTR(&info_obj));
    mp_store_global(MP_QSTR_init, MP_OBJ_FROM_PTR(&init_obj));
    mp_store_global(MP_QSTR_feed, MP_OBJ_FROM_PTR(&feed_obj));
    mp_store_global(MP_QSTR_finish, MP_OBJ_FROM_PTR(&finish_obj));
    mp_store_global(MP_QSTR_progress, MP_OBJ_FROM_PTR(&progress_obj));
    MP_DYNRUNTIME_INIT_EXIT
}

#else

static const mp_rom_map_elem_t globals_table[] = {
    {MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR__flashdelta)},
    {MP_ROM_QSTR(MP_QSTR_state_len), MP_ROM_PTR(&state_len_obj)},
    {MP_ROM_QSTR(MP_QSTR_info), MP_ROM_PTR(&info_obj)},
    {MP_ROM_QSTR(MP_QSTR_init), MP_ROM_PTR(&init_obj)},
    {MP_ROM_QSTR(MP_QSTR_feed), MP_ROM_PTR(&feed_obj)},
    {MP_ROM_QSTR(MP_QSTR_finish), MP_ROM_PTR(&finish_obj)},
    {MP_ROM_QSTR(MP_QSTR_progress), MP_ROM_PTR(&progress_obj)},
};
static MP_DEFINE_CONST_DICT(globals, globals_table);

const mp_obj_module_t flashdelta_user_cmodule = {
    .base = {&mp_type_module},
    .globals = (mp_obj_dict_t *)&globals,
};

MP_REGISTER_MODULE(MP_QSTR__flashdelta, flashdelta_user_cmodule);

#endif
