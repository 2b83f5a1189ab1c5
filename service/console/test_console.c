/* Unit tests of the console: the line discipline alone, then the whole service over a UART of the test's. */
#include "placement/host/host.h"
#include "port/console.h"
#include "port/request.h"
#include "port/thread.h"
#include "port/transfer.h"
#include "service/console/kept.h"
#include "service/console/test_uart.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- line.c ---- */

static struct cons_line line;

static void type_text(const char *text)
{
    for (; *text != '\0'; text++)
        (void)cons_line_apply(&line, cons_line_decide(&line, (u8)*text));
}

/* Takes once; "-" in front if the read would go on. */
static const char *take(u64 length)
{
    static char text[300];
    u64 done = 0;
    bool over = cons_line_take(&line, (u8 *)text + 1, length, &done);

    text[0] = over ? '+' : '-';
    text[1 + done] = '\0';
    return text;
}

static int fresh_line(void **state)
{
    (void)state;
    cons_line_init(&line);
    return 0;
}

static void line_is_delivered_whole(void **state)
{
    (void)state;
    type_text("echo hi");
    assert_string_equal(take(100), "-");
    type_text("\r");
    assert_string_equal(take(100), "+echo hi\n");
    assert_string_equal(take(100), "-");
}

static void line_is_read_in_pieces(void **state)
{
    (void)state;
    type_text("abc\nde\n");
    assert_string_equal(take(1), "+a");
    assert_string_equal(take(2), "+bc");
    assert_string_equal(take(10), "+\n");
    assert_string_equal(take(10), "+de\n");
    assert_string_equal(take(0), "+");
}

static void end_of_file(void **state)
{
    (void)state;
    type_text("abc\004");
    assert_string_equal(take(100), "+abc");
    assert_string_equal(take(100), "+"); /* left for this read, and consumed by it */
    assert_string_equal(take(100), "-");
    type_text("\004");
    assert_string_equal(take(1), "+");
    assert_string_equal(take(1), "-");
    type_text("ab\004");
    assert_string_equal(take(2), "+ab");
    assert_string_equal(take(2), "+");
}

static void erasing_stops_at_what_was_delivered(void **state)
{
    (void)state;
    type_text("x\nabc\b\177d\n");
    assert_string_equal(take(2), "+x\n");
    assert_string_equal(take(100), "+ad\n");
    type_text("wrong\025right\n");
    assert_string_equal(take(100), "+right\n");
    assert_int_equal(cons_line_decide(&line, 8).deed, CONS_LINE_NOTHING);
    assert_int_equal(cons_line_decide(&line, 21).deed, CONS_LINE_NOTHING);
    type_text("abcd");
    assert_int_equal(cons_line_decide(&line, 8).count, 1);
    assert_int_equal(cons_line_decide(&line, 21).count, 4);
}

static void special_bytes(void **state)
{
    (void)state;
    assert_int_equal(cons_line_decide(&line, 0).deed, CONS_LINE_NOTHING);
    assert_int_equal(cons_line_decide(&line, 16).deed, CONS_LINE_ATTENTION);
    assert_int_equal(cons_line_decide(&line, 4).deed, CONS_LINE_STORE);
    assert_int_equal(cons_line_decide(&line, 4).byte, 4);
    assert_int_equal(cons_line_decide(&line, '\r').byte, '\n');
    assert_int_equal(cons_line_decide(&line, 3).deed, CONS_LINE_STORE);
    assert_int_equal(cons_line_decide(&line, 0xff).deed, CONS_LINE_STORE);
    type_text("\003\032\033[A\n");
    assert_string_equal(take(100), "+\003\032\033[A\n");
}

static void full_ring(void **state)
{
    char long_line[CONS_LINE_SIZE + 2];

    (void)state;
    memset(long_line, 'x', sizeof(long_line));
    long_line[CONS_LINE_SIZE - 1] = '\0';
    type_text(long_line);
    assert_string_equal(take(200), "-");
    type_text("y");
    assert_int_equal(cons_line_decide(&line, 'z').deed, CONS_LINE_NOTHING); /* no room: dropped, not echoed */
    assert_int_equal(cons_line_decide(&line, '\n').deed, CONS_LINE_NOTHING);
    assert_int_equal(cons_line_decide(&line, 8).deed, CONS_LINE_NOTHING); /* delivered: not to be erased */
    {
        char taken[300];
        u64 done = 0;

        assert_false(cons_line_take(&line, (u8 *)taken, 200, &done)); /* takes the 128 and goes on waiting */
        assert_int_equal(done, CONS_LINE_SIZE);
        type_text("end\n");
        assert_true(cons_line_take(&line, (u8 *)taken, 200, &done));
        assert_int_equal(done, CONS_LINE_SIZE + 4);
        assert_memory_equal(taken + CONS_LINE_SIZE - 1, "yend\n", 5);
    }
}

