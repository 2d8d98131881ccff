#ifndef FAKE_NLR_H
#define FAKE_NLR_H

#include "py/obj.h"

unsigned int nlr_push(nlr_buf_t *buffer);
void nlr_pop(void);
__attribute__((noreturn)) void nlr_raise(void *value);

#endif
