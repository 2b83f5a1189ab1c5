/*
 * Unit tests of the unix core: the pure parts alone, then whole programs.
 *
 * The rules tested are those of the xv6 system calls; `me->local` holds what a script must remember between
 * two steps.
 */
#include "port/xmap.h"
#include "service/console/test_uart.h"
#include "service/unix/exec.h"
#include "service/unix/file.h"
#include "service/unix/test_world.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* ---- Paths ---- */

static void path_next(const char **path, bool expected, const char *name)
{
    u64 words[2];
    char text[17] = {0};

    assert_int_equal(unix_path_next(path, words), expected);
    for (u32 i = 0; i < 16; i++)
        text[i] = (char)(words[i / 8] >> i % 8 * 8);
    assert_string_equal(text, name);
}

static void path_components(void **state)
{
    const char *path = "//a/bc///..///exactly14chars/fifteen_letters/";

    (void)state;
    path_next(&path, true, "a");
    path_next(&path, true, "bc");
    path_next(&path, true, "..");
    path_next(&path, true, "exactly14chars");
    path_next(&path, true, "fifteen_letter");
    assert_string_equal(path, "");
    path_next(&path, false, "");
    path = "";
    path_next(&path, false, "");
    path = "///";
    path_next(&path, false, "");
    path = "README/";
    path_next(&path, true, "README");
    assert_string_equal(path, "");
}

/* ---- Places of arguments ---- */

static void argument_places(void **state)
{
    struct arguments arguments = {.count = 1};
    u16 place[ARGUMENTS_MAX];
    u16 vector;

    (void)state;
    arguments.length[0] = 5;
    assert_true(unix_arguments_place(&arguments, place, &vector));
    assert_int_equal(place[0], 0xff0);
    assert_int_equal(vector, 0xfe0);

    arguments.length[0] = 4079; /* the most that fits: sp at the bottom of the page */
    assert_true(unix_arguments_place(&arguments, place, &vector));
    assert_int_equal(vector, 0);
    arguments.length[0] = 4080;
    assert_false(unix_arguments_place(&arguments, place, &vector));
    arguments.length[0] = 4095;
    assert_false(unix_arguments_place(&arguments, place, &vector));

    arguments.count = 0;
    assert_true(unix_arguments_place(&arguments, place, &vector));
    assert_int_equal(vector, 0xff0);

    arguments.count = 31;
    for (u32 i = 0; i < 31; i++)
        arguments.length[i] = 220;
    assert_false(unix_arguments_place(&arguments, place, &vector));
    for (u32 i = 0; i < 31; i++)
        arguments.length[i] = 10;
    assert_true(unix_arguments_place(&arguments, place, &vector));
    assert_int_equal(vector, 4096 - 31 * 16 - 256);
}

/* ---- Programs ---- */

static s64 load_int(struct host_program *me, uaddr address)
{
    struct port_trap unused;
    s32 value = 0;

    if (!host_access(me, &unused, address, &value, sizeof(value), PORT_READ))
        world_failed(__FILE__, __LINE__, "the word is mapped", (s64)address);
    return value;
}

static bool holds(struct host_program *me, uaddr address, const char *bytes, u64 length)
{
    struct port_trap unused;
    u8 buffer[PAGE_SIZE];

    return host_access(me, &unused, address, buffer, length, PORT_READ) && memcmp(buffer, bytes, length) == 0;
}

static void run(const struct world_program *programs, u32 count, const char *typed)
{
    assert_int_equal(world_run(programs, count, typed), 0);
}

#define RUN(typed, ...)                                                                                      \
    do {                                                                                                     \
        const struct world_program programs[] = {__VA_ARGS__};                                               \
        run(programs, ARRAY_SIZE(programs), typed);                                                          \
    } while (0)

/* Waits for a child whose status must be this one. */
#define REAP(expected)                                                                                       \
    do {                                                                                                     \
        CALL(SYS_wait, AT_DATA);                                                                             \
        EXPECT(me->a0 > 1);                                                                                  \
        EXPECT(load_int(me, AT_DATA) == (expected));                                                         \
    } while (0)

static void script_processes(struct host_program *me, struct port_trap *trap)
{
    static const s32 statuses[] = {747, 0x12345678, -7, 0};

    SCRIPT_BEGIN;
    CALL(SYS_getpid);
    EXPECT(me->a0 == 1);
    CALL(SYS_wait, 0);
    EXPECT(me->a0 == -1);
    for (me->local[0] = 0; me->local[0] < 4; me->local[0]++) {
        CALL(SYS_fork);
        if (me->a0 == 0)
            EXIT(statuses[me->local[0]]);
        me->local[1] = me->a0;
        EXPECT(me->local[1] == 2 + me->local[0]);
        CALL(SYS_wait, 0x8000000); /* cannot be stored: the zombie stays */
        EXPECT(me->a0 == -1);
        CALL(SYS_wait, AT_DATA);
        EXPECT(me->a0 == me->local[1]);
        EXPECT(load_int(me, AT_DATA) == statuses[me->local[0]]);
    }
    CALL(SYS_wait, 0);
    EXPECT(me->a0 == -1);

    /* memory is copied, not shared */
    CALL(SYS_fork);
    if (me->a0 == 0) {
        STORE(AT_ZERO, "child", 6);
        EXIT(3);
    }
    STORE(AT_ZERO, "parent", 7);
    REAP(3);
    EXPECT(holds(me, AT_ZERO, "parent", 7));

    /* text cannot be written, the guard page not touched, not even by the kernel */
    CALL(SYS_fork);
    if (me->a0 == 0) {
        STORE(AT_TEXT, "x", 1);
        EXIT(0);
    }
    REAP(-1);
    CALL(SYS_fork);
    if (me->a0 == 0) {
        LOAD(AT_GUARD, &me->local[5], 1);
        EXIT(0);
    }
    REAP(-1);
    CALL(SYS_fork);
    if (me->a0 == 0) {
        LOAD(0x80000000, &me->local[5], 1);
        EXIT(0);
    }
    REAP(-1);
    CALL(SYS_wait, AT_GUARD);
    EXPECT(me->a0 == -1);

    CALL(22);
    EXPECT(me->a0 == -1);
    CALL((u64)-3);
    EXPECT(me->a0 == -1);
    CALL(0x100000000ul + SYS_getpid); /* only the low half counts */
    EXPECT(me->a0 == 1);
    CALL(63);
    EXPECT(me->a0 == -1);
    EXIT(0);
    SCRIPT_END;
}

/* The numbers begin anew, and whoever has not been waited for keeps his. */
static void script_numbers(struct host_program *me, struct port_trap *trap)
{
    static const s64 wanted[] = {2, 3, INT32_MAX, 4};

    SCRIPT_BEGIN;
    for (me->local[0] = 0; me->local[0] < 4; me->local[0]++) {
        if (me->local[0] == 2)
            unix_table.next_pid = INT32_MAX;
        CALL(SYS_fork);
        if (me->a0 == 0)
            EXIT(0);
        EXPECT(me->a0 == wanted[me->local[0]]);
    }
    EXIT(0);
    SCRIPT_END;
}

