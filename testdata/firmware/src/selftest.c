/* Known answers.
 * SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "fw.h"

static const uint8_t digits[] = "123456789";

static int test_crc8(void) { return crc8(digits, 9) == 0xF7 ? OK : E_CRC; }
static int test_modbus(void) { return crc16_modbus(digits, 9) == 0x4B37 ? OK : E_CRC; }
static int test_ccitt(void) { return crc16_ccitt(digits, 9) == 0x29B1 ? OK : E_CRC; }
static int test_crc32(void) { return crc32(0, digits, 9) == 0xCBF43926u ? OK : E_CRC; }

static int test_float(void)
{
    static const struct { char op; f32 a, b, want; } cases[] = {
        { '+', 0x3F800000u, 0x40000000u, 0x40400000u }, { '+', 0x3DCCCCCDu, 0x3E4CCCCDu, 0x3E99999Au },
        { '-', 0x40400000u, 0x3F800000u, 0x40000000u }, { '-', 0x3F800000u, 0x3F800000u, 0 },
        { '*', 0x40490FDBu, 0x40000000u, 0x40C90FDBu }, { '*', 0xC0000000u, 0x3F000000u, 0xBF800000u },
        { '/', 0x3F800000u, 0x40400000u, 0x3EAAAAABu }, { '/', 0x40C00000u, 0x40000000u, 0x40400000u },
        { '/', 0x3F800000u, 0, 0x7F800000u }, { 'r', 0x40000000u, 0, 0x3FB504F3u },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        f32 a = cases[i].a, b = cases[i].b, r = 0;
        switch (cases[i].op) {
        case '+': r = f32_add(a, b); break;
        case '-': r = f32_sub(a, b); break;
        case '*': r = f32_mul(a, b); break;
        case '/': r = f32_div(a, b); break;
        case 'r': r = f32_sqrt(a); break;
        }
        if (r != cases[i].want && (cases[i].op != 'r' || r - cases[i].want + 1 > 2)) {
            log_at(LOG_ERROR, "selftest", "floating point case differs");
            return E_VERIFY;
        }
    }
    return f32_to_int(f32_from_int(-123456)) == -123456 ? OK : E_VERIFY;
}

static int test_divide(void)
{
    uint64_t r;
    if (div64(0x123456789ABCDEF0u, 1000000007u, &r) != 1311768458u || r != 281411114u)
        return E_VERIFY;
    return muldiv(-1000000, 3000, 7) == -428571428 ? OK : E_VERIFY;
}

static int test_median(void)
{
    static const int32_t odd[] = { 9, 1, 5 }, even[] = { 4, 8, 2, 6 };
    if (median(odd, 3) != 5)
        return E_VERIFY;
#if FW_1_1
    return median(even, 4) == 5 ? OK : E_VERIFY;
#else
    return median(even, 4) >= 5 ? OK : E_VERIFY;
#endif
}

static int test_sine(void)
{
    return sin_q15(0) == 0 && sin_q15(0x4000) == 32767 && sin_q15(0xC000) == -32767 ? OK : E_VERIFY;
}

static int test_cobs(void)
{
    uint8_t in[40], wire[48], back[48];
    for (unsigned i = 0; i < sizeof in; i++)
        in[i] = (uint8_t)(i % 7 ? i : 0);
    size_t n = cobs_encode(in, sizeof in, wire);
    if (cobs_decode(wire, n - 1, back) != sizeof in)
        return E_VERIFY;
    return memcmp(in, back, sizeof in) ? E_VERIFY : OK;
}

static int test_vm(void)
{
    static struct vm vm;
    static const uint8_t code[] = { 1, 6, 1, 7, 10, 30, 3, 0 };
    memset(&vm, 0, sizeof vm);
    vm.code = code;
    vm.size = sizeof code;
    int e = vm_run(&vm, 10);
    return e != OK ? e : vm.vars[3] == 42 ? OK : E_VERIFY;
}

static int test_pool(void)
{
    static uint32_t mem[4 * 4];
    struct pool p;
    pool_init(&p, mem, 16, 4);
    void *a = pool_get(&p), *b = pool_get(&p);
    pool_put(&p, a);
    pool_put(&p, b);
    return a != b && p.used == 0 && p.peak == 2 ? OK : E_VERIFY;
}

#if FW_1_1
static int test_settings(void)
{
    uint32_t before = config.watch_ms;
    int e = settings_set("watch_ms", "750");
    if (e == OK && config.watch_ms != 750)
        e = E_VERIFY;
    if (settings_set("watch_ms", "1") != E_RANGE || settings_set("nothing", "1") != E_NODEV)
        e = E_VERIFY;
    config.watch_ms = before;
    return e;
}
#endif

static const struct { const char *name; int (*run)(void); } tests[] = {
    { "crc-8", test_crc8 }, { "crc-16/modbus", test_modbus }, { "crc-16/ccitt", test_ccitt }, { "crc-32", test_crc32 },
    { "float", test_float }, { "division", test_divide }, { "median", test_median }, { "sine", test_sine },
    { "cobs", test_cobs }, { "vm", test_vm }, { "pool", test_pool },
#if FW_1_1
    { "settings", test_settings },
#endif
};

int selftest_all(void)
{
    int failed = 0;
    for (size_t i = 0; i < COUNT(tests); i++) {
        int e = tests[i].run();
        print("%-16s %s\n", tests[i].name, e == OK ? "passed" : error_text(e));
        failed += e != OK;
    }
    for (int i = 0; i < n_sensors; i++) {
        if (!sensors[i].present)
            continue;
        int e = sensors[i].ops->selftest(&sensors[i]);
        print("sensor %-9s %s\n", sensors[i].name, e == OK ? "passed" : error_text(e));
        failed += e != OK;
    }
    log_at(failed ? LOG_ERROR : LOG_INFO, "selftest", "%d failed", failed);
    return failed ? E_VERIFY : OK;
}