static void unread_lines_count_against_the_ring(void **state)
{
    (void)state;
    for (u32 i = 0; i < CONS_LINE_SIZE / 2; i++)
        type_text("a\n");
    assert_int_equal(cons_line_decide(&line, 'b').deed, CONS_LINE_NOTHING);
    assert_string_equal(take(2), "+a\n");
    assert_int_equal(cons_line_decide(&line, 'b').deed, CONS_LINE_STORE);
}

/* ---- kept.c: a death at every boundary of typing and reading ---- */

/* What a person and the readers do, in this order. A read that has to wait goes on when its number comes
 * again. */
static const struct deed {
    enum { TYPE, READ, GO_ON, ATTEND } kind;
    const char *text;
    u64 length;
} deeds[] = {
    {TYPE, "ab\bc\rde", 0},  {READ, NULL, 2},         {READ, NULL, 10},  {TYPE, "wrong\025right\177t", 0},
    {TYPE, "\004", 0},       {READ, NULL, 100},       {READ, NULL, 100}, {READ, NULL, 100},
    {TYPE, "x\020yz", 0},    {ATTEND, NULL, 0},       {TYPE, "\n", 0},   {GO_ON, NULL, 100},
    {TYPE, "one\ntwo\n", 0}, {TYPE, "unfinished", 0}, {READ, NULL, 100}, {READ, NULL, 100},
    {TYPE, " line\n", 0},    {READ, NULL, 100},
};

/* Where they are: lives outside the service, as unix does. */
static struct {
    u32 deed;
    u64 at; /* of the text */
    bool received;
    u64 identity;
    u8 page[100];
    char read[400];
    u64 length;
} life;

static void type_on(const char *text)
{
    struct cons_line_action action;

    for (; text[life.at] != '\0'; life.at++, life.received = false) {
        if (!life.received)
            *cons_kept_receiver() = (u8)text[life.at];
        life.received = true;
        if (cons_kept_pending(&action))
            (void)cons_kept_apply(action);
    }
    life.at = 0;
}

static void note_read(const void *bytes, u64 length)
{
    assert_true(life.length + length + 1 < sizeof(life.read));
    memcpy(life.read + life.length, bytes, length);
    life.length += length;
    life.read[life.length++] = '|';
}

static void read_on(u64 length)
{
    u64 done = 0;

    if (cons_kept_take(life.identity, life.page, length, &done))
        note_read(life.page, done);
}

static void live(void)
{
    for (; life.deed < sizeof(deeds) / sizeof(deeds[0]); life.deed++) {
        const struct deed *deed = &deeds[life.deed];

        if (deed->kind == TYPE)
            type_on(deed->text);
        if (deed->kind == READ || deed->kind == GO_ON)
            read_on(deed->length);
        if (deed->kind == ATTEND)
            assert_true(cons_kept_attention(life.identity + 1));
        if (life.deed + 1 < sizeof(deeds) / sizeof(deeds[0]) && deeds[life.deed + 1].kind == READ)
            life.identity += PORT_REQUEST_CALLERS;
    }
}

/* Lives through it with a death at the n-th boundary; false: there are not so many. */
static bool live_and_die(u64 n)
{
    volatile bool died = false;

    host_reset();
    memset(&life, 0, sizeof(life));
    life.identity = 3;
    assert_int_equal(cons_kept_start(true), ERR_OK);
    host_death_after(n);
    if (setjmp(host_death) != 0) {
        died = true;
        assert_int_equal(cons_kept_start(false), ERR_OK);
    }
    live();
    host_death_after(0);
    return died;
}

static void deaths_lose_nothing(void **state)
{
    char whole[sizeof(life.read)];
    u64 n;

    (void)state;
    assert_false(live_and_die(0));
    memcpy(whole, life.read, sizeof(whole));
    assert_string_equal(whole, "ac|\n|right||xyz\n|one\n|two\n|unfinished line\n|");
    for (n = 1; live_and_die(n); n++) {
        if (strcmp(life.read, whole) != 0)
            fail_msg("a death at boundary %lu: read \"%s\", not \"%s\"", n, life.read, whole);
        assert_false(cons_kept_attention(life.identity + 2));
    }
    assert_true(n > 200);
}