static void processes(void **state)
{
    (void)state;
    RUN("", {"main", script_numbers});
    RUN("", {"main", script_processes});
    assert_non_null(strstr(world_output, "1 main: unknown sys call 22\n1 main: unknown sys call -3\n"
                                         "1 main: unknown sys call 63\n"));
    assert_non_null(strstr(world_output, "usertrap(): unexpected scause 0xf pid="));
    assert_non_null(strstr(world_output, "usertrap(): unexpected scause 0xd pid="));
    assert_non_null(strstr(world_output, "\n            sepc=0x"));
    assert_non_null(strstr(world_output, " stval=0x80000000\n"));
}

static void script_fail(struct host_program *me, struct port_trap *trap)
{
    SCRIPT_BEGIN;
    EXIT(5);
    SCRIPT_END;
}

static void exit_codes(void **state)
{
    const struct world_program programs[] = {{"main", script_fail}};

    (void)state;
    assert_int_equal(world_run(programs, 1, ""), 11);
}

static void script_memory(struct host_program *me, struct port_trap *trap)
{
    SCRIPT_BEGIN;
    CALL(SYS_sbrk, 0);
    EXPECT(me->a0 == AT_HEAP);
    for (me->local[0] = 0; me->local[0] < 5000; me->local[0]++) {
        CALL(SYS_sbrk, 1, 77);
        EXPECT(me->a0 == (s64)AT_HEAP + me->local[0]);
    }
    STORE(AT_HEAP + 0x1ff8, "12345678", 8); /* beyond the break, inside the page */
    CALL(SYS_sbrk, -5000);
    CALL(SYS_sbrk, 8192, SBRK_EAGER);
    EXPECT(me->a0 == AT_HEAP);
    EXPECT(holds(me, AT_HEAP + 0x1ff8, "\0\0\0\0\0\0\0\0", 8)); /* fresh memory is zero */

    /* over-shrinking does nothing and succeeds */
    CALL(SYS_sbrk, (u64)(s64)-0x7fffffff);
    EXPECT(me->a0 == AT_HEAP + 8192);
    CALL(SYS_sbrk, 0x80000004);
    EXPECT(me->a0 == AT_HEAP + 8192);
    CALL(SYS_sbrk, -(AT_HEAP + 8193));
    EXPECT(me->a0 == AT_HEAP + 8192);

    /* too much at once: refused as a whole; lazily: granted, and zero at the first touch, also by the kernel
     */
    CALL(SYS_sbrk, 0x40000000, SBRK_EAGER);
    EXPECT(me->a0 == -1);
    CALL(SYS_sbrk, 0x40000000, SBRK_LAZY);
    EXPECT(me->a0 == AT_HEAP + 8192);
    STORE(AT_HEAP + 0x20000000, "lazy", 5);
    CALL(SYS_wait, AT_HEAP + 0x30000000);
    EXPECT(me->a0 == -1);
    CALL(SYS_pipe, AT_HEAP + 0x30000000);
    EXPECT(me->a0 == 0);
    EXPECT(load_int(me, AT_HEAP + 0x30000004) == 4);
    for (me->local[0] = 0; me->local[0] < 254; me->local[0]++) {
        CALL(SYS_sbrk, 0x40000000, SBRK_LAZY);
        EXPECT(me->a0 > 0);
    }
    CALL(SYS_sbrk, 0x40000000 - 0x2000 - AT_HEAP - 0x2000, SBRK_LAZY);
    EXPECT(me->a0 > 0);
    CALL(SYS_sbrk, 0);
    EXPECT(me->a0 == 0x3fffffe000);
    CALL(SYS_sbrk, 1, SBRK_LAZY);
    EXPECT(me->a0 == -1);
    CALL(SYS_sbrk, 1, SBRK_EAGER);
    EXPECT(me->a0 == -1);

    /* a child has the same lazy memory */
    CALL(SYS_fork);
    if (me->a0 == 0) {
        EXPECT(holds(me, AT_HEAP + 0x20000000, "lazy", 5));
        STORE(AT_HEAP + 0x21000000, "more", 5);
        EXIT(9);
    }
    REAP(9);

    /* below the stack; then the process still runs, and the stack is gone */
    CALL(SYS_fork);
    if (me->a0 == 0) {
        CALL(SYS_sbrk, 0);
        me->local[0] = me->a0 - 0x2800;
        while (me->local[0] > 0) {
            CALL(SYS_sbrk, (u64) - (me->local[0] > 0x70000000 ? 0x70000000 : me->local[0]));
            EXPECT(me->a0 > 0);
            me->local[0] -= me->local[0] > 0x70000000 ? 0x70000000 : me->local[0];
        }
        CALL(SYS_sbrk, 0);
        EXPECT(me->a0 == 0x2800);
        CALL(SYS_sbrk, 0x3000);
        EXPECT(me->a0 == 0x2800);
        STORE(AT_GUARD, "now heap", 9);
        CALL(SYS_sbrk, -0x5800);
        STORE(AT_ZERO, "gone", 5);
        EXIT(0);
    }
    REAP(-1);
    EXIT(0);
    SCRIPT_END;
}

static void memory(void **state)
{
    (void)state;
    RUN("", {"main", script_memory});
}

