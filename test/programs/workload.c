/*
 * workload SEED OPERATIONS [COMMAND...]: programs that check themselves, for tests that let servers die under
 * them.
 *
 * Twelve workers do random operations: they write and rename files of their own, use pipes, fork, exec, and
 * map memory. One process reads what is typed; four wait in a pipe, one for the clock, and the parent for
 * all. After each operation a worker prints one line:
 *
 *     <WORKER.COUNT VERB ARGUMENTS = RESULT>
 *
 * COUNT grows by one; a line whose printing failed is printed again, so one may appear twice. RESULT says
 * what is known to have happened: test/trials/oracle.py replays the lines of each worker. Records of a file
 * carry seed, worker, file, place, a sequence number and a checksum; the same file has their formula. A
 * worker ends with
 *
 *     <WORKER.COUNT end ERRORS LONGEST CALL = 0>    calls that failed, and the longest wait in a call, in us
 *
 * and the process that waits for the clock with <WORKER.1 clock WAITED = 0>, how long its pause of two ticks
 * has been, in us. The last line of all is `workload: done, N free before, N after`, or `workload: failed`
 * and why. Whoever reads the lines types `end` when all workers have ended. Data that is not what was
 * written, or a child that ends otherwise than by itself, is wrong: `<... wrong WHAT = ...>`, and the process
 * exits with status STATUS_WRONG. COMMAND is run beside all this, once; its status must be 0.
 */
#include "abi/xv6/fcntl.h"
#include "lib/format.h"
#include "user/user.h"

#define WORKERS      12
#define SLEEPERS     4
#define FILES        2
#define RECORD_WORDS 128
#define RECORD_SIZE  (RECORD_WORDS * 4)
#define RECORDS_MAX  36 /* more than the direct blocks of an inode hold */
#define WRITE_MAX    6  /* records */
#define HEADER_WORDS 7
#define MAGIC        0x44756f52u
#define CRC          6 /* the word of a record that holds its checksum */
#define PAGE         4096u
#define TICK         100000u /* us */
#define LINE         120

/* How a child ends: as it should, after a call of its own that failed, or with wrong data. */
#define STATUS_WELL  20
#define STATUS_ERROR 21
#define STATUS_WRONG 22

struct file {
    bool exists;
    bool renamed; /* which of its two names it has */
    int records;
    u32 sequence[RECORDS_MAX]; /* of the write that each record comes from */
};

static struct file files[FILES];
static u32 seed;
static u32 worker;
static u32 count; /* lines printed */
static u32 errors;
static u32 sequence;
static u32 dice;
static u32 crc_table[256];
static u32 buffer[WRITE_MAX * RECORD_WORDS];
static u32 expected[RECORD_WORDS];
static u32 shared_words[2 * PAGE / 4];
static char bytes[2000];

/* ---- Time: how long a call keeps its caller waiting ---- */

static u64 call_begin;
static u64 longest;
static const char *longest_call = "none()";

static u64 now(void)
{
    u64 time;
    __asm__ volatile(".option push\n.option arch, +zicsr\nrdtime %0\n.option pop" : "=r"(time));
    return time;
}

static void call_begins(void)
{
    call_begin = now();
}

static long call_ends(long result, const char *call)
{
    u64 waited = now() - call_begin;
    if (waited > longest) {
        longest = waited;
        longest_call = call;
    }
    return result;
}

/* The call's result; only for calls that wait for servers, never for what another process or a person does.
 */
#define TIMED(call) (call_begins(), call_ends((call), #call))

/* ---- Chance and checksums ---- */

static u32 chance(u32 below)
{
    dice ^= dice << 13;
    dice ^= dice >> 17;
    dice ^= dice << 5;
    return dice % below;
}

static void crc_prepare(void)
{
    for (u32 i = 0; i < 256; i++) {
        u32 c = i;
        for (int bit = 0; bit < 8; bit++)
            c = c & 1 ? c >> 1 ^ 0xedb88320u : c >> 1;
        crc_table[i] = c;
    }
}

static u32 crc(const void *data, u32 size)
{
    const unsigned char *byte = data;
    u32 c = ~0u;
    for (u32 i = 0; i < size; i++)
        c = crc_table[(c ^ byte[i]) & 255] ^ c >> 8;
    return ~c;
}

