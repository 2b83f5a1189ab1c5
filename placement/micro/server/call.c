/*
 * Calls between services, and the loop at the other end. Both speak what port/operation.h describes.
 *
 * Request: label = operation's number and the request's identity (LABEL_OF), words = in values. Answer: label
 * = enum err, words = out values, if it is OK.
 *
 * The identity is the thread's number and how many calls it has made; that counter lies in the kept record
 * and never begins anew, so no request of a new generation has the identity of an old one's.
 */
#include "placement/micro/server/keep.h"
#include "placement/micro/server/runtime.h"
#include "port/log.h"
#include "port/request.h"
#include "port/thread.h"

extern u8 service_ecall_place[];
u64 service_ecall(u64 endpoint, u64 info, u64 *mr);

#define REGISTER_WORDS 4u

/* `info` has the operation's number as its label. */
static enum err exchange(u32 service, seL4_MessageInfo_t *info, u64 *words)
{
    struct sync_thread *self = server_self();
    struct call_record *record = &server_record()->calls[self->index];
    u64 operation = seL4_MessageInfo_get_label(*info);
    u32 work;

    server_record()->call_place = (u64)service_ecall_place;
    if (!self->again || record->service != service || record->operation != operation)
        record->serial++;
    self->again = false;
    record->service = service;
    record->operation = (u32)operation;
    *info = seL4_MessageInfo_new(LABEL_OF(operation, self->index, record->serial), 0,
                                 seL4_MessageInfo_get_extraCaps(*info), seL4_MessageInfo_get_length(*info));
    work = server_work(WORK_WAITING);
    __atomic_store_n(&record->state, CALL_WAITING, __ATOMIC_RELEASE);
    info->words[0] = service_ecall(CPTR(SLOT_CLIENT + service), info->words[0], words);
    __atomic_store_n(&record->state, CALL_NONE, __ATOMIC_RELEASE);
    server_work(work);
    return (enum err)seL4_MessageInfo_get_label(*info);
}

enum err service_call(u32 service, u64 operation, u64 *words, u32 in)
{
    seL4_MessageInfo_t info = seL4_MessageInfo_new(operation, 0, 0, in);

    for (u32 i = REGISTER_WORDS; i < in; i++)
        seL4_SetMR((int)i, words[i]);
    return exchange(service, &info, words);
}

enum err service_request(u32 service, seL4_MessageInfo_t *info)
{
    return exchange(service, info, seL4_GetIPCBuffer()->msg);
}

u64 port_request_identity(void)
{
    return sync_self()->request;
}

void port_request_again(void)
{
    sync_self()->again = true;
}

u64 server_ask(enum supervisor_request request, u64 length, u64 w0, u64 w1, u64 w2)
{
    seL4_MessageInfo_t info = seL4_MessageInfo_new(request, 0, 0, length);

    info = seL4_CallWithMRs(CPTR(SLOT_SUPERVISOR), info, &w0, &w1, &w2, NULL);
    return seL4_MessageInfo_get_label(info);
}

static seL4_MessageInfo_t answer(const struct server_loop *loop, seL4_MessageInfo_t info, u64 *words)
{
    u64 label = LABEL_OPERATION(seL4_MessageInfo_get_label(info));
    enum err err;

    server_self()->request = LABEL_IDENTITY(seL4_MessageInfo_get_label(info));
    for (u32 i = REGISTER_WORDS; i < OPERATION_IN_MAX; i++)
        words[i] = seL4_GetMR((int)i);
    if (label < loop->count) {
        err = loop->operations[label](words);
        return seL4_MessageInfo_new(err, 0, 0, err == ERR_OK ? loop->outs[label] : 0);
    }
    if (loop->request)
        return loop->request(label, words);
    return seL4_MessageInfo_new(ERR_ARGUMENT, 0, 0, 0);
}

void server_serve(void *argument)
{
    const struct server_loop *loop = argument;
    struct work_record *work = &server_record()->work[sync_self()->index];
    u64 words[OPERATION_IN_MAX] = {0};
    seL4_Word badge;
    seL4_MessageInfo_t info;

    __atomic_store_n(&work->state, WORK_NONE, __ATOMIC_RELEASE);
    info = seL4_RecvWithMRs(CPTR(SLOT_SERVICE), &badge, &words[0], &words[1], &words[2], &words[3]);
    for (;;) {
        if (badge == BADGE_SIGNAL) { /* a wake-up whose reason has passed */
            info = seL4_RecvWithMRs(CPTR(SLOT_SERVICE), &badge, &words[0], &words[1], &words[2], &words[3]);
            continue;
        }
        work->serial++;
        __atomic_store_n(&work->state, WORK_RUNNING, __ATOMIC_RELEASE);
        if (loop->note)
            loop->note();
        info = answer(loop, info, words);
        __atomic_store_n(&work->state, WORK_NONE, __ATOMIC_RELEASE);
        info = seL4_ReplyRecvWithMRs(CPTR(SLOT_SERVICE), info, &badge, &words[0], &words[1], &words[2],
                                     &words[3]);
    }
}

void server_live(const struct server_loop *loop, enum err (*start)(void), enum err (*restart)(void))
{
    enum err err;

    if (server_info()->kept_size > 0 && !server_keep_recover())
        port_fatal("the undo record of the kept memory is damaged");
    err = server_info()->generation == 1 ? start() : restart();
    for (u64 i = 1; i < server_info()->operation_threads && err == ERR_OK; i++)
        err = port_thread_start("operations", server_serve, (void *)loop);
    server_ask(SUPERVISOR_READY, 1, err, 0, 0);
    if (err != ERR_OK)
        port_fatal(err_text(err));
    server_serve((void *)loop);
    port_fatal("the server's loop ended");
}
