/*
 * What the console keeps over a death of the service: the characters typed and not yet read, what the last
 * read of each caller was given of them, and which readers were cancelled.
 *
 * A typed byte leaves the UART for cons_kept_receiver() and goes on by cons_kept_apply(); in between it is
 * pending, and a new generation does with it what the dead one had not done. A read that is repeated under
 * the same identity (port/request.h) goes on behind the bytes that it has in its transfer page, and one that
 * was over gets the same answer. Each change is one store, or one step of port/keep.h.
 *
 *     UART --receive--> pending --decide, echo, apply--> line --take--> transfer page
 *
 * Not kept: who waits (it asks again, or has ended), and the echo, which a death before cons_kept_apply()
 * lets the next generation send again.
 *
 * Locking: the caller's, the same lock around every call. Nothing here waits or fails but the start.
 */
#ifndef SERVICE_CONSOLE_KEPT_H
#define SERVICE_CONSOLE_KEPT_H

#include "lib/err.h"
#include "port/console.h"
#include "port/request.h"
#include "service/console/line.h"

/* The last request of a caller that was given something, or had to wait for it. */
struct cons_request {
    u64 identity; /* 0: none */
    u32 done;     /* bytes in its transfer page */
    bool over;    /* it was answered, or was about to be */
};

/* Zero is no byte: NUL is dropped when it is typed. */
#define CONS_NOTHING_PENDING 0u

extern struct cons_kept {
    struct cons_line line;
    u32 pending;    /* the byte, or CONS_NOTHING_PENDING */
    bool attention; /* ^P was typed and nobody has been told */
    bool cancelled[CONS_READERS];
    struct cons_request requests[PORT_REQUEST_CALLERS]; /* by identity */
} * cons_kept;                                          /* for kept.c and tests alone */

/* Before everything else. `first`: nothing has been typed yet; else what is found is checked, and given up
 * aloud if it is damaged. ERR_NO_MEMORY. */
enum err cons_kept_start(bool first);

/* Where a byte taken from the UART is kept, while none is pending. */
u32 *cons_kept_receiver(void);

/* Whether a byte is pending, and what it will do. */
bool cons_kept_pending(struct cons_line_action *action);

/* Does it, and no byte is pending any more. Returns whether this has delivered bytes to readers. */
bool cons_kept_apply(struct cons_line_action action);

/* As cons_line_take(), for the request of this identity, which begins with *done 0. 0: it is never repeated.
 */
bool cons_kept_take(u64 identity, u8 *to, u64 length, u64 *done);

/* Whether this reader (below CONS_READERS) is cancelled: until it is said that it is not. */
bool cons_kept_cancelled(u64 reader);
void cons_kept_cancel(u64 reader, bool cancelled);

/* Whether ^P was typed and this is the first request that is told; or the same one again. */
bool cons_kept_attention(u64 identity);

#endif