/* A read of more than the line can hold has bytes in its page when the service dies. */
static void long_read_goes_on(void **state)
{
    static u8 page[300];
    struct cons_line_action action;
    u64 done = 0;

    (void)state;
    host_reset();
    assert_int_equal(cons_kept_start(true), ERR_OK);
    for (u32 i = 0; i < 200; i++) {
        *cons_kept_receiver() = 'a' + i % 26;
        assert_true(cons_kept_pending(&action));
        if (cons_kept_apply(action))
            assert_false(cons_kept_take(7, page, sizeof(page), &done));
    }
    assert_int_equal(done, CONS_LINE_SIZE);
    assert_int_equal(cons_kept_start(false), ERR_OK);
    *cons_kept_receiver() = '\n';
    assert_true(cons_kept_pending(&action));
    assert_true(cons_kept_apply(action));
    done = 0;
    assert_true(cons_kept_take(7, page, sizeof(page), &done));
    assert_int_equal(done, 201);
    for (u32 i = 0; i < 200; i++)
        assert_int_equal(page[i], 'a' + i % 26);
    done = 0; /* asked once more: it has its line, and takes no other */
    assert_true(cons_kept_take(7, page, sizeof(page), &done));
    assert_int_equal(done, 201);
}

/* What cannot be is given up, aloud. */
static void damage_is_seen(void **state)
{
    struct cons_line_action action;
    u8 page[4];
    u64 done = 0;

    (void)state;
    for (u32 count = 0; count < 3; count++) {
        host_reset();
        host_log_quiet = true;
        assert_int_equal(cons_kept_start(true), ERR_OK);
        u64 *counts[] = {&cons_kept->line.taken, &cons_kept->line.delivered, &cons_kept->line.end};

        *cons_kept_receiver() = '\n';
        assert_true(cons_kept_pending(&action));
        assert_true(cons_kept_apply(action));
        *counts[count] ^= 1u << 20;
        assert_int_equal(cons_kept_start(false), ERR_OK);
        assert_non_null(strstr(host_log_text, "console: what was typed is lost"));
        assert_false(cons_kept_take(0, page, sizeof(page), &done));
        assert_int_equal(done, 0);
    }
    host_log_quiet = false;
}

/* ---- console.c ---- */

static void write_text(const char *text)
{
    u64 id = port_transfer_id();

    memcpy(port_transfer(id), text, strlen(text));
    assert_int_equal(cons_write(id, strlen(text)), ERR_OK);
}

static void read_text(const char *expected)
{
    u64 id = port_transfer_id();
    u64 count;

    assert_int_equal(cons_read(1, id, 300, &count), ERR_OK);
    assert_int_equal(count, strlen(expected));
    assert_memory_equal(port_transfer(id), expected, count);
}

static void writing(void **state)
{
    u64 length;

    (void)state;
    test_uart_clear();
    write_text("hello\nworld\n");
    assert_string_equal(test_uart_sent(&length), "hello\nworld\n");
    assert_int_equal(cons_write(1u << 20, 1), ERR_ARGUMENT);
    assert_int_equal(cons_write(port_transfer_id(), PORT_TRANSFER_SIZE + 1), ERR_ARGUMENT);
    assert_int_equal(cons_write(port_transfer_id(), 0), ERR_OK);
}

static void typing_is_echoed_and_read(void **state)
{
    (void)state;
    test_uart_clear();
    test_uart_type_text("lx\bs\r");
    read_text("ls\n");
    assert_true(test_uart_wait_for("lx\b \bs\n")); /* the echo was out before the line was delivered */
    test_uart_type("\004", 1);
    read_text("");
    assert_true(test_uart_wait_for("\004"));
}

static void dead_device(void **state)
{
    u64 length;

    (void)state;
    test_uart_clear();
    test_uart_stall(true);
    assert_int_equal(cons_write(port_transfer_id(), 100), ERR_DEVICE);
    test_uart_stall(false);
    (void)test_uart_sent(&length);
    assert_int_equal(length, 0);
    write_text("again");
}

static int outcome = -1;
static u64 outcome_count;

static void reader_thread(void *unused)
{
    (void)unused;
    enum err err = cons_read(7, port_transfer_id(), 10, &outcome_count);

    __atomic_store_n(&outcome, (int)err, __ATOMIC_SEQ_CST);
    port_thread_exit();
}

static void attention_thread(void *unused)
{
    (void)unused;
    __atomic_store_n(&outcome, (int)cons_attention(), __ATOMIC_SEQ_CST);
    port_thread_exit();
}

