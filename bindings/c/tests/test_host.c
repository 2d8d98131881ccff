/*
 * Making and applying on a host.
 *
 *     test_host FOLDER
 *
 * FOLDER holds old.bin and new.bin. Leaves patches there for test_applier: model.fdp, lz4.fdp, raw.fdp, for_product.fdp; and for test_slots: the starts of both images,
 * short_old.bin and short_new.bin, and short_raw.fdp, short_lz4.fdp, short_model.fdp.
 */
#include <flashdelta.h>

#include <string.h>

#include "check.h"
#include "folder.h"

static blob old_image, new_image;

static int exists(const char *name) {
    FILE *file = fopen(in_folder(name), "rb");
    if (file != NULL) {
        fclose(file);
    }
    return file != NULL;
}

static flashdelta_options *new_options(void) {
    flashdelta_options *options = NULL;
    CHECK_STATUS(flashdelta_options_new(&options), FLASHDELTA_OK);
    return options;
}

static flashdelta_status make(const flashdelta_options *options, flashdelta_buffer *patch) {
    return flashdelta_make(old_image.bytes, old_image.len, new_image.bytes, new_image.len, options, patch);
}

static void patches_in_every_codec_work(void) {
    const struct {
        uint32_t codec;
        const char *profile, *name;
    } cases[] = {{FLASHDELTA_CODEC_MODEL, "small", "model.fdp"}, {FLASHDELTA_CODEC_LZ4, "small", "lz4.fdp"}, {FLASHDELTA_CODEC_RAW, "tiny", "raw.fdp"},
                 {FLASHDELTA_CODEC_ZSTD, "linux", "zstd.fdp"}};
    size_t i;
    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        flashdelta_options *options = new_options();
        flashdelta_buffer patch = {0}, again = {0}, made = {0};
        flashdelta_patch_info info;
        blob file;
        CHECK_STATUS(flashdelta_options_set_profile(options, cases[i].profile), FLASHDELTA_OK);
        CHECK_STATUS(flashdelta_options_set_codec(options, cases[i].codec), FLASHDELTA_OK);
        CHECK_STATUS(make(options, &patch), FLASHDELTA_OK);
        CHECK_STATUS(flashdelta_read_patch_info(patch.data, patch.len, &info), FLASHDELTA_OK);
        CHECK(info.codec == cases[i].codec && patch.len < new_image.len / 2);
        /* The same through files, on one thread. */
        CHECK_STATUS(flashdelta_options_set_threads(options, 1), FLASHDELTA_OK);
        CHECK_STATUS(flashdelta_make_file(in_folder("old.bin"), in_folder("new.bin"), in_folder(cases[i].name), options), FLASHDELTA_OK);
        file = load(folder, cases[i].name);
        CHECK(file.len == patch.len && memcmp(file.bytes, patch.data, file.len) == 0);
        free(file.bytes);
        CHECK_STATUS(flashdelta_apply(old_image.bytes, old_image.len, patch.data, patch.len, NULL, &made), FLASHDELTA_OK);
        CHECK(made.len == new_image.len && memcmp(made.data, new_image.bytes, made.len) == 0);
        CHECK_STATUS(flashdelta_verify(old_image.bytes, old_image.len, patch.data, patch.len, NULL), FLASHDELTA_OK);
        CHECK_STATUS(flashdelta_apply_file(in_folder("old.bin"), in_folder(cases[i].name), in_folder("made.bin"), NULL), FLASHDELTA_OK);
        file = load(folder, "made.bin");
        CHECK(file.len == new_image.len && memcmp(file.bytes, new_image.bytes, file.len) == 0);
        free(file.bytes);
        flashdelta_buffer_free(&made);
        CHECK(made.data == NULL && made.len == 0);
        flashdelta_buffer_free(&made);
        flashdelta_buffer_free(&again);
        flashdelta_buffer_free(&patch);
        flashdelta_options_free(options);
    }
}

static void save(const char *name, const uint8_t *bytes, size_t len) {
    FILE *file = fopen(in_folder(name), "wb");
    CHECK(file != NULL && fwrite(bytes, 1, len, file) == len && fclose(file) == 0);
}

