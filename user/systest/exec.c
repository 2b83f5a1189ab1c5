/*
 * exec: the vector, the image, the state a program starts in [1.3 exec, 3].
 *
 * Images are made here, around a few instructions that fit wherever they are
 * put; each ends with an exit status.
 */
#include "lib/elf.h"
#include "user/systest/systest.h"

#define REFUSED 118 /* the status of a child whose exec returned */

/* ---- Instructions for images ---- */

#define CODE(name, instructions)                                                                             \
    extern const u8 name[], name##_end[];                                                                    \
    __asm__(".section .rodata\n .balign 4\n" #name ":\n .option push\n .option norvc\n" instructions         \
            "\n .option pop\n" #name "_end:\n .text\n")

#define EXIT " li a7, 2\n ecall\n"

/* The status is argc + 50. */
CODE(code_argc, "addi a0, a0, 50\n" EXIT);

/* 0 if a1 is sp, sp is a multiple of 16, and every other register but a0 is
 * zero. */
CODE(code_registers, "sub a1, a1, sp\n andi a0, sp, 15\n or a0, a0, a1\n or "
                     "a0, a0, x1\n or a0, a0, x3\n"
                     "or a0, a0, x4\n or a0, a0, x5\n or a0, a0, x6\n or a0, "
                     "a0, x7\n or a0, a0, x8\n"
                     "or a0, a0, x9\n or a0, a0, x12\n or a0, a0, x13\n or a0, "
                     "a0, x14\n or a0, a0, x15\n"
                     "or a0, a0, x16\n or a0, a0, x17\n or a0, a0, x18\n or "
                     "a0, a0, x19\n or a0, a0, x20\n"
                     "or a0, a0, x21\n or a0, a0, x22\n or a0, a0, x23\n or "
                     "a0, a0, x24\n or a0, a0, x25\n"
                     "or a0, a0, x26\n or a0, a0, x27\n or a0, a0, x28\n or "
                     "a0, a0, x29\n or a0, a0, x30\n"
                     "or a0, a0, x31\n snez a0, a0\n" EXIT);

/* Stores into its own page: 51 if that is allowed. */
CODE(code_store, "auipc t0, 0\n sw zero, 512(t0)\n li a0, 51\n" EXIT);

/* The last byte of its page, which the file does not fill: 52 if it is zero and
 * can be stored to. */
CODE(code_tail, "lui t0, 1\n lbu t1, -1(t0)\n sb t0, -1(t0)\n addi a0, t1, 52\n" EXIT);

/* The break in pages. */
CODE(code_break, "li a0, 0\n li a1, 1\n li a7, 12\n ecall\n srli a0, a0, 12\n" EXIT);

/* What is at 0x3000, in a gap below a segment or in its zeros: 53 if zero. */
CODE(code_gap, "lui t0, 3\n ld a0, 0(t0)\n snez a0, a0\n addi a0, a0, 53\n" EXIT);

/* ---- Making images ---- */

static struct image {
    struct elf_header header;
    struct elf_program_header segments[3];
    u8 code[1024];
} image;

#define CODE_OFFSET __builtin_offsetof(struct image, code)

/* One segment at address 0 with the code, which is also what is entered: a
 * program. */
static void begin_image(const u8 *code, const u8 *end)
{
    image = (struct image){.header = {.magic = ELF_MAGIC,
                                      .phoff = __builtin_offsetof(struct image, segments),
                                      .phentsize = sizeof(struct elf_program_header),
                                      .phnum = 1}};
    image.segments[0] = (struct elf_program_header){.type = ELF_SEGMENT_LOAD,
                                                    .flags = ELF_FLAG_READ | ELF_FLAG_EXEC,
                                                    .offset = CODE_OFFSET,
                                                    .filesz = sizeof(image.code),
                                                    .memsz = sizeof(image.code)};
    memcpy(image.code, code, (u64)(end - code));
}

static void exec_image(u64 unused)
{
    char *vector[] = {"image", "second", NULL};
    (void)unused;
    exec("image", vector);
    exit(REFUSED);
}

/* How the image ends, whose file has `size` bytes. */
static int fate_of_image(u64 size)
{
    make_file("image", &image, (int)size);
    return fate_of(exec_image, 0);
}

static int fate_of_whole_image(void)
{
    return fate_of_image(sizeof(image));
}

/* ---- Vectors ---- */

static char *vector[40];

static void exec_vector(u64 unused)
{
    (void)unused;
    exec("image", vector);
    exit(REFUSED);
}

/* At most 31 arguments, and none is none [1.3 exec, 1]. */
static void argument_counts(void)
{
    begin_image(code_argc, code_argc_end);
    make_file("image", &image, sizeof(image));
    for (u32 count = 0; count < 35; count++) {
        for (u32 i = 0; i < count; i++)
            vector[i] = "a";
        vector[count] = NULL;
        equal(fate_of(exec_vector, 0), count <= 31 ? 50 + (s64)count : REFUSED, "the status");
    }
    unlink("image");
}

/* A string has at most 4095 bytes, and all of it must fit into the stack's page
 * [1.3 exec, 2 and 4]. */
static void argument_sizes(void)
{
    static const struct {
        u32 count;
        u32 length;
        bool fits;
    } rows[] = {
        {1, 3000, true},  {1, 4063, true},  {1, 4064, true},  {1, 4079, true}, {1, 4080, false},
        {1, 4095, false}, {1, 4096, false}, {1, 9000, false}, {31, 100, true}, {31, 111, true},
        {31, 112, false}, {31, 220, false}, {31, 399, false}, {2, 2000, true}, {2, 2040, false},
    };
    begin_image(code_argc, code_argc_end);
    make_file("image", &image, sizeof(image));
    for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
        memset(buffer, 'x', rows[i].length);
        buffer[rows[i].length] = '\0';
        for (u32 j = 0; j < rows[i].count; j++)
            vector[j] = buffer;
        vector[rows[i].count] = NULL;
        equal(fate_of(exec_vector, 0), rows[i].fits ? 50 + (s64)rows[i].count : REFUSED, "the status");
    }
    unlink("image");
}