static void script_files(struct host_program *me, struct port_trap *trap)
{
    struct stat stat;

    SCRIPT_BEGIN;
    TEXT("a");
    CALL(SYS_open, AT_PATH, O_RDWR);
    EXPECT(me->a0 == -1);
    CALL(SYS_open, AT_PATH, O_CREATE | O_RDWR);
    EXPECT(me->a0 == 3);
    STORE(AT_ZERO, "0123456789", 10);
    CALL(SYS_write, 3, AT_ZERO, 10);
    EXPECT(me->a0 == 10);
    CALL(SYS_dup, 3);
    EXPECT(me->a0 == 4);
    CALL(SYS_fork);
    if (me->a0 == 0) {
        CALL(SYS_write, 4, AT_ZERO, 5); /* the offset is shared */
        EXIT(me->a0);
    }
    REAP(5);
    CALL(SYS_read, 3, AT_DATA, 100);
    EXPECT(me->a0 == 0);
    CALL(SYS_fstat, 3, AT_DATA);
    LOAD(AT_DATA, &stat, sizeof(stat));
    EXPECT(stat.dev == 1 && stat.type == T_FILE && stat.nlink == 1 && stat.size == 15);
    CALL(SYS_fstat, 3, AT_TEXT);
    EXPECT(me->a0 == -1);

    TEXT("./..//a/"); /* trailing slashes and .. of the root */
    CALL(SYS_open, AT_PATH, 0);
    EXPECT(me->a0 == 5);
    CALL(SYS_write, 5, AT_ZERO, 1);
    EXPECT(me->a0 == -1);
    CALL(SYS_read, 5, AT_TEXT, 5); /* text is read-only for the kernel too; the offset stays */
    EXPECT(me->a0 == -1);
    CALL(SYS_read, 5, AT_GUARD - 4, 10);
    EXPECT(me->a0 == -1);
    CALL(SYS_read, 5, AT_DATA, (u64)-1);
    EXPECT(me->a0 == 15 && holds(me, AT_DATA, "012345678901234", 15));
    CALL(SYS_read, 5, AT_GUARD, 10); /* at the end even a bad address reads nothing */
    EXPECT(me->a0 == 0);
    CALL(SYS_read, 5, AT_DATA, (u64)-1);
    EXPECT(me->a0 == 0);
    CALL(SYS_write, 3, AT_ZERO, 0);
    EXPECT(me->a0 == 0);
    CALL(SYS_write, 3, AT_ZERO, (u64)-1);
    EXPECT(me->a0 == -1);

    /* truncation through another descriptor leaves a hole that cannot be written */
    CALL(SYS_open, AT_PATH, O_TRUNC);
    EXPECT(me->a0 == 6);
    CALL(SYS_write, 3, AT_ZERO, 1);
    EXPECT(me->a0 == -1);
    CALL(SYS_close, 6);
    CALL(SYS_close, 6);
    EXPECT(me->a0 == -1);
    CALL(SYS_close, 5);

    /* many blocks, an odd offset, a buffer that ends early: whole blocks count, the rest lands if its block
     * exists */
    CALL(SYS_sbrk, 40 * 4096);
    STORE(AT_HEAP + 4096, "second page", 12);
    CALL(SYS_open, AT_PATH, O_CREATE | O_TRUNC | O_RDWR);
    EXPECT(me->a0 == 5);
    CALL(SYS_write, 5, AT_HEAP + 1, 100000);
    EXPECT(me->a0 == 100000);
    CALL(SYS_close, 5);
    CALL(SYS_open, AT_PATH, O_RDWR);
    EXPECT(me->a0 == 5);
    CALL(SYS_write, 5, AT_HEAP + 36 * 4096, 5 * 4096);
    EXPECT(me->a0 == -1);
    CALL(SYS_read, 5, AT_HEAP, 1);
    EXPECT(me->a0 == 1);
    CALL(SYS_read, 5, AT_HEAP, 200000);
    EXPECT(me->a0 == 100000 - 4 * 4096 - 1);
    CALL(SYS_close, 5);
    CALL(SYS_open, AT_PATH, O_RDWR);
    STORE(AT_HEAP + 40 * 4096 - 1, "P", 1);
    CALL(SYS_write, 5, AT_HEAP + 40 * 4096 - 1, 2);
    EXPECT(me->a0 == -1);
    CALL(SYS_read, 5, AT_DATA, 2);
    EXPECT(me->a0 == 2 && holds(me, AT_DATA, "P", 2));
    CALL(SYS_close, 5);

    /* names */
    TEXT("");
    CALL(SYS_open, AT_PATH, O_CREATE);
    EXPECT(me->a0 == -1);
    CALL(SYS_mkdir, AT_PATH);
    EXPECT(me->a0 == -1);
    CALL(SYS_open, AT_PATH, 0);
    EXPECT(me->a0 == 5);
    CALL(SYS_fstat, 5, AT_DATA);
    LOAD(AT_DATA, &stat, sizeof(stat));
    EXPECT(stat.type == T_DIR && stat.ino == 1 && stat.size % 16 == 0);
    CALL(SYS_read, 5, AT_DATA, 16);
    EXPECT(me->a0 == 16 && holds(me, AT_DATA, "\1\0.\0", 4));
    CALL(SYS_close, 5);
    CALL(SYS_open, AT_PATH, O_RDWR);
    EXPECT(me->a0 == -1);
    CALL(SYS_open, AT_PATH, O_TRUNC);
    EXPECT(me->a0 == -1);
    TEXT("dir");
    CALL(SYS_mkdir, AT_PATH);
    EXPECT(me->a0 == 0);
    CALL(SYS_mkdir, AT_PATH);
    EXPECT(me->a0 == -1);
    CALL(SYS_open, AT_PATH, O_CREATE);
    EXPECT(me->a0 == -1);
    CALL(SYS_chdir, AT_PATH);
    EXPECT(me->a0 == 0);
    CALL(SYS_chdir, AT_PATH);
    EXPECT(me->a0 == -1);
    TEXT("../a");
    TEXT_AT(AT_PATH + 200, "b");
    CALL(SYS_link, AT_PATH, AT_PATH + 200);
    EXPECT(me->a0 == 0);
    CALL(SYS_link, AT_PATH, AT_PATH + 200);
    EXPECT(me->a0 == -1);
    CALL(SYS_unlink, AT_PATH);
    EXPECT(me->a0 == 0);
    CALL(SYS_chdir, AT_PATH + 200);
    EXPECT(me->a0 == -1);
    TEXT("../dir/b/c");
    CALL(SYS_open, AT_PATH, 0);
    EXPECT(me->a0 == -1);
    TEXT("../dir");
    CALL(SYS_unlink, AT_PATH);
    EXPECT(me->a0 == -1);
    CALL(SYS_unlink, AT_PATH + 200);
    EXPECT(me->a0 == 0);
    CALL(SYS_unlink, AT_PATH);
    EXPECT(me->a0 == 0);
    TEXT("..");
    CALL(SYS_open, AT_PATH, 0); /* in a directory that is gone */
    EXPECT(me->a0 == -1);
    TEXT("/");
    CALL(SYS_chdir, AT_PATH);
    EXPECT(me->a0 == 0);
    TEXT("device");
    CALL(SYS_mknod, AT_PATH, 65537, 0);
    EXPECT(me->a0 == 0);
    CALL(SYS_open, AT_PATH, O_RDWR | O_TRUNC);
    EXPECT(me->a0 == 5);
    STORE(AT_ZERO, "device says", 11);
    CALL(SYS_write, 5, AT_ZERO, 11);
    EXPECT(me->a0 == 11);
    TEXT("nodriver");
    CALL(SYS_mknod, AT_PATH, 9, 0);
    CALL(SYS_open, AT_PATH, O_RDWR);
    EXPECT(me->a0 == 6);
    CALL(SYS_write, 6, AT_ZERO, 11);
    EXPECT(me->a0 == -1);
    CALL(SYS_close, 6);
    TEXT("nodevice");
    CALL(SYS_mknod, AT_PATH, 10, 0);
    CALL(SYS_open, AT_PATH, O_RDWR);
    EXPECT(me->a0 == -1);

    /* long and broken strings */
    memset(trap, 0, sizeof(*trap));
    me->local[0] = 0x6161616161616161;
    for (me->local[1] = 0; me->local[1] < 17; me->local[1]++) {
        STORE(AT_ZERO + 8 * (u64)me->local[1], &me->local[0], 8);
    }
    CALL(SYS_open, AT_ZERO, O_CREATE);
    EXPECT(me->a0 == -1);
    STORE(AT_ZERO + 127, "", 1); /* 127 characters: fits, and is cut to 14 */
    CALL(SYS_open, AT_ZERO, O_CREATE);
    EXPECT(me->a0 == 6);
    STORE(AT_ZERO + 4094, "xy", 2); /* runs into the guard page */
    CALL(SYS_open, AT_ZERO + 4094, O_CREATE);
    EXPECT(me->a0 == -1);
    CALL(SYS_open, (u64)-1, O_CREATE);
    EXPECT(me->a0 == -1);
    CALL(SYS_open, 0xeaeb0b5b00002f5e, 0);
    EXPECT(me->a0 == -1);
    CALL(SYS_close, 16);
    EXPECT(me->a0 == -1);
    CALL(SYS_close, (u64)-1);
    EXPECT(me->a0 == -1);
    for (me->local[1] = 7; me->local[1] < 16; me->local[1]++) {
        CALL(SYS_dup, 0);
        EXPECT(me->a0 == me->local[1]);
    }
    CALL(SYS_dup, 0);
    EXPECT(me->a0 == -1);
    TEXT("made");
    CALL(SYS_open, AT_PATH, O_CREATE); /* no descriptor is left, but the file is made */
    EXPECT(me->a0 == -1);
    CALL(SYS_close, 15);
    CALL(SYS_pipe, AT_DATA);
    EXPECT(me->a0 == -1);
    CALL(SYS_open, AT_PATH, 0);
    EXPECT(me->a0 == 15);
    EXIT(0);
    SCRIPT_END;
}