static void short_patches_for_test_slots(void) {
    const struct {
        uint32_t codec;
        const char *name;
    } cases[] = {{FLASHDELTA_CODEC_RAW, "short_raw.fdp"}, {FLASHDELTA_CODEC_LZ4, "short_lz4.fdp"}, {FLASHDELTA_CODEC_MODEL, "short_model.fdp"}};
    flashdelta_options *options = new_options();
    size_t i;
    save("short_old.bin", old_image.bytes, 8000);
    save("short_new.bin", new_image.bytes, 7900);
    CHECK_STATUS(flashdelta_options_set_ram(options, 8192), FLASHDELTA_OK);
    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        CHECK_STATUS(flashdelta_options_set_codec(options, cases[i].codec), FLASHDELTA_OK);
        CHECK_STATUS(flashdelta_make_file(in_folder("short_old.bin"), in_folder("short_new.bin"), in_folder(cases[i].name), options), FLASHDELTA_OK);
    }
    flashdelta_options_free(options);
}

static void identities_are_kept_and_checked(void) {
    flashdelta_options *options = new_options();
    flashdelta_device device = {0x50f7e2a1, 3, 0, 7};
    flashdelta_buffer patch = {0}, made = {0};
    flashdelta_patch_info info;
    CHECK_STATUS(flashdelta_options_set_ram(options, 16384), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_options_set_identity(options, 0x50f7e2a1, 2, 4, 7), FLASHDELTA_OK);
    CHECK_STATUS(make(options, &patch), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_read_patch_info(patch.data, patch.len, &info), FLASHDELTA_OK);
    CHECK(info.has_identity == 1 && info.product == 0x50f7e2a1 && info.hardware_from == 2 && info.hardware_to == 4 && info.security_counter == 7);
    CHECK(info.ram <= 16384);
    save("for_product.fdp", patch.data, patch.len);
    CHECK_STATUS(flashdelta_options_set_device(options, &device), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_verify(old_image.bytes, old_image.len, patch.data, patch.len, options), FLASHDELTA_OK);
    device.product = 1;
    CHECK_STATUS(flashdelta_options_set_device(options, &device), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_apply(old_image.bytes, old_image.len, patch.data, patch.len, options, &made), FLASHDELTA_ERR_WRONG_PRODUCT);
    CHECK(made.data == NULL && strstr(flashdelta_last_error(), "50f7e2a1") != NULL);
    CHECK_STATUS(flashdelta_options_set_device(options, NULL), FLASHDELTA_OK);
    CHECK(strcmp(flashdelta_last_error(), "") == 0);
    CHECK_STATUS(flashdelta_verify(old_image.bytes, old_image.len, patch.data, patch.len, options), FLASHDELTA_OK);
    flashdelta_buffer_free(&patch);
    flashdelta_options_free(options);
}

