/*
 * The component over a fake of ESP-IDF and a strict NOR flash.
 *
 *     test_ota FOLDER
 *
 * FOLDER holds app images old.bin and new.bin, and patches from old.bin, all as the maker makes them
 * without options: to new.bin (update.fdp), to itself with another build time (tiny.bin, tiny.fdp),
 * to one with a wrong checksum (bad_checksum.fdp), to one for another chip (other_chip.fdp), to
 * something that is no app image (no_image.fdp); and two to new.bin, for 16 KiB of RAM (small.fdp) and with a hole "serial" at 0x400-0x410
 * (holes.fdp).
 */
#include "ota.h"

static void an_update_boots(void) {
    const size_t pieces[] = {1, 61, 1460, 1 << 20};
    size_t i;
    for (i = 0; i < 8; i++) {
        start(i % 2 == 1);
        CHECK_STATUS(run(NULL, update, pieces[i / 2]), ESP_OK);
        CHECK(slot_is_new() && fake.boot == &fake.partitions[1] && fake.logs == 0 && fake.delays > 0);
        CHECK(memcmp(fake.flash.bytes, old_image.bytes, old_image.len) == 0);
        fake_stop();
    }
}

/* What the maker makes by default can be applied by default, however small the change. */
static void default_maker_and_default_component_fit(const char *folder) {
    const blob image = load(folder, "tiny.bin"), patch = load(folder, "tiny.fdp");
    flashdelta_patch_info info;
    CHECK_STATUS(flashdelta_read_patch_info(patch.bytes, patch.len, &info), FLASHDELTA_OK);
    start(false);
    CHECK_STATUS(run(NULL, patch, 100), ESP_OK);
    CHECK(memcmp(fake.flash.bytes + FAKE_SLOT, image.bytes, image.len) == 0 && fake.boot == &fake.partitions[1]);
    fake_stop();
    free(patch.bytes);
    free(image.bytes);
}

/* A patch for less takes less; one for more than is allowed is refused before anything is written. */
static void the_patch_says_how_much_ram_it_takes(const char *folder) {
    const blob small = load(folder, "small.fdp");
    flashdelta_ota_config_t config;
    flashdelta_ota_handle_t ota = NULL;
    flashdelta_error_detail detail;
    size_t needed = 0;
    start(false);
    CHECK_STATUS(flashdelta_workspace_len(small.bytes, small.len, &needed), FLASHDELTA_OK);
    memset(&config, 0, sizeof config);
    config.ram = needed + 1024;
    CHECK_STATUS(run(&config, small, 7), ESP_OK);
    CHECK(slot_is_new() && needed <= 15360);
    fake_stop();
    start(false);
    config.ram--;
    CHECK_STATUS(flashdelta_ota_begin(&config, &ota), ESP_OK);
    CHECK_STATUS(flashdelta_ota_feed(ota, small.bytes, small.len), ESP_ERR_FLASHDELTA_BASE + FLASHDELTA_ERR_WORKSPACE_TOO_SMALL);
    CHECK_STATUS(flashdelta_ota_last_error(ota, &detail), ESP_OK);
    CHECK(detail.status == FLASHDELTA_ERR_WORKSPACE_TOO_SMALL && detail.expected == needed && detail.found == needed - 1);
    CHECK_STATUS(flashdelta_ota_end(ota), ESP_ERR_FLASHDELTA_BASE + FLASHDELTA_ERR_WORKSPACE_TOO_SMALL);
    CHECK(old_is_untouched() && fake.flash.erases == 0 && fake.flash.writes == 0);
    config.ram = 100;
    CHECK_STATUS(flashdelta_ota_begin(&config, &ota), ESP_ERR_INVALID_ARG);
    fake_stop();
    free(small.bytes);
}

