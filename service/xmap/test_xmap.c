/*
 * Unit tests of the xmap core on the host: each operation, its errors, sharing, exhaustion, deaths, damage.
 *
 * After every test the invariants of xmap_check() hold, and when its spaces are gone all frames are free
 * again.
 */
#include "placement/host/host.h"
#include "placement/host/vspace.h"
#include "port/fault.h"
#include "service/xmap/state.h"
#include "service/xmap/test_model.h"
/* cmocka.h wants these four before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE    PAGE_SIZE
#define PROGRAM XMAP_KIND_PROGRAM
#define CALL    XMAP_KIND_CALL
#define R       XMAP_RIGHT_READ
#define W       XMAP_RIGHT_WRITE
#define X       XMAP_RIGHT_EXEC
#define NOW     XMAP_FILL_NOW
#define LAZY    XMAP_FILL_LAZY
#define FRAMES  256u

#define assert_err(call, err) assert_string_equal(err_text(call), err_text(err))
#define assert_ok(call)       assert_err(call, ERR_OK)

static int set_up(void **state)
{
    (void)state;
    host_reset();
    host_vspace_reset(FRAMES);
    host_log_quiet = true;
    return xmap_start() == ERR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    u64 free_now, total, committed;
    (void)state;
    host_vspace_fail(0, 0);
    host_death_after(0);
    const char *broken = xmap_check();
    for (u64 space = 0; space < PORT_SPACES; space++)
        (void)xmap_space_destroy(space);
    if (broken == NULL)
        broken = xmap_check();
    if (broken != NULL)
        fprintf(stderr, "broken: %s\n", broken);
    (void)xmap_usage(&free_now, &total, &committed);
    return broken == NULL && free_now == FRAMES && total == FRAMES && committed == 0 ? 0 : -1;
}

/* ---- Helpers ---- */

static u64 create(void)
{
    u64 space;
    assert_ok(xmap_space_create(&space));
    return space;
}

static u64 fork_of(u64 parent)
{
    u64 child;
    assert_ok(xmap_space_fork(parent, &child));
    return child;
}

static void map_at(u64 space, u64 start, u64 pages, u64 rights, u64 fill)
{
    u64 got;
    assert_ok(xmap_reserve(space, start, pages * PAGE, PROGRAM, &got));
    assert_int_equal(got, start);
    assert_ok(xmap_map(space, start, PROGRAM, rights, fill));
}

static u64 free_frames(void)
{
    u64 free_now, total, committed;
    assert_ok(xmap_usage(&free_now, &total, &committed));
    return free_now;
}

static u64 committed_frames(void)
{
    u64 free_now, total, committed;
    assert_ok(xmap_usage(&free_now, &total, &committed));
    assert_true(committed <= total);
    return committed;
}

/* As a program would: the fault first, if the page does not allow the store. */
static enum err store(u64 space, u64 address, u8 value)
{
    u32 frame, rights;
    if (port_lookup((u32)space, round_down(address, PAGE), &frame, &rights) != ERR_OK ||
        !(rights & PORT_WRITE)) {
        enum err err = xmap_fault(space, address, W);
        if (err != ERR_OK)
            return err;
    }
    assert_ok(port_lookup((u32)space, round_down(address, PAGE), &frame, &rights));
    assert_true(rights & PORT_WRITE);
    ((u8 *)port_frame_bytes(frame))[address % PAGE] = value;
    return ERR_OK;
}

static u8 load(u64 space, u64 address)
{
    u32 frame, rights;
    if (port_lookup((u32)space, round_down(address, PAGE), &frame, &rights) != ERR_OK)
        assert_ok(xmap_fault(space, address, R));
    assert_ok(port_lookup((u32)space, round_down(address, PAGE), &frame, &rights));
    return ((u8 *)port_frame_bytes(frame))[address % PAGE];
}

static u32 frame_at(u64 space, u64 address)
{
    u32 frame = XMAP_NO_FRAME, rights;
    (void)port_lookup((u32)space, address, &frame, &rights);
    return frame;
}

static u32 rights_at(u64 space, u64 address)
{
    u32 frame, rights = ~0u;
    (void)port_lookup((u32)space, address, &frame, &rights);
    return rights;
}

static void assert_region(u64 space, u64 address, u64 start, u64 size, u64 kind, u64 rights, u64 mapped,
                          u64 fill)
{
    u64 got_start, got_size, got_state;
    assert_ok(xmap_query(space, address, &got_start, &got_size, &got_state));
    assert_int_equal(got_start, start);
    assert_int_equal(got_size, size);
    assert_int_equal(got_state, kind | rights << 8 | mapped << 16 | fill << 24);
}

static void assert_no_region(u64 space, u64 address)
{
    u64 start, size, state;
    assert_err(xmap_query(space, address, &start, &size, &state), ERR_NOT_FOUND);
}

/* Runs `body` in a process of its own; it must die by `signal` (0: or be ended by a sanitizer), and say
 * `text`. */
static void assert_dies(void (*body)(void), int signal, const char *text)
{
    int ends[2];
    char said[4096] = "";
    int status;

    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        (void)!freopen("/dev/null", "w", stdout);
        struct sigaction plain = {.sa_handler = SIG_DFL};
        sigaction(SIGSEGV, &plain, NULL);
        sigaction(SIGABRT, &plain, NULL);
        body();
        _exit(0);
    }
    close(ends[1]);
    for (size_t length = 0; length < sizeof said - 1;) {
        ssize_t n = read(ends[0], said + length, sizeof said - 1 - length);
        if (n <= 0)
            break;
        length += (size_t)n;
    }
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_not_equal(status, 0);
    if (signal != 0)
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == signal);
    assert_non_null(strstr(said, text));
}

static u64 random_state;

static u8 random_byte(void)
{
    random_state = random_state * 6364136223846793005ul + 1442695040888963407ul;
    return (u8)(random_state >> 56);
}

/* ---- Regions ---- */

