/*
 * The line discipline: what typed bytes mean, as pure code over one ring.
 *
 *        taken          delivered          end
 *          |   delivered    |   still edited  |
 *     -----+================+-----------------+-----
 *
 * The three counts only grow (but for erasing, which moves `end` back, never behind `delivered`), and
 * taken <= delivered <= end <= taken + CONS_LINE_SIZE. A byte's place is its count modulo the size.
 *
 * Locking: the caller's, the same lock around every call. Nothing here waits or fails.
 */
#ifndef SERVICE_CONSOLE_LINE_H
#define SERVICE_CONSOLE_LINE_H

#include "lib/types.h"

#define CONS_LINE_SIZE 128u /* xv6's: delivered but unread bytes count against it */

struct cons_line {
    u64 taken;
    u64 delivered;
    u64 end;
    u8 bytes[CONS_LINE_SIZE];
};

enum cons_line_deed {
    CONS_LINE_NOTHING,   /* NUL, an erase key with nothing to erase, or no room: not even echoed */
    CONS_LINE_STORE,     /* echo the byte, then store it */
    CONS_LINE_ERASE,     /* wipe `count` bytes on the screen, then in the ring */
    CONS_LINE_ATTENTION, /* ^P: nothing to echo or store */
};

struct cons_line_action {
    enum cons_line_deed deed;
    u8 byte;
    u32 count;
};

void cons_line_init(struct cons_line *line);

/*
 * What a typed byte will do. Deciding and doing are two steps, so that the echo can be sent between them
 * without the lock: a reader must not be woken by a byte whose echo is not out yet. The one thread that types
 * does both, and readers only take bytes meanwhile, so that what was decided stays right.
 */
struct cons_line_action cons_line_decide(const struct cons_line *line, u8 byte);

/* Does it. Returns whether this has delivered bytes: on LF, on ^D, or because the ring is full. */
bool cons_line_apply(struct cons_line *line, struct cons_line_action action);

/*
 * Moves delivered bytes to to[*done..length) and adds their number to *done. Returns true once the read is
 * over: `length` reached, LF moved, or ^D met. ^D is consumed if it comes first (*done is 0: end of file),
 * else left for the next read. False: the delivered bytes are used up and the read goes on when more come.
 */
bool cons_line_take(struct cons_line *line, u8 *to, u64 length, u64 *done);

#endif