static void file_calls(void **state)
{
    (void)state;
    RUN("", {"main", script_files});
    assert_non_null(strstr(world_output, "device says"));
}

static void script_pipes(struct host_program *me, struct port_trap *trap)
{
    SCRIPT_BEGIN;
    CALL(SYS_pipe, AT_TEXT);
    EXPECT(me->a0 == -1);
    CALL(SYS_pipe, 0xeaeb0b5b00002f5e);
    EXPECT(me->a0 == -1);
    CALL(SYS_pipe, AT_DATA);
    EXPECT(me->a0 == 0 && load_int(me, AT_DATA) == 3 && load_int(me, AT_DATA + 4) == 4);
    CALL(SYS_fstat, 3, AT_DATA);
    EXPECT(me->a0 == -1);
    CALL(SYS_read, 4, AT_DATA, 1);
    EXPECT(me->a0 == -1);
    CALL(SYS_write, 3, AT_DATA, 1);
    EXPECT(me->a0 == -1);
    CALL(SYS_write, 4, AT_GUARD, 0); /* no bytes: nothing is looked at */
    EXPECT(me->a0 == 0);
    CALL(SYS_write, 4, AT_GUARD, 10);
    EXPECT(me->a0 == 0);
    STORE(AT_GUARD - 4, "last", 4);
    CALL(SYS_write, 4, AT_GUARD - 4, 10);
    EXPECT(me->a0 == 4);
    CALL(SYS_read, 3, AT_TEXT, 10); /* what cannot be stored stays in the pipe */
    EXPECT(me->a0 == -1);
    CALL(SYS_read, 3, AT_GUARD - 2, 10);
    EXPECT(me->a0 == 2 && holds(me, AT_GUARD - 2, "la", 2));
    CALL(SYS_read, 3, AT_DATA, 10);
    EXPECT(me->a0 == 2 && holds(me, AT_DATA, "st", 2));

    /* more than the pipe holds; the end of the file comes with the last writer's close */
    CALL(SYS_fork);
    if (me->a0 == 0) {
        CALL(SYS_close, 3);
        STORE(AT_DATA, "begin", 5);
        CALL(SYS_write, 4, AT_DATA, 5000);
        EXIT(me->a0);
    }
    CALL(SYS_close, 4);
    me->local[0] = 0;
    do {
        CALL(SYS_read, 3, AT_DATA, 700);
        if (me->local[0] == 0)
            EXPECT(holds(me, AT_DATA, "begin", 5));
        EXPECT(me->a0 >= 0 && me->a0 <= 512);
        me->local[0] += me->a0;
    } while (me->a0 > 0);
    EXPECT(me->local[0] == 5000);
    REAP(5000);

    /* without a reader: -1, also for a writer that waits */
    CALL(SYS_close, 3);
    CALL(SYS_pipe, AT_DATA);
    CALL(SYS_fork);
    if (me->a0 == 0) {
        CALL(SYS_close, 3);
        CALL(SYS_write, 4, AT_DATA, 1000);
        EXIT(me->a0);
    }
    CALL(SYS_pause, 1);
    CALL(SYS_close, 3);
    REAP(-1);
    CALL(SYS_write, 4, AT_DATA, 1);
    EXPECT(me->a0 == -1);
    CALL(SYS_write, 4, AT_DATA, 0);
    EXPECT(me->a0 == 0);
    EXIT(0);
    SCRIPT_END;
}

static void pipes(void **state)
{
    (void)state;
    RUN("", {"main", script_pipes});
}

