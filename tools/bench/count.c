/*
 * Counts the instructions a guest executes: a plugin for QEMU's translator (TCG plugin API, version 1).
 *
 * A program in the guest says between which two places to count, with marker instructions: `sltiu x0, x0,
 * (kind << 8 | id)` does nothing on any hart at any privilege level, so the same program measures every
 * kernel of its ABI, and no kernel is changed to be measured. Markers themselves are not counted. Everything
 * else is, each time it begins to execute, in one of three classes by its virtual address: user, kernel,
 * firmware.
 *
 * The report is a text file, a line at a time, each written out at once so that a reader can follow:
 *     begin USER KERNEL FIRMWARE                            the counts before the kernel's first instruction
 *     sample ID USER KERNEL FIRMWARE FENCES SATP IDLE PARTS of one sample, or since power-on for an instant
 *     pc ADDRESS COUNT                                      how often it was executed within the profiled samples
 *     end USER KERNEL FIRMWARE                              of the whole run
 *
 * FENCES are sfence.vma and fence.i instructions, SATP are writes of that register; both are counted in
 * KERNEL, too. IDLE is the part of KERNEL in which a scheduler that spins (idle= below) found nothing to do.
 * PARTS are parts of USER, as many as were asked for (part= below).
 *
 * Arguments: out=FILE (required). user=LO:HI and firmware=LO:HI: addresses of these classes, in hexadecimal;
 * the first range that fits decides, all else is kernel. part=N:LO:HI: what of user lies there is also
 * counted in part N (from 0); again the first that fits decides. profile=ID: also count by address, while a
 * sample of ID is taken. idle=HEAD:SWITCH:ENTER:LEAVE: addresses of the top of the scheduler's endless loop,
 * of the switch to a process, of the entry of traps taken in the kernel and of the return from them: a pass
 * of the loop that switches to nobody is idle, but for the traps in it. skip=ADDRESS and resume=ADDRESS (user
 * class): no sample counts what lies between the two.
 *
 * wfi=idle: what is executed between two wfi without one user instruction is idle, too. It is for a kernel
 * that leaves all work to programs: its ticks while it waits for a device are as many as the device is slow.
 *
 * One hart only: the counters are plain words.
 *
 * QEMU's header for plugins is not packaged, so what is used of it is declared here, under its names.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- QEMU's side --------------------------------------------------------------------------------------- */

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_info_t; /* nothing of it is needed */

enum { QEMU_PLUGIN_CB_NO_REGS };
enum { QEMU_PLUGIN_INLINE_ADD_U64 };

typedef void qemu_plugin_vcpu_udata_cb_t(unsigned int hart, void *data);

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
                                           void (*callback)(qemu_plugin_id_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
                                            qemu_plugin_vcpu_udata_cb_t *callback, int flags, void *data);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn, int operation, void *counter,
                                                uint64_t amount);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, void (*callback)(qemu_plugin_id_t, void *),
                                    void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);

EXPORT int qemu_plugin_version = 1;
EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info_t *info, int argc, char **argv);

/* ---- Counters ------------------------------------------------------------------------------------------ */

enum class { USER, KERNEL, FIRMWARE, CLASSES };
#define PARTS_MAX 8

/* What a sample is the difference of. */
struct counts {
    uint64_t by_class[CLASSES];
    uint64_t fences;
    uint64_t satp;
    uint64_t idle;
    uint64_t skipped[CLASSES];
    uint64_t parts[PARTS_MAX];
    uint64_t skipped_parts[PARTS_MAX];
};

/* What another process may see (share= below): page-sized, and otherwise here. */
struct shared {
    uint64_t before_wfi; /* how much was executed before the last wfi */
    struct counts counts;
};
static struct shared own;
static struct shared *shared = &own;
static struct counts *counts = &own.counts;
static FILE *report;
static bool begun; /* the kernel's first instruction was seen */
static bool ended; /* the report is complete */

struct range {
    enum class class;
    uint64_t low;
    uint64_t high;
};
#define RANGES_MAX 16
static struct range ranges[RANGES_MAX];
static unsigned range_count;

static struct {
    unsigned part;
    uint64_t low;
    uint64_t high;
} part_ranges[64];
static unsigned part_range_count;
static unsigned part_count; /* the highest number that was given, and 1 */

static uint64_t all(const struct counts *c)
{
    return c->by_class[USER] + c->by_class[KERNEL] + c->by_class[FIRMWARE];
}

static enum class class_of(uint64_t address) {
    for (unsigned i = 0; i < range_count;
         i++){if (address >= ranges[i].low && address < ranges[i].high) return ranges[i].class;}
return KERNEL;
}