static void record_make(u32 *record, u32 file, u32 place, u32 number)
{
    record[0] = MAGIC;
    record[1] = seed;
    record[2] = worker;
    record[3] = file;
    record[4] = place;
    record[5] = number;
    record[CRC] = 0;
    for (u32 i = HEADER_WORDS; i < RECORD_WORDS; i++)
        record[i] = number * 2654435761u + place * 40503u + i * 97u;
    record[CRC] = crc(record, RECORD_SIZE);
}

/* ---- Lines ---- */

static void tell(const char *text, long result)
{
    char line[LINE];
    u64 length =
        format_string(line, sizeof(line), "<%c.%u %s = %ld>\n", 'a' + (int)worker, ++count, text, result);

    while (TIMED(write(1, line, (int)length)) != (long)length)
        errors++; /* it may have been printed all the same */
}

static void __attribute__((__noreturn__)) wrong(const char *what, long result)
{
    char text[LINE];
    format_string(text, sizeof(text), "wrong %s", what);
    tell(text, result);
    exit(STATUS_WRONG);
}

/* ---- Files ---- */

static void name_of(char *name, u32 file, bool renamed)
{
    format_string(name, 8, "w%c%u%c", 'a' + (int)worker, file, renamed ? 'y' : 'x');
}

/* Whether there is such a name. A call that fails because a server dies is asked again: it may not answer for
 * the name. */
static bool is_there(const char *name)
{
    for (int attempt = 0; attempt < 3; attempt++) {
        int fd = (int)TIMED(open(name, O_RDONLY));
        if (fd >= 0) {
            close(fd);
            return true;
        }
    }
    return false;
}

/* The file's record at `place` must be in buffer[]; `other` is a second sequence number it may have. Which it
 * has. */
static u32 record_check(u32 file, u32 place, u32 number, u32 other)
{
    record_make(expected, file, place, number);
    if (memcmp(expected, buffer, RECORD_SIZE) == 0)
        return number;
    record_make(expected, file, place, other);
    if (memcmp(expected, buffer, RECORD_SIZE) != 0)
        wrong("record", (long)place);
    return other;
}

/*
 * Opens a file and reads its first `limit` records, each of which must be as it was written. The descriptor,
 * or -1 after a call that failed.
 */
static int open_checked(u32 file, int limit, int flags)
{
    struct file *f = &files[file];
    char name[8];

    name_of(name, file, f->renamed);
    int fd = (int)TIMED(open(name, flags));
    for (int place = 0; fd >= 0 && place < limit; place++) {
        long got = TIMED(read(fd, buffer, RECORD_SIZE));
        if (got != RECORD_SIZE) {
            close(fd);
            if (got >= 0)
                wrong("length", got);
            return -1;
        }
        record_check(file, (u32)place, f->sequence[place], f->sequence[place]);
    }
    return fd;
}

/*
 * After a write that failed: how many of its records are there, which are the first ones of it. A file cannot
 * be looked at while its server dies, so a look that fails is repeated.
 */
static int landed(u32 file, int place, int records, u32 number)
{
    struct file *f = &files[file];

    for (int attempt = 0; attempt < 10; attempt++) {
        int fd = open_checked(file, place, O_RDONLY), new = 0, old = 0;
        long got = fd < 0 ? -1 : RECORD_SIZE;
        for (int i = place; fd >= 0 && i < place + records && got == RECORD_SIZE; i++) {
            got = TIMED(read(fd, buffer, RECORD_SIZE));
            if (got != RECORD_SIZE)
                continue;
            u32 before = i < f->records ? f->sequence[i] : number;
            if (record_check(file, (u32)i, number, before) == number && old == 0)
                new ++;
            else if (++old > 0 && before == number)
                wrong("order", i);
        }
        close(fd);
        if (got == RECORD_SIZE || got == 0)
            return new;
    }
    wrong("unreadable", place);
}

static void do_write(u32 file)
{
    struct file *f = &files[file];
    char text[LINE];
    int place = (int)chance((u32)f->records + 1), records = 1 + (int)chance(WRITE_MAX);

    if (chance(2) == 0)
        place = f->records;
    if (place + records > RECORDS_MAX)
        place = 0;
    int fd = open_checked(file, place, O_RDWR);
    if (fd < 0) {
        errors++;
        tell("error open", -1);
        return;
    }
    u32 number = ++sequence;
    for (int i = 0; i < records; i++)
        record_make(buffer + i * RECORD_WORDS, file, (u32)(place + i), number);
    int done = records;
    bool well = TIMED(write(fd, buffer, records * RECORD_SIZE)) == records * RECORD_SIZE;
    close(fd);
    if (!well) {
        errors++;
        done = landed(file, place, records, number);
    }
    for (int i = place; i < place + done; i++)
        f->sequence[i] = number;
    if (place + done > f->records)
        f->records = place + done;
    format_string(text, sizeof(text), "write %u %d %d %u %d", file, place, records, number, well);
    tell(text, done);
}

