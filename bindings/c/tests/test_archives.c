/*
 * Firmware files of all kinds: records, archives, folders; what they hold, and conversion.
 *
 *     test_archives FOLDER
 *
 * FOLDER holds old.bin and new.bin, old.s19 and new.hex with the memory of the same programs, old.zip and new.zip. Leaves other files there.
 */
#include <flashdelta.h>

#include <string.h>
#include <sys/stat.h>

#include "check.h"
#include "folder.h"

static void save(const char *name, const uint8_t *bytes, size_t len) {
    FILE *file = fopen(in_folder(name), "wb");
    CHECK(file != NULL && fwrite(bytes, 1, len, file) == len && fclose(file) == 0);
}

static int is(const flashdelta_buffer *buffer, blob expected) {
    return buffer->len == expected.len && memcmp(buffer->data, expected.bytes, expected.len) == 0;
}

static int file_is(const char *name, blob expected) {
    blob file = load(folder, name);
    const int same = file.len == expected.len && memcmp(file.bytes, expected.bytes, file.len) == 0;
    free(file.bytes);
    return same;
}

static flashdelta_options *new_options(void) {
    flashdelta_options *options = NULL;
    CHECK_STATUS(flashdelta_options_new(&options), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_options_set_effort(options, 1), FLASHDELTA_OK);
    return options;
}

static flashdelta_firmware_info info_of(blob file) {
    flashdelta_firmware_info info;
    memset(&info, 0, sizeof info);
    CHECK_STATUS(flashdelta_read_firmware_info(file.bytes, file.len, &info), FLASHDELTA_OK);
    CHECK(info.size == file.len);
    return info;
}

/* What a device holds: the memory of a file of records, with erased flash in its gaps (objcopy fills those of new.bin with zeros). */
static blob memory_of(blob file) {
    flashdelta_buffer made = {0};
    blob memory;
    CHECK_STATUS(flashdelta_convert(file.bytes, file.len, FLASHDELTA_FORMAT_RAW, NULL, &made), FLASHDELTA_OK);
    memory.len = made.len;
    memory.bytes = (uint8_t *)malloc(made.len > 0 ? made.len : 1);
    if (memory.bytes == NULL) {
        exit(2);
    }
    memcpy(memory.bytes, made.data, made.len);
    flashdelta_buffer_free(&made);
    return memory;
}

