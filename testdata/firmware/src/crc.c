/* Checksums.
 * SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "fw.h"

uint8_t crc8(const uint8_t *p, size_t n)
{
    uint8_t c = 0xFF;
    while (n--) {
        c ^= *p++;
        for (int i = 0; i < 8; i++)
            c = c & 0x80 ? (uint8_t)(c << 1 ^ 0x31) : (uint8_t)(c << 1);
    }
    return c;
}

uint16_t crc16_modbus(const uint8_t *p, size_t n)
{
    uint16_t c = 0xFFFF;
    while (n--) {
        c ^= *p++;
        for (int i = 0; i < 8; i++)
            c = c & 1 ? (uint16_t)(c >> 1 ^ 0xA001) : (uint16_t)(c >> 1);
    }
    return c;
}

uint16_t crc16_ccitt(const uint8_t *p, size_t n)
{
    uint16_t c = 0xFFFF;
    while (n--) {
        c = (uint16_t)(c >> 8 | c << 8);
        c ^= *p++;
        c ^= (c & 0xFF) >> 4;
        c ^= (uint16_t)(c << 12);
        c ^= (uint16_t)((c & 0xFF) << 5);
    }
    return c;
}

static uint32_t table[256];

uint32_t crc32(uint32_t crc, const uint8_t *p, size_t n)
{
    if (!table[1])
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t c = i;
            for (int k = 0; k < 8; k++)
                c = c & 1 ? c >> 1 ^ 0xEDB88320u : c >> 1;
            table[i] = c;
        }
    crc = ~crc;
    while (n--)
        crc = crc >> 8 ^ table[(crc ^ *p++) & 0xFF];
    return ~crc;
}