static void do_verify(u32 file)
{
    struct file *f = &files[file];
    int fd = open_checked(file, f->records, O_RDONLY);
    long more = fd < 0 ? -1 : TIMED(read(fd, buffer, RECORD_SIZE));

    if (fd >= 0)
        close(fd);
    if (more > 0)
        wrong("longer", more);
    errors += more < 0;
    tell("verify", more);
}

/* What became of a call that makes or removes a name: `well` if it succeeded; else whether it was done all
 * the same. */
static void tell_name(const char *verb, u32 file, bool well, bool done)
{
    char text[LINE];
    errors += !well;
    format_string(text, sizeof(text), "%s %u %d", verb, file, well);
    tell(text, done);
}

static void do_create(u32 file)
{
    char name[8];
    name_of(name, file, false);
    int fd = (int)TIMED(open(name, O_CREATE | O_RDWR));
    if (fd >= 0)
        close(fd);
    files[file] = (struct file){.exists = fd >= 0 || is_there(name)};
    tell_name("create", file, fd >= 0, files[file].exists);
}

static void do_truncate(u32 file)
{
    struct file *f = &files[file];
    char name[8];
    name_of(name, file, f->renamed);
    int fd = (int)TIMED(open(name, O_TRUNC | O_RDWR));
    bool done = fd >= 0;
    if (fd >= 0)
        close(fd);
    else if (f->records > 0) {
        struct stat st;
        int result = -1;
        for (int attempt = 0; attempt < 5 && result < 0; attempt++)
            result = stat(name, &st);
        if (result < 0 || (st.size != 0 && st.size != (u64)f->records * RECORD_SIZE))
            wrong("size", result < 0 ? -1 : (long)st.size);
        done = st.size == 0;
    }
    if (done)
        f->records = 0;
    tell_name("truncate", file, fd >= 0, done);
}

static void do_unlink(u32 file)
{
    struct file *f = &files[file];
    char name[8];
    name_of(name, file, f->renamed);
    bool well = TIMED(unlink(name)) == 0;
    f->exists = !well && is_there(name);
    tell_name("unlink", file, well, !f->exists);
}

/* A second name, then the end of the first. If the second call fails with nothing done the second name goes
 * again. */
static void do_rename(u32 file)
{
    struct file *f = &files[file];
    char from[8], to[8];
    name_of(from, file, f->renamed);
    name_of(to, file, !f->renamed);
    bool well = TIMED(link(from, to)) == 0;
    bool done = well || is_there(to);
    tell_name("link", file, well, done);
    if (!done)
        return;
    well = TIMED(unlink(from)) == 0;
    done = well || !is_there(from);
    tell_name("leave", file, well, done);
    if (done) {
        f->renamed = !f->renamed;
        return;
    }
    well = TIMED(unlink(to)) == 0;
    if (!well && is_there(to))
        wrong("second name", 0);
    tell_name("back", file, well, true);
}

/* ---- Everything else: the result is 0, or -1 if a call failed; what is wrong ends the worker ---- */

/* Waits for the only child. */
static int child_result(int pid)
{
    int status = STATUS_WELL, who = wait(&status);
    if (who != pid || (status != STATUS_WELL && status != STATUS_ERROR))
        wrong("child", status);
    return status == STATUS_WELL ? 0 : -1;
}

static char byte_of(int i)
{
    return (char)(seed + worker + (u32)i * 7);
}

static void __attribute__((__noreturn__)) pipe_fill(const int *fds)
{
    close(fds[0]);
    for (int i = 0; i < (int)sizeof(bytes); i++)
        bytes[i] = byte_of(i);
    for (int i = 0; i < (int)sizeof(bytes); i += 500) {
        if (write(fds[1], bytes + i, 500) != 500)
            exit(STATUS_ERROR);
    }
    exit(STATUS_WELL);
}

