/* What survives a death of the console; see kept.h for what each function promises. */
#include "service/console/kept.h"
#include "lib/string.h"
#include "port/keep.h"
#include "port/log.h"

struct cons_kept *cons_kept;

static bool is_sound(void)
{
    const struct cons_line *line = &cons_kept->line;

    return line->taken <= line->delivered && line->delivered <= line->end &&
           line->end - line->taken <= CONS_LINE_SIZE && cons_kept->pending <= 0xff;
}

enum err cons_kept_start(bool first)
{
    cons_kept = port_keep_memory(sizeof(*cons_kept));
    if (cons_kept == NULL)
        return ERR_NO_MEMORY;
    if (!first && is_sound())
        return ERR_OK;
    if (!first)
        port_log("console: what was typed is lost: its record is damaged\n");
    memset(cons_kept, 0, sizeof(*cons_kept));
    cons_line_init(&cons_kept->line);
    return ERR_OK;
}

/* ---- Typing ---- */

u32 *cons_kept_receiver(void)
{
    return &cons_kept->pending;
}

bool cons_kept_pending(struct cons_line_action *action)
{
    if (cons_kept->pending == CONS_NOTHING_PENDING)
        return false;
    *action = cons_line_decide(&cons_kept->line, (u8)cons_kept->pending);
    return true;
}

/* The byte's place in the ring is one that nobody reads before `end` says so: it need not be saved. */
bool cons_kept_apply(struct cons_line_action action)
{
    bool delivered;

    port_keep_begin(&cons_kept->line.delivered, sizeof(cons_kept->line.delivered));
    port_keep_begin(&cons_kept->line.end, sizeof(cons_kept->line.end));
    port_keep_begin(&cons_kept->pending, sizeof(cons_kept->pending));
    port_keep_begin(&cons_kept->attention, sizeof(cons_kept->attention));
    delivered = cons_line_apply(&cons_kept->line, action);
    if (action.deed == CONS_LINE_ATTENTION)
        cons_kept->attention = true;
    cons_kept->pending = CONS_NOTHING_PENDING;
    port_keep_commit();
    return delivered;
}

/* ---- Requests ---- */

static struct cons_request *request_of(u64 identity)
{
    return &cons_kept->requests[identity % PORT_REQUEST_CALLERS];
}

/* In an open step. */
static void note(u64 identity, u64 done, bool over)
{
    struct cons_request *request = request_of(identity);

    if (identity == 0)
        return;
    port_keep_begin(request, sizeof(*request));
    *request = (struct cons_request){.identity = identity, .done = (u32)done, .over = over};
}

bool cons_kept_take(u64 identity, u8 *to, u64 length, u64 *done)
{
    const struct cons_request *request = request_of(identity);
    bool over;

    if (identity != 0 && request->identity == identity && request->done <= length) {
        *done = request->done;
        if (request->over)
            return true;
    }
    port_keep_begin(&cons_kept->line.taken, sizeof(cons_kept->line.taken));
    over = cons_line_take(&cons_kept->line, to, length, done);
    note(identity, *done, over);
    port_keep_commit();
    return over;
}

bool cons_kept_attention(u64 identity)
{
    if (identity != 0 && request_of(identity)->identity == identity)
        return true;
    if (!cons_kept->attention)
        return false;
    port_keep_begin(&cons_kept->attention, sizeof(cons_kept->attention));
    note(identity, 0, true);
    cons_kept->attention = false;
    port_keep_commit();
    return true;
}

/* One store, which no death tears. */
void cons_kept_cancel(u64 reader, bool cancelled)
{
    cons_kept->cancelled[reader] = cancelled;
}

bool cons_kept_cancelled(u64 reader)
{
    return cons_kept->cancelled[reader];
}