static void records_come_back_as_they_were(void) {
    blob old_file = load(folder, "old.s19"), new_file = load(folder, "new.hex"), old_image = memory_of(old_file), new_image = memory_of(new_file);
    flashdelta_options *options = new_options();
    flashdelta_buffer patch = {0}, made = {0}, again = {0};
    blob bytes;
    CHECK_STATUS(flashdelta_make(old_file.bytes, old_file.len, new_file.bytes, new_file.len, options, &patch), FLASHDELTA_OK);
    CHECK(patch.len < new_image.len / 5);
    CHECK_STATUS(flashdelta_apply(old_file.bytes, old_file.len, patch.data, patch.len, NULL, &made), FLASHDELTA_OK);
    CHECK(is(&made, new_file));
    flashdelta_buffer_free(&made);
    CHECK_STATUS(flashdelta_verify(old_file.bytes, old_file.len, patch.data, patch.len, NULL), FLASHDELTA_OK);
    /* What a device has: the memory. */
    CHECK_STATUS(flashdelta_options_set_output(options, FLASHDELTA_FORMAT_RAW), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_apply(old_image.bytes, old_image.len, patch.data, patch.len, options, &made), FLASHDELTA_OK);
    CHECK(is(&made, new_image));
    flashdelta_buffer_free(&made);
    CHECK_STATUS(flashdelta_options_set_output(options, FLASHDELTA_FORMAT_UF2), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_apply(old_file.bytes, old_file.len, patch.data, patch.len, options, &made), FLASHDELTA_OK);
    bytes.bytes = made.data;
    bytes.len = made.len;
    CHECK(info_of(bytes).format == FLASHDELTA_FORMAT_UF2);
    flashdelta_buffer_free(&made);
    /* Through files. */
    save("slot.bin", old_image.bytes, old_image.len);
    CHECK_STATUS(flashdelta_options_set_output(options, FLASHDELTA_AUTO), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_make_file(in_folder("old.s19"), in_folder("new.hex"), in_folder("records.fdp"), options), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_apply_file(in_folder("old.s19"), in_folder("records.fdp"), in_folder("made.hex"), options), FLASHDELTA_OK);
    CHECK(file_is("made.hex", new_file));
    CHECK_STATUS(flashdelta_options_set_output(options, FLASHDELTA_FORMAT_RAW), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_apply_file(in_folder("slot.bin"), in_folder("records.fdp"), in_folder("made.bin"), options), FLASHDELTA_OK);
    CHECK(file_is("made.bin", new_image));
    CHECK_STATUS(flashdelta_options_set_output(options, FLASHDELTA_FORMAT_ELF), FLASHDELTA_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(flashdelta_options_set_output(NULL, FLASHDELTA_FORMAT_RAW), FLASHDELTA_ERR_NULL_POINTER);
    /* Byte by byte it is another patch, which needs the very text. */
    CHECK_STATUS(flashdelta_options_set_output(options, FLASHDELTA_AUTO), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_options_set_verbatim(options, 1), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_options_set_verbatim(NULL, 1), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_make(old_file.bytes, old_file.len, new_file.bytes, new_file.len, options, &again), FLASHDELTA_OK);
    CHECK(again.len > patch.len);
    CHECK_STATUS(flashdelta_apply(old_file.bytes, old_file.len, again.data, again.len, options, &made), FLASHDELTA_OK);
    CHECK(is(&made, new_file));
    flashdelta_buffer_free(&made);
    CHECK_STATUS(flashdelta_apply(old_image.bytes, old_image.len, again.data, again.len, NULL, &made), FLASHDELTA_ERR_OLD_TOO_SHORT);
    /* A damaged text is refused, and taken as it is if that is wanted. */
    flashdelta_buffer_free(&again);
    new_file.bytes[new_file.len / 2] ^= 1;
    CHECK_STATUS(flashdelta_options_set_verbatim(options, 0), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_make(old_file.bytes, old_file.len, new_file.bytes, new_file.len, options, &again), FLASHDELTA_ERR_FIRMWARE_FILE);
    CHECK(strstr(flashdelta_last_error(), "line") != NULL && FLASHDELTA_CLASS(FLASHDELTA_ERR_FIRMWARE_FILE) == FLASHDELTA_CLASS_FILE);
    CHECK_STATUS(flashdelta_options_set_verbatim(options, 1), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_make(old_file.bytes, old_file.len, new_file.bytes, new_file.len, options, &again), FLASHDELTA_OK);
    flashdelta_buffer_free(&again);
    flashdelta_buffer_free(&patch);
    flashdelta_options_free(options);
    free(old_file.bytes);
    free(new_file.bytes);
    free(old_image.bytes);
    free(new_image.bytes);
}

static void archives_come_back_as_they_were(void) {
    blob old_file = load(folder, "old.zip"), new_file = load(folder, "new.zip"), bytes;
    flashdelta_options *options = new_options();
    flashdelta_buffer patch = {0}, made = {0};
    flashdelta_bundle_info info;
    flashdelta_device device = {0, 0, 0, 0};
    CHECK_STATUS(flashdelta_make(old_file.bytes, old_file.len, new_file.bytes, new_file.len, options, &patch), FLASHDELTA_OK);
    CHECK(patch.len < new_file.len / 4);
    bytes.bytes = patch.data;
    bytes.len = patch.len;
    CHECK(info_of(bytes).format == FLASHDELTA_FORMAT_BUNDLE);
    CHECK_STATUS(flashdelta_read_bundle_info(patch.data, patch.len, &info), FLASHDELTA_OK);
    CHECK(info.old_size == old_file.len && info.new_size == new_file.len && info.members >= 3);
    CHECK_STATUS(flashdelta_read_bundle_info(patch.data, patch.len - 1, &info), FLASHDELTA_ERR_TRUNCATED);
    CHECK_STATUS(flashdelta_read_bundle_info(new_file.bytes, new_file.len, &info), FLASHDELTA_ERR_NOT_A_PATCH);
    CHECK_STATUS(flashdelta_read_bundle_info(patch.data, patch.len, NULL), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_read_bundle_info(NULL, 1, &info), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_apply(old_file.bytes, old_file.len, patch.data, patch.len, options, &made), FLASHDELTA_OK);
    CHECK(is(&made, new_file));
    flashdelta_buffer_free(&made);
    CHECK_STATUS(flashdelta_verify(old_file.bytes, old_file.len, patch.data, patch.len, NULL), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_verify(new_file.bytes, new_file.len, patch.data, patch.len, NULL), FLASHDELTA_ERR_OLD_MISMATCH);
    CHECK_STATUS(flashdelta_make_file(in_folder("old.zip"), in_folder("new.zip"), in_folder("archive.fdb"), options), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_apply_file(in_folder("old.zip"), in_folder("archive.fdb"), in_folder("made.zip"), NULL), FLASHDELTA_OK);
    CHECK(file_is("made.zip", new_file));
    CHECK_STATUS(flashdelta_make_file(in_folder("old.zip"), in_folder("new.zip"), in_folder("new.zip"), options), FLASHDELTA_ERR_FILE);
    CHECK(file_is("new.zip", new_file));
    /* What only makes sense for devices. */
    CHECK_STATUS(flashdelta_options_set_output(options, FLASHDELTA_FORMAT_RAW), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_apply(old_file.bytes, old_file.len, patch.data, patch.len, options, &made), FLASHDELTA_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(flashdelta_options_set_output(options, FLASHDELTA_AUTO), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_options_set_device(options, &device), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_apply(old_file.bytes, old_file.len, patch.data, patch.len, options, &made), FLASHDELTA_ERR_INVALID_ARGUMENT);
    CHECK(made.data == NULL);
    flashdelta_buffer_free(&patch);
    flashdelta_options_free(options);
    free(old_file.bytes);
    free(new_file.bytes);
}

static void folders_come_back_as_folders(void) {
    blob old_image = load(folder, "old.bin"), new_image = load(folder, "new.bin");
    flashdelta_options *options = new_options();
    (void)mkdir(in_folder("release-1"), 0755);
    (void)mkdir(in_folder("release-2"), 0755);
    save("release-1/app.bin", old_image.bytes, old_image.len);
    save("release-1/version.txt", (const uint8_t *)"1", 1);
    save("release-2/app.bin", new_image.bytes, new_image.len);
    save("release-2/version.txt", (const uint8_t *)"2", 1);
    (void)remove(in_folder("made/app.bin"));
    (void)remove(in_folder("made/version.txt"));
    (void)remove(in_folder("made"));
    CHECK_STATUS(flashdelta_make_file(in_folder("release-1"), in_folder("release-2"), in_folder("folder.fdb"), options), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_apply_file(in_folder("release-1"), in_folder("folder.fdb"), in_folder("made"), options), FLASHDELTA_OK);
    CHECK(file_is("made/app.bin", new_image));
    CHECK_STATUS(flashdelta_apply_file(in_folder("release-1"), in_folder("folder.fdb"), in_folder("made"), options), FLASHDELTA_ERR_FILE);
    flashdelta_options_free(options);
    free(old_image.bytes);
    free(new_image.bytes);
}

static void files_tell_what_they_hold(void) {
    blob s19 = load(folder, "old.s19"), zip = load(folder, "old.zip"), bin = load(folder, "old.bin"), nothing = {NULL, 0};
    flashdelta_firmware_info info = info_of(s19), untouched;
    CHECK(info.format == FLASHDELTA_FORMAT_SREC && info.image_size == bin.len && info.segments == 1 && info.members == 0);
    CHECK(info.address == 0x08020000 && info.end == info.address + bin.len && info.isa == FLASHDELTA_ISA_THUMB && info.packed < 0.5f);
    info = info_of(bin);
    CHECK(info.format == FLASHDELTA_FORMAT_RAW && info.image_size == bin.len && info.address == 0x08020000);
    info = info_of(zip);
    CHECK(info.format == FLASHDELTA_FORMAT_ZIP && info.members >= 3 && info.segments == 0);
    info = info_of(nothing);
    CHECK(info.format == FLASHDELTA_FORMAT_RAW && info.image_size == 0 && info.digest[0] == 0xe3);
    memset(&info, 7, sizeof info);
    untouched = info;
    s19.bytes[s19.len / 2] = 'x';
    CHECK_STATUS(flashdelta_read_firmware_info(s19.bytes, s19.len, &info), FLASHDELTA_ERR_FIRMWARE_FILE);
    CHECK_STATUS(flashdelta_read_firmware_info(zip.bytes, zip.len - 30, &info), FLASHDELTA_OK); /* no archive any more */
    info = untouched;
    CHECK_STATUS(flashdelta_read_firmware_info(NULL, 1, &info), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_read_firmware_info(bin.bytes, bin.len, NULL), FLASHDELTA_ERR_NULL_POINTER);
    CHECK(memcmp(&info, &untouched, sizeof info) == 0);
    free(s19.bytes);
    free(zip.bytes);
    free(bin.bytes);
}

static void files_are_converted(void) {
    blob s19 = load(folder, "old.s19"), zip = load(folder, "old.zip"), bin = load(folder, "old.bin"), made_file;
    flashdelta_options *options = new_options();
    flashdelta_buffer made = {0}, back = {0};
    uint32_t format;
    CHECK_STATUS(flashdelta_convert(s19.bytes, s19.len, FLASHDELTA_FORMAT_RAW, NULL, &made), FLASHDELTA_OK);
    CHECK(made.len == bin.len && memcmp(made.data, bin.bytes, 1000) == 0);
    flashdelta_buffer_free(&made);
    CHECK_STATUS(flashdelta_options_set_base(options, 0x1000), FLASHDELTA_OK);
    for (format = FLASHDELTA_FORMAT_INTEL_HEX; format <= FLASHDELTA_FORMAT_UF2; format++) {
        CHECK_STATUS(flashdelta_convert(bin.bytes, bin.len, format, options, &made), FLASHDELTA_OK);
        made_file.bytes = made.data;
        made_file.len = made.len;
        CHECK(info_of(made_file).format == format && info_of(made_file).address == 0x1000);
        CHECK_STATUS(flashdelta_convert(made.data, made.len, FLASHDELTA_FORMAT_RAW, NULL, &back), FLASHDELTA_OK);
        /* UF2 fills its last block. */
        CHECK(back.len >= bin.len && memcmp(back.data, bin.bytes, bin.len) == 0);
        flashdelta_buffer_free(&back);
        flashdelta_buffer_free(&made);
    }
    CHECK_STATUS(flashdelta_convert_file(in_folder("old.bin"), in_folder("converted.hex"), FLASHDELTA_FORMAT_INTEL_HEX, options), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_convert_file(in_folder("converted.hex"), in_folder("converted.bin"), FLASHDELTA_FORMAT_RAW, NULL), FLASHDELTA_OK);
    CHECK(file_is("converted.bin", bin));
    CHECK_STATUS(flashdelta_convert_file(in_folder("old.bin"), in_folder("old.bin"), FLASHDELTA_FORMAT_RAW, NULL), FLASHDELTA_ERR_FILE);
    CHECK_STATUS(flashdelta_convert_file(NULL, "", 0, NULL), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_convert_file("", NULL, 0, NULL), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_convert(bin.bytes, bin.len, FLASHDELTA_FORMAT_ELF, NULL, &made), FLASHDELTA_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(flashdelta_convert(zip.bytes, zip.len, FLASHDELTA_FORMAT_RAW, NULL, &made), FLASHDELTA_ERR_INVALID_ARGUMENT);
    CHECK_STATUS(flashdelta_convert(bin.bytes, bin.len, 0, NULL, NULL), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_convert(NULL, 1, 0, NULL, &made), FLASHDELTA_ERR_NULL_POINTER);
    CHECK_STATUS(flashdelta_convert(NULL, 0, FLASHDELTA_FORMAT_INTEL_HEX, NULL, &made), FLASHDELTA_ERR_FIRMWARE_FILE);
    CHECK_STATUS(flashdelta_options_set_base(options, 0xFFFFFFF0), FLASHDELTA_OK);
    CHECK_STATUS(flashdelta_convert(bin.bytes, bin.len, FLASHDELTA_FORMAT_INTEL_HEX, options, &made), FLASHDELTA_ERR_FIRMWARE_FILE);
    CHECK(made.data == NULL && made.len == 0);
    flashdelta_options_free(options);
    free(s19.bytes);
    free(zip.bytes);
    free(bin.bytes);
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: test_archives FOLDER\n");
        return 2;
    }
    folder = argv[1];
    records_come_back_as_they_were();
    archives_come_back_as_they_were();
    folders_come_back_as_folders();
    files_tell_what_they_hold();
    files_are_converted();
    return summary("test_archives");
}