static void test_reserve(void **state)
{
    (void)state;
    u64 s = create(), at;
    u64 before = free_frames();

    assert_err(xmap_reserve(PORT_SPACES, 0, PAGE, CALL, &at), ERR_NOT_FOUND);
    assert_err(xmap_reserve(s + 1, 0, PAGE, CALL, &at), ERR_NOT_FOUND);
    assert_err(xmap_reserve(s, 0, 0, CALL, &at), ERR_RANGE);
    assert_err(xmap_reserve(s, 1, PAGE, CALL, &at), ERR_ALIGN);
    assert_err(xmap_reserve(s, 0, PAGE + 1, CALL, &at), ERR_ALIGN);
    assert_err(xmap_reserve(s, PORT_USER_END, PAGE, CALL, &at), ERR_RANGE);
    assert_err(xmap_reserve(s, PORT_USER_END - PAGE, 2 * PAGE, CALL, &at), ERR_RANGE);
    assert_err(xmap_reserve(s, PAGE, ~0ul << PAGE_SHIFT, CALL, &at), ERR_RANGE);
    assert_err(xmap_reserve(s, ~0ul << PAGE_SHIFT, PAGE, CALL, &at), ERR_RANGE);
    assert_err(xmap_reserve(s, 0, PAGE, 2, &at), ERR_ARGUMENT);
    assert_err(xmap_reserve(s, 0, PORT_USER_END, CALL, &at), ERR_NO_MEMORY);

    /* calls: 0 is anywhere, at the top, a page between neighbours and below the end */
    assert_ok(xmap_reserve(s, XMAP_ANYWHERE, 3 * PAGE, CALL, &at));
    assert_int_equal(at, PORT_USER_END - 4 * PAGE);
    assert_ok(xmap_reserve(s, XMAP_ANYWHERE, PAGE, CALL, &at));
    assert_int_equal(at, PORT_USER_END - 6 * PAGE);
    assert_ok(xmap_release(s, PORT_USER_END - 4 * PAGE, CALL));
    assert_ok(xmap_reserve(s, XMAP_ANYWHERE, 2 * PAGE, CALL, &at));
    assert_int_equal(at, PORT_USER_END - 3 * PAGE);

    /* the program: 0 is an address */
    assert_ok(xmap_reserve(s, 0, 2 * PAGE, PROGRAM, &at));
    assert_int_equal(at, 0);
    assert_err(xmap_reserve(s, 0, PAGE, PROGRAM, &at), ERR_OVERLAP);
    assert_err(xmap_reserve(s, PAGE, PAGE, PROGRAM, &at), ERR_OVERLAP);
    assert_ok(xmap_reserve(s, 4 * PAGE, 2 * PAGE, PROGRAM, &at));
    assert_err(xmap_reserve(s, 3 * PAGE, 2 * PAGE, CALL, &at), ERR_OVERLAP);
    assert_err(xmap_reserve(s, PAGE, 9 * PAGE, CALL, &at), ERR_OVERLAP);
    assert_ok(xmap_reserve(s, 2 * PAGE, 2 * PAGE, CALL, &at));
    assert_region(s, 3 * PAGE + 5, 2 * PAGE, 2 * PAGE, CALL, 0, 0, NOW);
    assert_no_region(s, 6 * PAGE);
    assert_no_region(s, PORT_USER_END);
    assert_no_region(s, ~0ul);

    /* a whole space but for the pages between: reserving takes no memory */
    u64 big = create();
    assert_ok(xmap_reserve(big, XMAP_ANYWHERE, PORT_USER_END - 2 * PAGE, CALL, &at));
    assert_int_equal(at, PAGE);
    assert_err(xmap_reserve(big, XMAP_ANYWHERE, PAGE, CALL, &at), ERR_NO_MEMORY);
    assert_int_equal(free_frames(), before - 1);
}

static void test_region_slots(void **state)
{
    (void)state;
    u64 s = create(), at, n = 0;
    while (xmap_reserve(s, n * 2 * PAGE, PAGE, PROGRAM, &at) == ERR_OK)
        n++;
    assert_int_equal(n, XMAP_REGIONS_A_SPACE);
    assert_err(xmap_reserve(s, n * 2 * PAGE, PAGE, PROGRAM, &at), ERR_NO_SLOT);

    u64 child, forks = 0;
    while (xmap_space_fork(s, &child) == ERR_OK)
        forks++;
    assert_int_equal(forks, XMAP_REGIONS / XMAP_REGIONS_A_SPACE - 1);
    assert_err(xmap_space_fork(s, &child), ERR_NO_SLOT);
    assert_ok(xmap_release(s, 0, PROGRAM));
    assert_ok(xmap_reserve(s, 0, PAGE, PROGRAM, &at));
}

static void test_space_slots(void **state)
{
    (void)state;
    u64 space;
    for (u64 i = 0; i < PORT_SPACES; i++)
        assert_int_equal(create(), i);
    assert_err(xmap_space_create(&space), ERR_NO_SLOT);
    assert_err(xmap_space_fork(0, &space), ERR_NO_SLOT);
    assert_ok(xmap_space_destroy(7));
    assert_err(xmap_space_destroy(7), ERR_NOT_FOUND);
    assert_err(xmap_space_destroy(PORT_SPACES), ERR_NOT_FOUND);
    assert_err(xmap_space_destroy(~0ul), ERR_NOT_FOUND);
    assert_int_equal(fork_of(3), 7);
}

static void test_map(void **state)
{
    (void)state;
    u64 s = create(), at;
    assert_ok(xmap_reserve(s, 0, 3 * PAGE, CALL, &at));
    assert_err(xmap_map(s, at, CALL, 0, NOW), ERR_ARGUMENT);
    assert_err(xmap_map(s, at, CALL, 8 | R, NOW), ERR_ARGUMENT);
    assert_err(xmap_map(s, at, CALL, R, 2), ERR_ARGUMENT);
    assert_err(xmap_map(s, at, 2, R, NOW), ERR_ARGUMENT);
    assert_err(xmap_map(s, at, PROGRAM, R, NOW), ERR_DENIED);
    assert_err(xmap_map(s, at + PAGE, CALL, R, NOW), ERR_NOT_FOUND);
    assert_err(xmap_map(s, at + 1, CALL, R, NOW), ERR_ALIGN);
    assert_err(xmap_map(s + 1, at, CALL, R, NOW), ERR_NOT_FOUND);
    assert_err(xmap_fault(s, at, R), ERR_DENIED);

    u64 before = committed_frames();
    assert_ok(xmap_map(s, at, CALL, W, NOW));
    assert_int_equal(committed_frames(), before + 3);
    assert_region(s, at, at, 3 * PAGE, CALL, R | W, 1, NOW);
    for (u64 i = 0; i < 3 * PAGE; i += 511)
        assert_int_equal(load(s, at + i), 0);
    assert_int_equal(rights_at(s, at), R | W);
    assert_err(xmap_map(s, at, CALL, R, NOW), ERR_MAPPED);
    assert_ok(store(s, at + PAGE, 7));

    assert_err(xmap_unmap(s, at, PROGRAM), ERR_DENIED);
    assert_ok(xmap_unmap(s, at, CALL));
    assert_err(xmap_unmap(s, at, CALL), ERR_NOT_MAPPED);
    assert_int_equal(committed_frames(), before);
    assert_region(s, at, at, 3 * PAGE, CALL, 0, 0, NOW);
    assert_ok(xmap_map(s, at, CALL, R | W, LAZY));
    assert_int_equal(committed_frames(), before);
    assert_int_equal(load(s, at + PAGE), 0);
    assert_int_equal(committed_frames(), before + 1);

    assert_err(xmap_release(s, at, PROGRAM), ERR_DENIED);
    assert_ok(xmap_release(s, at, CALL));
    assert_err(xmap_release(s, at, CALL), ERR_NOT_FOUND);
    assert_no_region(s, at);
    assert_int_equal(committed_frames(), before);

    /* far more than there is: refused before anything is touched */
    assert_ok(xmap_reserve(s, 0, 1ul << 36, CALL, &at));
    assert_err(xmap_map(s, at, CALL, R, NOW), ERR_NO_MEMORY);
    assert_region(s, at, at, 1ul << 36, CALL, 0, 0, NOW);
    assert_ok(xmap_map(s, at, CALL, R, LAZY));
}