/* Six victims, each caught elsewhere; then one that is hit while it runs, and one that has ended already. */
static void script_kill(struct host_program *me, struct port_trap *trap)
{
    SCRIPT_BEGIN;
    CALL(SYS_kill, 0);
    EXPECT(me->a0 == -1);
    CALL(SYS_kill, (u64)-1);
    EXPECT(me->a0 == -1);
    CALL(SYS_kill, 1);
    EXPECT(me->a0 == -1);
    CALL(SYS_kill, 77);
    EXPECT(me->a0 == -1);
    CALL(SYS_pipe, AT_DATA);
    for (me->local[0] = 0; me->local[0] < 12; me->local[0]++) {
        CALL(SYS_fork);
        if (me->a0 == 0) {
            if (me->local[0] % 6 == 0)
                CALL(SYS_pause, 1000000);
            if (me->local[0] % 6 == 1)
                CALL(SYS_read, 3, AT_DATA, 1);
            if (me->local[0] % 6 == 2)
                CALL(SYS_write, 4, AT_DATA, 1000);
            if (me->local[0] % 6 == 3)
                CALL(SYS_read, 0, AT_DATA, 1);
            if (me->local[0] % 6 == 4) {
                CALL(SYS_fork);
                if (me->a0 == 0)
                    CALL(SYS_pause, 1000000);
                me->local[1] = me->a0;
                CALL(SYS_wait, 0);
            }
            while (me->local[0] % 6 == 5)
                PAUSE_A_STEP;
            EXIT(4);
        }
        me->local[2] = me->a0;
        if (me->local[0] < 6) /* half of them are hit at once, wherever they are */
            CALL(SYS_pause, 1);
        CALL(SYS_kill, (u64)me->local[2]);
        EXPECT(me->a0 == 0);
        CALL(SYS_wait, AT_ZERO);
        EXPECT(me->a0 == me->local[2]);
        EXPECT(load_int(me, AT_ZERO) == -1);
        if (me->local[0] % 6 == 2) {
            me->local[3] = 0;
            CALL(SYS_fork);
            if (me->a0 == 0) { /* take out what the writer may have put in */
                CALL(SYS_close, 4);
                CALL(SYS_write, 4, AT_DATA, 1);
                EXIT(0);
            }
            CALL(SYS_wait, 0);
            CALL(SYS_close, 3);
            CALL(SYS_close, 4);
            CALL(SYS_pipe, AT_DATA);
            EXPECT(me->a0 == 0);
        }
    }
    CALL(SYS_fork);
    if (me->a0 == 0) {
        CALL(SYS_getpid);
        CALL(SYS_kill, (u64)me->a0);
        EXIT(3);
    }
    REAP(-1);
    CALL(SYS_fork);
    if (me->a0 == 0)
        EXIT(3);
    me->local[2] = me->a0;
    CALL(SYS_pause, 5); /* it has ended by then, also on a busy computer */
    CALL(SYS_kill, (u64)me->local[2]);
    EXPECT(me->a0 == 0);
    REAP(3);

    /* a new process in a killed reader's place reads the console as if nothing had been */
    TEXT("ready");
    CALL(SYS_write, 1, AT_PATH, 5);
    CALL(SYS_fork);
    if (me->a0 == 0) {
        CALL(SYS_read, 0, AT_DATA, 100);
        EXIT(me->a0);
    }
    REAP(5);
    CALL(SYS_kill, 2);
    EXPECT(me->a0 == -1);
    EXIT(0);
    SCRIPT_END;
}

static void killing(void **state)
{
    (void)state;
    /* Nothing is typed until the last reader comes, or an earlier one would take it. */
    RUN("?ready:line\n", {"main", script_kill});
}

static void script_target(struct host_program *me, struct port_trap *trap)
{
    uaddr pointers[4];

    SCRIPT_BEGIN;
    EXPECT(me->a0 == 3 && me->sp == me->a1 && me->sp % 16 == 0);
    LOAD(me->sp, pointers, sizeof(pointers));
    EXPECT(pointers[0] == AT_HEAP - 16 && pointers[3] == 0);
    EXPECT(holds(me, pointers[0], "target", 7));
    EXPECT(holds(me, pointers[1], "", 1));
    EXPECT(holds(me, pointers[2], "third", 6));
    EXPECT(holds(me, AT_DATA + 4095, "Z", 1));
    EXPECT(holds(me, AT_ZERO, "\0\0", 2));
    CALL(SYS_sbrk, 0);
    EXPECT(me->a0 == AT_HEAP);
    CALL(SYS_write, 3, AT_DATA, 1); /* descriptors are inherited */
    EXIT(me->a0 == 1 ? 40 : 41);
    SCRIPT_END;
}

static void script_exec(struct host_program *me, struct port_trap *trap)
{
    static uaddr vector[33];

    SCRIPT_BEGIN;
    TEXT("file");
    CALL(SYS_open, AT_PATH, O_CREATE | O_RDWR);
    EXPECT(me->a0 == 3);
    TEXT_AT(AT_ZERO, "target");
    TEXT_AT(AT_ZERO + 16, "third");
    vector[0] = AT_ZERO;
    vector[1] = AT_ZERO + 6;
    vector[2] = AT_ZERO + 16;
    vector[3] = 0;
    STORE(AT_DATA, vector, 4 * sizeof(uaddr));
    TEXT("/target");
    CALL(SYS_fork);
    if (me->a0 == 0) {
        CALL(SYS_exec, AT_PATH, AT_DATA);
        EXIT(1);
    }
    REAP(40);

    /* refusals, all with the old image intact */
    STORE(AT_ZERO, "still", 6);
    TEXT("missing");
    CALL(SYS_exec, AT_PATH, AT_DATA);
    EXPECT(me->a0 == -1);
    TEXT("file"); /* empty: not a program */
    CALL(SYS_exec, AT_PATH, AT_DATA);
    EXPECT(me->a0 == -1);
    TEXT(".");
    CALL(SYS_exec, AT_PATH, AT_DATA);
    EXPECT(me->a0 == -1);
    TEXT("target");
    CALL(SYS_exec, AT_PATH, 0x800000);
    EXPECT(me->a0 == -1);
    CALL(SYS_exec, AT_PATH, AT_HEAP - 4); /* a slot half inside the size */
    EXPECT(me->a0 == -1);
    CALL(SYS_exec, 0xeaeb0b5b00002f5e, AT_DATA);
    EXPECT(me->a0 == -1);
    vector[0] = 0xffffffff;
    vector[1] = 0;
    STORE(AT_DATA, vector, 2 * sizeof(uaddr));
    CALL(SYS_exec, AT_PATH, AT_DATA);
    EXPECT(me->a0 == -1);
    for (u32 i = 0; i < 33; i++)
        vector[i] = AT_PATH;
    vector[32] = 0;
    STORE(AT_DATA, vector, sizeof(vector)); /* 32 arguments */
    CALL(SYS_exec, AT_PATH, AT_DATA);
    EXPECT(me->a0 == -1);
    EXPECT(holds(me, AT_ZERO, "still", 6));
    CALL(SYS_sbrk, 0);
    EXPECT(me->a0 == AT_HEAP);
    CALL(SYS_fork);
    if (me->a0 == 0) {
        vector[0] = 0;
        STORE(AT_DATA, vector, sizeof(uaddr));
        TEXT("empty");
        CALL(SYS_exec, AT_PATH, AT_DATA); /* no arguments at all are accepted */
        EXIT(1);
    }
    REAP(-1);
    EXIT(0);
    SCRIPT_END;
}

/* Its entry has no script: it dies at once. */
static void execing(void **state)
{
    (void)state;
    RUN("", {"main", script_exec}, {"target", script_target}, {"empty", NULL});
    assert_non_null(strstr(world_output, "usertrap(): unexpected scause 0x2 pid="));
}