/* The counter of the part of USER that the address is in, or NULL. */
static uint64_t *part_of(uint64_t address)
{
    for (unsigned i = 0; i < part_range_count; i++) {
        if (address >= part_ranges[i].low && address < part_ranges[i].high)
            return &counts->parts[part_ranges[i].part];
    }
    return NULL;
}

static void print_classes(const char *word, const struct counts *c)
{
    fprintf(report, "%s %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", word, c->by_class[USER], c->by_class[KERNEL],
            c->by_class[FIRMWARE]);
    fflush(report);
}

static void on_first_kernel_instruction(unsigned int hart, void *data)
{
    (void)hart;
    (void)data;
    if (!begun) {
        begun = true;
        print_classes("begin", counts);
    }
}

/* ---- The profile: a counter for each translated instruction -------------------------------------------- */

/* Counters never move, since translated code holds their addresses; an instruction translated twice has two.
 */
#define CHUNK 4096
struct chunk {
    struct chunk *next;
    unsigned used;
    uint64_t address[CHUNK];
    uint64_t executed[CHUNK]; /* since its translation */
    uint64_t at_start[CHUNK]; /* `executed` when the sample began */
    uint64_t sampled[CHUNK];  /* sum over all samples */
};
static struct chunk *chunks;
static int profiled = -1; /* id, or none */

static uint64_t *profile_counter(uint64_t address)
{
    if (chunks == NULL || chunks->used == CHUNK) {
        struct chunk *chunk = calloc(1, sizeof *chunk);
        if (chunk == NULL)
            abort();
        chunk->next = chunks;
        chunks = chunk;
    }
    chunks->address[chunks->used] = address;
    return &chunks->executed[chunks->used++];
}

static void profile_start(void)
{
    for (struct chunk *chunk = chunks; chunk != NULL; chunk = chunk->next)
        memcpy(chunk->at_start, chunk->executed, sizeof chunk->at_start);
}

static void profile_stop(void)
{
    for (struct chunk *chunk = chunks; chunk != NULL; chunk = chunk->next) {
        for (unsigned i = 0; i < chunk->used; i++)
            chunk->sampled[i] += chunk->executed[i] - chunk->at_start[i];
    }
}

static void profile_print(void)
{
    for (struct chunk *chunk = chunks; chunk != NULL; chunk = chunk->next) {
        for (unsigned i = 0; i < chunk->used; i++) {
            if (chunk->sampled[i] > 0)
                fprintf(report, "pc %" PRIx64 " %" PRIu64 "\n", chunk->address[i], chunk->sampled[i]);
        }
    }
}

/* ---- Markers ------------------------------------------------------------------------------------------- */

enum kind { START = 1, STOP = 2, INSTANT = 3, END = 4, KINDS_END };
#define IDS 256

static struct {
    bool open;
    struct counts at;
} starts[IDS];

static void print_sample(unsigned id, const struct counts *from)
{
    fprintf(report, "sample %u", id);
    for (unsigned i = 0; i < CLASSES; i++) {
        uint64_t skipped = counts->skipped[i] - from->skipped[i];
        fprintf(report, " %" PRIu64, counts->by_class[i] - from->by_class[i] - skipped);
    }
    fprintf(report, " %" PRIu64 " %" PRIu64 " %" PRIu64, counts->fences - from->fences,
            counts->satp - from->satp, counts->idle - from->idle);
    for (unsigned i = 0; i < part_count; i++) {
        uint64_t skipped = counts->skipped_parts[i] - from->skipped_parts[i];
        fprintf(report, " %" PRIu64, counts->parts[i] - from->parts[i] - skipped);
    }
    fprintf(report, "\n");
    fflush(report);
}

static void finish(void)
{
    if (ended)
        return;
    ended = true;
    profile_print();
    print_classes("end", counts);
    fclose(report);
}

static void on_marker(unsigned int hart, void *data)
{
    static const struct counts power_on;
    unsigned word = (unsigned)(uintptr_t)data;
    unsigned id = word & 0xFF;

    (void)hart;
    switch ((enum kind)(word >> 8)) {
    case START:
        starts[id].open = true;
        starts[id].at = *counts;
        if ((int)id == profiled)
            profile_start();
        break;
    case STOP: /* without a start: of a sample that was taken already */
        if (!starts[id].open)
            break;
        starts[id].open = false;
        print_sample(id, &starts[id].at);
        if ((int)id == profiled)
            profile_stop();
        break;
    case INSTANT:
        print_sample(id, &power_on);
        if ((int)id == profiled)
            profile_stop();
        break;
    case END:
        finish();
        _exit(0); /* a guest without a way to end its machine */
    default:
        break;
    }
}

