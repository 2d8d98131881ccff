/* Heron field logger: a sample firmware for flashdelta's tests and demo.
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * One source tree makes two releases: FW_MINOR=0 is 1.0, FW_MINOR=1 is 1.1. */
#ifndef FW_H
#define FW_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef FW_MINOR
#error "compile with -DFW_MINOR=0 or -DFW_MINOR=1"
#endif
#define FW_1_1 (FW_MINOR >= 1)

#if FW_1_1
#define FW_VERSION "1.1.0"
#define FW_NAME "heron-logger 1.1.0 (stable)"
#else
#define FW_VERSION "1.0.0"
#define FW_NAME "heron-logger 1.0.0 (stable)"
#endif

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define REG32(a) (*(volatile uint32_t *)(uintptr_t)(a))

#include "board.h"

/* Error codes; names and texts are in the generated errors table. */
enum {
    OK = 0, E_TIMEOUT = -1, E_NACK = -2, E_RANGE = -3, E_NOMEM = -4, E_BUSY = -5, E_CRC = -6, E_PARSE = -7,
    E_NODEV = -8, E_FULL = -9, E_STATE = -10, E_UNSUPPORTED = -11, E_VERIFY = -12, E_EMPTY = -13, E_DENIED = -14,
#if FW_1_1
    E_OVERRUN = -15, E_STALE = -16,
#endif
};

/* support.c */
void *memcpy(void *d, const void *s, size_t n);
void *memmove(void *d, const void *s, size_t n);
void *memset(void *d, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
uint64_t div64(uint64_t n, uint64_t d, uint64_t *rem);
uint32_t isqrt(uint32_t v);
int32_t muldiv(int32_t a, int32_t b, int32_t c);
bool parse_int(const char *s, int32_t *out);

/* fmt.c */
typedef void (*putc_fn)(void *ctx, char c);
void vformat(putc_fn put, void *ctx, const char *f, va_list ap);
int format(char *buf, size_t cap, const char *f, ...);
void print(const char *f, ...);

/* softfloat.c: binary32 carried in a uint32_t */
typedef uint32_t f32;
f32 f32_from_int(int32_t v);
int32_t f32_to_int(f32 a);
f32 f32_add(f32 a, f32 b);
f32 f32_sub(f32 a, f32 b);
f32 f32_mul(f32 a, f32 b);
f32 f32_div(f32 a, f32 b);
int f32_cmp(f32 a, f32 b);
f32 f32_sqrt(f32 a);
f32 f32_poly(const f32 *c, int n, f32 x);
f32 f32_log2(f32 a);

/* crc.c */
uint8_t crc8(const uint8_t *p, size_t n);
uint16_t crc16_modbus(const uint8_t *p, size_t n);
uint16_t crc16_ccitt(const uint8_t *p, size_t n);
uint32_t crc32(uint32_t crc, const uint8_t *p, size_t n);

/* hal.c */
struct uart_stats { uint32_t rx, tx, overrun, framing; };
extern volatile uint32_t ticks;
extern struct uart_stats uart_stats;
void hal_init(void);
void uart_init(uint32_t baud);
void uart_putc(char c);
int uart_getc(void);
void uart_isr(void);
void tick_isr(void);
void delay_ms(uint32_t ms);
int gpio_mode(unsigned pin, unsigned mode);
int gpio_write(unsigned pin, bool on);
int gpio_read(unsigned pin);
int i2c_write(uint8_t addr, const uint8_t *p, size_t n);
int i2c_read(uint8_t addr, uint8_t reg, uint8_t *p, size_t n);
int spi_transfer(uint8_t cs, const uint8_t *tx, uint8_t *rx, size_t n);
int adc_read(unsigned channel);
int flash_erase(uint32_t sector);
int flash_write(uint32_t addr, const void *p, size_t n);
int flash_read(uint32_t addr, void *p, size_t n);
void watchdog_feed(void);
_Noreturn void hal_reset(void);

/* log.c */
enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };
void log_at(enum log_level level, const char *module, const char *f, ...);
void log_dump(void);
void log_set_level(const char *module, int level);
const char *error_name(int code);
const char *error_text(int code);