static void script_console(struct host_program *me, struct port_trap *trap)
{
    struct stat stat;

    SCRIPT_BEGIN;
    CALL(SYS_fstat, 0, AT_DATA);
    LOAD(AT_DATA, &stat, sizeof(stat));
    EXPECT(stat.type == T_DEVICE);
    CALL(SYS_read, 0, AT_DATA, 100);
    EXPECT(me->a0 == 6 && holds(me, AT_DATA, "hello\n", 6));
    CALL(SYS_read, 0, AT_DATA, 1);
    EXPECT(me->a0 == 1 && holds(me, AT_DATA, "a", 1));
    CALL(SYS_read, 0, AT_GUARD - 1, 5); /* one byte stored, the next one lost */
    EXPECT(me->a0 == 1 && holds(me, AT_GUARD - 1, "b", 1));
    CALL(SYS_read, 0, AT_DATA, 100);
    EXPECT(me->a0 == 2 && holds(me, AT_DATA, "d\n", 2));
    CALL(SYS_read, 0, AT_DATA, 100);
    EXPECT(me->a0 == 0);
    CALL(SYS_read, 0, AT_DATA, (u64)-1);
    EXPECT(me->a0 == 0);
    CALL(SYS_write, 1, AT_GUARD, 10);
    EXPECT(me->a0 == 0);
    STORE(AT_GUARD - 4, "good", 4);
    CALL(SYS_write, 1, AT_GUARD - 4, 8);
    EXPECT(me->a0 == 4);
    CALL(SYS_write, 1, AT_GUARD, 0);
    EXPECT(me->a0 == 0);
    /* ^P comes when this process has been in wait() for a while: its state is known then */
    CALL(SYS_fork);
    if (me->a0 == 0) {
        CALL(SYS_pause, 2);
        test_uart_type_text("\020");
        EXPECT(test_uart_wait_for(" main\n"));
        EXIT(0);
    }
    REAP(0);
    EXIT(0);
    SCRIPT_END;
}

static void console_device(void **state)
{
    (void)state;
    RUN("hello\nabcd\n\004", {"main", script_console});
    assert_non_null(strstr(world_output, "good"));
    assert_non_null(strstr(world_output, "\n1 sleep  main (a child)\n"));
}

static void script_xmap(struct host_program *me, struct port_trap *trap)
{
    static xmap_region_t region;

    SCRIPT_BEGIN;
    CALL(SYS_xmap_usage, AT_DATA);
    LOAD(AT_DATA, &me->local[1], 8);
    CALL(SYS_xmap_reserve, 0, AT_DATA);
    EXPECT(me->a0 == XMAP_EINVAL);
    CALL(SYS_xmap_reserve, 8192, AT_TEXT);
    EXPECT(me->a0 == XMAP_EINVAL);
    CALL(SYS_xmap_reserve, 0xfffffffffffffff0, AT_DATA);
    EXPECT(me->a0 == XMAP_ENOMEM);
    CALL(SYS_xmap_reserve, 8000, AT_DATA);
    EXPECT(me->a0 == 0);
    LOAD(AT_DATA, &region, sizeof(region));
    EXPECT(region.length == 8192 && region.prot == 0 && region.start % 4096 == 0);
    me->local[0] = (s64)region.start;
    CALL(SYS_xmap_unmap, AT_DATA);
    EXPECT(me->a0 == XMAP_EUNMAPPED);
    CALL(SYS_xmap_map, AT_DATA, 16 | XMAP_READ);
    EXPECT(me->a0 == XMAP_EINVAL);
    CALL(SYS_xmap_map, AT_DATA, 0);
    EXPECT(me->a0 == XMAP_EINVAL);
    CALL(SYS_xmap_map, AT_DATA, XMAP_READ | XMAP_WRITE);
    EXPECT(me->a0 == 0);
    LOAD(AT_DATA, &region, sizeof(region));
    EXPECT(region.prot == (XMAP_READ | XMAP_WRITE));
    STORE((u64)me->local[0], "value", 6);
    CALL(SYS_xmap_map, AT_DATA, XMAP_READ | XMAP_WRITE);
    EXPECT(me->a0 == XMAP_EMAPPED);
    EXPECT(holds(me, (u64)me->local[0], "value", 6));
    CALL(SYS_xmap_query, (u64)me->local[0] + 5000, AT_ZERO);
    EXPECT(me->a0 == 0);
    LOAD(AT_ZERO, &region, sizeof(region));
    EXPECT(region.start == (u64)me->local[0] && region.prot == (XMAP_READ | XMAP_WRITE));
    CALL(SYS_xmap_query, 0x1000000, AT_ZERO);
    EXPECT(me->a0 == XMAP_EINVAL);
    CALL(SYS_xmap_protect, AT_DATA, XMAP_READ);
    EXPECT(me->a0 == 0);
    CALL(SYS_read, 0, (u64)me->local[0], 0);
    CALL(SYS_xmap_protect, AT_DATA, 0);
    EXPECT(me->a0 == XMAP_EINVAL);

    /* the program's own memory is not for these calls, nor theirs for sbrk */
    region = (xmap_region_t){.start = AT_STACK, .length = 4096};
    STORE(AT_ZERO, &region, sizeof(region));
    CALL(SYS_xmap_unmap, AT_ZERO);
    EXPECT(me->a0 == XMAP_EINVAL);
    CALL(SYS_xmap_reserve_at, AT_ZERO);
    EXPECT(me->a0 == XMAP_EOVERLAP);
    region.start = AT_GUARD;
    STORE(AT_ZERO, &region, sizeof(region));
    CALL(SYS_xmap_reserve_at, AT_ZERO);
    EXPECT(me->a0 == XMAP_EOVERLAP);
    region.start = AT_HEAP + 4096;
    STORE(AT_ZERO, &region, sizeof(region));
    CALL(SYS_xmap_reserve_at, AT_ZERO);
    EXPECT(me->a0 == 0);
    CALL(SYS_sbrk, 8192);
    EXPECT(me->a0 == -1);
    CALL(SYS_sbrk, 4096);
    EXPECT(me->a0 == AT_HEAP);
    CALL(SYS_xmap_map, AT_ZERO, XMAP_READ | XMAP_WRITE | XMAP_LAZY);
    EXPECT(me->a0 == 0);
    STORE(AT_HEAP + 4096, "lazy", 5);
    CALL(SYS_xmap_release, AT_ZERO);
    EXPECT(me->a0 == 0);
    CALL(SYS_xmap_release, AT_ZERO);
    EXPECT(me->a0 == XMAP_EINVAL);
    CALL(SYS_sbrk, -4096);
    CALL(SYS_xmap_release, AT_DATA);
    EXPECT(me->a0 == 0);
    CALL(SYS_xmap_usage, AT_TEXT);
    EXPECT(me->a0 == XMAP_EINVAL);

    TEXT("xmap:double-map");
    CALL(SYS_fault_arm, AT_PATH, 0, 0);
    EXPECT(me->a0 == 0);
    CALL(SYS_fault_arm, AT_PATH, (u64)-1, 0);
    EXPECT(me->a0 == -1);
    TEXT("xmap:no-such");
    CALL(SYS_fault_arm, AT_PATH, 1, 0);
    EXPECT(me->a0 == -1);
    CALL(SYS_power_off, 0);
    SCRIPT_END;
}

static void xmap_calls(void **state)
{
    (void)state;
    RUN("", {"main", script_xmap});
}

