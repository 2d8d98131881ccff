/*
 * Fetches a patch over HTTPS and updates the device with it. After a lost link or a reset it asks for the rest of the patch only.
 *
 * Any error ends the update: the device goes on with what it has, and tries again later. Only a patch that was applied, verified and accepted by ESP-IDF leads to a restart.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

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
#include "nvs.h"
#include "nvs_flash.h"
#include "protocol_examples_common.h"
#include "sdkconfig.h"

static const char *TAG = "https_update";

/* Copied in by main/CMakeLists.txt. */
extern const char server_cert_pem_start[] __asm__("_binary_ca_cert_pem_start");

/* Sent in the middle of a patch after a reset. */
static const char RANGE[] = "bytes=%u-";

/* The strong ETag of a patch: with it the server sends the rest of that very patch, or all of the one that it has now. */
typedef struct {
    char text[128]; /* empty: none */
} etag;

/* The state of the update is saved after this many bytes of the patch, and when the link is lost: each time costs erases of the partition that it is in. */
enum { BYTES_PER_SUSPENSION = 128 * 1024 };

static const char NVS_NAMESPACE[] = "https_update", NVS_ETAG[] = "etag";

static esp_err_t on_event(esp_http_client_event_t *event) {
    etag *tag = (etag *)event->user_data;
    /* Weak ones (W/"...") are not for ranges. */
    if (event->event_id == HTTP_EVENT_ON_HEADER && strcasecmp(event->header_key, "ETag") == 0 && event->header_value[0] == '"' &&
        strlen(event->header_value) < sizeof tag->text) {
        strcpy(tag->text, event->header_value);
    }
    return ESP_OK;
}

/* The ETag of the patch whose update is saved. */
static etag kept_etag(void) {
    etag tag = {""};
    size_t len = sizeof tag.text;
    nvs_handle_t nvs;
    if (nvs_open(NVS_NAMESPACE, NVS_READONLY, &nvs) == ESP_OK) {
        if (nvs_get_str(nvs, NVS_ETAG, tag.text, &len) != ESP_OK) {
            tag.text[0] = '\0';
        }
        nvs_close(nvs);
    }
    return tag;
}

/* Saves the update, and then of which patch it is: if the power is cut between the two, the update begins again. */
static void save(flashdelta_ota_handle_t update, const etag *tag) {
    nvs_handle_t nvs;
    if (flashdelta_ota_suspend(update) == ESP_OK && nvs_open(NVS_NAMESPACE, NVS_READWRITE, &nvs) == ESP_OK) {
        /* What is there already is not written again. */
        (void)nvs_set_str(nvs, NVS_ETAG, tag->text);
        (void)nvs_commit(nvs);
        nvs_close(nvs);
    }
}

/* Applies what the server sends, and ends the update. */
static esp_err_t apply_response(esp_http_client_handle_t client, flashdelta_ota_handle_t update, const etag *tag) {
    static char buffer[1024];
    size_t since_suspension = 0;
    esp_err_t err = ESP_OK;
    for (;;) {
        const int len = esp_http_client_read(client, buffer, sizeof buffer);
        if (len < 0 || (len == 0 && !esp_http_client_is_complete_data_received(client))) {
            /* The link is lost: goes on with the next byte another time. Before the header is in there is nothing to save. */
            save(update, tag);
            err = ESP_FAIL;
        } else if (len == 0) {
            return flashdelta_ota_end(update);
        } else {
            err = flashdelta_ota_feed(update, buffer, (size_t)len);
            since_suspension += (size_t)len;
        }
        if (err == ESP_OK && since_suspension >= BYTES_PER_SUSPENSION) {
            since_suspension = 0;
            save(update, tag);
        }
        if (err != ESP_OK) {
            (void)flashdelta_ota_abort(update);
            return err;
        }
    }
}

/* The server's answer: what goes on, what begins, what is an error. The handle is freed. */
static esp_err_t take_answer(esp_http_client_handle_t client, const flashdelta_ota_config_t *config, flashdelta_ota_handle_t update, size_t taken,
                             const etag *tag) {
    const int status = esp_http_client_get_status_code(client);
    if (status == (taken > 0 ? 206 : 200)) {
        return apply_response(client, update, tag);
    }
    (void)flashdelta_ota_abort(update);
    if (status == 200) {
        /* Another patch is there by now, or this server knows no ranges: it sends all of it. */
        const esp_err_t err = flashdelta_ota_begin(config, &update);
        return err == ESP_OK ? apply_response(client, update, tag) : err;
    }
    if (status == 416) {
        /* The patch there is shorter: it is another one. The next attempt begins with it. */
        (void)esp_partition_erase_range(config->suspend_partition, 0, config->suspend_partition->size);
    }
    ESP_LOGE(TAG, "the server answers %d", status);
    return ESP_FAIL;
}

static esp_err_t fetch_and_apply(void) {
    const etag kept = kept_etag();
    etag tag = {""};
    const esp_http_client_config_t http = {
        .event_handler = on_event,
        .user_data = &tag,
        .url = CONFIG_EXAMPLE_PATCH_URL,
        .cert_pem = server_cert_pem_start,
        .timeout_ms = 10000,
    };
    const flashdelta_ota_config_t config = {
        .suspend_partition = esp_partition_find_first(ESP_PARTITION_TYPE_DATA, ESP_PARTITION_SUBTYPE_ANY, "suspend"),
    };
    flashdelta_ota_handle_t update;
    esp_http_client_handle_t client;
    char range[32];
    size_t taken;
    esp_err_t err = flashdelta_ota_resume(&config, &update, &taken);
    if (err != ESP_OK) {
        ESP_LOGE(TAG, "cannot begin: %s", esp_err_to_name(err));
        return err;
    }
    client = esp_http_client_init(&http);
    if (client == NULL) {
        (void)flashdelta_ota_abort(update);
        return ESP_FAIL;
    }
    /* Without an ETag nobody knows whether the rest is of the same patch: then all of it is asked for. */
    if (taken > 0 && kept.text[0] != '\0') {
        ESP_LOGI(TAG, "going on with byte %u of the patch", (unsigned)taken);
        (void)snprintf(range, sizeof range, RANGE, (unsigned)taken);
        err = esp_http_client_set_header(client, "Range", range);
        if (err == ESP_OK) {
            err = esp_http_client_set_header(client, "If-Range", kept.text);
        }
    }
    if (err == ESP_OK) {
        err = esp_http_client_open(client, 0);
    }
    if (err == ESP_OK && esp_http_client_fetch_headers(client) < 0) {
        err = ESP_FAIL;
    }
    if (err == ESP_OK) {
        err = take_answer(client, &config, update, taken, &tag);
    } else {
        (void)flashdelta_ota_abort(update);
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