static void devices_have_data_of_their_own(void) {
    flashdelta_options *options = new_options();
    flashdelta_buffer patch = {0}, made = {0}, filled = {0};
    static const uint8_t key[] = {1, 2, 3};
    CHECK_STATUS(flashdelta_options_add_hole(options, "serial=0x400-0x410"), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_options_add_hole(options, "key=0x600-0x620,old=none"), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_options_add_hole(options, "key=5"), FLASHDELTA_ERR_INVALID_ARGUMENT);
    CHECK(strstr(flashdelta_last_error(), "expected a range") != NULL);
    CHECK_STATUS(flashdelta_options_add_hole(options, NULL), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(make(options, &patch), FLASHDELTA_OK);
    save("holes.fdp", patch.data, patch.len);
    CHECK_STATUS(flashdelta_apply(old_image.bytes, old_image.len, patch.data, patch.len, options, &made), FLASHDELTA_ERR_INVALID_ARGUMENT);
    CHECK(strstr(flashdelta_last_error(), "key") != NULL && made.data == NULL);
    CHECK_STATUS(flashdelta_personalize(new_image.bytes, new_image.len, options, &filled), FLASHDELTA_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(flashdelta_options_set_value(options, "key", key, sizeof key), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_apply(old_image.bytes, old_image.len, patch.data, patch.len, options, &made), FLASHDELTA_OK);
    CHECK(made.len == new_image.len && memcmp(made.data + 0x600, "\1\2\3\0", 4) == 0 && memcmp(made.data + 0x400, old_image.bytes + 0x400, 16) == 0);
    CHECK_STATUS(flashdelta_options_set_value(options, "serial", old_image.bytes + 0x400, 16), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_personalize(new_image.bytes, new_image.len, options, &filled), FLASHDELTA_OK);
    CHECK(filled.len == made.len && memcmp(filled.data, made.data, made.len) == 0);
    CHECK_STATUS(flashdelta_personalize(new_image.bytes, new_image.len, NULL, &filled), FLASHDELTA_ERR_NULL_POINTER);
    flashdelta_buffer_free(&filled);
    flashdelta_buffer_free(&made);
    flashdelta_buffer_free(&patch);
    flashdelta_options_free(options);
}

static int32_t count_calls(void *user, uint32_t phase, float fraction) {
    CHECK(phase <= FLASHDELTA_PHASE_APPLY && fraction >= 0 && fraction <= 1);
    ++*(int *)user;
    return 0;
}

static int32_t give_up(void *user, uint32_t phase, float fraction) {
    (void)phase;
    (void)fraction;
    ++*(int *)user;
    return 1;
}

static void progress_is_told_and_can_cancel(void) {
    flashdelta_options *options = new_options();
    flashdelta_buffer patch = {0}, none = {0};
    int calls = 0;
    CHECK_STATUS(flashdelta_options_set_progress(options, count_calls, &calls), FLASHDELTA_OK);
    CHECK_STATUS(make(options, &patch), FLASHDELTA_OK);
    CHECK(calls > 3);
    calls = 0;
    CHECK_STATUS(flashdelta_verify(old_image.bytes, old_image.len, patch.data, patch.len, options), FLASHDELTA_OK);
    CHECK(calls > 1);
    CHECK_STATUS(flashdelta_options_set_progress(options, give_up, &calls), FLASHDELTA_OK);
    CHECK_STATUS(make(options, &none), FLASHDELTA_ERR_CANCELLED);
    CHECK_STATUS(flashdelta_apply(old_image.bytes, old_image.len, patch.data, patch.len, options, &none), FLASHDELTA_ERR_CANCELLED);
    CHECK(none.data == NULL && none.len == 0);
    CHECK_STATUS(flashdelta_make_file(in_folder("old.bin"), in_folder("new.bin"), in_folder("none.fdp"), options), FLASHDELTA_ERR_CANCELLED);
    CHECK_STATUS(flashdelta_apply_file(in_folder("old.bin"), in_folder("model.fdp"), in_folder("none.bin"), options), FLASHDELTA_ERR_CANCELLED);
    CHECK(!exists("none.fdp") && !exists("none.bin"));
    flashdelta_buffer_free(&patch);
    flashdelta_options_free(options);
}

static void wrong_arguments_are_refused(void) {
    flashdelta_options *options = new_options();
    flashdelta_buffer buffer = {0};
    const uint32_t codecs[] = {FLASHDELTA_CODEC_RAW, 99};
    const uint32_t isas[] = {FLASHDELTA_ISA_THUMB, FLASHDELTA_ISA_RISCV};
    uint32_t product = 0;
    uint8_t byte = 0;

    CHECK_STATUS(flashdelta_options_new(NULL), FLASHDELTA_ERR_NULL_POINTER);
    flashdelta_options_free(NULL);
    flashdelta_buffer_free(NULL);
    CHECK_STATUS(flashdelta_options_set_profile(NULL, "small"), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_options_set_profile(options, NULL), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_options_set_profile(options, "toaster"), FLASHDELTA_ERR_INVALID_ARGUMENT);
    CHECK(strstr(flashdelta_last_error(), "toaster") != NULL);
    CHECK_STATUS(flashdelta_options_set_profile(options, "\xff"), FLASHDELTA_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(flashdelta_options_set_ram(NULL, 1), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_options_set_write_size(NULL, 1), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_options_set_write_size(options, 3), FLASHDELTA_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(flashdelta_options_set_write_size(options, 0), FLASHDELTA_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(flashdelta_options_set_device_codecs(NULL, codecs, 1), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_options_set_device_codecs(options, NULL, 1), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_options_set_device_codecs(options, codecs, 2), FLASHDELTA_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(flashdelta_options_set_device_codecs(options, codecs, SIZE_MAX), FLASHDELTA_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(flashdelta_options_set_device_isas(NULL, isas, 2), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_options_set_device_isas(options, NULL, 2), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_options_set_device_isas(options, isas, 2), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_options_set_codec(NULL, 0), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_options_set_codec(options, 17), FLASHDELTA_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(flashdelta_options_set_codec(options, FLASHDELTA_AUTO), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_options_set_isa(NULL, 0), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_options_set_isa(options, 13), FLASHDELTA_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(flashdelta_options_set_isa(options, FLASHDELTA_AUTO), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_options_set_base(NULL, 0), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_options_set_base(options, 0x08000000), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_options_set_identity(NULL, 0, 0, 0, 0), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_options_set_identity(options, 0, 2, 1, 0), FLASHDELTA_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(flashdelta_options_set_effort(NULL, 1), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_options_set_effort(options, 0), FLASHDELTA_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(flashdelta_options_set_effort(options, 10), FLASHDELTA_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(flashdelta_options_set_effort(options, 1), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_options_set_threads(NULL, 1), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_options_set_threads(options, 1025), FLASHDELTA_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(flashdelta_options_set_device(NULL, NULL), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_options_set_progress(NULL, NULL, NULL), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_options_set_progress(options, NULL, NULL), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_product_id(NULL, &product), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_product_id("heron", NULL), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_product_id("", &product), FLASHDELTA_OK);
    CHECK(product == 0xe3b0c442); /* SHA-256 of nothing */

    CHECK_STATUS(make(NULL, NULL), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_make(NULL, 1, &byte, 1, NULL, &buffer), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_make(&byte, 1, NULL, 1, NULL, &buffer), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_make(&byte, SIZE_MAX, &byte, 1, NULL, &buffer), FLASHDELTA_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(flashdelta_apply(old_image.bytes, old_image.len, &byte, 1, NULL, NULL), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_apply(NULL, 1, &byte, 1, NULL, &buffer), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_apply(&byte, 1, NULL, 1, NULL, &buffer), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_apply(&byte, 1, NULL, 0, NULL, &buffer), FLASHDELTA_ERR_TRUNCATED);
    CHECK_STATUS(flashdelta_apply(&byte, 1, &byte, 1, NULL, &buffer), FLASHDELTA_ERR_NOT_A_PATCH);
    CHECK_STATUS(flashdelta_verify(NULL, 1, &byte, 1, NULL), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_make_file(NULL, "", "", NULL), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_make_file("", NULL, "", NULL), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_make_file("", "", NULL, NULL), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_apply_file(NULL, "", "", NULL), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_apply_file("", NULL, "", NULL), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_apply_file("", "", NULL, NULL), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_make_file(in_folder("not-there"), in_folder("new.bin"), in_folder("none.fdp"), NULL), FLASHDELTA_ERR_FILE);
    CHECK(strstr(flashdelta_last_error(), "not-there") != NULL && !exists("none.fdp"));
    CHECK_STATUS(flashdelta_apply_file(in_folder("old.bin"), in_folder("model.fdp"), in_folder("old.bin"), NULL), FLASHDELTA_ERR_FILE);
    CHECK_STATUS(flashdelta_apply_file(in_folder("new.bin"), in_folder("model.fdp"), in_folder("none.bin"), NULL), FLASHDELTA_ERR_OLD_MISMATCH);
    CHECK(!exists("none.bin"));
    /* Impossible wishes. */
    CHECK_STATUS(flashdelta_options_set_ram(options, 1), FLASHDELTA_OK);
    CHECK_STATUS(make(options, &buffer), FLASHDELTA_ERR_PROFILE_TOO_SMALL);
    CHECK_STATUS(flashdelta_options_set_profile(options, "small"), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_options_set_codec(options, FLASHDELTA_CODEC_ZSTD), FLASHDELTA_OK);
    CHECK_STATUS(make(options, &buffer), FLASHDELTA_ERR_NOT_IN_PROFILE);
    CHECK(buffer.data == NULL && buffer.len == 0);
    flashdelta_options_free(options);
}

static void empty_images_are_images(void) {
    flashdelta_buffer patch = {0}, made = {0};
    flashdelta_options *options = NULL;
    const uint8_t byte = 0;
    CHECK_STATUS(flashdelta_make(&byte, 1, NULL, 0, NULL, &patch), FLASHDELTA_ERR_FIRMWARE_FILE);
    CHECK(strstr(flashdelta_last_error(), "flashdelta_options_set_allow_empty") != NULL);
    CHECK_STATUS(flashdelta_options_set_allow_empty(NULL, 1), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_options_set_verify(NULL, 1), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_options_new(&options), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_options_set_allow_empty(options, 1), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_options_set_verify(options, 0), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_make(NULL, 0, NULL, 0, options, &patch), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_apply(NULL, 0, patch.data, patch.len, NULL, &made), FLASHDELTA_OK);
    CHECK(made.data == NULL && made.len == 0);
    flashdelta_buffer_free(&made);
    flashdelta_buffer_free(&patch);
    flashdelta_options_free(options);
}

/* A header that claims 1 GiB of RAM, with a right checksum: nothing of that is touched. */
static void absurd_workspaces_are_refused(void) {
    static const uint8_t patch[] = {
        0x46, 0x44, 0x50, 0x00, 0x41, 0x00, 0x00, 0x00, 0x80, 0x80, 0x80, 0x02, 0x00, 0xd0, 0x0f, 0x05,
        0x01, 0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xea, 0xdf, 0xa0,
        0xc8, 0x00, 0x21, 0x9a, 0x1f, 0x01,
    };
    flashdelta_buffer made = {0};
    flashdelta_patch_info info;
    CHECK_STATUS(flashdelta_read_patch_info(patch, sizeof patch, &info), FLASHDELTA_OK);
    CHECK(info.ram >= 1u << 30);
    CHECK_STATUS(flashdelta_apply(NULL, 0, patch, sizeof patch, NULL, &made), FLASHDELTA_ERR_WORKSPACE_TOO_SMALL);
    CHECK_STATUS(flashdelta_verify(NULL, 0, patch, sizeof patch, NULL), FLASHDELTA_ERR_WORKSPACE_TOO_SMALL);
    CHECK(made.data == NULL);
}

typedef struct {
    int count, is_new;
    char code[32];
} told;

static void note(void *user, int32_t is_new, const char *code, const char *text) {
    told *t = (told *)user;
    t->count++;
    t->is_new = is_new;
    CHECK(strlen(code) < sizeof t->code && strlen(text) > 0);
    strcpy(t->code, code);
}

static void warnings_are_told(void) {
    flashdelta_options *options = NULL;
    flashdelta_buffer patch = {0};
    told t = {0, 0, ""};
    CHECK_STATUS(flashdelta_options_set_warning(NULL, note, &t), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_options_new(&options), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_options_set_warning(options, note, &t), FLASHDELTA_OK);
    CHECK_STATUS(make(options, &patch), FLASHDELTA_OK);
    CHECK(t.count == 0);
    flashdelta_buffer_free(&patch);
    CHECK_STATUS(flashdelta_make(old_image.bytes, old_image.len, old_image.bytes, old_image.len, options, &patch), FLASHDELTA_OK);
    CHECK(t.count == 1 && t.is_new == 1 && strcmp(t.code, "same") == 0);
    flashdelta_buffer_free(&patch);
    flashdelta_options_free(options);
}

/* A hex file, made by make() with these options: the size of the image that a device holds. */
static uint32_t image_size(const flashdelta_options *options, const char *old_text, const char *new_text, flashdelta_status expected) {
    flashdelta_buffer patch = {0}, made = {0};
    flashdelta_patch_info info = {0};
    const uint8_t *old_bytes = (const uint8_t *)old_text, *new_bytes = (const uint8_t *)new_text;
    CHECK_STATUS(flashdelta_make(old_bytes, strlen(old_text), new_bytes, strlen(new_text), options, &patch), expected);
    if (expected == FLASHDELTA_OK) {
        CHECK_STATUS(flashdelta_read_patch_info(patch.data, patch.len, &info), FLASHDELTA_OK);
        CHECK_STATUS(flashdelta_apply(old_bytes, strlen(old_text), patch.data, patch.len, options, &made), FLASHDELTA_OK);
        CHECK(made.len == strlen(new_text) && memcmp(made.data, new_text, made.len) == 0);
    }
    flashdelta_buffer_free(&made);
    flashdelta_buffer_free(&patch);
    return info.new_size;
}

static void files_of_records_are_read_as_asked(void) {
    static const char old_text[] = ":0400000000010203F6\n:020040000405B5\n:00000001FF\n";
    static const char new_text[] = ":0400000000010204F5\n:020040000405B5\n:00000001FF\n";
    static const char wrong_sum[] = ":0400000000010204F6\n:020040000405B5\n:00000001FF\n";
    flashdelta_options *options = new_options();
    CHECK(image_size(options, old_text, new_text, FLASHDELTA_OK) == 0x42);
    CHECK_STATUS(flashdelta_options_set_range(options, 0, 0x40), FLASHDELTA_OK);
    CHECK(image_size(options, old_text, new_text, FLASHDELTA_OK) == 4);
    CHECK_STATUS(flashdelta_options_set_range(options, 0, 0), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_options_set_fill(options, 0), FLASHDELTA_OK);
    CHECK(image_size(options, old_text, new_text, FLASHDELTA_OK) == 0x42);
    CHECK(image_size(options, old_text, wrong_sum, FLASHDELTA_ERR_FIRMWARE_FILE) == 0);
    CHECK(strstr(flashdelta_last_error(), "FLASHDELTA_ACCEPT_CHECKSUM") != NULL);
    CHECK_STATUS(flashdelta_options_set_accept(options, FLASHDELTA_ACCEPT_CHECKSUM | FLASHDELTA_ACCEPT_AFTER_END), FLASHDELTA_OK);
    CHECK(image_size(options, old_text, wrong_sum, FLASHDELTA_OK) == 0x42);
    CHECK_STATUS(flashdelta_options_set_accept(options, FLASHDELTA_ACCEPT_OVERLAP | FLASHDELTA_ACCEPT_OVERLAP_SAME), FLASHDELTA_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(flashdelta_options_set_accept(options, 512), FLASHDELTA_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(flashdelta_options_set_range(options, 5, 5), FLASHDELTA_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(flashdelta_options_set_fill(options, 256), FLASHDELTA_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(flashdelta_options_set_board(options, 0x19900), FLASHDELTA_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(flashdelta_options_set_image(options, 0x10000), FLASHDELTA_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(flashdelta_options_set_board(options, 0x9900), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_options_set_image(options, 0), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_options_set_family(options, 7), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_options_set_strict(options, 1), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_options_set_strict(NULL, 1), FLASHDELTA_ERR_NULL_POINTER);
    flashdelta_options_free(options);
}

static void elf_files_profiles_and_limits_are_taken(void) {
    static const uint8_t no_elf[] = "no ELF file";
    flashdelta_options *options = new_options();
    flashdelta_buffer patch = {0}, made = {0};
    CHECK_STATUS(flashdelta_options_set_elfs(options, NULL, 0, no_elf, sizeof no_elf), FLASHDELTA_OK);
    CHECK_STATUS(make(options, &patch), FLASHDELTA_ERR_FIRMWARE_FILE);
    CHECK(strstr(flashdelta_last_error(), "flashdelta_options_set_elfs") != NULL);
    CHECK_STATUS(flashdelta_options_set_elfs(options, NULL, 5, NULL, 0), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_options_set_elfs(options, NULL, 0, NULL, 0), FLASHDELTA_OK);
    save("heron.toml", (const uint8_t *)"like = 'small'\nram = 9000\n", 26);
    CHECK_STATUS(flashdelta_options_load_profile(options, in_folder("heron.toml")), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_options_load_profile(options, in_folder("missing.toml")), FLASHDELTA_ERR_FILE);
    CHECK(strstr(flashdelta_last_error(), "missing.toml") != NULL);
    CHECK_STATUS(make(options, &patch), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_options_set_device_ram(options, 9000), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_verify(old_image.bytes, old_image.len, patch.data, patch.len, options), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_options_set_device_ram(options, 1000), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_verify(old_image.bytes, old_image.len, patch.data, patch.len, options), FLASHDELTA_ERR_WORKSPACE_TOO_SMALL);
    CHECK_STATUS(flashdelta_options_set_device_ram(options, FLASHDELTA_AUTO), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_options_set_limit(options, 100), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_apply(old_image.bytes, old_image.len, patch.data, patch.len, options, &made), FLASHDELTA_ERR_NEW_TOO_LONG);
    CHECK_STATUS(flashdelta_options_set_limit(options, FLASHDELTA_AUTO), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_apply(old_image.bytes, old_image.len, patch.data, patch.len, options, &made), FLASHDELTA_OK);
    flashdelta_buffer_free(&made);
    flashdelta_buffer_free(&patch);
    flashdelta_options_free(options);
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: test_host FOLDER\n");
        return 2;
    }
    folder = argv[1];
    old_image = load(folder, "old.bin");
    new_image = load(folder, "new.bin");
    CHECK(strchr(flashdelta_version(), '.') != NULL);
    patches_in_every_codec_work();
    short_patches_for_test_slots();
    identities_are_kept_and_checked();
    devices_have_data_of_their_own();
    progress_is_told_and_can_cancel();
    wrong_arguments_are_refused();
    empty_images_are_images();
    absurd_workspaces_are_refused();
    warnings_are_told();
    files_of_records_are_read_as_asked();
    elf_files_profiles_and_limits_are_taken();
    free(new_image.bytes);
    free(old_image.bytes);
    return summary("test_host");
}
