/*
 * The watcher of lock order, on the host, with one thread: what it refuses and what it lets pass.
 *
 * Each refusal ends the process that provokes it, as it ends the kernel; so each case runs in a child.
 */
#include "kernel/mono/mono.h"
#include "placement/mono/lock_order.h"
#include "port/log.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What lock_order.c asks of the kernel and the ports. */
static struct mono_thread_head threads[2];
static unsigned running;

void *test_current(void)
{
    return &threads[running];
}

bool mono_schedule_lock(void)
{
    return true;
}

void mono_schedule_unlock(bool interrupts)
{
    (void)interrupts;
}

void port_fatal(const char *invariant)
{
    fputs(invariant, stdout);
    fflush(stdout);
    _exit(1);
}

static void nested(const char *outer, const char *inner)
{
    lock_order_take(outer);
    lock_order_take(inner);
    lock_order_drop(inner);
    lock_order_drop(outer);
}

static void downward(void)
{
    nested("file", "fs");
    nested("xmap", "fs");
    nested("fs", "block");
    lock_order_end();
}

static void upward(void)
{
    nested("block", "fs");
}

static void upward_two_steps(void)
{
    nested("block", "xmap");
}

/* Two threads that never meet, in opposite orders: nothing hung, and it is found. */
static void learned(void)
{
    nested("one", "two");
    nested("two", "three");
    running = 1;
    nested("three", "one");
}

static void same_class(void)
{
    nested("pipe", "pipe");
}

static void not_held(void)
{
    lock_order_take("one");
    lock_order_drop("two");
}

static void other_thread(void)
{
    lock_order_take("one");
    running = 1;
    lock_order_drop("one");
}

static void ends_holding(void)
{
    lock_order_take("one");
    lock_order_end();
}

static const struct {
    const char *name;
    void (*run)(void);
    const char *refusal; /* "": none */
} cases[] = {
    {"downward", downward, ""},
    {"upward", upward, "lock order: \"fs\" taken under \"block\""},
    {"upward by two steps", upward_two_steps, "lock order: \"xmap\" taken under \"block\""},
    {"learned", learned, "lock order: \"one\" taken under \"three\""},
    {"two of a class", same_class, ""},
    {"not held", not_held, "lock order: released and not held"},
    {"another thread's", other_thread, "lock order: released and not held"},
    {"ends holding", ends_holding, "lock order: a thread ends with a lock"},
};

static bool run_case(unsigned n)
{
    char said[128] = "";
    int pipes[2], status;
    ssize_t length;
    pid_t child;

    if (pipe(pipes) != 0 || (child = fork()) < 0)
        exit(2);
    if (child == 0) {
        dup2(pipes[1], STDOUT_FILENO);
        cases[n].run();
        _exit(0);
    }
    close(pipes[1]);
    length = read(pipes[0], said, sizeof(said) - 1);
    said[length > 0 ? length : 0] = '\0';
    close(pipes[0]);
    waitpid(child, &status, 0);
    if (strcmp(said, cases[n].refusal) == 0 && WIFEXITED(status) &&
        WEXITSTATUS(status) == (cases[n].refusal[0] != '\0'))
        return true;
    printf("lock order: %s: said \"%s\", should say \"%s\"\n", cases[n].name, said, cases[n].refusal);
    return false;
}

int main(void)
{
    unsigned count = sizeof(cases) / sizeof(cases[0]), good = 0;

    threads[1].index = 1;
    for (unsigned i = 0; i < count; i++)
        good += run_case(i);
    printf("lock order: %u of %u cases\n", good, count);
    return good != count;
}