/* What is no patch is told as the applier tells it. */
static void the_first_bytes_are_judged(void) {
    const uint8_t no_patch[] = {'F', 'D', 'X', 0};
    flashdelta_ota_handle_t ota = NULL;
    flashdelta_error_detail detail;
    size_t i;
    start(false);
    CHECK_STATUS(flashdelta_ota_begin(NULL, &ota), ESP_OK);
    for (i = 0; i < 2; i++) {
        CHECK_STATUS(flashdelta_ota_feed(ota, no_patch + i, 1), ESP_OK);
    }
    CHECK_STATUS(flashdelta_ota_feed(ota, no_patch + 2, 1), ESP_ERR_FLASHDELTA_BASE + FLASHDELTA_ERR_NOT_A_PATCH);
    CHECK_STATUS(flashdelta_ota_last_error(ota, &detail), ESP_OK);
    CHECK(detail.status == FLASHDELTA_ERR_NOT_A_PATCH && detail.offset == 2 && detail.found == 'X');
    CHECK_STATUS(flashdelta_ota_abort(ota), ESP_OK);
    fake_stop();
}

/* Padding is an error, however it arrives, and nothing boots; or it is ignored. */
static void padding_is_an_error_or_ignored(void) {
    const size_t pieces[] = {1, 64, 1460, 1 << 20};
    blob padded = {NULL, 0};
    size_t i;
    padded.len = update.len + 100;
    padded.bytes = (uint8_t *)calloc(1, padded.len);
    memcpy(padded.bytes, update.bytes, update.len);
    for (i = 0; i < 4; i++) {
        flashdelta_ota_config_t config;
        start(false);
        memset(&config, 0, sizeof config);
        CHECK_STATUS(run(&config, padded, pieces[i]), ESP_ERR_FLASHDELTA_BASE + FLASHDELTA_ERR_TRAILING_INPUT);
        CHECK(old_is_untouched());
        config.ignore_trailing = true;
        CHECK_STATUS(run(&config, padded, pieces[i]), ESP_OK);
        CHECK(slot_is_new() && fake.boot == &fake.partitions[1]);
        fake_stop();
    }
    free(padded.bytes);
}

/* From one data partition to another: nothing about what boots changes, whatever the data is. */
static void data_partitions_take_turns(const char *folder) {
    const blob patch = load(folder, "no_image.fdp");
    flashdelta_ota_config_t config;
    flashdelta_ota_handle_t ota = NULL;
    start(false);
    /* The application runs from elsewhere. */
    fake.running = fake.boot = &fake.partitions[2];
    fake.partitions[0].type = fake.partitions[1].type = ESP_PARTITION_TYPE_DATA;
    fake.partitions[0].subtype = fake.partitions[1].subtype = ESP_PARTITION_SUBTYPE_DATA_LITTLEFS;
    fake.state = ESP_OTA_IMG_PENDING_VERIFY; /* a rollback does not need the data */
    memset(&config, 0, sizeof config);
    config.old_partition = &fake.partitions[0];
    config.new_partition = &fake.partitions[1];
    CHECK_STATUS(run(&config, patch, 100), ESP_OK);
    CHECK(fake.boot == &fake.partitions[2] && fake.flash.writes > 0);
    CHECK(memcmp(fake.flash.bytes, old_image.bytes, old_image.len) == 0);
    /* Not from app to data or back, not onto itself, not over what the bootloader reads. */
    config.old_partition = NULL;
    CHECK_STATUS(flashdelta_ota_begin(&config, &ota), ESP_ERR_INVALID_ARG);
    config.old_partition = &fake.partitions[1];
    CHECK_STATUS(flashdelta_ota_begin(&config, &ota), ESP_ERR_OTA_PARTITION_CONFLICT);
    config.old_partition = &fake.partitions[0];
    fake.partitions[1].subtype = ESP_PARTITION_SUBTYPE_DATA_OTA;
    CHECK_STATUS(flashdelta_ota_begin(&config, &ota), ESP_ERR_INVALID_ARG);
    fake.partitions[1].type = ESP_PARTITION_TYPE_APP;
    fake.partitions[1].subtype = ESP_PARTITION_SUBTYPE_APP_OTA_1;
    CHECK_STATUS(flashdelta_ota_begin(&config, &ota), ESP_ERR_INVALID_ARG);
    fake_stop();
    free(patch.bytes);
}

#if CONFIG_FLASHDELTA_HOLES
/* Another value in the hole of an image of one segment, with its checksum. */
static void put_serial(uint8_t *image, size_t len, char value) {
    uint8_t sum = 0;
    size_t i;
    for (i = 0x400; i < 0x410; i++) {
        sum ^= (uint8_t)(image[i] ^ value);
        image[i] = (uint8_t)value;
    }
    image[len - 1] ^= sum;
}