/* The vector lies inside the break to the byte: the one check that is not by
 * pages [1.2, argv]. */
static void vector_at_break(void)
{
    char *end = sbrk(100) + 100;
    begin_image(code_argc, code_argc_end);
    make_file("image", &image, sizeof(image));
    memset(end - 16, 0, 32);
    char **good = (char **)(void *)(end - 8 - (u64)end % 8);
    equal(((u64)good + 8) % 8, 0, "the place of the vector");
    int pid = fork();
    if (pid == 0) {
        exec("image", good);
        exit(REFUSED);
    }
    equal(end_of(pid), 50, "a vector of NULL at the break's end");
    require(exec("image", (char **)(void *)((u64)good + 8)) == -1, "a vector behind the break");
    require(exec("image", NULL) == -1, "a null vector");
    unlink("image");
}

/* ---- Images ---- */

static void image_refused(void)
{
    begin_image(code_argc, code_argc_end);
    equal(fate_of_whole_image(), 52, "the image, as it should be");
    equal(fate_of_image(0), REFUSED, "an empty file");
    equal(fate_of_image(63), REFUSED, "a file too short for its header");
    equal(fate_of_image(64 + 55), REFUSED, "a file too short for a program header");
    equal(fate_of_image(sizeof(image) - 1), REFUSED, "a file too short for its segment");
    image.header.magic++;
    equal(fate_of_whole_image(), REFUSED, "another magic number");
    begin_image(code_argc, code_argc_end);
    image.header.phoff = 1000000;
    equal(fate_of_whole_image(), REFUSED, "program headers outside the file");
    begin_image(code_argc, code_argc_end);
    image.header.phnum = 0;
    require(fate_of_whole_image() != 52, "no segment at all");
    unlink("image");
}

