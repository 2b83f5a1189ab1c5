/* What all decoders share. The contract is in invoke.h. */
#include "kernel/micro/invoke.h"
#include "kernel/micro/cdt.h"
#include "kernel/micro/cspace.h"
#include "kernel/micro/ipc.h"

struct failure failure;

enum result fail(seL4_Error error)
{
    failure = (struct failure){.error = error};
    return RESULT_ERROR;
}

enum result fail_argument(u64 number)
{
    failure = (struct failure){.error = seL4_InvalidArgument, .words = {number}, .count = 1};
    return RESULT_ERROR;
}

enum result fail_cap(u64 number)
{
    failure = (struct failure){.error = seL4_InvalidCapability, .words = {number}, .count = 1};
    return RESULT_ERROR;
}

enum result fail_range(u64 min, u64 max)
{
    failure = (struct failure){.error = seL4_RangeError, .words = {min, max}, .count = 2};
    return RESULT_ERROR;
}

enum result fail_memory(u64 left)
{
    failure = (struct failure){.error = seL4_NotEnoughMemory, .words = {left}, .count = 1};
    return RESULT_ERROR;
}

enum result fail_lookup(bool source, const struct lookup_failure *lookup)
{
    failure = (struct failure){
        .error = seL4_FailedLookup,
        .words = {source, lookup->type, lookup->bits_left, lookup->found, lookup->guard_size},
        .count = 2 + lookup_failure_details(lookup),
    };
    return RESULT_ERROR;
}

enum result fail_missing(bool source, u64 bits_left)
{
    struct lookup_failure lookup = {.type = seL4_MissingCapability, .bits_left = bits_left};
    return fail_lookup(source, &lookup);
}

void invocation_answer(struct invocation *invocation, const u64 *words, u32 count)
{
    if (!invocation->call)
        return;
    seL4_IPCBuffer *buffer = message_buffer(invocation->caller, true);
    for (u32 i = 0; i < count && message_set(invocation->caller, buffer, i, words[i]); i++)
        invocation->answer_length = i + 1;
}

enum result cap_derive(const struct slot *slot, struct cap cap, struct cap *out)
{
    static const struct cap null;

    *out = cap;
    switch (cap.type) {
    case CAP_UNTYPED:
        return slot_has_children(slot) ? fail(seL4_RevokeFirst) : RESULT_OK;
    case CAP_PAGE_TABLE:
        return cap.asid ? RESULT_OK : fail(seL4_IllegalOperation);
    case CAP_FRAME:
        out->asid = 0;
        out->vaddr = 0;
        return RESULT_OK;
    case CAP_ZOMBIE:
    case CAP_IRQ_CONTROL:
    case CAP_REPLY:
        *out = null;
        return RESULT_OK;
    default:
        return RESULT_OK;
    }
}
