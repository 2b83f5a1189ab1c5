/* Pipes [1.4, read, write, pipe]. */
#include "user/systest/systest.h"

#define PIPE_SIZE 512

static int ends[2];

static void make_pipe(void)
{
    equal(pipe(ends), 0, "pipe");
}

/* Bytes come out as they went in, also when the ring's end lies in the middle
 * of a piece. */
static void pipe_keeps_order(void)
{
    u8 in = 0;
    u8 out = 0;
    make_pipe();
    for (u32 round = 0; round < 60; round++) {
        u32 length = 1 + round * 37 % PIPE_SIZE;
        u32 got = 0;
        for (u32 i = 0; i < length; i++)
            buffer[i] = (char)in++;
        equal(write(ends[1], buffer, (int)length), length, "write");
        while (got < length) {
            int n = read(ends[0], buffer, 1 + (int)round);
            require(n > 0, "read");
            for (int i = 0; i < n; i++)
                equal((u8)buffer[i], out++, "a byte from the pipe");
            got += (u32)n;
        }
    }
}

static void write_much(u64 length)
{
    close(ends[0]);
    for (u64 i = 0; i < length; i++)
        buffer[i] = (char)(i * 7);
    equal(write(ends[1], buffer, (int)length), (s64)length, "write of more than a pipe holds");
}

/* A write ends only when all is in, a read as soon as there is something; then
 * the end of the file. */
static void pipe_blocks_writer(void)
{
    u32 got = 0;
    int pid;
    make_pipe();
    pid = spawn(write_much, 5000);
    close(ends[1]);
    for (;;) {
        int n = read(ends[0], buffer + 8000, 8000);
        if (n == 0)
            break;
        require(n > 0 && n <= PIPE_SIZE, "read gives what is there");
        for (int i = 0; i < n; i++)
            equal(buffer[8000 + i], (char)((got + (u32)i) * 7), "a byte from the pipe");
        got += (u32)n;
    }
    equal(got, 5000, "bytes read");
    equal(read(ends[0], buffer, 1), 0, "read at the end, again");
    equal(end_of(pid), 0, "the writer's status");
}

/* A write of exactly its size does not block. */
static void pipe_holds_512(void)
{
    make_pipe();
    equal(write(ends[1], buffer, PIPE_SIZE), PIPE_SIZE, "write of 512");
    equal(read(ends[0], buffer, 2000), PIPE_SIZE, "read of all");
}

static void wrong_ends(void)
{
    make_pipe();
    equal(read(ends[1], buffer, 1), -1, "read of the write end");
    equal(write(ends[0], buffer, 1), -1, "write of the read end");
}

/* Nobody can read: -1, also if a part went in before; for nothing nobody looks
 * [1.4]. */
static void close_after_reading(u64 unused)
{
    (void)unused;
    close(ends[1]);
    equal(read(ends[0], buffer, 100), 100, "read");
    pause(1);
}

static void no_reader(void)
{
    int pid;
    make_pipe();
    close(ends[0]);
    equal(write(ends[1], "x", 1), -1, "write without a reader");
    equal(write(ends[1], "x", 0), 0, "write of nothing without a reader");
    equal(write(ends[1], "x", -1), 0, "write of -1 bytes without a reader");
    close(ends[1]);
    make_pipe();
    pid = spawn(close_after_reading, 0);
    close(ends[0]);
    equal(write(ends[1], buffer, 2000), -1, "write whose reader goes away");
    equal(end_of(pid), 0, "the reader's status");
}

static void write_later(u64 unused)
{
    (void)unused;
    pause(2);
    equal(write(ends[1], "x", 1), 1, "write");
}

/* A read of nothing waits all the same until there is something, and takes
 * nothing. */
static void read_of_nothing(void)
{
    int begin = uptime();
    int pid;
    make_pipe();
    pid = spawn(write_later, 0);
    equal(read(ends[0], buffer, 0), 0, "read of nothing");
    require(uptime() - begin >= 2, "it waited for a byte");
    equal(read(ends[0], buffer, -1), 0, "read of -1 bytes");
    equal(read(ends[0], buffer, 5), 1, "read");
    equal(end_of(pid), 0, "the writer's status");
    close(ends[1]);
    equal(read(ends[0], buffer, 0), 0, "read of nothing at the end");
}

static void hold_write_end(u64 unused)
{
    (void)unused;
    close(ends[0]);
    pause(3);
}

/* The end of the file comes when the last copy of the write end is closed,
 * wherever that is [11 point 32]. */
static void end_of_file(void)
{
    int begin = uptime();
    int pid;
    make_pipe();
    pid = spawn(hold_write_end, 0);
    close(ends[1]);
    equal(read(ends[0], buffer, 1), 0, "read");
    require(uptime() - begin >= 3, "it waited for the other process");
    equal(end_of(pid), 0, "the other process's status");
}

static void exit_at_once(u64 unused)
{
    (void)unused;
}

/* A process's files are closed before it can be waited for. */
static void exit_closes(void)
{
    for (u32 i = 0; i < 20; i++) {
        int pid;
        make_pipe();
        pid = spawn(exit_at_once, 0);
        close(ends[1]);
        equal(end_of(pid), 0, "the child's status");
        equal(read(ends[0], buffer, 1), 0, "read");
        close(ends[0]);
    }
}

#define WRITERS 4u
#define RECORDS 60u

static void write_records(u64 number)
{
    close(ends[0]);
    for (u32 i = 0; i < RECORDS; i++) {
        char byte = (char)number;
        equal(write(ends[1], &byte, 1), 1, "write");
    }
}

/* Many writers: every byte arrives, once. */
static void many_writers(void)
{
    static u32 seen[WRITERS];
    char byte;
    make_pipe();
    for (u64 i = 0; i < WRITERS; i++)
        spawn(write_records, i);
    close(ends[1]);
    while (read(ends[0], &byte, 1) == 1) {
        require((u8)byte < WRITERS, "the byte is one of those written");
        seen[(u8)byte]++;
    }
    for (u32 i = 0; i < WRITERS; i++) {
        int status;
        require(wait(&status) > 0 && status == 0, "the writer's status");
        equal(seen[i], RECORDS, "bytes of a writer");
    }
}

const struct test pipe_tests[] = {
    {"pipe-keeps-order", pipe_keeps_order, NEEDS_NOTHING},
    {"pipe-blocks-writer", pipe_blocks_writer, NEEDS_NOTHING},
    {"pipe-holds-512", pipe_holds_512, NEEDS_NOTHING},
    {"wrong-ends", wrong_ends, NEEDS_NOTHING},
    {"no-reader", no_reader, NEEDS_NOTHING},
    {"read-of-nothing", read_of_nothing, NEEDS_NOTHING},
    {"end-of-file", end_of_file, NEEDS_NOTHING},
    {"exit-closes", exit_closes, NEEDS_NOTHING},
    {"many-writers", many_writers, NEEDS_NOTHING},
    {NULL, NULL, 0},
};
