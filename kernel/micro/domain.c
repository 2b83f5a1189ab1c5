/*
 * Scheduling domains. This configuration has one, so its schedule is a formality: entry 0 runs domain 0
 * without end, entry 1 is the end mark. The calls answer as the API says.
 * (seL4 Reference Manual, "Threads and Execution": domains.)
 */
#include "kernel/micro/invoke.h"
#include "kernel/micro/schedule.h"

#define SCHEDULE_LENGTH (CONFIG_NUM_DOMAINS + 1)
#define DURATION_MAX    ((1ul << 56) - 1)

static enum result set(struct invocation *in)
{
    if (in->length < 1)
        return fail(seL4_TruncatedMessage);
    if (invocation_word(in, 0) >= CONFIG_NUM_DOMAINS)
        return fail_argument(0);
    if (in->extra_count < 1)
        return fail(seL4_TruncatedMessage);
    if (in->extra[0]->cap.type != CAP_TCB)
        return fail_argument(1);

    struct tcb *tcb = cap_object(in->extra[0]->cap);
    schedule_dequeue(tcb);
    if (thread_runnable(tcb))
        schedule_enqueue(tcb);
    if (tcb == current)
        schedule_request();
    return RESULT_OK;
}

static enum result configure(struct invocation *in)
{
    if (in->length < 3)
        return fail(seL4_TruncatedMessage);
    u64 index = invocation_word(in, 0), domain = invocation_word(in, 1), duration = invocation_word(in, 2);
    if (index >= SCHEDULE_LENGTH - 1)
        return fail_range(0, SCHEDULE_LENGTH - 2);
    if (domain >= CONFIG_NUM_DOMAINS)
        return fail_range(0, CONFIG_NUM_DOMAINS - 1);
    if (duration > DURATION_MAX)
        return fail_argument(2);
    if (duration == 0) /* entry 0 is the start and must not become the end */
        return fail_argument(2);
    return RESULT_OK;
}

static enum result set_start(struct invocation *in)
{
    if (in->length < 1)
        return fail(seL4_TruncatedMessage);
    u64 index = invocation_word(in, 0);
    if (index >= SCHEDULE_LENGTH)
        return fail_range(0, SCHEDULE_LENGTH - 1);
    return index == SCHEDULE_LENGTH - 1 ? fail_argument(0) : RESULT_OK;
}

enum result domain_invoke(struct invocation *in)
{
    switch (in->label) {
    case DomainSetSet:
        return set(in);
    case DomainSetScheduleConfigure:
        return configure(in);
    case DomainSetScheduleSetStart:
        return set_start(in);
    default:
        return fail(seL4_IllegalOperation);
    }
}