/* Each device keeps its serial number, or gets another one; the checksum is right, or it would not boot. */
static void a_device_keeps_its_own_data(const char *folder) {
    const blob patch = load(folder, "holes.fdp");
    const uint8_t given[] = {'F', 'D', 'V', 0, 6, 's', 'e', 'r', 'i', 'a', 'l', 16, 0, '7', '7', '7', '7', '7', '7', '7', '7', '7', '7', '7', '7', '7', '7', '7', '7'};
    blob mine = load(folder, "old.bin"), wanted = load(folder, "new.bin");
    flashdelta_ota_config_t config;
    int is_given;
    for (is_given = 0; is_given < 2; is_given++) {
        memset(&config, 0, sizeof config);
        put_serial(mine.bytes, mine.len, '3');
        put_serial(wanted.bytes, wanted.len, is_given ? '7' : '3');
        if (is_given) {
            config.values = given;
            config.values_len = sizeof given;
        }
        fake_start(mine.bytes, mine.len, is_given);
        CHECK_STATUS(run(&config, patch, 1000), ESP_OK);
        CHECK(memcmp(fake.flash.bytes + FAKE_SLOT, wanted.bytes, wanted.len) == 0 && fake.boot == &fake.partitions[1]);
        fake_stop();
    }
    /* No record. */
    start(false);
    config.values_len--;
    CHECK_STATUS(run(&config, patch, 1000), ESP_ERR_FLASHDELTA_BASE + FLASHDELTA_ERR_INVALID_ARGUMENT);
    CHECK(old_is_untouched());
    fake_stop();
    free(wanted.bytes);
    free(mine.bytes);
    free(patch.bytes);
}
#endif

static void begin_refuses_what_would_go_wrong(void) {
    flashdelta_ota_config_t config;
    flashdelta_ota_handle_t ota = NULL;
    esp_partition_t stranger;
    start(false);
    memset(&config, 0, sizeof config);
    CHECK_STATUS(flashdelta_ota_begin(NULL, NULL), ESP_ERR_INVALID_ARG);
    config.new_partition = &fake.partitions[0]; /* running */
    CHECK_STATUS(flashdelta_ota_begin(&config, &ota), ESP_ERR_OTA_PARTITION_CONFLICT);
    config.old_partition = &fake.partitions[1]; /* still running, though not the old one */
    CHECK_STATUS(flashdelta_ota_begin(&config, &ota), ESP_ERR_OTA_PARTITION_CONFLICT);
    config.new_partition = &fake.partitions[1]; /* the old one, though not running */
    CHECK_STATUS(flashdelta_ota_begin(&config, &ota), ESP_ERR_OTA_PARTITION_CONFLICT);
    memset(&config, 0, sizeof config);
    config.new_partition = &fake.partitions[2]; /* factory */
    CHECK_STATUS(flashdelta_ota_begin(&config, &ota), ESP_ERR_INVALID_ARG);
    stranger = fake.partitions[1];
    stranger.address += FAKE_SECTOR;
    config.new_partition = &stranger;
    CHECK_STATUS(flashdelta_ota_begin(&config, &ota), ESP_ERR_NOT_FOUND);
    fake.next = NULL;
    CHECK_STATUS(flashdelta_ota_begin(NULL, &ota), ESP_ERR_NOT_FOUND);
    fake.next = &fake.partitions[1];
    fake.state = ESP_OTA_IMG_PENDING_VERIFY;
    CHECK_STATUS(flashdelta_ota_begin(NULL, &ota), ESP_ERR_OTA_ROLLBACK_INVALID_STATE);
    CHECK(ota == NULL && fake.flash.erases == 0 && fake.flash.writes == 0);
    CHECK_STATUS(esp_ota_mark_app_valid_cancel_rollback(), ESP_OK);
    CHECK_STATUS(run(NULL, update, 100), ESP_OK);
    fake_stop();
}

