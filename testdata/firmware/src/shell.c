/* The command line on the serial port.
 * SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "fw.h"

static int cmd_help(int argc, char **argv);

static int cmd_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    print(FW_NAME " on " BOARD_NAME "\n");
    return OK;
}

static int cmd_uptime(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    uint32_t s = ticks / 1000;
    print("up %u days %02u:%02u:%02u\n", s / 86400, s / 3600 % 24, s / 60 % 60, s % 60);
    return OK;
}

static int cmd_sensors(int argc, char **argv)
{
    for (int i = 0; i < n_sensors; i++) {
        struct sensor *s = &sensors[i];
        if (argc > 1 && strcmp(argv[1], s->name))
            continue;
#if FW_1_1
        print("%-8s bus %u address %02x %s, %u errors, %u missed\n", s->name, (uint32_t)s->bus, (uint32_t)s->address,
              s->present ? s->asleep ? "asleep" : "awake" : "absent", (uint32_t)s->errors, (uint32_t)s->missed);
#else
        print("%-8s bus %u address %02x %s, %u errors\n", s->name, (uint32_t)s->bus, (uint32_t)s->address,
              s->present ? s->asleep ? "asleep" : "awake" : "absent", (uint32_t)s->errors);
#endif
        for (int k = 0; k < s->n_channels; k++)
            print("    %-12s %12q %s\n", s->channels[k].name, s->last[k], s->channels[k].unit);
    }
    return OK;
}

static int cmd_read(int argc, char **argv)
{
    struct reading r[6];
    struct sensor *s = argc > 1 ? sensor_find(argv[1]) : NULL;
    if (!s)
        return E_NODEV;
    int n = s->ops->read(s, r, COUNT(r));
    for (int i = 0; i < n; i++)
        print("%s = %q %s%s\n", s->channels[r[i].channel].name, r[i].value, s->channels[r[i].channel].unit, r[i].flags ? " (!)" : "");
    return n < 0 ? n : OK;
}

static int cmd_rate(int argc, char **argv)
{
    int32_t hz;
    struct sensor *s = argc > 2 ? sensor_find(argv[1]) : NULL;
    if (!s)
        return E_NODEV;
    if (!parse_int(argv[2], &hz) || hz < 1)
        return E_PARSE;
    return s->ops->set_rate(s, (unsigned)hz);
}

static int cmd_range(int argc, char **argv)
{
    int32_t v;
    struct sensor *s = argc > 2 ? sensor_find(argv[1]) : NULL;
    if (!s)
        return E_NODEV;
    if (!parse_int(argv[2], &v) || v < 0)
        return E_PARSE;
    return s->ops->set_range(s, (unsigned)v);
}

static int cmd_sleep(int argc, char **argv)
{
    struct sensor *s = argc > 2 ? sensor_find(argv[1]) : NULL;
    if (!s) {
        fsm_post(EV_SLEEP);
        return OK;
    }
    return s->ops->sleep(s, !strcmp(argv[2], "on"));
}

static int cmd_cal(int argc, char **argv)
{
    struct sensor *s = argc > 3 ? sensor_find(argv[1]) : NULL;
    int32_t gain, offset;
    if (!s)
        return E_NODEV;
    if (!parse_int(argv[2], &gain) || !parse_int(argv[3], &offset))
        return E_PARSE;
    if (gain < 32768 || gain > 131072)
        return E_RANGE;
    s->cal_gain = gain;
    s->cal_offset = offset;
    log_at(LOG_INFO, "sensor", "%s: calibrated, gain %d offset %d", s->name, gain, offset);
    return OK;
}

static int cmd_reg(int argc, char **argv)
{
    struct sensor *s = argc > 2 ? sensor_find(argv[1]) : NULL;
    int32_t reg, v;
    uint8_t b;
    if (!s)
        return E_NODEV;
    if (!parse_int(argv[2], &reg))
        return E_PARSE;
    if (argc > 3)
        return parse_int(argv[3], &v) ? sensor_reg_write(s, (uint8_t)reg, (uint8_t)v) : E_PARSE;
    int e = sensor_reg_read(s, (uint8_t)reg, &b, 1);
    if (e == OK)
        print("%02x\n", (uint32_t)b);
    return e;
}

static int cmd_get(int argc, char **argv)
{
    char b[32];
    for (int i = 0; i < n_settings; i++) {
        if (argc > 1 && strcmp(argv[1], settings[i].key))
            continue;
        settings_format(&settings[i], b, sizeof b);
        print("%-14s %-18s %s\n", settings[i].key, b, settings[i].help);
    }
    return OK;
}

static int cmd_set(int argc, char **argv) { return argc > 2 ? settings_set(argv[1], argv[2]) : E_PARSE; }

static int cmd_save(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return settings_save();
}

static int cmd_defaults(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    settings_defaults();
    return OK;
}

static void put_out(void *ctx, char c)
{
    (void)ctx;
    uart_putc(c);
}

static int cmd_report(int argc, char **argv)
{
    static uint8_t buf[512];
    if (argc > 1 && !strcmp(argv[1], "cbor")) {
        int n = report_cbor(buf, sizeof buf);
        return n < 0 ? n : cbor_diagnose(buf, (size_t)n);
    }
    report_json(put_out, NULL);
    print("\n");
    return OK;
}

static int cmd_run(int argc, char **argv)
{
    static struct vm vm;
    for (int i = 0; i < n_scripts; i++) {
        if (argc < 2) {
            print("%-8s %u bytes\n", scripts[i].name, (uint32_t)scripts[i].size);
            continue;
        }
        if (strcmp(argv[1], scripts[i].name))
            continue;
        if (argc > 2 && !strcmp(argv[2], "list")) {
            vm_disassemble(scripts[i].code, scripts[i].size);
            return OK;
        }
        memset(&vm, 0, sizeof vm);
        vm.code = scripts[i].code;
        vm.size = scripts[i].size;
        int e = vm_run(&vm, 100000);
        print("%u steps, stack %d\n", vm.steps, vm.sp);
        return e;
    }
    return argc < 2 ? OK : E_NODEV;
}

static int cmd_gpio(int argc, char **argv)
{
    if (argc < 2) {
        for (int i = 0; i < n_pins; i++)
            print("%-12s %2u mode %u af %u = %d\n", pins[i].name, (uint32_t)pins[i].pin, (uint32_t)pins[i].mode,
                  (uint32_t)pins[i].af, gpio_read(pins[i].pin));
        return OK;
    }
    for (int i = 0; i < n_pins; i++)
        if (!strcmp(pins[i].name, argv[1]))
            return argc > 2 ? gpio_write(pins[i].pin, !strcmp(argv[2], "1")) : gpio_read(pins[i].pin);
    return E_NODEV;
}

static int cmd_adc(int argc, char **argv)
{
    int32_t ch;
    if (argc < 2 || !parse_int(argv[1], &ch))
        return E_PARSE;
    int raw = adc_read((unsigned)ch);
    if (raw < 0)
        return raw;
    print("raw %d, %q V, %q C\n", raw, muldiv(raw, 3300, 4095), interpolate(thermistor, n_thermistor, raw) * 100);
    return OK;
}

static int cmd_mem(int argc, char **argv)
{
    int32_t at, n = 64;
    if (argc < 2 || !parse_int(argv[1], &at) || (argc > 2 && !parse_int(argv[2], &n)))
        return E_PARSE;
    const uint8_t *p = (const uint8_t *)(uintptr_t)(uint32_t)at;
    for (int i = 0; i < n; i += 16) {
        print("%08x ", (uint32_t)at + (uint32_t)i);
        for (int k = 0; k < 16 && i + k < n; k++)
            print(" %02x", (uint32_t)p[i + k]);
        print("  ");
        for (int k = 0; k < 16 && i + k < n; k++)
            print("%c", p[i + k] >= 32 && p[i + k] < 127 ? p[i + k] : '.');
        print("\n");
    }
    return OK;
}

static int cmd_clock(int argc, char **argv)
{
    for (int i = 0; i < n_peripherals; i++) {
        if (argc < 2) {
            print("%-8s at %08x\n", peripherals[i].name, peripherals[i].base);
        } else if (!strcmp(argv[1], peripherals[i].name)) {
            (argc > 2 && !strcmp(argv[2], "off") ? peripherals[i].disable : peripherals[i].enable)();
            return OK;
        }
    }
    return argc < 2 ? OK : E_NODEV;
}

static int cmd_tasks(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    for (int i = 0; i < n_tasks; i++)
        print("%-10s every %4u ms, %8u runs, worst %u ms\n", tasks[i].name, tasks[i].period, tasks[i].runs, tasks[i].worst);
    return OK;
}

static int cmd_log(int argc, char **argv)
{
    int32_t level;
    if (argc > 2) {
        if (!parse_int(argv[2], &level) || level < 0 || level > LOG_DEBUG)
            return E_RANGE;
        log_set_level(argv[1], level);
        return OK;
    }
    log_dump();
    return OK;
}

static int cmd_alarms(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    alarm_list();
    return OK;
}

static int cmd_errors(int argc, char **argv)
{
    int32_t v;
    if (argc > 1 && parse_int(argv[1], &v)) {
        print("%s: %s\n", error_name(v), error_text(v));
        return OK;
    }
    for (int i = 0; i < n_errors; i++)
        print("%4d %-16s %s\n", -i, error_table[i][0], error_table[i][1]);
    return OK;
}

static int cmd_calc(int argc, char **argv)
{
    int32_t a, b;
    if (argc < 4 || !parse_int(argv[1], &a) || !parse_int(argv[3], &b))
        return E_PARSE;
    f32 x = f32_from_int(a), y = f32_from_int(b), r;
    switch (argv[2][0]) {
    case '+': r = f32_add(x, y); break;
    case '-': r = f32_sub(x, y); break;
    case '*': r = f32_mul(x, y); break;
    case '/': r = f32_div(x, y); break;
    case 'r': r = f32_sqrt(x); break;
    case 'l': r = f32_log2(x); break;
    default: return E_UNSUPPORTED;
    }
    print("%q (%08x)\n", f32_to_int(f32_mul(r, 0x447A0000u)), r);
    return OK;
}

static int cmd_selftest(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return selftest_all();
}

static int cmd_event(int argc, char **argv)
{
    int32_t v;
    if (argc < 2 || !parse_int(argv[1], &v) || v < 0 || v >= EV_COUNT)
        return E_RANGE;
    fsm_post((uint8_t)v);
    return OK;
}

#if FW_1_1
static int cmd_watch(int argc, char **argv)
{
    int32_t channel = 0;
    if (argc < 2)
        return E_PARSE;
    if (!strcmp(argv[1], "off")) {
        watch_clear();
        return OK;
    }
    if (argc > 2 && !parse_int(argv[2], &channel))
        return E_PARSE;
    return watch_add(argv[1], (int)channel);
}

static int cmd_ack(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    fsm_post(EV_ACK);
    print("%d channels are outside their limits\n", alarm_count());
    return OK;
}
#endif

static int cmd_reset(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    hal_reset();
}

static const struct command commands[] = {
#if FW_1_1
    { "ack", "", "acknowledge all alarms", cmd_ack },
#endif
    { "adc", "CHANNEL", "read an analogue input, as a voltage and as a thermistor", cmd_adc },
    { "alarms", "", "list limits and alarms", cmd_alarms },
    { "cal", "SENSOR GAIN OFFSET", "calibrate a sensor; a gain of 65536 is one", cmd_cal },
    { "calc", "A OP B", "floating point: + - * / r(oot) l(og2)", cmd_calc },
    { "clock", "[NAME [on|off]]", "list peripherals, or switch one's clock", cmd_clock },
    { "defaults", "", "forget all settings", cmd_defaults },
    { "errors", "[CODE]", "what an error code means", cmd_errors },
    { "event", "NUMBER", "post an event to the state machine", cmd_event },
    { "get", "[KEY]", "show settings", cmd_get },
    { "gpio", "[NAME [0|1]]", "list pins, read or write one", cmd_gpio },
    { "help", "[COMMAND]", "this list", cmd_help },
    { "log", "[MODULE|* LEVEL]", "show the log, or set what is logged", cmd_log },
    { "mem", "ADDRESS [COUNT]", "dump memory", cmd_mem },
    { "range", "SENSOR RANGE", "set a sensor's range", cmd_range },
    { "rate", "SENSOR HZ", "set a sensor's rate", cmd_rate },
    { "read", "SENSOR", "read a sensor now", cmd_read },
    { "reg", "SENSOR REGISTER [VALUE]", "read or write a sensor's register", cmd_reg },
    { "report", "[json|cbor]", "print a report", cmd_report },
    { "reset", "", "start again", cmd_reset },
    { "run", "[SCRIPT [list]]", "list scripts, run or disassemble one", cmd_run },
    { "save", "", "write settings to flash", cmd_save },
    { "selftest", "", "test the checksums, the arithmetic and the sensors", cmd_selftest },
    { "sensors", "[SENSOR]", "list sensors and their last values", cmd_sensors },
    { "set", "KEY VALUE", "change a setting", cmd_set },
    { "sleep", "[SENSOR on|off]", "put a sensor, or everything, to sleep", cmd_sleep },
    { "tasks", "", "list tasks", cmd_tasks },
    { "uptime", "", "time since start", cmd_uptime },
    { "version", "", "which firmware this is", cmd_version },
#if FW_1_1
    { "watch", "SENSOR [CHANNEL] | off", "print a channel as it changes, with its extremes", cmd_watch },
#endif
};

static int cmd_help(int argc, char **argv)
{
    for (size_t i = 0; i < COUNT(commands); i++)
        if (argc < 2 || !strcmp(argv[1], commands[i].name))
            print("  %-9s %-24s %s\n", commands[i].name, commands[i].args, commands[i].help);
    return OK;
}

int shell_line(char *line)
{
    char *argv[8];
    int argc = 0;
    while (*line && argc < (int)COUNT(argv)) {
        while (*line == ' ')
            *line++ = 0;
        if (!*line)
            break;
        argv[argc++] = line;
        while (*line && *line != ' ')
            line++;
    }
    if (argc == 0)
        return OK;
    int lo = 0, hi = COUNT(commands) - 1;
    while (lo <= hi) {
        int mid = (lo + hi) / 2, c = strcmp(argv[0], commands[mid].name);
        if (c == 0) {
            int e = commands[mid].run(argc, argv);
            if (e < 0)
                print("%s: %s (%s)\n", argv[0], error_text(e), error_name(e));
            return e;
        }
        if (c < 0)
            hi = mid - 1;
        else
            lo = mid + 1;
    }
    print("unknown command '%s'; try 'help'\n", argv[0]);
    return E_UNSUPPORTED;
}

void shell_task(void)
{
    static char line[96];
    static uint8_t len;
    int c;
    while ((c = uart_getc()) >= 0) {
        switch (c) {
        case '\r':
        case '\n':
            print("\n");
            line[len] = 0;
            len = 0;
            shell_line(line);
            print("heron> ");
            break;
        case 8:
        case 127:
            if (len) {
                len--;
                print("\b \b");
            }
            break;
        case 3:
            len = 0;
            print("^C\nheron> ");
            break;
        default:
            if (c >= 32 && len < sizeof line - 1) {
                line[len++] = (char)c;
                uart_putc((char)c);
            }
        }
    }
}
