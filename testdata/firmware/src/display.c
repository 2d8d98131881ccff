/* A 128 by 64 display: lines, text, icons and pages.
 * SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "fw.h"

uint8_t frame[128 * 64 / 8];

static const uint8_t init_sequence[] = { 0xAE, 0xD5, 0x80, 0xA8, 0x3F, 0xD3, 0x00, 0x40, 0x8D, 0x14, 0x20, 0x00,
                                         0xA1, 0xC8, 0xDA, 0x12, 0x81, 0x7F, 0xD9, 0xF1, 0xDB, 0x40, 0xA4, 0xA6, 0xAF };

void draw_pixel(int x, int y, bool on)
{
    if ((unsigned)x >= 128 || (unsigned)y >= 64)
        return;
    uint8_t *p = &frame[x + (y / 8) * 128], m = (uint8_t)(1 << (y & 7));
    *p = on ? *p | m : *p & (uint8_t)~m;
}

void draw_line(int x0, int y0, int x1, int y1)
{
    int dx = x1 > x0 ? x1 - x0 : x0 - x1, dy = y1 > y0 ? y0 - y1 : y1 - y0;
    int sx = x0 < x1 ? 1 : -1, sy = y0 < y1 ? 1 : -1, e = dx + dy;
    for (;;) {
        draw_pixel(x0, y0, true);
        if (x0 == x1 && y0 == y1)
            return;
        int e2 = 2 * e;
        if (e2 >= dy)
            e += dy, x0 += sx;
        if (e2 <= dx)
            e += dx, y0 += sy;
    }
}

void draw_rect(int x, int y, int w, int h, bool fill)
{
    for (int j = 0; j < h; j++)
        for (int i = 0; i < w; i++)
            if (fill || j == 0 || i == 0 || j == h - 1 || i == w - 1)
                draw_pixel(x + i, y + j, true);
}

void draw_circle(int cx, int cy, int r)
{
    int x = r, y = 0, e = 1 - r;
    while (x >= y) {
        for (int k = 0; k < 8; k++) {
            int a = k & 1 ? y : x, b = k & 1 ? x : y;
            draw_pixel(cx + (k & 2 ? -a : a), cy + (k & 4 ? -b : b), true);
        }
        y++;
        e += e < 0 ? 2 * y + 1 : 2 * (y - --x) + 1;
    }
}

int draw_text(int x, int y, const char *s)
{
    for (; *s; s++, x += 6) {
        int c = *s >= 'a' && *s <= 'z' ? *s - 32 : *s;
        const uint8_t *g = font[c >= 32 && c < 96 ? c - 32 : '?' - 32];
        for (int i = 0; i < 5; i++)
            for (int j = 0; j < 7; j++)
                if (g[i] >> j & 1)
                    draw_pixel(x + i, y + j, true);
    }
    return x;
}

void draw_icon(int x, int y, int icon)
{
    if (icon < 0 || icon >= n_icons)
        return;
    for (int j = 0; j < 16; j++)
        for (int i = 0; i < 16; i++)
            if (icons[icon][j] >> (15 - i) & 1)
                draw_pixel(x + i, y + j, true);
}

int display_flush(void)
{
    static bool ready;
    int e = OK;
    if (!ready) {
        for (size_t i = 0; i < sizeof init_sequence && e == OK; i++) {
            uint8_t cmd[2] = { 0x00, init_sequence[i] };
            e = i2c_write(0x3C, cmd, 2);
        }
        ready = e == OK;
    }
    uint8_t line[17] = { 0x40 };
    for (size_t i = 0; i < sizeof frame && e == OK; i += 16) {
        memcpy(line + 1, frame + i, 16);
        e = i2c_write(0x3C, line, sizeof line);
    }
    if (e != OK) {
        ready = false;
        log_at(LOG_DEBUG, "display", "%s", error_text(e));
    }
    return e;
}

static void page_status(void)
{
    char b[24];
    draw_icon(0, 0, alarm_count() ? 1 : 0);
    draw_text(20, 0, config.site);
    draw_text(20, 9, fsm_state_name());
    format(b, sizeof b, "up %u s", ticks / 1000);
    draw_text(0, 24, b);
    format(b, sizeof b, "rx %u tx %u", uart_stats.rx, uart_stats.tx);
    draw_text(0, 34, b);
    draw_text(0, 54, FW_NAME);
}

static void page_values(void)
{
    char b[24];
    int y = 0;
    for (int i = 0; i < n_sensors && y < 60; i++)
        for (int k = 0; sensors[i].present && k < sensors[i].n_channels && y < 60; k++, y += 9) {
            format(b, sizeof b, "%-9s %8q", sensors[i].channels[k].name, sensors[i].last[k]);
            draw_text(0, y, b);
        }
}

static void page_graph(void)
{
    static int16_t history[120];
    static uint8_t at;
    history[at] = (int16_t)(sensors[0].last[0] / 100);
    at = (uint8_t)((at + 1) % COUNT(history));
    draw_rect(3, 0, 124, 62, false);
    for (size_t i = 1; i < COUNT(history); i++) {
        int a = history[(at + i - 1) % COUNT(history)], b = history[(at + i) % COUNT(history)];
        draw_line((int)i + 4, 60 - a / 12, (int)i + 5, 60 - b / 12);
    }
}

static void page_clock(void)
{
    draw_circle(64, 32, 30);
    for (int h = 0; h < 12; h++) {
        uint16_t a = (uint16_t)(h * 5461);
        int s = (int)sin_q15(a), c = (int)sin_q15((uint16_t)(a + 0x4000));
        draw_line(64 + 26 * s / 32768, 32 - 26 * c / 32768, 64 + 29 * s / 32768, 32 - 29 * c / 32768);
    }
    uint16_t a = (uint16_t)(ticks / 1000 % 60 * 1092);
    draw_line(64, 32, 64 + 24 * sin_q15(a) / 32768, 32 - 24 * sin_q15((uint16_t)(a + 0x4000)) / 32768);
}

#if FW_1_1
static void page_alarms(void)
{
    char b[24];
    format(b, sizeof b, "%d alarms", alarm_count());
    draw_icon(0, 0, 1);
    draw_text(20, 4, b);
    draw_text(0, 24, config.alarm_latched ? "latched: type ack" : "not latched");
    draw_text(0, 44, "call:");
    draw_text(36, 44, config.owner);
}
#endif

static const struct page { const char *name; void (*draw)(void); uint16_t hold; } pages[] = {
    { "status", page_status, 4000 }, { "values", page_values, 6000 }, { "graph", page_graph, 6000 }, { "clock", page_clock, 2000 },
#if FW_1_1
    { "alarms", page_alarms, 3000 },
#endif
};

void display_task(void)
{
    static uint8_t page;
    static uint32_t since;
    if (!config.display_on)
        return;
    if (ticks - since > pages[page].hold) {
        page = (uint8_t)((page + 1) % COUNT(pages));
        since = ticks;
    }
    memset(frame, 0, sizeof frame);
    pages[page].draw();
    display_flush();
}
