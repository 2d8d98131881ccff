/*
 * Fetches a patch over HTTPS and updates the device with it.
 *
 * Any error ends the update: the device goes on with what it has, and tries again later. Only a patch that was applied, verified and accepted by ESP-IDF leads to a restart.
 */
#include "esp_err.h"
#include "esp_event.h"
#include "esp_http_client.h"
#include "esp_log.h"
#include "esp_netif.h"
#include "esp_ota_ops.h"
#include "esp_system.h"
#include "flashdelta_ota.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "nvs_flash.h"
#include "protocol_examples_common.h"
#include "sdkconfig.h"

static const char *TAG = "https_update";

/* Copied in by main/CMakeLists.txt. */
extern const char server_cert_pem_start[] __asm__("_binary_ca_cert_pem_start");

/* Applies what the server sends. */
static esp_err_t apply_response(esp_http_client_handle_t client) {
    static char buffer[1024];
    flashdelta_ota_handle_t update;
    esp_err_t err = flashdelta_ota_begin(NULL, &update);
    if (err != ESP_OK) {
        ESP_LOGE(TAG, "cannot begin: %s", esp_err_to_name(err));
        return err;
    }
    for (;;) {
        const int len = esp_http_client_read(client, buffer, sizeof buffer);
        if (len < 0) {
            err = ESP_FAIL;
        } else if (len == 0) {
            /* The server is done, or the connection broke: then the patch is not complete, and the end says so. */
            break;
        } else {
            err = flashdelta_ota_feed(update, buffer, (size_t)len);
        }
        if (err != ESP_OK) {
            (void)flashdelta_ota_abort(update);
            return err;
        }
    }
    return flashdelta_ota_end(update);
}

static esp_err_t fetch_and_apply(void) {
    esp_http_client_config_t config = {
        .url = CONFIG_EXAMPLE_PATCH_URL,
        .cert_pem = server_cert_pem_start,
        .timeout_ms = 10000,
    };
    esp_http_client_handle_t client = esp_http_client_init(&config);
    esp_err_t err;
    if (client == NULL) {
        return ESP_FAIL;
    }
    err = esp_http_client_open(client, 0);
    if (err == ESP_OK && (esp_http_client_fetch_headers(client) < 0 || esp_http_client_get_status_code(client) != 200)) {
        err = ESP_FAIL;
    }
    if (err == ESP_OK) {
        err = apply_response(client);
    }
    esp_http_client_close(client);
    esp_http_client_cleanup(client);
    return err;
}

/* Whatever shows that this image works: here, that it has reached the network. Without this the bootloader goes back to the old image at the next start
 * (CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE). */
static void confirm_this_image(void) {
    const esp_err_t err = esp_ota_mark_app_valid_cancel_rollback();
    if (err != ESP_OK) {
        ESP_LOGE(TAG, "cannot confirm: %s", esp_err_to_name(err));
    }
}

void app_main(void) {
    esp_err_t err;
    ESP_ERROR_CHECK(nvs_flash_init());
    ESP_ERROR_CHECK(esp_netif_init());
    ESP_ERROR_CHECK(esp_event_loop_create_default());
    ESP_ERROR_CHECK(example_connect());
    confirm_this_image();
    err = fetch_and_apply();
    if (err == ESP_OK) {
        ESP_LOGI(TAG, "the new image is ready: restarting into it");
        esp_restart();
    }
    if (err > ESP_ERR_FLASHDELTA_BASE) {
        const int status = err - ESP_ERR_FLASHDELTA_BASE;
        ESP_LOGE(TAG, "no update: flashdelta error %d: %s", status, flashdelta_strerror(status));
    } else {
        ESP_LOGE(TAG, "no update: %s", esp_err_to_name(err));
    }
}