/* Lists end, bad pointers are told; what is part of the system itself cannot be steered. */
static void script_control(struct host_program *me, struct port_trap *trap)
{
    static struct service_status service;
    static struct fault_status fault;
    static struct process_status self;

    SCRIPT_BEGIN;
    CALL(SYS_service_info, 2, AT_DATA);
    EXPECT(me->a0 == 0);
    LOAD(AT_DATA, &service, sizeof(service));
    EXPECT(strcmp(service.name, "fs") == 0 && service.state == SERVICE_IN_KERNEL);
    CALL(SYS_service_info, 2, AT_TEXT);
    EXPECT(me->a0 == CONTROL_EINVAL);
    CALL(SYS_service_info, 5, AT_DATA);
    EXPECT(me->a0 == CONTROL_EINVAL);
    CALL(SYS_service_info, (u64)-1, AT_DATA);
    EXPECT(me->a0 == CONTROL_EINVAL);
    CALL(SYS_service_control, 2, SERVICE_RESTART, 0);
    EXPECT(me->a0 == CONTROL_EKERNEL);
    CALL(SYS_service_control, 2, SERVICE_VERBS, 0);
    EXPECT(me->a0 == CONTROL_EINVAL);
    CALL(SYS_service_control, 2, SERVICE_HOLD, SERVICE_HOLD_MAX + 1);
    EXPECT(me->a0 == CONTROL_EINVAL);
    CALL(SYS_service_control, 5, SERVICE_RELEASE, 0);
    EXPECT(me->a0 == CONTROL_EINVAL);

    TEXT("xmap:double-map");
    CALL(SYS_fault_arm, AT_PATH, 7, 1);
    CALL(SYS_fault_info, 20, AT_DATA);
    EXPECT(me->a0 == 0);
    LOAD(AT_DATA, &fault, sizeof(fault));
    EXPECT(strcmp(fault.service, "xmap") == 0 && strcmp(fault.name, "double-map") == 0);
    EXPECT(fault.left == 7 && fault.always == 1 && fault.fired == 0);
    EXPECT(strcmp(fault.mono, "machine-down") == 0 && strcmp(fault.micro, "error") == 0);
    CALL(SYS_fault_info, 1000, AT_DATA);
    EXPECT(me->a0 == CONTROL_EINVAL);
    CALL(SYS_fault_info, 0, AT_TEXT);
    EXPECT(me->a0 == CONTROL_EINVAL);

    CALL(SYS_process_info, 0, AT_DATA);
    EXPECT(me->a0 == 0);
    LOAD(AT_DATA, &self, sizeof(self));
    EXPECT(self.pid == 1 && self.parent == 0 && self.state == PROGRAM_RUNS && self.wait == PROGRAM_NO_WAIT);
    EXPECT(strcmp(self.name, "main") == 0 && self.memory >= AT_HEAP);
    CALL(SYS_process_info, 1, AT_DATA);
    LOAD(AT_DATA, &self, sizeof(self));
    EXPECT(me->a0 == 0 && self.pid == 0);
    CALL(SYS_process_info, PORT_PROGRAMS, AT_DATA);
    EXPECT(me->a0 == CONTROL_EINVAL);
    CALL(SYS_process_info, 0, AT_TEXT);
    EXPECT(me->a0 == CONTROL_EINVAL);
    CALL(SYS_power_off, 0);
    SCRIPT_END;
}

static void control_calls(void **state)
{
    (void)state;
    RUN("", {"main", script_control});
}

/* Forks until refused; then exactly so many are reaped. Orphans end without anybody's help. Nothing leaks. */
static void script_forks(struct host_program *me, struct port_trap *trap)
{
    SCRIPT_BEGIN;
    CALL(SYS_xmap_usage, AT_DATA);
    LOAD(AT_DATA, &me->local[5], 8);
    for (me->local[4] = 0; me->local[4] < 3; me->local[4]++) {
        for (me->local[0] = 0;; me->local[0]++) {
            CALL(SYS_fork);
            if (me->a0 == 0)
                EXIT(0);
            if (me->a0 < 0)
                break;
        }
        EXPECT(me->local[0] == 63);
        for (; me->local[0] > 0; me->local[0]--) {
            REAP(0);
        }
        CALL(SYS_wait, 0);
        EXPECT(me->a0 == -1);
    }
    for (me->local[0] = 0; me->local[0] < 40; me->local[0]++) {
        CALL(SYS_fork);
        if (me->a0 == 0) {
            CALL(SYS_fork);
            CALL(SYS_fork);
            EXIT(0);
        }
        EXPECT(me->a0 > 0);
        REAP(0);
        CALL(SYS_wait, 0);
        EXPECT(me->a0 == -1);
    }
    for (me->local[0] = 0; me->local[0] < 50; me->local[0]++) {
        CALL(SYS_pause, 1);
        CALL(SYS_xmap_usage, AT_DATA);
        LOAD(AT_DATA, &me->local[6], 8);
        if (me->local[6] == me->local[5])
            EXIT(0);
    }
    EXIT(1);
    SCRIPT_END;
}

static void forking(void **state)
{
    (void)state;
    RUN("", {"main", script_forks});
}

/* Takes all memory, then forks and executes with little of it left: refusals, no deaths. */
static void script_starving(struct host_program *me, struct port_trap *trap)
{
    uaddr vector[2] = {AT_ZERO, 0};

    SCRIPT_BEGIN;
    CALL(SYS_xmap_usage, AT_DATA);
    LOAD(AT_DATA, &me->local[5], 8);
    TEXT_AT(AT_ZERO, "empty");
    for (me->local[0] = 0; me->local[0] < 15; me->local[0]++) {
        CALL(SYS_fork);
        if (me->a0 == 0) {
            STORE(AT_DATA, vector, sizeof(vector));
            do {
                CALL(SYS_sbrk, 4096);
            } while (me->a0 != -1);
            for (me->local[1] = 0; me->local[1] < me->local[0]; me->local[1]++)
                CALL(SYS_sbrk, -4096);
            CALL(SYS_exec, AT_ZERO, AT_DATA);
            EXPECT(me->a0 == -1);
            EXIT(2);
        }
        CALL(SYS_wait, AT_DATA);
        EXPECT(load_int(me, AT_DATA) == 2 || load_int(me, AT_DATA) == -1);
        CALL(SYS_xmap_usage, AT_DATA);
        LOAD(AT_DATA, &me->local[6], 8);
        EXPECT(me->local[6] == me->local[5]);
    }
    EXIT(0);
    SCRIPT_END;
}

static void starving(void **state)
{
    (void)state;
    world_frames = 200;
    RUN("", {"main", script_starving}, {"empty", NULL});
    world_frames = 0;
}