/* Each row changes one field of the only segment [3.1]. */
static void segment_refused(void)
{
    static const struct {
        u64 vaddr;
        u64 filesz;
        u64 memsz;
        const char *what;
    } rows[] = {
        {0, 1024, 1023, "memsz below filesz"},
        {1, 1024, 1024, "an address inside a page"},
        {2048, 1024, 1024, "an address inside a page"},
        {0, 0, 0, "nothing at address 0"},
        {~0ul - 4095, 1024, 8192, "an end that wraps"},
        {4096, 1024, ~0ul - 100, "a size that wraps"},
        {0x4000000000ul, 1024, 1024, "an address beyond all programs"},
        {0x3fffffe000ul, 1024, 1024, "the page under the two top ones"},
        {0, 1024, 0x3fffffe000ul, "a size that leaves no room for a stack"},
        {0, 1024, 0x8000000000ul, "a size beyond all programs"},
        {0, 1025, 1025, "more than there is in the file"},
    };
    u64 before;
    begin_image(code_argc, code_argc_end);
    equal(fate_of_whole_image(), 52, "the image, as it should be");
    before = free_pages(); /* all pages that we write to are our own by now */
    for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
        begin_image(code_argc, code_argc_end);
        image.segments[0].vaddr = rows[i].vaddr;
        image.segments[0].filesz = rows[i].filesz;
        image.segments[0].memsz = rows[i].memsz;
        equal(fate_of_whole_image(), REFUSED, rows[i].what);
    }
    equal((s64)free_pages(), (s64)before, "free pages after refusals");
    unlink("image");
}

/* What is not checked must not be: class, machine, versions, sizes of headers;
 * other types are skipped [3.1]. */
static void image_accepted(void)
{
    begin_image(code_argc, code_argc_end);
    image.header.class = 77;
    image.header.data = 77;
    image.header.type = 77;
    image.header.machine = 77;
    image.header.phentsize = 1;
    image.header.flags = ~0u;
    equal(fate_of_whole_image(), 52, "odd fields of the header");
    begin_image(code_argc, code_argc_end);
    image.header.phnum = 3;
    image.segments[2] = image.segments[0];
    image.segments[0] = (struct elf_program_header){.type = 0x70000003, .vaddr = 1, .filesz = 99, .memsz = 1};
    image.segments[1] = (struct elf_program_header){.type = 0x6474e551};
    equal(fate_of_whole_image(), 52, "segments of other types");
    unlink("image");
}

/* Text is written to only if its segment says so; then it may be executed all
 * the same [2, 3.1]. */
static void segment_rights(void)
{
    begin_image(code_store, code_store_end);
    equal(fate_of_whole_image(), ENDED, "a store to text");
    image.segments[0].flags = ELF_FLAG_WRITE | ELF_FLAG_EXEC;
    equal(fate_of_whole_image(), 51, "a store to text that may be written");
    image.segments[0].flags = ELF_FLAG_READ;
    equal(fate_of_whole_image(), ENDED, "text that may not be executed");
    begin_image(code_tail, code_tail_end);
    image.segments[0].flags = ELF_FLAG_WRITE | ELF_FLAG_EXEC;
    image.segments[0].filesz = image.segments[0].memsz = 600;
    equal(fate_of_whole_image(), 52, "the tail of a page");
    image.segments[0].filesz = 1024;
    image.segments[0].memsz = 4096;
    equal(fate_of_whole_image(), 52, "the zeros behind the file's bytes");
    unlink("image");
}

/* The stack is the second page above the image, and the break its top [3.2]. */
static void image_layout(void)
{
    begin_image(code_break, code_break_end);
    equal(fate_of_whole_image(), 3, "the break of a program of one page, in pages");
    image.segments[0].memsz = 4097;
    equal(fate_of_whole_image(), 4, "the break of a program of two pages");
    begin_image(code_gap, code_gap_end);
    image.header.phnum = 2;
    image.segments[1] = image.segments[0];
    image.segments[1].vaddr = 0x5000;
    equal(fate_of_whole_image(), 53, "zeros in the gap below a segment");
    image.segments[1].vaddr = 0x2000;
    image.segments[1].memsz = 0x2000;
    equal(fate_of_whole_image(), 53, "zeros of a segment");
    unlink("image");
}