static void wrong_arguments_are_refused(void) {
    flashdelta_ota_handle_t ota = NULL;
    flashdelta_progress progress;
    flashdelta_error_detail detail;
    start(false);
    CHECK_STATUS(flashdelta_ota_feed(NULL, update.bytes, 1), ESP_ERR_INVALID_ARG);
    CHECK_STATUS(flashdelta_ota_end(NULL), ESP_ERR_INVALID_ARG);
    CHECK_STATUS(flashdelta_ota_abort(NULL), ESP_ERR_INVALID_ARG);
    CHECK_STATUS(flashdelta_ota_get_progress(NULL, &progress), ESP_ERR_INVALID_ARG);
    CHECK_STATUS(flashdelta_ota_last_error(NULL, &detail), ESP_ERR_INVALID_ARG);
    CHECK_STATUS(flashdelta_ota_begin(NULL, &ota), ESP_OK);
    CHECK_STATUS(flashdelta_ota_feed(ota, NULL, 1), ESP_ERR_INVALID_ARG);
    CHECK_STATUS(flashdelta_ota_feed(ota, NULL, 0), ESP_OK);
    CHECK_STATUS(flashdelta_ota_get_progress(ota, NULL), ESP_ERR_INVALID_ARG);
    CHECK_STATUS(flashdelta_ota_last_error(ota, NULL), ESP_ERR_INVALID_ARG);
    CHECK_STATUS(flashdelta_ota_feed(ota, update.bytes, update.len / 2), ESP_OK);
    CHECK_STATUS(flashdelta_ota_get_progress(ota, &progress), ESP_OK);
    CHECK(progress.done == 0 && progress.written > 0 && progress.total == new_image.len);
    CHECK_STATUS(flashdelta_ota_last_error(ota, &detail), ESP_OK);
    CHECK(detail.status == FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_ota_abort(ota), ESP_OK);
    CHECK(old_is_untouched());
    fake_stop();
}

static void bad_patches_never_boot(const char *folder) {
    const char *names[] = {"bad_checksum.fdp", "other_chip.fdp", "no_image.fdp"};
    const size_t step = update.len / 40 + 1;
    flashdelta_ota_config_t config;
    flashdelta_device device = {1, 1, 0, 1};
    blob part = update;
    size_t i;
    /* Complete and right, but nothing that this chip boots. */
    for (i = 0; i < 3; i++) {
        const blob patch = load(folder, names[i]);
        start(false);
        CHECK_STATUS(run(NULL, patch, 500), ESP_ERR_OTA_VALIDATE_FAILED);
        CHECK(old_is_untouched());
        fake_stop();
        free(patch.bytes);
    }
    /* Cut short, damaged. */
    for (i = 0; i < update.len; i += step) {
        esp_err_t err;
        start(i % 2 == 1);
        part.len = i;
        CHECK_STATUS(run(NULL, part, 100), ESP_ERR_FLASHDELTA_BASE + FLASHDELTA_ERR_TRUNCATED);
        CHECK(old_is_untouched());
        update.bytes[i] ^= 0x10;
        err = run(NULL, update, 100);
        update.bytes[i] ^= 0x10;
        CHECK(err == ESP_OK ? slot_is_new() : old_is_untouched());
        fake_stop();
    }
    /* For other devices, from another image, too large. */
    start(false);
    memset(&config, 0, sizeof config);
    config.device = &device;
    CHECK_STATUS(run(&config, update, 100), ESP_ERR_FLASHDELTA_BASE + FLASHDELTA_ERR_NO_IDENTITY);
    fake.flash.bytes[100] ^= 1;
    CHECK_STATUS(run(NULL, update, 100), ESP_ERR_FLASHDELTA_BASE + FLASHDELTA_ERR_OLD_MISMATCH);
    fake.flash.bytes[100] ^= 1;
    CHECK(old_is_untouched() && fake.flash.erases == 0 && fake.flash.writes == 0);
    fake_stop();
}

static void no_status_is_lost(void) {
    flashdelta_ota_config_t config;
    start(false);
    fake.set_boot_result = ESP_ERR_NOT_FOUND; /* no otadata partition */
    CHECK_STATUS(run(NULL, update, 100), ESP_ERR_NOT_FOUND);
    CHECK(old_is_untouched() && slot_is_new());
    fake.set_boot_result = ESP_OK;
    memset(&config, 0, sizeof config);
    config.keep_boot_partition = true;
    CHECK_STATUS(run(&config, update, 100), ESP_OK);
    CHECK(old_is_untouched() && slot_is_new());
    fake_stop();
}

