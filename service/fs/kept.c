/*
 * What survives a death of the service: who holds which inode, which slots are lent, and what the last
 * request of each caller was answered.
 *
 * The first two are promises to unix, which goes on holding what it was given. Everything else is on the
 * disk. The third is for the instants between an operation's effect and its answer: a caller that is told
 * "restarted" asks again under the same identity, and must find the operation done once. So the answer is
 * noted in the same kept step as the effect; or, where the effect is a transaction, before that is committed
 * and with its number, so that it counts exactly if the transaction does.
 */
#include "port/keep.h"
#include "port/log.h"
#include "service/fs/core.h"

#define REFERENCES_MAX 0xffffu

struct fs_kept *fs_kept;

enum err fs_kept_start(void)
{
    fs_kept = port_keep_memory(sizeof *fs_kept);
    if (fs_kept == NULL)
        return ERR_NO_MEMORY;
    if (fs_kept->references[FS_ROOT] == 0)
        fs_kept->references[FS_ROOT] = 1;
    return ERR_OK;
}

bool fs_held(u64 inode)
{
    return inode < fs_geometry.inodes && fs_kept->references[inode] > 0;
}

bool fs_reference_room(u32 inode)
{
    return fs_kept->references[inode] < REFERENCES_MAX;
}

void fs_reference_take(u32 inode)
{
    u16 *references = &fs_kept->references[inode];
    port_assert(*references < REFERENCES_MAX, "fs: too many references");
    port_keep_begin(references, sizeof *references);
    ++*references;
    fs_request_note(inode);
    port_keep_commit();
}

void fs_reference_drop(u32 inode)
{
    u16 *references = &fs_kept->references[inode];
    port_assert(*references > 0, "fs: reference dropped twice");
    port_keep_begin(references, sizeof *references);
    --*references;
    fs_request_note(inode);
    port_keep_commit();
}

/* ---- Requests ---- */

static struct fs_request *request_of(u64 identity)
{
    return &fs_kept->requests[identity % PORT_REQUEST_CALLERS];
}

bool fs_request_done(u64 *answer)
{
    u64 identity = port_request_identity();
    if (identity == 0 || request_of(identity)->identity != identity)
        return false;
    *answer = request_of(identity)->answer;
    return true;
}

/* The former request of this caller has been answered and is asked for by nobody. So only the identity need
 * be saved by the step: if it is undone, that former identity speaks for rubbish that nobody reads. */
static void note(u64 identity, struct fs_request wanted)
{
    struct fs_request *request = request_of(identity);
    port_keep_begin(&request->identity, sizeof request->identity);
    request->transaction = wanted.transaction;
    request->answer = wanted.answer;
    request->taken = wanted.taken;
    request->identity = identity;
}

void fs_request_note(u64 answer)
{
    u64 identity = port_request_identity();
    if (identity != 0)
        note(identity, (struct fs_request){.answer = answer});
}

void fs_request_note_change(u64 answer)
{
    u64 identity = port_request_identity();
    if (identity == 0 || !fs_log_has_changed())
        return;
    note(identity, (struct fs_request){.transaction = fs_log_transaction(), .answer = answer});
    port_keep_commit();
}

void fs_request_note_created(u32 inode)
{
    u16 *references = &fs_kept->references[inode];
    u64 identity = port_request_identity();
    port_assert(*references < REFERENCES_MAX, "fs: too many references");
    port_keep_begin(references, sizeof *references);
    ++*references;
    if (identity != 0)
        note(identity,
             (struct fs_request){.transaction = fs_log_transaction(), .answer = inode, .taken = inode});
    port_keep_commit();
}

void fs_requests_failed(u64 transaction)
{
    for (u32 i = 0; i < PORT_REQUEST_CALLERS; i++)
        if (fs_kept->requests[i].transaction == transaction)
            fs_kept->requests[i].identity = 0;
}

void fs_request_undo_created(u32 inode)
{
    u64 identity = port_request_identity();
    u16 *references = &fs_kept->references[inode];
    port_assert(*references > 0, "fs: reference dropped twice");
    port_keep_begin(references, sizeof *references);
    --*references;
    if (identity != 0) {
        port_keep_begin(&request_of(identity)->identity, sizeof identity);
        request_of(identity)->identity = 0;
    }
    port_keep_commit();
}

static void take_back(struct fs_request *request)
{
    u16 *references = &fs_kept->references[request->taken < FS_INODES_MAX ? request->taken : 0];
    port_keep_begin(&request->identity, sizeof request->identity);
    port_keep_begin(references, sizeof *references);
    request->identity = 0;
    if (request->taken != 0 && *references > 0)
        --*references;
    port_keep_commit();
}

/* What is committed is so for good: its number need not be compared again. */
void fs_requests_settle(u64 committed)
{
    for (u32 i = 0; i < PORT_REQUEST_CALLERS; i++) {
        struct fs_request *request = &fs_kept->requests[i];
        if (request->identity != 0 && request->transaction > committed)
            take_back(request);
        request->transaction = 0;
    }
}

void fs_requests_forget(void)
{
    for (u32 i = 0; i < PORT_REQUEST_CALLERS; i++)
        fs_kept->requests[i].identity = 0;
}
