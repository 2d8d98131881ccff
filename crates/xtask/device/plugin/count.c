/* A plugin of QEMU's that counts how often each instruction is executed: "address count" lines, in hexadecimal and decimal.
 *
 * Debian packages no header for plugins, so that what is used of it is declared here: QEMU 7.2, include/qemu/qemu-plugin.h, version 1
 * of the interface. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t qemu_plugin_id_t;
typedef struct qemu_info_t qemu_info_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum qemu_plugin_op { QEMU_PLUGIN_INLINE_ADD_U64 };

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, void (*cb)(qemu_plugin_id_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn, enum qemu_plugin_op op, void *at, uint64_t add);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, void (*cb)(qemu_plugin_id_t, void *), void *data);

/* A counter for each address, found by hashing. A guest has some 20,000 instructions. */
#define COUNTERS (1u << 18)
static struct counter {
    uint64_t address_plus_one;
    uint64_t count;
} counters[COUNTERS];

static const char *output;

static struct counter *counter_of(uint64_t address) {
    uint32_t at = (uint32_t)(address * 2654435761u) % COUNTERS;
    for (uint32_t tries = 0; tries < COUNTERS; tries++, at = (at + 1) % COUNTERS) {
        if (counters[at].address_plus_one == 0) {
            counters[at].address_plus_one = address + 1;
        }
        if (counters[at].address_plus_one == address + 1) {
            return &counters[at];
        }
    }
    fprintf(stderr, "more code than there are counters\n");
    exit(1);
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb) {
    (void)id;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        struct counter *counter = counter_of(qemu_plugin_insn_vaddr(insn));
        qemu_plugin_register_vcpu_insn_exec_inline(insn, QEMU_PLUGIN_INLINE_ADD_U64, &counter->count, 1);
    }
}

static void ended(qemu_plugin_id_t id, void *data) {
    (void)id;
    (void)data;
    FILE *file = fopen(output, "w");
    if (file == NULL) {
        perror(output);
        return;
    }
    for (uint32_t i = 0; i < COUNTERS; i++) {
        if (counters[i].count != 0) {
            fprintf(file, "%" PRIx64 " %" PRIu64 "\n", counters[i].address_plus_one - 1, counters[i].count);
        }
    }
    fclose(file);
}

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

__attribute__((visibility("default"))) int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv) {
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "out=", 4) == 0) {
            output = argv[i] + 4;
        }
    }
    if (output == NULL) {
        return 1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, ended, NULL);
    return 0;
}