/* One flash access fails, and those after it work again: whatever it was, an update that does not say ESP_OK does not boot. */
static void no_failing_call_is_overlooked(void) {
    long calls, n, failures_seen = 0;
    start(false);
    CHECK_STATUS(run(NULL, update, 1000), ESP_OK);
    calls = fake.calls;
    fake_stop();
    /* The last ones, in flashdelta_ota_end(), all. */
    for (n = 1; n <= calls; n += n < calls - 8 ? 1 + n / 40 : 1) {
        esp_err_t err;
        start(false);
        fake.fail_at = n;
        err = run(NULL, update, 1000);
        /* What cannot be read before it is erased is erased: that is no error. */
        CHECK(err == ESP_OK ? slot_is_new() && fake.boot == &fake.partitions[1] : old_is_untouched());
        CHECK(err == ESP_OK || err == ESP_ERR_FLASH_OP_FAIL || err == ESP_ERR_OTA_VALIDATE_FAILED);
        CHECK(err != ESP_OK || n <= calls - 2);
        failures_seen += err != ESP_OK;
        CHECK_STATUS(run(NULL, update, 1000), ESP_OK);
        CHECK(slot_is_new() && fake.boot == &fake.partitions[1]);
        fake_stop();
    }
    CHECK(failures_seen > 20);
}

/* An update that finds its image in the slot already has nothing to do but to set the boot partition. */
static void what_is_there_is_kept(void) {
    unsigned long erases;
    start(false);
    CHECK_STATUS(run(NULL, update, 1000), ESP_OK);
    erases = fake.flash.erases;
    CHECK(erases == (new_image.len + FAKE_SECTOR - 1) / FAKE_SECTOR);
    fake.boot = &fake.partitions[0];
    CHECK_STATUS(run(NULL, update, 1000), ESP_OK);
    CHECK(slot_is_new() && fake.boot == &fake.partitions[1] && fake.flash.erases == erases);
    fake_stop();
}

/* The power goes inside the nth write or erase; then the update starts again. Sectors that were finished are left alone. */
static void power_cuts_do_no_harm(void) {
    const bool encrypted = true; /* torn units count */
    const uint32_t first = FAKE_SLOT / FAKE_SECTOR;
    uint32_t wear[FAKE_FLASH / FAKE_SECTOR];
    long operations, n;
    uint32_t sector;
    start(encrypted);
    CHECK_STATUS(run(NULL, update, 1000), ESP_OK);
    operations = (long)(fake.flash.erases + fake.flash.writes);
    fake_stop();
    CHECK(operations > 100);
    for (n = 1; n <= operations; n += 1 + n / 20) {
        start(encrypted);
        fake.flash.random = (uint32_t)n;
        fake.flash.cut_after = n;
        fake.flash.cut_at = (uint32_t)n % 17;
        CHECK_STATUS(run(NULL, update, 1000), ESP_ERR_FLASH_OP_FAIL);
        CHECK(old_is_untouched());
        nor_power_on(&fake.flash);
        memcpy(wear, fake.flash.wear, sizeof wear);
        CHECK_STATUS(run(NULL, update, 1000), ESP_OK);
        CHECK(slot_is_new() && fake.boot == &fake.partitions[1]);
        for (sector = first; sector + 1 < 2 * first && wear[sector + 1] > 0; sector++) {
            CHECK(fake.flash.wear[sector] == wear[sector]);
        }
        fake_stop();
    }
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: test_ota FOLDER\n");
        return 2;
    }
    old_image = load(argv[1], "old.bin");
    new_image = load(argv[1], "new.bin");
    update = load(argv[1], "update.fdp");
    an_update_boots();
    default_maker_and_default_component_fit(argv[1]);
    the_patch_says_how_much_ram_it_takes(argv[1]);
    the_first_bytes_are_judged();
    padding_is_an_error_or_ignored();
    data_partitions_take_turns(argv[1]);
#if CONFIG_FLASHDELTA_HOLES
    a_device_keeps_its_own_data(argv[1]);
#endif
    begin_refuses_what_would_go_wrong();
    wrong_arguments_are_refused();
    bad_patches_never_boot(argv[1]);
    no_status_is_lost();
    no_failing_call_is_overlooked();
    what_is_there_is_kept();
    power_cuts_do_no_harm();
    free(update.bytes);
    free(new_image.bytes);
    free(old_image.bytes);
    return summary("test_ota");
}