/* Four processes on one descriptor: no write is lost or torn. Names come and go under several hands. */
static void script_sharing(struct host_program *me, struct port_trap *trap)
{
    struct stat stat;

    SCRIPT_BEGIN;
    TEXT("shared");
    CALL(SYS_open, AT_PATH, O_CREATE | O_RDWR);
    EXPECT(me->a0 == 3);
    for (me->local[0] = 0; me->local[0] < 4; me->local[0]++) {
        CALL(SYS_fork);
        if (me->a0 == 0) {
            for (me->local[1] = 0; me->local[1] < 200; me->local[1]++) {
                CALL(SYS_write, 3, AT_DATA, 10);
                EXPECT(me->a0 == 10);
            }
            TEXT("contested");
            for (me->local[1] = 0; me->local[1] < 100; me->local[1]++) {
                CALL(SYS_open, AT_PATH, O_CREATE | O_RDWR);
                EXPECT(me->a0 == 4);
                CALL(SYS_close, 4);
                CALL(SYS_unlink, AT_PATH);
            }
            EXIT(0);
        }
    }
    for (me->local[0] = 0; me->local[0] < 4; me->local[0]++) {
        CALL(SYS_wait, AT_DATA);
        EXPECT(load_int(me, AT_DATA) == 0);
    }
    CALL(SYS_fstat, 3, AT_DATA);
    LOAD(AT_DATA, &stat, sizeof(stat));
    EXPECT(stat.size == 8000);
    EXIT(0);
    SCRIPT_END;
}

static void sharing(void **state)
{
    (void)state;
    RUN("", {"main", script_sharing});
}

/* A buffer that a program uses again and again stays pinned (user_copy.c). Whatever happens to its page
 * between two uses, the second sees the page that is there then. */
static void script_buffers(struct host_program *me, struct port_trap *trap)
{
    static xmap_region_t region;

    SCRIPT_BEGIN;
    CALL(SYS_pipe, AT_ZERO); /* 3 to read, 4 to write */
    EXPECT(me->a0 == 0);
    CALL(SYS_xmap_usage, AT_ZERO);
    LOAD(AT_ZERO + 16, &me->local[1], 8); /* committed: page tables do not count */

    /* used for reading while it is shared, then written: in turn 0 by the child, in turn 1 by the parent */
    for (me->local[0] = 0; me->local[0] < 2; me->local[0]++) {
        STORE(AT_DATA, "old", 4);
        CALL(SYS_fork);
        me->local[2] = me->a0;
        if ((me->local[2] == 0) == (me->local[0] == 0)) {
            CALL(SYS_write, 4, AT_DATA, 4);
            STORE(AT_DATA, "new", 4);
            CALL(SYS_write, 4, AT_DATA, 4);
            CALL(SYS_read, 3, AT_ZERO, 8);
            EXPECT(me->a0 == 8 && holds(me, AT_ZERO, "old\0new", 8));
        } else if (me->local[2] == 0) {
            CALL(SYS_pause, 1);
            EXPECT(holds(me, AT_DATA, "old", 4));
        }
        if (me->local[2] == 0)
            EXIT(0);
        CALL(SYS_wait, AT_ZERO);
        EXPECT(load_int(me, AT_ZERO) == 0);
        EXPECT(holds(me, AT_DATA, me->local[0] == 0 ? "old" : "new", 4));
    }

    /* used for writing, then shared: the child's page is its own */
    CALL(SYS_write, 4, AT_DATA, 4);
    CALL(SYS_read, 3, AT_DATA, 4);
    CALL(SYS_fork);
    if (me->a0 == 0) {
        CALL(SYS_pause, 1);
        EXPECT(holds(me, AT_DATA, "new", 4));
        EXIT(0);
    }
    STORE(AT_ZERO, "end", 4);
    CALL(SYS_write, 4, AT_ZERO, 4);
    CALL(SYS_read, 3, AT_DATA, 4);
    CALL(SYS_wait, AT_ZERO);
    EXPECT(load_int(me, AT_ZERO) == 0);
    EXPECT(holds(me, AT_DATA, "end", 4));

    /* gone with its region, and there again as a new page */
    CALL(SYS_xmap_reserve, 4096, AT_STACK);
    CALL(SYS_xmap_map, AT_STACK, XMAP_READ | XMAP_WRITE);
    LOAD(AT_STACK, &region, sizeof(region));
    me->local[3] = (s64)region.start;
    CALL(SYS_write, 4, AT_DATA, 16);
    CALL(SYS_read, 3, (u64)me->local[3], 4);
    EXPECT(me->a0 == 4);
    CALL(SYS_xmap_unmap, AT_STACK);
    CALL(SYS_read, 3, (u64)me->local[3], 4);
    EXPECT(me->a0 == -1);
    CALL(SYS_xmap_map, AT_STACK, XMAP_READ | XMAP_WRITE);
    CALL(SYS_read, 3, (u64)me->local[3], 4);
    EXPECT(me->a0 == 4);
    CALL(SYS_xmap_protect, AT_STACK, XMAP_READ);
    CALL(SYS_read, 3, (u64)me->local[3], 4);
    EXPECT(me->a0 == -1);
    CALL(SYS_write, 4, (u64)me->local[3], 4);
    EXPECT(me->a0 == 4);
    CALL(SYS_xmap_release, AT_STACK);
    EXPECT(me->a0 == 0);
    CALL(SYS_write, 4, (u64)me->local[3], 4);
    EXPECT(me->a0 == 0);

    /* gone with the heap, and there again as a new page */
    CALL(SYS_sbrk, 4096);
    EXPECT(me->a0 == AT_HEAP);
    CALL(SYS_read, 3, AT_HEAP, 4);
    EXPECT(me->a0 == 4);
    CALL(SYS_sbrk, -4096);
    CALL(SYS_read, 3, AT_HEAP, 4);
    EXPECT(me->a0 == -1);
    CALL(SYS_sbrk, 4096);
    CALL(SYS_write, 4, AT_HEAP, 4);
    CALL(SYS_read, 3, AT_ZERO, 512);
    EXPECT(me->a0 == 12 && holds(me, AT_ZERO + 8, "\0\0\0", 4));
    CALL(SYS_sbrk, -4096);

    /* and nothing is left behind */
    CALL(SYS_xmap_usage, AT_ZERO);
    LOAD(AT_ZERO + 16, &me->local[4], 8);
    EXPECT(me->local[4] == me->local[1]);
    EXIT(0);
    SCRIPT_END;
}

static void buffers(void **state)
{
    (void)state;
    RUN("", {"main", script_buffers});
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(path_components), cmocka_unit_test(argument_places), cmocka_unit_test(processes),
        cmocka_unit_test(exit_codes),      cmocka_unit_test(memory),          cmocka_unit_test(file_calls),
        cmocka_unit_test(pipes),           cmocka_unit_test(killing),         cmocka_unit_test(execing),
        cmocka_unit_test(console_device),  cmocka_unit_test(xmap_calls),      cmocka_unit_test(forking),
        cmocka_unit_test(starving),        cmocka_unit_test(sharing),         cmocka_unit_test(control_calls),
        cmocka_unit_test(buffers),
    };

    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests_name("unix", tests, NULL, NULL);
}