static void test_fault(void **state)
{
    (void)state;
    u64 s = create();
    map_at(s, 0, 4, R | W, LAZY);
    map_at(s, 8 * PAGE, 2, R | X, NOW);
    map_at(s, 16 * PAGE, 2, R | X, LAZY);
    map_at(s, 32 * PAGE, 1, X, LAZY);

    assert_err(xmap_fault(s, 0, 0), ERR_ARGUMENT);
    assert_err(xmap_fault(s, 0, R | W), ERR_ARGUMENT);
    assert_err(xmap_fault(s, 0, 1ul << 32 | R), ERR_ARGUMENT);
    assert_err(xmap_fault(s + 1, 0, R), ERR_NOT_FOUND);
    assert_err(xmap_fault(s, 4 * PAGE, R), ERR_DENIED);
    assert_err(xmap_fault(s, PORT_USER_END, R), ERR_DENIED);
    assert_err(xmap_fault(s, ~0ul, W), ERR_DENIED);
    assert_err(xmap_fault(s, 0, X), ERR_DENIED);
    assert_err(xmap_fault(s, 8 * PAGE, W), ERR_DENIED);
    assert_err(xmap_fault(s, 32 * PAGE, R), ERR_DENIED);

    u64 before = committed_frames();
    assert_ok(xmap_fault(s, PAGE + 123, W));
    assert_int_equal(committed_frames(), before + 1);
    assert_ok(xmap_fault(s, PAGE, W)); /* spurious */
    assert_ok(xmap_fault(s, PAGE, R));
    assert_int_equal(committed_frames(), before + 1);
    assert_ok(xmap_fault(s, 9 * PAGE, X)); /* spurious */

    assert_err(xmap_fault(s, 16 * PAGE, X), ERR_DENIED); /* a fetch fills nothing */
    assert_err(xmap_fault(s, 32 * PAGE, X), ERR_DENIED);
    assert_ok(xmap_fault(s, 16 * PAGE, R));
    assert_ok(xmap_fault(s, 16 * PAGE, X));
}

static void test_protect(void **state)
{
    (void)state;
    u64 s = create(), at;
    map_at(s, 0, 2, R | W, NOW);
    map_at(s, 4 * PAGE, 2, R | W, LAZY);
    assert_ok(store(s, 0, 1));
    assert_err(xmap_protect(s, 0, PROGRAM, 8), ERR_ARGUMENT);
    assert_err(xmap_protect(s, 0, CALL, R), ERR_DENIED);
    assert_ok(xmap_reserve(s, 8 * PAGE, PAGE, PROGRAM, &at));
    assert_err(xmap_protect(s, at, PROGRAM, R), ERR_NOT_MAPPED);

    assert_ok(xmap_protect(s, 0, PROGRAM, R));
    assert_int_equal(rights_at(s, 0), R);
    assert_err(xmap_fault(s, 0, W), ERR_DENIED);
    u64 child = fork_of(s);
    assert_ok(xmap_protect(child, 0, PROGRAM, W));
    assert_region(child, 0, 0, 2 * PAGE, PROGRAM, R | W, 1, NOW);
    assert_int_equal(rights_at(child, 0), R);
    assert_int_equal(load(child, 0), 1);
    assert_ok(store(child, 0, 2));
    assert_ok(xmap_protect(s, 0, PROGRAM, W));
    assert_int_equal(rights_at(s, 0), R | W); /* alone again: no copy needed */
    assert_int_equal(rights_at(s, PAGE), R);
    assert_int_equal(load(s, 0), 1);

    u64 before = committed_frames(), frame;
    assert_ok(xmap_protect(child, 0, PROGRAM, 0)); /* a guard has no pages */
    assert_int_equal(committed_frames(), before - 2);
    assert_region(child, 0, 0, 2 * PAGE, PROGRAM, 0, 1, LAZY);
    assert_err(xmap_fault(child, 0, R), ERR_DENIED);
    assert_err(xmap_pin(child, 0, XMAP_RIGHTS_ALL, &frame), ERR_DENIED);
    assert_ok(xmap_resize(child, 0, 3 * PAGE, NOW));
    assert_ok(xmap_protect(child, 0, PROGRAM, R | W));
    assert_ok(store(child, 2 * PAGE, 3));
    assert_int_equal(load(child, 0), 0);
    assert_int_equal(load(s, 0), 1);

    assert_ok(xmap_protect(s, 4 * PAGE, PROGRAM, R | X));
    assert_ok(xmap_fault(s, 5 * PAGE, R));
    assert_int_equal(rights_at(s, 5 * PAGE), R | X);
}

static void test_resize(void **state)
{
    (void)state;
    u64 s = create(), at;
    map_at(s, 0, 1, R | W, NOW);
    assert_ok(store(s, 5, 42));
    assert_err(xmap_resize(s, 0, 0, NOW), ERR_RANGE);
    assert_err(xmap_resize(s, 0, PAGE + 1, NOW), ERR_ALIGN);
    assert_err(xmap_resize(s, 0, PORT_USER_END + PAGE, NOW), ERR_RANGE);
    assert_err(xmap_resize(s, 0, PAGE, 2), ERR_ARGUMENT);
    assert_err(xmap_resize(s, PAGE, PAGE, NOW), ERR_NOT_FOUND);
    assert_ok(xmap_reserve(s, 8 * PAGE, PAGE, CALL, &at));
    assert_err(xmap_resize(s, at, 2 * PAGE, NOW), ERR_DENIED);
    assert_ok(xmap_reserve(s, 16 * PAGE, PAGE, PROGRAM, &at));
    assert_err(xmap_resize(s, at, 2 * PAGE, NOW), ERR_NOT_MAPPED);
    assert_err(xmap_resize(s, 0, 9 * PAGE, NOW), ERR_OVERLAP);

    u64 before = committed_frames();
    assert_ok(xmap_resize(s, 0, 8 * PAGE, NOW));
    assert_int_equal(committed_frames(), before + 7);
    assert_region(s, 0, 0, 8 * PAGE, PROGRAM, R | W, 1, NOW);
    assert_ok(store(s, 7 * PAGE, 9));
    assert_ok(xmap_resize(s, 0, 7 * PAGE, NOW));
    assert_ok(xmap_resize(s, 0, 7 * PAGE, LAZY));
    assert_int_equal(committed_frames(), before + 6);
    assert_err(xmap_fault(s, 7 * PAGE, R), ERR_DENIED);
    assert_ok(xmap_resize(s, 0, 8 * PAGE, LAZY));
    assert_region(s, 0, 0, 8 * PAGE, PROGRAM, R | W, 1, LAZY);
    assert_int_equal(load(s, 7 * PAGE), 0);
    assert_int_equal(load(s, 5), 42);

    assert_ok(xmap_release(s, 8 * PAGE, CALL));
    assert_ok(xmap_release(s, 16 * PAGE, PROGRAM));
    assert_err(xmap_resize(s, 0, (u64)FRAMES * PAGE, NOW), ERR_NO_MEMORY);
    assert_ok(xmap_resize(s, 0, PORT_USER_END, LAZY));
}