static void start_registers(void)
{
    begin_image(code_registers, code_registers_end);
    equal(fate_of_whole_image(), 0, "registers at the start");
    unlink("image");
}

/* An entry outside the image ends the program, not exec; an odd one is refused.
 */
static void image_entry(void)
{
    begin_image(code_argc, code_argc_end);
    image.header.entry = 0x100000;
    equal(fate_of_whole_image(), ENDED, "an entry where nothing is");
    image.header.entry = ~0ul - 1;
    equal(fate_of_whole_image(), ENDED, "an entry that is no address");
    image.header.entry = 1;
    equal(fate_of_whole_image(), REFUSED, "an odd entry");
    unlink("image");
}

/* ---- What exec leaves ---- */

static void exec_part(char *first, char *second)
{
    char *words[] = {"systest", SYSTEST_PART, first, second, NULL};
    exec(SYSTEST_PATH, words);
    exit(REFUSED);
}

static int part_status(char *first, char *second)
{
    int pid = fork();
    if (pid == 0)
        exec_part(first, second);
    require(pid > 0, "fork");
    return end_of(pid);
}

/* The string's own copy of `name` in the file's zeros: a program's memory is
 * new. */
static char fresh[5000];

static int part_fresh(int argc, char **argv)
{
    u64 page = stack_page();
    for (u32 i = 0; i < sizeof(fresh); i++) {
        if (fresh[i] != 0)
            return 2;
    }
    if (argc != 4 || argv[4] != NULL || strcmp(argv[3], "word") != 0)
        return 3;
    if ((u64)argv < page || (u64)argv[3] < page || (u64)argv[0] <= (u64)argv[3] || (u64)argv[3] % 16 != 0)
        return 4;
    if ((u64)sbrk(0) != page + PAGE_SIZE)
        return 5;
    return 0;
}

/* Strings lie in the stack's page, the first the highest, each aligned to 16;
 * memory is zero [3.3]. */
static void fresh_start(void)
{
    memset(fresh, 'x', sizeof(fresh));
    equal(part_status("fresh", "word"), 0, "the status");
}

static int part_descriptor(const char *number)
{
    char byte = 0;
    int fd = atoi(number);
    return read(fd, &byte, 1) == 1 ? byte : 1;
}

/* Descriptors with their offsets, directory and pid survive; memory does not
 * [1.3 exec, 5]. */
static void kept_by_exec(void)
{
    static char number[4];
    int fd;
    make_file("f", "abc", 3);
    fd = open_well("f", O_RDONLY);
    equal(read(fd, buffer, 1), 1, "read");
    number[0] = (char)('0' + fd);
    equal(part_status("descriptor", number), 'b', "the byte that the program reads");
    equal(read(fd, buffer, 1), 1, "read, afterwards");
    equal(buffer[0], 'c', "the byte behind");
    equal(part_status("open", "f"), 0, "a file of the directory, by its name");
    unlink("f");
}

static void exec_same_pid(void)
{
    int pid = fork();
    if (pid == 0)
        exec_part("pid", "");
    int status = end_of(pid);
    equal(status, pid & 0xffff, "the pid of the program");
}

static void exec_refused(void)
{
    char *words[] = {"x", NULL};
    make_file("f", "#!/bin/sh\n", 10);
    equal(exec("f", words), -1, "exec of a file of text");
    equal(exec("/", words), -1, "exec of a directory");
    equal(mknod("console", CONSOLE_MAJOR, 0), 0, "mknod");
    equal(exec("console", words), -1, "exec of a device");
    equal(unlink("console"), 0, "unlink");
    equal(exec("missing", words), -1, "exec of what is missing");
    equal(exec("", words), -1, "exec of an empty path");
    equal(exec("f/g", words), -1, "exec of a file in a file");
    unlink("f");
}

