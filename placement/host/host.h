/*
 * What the host placement offers to unit tests beside the ports: hooks that play the world's part.
 *
 * A test drives a service core by plain calls. It decides here when the disk fails, when the service "dies"
 * and what time it is. Everything is process-wide; host_reset() puts all of it but the disk back to the
 * beginning.
 */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include "lib/types.h"
#include <setjmp.h>

/* Forgets kept state, armed faults, time shifts and hooks. Called in each test's set-up. */
void host_reset(void);

/* ---- Death of a service -----------------------------------------------------------------------------------
 *
 *     host_death_after(n);
 *     if (setjmp(host_death) == 0)
 *         { work; host_death_after(0); }   the n-th instant was not reached
 *     else
 *         x_restart();                     died; the undo record has put the kept structures right
 *
 * An instant is a place at which a death can be told apart from another: each entry to and return from a disk
 * call, each begin and each commit of a kept step. For tests in one thread. Locks the dead service held are
 * simply gone: a restart initialises its locks anew.
 */
extern jmp_buf host_death;
void host_death_after(u64 instants); /* 0: no death */
void host_instant(void);             /* called by the ports */
/* If set, called at each instant, by the thread that has come there: so a test can look at, and keep a copy
 * of, what a death there would leave. */
extern void (*host_on_instant)(void);

/* If set, port_fatal() calls it (it may leave by longjmp) before it aborts. */
extern void (*host_on_fatal)(const char *invariant);

/* If true, port_log() keeps quiet on the terminal. The last HOST_LOG_SIZE - 1 bytes are kept in
 * host_log_text. */
#define HOST_LOG_SIZE 16384
extern bool host_log_quiet;
extern char host_log_text[HOST_LOG_SIZE];
void host_log_clear(void);

/* Moves port_now() forward; waiters with a deadline see it. */
void host_time_advance(u64 nanoseconds);

/* How many slots the arena has, at most HOST_ARENA_MAX; set before the service starts. */
#define HOST_ARENA_MAX 4096
void host_arena_set(u32 slots);

/* Boot arguments as in "fault=fs:crash-null run=xmaptest". The text is kept, not copied. */
extern const char *host_boot_arguments;

/* If set, port_power_off() calls it (it may leave by longjmp); else the process exits with the code. */
extern void (*host_on_power_off)(u32 code);

/* ---- The disk behind blk_* (disk_file.c) ------------------------------------------------------------------
 *
 * An image in memory, with a volatile write cache as a real disk has: a write is durable after the next
 * flush.
 */
void host_disk_reset(void);
bool host_disk_load(const char *path); /* false: no such file, or not whole blocks */
bool host_disk_save(const char *path);
void host_disk_set(const u8 *bytes, u64 blocks); /* copies */
u8 *host_disk_bytes(void);                       /* what a read would return now, all blocks in a row */
u64 host_disk_blocks(void);

/* From now on the n-th call of that kind (1: the next) returns ERR_DEVICE; `count` calls fail. n = 0: none.
 */
void host_disk_fail_reads(u64 n, u64 count);
void host_disk_fail_writes(u64 n, u64 count);
void host_disk_fail_flushes(u64 n, u64 count);

/* The n-th write from now is the last one that happens; then the service dies (see host_death). 0: never. */
void host_disk_stop_after_writes(u64 n);

/* Loses power: of the writes not flushed, a subset chosen by `seed` reaches the medium; seed 0: all of them.
 */
void host_disk_power_cut(u64 seed);

struct host_disk_counts {
    u64 reads, writes, flushes;
};
struct host_disk_counts host_disk_counts(void);
u64 host_disk_requests(void); /* operations that read or write, of one block or of several */

/* What happened, in order: block numbers written, HOST_DISK_FLUSH for a flush. */
#define HOST_DISK_FLUSH      (~0ul)
#define HOST_DISK_RECORD_MAX 4096
u64 host_disk_record(const u64 **events); /* how many; the list is cut at HOST_DISK_RECORD_MAX */
void host_disk_record_clear(void);

/*
 * A trace: the same with the bytes, and with marks of the test between them (an acknowledgement, say), so
 * that a test can make for itself every image a power cut could have left. It begins with host_disk_trace(),
 * which flushes, and ends at host_disk_reset() or the next one. Marks may be set by any thread.
 */
enum host_disk_event_kind {
    HOST_DISK_WRITE,
    HOST_DISK_FLUSHED,
    HOST_DISK_MARK,
};
struct host_disk_event {
    enum host_disk_event_kind kind;
    u64 value;       /* the block, or the mark */
    const u8 *bytes; /* of a write */
};
void host_disk_trace(void);
void host_disk_mark(u64 value);
u64 host_disk_events(const struct host_disk_event **events);

/* Each flush takes this long from now on, so that others come meanwhile. */
void host_disk_slow(u64 nanoseconds);
/* From now on each flush waits until this is taken back; host_disk_held() waits until `count` of them do. */
void host_disk_hold(bool hold);
void host_disk_held(u32 count);

/* ---- Requests (port/request.h) ---- */

/* The calling thread's calls have this identity from now on; 0: none. */
void host_request(u64 identity);

/* Internal: what host_reset() and a death call. */
void host_keep_reset(void);
void host_fault_reset(void);
void host_time_reset(void);
void host_keep_undo(void); /* writes saved bytes of open steps back */

#endif
