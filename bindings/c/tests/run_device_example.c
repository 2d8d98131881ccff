/*
 * Runs the example in the comment of flashdelta_apply.h, exactly as it is there, on a simulated board.
 *
 *     run_device_example FOLDER
 *
 * The example is in flashdelta_apply.c: cargo xtask test cuts it out of the header. FOLDER holds old.bin, new.bin and for_product.fdp.
 */
#include "flashdelta_apply.c" /* first: it must bring what it needs */

#include "../examples/nor_sim.h"
#include "check.h"

enum { SLOT = 256 * 1024 };

static nor_sim flash_of_board;
static uint32_t boots_from;
static blob patch;
static size_t received;

int flash_read(uint32_t address, void *to, size_t len) {
    return nor_read(&flash_of_board, address, to, len);
}

int flash_write(uint32_t address, const void *from, size_t len) {
    return nor_write(&flash_of_board, address, from, len);
}

int flash_erase_sector(uint32_t address) {
    return nor_erase(&flash_of_board, address);
}

int boot_next_from(uint32_t address) {
    boots_from = address;
    return 0;
}

size_t receive(uint8_t *to, size_t size) {
    const size_t rest = patch.len - received;
    const size_t len = rest < size ? rest : size;
    memcpy(to, patch.bytes + received, len);
    received += len;
    return len;
}

int main(int argc, char **argv) {
    slots where = {0, SLOT};
    blob old_image, new_image;
    if (argc != 2) {
        return 2;
    }
    old_image = load(argv[1], "old.bin");
    new_image = load(argv[1], "new.bin");
    patch = load(argv[1], "for_product.fdp");
    if (nor_init(&flash_of_board, 2 * SLOT, 4096, 4) != 0) {
        return 2;
    }
    memset(flash_of_board.written, 1, 2 * SLOT / 4);
    memcpy(flash_of_board.bytes, old_image.bytes, old_image.len);
    CHECK_STATUS(update(&where), FLASHDELTA_OK);
    CHECK(boots_from == SLOT && memcmp(flash_of_board.bytes + SLOT, new_image.bytes, new_image.len) == 0);
    /* Once more, from the new image: refused. */
    where.old_address = SLOT;
    where.new_address = 0;
    received = 0;
    boots_from = 1;
    CHECK_STATUS(update(&where), FLASHDELTA_ERR_OLD_MISMATCH);
    CHECK(boots_from == 1);
    nor_free(&flash_of_board);
    free(patch.bytes);
    free(new_image.bytes);
    free(old_image.bytes);
    return summary("run_device_example");
}
