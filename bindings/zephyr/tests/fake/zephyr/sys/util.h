#pragma once

#define MIN(a, b) (((a) < (b)) ? (a) : (b))
#define MAX(a, b) (((a) > (b)) ? (a) : (b))
#define ROUND_UP(x, align) ((((x) + (align) - 1) / (align)) * (align))
#define ROUND_DOWN(x, align) (((x) / (align)) * (align))
#define ARG_UNUSED(x) (void)(x)

/* 1 for an option that is 1, 0 for one that is not there. */
#define FAKE_IS_1 0, 1
#define FAKE_SECOND(a, b, ...) b
#define FAKE_PICK(...) FAKE_SECOND(__VA_ARGS__, 0, 0)
#define FAKE_JOIN(value) FAKE_PICK(FAKE_IS_##value)
#define FAKE_EXPAND(value) FAKE_JOIN(value)
#define IS_ENABLED(option) FAKE_EXPAND(option)