/* pool.c */
struct pool { void *free; uint8_t *base; uint16_t size, count, used, peak; };
void pool_init(struct pool *p, void *mem, uint16_t size, uint16_t count);
void *pool_get(struct pool *p);
void pool_put(struct pool *p, void *b);

/* sensors */
struct sensor;
struct reading { int32_t value; uint8_t channel; uint8_t scale; uint16_t flags; };
struct channel { const char *name, *unit; uint8_t reg, width; bool big_endian, is_signed; int16_t num, den; int32_t offset; };
struct sensor_ops {
    int (*probe)(struct sensor *);
    int (*init)(struct sensor *);
    int (*read)(struct sensor *, struct reading *, int max);
    int (*set_rate)(struct sensor *, unsigned hz);
    int (*set_range)(struct sensor *, unsigned range);
    int (*sleep)(struct sensor *, bool on);
    int (*irq)(struct sensor *);
    int (*selftest)(struct sensor *);
};
struct sensor {
    const char *name;
    const struct sensor_ops *ops;
    const struct channel *channels;
    uint8_t n_channels, address, bus, irq_pin;
#if FW_1_1
    uint16_t period_ms;   /* was a count of ticks at the end, and only 8 bits */
    uint16_t missed;
#endif
    uint32_t last_seen;
    uint16_t errors, range;
    int32_t last[6];
    int32_t cal_gain, cal_offset;
    bool present, asleep;
#if !FW_1_1
    uint8_t period;
#endif
};
extern struct sensor sensors[];
extern const int n_sensors;
int sensor_reg_read(struct sensor *s, uint8_t reg, uint8_t *p, size_t n);
int sensor_reg_write(struct sensor *s, uint8_t reg, uint8_t v);
int sensor_reg_update(struct sensor *s, uint8_t reg, uint8_t mask, uint8_t v);
int sensor_reg_wait(struct sensor *s, uint8_t reg, uint8_t mask, uint8_t v, unsigned tries);
int32_t sensor_raw(const struct channel *c, const uint8_t *p);
int32_t sensor_scale(const struct sensor *s, const struct channel *c, int32_t raw);
void sensor_set_period(struct sensor *s, unsigned ms);
unsigned sensor_period(const struct sensor *s);
struct sensor *sensor_find(const char *name);
void sensors_start(void);
void sensors_poll(void);

/* filter.c */
struct biquad { int32_t b0, b1, b2, a1, a2, x1, x2, y1, y2; };
struct kalman { int32_t x, p, q, r; };
int32_t biquad_step(struct biquad *f, int32_t x);
int32_t fir_step(const int16_t *taps, int n, int16_t *hist, int *pos, int16_t x);
int32_t median(const int32_t *v, int n);
int32_t kalman_step(struct kalman *k, int32_t z);
int32_t sin_q15(uint16_t angle);
int32_t interpolate(const int16_t (*table)[2], int n, int32_t x);
struct filter_bank { const char *name; int32_t (*step)(void *state, int32_t x); void *state; };
extern const struct filter_bank filter_banks[];
extern const int n_filter_banks;

/* settings.c */
enum setting_type { SET_U8, SET_U16, SET_U32, SET_I32, SET_BOOL, SET_STR };
struct setting { const char *key, *help; void *where; enum setting_type type; int32_t min, max, def; };
extern const struct setting settings[];
extern const int n_settings;
int settings_load(void);
int settings_save(void);
void settings_defaults(void);
int settings_set(const char *key, const char *text);
int settings_format(const struct setting *s, char *buf, size_t cap);
const struct setting *settings_find(const char *key);
struct config {
    uint32_t baud, interval_ms, log_mask;
    uint16_t modbus_id, frame_gap;
    uint8_t brightness, contrast, verbosity;
    bool sleep_enabled, display_on, csv;
    int32_t temp_low, temp_high, hum_low, hum_high;
#if FW_1_1
    uint32_t watch_ms;
    uint8_t alarm_repeat;
    bool alarm_latched;
#endif
    char site[16], owner[16];
};
extern struct config config;