static void test_cut(void **state)
{
    (void)state;
    u64 s = create(), at;
    assert_err(xmap_cut(s, PAGE, PAGE), ERR_RANGE);
    assert_err(xmap_cut(s, PAGE, 0), ERR_RANGE);
    assert_err(xmap_cut(s, 0, PORT_USER_END + PAGE), ERR_RANGE);
    assert_err(xmap_cut(s, 1, PAGE), ERR_ALIGN);
    assert_err(xmap_cut(s, 0, PAGE + 1), ERR_ALIGN);
    assert_err(xmap_cut(PORT_SPACES, 0, PAGE), ERR_NOT_FOUND);

    map_at(s, 0, 4, R | W, NOW);
    map_at(s, 4 * PAGE, 2, R, LAZY);
    assert_ok(xmap_reserve(s, 6 * PAGE, PAGE, CALL, &at));
    map_at(s, 8 * PAGE, 4, R | W, NOW);
    assert_ok(store(s, PAGE, 1));
    assert_ok(store(s, 11 * PAGE, 2));
    assert_ok(xmap_cut(s, 2 * PAGE, 10 * PAGE));
    assert_region(s, PAGE, 0, 2 * PAGE, PROGRAM, R | W, 1, NOW);
    assert_no_region(s, 4 * PAGE);
    assert_region(s, 6 * PAGE, 6 * PAGE, PAGE, CALL, 0, 0, NOW);
    assert_region(s, 10 * PAGE, 10 * PAGE, 2 * PAGE, PROGRAM, R | W, 1, NOW);
    assert_int_equal(load(s, PAGE), 1);
    assert_int_equal(load(s, 11 * PAGE), 2);
    assert_int_equal(committed_frames(), 4);

    map_at(s, 32 * PAGE, 4, R | W, NOW);
    assert_ok(xmap_cut(s, 33 * PAGE, 34 * PAGE)); /* in the middle: the lower part stays */
    assert_region(s, 32 * PAGE, 32 * PAGE, PAGE, PROGRAM, R | W, 1, NOW);
    assert_no_region(s, 35 * PAGE);
    assert_ok(xmap_cut(s, 0, PORT_USER_END));
    assert_int_equal(committed_frames(), 0);
    assert_region(s, 6 * PAGE, 6 * PAGE, PAGE, CALL, 0, 0, NOW);
}

/* ---- Sharing ---- */

static void test_fork(void **state)
{
    (void)state;
    u64 a = create(), b, c;
    map_at(a, 0, 3, R | W, NOW);
    map_at(a, 8 * PAGE, 4, R | W, LAZY);
    assert_ok(store(a, 0, 10));
    assert_ok(store(a, PAGE, 11));
    assert_ok(store(a, 9 * PAGE, 19));
    assert_int_equal(committed_frames(), 4);
    assert_err(xmap_space_fork(PORT_SPACES, &b), ERR_NOT_FOUND);
    assert_err(xmap_space_fork(a + 1, &b), ERR_NOT_FOUND);

    b = fork_of(a);
    c = fork_of(b);
    assert_int_equal(committed_frames(), 12);
    assert_int_equal(frame_at(a, 0), frame_at(c, 0));
    assert_int_equal(rights_at(a, 0), R);
    assert_int_equal(rights_at(c, 0), R);
    assert_int_equal(load(c, 9 * PAGE), 19);

    assert_ok(store(b, 0, 20));
    assert_int_equal(committed_frames(), 12);
    assert_int_equal(load(a, 0), 10);
    assert_int_equal(load(b, 0), 20);
    assert_int_equal(load(c, 0), 10);
    assert_ok(store(a, 0, 30));
    assert_int_equal(load(c, 0), 10);
    u32 last = frame_at(c, 0);
    assert_ok(store(c, 0, 40)); /* the last one writes in place */
    assert_int_equal(frame_at(c, 0), last);
    assert_int_equal(committed_frames(), 12);

    assert_int_equal(load(b, 10 * PAGE), 0); /* touched by one: not by the others */
    assert_int_equal(frame_at(c, 10 * PAGE), XMAP_NO_FRAME);
    assert_ok(xmap_space_destroy(a));
    assert_ok(xmap_space_destroy(b));
    assert_int_equal(load(c, PAGE), 11);
    assert_ok(store(c, PAGE, 41));
    assert_int_equal(load(c, 0), 40);
    assert_int_equal(load(c, 9 * PAGE), 19);
    assert_int_equal(committed_frames(), 4);
}

/* What a fork has promised is there at the write, whatever others take meanwhile. */
static void promise(u64 pages)
{
    u64 a = create(), b, hungry = create(), none;
    map_at(a, 0, pages, R | W, NOW);
    for (u64 i = 0; i < pages; i++)
        assert_ok(store(a, i * PAGE, (u8)i));
    b = fork_of(a);
    assert_int_equal(committed_frames(), 2 * pages);
    map_at(hungry, 0, PORT_USER_END / PAGE, R | W, LAZY);
    u64 taken = 0;
    while (store(hungry, taken << 30, 1) == ERR_OK) /* far apart: each touch takes two tables as well */
        taken++;
    assert_true(taken > 20 && taken < FRAMES - 2 * pages);
    assert_true(free_frames() >= pages);
    assert_err(xmap_space_create(&none), ERR_NO_MEMORY);
    assert_err(xmap_space_fork(a, &none), ERR_NO_MEMORY);
    for (u64 i = 0; i < pages; i++)
        assert_ok(store(i % 2 ? a : b, i * PAGE, 99));
    for (u64 i = 0; i < pages; i++)
        assert_int_equal(load(i % 2 ? b : a, i * PAGE), i);
}

/* Three sizes, so that every remainder of frames is left at the end of the hungry one's meal. */
static void test_promise(void **state)
{
    for (u64 pages = 60; pages < 63; pages++) {
        set_up(state);
        promise(pages);
        assert_int_equal(tear_down(state), 0);
    }
    set_up(state);
}

static void test_fork_refused(void **state)
{
    (void)state;
    u64 a = create(), b;
    u64 pages = FRAMES / 2 + 1;
    map_at(a, 0, pages, R | W, NOW);
    assert_ok(store(a, PAGE, 5));
    u64 before = free_frames();
    assert_err(xmap_space_fork(a, &b), ERR_NO_MEMORY);
    assert_int_equal(free_frames(), before);
    assert_int_equal(committed_frames(), pages);
    assert_ok(store(a, PAGE, 6));
    assert_ok(xmap_resize(a, 0, 2 * PAGE, NOW));
    b = fork_of(a);
    assert_int_equal(load(b, PAGE), 6);
}

