/* A thin fake of ESP-IDF for tests on a host: what src/flashdelta_ota.c uses, with the declarations and numbers of ESP-IDF 5. */
#pragma once
#include <stdint.h>

typedef int esp_err_t;

#define ESP_OK 0
#define ESP_FAIL -1
#define ESP_ERR_NO_MEM 0x101
#define ESP_ERR_INVALID_ARG 0x102
#define ESP_ERR_INVALID_STATE 0x103
#define ESP_ERR_INVALID_SIZE 0x104
#define ESP_ERR_NOT_FOUND 0x105
#define ESP_ERR_NOT_SUPPORTED 0x106
#define ESP_ERR_FLASH_OP_FAIL 0x6001

const char *esp_err_to_name(esp_err_t err);

void fake_abort(void) __attribute__((noreturn));
#define ESP_ERROR_CHECK(x)   \
    do {                     \
        if ((x) != ESP_OK) { \
            fake_abort();    \
        }                    \
    } while (0)