static int await_outcome(void)
{
    for (u32 i = 0; i < 5000 && __atomic_load_n(&outcome, __ATOMIC_SEQ_CST) < 0; i++)
        usleep(1000);
    return outcome;
}

static void cancelling(void **state)
{
    (void)state;
    outcome = -1;
    assert_int_equal(port_thread_start("reader", reader_thread, NULL), ERR_OK);
    usleep(10000);
    assert_int_equal(outcome, -1);
    assert_int_equal(cons_cancel(7), ERR_OK);
    assert_int_equal(await_outcome(), ERR_CANCELLED);
    outcome = -1; /* remembered until it is forgotten */
    assert_int_equal(port_thread_start("reader", reader_thread, NULL), ERR_OK);
    assert_int_equal(await_outcome(), ERR_CANCELLED);
    assert_int_equal(cons_forget(7), ERR_OK);
    outcome = -1;
    assert_int_equal(port_thread_start("reader", reader_thread, NULL), ERR_OK);
    test_uart_type_text("12\n");
    assert_int_equal(await_outcome(), ERR_OK);
    assert_int_equal(outcome_count, 3);
    assert_int_equal(cons_cancel(CONS_READERS), ERR_ARGUMENT);
    assert_int_equal(cons_forget(CONS_READERS), ERR_ARGUMENT);
}

static void attention(void **state)
{
    (void)state;
    outcome = -1;
    assert_int_equal(port_thread_start("watcher", attention_thread, NULL), ERR_OK);
    usleep(5000);
    assert_int_equal(outcome, -1);
    test_uart_type("\020", 1);
    assert_int_equal(await_outcome(), ERR_OK);
}

static void typed_ahead_is_kept(void **state)
{
    (void)state;
    for (u32 i = 0; i < 20; i++)
        test_uart_type_text("12345\n");
    for (u32 i = 0; i < 20; i++)
        read_text("12345\n");
}

/* What was typed when the service dies, finished or not, and what the UART still holds, is read in the next
 * generation; and who was cancelled is cancelled there. */
static void restarting(void **state)
{
    u64 count;

    (void)state;
    test_uart_type_text(" survives\n");
    assert_int_equal(cons_restart(), ERR_OK);
    assert_int_equal(cons_read(9, 0, 1, &count), ERR_CANCELLED);
    assert_int_equal(cons_forget(9), ERR_OK);
    read_text("finished\n");
    read_text("unfinished survives\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(line_is_delivered_whole, fresh_line),
        cmocka_unit_test_setup(line_is_read_in_pieces, fresh_line),
        cmocka_unit_test_setup(end_of_file, fresh_line),
        cmocka_unit_test_setup(erasing_stops_at_what_was_delivered, fresh_line),
        cmocka_unit_test_setup(special_bytes, fresh_line),
        cmocka_unit_test_setup(full_ring, fresh_line),
        cmocka_unit_test_setup(unread_lines_count_against_the_ring, fresh_line),
        cmocka_unit_test(deaths_lose_nothing),
        cmocka_unit_test(long_read_goes_on),
        cmocka_unit_test(damage_is_seen),
    };
    const struct CMUnitTest service[] = {
        cmocka_unit_test(writing),     cmocka_unit_test(typing_is_echoed_and_read),
        cmocka_unit_test(dead_device), cmocka_unit_test(cancelling),
        cmocka_unit_test(attention),   cmocka_unit_test(typed_ahead_is_kept),
    };
    const struct CMUnitTest restart[] = {cmocka_unit_test(restarting)};

    if (cmocka_run_group_tests_name("console input", tests, NULL, NULL) != 0)
        return 1;
    host_reset();
    if (cons_start() != ERR_OK)
        return 1;
    if (cmocka_run_group_tests_name("console", service, NULL, NULL) != 0)
        return 1;
    test_uart_clear();
    test_uart_type_text("finished\nunfinished");
    if (!test_uart_wait_for("finished\nunfinished") || cons_cancel(9) != ERR_OK)
        return 1;
    /* In a process of its own, without the old generation's input thread, which may die in a step. That
     * thread may also hold the mutex of placement/host/sync.c at this moment, and then nobody in the new
     * process gives it back: such a process waits for ever, and another is made. */
    int status = 0;
    for (u32 attempt = 0; attempt < 3; attempt++) {
        if (fork() == 0) {
            alarm(10);
            host_keep_undo();
            _exit(cmocka_run_group_tests_name("console restart", restart, NULL, NULL));
        }
        wait(&status);
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGALRM)
            break;
    }
    return status != 0;
}