static void test_pin(void **state)
{
    (void)state;
    u64 a = create(), b, f, g;
    map_at(a, 0, 2, R | W, LAZY);
    map_at(a, 4 * PAGE, 2, R | X, LAZY);
    assert_err(xmap_pin(a, 0, X, &f), ERR_ARGUMENT);
    assert_err(xmap_pin(a, 0, R | W, &f), ERR_ARGUMENT);
    assert_err(xmap_pin(a, 0, 0, &f), ERR_ARGUMENT);
    assert_err(xmap_pin(a, 3 * PAGE, R, &f), ERR_DENIED);
    assert_err(xmap_pin(a, PORT_USER_END, XMAP_RIGHTS_ALL, &f), ERR_DENIED);
    assert_err(xmap_pin(a + 1, 0, R, &f), ERR_NOT_FOUND);
    assert_err(xmap_pin(a, 4 * PAGE, W, &f), ERR_DENIED);
    assert_err(xmap_unpin(0), ERR_ARGUMENT);
    assert_err(xmap_unpin(~0ul), ERR_ARGUMENT);

    /* the loader fills text that the program may not write */
    assert_ok(xmap_pin(a, 4 * PAGE + 8, XMAP_RIGHTS_ALL, &f));
    ((u8 *)port_frame_bytes((u32)f))[8] = 33;
    assert_ok(xmap_unpin(f));
    assert_int_equal(rights_at(a, 4 * PAGE), R | X);
    b = fork_of(a);
    assert_ok(xmap_pin(b, 4 * PAGE, XMAP_RIGHTS_ALL, &f));
    ((u8 *)port_frame_bytes((u32)f))[8] = 34;
    assert_ok(xmap_unpin(f));
    assert_int_equal(load(a, 4 * PAGE + 8), 33);
    assert_int_equal(load(b, 4 * PAGE + 8), 34);
    assert_int_equal(rights_at(b, 4 * PAGE), R | X);

    /* a read pin needs no copy, a write pin does */
    assert_ok(store(a, 0, 1));
    u64 c = fork_of(a);
    assert_ok(xmap_pin(c, 0, R, &f));
    assert_int_equal(f, frame_at(a, 0));
    assert_ok(xmap_unpin(f));
    assert_ok(xmap_pin(c, 0, W, &f));
    assert_int_not_equal(f, frame_at(a, 0));
    assert_ok(xmap_pin(c, 0, W, &g)); /* pins count */
    assert_int_equal(f, g);

    /* a pinned page is not shared: the pin's holder may write any time */
    u64 d = fork_of(c);
    assert_int_not_equal(frame_at(d, 0), f);
    ((u8 *)port_frame_bytes((u32)f))[0] = 77;
    assert_int_equal(load(c, 0), 77);
    assert_int_equal(load(d, 0), 1);

    /* and outlives its page */
    u64 before = committed_frames();
    assert_ok(xmap_release(c, 0, PROGRAM));
    assert_int_equal(committed_frames(), before);
    ((u8 *)port_frame_bytes((u32)f))[0] = 78;
    assert_ok(xmap_unpin(f));
    assert_int_equal(committed_frames(), before);
    assert_ok(xmap_unpin(f));
    assert_int_equal(committed_frames(), before - 1);
    assert_err(xmap_unpin(f), ERR_ARGUMENT);

    /* but not its space, nor, orphaned, the last space */
    assert_ok(xmap_pin(d, 0, W, &f));
    assert_ok(xmap_space_destroy(d));
    assert_err(xmap_unpin(f), ERR_ARGUMENT);
    assert_ok(xmap_pin(a, 0, W, &f));
    assert_ok(xmap_release(a, 0, PROGRAM));
    assert_int_equal(xmap_kept->frames[f].pins, 1);
}

/* ---- Exhaustion: the n-th allocation fails, for every n an operation can meet ---- */

struct world {
    u64 space, child, start;
};

static void world_make(struct world *w)
{
    w->space = create();
    map_at(w->space, 0, 2, R | W, NOW);
    map_at(w->space, 1ul << 30, 3, R | W, LAZY);
    assert_ok(store(w->space, 0, 1));
    assert_ok(store(w->space, PAGE, 2));
    assert_ok(store(w->space, (1ul << 30) + PAGE, 3));
    w->child = fork_of(w->space);
    assert_ok(xmap_reserve(w->space, XMAP_ANYWHERE, 3 * PAGE, CALL, &w->start));
}

static enum err do_create(struct world *w)
{
    (void)w;
    u64 space;
    return xmap_space_create(&space);
}

static enum err do_fork(struct world *w)
{
    u64 space;
    return xmap_space_fork(w->space, &space);
}

static enum err do_map(struct world *w)
{
    return xmap_map(w->space, w->start, CALL, R | W, NOW);
}

static enum err do_grow(struct world *w)
{
    return xmap_resize(w->space, 0, 700 * PAGE, NOW) == ERR_NO_MEMORY
               ? xmap_resize(w->space, 0, 5 * PAGE, NOW)
               : ERR_CORRUPT;
}

static enum err do_touch(struct world *w)
{
    return xmap_fault(w->space, (1ul << 30) + 2 * PAGE, W);
}

static enum err do_break(struct world *w)
{
    return xmap_fault(w->child, PAGE, W);
}

static enum err do_pin(struct world *w)
{
    u64 frame;
    enum err err = xmap_pin(w->child, 0, XMAP_RIGHTS_ALL, &frame);
    return err == ERR_OK ? xmap_unpin(frame) : err;
}

static enum err do_cut(struct world *w)
{
    return xmap_cut(w->space, PAGE, 2ul << 30);
}

static enum err do_shrink(struct world *w)
{
    return xmap_resize(w->space, 0, PAGE, NOW);
}

static enum err do_release(struct world *w)
{
    return xmap_release(w->space, 0, PROGRAM);
}

static enum err do_unmap(struct world *w)
{
    return xmap_unmap(w->space, 0, PROGRAM);
}

static enum err do_protect(struct world *w)
{
    return xmap_protect(w->space, 0, PROGRAM, 0);
}

static enum err do_destroy(struct world *w)
{
    return xmap_space_destroy(w->space);
}

static enum err do_reserve(struct world *w)
{
    u64 at;
    return xmap_reserve(w->space, XMAP_ANYWHERE, PAGE, CALL, &at);
}

static enum err (*const deeds[])(struct world *) = {
    do_create, do_fork,   do_map,   do_grow,    do_touch,   do_break,   do_pin,
    do_cut,    do_shrink, do_unmap, do_release, do_protect, do_reserve, do_destroy,
};

static void test_exhaustion(void **state)
{
    (void)state;
    u64 refused = 0;
    for (u32 deed = 0; deed < ARRAY_SIZE(deeds); deed++) {
        enum err err = ERR_NO_MEMORY;
        for (u64 n = 1; err != ERR_OK; n++) {
            struct world w;
            set_up(NULL);
            world_make(&w);
            u64 before = committed_frames();
            host_vspace_fail(n, ~0ul);
            err = deeds[deed](&w);
            host_vspace_fail(0, 0);
            assert_null(xmap_check());
            if (err == ERR_OK)
                break;
            refused++;
            assert_err(err, ERR_NO_MEMORY);
            /* a page may have been filled or copied before a loan failed; nothing else */
            assert_true(committed_frames() == before);
            assert_ok(deeds[deed](&w));
            assert_int_equal(load(w.space, 0), 1);
            assert_int_equal(load(w.child, PAGE), 2);
        }
        assert_int_equal(tear_down(NULL), 0);
    }
    assert_true(refused >= 15);
    set_up(NULL);
}

/* ---- The essay's bug ---- */

static void double_map(void)
{
    u64 s = create(), at;
    assert_ok(xmap_reserve(s, XMAP_ANYWHERE, 2 * PAGE, CALL, &at));
    assert_ok(xmap_map(s, at, CALL, R | W, NOW));
    assert_ok(store(s, at, 55));
    assert_ok(port_fault_arm(FAULT_XMAP_DOUBLE_MAP, 1, false));
    (void)xmap_map(s, at, CALL, R | W, NOW);
}

static void double_map_checked(void)
{
    u64 s = create(), at;
    assert_ok(xmap_reserve(s, XMAP_ANYWHERE, 2 * PAGE, CALL, &at));
    assert_ok(port_fault_arm(FAULT_XMAP_DOUBLE_MAP, 2, false));
    assert_ok(xmap_map(s, at, CALL, R | W, NOW));
    assert_err(xmap_map(s, at, CALL, R | W, NOW), ERR_MAPPED); /* first arrival */
    (void)xmap_map(s, at, CALL, R | W, NOW);                   /* second */
}

static void test_double_map(void **state)
{
    (void)state;
    assert_dies(double_map, SIGABRT, "mappages: remap");
    assert_dies(double_map_checked, SIGABRT, "mappages: remap");
}

static jmp_buf fatal;
static const char *fatal_text;

static void on_fatal(const char *invariant)
{
    fatal_text = invariant;
    longjmp(fatal, 1);
}

