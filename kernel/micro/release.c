/* A release build says nothing and knows no debug system calls. The contract is in debug.h. */
#include "kernel/micro/debug.h"
#include "lib/format.h"

void debug_print(const char *format, ...)
{
    (void)format;
}

void debug_failure(const struct invocation *invocation)
{
    (void)invocation;
}

void debug_unhandled_fault(const struct tcb *tcb, const struct lookup_failure *lookup)
{
    (void)tcb;
    (void)lookup;
}

void debug_thread_new(struct tcb *tcb)
{
    (void)tcb;
}

void debug_thread_gone(struct tcb *tcb)
{
    (void)tcb;
}

void debug_thread_name(const struct tcb *tcb, char *text, u64 size)
{
    format_string(text, size, "thread %p", (const void *)tcb);
}

bool debug_syscall(s64 number)
{
    (void)number;
    return false;
}

bool debug_checking;

void debug_check(void)
{
}

void debug_init(void)
{
}