static int do_pipe(void)
{
    int fds[2], got, total = 0;
    if (TIMED(pipe(fds)) < 0)
        return -1;
    int pid = (int)TIMED(fork());
    if (pid == 0)
        pipe_fill(fds);
    close(fds[1]);
    while (pid > 0 && (got = read(fds[0], bytes, sizeof(bytes))) != 0) {
        for (int i = 0; i < got; i++, total++) {
            if (bytes[i] != byte_of(total))
                wrong("pipe", total);
        }
        if (got < 0)
            break;
    }
    close(fds[0]);
    int result = pid < 0 ? -1 : child_result(pid);
    if (result == 0 && got == 0 && total != sizeof(bytes))
        wrong("pipe's length", total);
    return result == 0 && total == sizeof(bytes) ? 0 : -1;
}

/* The child sees what was there at the fork, and the parent nothing of what the child does. */
static int do_fork(void)
{
    u32 mark = chance(1u << 30);
    for (u32 i = 0; i < sizeof(shared_words) / 4; i++)
        shared_words[i] = mark + i;
    int pid = (int)TIMED(fork());
    for (u32 i = 0; i < sizeof(shared_words) / 4; i++) {
        if (shared_words[i] != mark + i)
            wrong("shared word", (long)i);
        if (pid == 0)
            shared_words[i] = 0;
    }
    if (pid == 0)
        exit(STATUS_WELL);
    return pid < 0 ? -1 : child_result(pid);
}

static int do_exec(void)
{
    char *arguments[] = {"workload", "child", "of a worker", NULL};
    int pid = (int)TIMED(fork());
    if (pid == 0) {
        exec("workload", arguments);
        exit(STATUS_ERROR);
    }
    return pid < 0 ? -1 : child_result(pid);
}

static long fill(volatile u32 *word, u32 pages, u32 mark)
{
    for (u32 i = 0; i < pages; i++)
        word[i * (PAGE / 4)] = mark + i;
    return 0;
}

static void memory_use(u32 *word, u32 pages, const char *what)
{
    u32 mark = chance(1u << 30);
    TIMED(fill(word, pages, mark));
    for (u32 i = 0; i < pages; i++) {
        if (word[i * (PAGE / 4)] != mark + i || word[i * (PAGE / 4) + 1] != 0)
            wrong(what, (long)i);
    }
}

static int do_xmap(void)
{
    xmap_region_t region = {0};
    u32 pages = 2 + chance(12);
    if (TIMED(xmap_reserve(pages * PAGE, &region)) != 0)
        return -1;
    int result = (int)TIMED(xmap_map(&region, XMAP_READ | XMAP_WRITE | (chance(2) ? XMAP_LAZY : 0)));
    if (result == 0) {
        memory_use((u32 *)region.start, pages, "mapped memory");
        result = (int)TIMED(xmap_unmap(&region));
    }
    for (int attempt = 0; attempt < 3; attempt++) {
        if (TIMED(xmap_release(&region)) == 0)
            break;
        result = -1; /* a region whose map or unmap failed half-way may still have to be unmapped */
        (void)xmap_unmap(&region);
    }
    return result == 0 ? 0 : -1;
}

static int do_break(void)
{
    u32 pages = 1 + chance(8);
    char *memory = sbrk((int)(pages * PAGE));
    if (memory == (char *)-1)
        return -1;
    memory_use((u32 *)(((u64)memory + 3) & ~3ul), pages, "the break");
    for (int attempt = 0; attempt < 3; attempt++) {
        if (sbrk(-(int)(pages * PAGE)) != (char *)-1)
            return attempt == 0 ? 0 : -1;
    }
    wrong("the break stays", 0);
}

static const struct {
    const char *name;
    int (*deed)(void);
} deeds[] = {{"pipe", do_pipe}, {"fork", do_fork}, {"exec", do_exec}, {"xmap", do_xmap}, {"break", do_break}};

/* ---- Processes ---- */

static void file_operation(u32 file)
{
    u32 choice = chance(16);
    if (!files[file].exists)
        do_create(file);
    else if (choice < 9)
        do_write(file);
    else if (choice < 12)
        do_verify(file);
    else if (choice < 14)
        do_rename(file);
    else if (choice < 15)
        do_truncate(file);
    else
        do_unlink(file);
}