/* What the bug costs on micro: the server, not the program's memory. */
static void test_double_map_restart(void **state)
{
    (void)state;
    host_on_fatal = on_fatal;
    if (setjmp(fatal) == 0) {
        double_map();
        fail();
    }
    assert_string_equal(fatal_text, "mappages: remap");
    assert_ok(xmap_restart());
    assert_null(xmap_check());
    u64 at = PORT_USER_END - 3 * PAGE;
    assert_region(0, at, at, 2 * PAGE, CALL, R | W, 1, NOW);
    assert_int_equal(load(0, at), 55);
    assert_int_equal(committed_frames(), 2);
    assert_err(xmap_map(0, at, CALL, R | W, NOW), ERR_MAPPED);
}

static void on_fatal_die(const char *invariant)
{
    fatal_text = invariant;
    host_keep_undo();
    longjmp(host_death, 1);
}

/* It costs no more at whichever instant of the second map the server dies, its own end included. */
static void test_double_map_deaths(void **state)
{
    (void)state;
    static u64 s, at, n;
    fatal_text = NULL;
    for (n = 1; fatal_text == NULL; n++) {
        set_up(NULL);
        host_on_fatal = on_fatal_die;
        s = create();
        assert_ok(xmap_reserve(s, XMAP_ANYWHERE, PAGE, CALL, &at));
        assert_ok(xmap_map(s, at, CALL, R | W, NOW));
        assert_ok(store(s, at, 55));
        assert_ok(port_fault_arm(FAULT_XMAP_DOUBLE_MAP, 1, false));
        host_death_after(n);
        if (setjmp(host_death) == 0) {
            (void)xmap_map(s, at, CALL, R | W, NOW);
            fail();
        }
        host_death_after(0);
        assert_ok(xmap_restart());
        assert_null(xmap_check());
        assert_region(s, at, at, PAGE, CALL, R | W, 1, NOW);
        assert_int_equal(load(s, at), 55);
        assert_int_equal(committed_frames(), 1);
    }
    assert_true(n > 5);
}

/* ---- A request repeated after a death is applied once ---- */

enum { ME = 5 + PORT_REQUEST_CALLERS, OTHER = 6 + PORT_REQUEST_CALLERS };

/* Two pages that somebody else holds as well: one still shown, one released. */
struct pinned_world {
    u64 space, shown, released;
};

static void pinned_world_make(struct pinned_world *w)
{
    u64 again;

    set_up(NULL);
    w->space = create();
    map_at(w->space, 0, 1, R | W, NOW);
    map_at(w->space, 4 * PAGE, 1, R | W, NOW);
    for (u64 caller = ME; caller <= OTHER; caller++) {
        host_request(caller);
        assert_ok(xmap_pin(w->space, 0, W, &w->shown));
        host_request(caller + PORT_REQUEST_CALLERS);
        assert_ok(xmap_pin(w->space, 4 * PAGE, W, &w->released));
        /* the same request asked again, without any death: the same answer, and one pin */
        assert_ok(xmap_pin(w->space, 4 * PAGE, W, &again));
        assert_int_equal(again, w->released);
    }
    host_request(0);
    assert_ok(xmap_release(w->space, 4 * PAGE, PROGRAM));
    assert_int_equal(xmap_kept->frames[w->released].pins, 2);
}

static enum err ask_create(const struct pinned_world *w, u64 *value)
{
    (void)w;
    return xmap_space_create(value);
}

static enum err ask_fork(const struct pinned_world *w, u64 *value)
{
    return xmap_space_fork(w->space, value);
}

static enum err ask_pin(const struct pinned_world *w, u64 *value)
{
    return xmap_pin(w->space, 0, R, value);
}

static enum err ask_unpin(const struct pinned_world *w, u64 *value)
{
    *value = 0;
    return xmap_unpin(w->shown);
}

static enum err ask_unpin_released(const struct pinned_world *w, u64 *value)
{
    *value = 0;
    return xmap_unpin(w->released);
}

static enum err (*const requests[])(const struct pinned_world *, u64 *) = {
    ask_create, ask_fork, ask_pin, ask_unpin, ask_unpin_released,
};

/* All that a second application would change. */
struct pinned_look {
    enum err err;
    u64 value, live, committed, pins;
    u16 shown, released;
};

static struct pinned_look pinned_look(const struct pinned_world *w, enum err err, u64 value)
{
    struct pinned_look look = {.err = err, .value = value, .committed = committed_frames()};

    for (u32 space = 0; space < PORT_SPACES; space++)
        look.live += xmap_kept->spaces[space].state == SPACE_LIVE;
    for (u32 frame = 0; frame < xmap_kept->frame_count; frame++)
        look.pins += xmap_kept->frames[frame].pins;
    look.shown = xmap_kept->frames[w->shown].pins;
    look.released = xmap_kept->frames[w->released].pins;
    assert_null(xmap_check());
    return look;
}

/* Whether it died at the n-th instant, which may lie between its last store and its answer. */
static bool request_died(u32 request, const struct pinned_world *w, u64 instant, u64 *value)
{
    host_request(ME + 2 * PORT_REQUEST_CALLERS);
    host_death_after(instant);
    if (setjmp(host_death) != 0)
        return true;
    assert_ok(requests[request](w, value));
    host_death_after(0);
    return false;
}

/* Somebody else uses xmap between the death and the repetition. */
static void others_use(const struct pinned_world *w)
{
    u64 frame;

    host_request(OTHER + 3 * PORT_REQUEST_CALLERS);
    assert_ok(xmap_pin(w->space, 0, R, &frame));
    host_request(OTHER + 4 * PORT_REQUEST_CALLERS);
    assert_ok(xmap_unpin(frame));
}

/*
 * The bug: an unpin whose answer was lost took away, when it was repeated, the pin that somebody else had on
 * the same frame, so that the frame was free while it was copied to. A pin was counted twice, and a space
 * made twice, to be held by nobody.
 */
static void test_requests(void **state)
{
    (void)state;
    u64 deaths = 0;
    for (u32 request = 0; request < ARRAY_SIZE(requests); request++) {
        static struct pinned_world w;
        static u64 value;
        static struct pinned_look once, twice;
        bool died = true;

        pinned_world_make(&w);
        assert_false(request_died(request, &w, 0, &value));
        others_use(&w);
        once = pinned_look(&w, ERR_OK, value);
        for (u64 n = 1; died; n++) {
            pinned_world_make(&w);
            died = request_died(request, &w, n, &value);
            deaths += died;
            if (died)
                assert_ok(xmap_restart());
            others_use(&w);
            /* dead or not: its answer may be lost on the way as well */
            host_request(ME + 2 * PORT_REQUEST_CALLERS);
            enum err err = requests[request](&w, &value);
            host_request(0);
            twice = pinned_look(&w, err, value);
            if (memcmp(&once, &twice, sizeof(once)) != 0)
                fail_msg("request %u, ended at instant %lu and repeated: %s, %lu; live %lu committed %lu "
                         "pins %lu (%u, %u); wanted %lu; %lu %lu %lu (%u, %u)",
                         request, n, err_text(err), twice.value, twice.live, twice.committed, twice.pins,
                         twice.shown, twice.released, once.value, once.live, once.committed, once.pins,
                         once.shown, once.released);
            assert_int_equal(xmap_kept->frames[w.released].use, FRAME_PROGRAM);
        }
    }
    assert_true(deaths > 30);
    /* the next request of the same caller is another one */
    static struct pinned_world w;
    pinned_world_make(&w);
    host_request(ME + 2 * PORT_REQUEST_CALLERS);
    assert_ok(xmap_unpin(w.released));
    host_request(ME + 3 * PORT_REQUEST_CALLERS);
    assert_ok(xmap_unpin(w.released));
    host_request(0);
    assert_int_equal(xmap_kept->frames[w.released].use, FRAME_FREE);
}