/* json.c, cbor.c */
struct json { putc_fn put; void *ctx; uint8_t depth; uint32_t comma; };
void json_begin(struct json *j, putc_fn put, void *ctx);
void json_open(struct json *j, const char *key, char bracket);
void json_close(struct json *j, char bracket);
void json_int(struct json *j, const char *key, int32_t v);
void json_fixed(struct json *j, const char *key, int32_t v, int places);
void json_str(struct json *j, const char *key, const char *v);
void json_bool(struct json *j, const char *key, bool v);
struct cbor { uint8_t *p, *end; int error; };
void cbor_uint(struct cbor *c, uint32_t v);
void cbor_int(struct cbor *c, int32_t v);
void cbor_str(struct cbor *c, const char *s);
void cbor_bytes(struct cbor *c, const void *p, size_t n);
void cbor_map(struct cbor *c, uint32_t n);
void cbor_array(struct cbor *c, uint32_t n);
void cbor_f32(struct cbor *c, f32 v);
int cbor_diagnose(const uint8_t *p, size_t n);
void report_json(putc_fn put, void *ctx);
int report_cbor(uint8_t *buf, size_t cap);

/* vm.c */
struct vm { const uint8_t *code; uint16_t size, pc; int8_t sp; int32_t stack[16], vars[16]; uint32_t steps; };
int vm_run(struct vm *vm, uint32_t budget);
void vm_disassemble(const uint8_t *code, size_t n);
struct script { const char *name; const uint8_t *code; uint16_t size; };
extern const struct script scripts[];
extern const int n_scripts;

/* fsm.c */
void fsm_post(uint8_t event);
void fsm_run(void);
const char *fsm_state_name(void);
enum { EV_BOOT, EV_READY, EV_SAMPLE, EV_ALARM, EV_CLEAR, EV_FAULT, EV_SLEEP, EV_WAKE, EV_UPDATE, EV_TIMEOUT,
#if FW_1_1
    EV_ACK,
#endif
    EV_COUNT };

/* sched.c */
struct task { const char *name; void (*run)(void); uint32_t period, due, runs, worst; };
extern struct task tasks[];
extern const int n_tasks;
void sched_step(void);

/* display.c */
extern uint8_t frame[128 * 64 / 8];
void draw_pixel(int x, int y, bool on);
void draw_line(int x0, int y0, int x1, int y1);
void draw_rect(int x, int y, int w, int h, bool fill);
void draw_circle(int x, int y, int r);
int draw_text(int x, int y, const char *s);
void draw_icon(int x, int y, int icon);
void display_task(void);
int display_flush(void);
extern const uint8_t font[][5];
extern const uint16_t icons[][16];
extern const uint8_t n_icons;

/* modbus.c, link.c */
int modbus_handle(const uint8_t *req, size_t n, uint8_t *rsp);
void link_task(void);
size_t cobs_encode(const uint8_t *in, size_t n, uint8_t *out);
size_t cobs_decode(const uint8_t *in, size_t n, uint8_t *out);

/* shell.c */
struct command { const char *name, *args, *help; int (*run)(int argc, char **argv); };
void shell_task(void);
int shell_line(char *line);

/* alarm.c */
void alarm_task(void);
int alarm_count(void);
void alarm_list(void);
#if FW_1_1
void watch_task(void);
int watch_add(const char *sensor, int channel);
void watch_clear(void);
int alarm_ack(void);
#endif

/* selftest.c */
int selftest_all(void);

/* generated */
struct pin { const char *name; uint8_t pin, mode, pull, af; };
extern const struct pin pins[];
extern const int n_pins;
struct peripheral { const char *name; uint32_t base; void (*enable)(void); void (*disable)(void); };
extern const struct peripheral peripherals[];
extern const int n_peripherals;
extern const char *const error_table[][2];
extern const int n_errors;
extern const int16_t sine_table[257];
extern const int16_t thermistor[][2];
extern const int n_thermistor;

int app_main(void);

#endif