/* ---- A scheduler that spins, and what no sample counts ------------------------------------------------- */

static struct {
    bool known; /* the addresses were given */
    uint64_t head, change, enter, leave;
    bool in_pass;  /* since `head` nobody was switched to */
    bool in_trap;  /* within a pass */
    uint64_t from; /* when the pass began, less the traps in it */
    uint64_t trap_from;
} spin;

static void on_head(unsigned int hart, void *data)
{
    (void)hart;
    (void)data;
    uint64_t now = all(counts);
    if (spin.in_pass)
        counts->idle += now - spin.from;
    spin.in_pass = true;
    spin.in_trap = false;
    spin.from = now;
}

static void on_switch(unsigned int hart, void *data)
{
    (void)hart;
    (void)data;
    spin.in_pass = false;
}

static void on_enter(unsigned int hart, void *data)
{
    (void)hart;
    (void)data;
    spin.in_trap = spin.in_pass;
    spin.trap_from = all(counts);
}

static void on_leave(unsigned int hart, void *data)
{
    (void)hart;
    (void)data;
    if (spin.in_trap)
        spin.from += all(counts) - spin.trap_from;
    spin.in_trap = false;
}

#define SKIPS_MAX 8
static uint64_t skip_at[SKIPS_MAX];
static unsigned skip_count;
static uint64_t resume_at = UINT64_MAX;
static bool skipping;
static struct counts skip_from;

static void on_skip(unsigned int hart, void *data)
{
    (void)hart;
    (void)data;
    if (!skipping)
        skip_from = *counts;
    skipping = true;
}

static void on_resume(unsigned int hart, void *data)
{
    (void)hart;
    (void)data;
    for (unsigned i = 0; i < CLASSES && skipping; i++)
        counts->skipped[i] += counts->by_class[i] - skip_from.by_class[i];
    for (unsigned i = 0; i < PARTS_MAX && skipping; i++)
        counts->skipped_parts[i] += counts->parts[i] - skip_from.parts[i];
    skipping = false;
}

/* ---- Translation --------------------------------------------------------------------------------------- */

/* The marker's immediate, or 0 if the instruction is none. */
static unsigned marker_of(uint32_t word)
{
    unsigned kind = word >> 28;
    return (word & 0xFFFFF) == 0x3013 && kind >= START && kind < KINDS_END ? word >> 20 : 0;
}

static bool is_fence(uint32_t word)
{
    return (word & 0xFE007FFF) == 0x12000073 || (word & 0x707F) == 0x100F; /* sfence.vma, fence.i */
}

/* csrrw, csrrs, csrrc of CSR 0x180; those that only read it have x0 as their source. */
static bool writes_satp(uint32_t word)
{
    unsigned operation = word >> 12 & 7;
    unsigned source = word >> 15 & 31;
    return (word & 0x7F) == 0x73 && word >> 20 == 0x180 &&
           (operation == 1 || (operation != 0 && source != 0));
}

static void add(struct qemu_plugin_insn *insn, uint64_t *counter)
{
    qemu_plugin_register_vcpu_insn_exec_inline(insn, QEMU_PLUGIN_INLINE_ADD_U64, counter, 1);
}

static void call(struct qemu_plugin_insn *insn, qemu_plugin_vcpu_udata_cb_t *callback, unsigned word)
{
    qemu_plugin_register_vcpu_insn_exec_cb(insn, callback, QEMU_PLUGIN_CB_NO_REGS, (void *)(uintptr_t)word);
}

static bool ticks_are_idle;
static uint64_t user_before_wfi;

static void on_wfi(unsigned int hart, void *data)
{
    (void)hart;
    (void)data;
    if (ticks_are_idle && counts->by_class[USER] == user_before_wfi)
        counts->idle += all(counts) - shared->before_wfi;
    user_before_wfi = counts->by_class[USER];
    shared->before_wfi = all(counts);
}