/* ---- Death at every instant of every operation, and at every instant of the restart ---- */

static bool died_in(u32 deed, struct world *w, u64 instant)
{
    host_death_after(instant);
    if (setjmp(host_death) != 0)
        return true;
    assert_ok(deeds[deed](w));
    host_death_after(0);
    return false;
}

static bool restart_died(u64 instant)
{
    host_death_after(instant);
    if (setjmp(host_death) != 0)
        return true;
    assert_ok(xmap_restart());
    host_death_after(0);
    return false;
}

/* The world as it was before the deed or as it is after it, told apart by what can be asked. */
static void assert_world(const struct world *w)
{
    assert_null(xmap_check());
    assert_null(strstr(host_log_text, "lost:"));
    u64 start, size, region;
    if (xmap_query(w->space, 0, &start, &size, &region) == ERR_OK && (region >> 16 & 1) &&
        (region >> 8 & R)) {
        assert_int_equal(load(w->space, 0), 1);
        if (size > PAGE)
            assert_int_equal(load(w->space, PAGE), 2);
    }
    assert_int_equal(load(w->child, 0), 1);
    assert_int_equal(load(w->child, PAGE), 2);
    assert_int_equal(load(w->child, (1ul << 30) + PAGE), 3);
    assert_ok(store(w->child, 0, 8));
    assert_null(xmap_check());
}

static void test_deaths(void **state)
{
    (void)state;
    u64 deaths = 0;
    for (u32 deed = 0; deed < ARRAY_SIZE(deeds); deed++) {
        bool died = true;
        for (u64 n = 1; died; n++) {
            /* the restart dies at its m-th instant; m = 0: it lives */
            for (u64 m = 0;; m++) {
                static struct world w;
                set_up(NULL);
                world_make(&w);
                died = died_in(deed, &w, n);
                bool again = died && m > 0 && restart_died(m);
                if (died && (m == 0 || again))
                    assert_ok(xmap_restart());
                deaths += died + again;
                assert_world(&w);
                /* the pin of a caller that died, or died with it */
                for (u32 f = 0; f < xmap_kept->frame_count; f++)
                    while (xmap_kept->frames[f].pins > 0)
                        assert_ok(xmap_unpin(f));
                assert_int_equal(tear_down(NULL), 0);
                if (!died || (m > 0 && !again))
                    break;
            }
        }
    }
    assert_true(deaths > 1000);
    set_up(NULL);
}

/* The port had named a frame and not yet given it when the service died: later deaths must not think it
 * given. */
static void test_frame_named_only(void **state)
{
    (void)state;
    static struct world w;
    const struct xmap_hand *hand = NULL;
    for (u64 n = 1; hand == NULL; n++) {
        set_up(NULL);
        world_make(&w);
        assert_true(died_in(4, &w, n)); /* do_touch */
        if (xmap_kept->hand.state == HAND_TAKING && xmap_kept->hand.frame < xmap_kept->frame_count &&
            xmap_kept->frames[xmap_kept->hand.frame].use == FRAME_FREE)
            hand = &xmap_kept->hand;
    }
    assert_int_equal(hand->free, port_frames_free());
    assert_ok(xmap_restart());
    (void)create(); /* a table fewer is free now */
    assert_ok(xmap_restart());
    assert_null(xmap_check());
}

/* ---- Damage: the space concerned is lost, aloud, and nobody else ---- */

static void test_damaged_region(void **state)
{
    (void)state;
    u64 a = create(), b = create();
    map_at(a, 0, 2, R | W, NOW);
    map_at(a, 4 * PAGE, 2, R | W, NOW);
    map_at(b, 0, 2, R | W, NOW);
    u64 child = fork_of(a);
    assert_ok(store(a, 0, 1));
    xmap_kept->regions[xmap_kept->spaces[a].first].size += PAGE * 9;
    assert_ok(xmap_restart());
    assert_non_null(strstr(host_log_text, "xmap: space 0 is lost: regions overlap"));
    assert_null(xmap_check());
    assert_err(xmap_fault(a, 0, R), ERR_NOT_FOUND);
    assert_int_equal(load(b, 0), 0);
    assert_ok(store(child, PAGE, 3));
    assert_int_equal(create(), 3); /* its number is not given to another */
    assert_ok(xmap_space_destroy(a));
    assert_int_equal(create(), a);
    assert_int_equal(committed_frames(), 2 + 4);
}

/* An insert has no step: a region that is complete and in no list, and one that is in the list and not
 * counted, are what a death inside it leaves. */
static void test_insert_cut_short(void **state)
{
    (void)state;
    u64 a = create();
    u64 at;
    map_at(a, 0, 2, R | W, NOW);
    assert_ok(xmap_reserve(a, 0, PAGE, CALL, &at));
    u32 index;

    xmap_kept->spaces[a].regions--; /* in the list, not counted */
    assert_ok(xmap_restart());
    assert_null(xmap_check());
    assert_int_equal(xmap_kept->spaces[a].regions, 2);
    assert_null(strstr(host_log_text, "is lost"));
    assert_ok(xmap_release(a, at, CALL));

    assert_ok(xmap_reserve(a, 0, PAGE, CALL, &at));
    index = xmap_kept->regions[xmap_kept->spaces[a].first].next;
    xmap_kept->regions[xmap_kept->spaces[a].first].next = XMAP_NO_REGION; /* in no list, nor the free one */
    xmap_kept->spaces[a].regions--;
    assert_ok(xmap_restart());
    assert_null(xmap_check());
    assert_int_equal(xmap_kept->regions[index].state, REGION_FREE);
    assert_int_equal(load(a, 0), 0);

    xmap_kept->spaces[a].regions += 2; /* more counted than there are: no insert leaves that */
    assert_ok(xmap_restart());
    assert_non_null(strstr(host_log_text, "xmap: space 0 is lost: region count wrong"));
}

/* What the owner of a lost space has pinned stays its own until it lets go. */
static void test_damaged_and_pinned(void **state)
{
    (void)state;
    u64 a = create();
    u64 frame;
    map_at(a, 0, 2, R | W, NOW);
    assert_ok(xmap_pin(a, 0, W, &frame));
    xmap_kept->regions[xmap_kept->spaces[a].first].rights = 200;
    assert_ok(xmap_restart());
    assert_non_null(strstr(host_log_text, "xmap: space 0 is lost"));
    assert_int_equal(xmap_kept->frames[frame].use, FRAME_PROGRAM);
    assert_int_equal(committed_frames(), 1);
    assert_ok(xmap_unpin(frame));
    assert_int_equal(xmap_kept->frames[frame].use, FRAME_FREE);
    assert_int_equal(committed_frames(), 0);
    assert_null(xmap_check());
}

