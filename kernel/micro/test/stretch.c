/*
 * A QEMU plugin (API 1): the longest stretch of instructions in which the kernel would not notice an
 * interrupt.
 *
 * A stretch begins with a trap into the kernel, and anew wherever the kernel looks for pending interrupts
 * (argument poll=ADDRESS, in hexadecimal: where that function begins). It ends there, or with the return to a
 * program. At its end the plugin writes "longest stretch: N instructions, ended at 0xPC" to the file of the
 * argument out=PATH.
 *
 * Debian's QEMU has the interface but not its header: what is used of it is declared here.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT       __attribute__((visibility("default")))
#define KERNEL_START 0xffffffc000000000ul
#define NO_REGISTERS 0 /* QEMU_PLUGIN_CB_NO_REGS */

struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_info;
typedef uint64_t plugin_id;

EXPORT int qemu_plugin_version = 1;
extern void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id,
                                                  void (*callback)(plugin_id, struct qemu_plugin_tb *));
extern void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
                                                   void (*callback)(unsigned, void *), int flags, void *data);
extern void qemu_plugin_register_atexit_cb(plugin_id id, void (*callback)(plugin_id, void *), void *data);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t n);
extern uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
EXPORT int qemu_plugin_install(plugin_id id, const struct qemu_info *info, int argc, char **argv);

static uint64_t poll_at, stretch, longest, longest_end, last;
static bool started; /* the first program has run: what the kernel did before was booting */
static FILE *out;

static void end_stretch(void)
{
    if (started && stretch > longest) {
        longest = stretch;
        longest_end = last;
    }
    stretch = 0;
}

static void executed(unsigned cpu, void *data)
{
    uint64_t at = (uint64_t)data;

    (void)cpu;
    if (at < KERNEL_START) {
        end_stretch();
        started |= at < 1ul << 30 && at >= 0x10000;
        return;
    }
    if (at == poll_at)
        end_stretch();
    last = at;
    stretch++;
}

static void translated(plugin_id id, struct qemu_plugin_tb *tb)
{
    (void)id;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        qemu_plugin_register_vcpu_insn_exec_cb(insn, executed, NO_REGISTERS,
                                               (void *)qemu_plugin_insn_vaddr(insn));
    }
}

static void ended(plugin_id id, void *data)
{
    (void)id;
    (void)data;
    fprintf(out, "longest stretch: %lu instructions, ended at 0x%lx\n", longest, longest_end);
    fclose(out);
}

int qemu_plugin_install(plugin_id id, const struct qemu_info *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "out=", 4) == 0)
            out = fopen(argv[i] + 4, "w");
        if (strncmp(argv[i], "poll=", 5) == 0)
            poll_at = strtoull(argv[i] + 5, NULL, 16);
    }
    if (!out || !poll_at) {
        fprintf(stderr, "stretch: out=PATH and poll=ADDRESS are needed\n");
        return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, ended, NULL);
    return 0;
}