static void watch(struct qemu_plugin_insn *insn, uint64_t address, enum class class)
{
    if (class == KERNEL && !begun)
        call(insn, on_first_kernel_instruction, 0);
    if (spin.known && address == spin.head)
        call(insn, on_head, 0);
    if (spin.known && address == spin.change)
        call(insn, on_switch, 0);
    if (spin.known && address == spin.enter)
        call(insn, on_enter, 0);
    if (spin.known && address == spin.leave)
        call(insn, on_leave, 0);
    if (class == USER && address == resume_at)
        call(insn, on_resume, 0);
    for (unsigned i = 0; i < skip_count && class == USER; i++) {
        if (address == skip_at[i])
            call(insn, on_skip, 0);
    }
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    size_t count = qemu_plugin_tb_n_insns(tb);

    (void)id;
    for (size_t i = 0; i < count; i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        uint64_t address = qemu_plugin_insn_vaddr(insn);
        size_t size = qemu_plugin_insn_size(insn);
        uint32_t word = 0;

        memcpy(&word, qemu_plugin_insn_data(insn), size < sizeof word ? size : sizeof word);
        if (size == 4 && marker_of(word) != 0) {
            call(insn, on_marker, marker_of(word));
            continue;
        }
        enum class class = class_of(address);
        watch(insn, address, class);
        if (word == 0x10500073)
            call(insn, on_wfi, 0);
        add(insn, &counts->by_class[class]);
        if (class == USER && part_of(address) != NULL)
            add(insn, part_of(address));
        if (is_fence(word))
            add(insn, &counts->fences);
        if (writes_satp(word))
            add(insn, &counts->satp);
        if (profiled >= 0)
            add(insn, profile_counter(address));
    }
}

static void on_exit_of_qemu(qemu_plugin_id_t id, void *data)
{
    (void)id;
    (void)data;
    finish();
}

/* ---- Arguments ----------------------------------------------------------------------------------------- */

/* Numbers in hexadecimal with colons between them; false if there are not exactly `count`. */
static bool numbers(const char *text, uint64_t *values, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char *end;
        values[i] = strtoull(text, &end, 16);
        if (end == text || *end != (i + 1 == count ? '\0' : ':'))
            return false;
        text = end + 1;
    }
    return true;
}

static bool take_range(enum class class, const char *text)
{
    uint64_t bounds[2];
    if (range_count == RANGES_MAX || !numbers(text, bounds, 2))
        return false;
    ranges[range_count++] = (struct range){class, bounds[0], bounds[1]};
    return true;
}

static bool take_part(const char *text)
{
    uint64_t given[3];
    if (part_range_count == sizeof part_ranges / sizeof *part_ranges || !numbers(text, given, 3) ||
        given[0] >= PARTS_MAX)
        return false;
    part_ranges[part_range_count].part = (unsigned)given[0];
    part_ranges[part_range_count].low = given[1];
    part_ranges[part_range_count++].high = given[2];
    if (given[0] >= part_count)
        part_count = (unsigned)given[0] + 1;
    return true;
}

static bool take_shared(const char *path)
{
    int file = open(path, O_RDWR | O_CLOEXEC);
    void *page =
        file < 0 ? MAP_FAILED : mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (file >= 0)
        close(file);
    if (page == MAP_FAILED)
        return false;
    shared = page;
    counts = &shared->counts;
    return true;
}

static bool take(const char *name, const char *value)
{
    uint64_t given[4];

    if (strcmp(name, "out") == 0)
        return (report = fopen(value, "w")) != NULL;
    if (strcmp(name, "share") == 0)
        return take_shared(value);
    if (strcmp(name, "user") == 0)
        return take_range(USER, value);
    if (strcmp(name, "firmware") == 0)
        return take_range(FIRMWARE, value);
    if (strcmp(name, "part") == 0)
        return take_part(value);
    if (strcmp(name, "resume") == 0)
        return numbers(value, &resume_at, 1);
    if (strcmp(name, "skip") == 0)
        return skip_count < SKIPS_MAX && numbers(value, &skip_at[skip_count++], 1);
    if (strcmp(name, "wfi") == 0)
        return ticks_are_idle = strcmp(value, "idle") == 0;
    if (strcmp(name, "profile") == 0) {
        char *end;
        profiled = (int)strtol(value, &end, 10);
        return end != value && *end == '\0' && profiled >= 0 && profiled < IDS;
    }
    if (strcmp(name, "idle") == 0 && numbers(value, given, 4)) {
        spin.head = given[0];
        spin.change = given[1];
        spin.enter = given[2];
        spin.leave = given[3];
        return spin.known = true;
    }
    return false;
}

int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info_t *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        char *equals = strchr(argv[i], '=');
        if (equals != NULL)
            *equals = '\0';
        if (equals == NULL || !take(argv[i], equals + 1)) {
            fprintf(stderr, "count: argument %s: unknown, or its value is no good\n", argv[i]);
            return -1;
        }
    }
    if (report == NULL) {
        fprintf(stderr, "count: out=FILE is missing\n");
        return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    qemu_plugin_register_atexit_cb(id, on_exit_of_qemu, NULL);
    return 0;
}