static void test_damaged_list(void **state)
{
    (void)state;
    u64 a = create(), b = create();
    map_at(a, 0, 2, R | W, NOW);
    map_at(a, 4 * PAGE, 2, R | W, NOW);
    map_at(b, 0, 2, R | W, NOW);
    u32 first = xmap_kept->spaces[a].first;
    xmap_kept->regions[first].next = (u16)first; /* a ring */
    xmap_kept->spaces[b].first = 60000;          /* nowhere */
    xmap_kept->spaces[9].state = 77;
    xmap_kept->spaces[10].intent.to = ~0ul;
    xmap_kept->free_region = 12345;
    assert_ok(xmap_restart());
    assert_null(xmap_check());
    assert_int_equal(committed_frames(), 0);
    u64 c = create();
    map_at(c, 0, 2, R | W, NOW);
    assert_err(xmap_reserve(b, 0, PAGE, CALL, &a), ERR_NOT_FOUND);
}

static void test_damaged_pages(void **state)
{
    (void)state;
    u64 a = create(), b = create(), c = create();
    u32 frame;
    map_at(a, 0, 2, R | W, NOW);
    map_at(b, 0, 2, R | W, NOW);
    map_at(c, 0, 2, R | W, NOW);
    assert_ok(port_unmap((u32)a, PAGE, &frame));             /* an eager page gone */
    assert_ok(port_map((u32)b, 9 * PAGE, frame, PORT_READ)); /* a page of no region */
    xmap_kept->frames[frame_at(c, 0)].references = 9;
    xmap_kept->debt = 1000;
    xmap_kept->used = 0;
    assert_ok(xmap_restart());
    assert_null(xmap_check());
    assert_int_equal(xmap_kept->spaces[a].state, SPACE_LOST);
    assert_int_equal(xmap_kept->spaces[b].state, SPACE_LOST);
    assert_int_equal(load(c, 0), 0);
    assert_int_equal(committed_frames(), 2);
}

static void test_damaged_header(void **state)
{
    (void)state;
    u64 a = create(), b;
    map_at(a, 0, 5, R | W, NOW);
    b = fork_of(a);
    xmap_kept->magic ^= 4;
    assert_ok(xmap_restart());
    assert_null(xmap_check());
    assert_err(xmap_fault(a, 0, R), ERR_NOT_FOUND);
    assert_int_equal(committed_frames(), 0);
    assert_int_equal(create(), 2);
    assert_ok(xmap_space_destroy(a));
    assert_ok(xmap_space_destroy(b));
}

/* Whatever byte of a space or of its first region is wrong: the restart ends, and others lose nothing. */
static void test_damaged_byte(void **state)
{
    (void)state;
    for (u32 seed = 0; seed < 3000; seed++) {
        struct world w;
        set_up(NULL);
        world_make(&w);
        u64 own = fork_of(w.child);
        assert_ok(store(own, 0, 9));
        u8 *at = (u8 *)&xmap_kept->spaces[w.space];
        u64 size = sizeof(struct xmap_space);
        if (seed % 3 == 1) {
            at = (u8 *)&xmap_kept->regions[xmap_kept->spaces[w.space].first];
            size = sizeof(struct xmap_region);
        }
        random_state = seed;
        at[random_byte() % size] ^= (u8)(1u << random_byte() % 8);
        if (seed % 3 == 2)
            at[random_byte() % size] ^= random_byte();
        assert_ok(xmap_restart());
        assert_null(xmap_check());
        assert_int_equal(load(own, 0), 9);
        assert_int_equal(load(own, PAGE), 2);
        assert_ok(store(w.child, PAGE, 4));
        assert_int_equal(tear_down(NULL), 0);
    }
    set_up(NULL);
}

/* A frame whose record is gone is taken from the page and given to nobody again. */
static void test_damaged_record(void **state)
{
    (void)state;
    u64 a = create(), b = create();
    map_at(a, 0, 2, R | W, NOW);
    map_at(b, 0, 2, R | W, NOW);
    u32 frame = frame_at(a, 0);
    xmap_kept->frames[frame] = (struct xmap_frame){0};
    assert_ok(xmap_restart());
    assert_null(xmap_check());
    assert_int_equal(xmap_kept->spaces[a].state, SPACE_LOST);
    assert_int_equal(load(b, 0), 0);
    assert_int_equal(committed_frames(), 2);
    port_frame_free(frame); /* for the count at the end */
}

/* ---- The faults of every service ---- */

static void reach(enum port_fault fault)
{
    u64 a, b, c;
    assert_ok(port_fault_arm(fault, 1, false));
    (void)xmap_usage(&a, &b, &c);
}

static void crash_null(void)
{
    reach(FAULT_XMAP_CRASH_NULL);
}

static void abort_assert(void)
{
    reach(FAULT_XMAP_ABORT_ASSERT);
}

/* The alarm ends what would not end; SIGALRM proves that it was still there. */
static void hang_loop(void)
{
    ualarm(50000, 0);
    reach(FAULT_XMAP_HANG_LOOP);
}

static void no_reply(void)
{
    ualarm(50000, 0);
    reach(FAULT_XMAP_NO_REPLY);
}

static void test_faults(void **state)
{
    (void)state;
    assert_dies(crash_null, 0, "null pointer");
    assert_dies(abort_assert, SIGABRT, "injected: abort-assert");
    clock_t before = clock();
    assert_dies(hang_loop, SIGALRM, "");
    assert_dies(no_reply, SIGALRM, "");
    assert_true(clock() - before < CLOCKS_PER_SEC);
    u64 a, b, c;
    assert_ok(port_fault_arm(FAULT_UNIX_CRASH_NULL, 1, true));
    assert_ok(xmap_usage(&a, &b, &c));
}

/* ---- Random operations against the model ---- */

static void test_random(void **state)
{
    (void)state;
    const char *wish = getenv("XMAP_SEEDS");
    u64 seeds = wish != NULL ? strtoul(wish, NULL, 0) : 160;
    static u8 bytes[3000];

    for (u64 seed = 0; seed < seeds; seed++) {
        struct model_options options = {
            .frames = seed & 1 ? 48 : 400,
            .deaths = (seed & 2) != 0,
            .failures = (seed & 4) != 0,
        };
        random_state = seed;
        for (u32 i = 0; i < sizeof bytes; i++)
            bytes[i] = random_byte();
        model_play(&options, bytes, sizeof bytes);
    }
    print_message("%lu operations, %lu deaths, %lu refusals\n", model_operations, model_deaths,
                  model_refusals);
    assert_true(model_operations > 0 && (seeds < 100 || (model_deaths > 100 && model_refusals > 100)));
    set_up(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_reserve),
        TEST(test_region_slots),
        TEST(test_space_slots),
        TEST(test_map),
        TEST(test_fault),
        TEST(test_protect),
        TEST(test_resize),
        TEST(test_cut),
        TEST(test_fork),
        TEST(test_promise),
        TEST(test_fork_refused),
        TEST(test_pin),
        TEST(test_exhaustion),
        TEST(test_double_map),
        TEST(test_double_map_restart),
        TEST(test_double_map_deaths),
        TEST(test_frame_named_only),
        TEST(test_requests),
        TEST(test_deaths),
        TEST(test_damaged_region),
        TEST(test_insert_cut_short),
        TEST(test_damaged_and_pinned),
        TEST(test_damaged_list),
        TEST(test_damaged_pages),
        TEST(test_damaged_header),
        TEST(test_damaged_byte),
        TEST(test_damaged_record),
        TEST(test_faults),
        TEST(test_random),
    };
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    host_reset();
    host_vspace_reset(0);
    return failures;
}
