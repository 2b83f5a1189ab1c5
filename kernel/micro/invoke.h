/*
 * Invocations: what all objects' decoders share.
 *
 * A decoder asks every question first, in the order the API lists the errors, and acts after the last one. So
 * an error has changed nothing. An action that takes long stops at preemption points (trap.h) and is
 * repeated from the start of the system call; the questions are then asked again.
 * (seL4 Reference Manual, "seL4 API Reference": error codes.)
 */
#ifndef KERNEL_MICRO_INVOKE_H
#define KERNEL_MICRO_INVOKE_H

#include "kernel/micro/ipc.h"

enum result {
    RESULT_OK,
    RESULT_ERROR,     /* `failure` says which */
    RESULT_PREEMPTED, /* an interrupt is pending: handle it, then repeat the system call */
};

/* The error of the invocation under way: label and message registers of the answer. */
struct failure {
    u64 error; /* seL4_Error */
    u64 words[5];
    u32 count;
};
extern struct failure failure;

/* Each sets `failure` and returns RESULT_ERROR. */
enum result fail(seL4_Error error);
enum result fail_argument(u64 number);
enum result fail_cap(u64 number);
enum result fail_range(u64 min, u64 max);
enum result fail_memory(u64 left);
enum result fail_lookup(bool source, const struct lookup_failure *lookup);
/* The slot that was looked up is empty, or not of the right kind. */
enum result fail_missing(bool source, u64 bits_left);

struct invocation {
    u64 label;
    u64 length;        /* words in the message; at most 4 without a buffer */
    struct cap cap;    /* what is invoked, */
    struct slot *slot; /* and where it is */
    u32 extra_count;
    struct slot *extra[seL4_MsgMaxExtraCaps];
    struct tcb *caller;
    const seL4_IPCBuffer *buffer; /* the caller's, NULL if it has none */
    bool call;                    /* the caller waits for an answer */
    u64 answer_length;            /* set by invocation_answer() */
};

/* All senders with `badge` that wait at the endpoint repeat their system calls (endpoint.c). */
enum result endpoint_cancel_badged(struct endpoint *endpoint, u64 badge);

/* Word `i` of the message; i < length. */
static inline u64 invocation_word(const struct invocation *invocation, u32 i)
{
    return message_get(invocation->caller, invocation->buffer, i);
}

/* Answers a Call with `words`, cut to what the caller can take. Nothing happens for other kinds of send. */
void invocation_answer(struct invocation *invocation, const u64 *words, u32 count);

/* The decoders, each in the file of its object. */
enum result untyped_invoke(struct invocation *invocation);
enum result cnode_invoke(struct invocation *invocation);
enum result tcb_invoke(struct invocation *invocation);
enum result irq_control_invoke(struct invocation *invocation);
enum result irq_handler_invoke(struct invocation *invocation);
enum result page_table_invoke(struct invocation *invocation);
enum result frame_invoke(struct invocation *invocation);
enum result asid_control_invoke(struct invocation *invocation);
enum result asid_pool_invoke(struct invocation *invocation);
enum result domain_invoke(struct invocation *invocation);

/*
 * Derives the cap of `slot`, given as `cap` (masked, or with other data), for a copy. *out may be a null cap:
 * this type cannot be copied.
 */
enum result cap_derive(const struct slot *slot, struct cap cap, struct cap *out);

#endif