/* An exec that fails leaves everything as it was, and takes nothing, many times
 * [usertests' badarg]. */
static void exec_refused_often(void)
{
    u64 before = free_pages();
    char *words[] = {(char *)bad_addresses[9], NULL};
    for (u32 i = 0; i < 2000; i++)
        equal(exec("/echo", words), -1, "exec with a bad argument");
    equal((s64)free_pages(), (s64)before, "free pages");
}

/* exec with almost no memory left: it fails, or the program runs; nothing is
 * lost [usertests' execout]. */
static void exec_without_memory(void)
{
    u64 before = free_pages();
    for (u32 left = 0; left < 40; left += 5) {
        int pid = fork();
        if (pid == 0) {
            for (u64 step = 4096; step > 0; step /= 8) {
                while (sbrk((int)(step * PAGE_SIZE)) != (char *)-1)
                    continue;
            }
            sbrk(-(int)(left * PAGE_SIZE));
            exec_part("nothing", "");
        }
        int status = end_of(pid);
        require(status == 0 || status == REFUSED || status == ENDED, "exec succeeds or fails");
        equal((s64)free_pages(), (s64)before, "free pages");
    }
}

static void killed_in_exec(u64 unused)
{
    (void)unused;
    exec_part("again", "");
}

/* A kill at any moment of exec ends the process, and gives its memory back. */
static void kill_in_exec(void)
{
    for (u32 i = 0; i < 12; i++) {
        int pid = spawn(killed_in_exec, 0);
        for (u32 j = 0; j < i * 50; j++)
            getpid();
        if (i % 4 == 0)
            pause(1);
        equal(kill(pid), 0, "kill");
        equal(end_of(pid), ENDED, "the status");
    }
}

int play_part(int argc, char **argv)
{
    if (strcmp(argv[2], "fresh") == 0)
        return part_fresh(argc, argv);
    if (strcmp(argv[2], "descriptor") == 0)
        return part_descriptor(argv[3]);
    if (strcmp(argv[2], "open") == 0)
        return exists(argv[3]) ? 0 : 1;
    if (strcmp(argv[2], "pid") == 0)
        return getpid() & 0xffff;
    if (strcmp(argv[2], "region") == 0) {
        xmap_region_t region;
        u64 address = 0;
        for (const char *digit = argv[3]; *digit != '\0'; digit++)
            address = address * 10 + (u64)(*digit - '0');
        return xmap_query((void *)address, &region) == 0;
    }
    if (strcmp(argv[2], "again") == 0)
        exec_part("again", "");
    return 0;
}

const struct test exec_tests[] = {
    {"argument-counts", argument_counts, NEEDS_DISK},
    {"argument-sizes", argument_sizes, NEEDS_DISK},
    {"vector-at-break", vector_at_break, NEEDS_DISK},
    {"image-refused", image_refused, NEEDS_DISK},
    {"segment-refused", segment_refused, NEEDS_DISK},
    {"image-accepted", image_accepted, NEEDS_DISK},
    {"segment-rights", segment_rights, NEEDS_DISK},
    {"image-layout", image_layout, NEEDS_DISK},
    {"image-entry", image_entry, NEEDS_DISK},
    {"start-registers", start_registers, NEEDS_DISK},
    {"fresh-start", fresh_start, NEEDS_DISK},
    {"kept-by-exec", kept_by_exec, NEEDS_DISK},
    {"exec-same-pid", exec_same_pid, NEEDS_DISK},
    {"exec-refused", exec_refused, NEEDS_DISK},
    {"exec-refused-often", exec_refused_often, NEEDS_DISK},
    {"exec-without-memory", exec_without_memory, NEEDS_DISK},
    {"kill-in-exec", kill_in_exec, NEEDS_DISK},
    {NULL, NULL, 0},
};