static void __attribute__((__noreturn__)) work(u32 operations)
{
    char text[LINE];

    for (u32 i = 0; i < operations; i++) {
        u32 choice = chance(10 + sizeof(deeds) / sizeof(deeds[0]));
        if (choice < 10) {
            file_operation(choice % FILES);
            continue;
        }
        int result = deeds[choice - 10].deed();
        errors += result < 0;
        tell(deeds[choice - 10].name, result);
    }
    for (u32 file = 0; file < FILES; file++) {
        if (files[file].exists)
            do_verify(file);
    }
    u32 name_length = 0;
    while (longest_call[name_length] != '(')
        name_length++;
    char call[24];
    string_copy(call, longest_call, name_length + 1 < sizeof(call) ? name_length + 1 : sizeof(call));
    format_string(text, sizeof(text), "end %u %lu %s", errors, longest / 10, call);
    tell(text, 0);
    exit(STATUS_WELL);
}

/* Tells each line that is typed, until it is `end`. */
static void __attribute__((__noreturn__)) read_lines(void)
{
    char line[80], text[LINE];
    for (;;) {
        int got = read(0, line, sizeof(line) - 1);
        if (got <= 0) {
            errors++;
            tell("error read", got);
            continue;
        }
        line[got - 1] = '\0';
        format_string(text, sizeof(text), "typed %s", line);
        tell(text, got);
        if (strcmp(line, "end") == 0)
            exit(STATUS_WELL);
    }
}

/* Waits for the clock, and tells how long: the pause must not end early. Whether it ended much too late, and
 * whether the machine was stopped meanwhile, is for the reader of the line to say. */
static void __attribute__((__noreturn__)) watch_clock(void)
{
    char text[LINE];
    u64 before = now();
    int result = pause(2);
    u64 waited = (now() - before) / 10;
    if (result < 0 || waited < TICK)
        wrong("pause", (long)waited);
    format_string(text, sizeof(text), "clock %lu", waited);
    tell(text, 0);
    exit(STATUS_WELL);
}

/* Nothing comes out of the pipe before it ends. */
static void __attribute__((__noreturn__)) sleep_until_end(int fd)
{
    char c;
    int got = read(fd, &c, 1);
    if (got != 0)
        wrong("the end of a pipe", got);
    exit(STATUS_WELL);
}

static void start(u32 number, u32 operations, const int *fds)
{
    int pid = -1;
    for (int attempt = 0; attempt < 3 && pid < 0; attempt++) /* a server may die already */
        pid = (int)TIMED(fork());
    if (pid < 0) {
        printf("workload: failed: fork\n");
        exit(1);
    }
    if (pid > 0)
        return;
    close(fds[1]);
    worker = number;
    dice = seed * 2654435761u + number * 40503u + 1;
    longest = 0;
    if (number < WORKERS)
        work(operations);
    if (number == WORKERS)
        read_lines();
    if (number == WORKERS + 1)
        watch_clock();
    sleep_until_end(fds[0]);
}

static u32 ended_badly(u32 processes)
{
    u32 bad = 0;
    for (u32 i = 0; i < processes; i++) {
        int status = -1, pid = wait(&status);
        if (status != STATUS_WELL && status != 0) {
            printf("workload: process %d ended with status %d\n", pid, status);
            bad++;
        }
    }
    return bad;
}

/* Returns how many processes it has started: one, or none if there is no command. */
static u32 start_command(char **command)
{
    if (command[0] == NULL)
        return 0;
    int pid = fork();
    if (pid == 0) {
        exec(command[0], command);
        exit(1);
    }
    if (pid < 0) {
        printf("workload: failed: fork\n");
        exit(1);
    }
    return 1;
}

int main(int argc, char **argv)
{
    unsigned long before[3], after[3];
    int fds[2];

    if (argc == 3 && strcmp(argv[1], "child") == 0)
        exit(STATUS_WELL);
    if (argc < 3) {
        fprintf(2, "usage: workload SEED OPERATIONS [COMMAND...]\n");
        exit(2);
    }
    seed = (u32)atoi(argv[1]);
    crc_prepare();
    if (xmap_usage(before) != 0 || pipe(fds) != 0) {
        printf("workload: failed: start\n");
        exit(1);
    }
    for (u32 i = 0; i < WORKERS + 2 + SLEEPERS; i++)
        start(i, (u32)atoi(argv[2]), fds);
    printf("workload: begins\n");
    u32 bad = ended_badly(WORKERS + 2 + start_command(argv + 3));
    close(fds[1]);
    bad += ended_badly(SLEEPERS);
    close(fds[0]);
    if (xmap_usage(after) != 0 || bad != 0) {
        printf("workload: failed: %u processes\n", bad);
        exit(1);
    }
    printf("workload: done, %lu free before, %lu after\n", before[0], after[0]);
    exit(0);
}
