/*
 * The restart protocol (placement/micro/server/call.c, root/supervise.c; service/fs with its request identities; service/block
 * below it) as a model for Spin: who waits for whom, what the supervisor does at a death, and what is on the disk.
 *
 * Threads: the unix server's (clients of fs), the loops of fs (clients of block), the loops of block. Each is a small machine
 * with its program counter in an array, so that a death can happen between any two steps, and so that the supervisor can look
 * at the program counter, as it does. One request of a client is a change that must be on the disk once: the disk is a number
 * of the last transaction and, for each request, how often it was applied (two bits). Log copies, blocks and homes are left
 * out: a header speaks for all of them.
 *
 * What the model takes for granted, each for a reason:
 *   - what the supervisor does at a death is one step: it has the highest priority, never waits, and there is one hart. INTERRUPTED
 *     shows that this is needed;
 *   - a server's endpoint outlives it, a thread's reply capabilities do not: so says the API;
 *   - a held server's threads begin their system calls anew, which is worst if it goes on at once: hold_fs();
 *   - a store to a kept structure is not torn: port/keep.h, which has tests of its own.
 *
 * Checked: every call ends (no deadlock, no cycle at all); a request answered OK is on the disk once, then and ever after; any
 * other at most once; an answer belongs to the request under way; nobody is resumed twice in one call.
 *
 * Planted errors, by -D: check.py says what each must be found to break.
 */
#ifndef CLIENTS
#define CLIENTS     2
#endif
#ifndef REQUESTS
#define REQUESTS    1       /* of each client, in each life of unix */
#endif
#ifndef FAULTS
#define FAULTS      2       /* deaths, forgotten requests, holds, of any server; the death of fs by its own failed start is extra */
#endif
#ifndef LIVES
#define LIVES       1       /* of unix */
#endif
#define LOOPS       2       /* of fs */
#define BLOCK_LOOPS 2

/* Threads by number. */
#define FS_FIRST    CLIENTS
#define BLOCK_FIRST (CLIENTS + LOOPS)
#define THREADS     (CLIENTS + LOOPS + BLOCK_LOOPS)
#define NOBODY      255
#define SERVES(x, service) ((service == FS && x < FS_FIRST) || (service == BLOCK && x >= FS_FIRST && x < BLOCK_FIRST))

/* A request's identity: the life of unix, the thread, the number of its request. */
#define IDS         (LIVES * CLIENTS * REQUESTS)
#define ID(c)       ((life * CLIENTS + c) * REQUESTS + serial[c])
#define NO_ID       255
#define TIMES(applied, id) ((applied >> (2 * (id))) & 3)

#ifdef NO_GENERATION
#define SAME(a, b)  (a != NO_ID && (a) % (CLIENTS * REQUESTS) == (b) % (CLIENTS * REQUESTS))
#else
#define SAME(a, b)  (a == b)
#endif

/* Services; answers; what a block request is. */
mtype = { FS, BLOCK };
mtype = { OK, PEER_RESTARTED, DEVICE };
mtype = { WRITE, FLUSH };

/* Where a caller is: before it publishes the call; at the ecall, before and after the trap; behind it; the record cleared. */
mtype = { OUTSIDE, AT_ECALL, SENDING, WAITING, BEHIND, RETURNED };
#define PC_IS_ECALL(x) (at[x] == AT_ECALL || at[x] == SENDING || at[x] == WAITING)

/* Where a loop is. A request of fs: received, its turn taken, the log settled, the change made, recorded in the kept table; then
 * the turn is passed on or all is committed. */
mtype = { IDLE, RECEIVED, TURN, SETTLE, CHANGE, RECORD, PASS, COMMIT, MEMBER, DONE, BUSY, LOST, START };

/* Every thread. `published` is the state of its call record. */
mtype at[THREADS] = OUTSIDE;
bool published[THREADS];
mtype answer[THREADS] = OK;
byte answered_id[THREADS] = NO_ID;
byte resumed[THREADS];          /* in the call under way */
bool repeated[THREADS];
byte caller[THREADS] = NOBODY;  /* whose reply capability a loop holds */
mtype pc[THREADS] = IDLE;       /* of loops */
mtype asks[THREADS] = WRITE;    /* of fs's loops: what they ask block for; of block's: what they are asked for */

/* unix */
byte life;
bool forgotten = true;          /* fs has forgotten the former life */
byte serial[CLIENTS];

/* fs: private */
bool fs_runs = true;
byte id_of[THREADS] = NO_ID;    /* of loops: the request in hand */
mtype result[THREADS] = OK;
byte turn = NOBODY;
int open, committed;          /* how often each request was applied: in the open transaction; up to the last one */
byte sequence;                  /* of the last one */
bool unsure;                    /* the header on the disk may speak for a transaction that was given up */

/* fs: kept. For each client the last request that changed something, and in which transaction. And the scratch slot. */
byte kept_id[CLIENTS] = NO_ID;
byte kept_in[CLIENTS];
int scratch_applied;
byte scratch_sequence;

/* block, and its device */
bool block_runs = true;
bool flies[THREADS];
int flying_applied[THREADS];
byte flying_sequence[THREADS];

/* The disk, and who was told that it is there. */
int disk_applied;
byte disk_sequence;
int acknowledged;             /* in the same form */

byte faults = FAULTS;
byte to_finish;                 /* INTERRUPTED: callers not yet looked at, a bit each, and of which service */
mtype finishing = FS;

hidden byte i, j, k;            /* within a step */
hidden mtype got;

/* ---- Kernel ---- */

/* A thread is suspended or gone: so is the reply capability to it. */
inline forget_caller(x)
{
    for (i : 0 .. THREADS - 1) {
        if
        :: caller[i] == x -> caller[i] = NOBODY
        :: else
        fi
    }
}

inline resume(x, with)
{
    at[x] = BEHIND;
    answer[x] = with;
    resumed[x]++;
    assert(resumed[x] == 1)
}

inline receive(t, x)
{
    at[x] = WAITING;
    caller[t] = x;
    pc[t] = RECEIVED
}

/* The reply of loop t: to nobody, if the caller is gone. */
inline reply(t, with)
{
    if
    :: caller[t] != NOBODY ->
        answered_id[caller[t]] = id_of[t];
        resume(caller[t], with)
    :: else
    fi;
    caller[t] = NOBODY;
    id_of[t] = NO_ID;
    pc[t] = IDLE
}

/* ---- Supervisor ---- */

inline finish_call(x, service)
{
    if
    :: SERVES(x, service) && published[x] &&
#ifdef PC_NOT_CHECKED
       at[x] != OUTSIDE
#else
       PC_IS_ECALL(x)
#endif
       ->
        forget_caller(x);
        answered_id[x] = NO_ID;
        resume(x, PEER_RESTARTED)
    :: else
    fi
}

inline finish_calls(service)
{
#ifdef INTERRUPTED
    to_finish = (1 << BLOCK_FIRST) - 1;
    finishing = service;
#else
#ifndef NOT_WOKEN
    for (j : 0 .. BLOCK_FIRST - 1) {
        finish_call(j, service)
    }
#endif
#endif
    skip
}

/* All that is private to the thread. */
inline thread_ends(x)
{
#ifndef REPLY_OUTLIVES
    forget_caller(x);
#endif
    caller[x] = NOBODY;
    at[x] = OUTSIDE;
    published[x] = false;
    repeated[x] = false;
    resumed[x] = 0;
    id_of[x] = NO_ID;
    answer[x] = OK;
    answered_id[x] = NO_ID;
    result[x] = OK;
    asks[x] = WRITE;
    pc[x] = IDLE
}

inline fs_dies()
{
    for (k : FS_FIRST .. BLOCK_FIRST - 1) {
        thread_ends(k)
    }
    open = 0;
    committed = 0;
    sequence = 0;
    unsure = false;
    turn = NOBODY;
    fs_runs = false;
    pc[FS_FIRST] = START;
    asks[FS_FIRST] = FLUSH;
    finish_calls(FS)
}

/* Held and released: what a thread was about in the kernel it begins anew. */
inline hold_fs()
{
    for (k : FS_FIRST .. BLOCK_FIRST - 1) {
        if
        :: at[k] == SENDING || at[k] == WAITING -> forget_caller(k); at[k] = AT_ECALL
        :: else
        fi
    }
    skip
}

inline block_dies()
{
    for (k : BLOCK_FIRST .. THREADS - 1) {
        thread_ends(k)
    }
    block_runs = false;
    finish_calls(BLOCK)
}

inline unix_dies()
{
    for (k : 0 .. CLIENTS - 1) {
        thread_ends(k);
        serial[k] = 0
    }
    life++;
    forgotten = false
}

#ifdef START_UNWATCHED
#define WATCHED fs_runs
#else
#define WATCHED true
#endif

/* Deaths: at any time. A request, or a start, that is forgotten: the loop
 * waits for ever, until the supervisor's patience ends. */
active proctype supervisor()
{
end:
    do
    :: d_step { to_finish == 0 && faults > 0 -> faults--; fs_dies() } /* also in its own recovery */
    :: d_step { to_finish == 0 && faults > 0 && block_runs -> faults--; block_dies() }
    :: d_step { to_finish == 0 && faults > 0 -> faults--; hold_fs() }
    :: d_step { to_finish == 0 && faults > 0 && life + 1 < LIVES -> faults--; unix_dies() }
#ifndef NO_WATCH
    :: d_step { to_finish == 0 && WATCHED && (pc[FS_FIRST] == LOST || pc[FS_FIRST + 1] == LOST) -> fs_dies() }
    :: d_step { to_finish == 0 && (pc[BLOCK_FIRST] == LOST || pc[BLOCK_FIRST + 1] == LOST) -> block_dies() }
#endif
#ifdef INTERRUPTED
    :: d_step { to_finish & 1 -> to_finish = to_finish & ~1; finish_call(0, finishing) }
    :: d_step { to_finish & 2 -> to_finish = to_finish & ~2; finish_call(1, finishing) }
    :: d_step { to_finish & 4 -> to_finish = to_finish & ~4; finish_call(2, finishing) }
    :: d_step { to_finish & 8 -> to_finish = to_finish & ~8; finish_call(3, finishing) }
#endif
    od
}

/* ---- The caller's side of a call (placement/micro/server/call.c) ---- */

inline publish(x)
{
    resumed[x] = 0;
    published[x] = true;
    at[x] = AT_ECALL
}

/* The second death in one request is an error. */
inline again_or(x, failed)
{
    if
    :: answer[x] == PEER_RESTARTED && !repeated[x] -> repeated[x] = true; publish(x)
    :: else -> repeated[x] = false; at[x] = OUTSIDE; failed = (answer[x] == OK -> OK : DEVICE)
    fi
}

/* ---- unix ---- */

proctype client(byte c)
{
end:
    do
    :: d_step { at[c] == OUTSIDE && forgotten && serial[c] < REQUESTS -> publish(c) }
    :: d_step { at[c] == AT_ECALL -> at[c] = SENDING }
    :: d_step { at[c] == BEHIND -> published[c] = false; at[c] = RETURNED }
    :: d_step {
        at[c] == RETURNED ->
        assert(answer[c] != OK || answered_id[c] == ID(c));
        again_or(c, got);
        if
        :: at[c] == OUTSIDE ->
            if
            :: got == OK ->
                assert(TIMES(disk_applied, ID(c)) == 1);
                acknowledged = acknowledged | (1 << (2 * ID(c)))
            :: else
            fi;
            serial[c]++;
            answer[c] = OK;
            answered_id[c] = NO_ID
        :: else
        fi
    }
    od
}

#ifdef NO_WAIT
#define FS_IS_QUIET true
#else
#define FS_IS_QUIET (pc[FS_FIRST] == IDLE && pc[FS_FIRST + 1] == IDLE)
#endif

/* A new life begins when fs has finished what the former one had under way. */
active proctype new_life()
{
end:
    do
    :: d_step { !forgotten && fs_runs && FS_IS_QUIET -> forgotten = true }
    od
}

/* ---- fs ---- */

/* Entries of transactions that are not on the disk speak for nothing. */
inline purge()
{
#ifndef NO_PURGE
    for (i : 0 .. CLIENTS - 1) {
        if
        :: kept_id[i] != NO_ID && kept_in[i] > sequence -> kept_id[i] = NO_ID; kept_in[i] = 0
        :: else
        fi
    }
#endif
    skip
}

#define CLIENT_OF(id) ((id / REQUESTS) % CLIENTS)
#define IS_APPLIED(id) (SAME(kept_id[CLIENT_OF(id)], id) && kept_in[CLIENT_OF(id)] <= sequence)

inline record(t, in)
{
    kept_id[CLIENT_OF(id_of[t])] = id_of[t];
    kept_in[CLIENT_OF(id_of[t])] = in
}

inline tell_members(with)
{
    for (i : FS_FIRST .. BLOCK_FIRST - 1) {
        if
        :: pc[i] == MEMBER -> pc[i] = DONE; result[i] = with
        :: else
        fi
    }
}

#define WAITS_FOR_TURN(t) (t != FS_FIRST && pc[FS_FIRST] == RECEIVED || t != FS_FIRST + 1 && pc[FS_FIRST + 1] == RECEIVED)

/* A header is written, then flushed; only then it counts, and the slot it was written from may be used again. */
#ifdef NO_FLUSH
#define TO_FLUSH(t) false
#else
#define TO_FLUSH(t) (at[t] == OUTSIDE && got == OK && pc[t] != START && asks[t] == WRITE)
#endif

proctype fs_loop(byte t)
{
end:
    do
    /* Recv: any of those that are queued. */
    :: d_step { fs_runs && pc[t] == IDLE && at[0] == SENDING -> receive(t, 0); id_of[t] = ID(0) }
    :: d_step {
        CLIENTS > 1 && fs_runs && pc[t] == IDLE && at[CLIENTS - 1] == SENDING ->
        receive(t, CLIENTS - 1);
        id_of[t] = ID((CLIENTS - 1))
    }
    :: d_step { pc[t] == RECEIVED && turn == NOBODY -> turn = t; pc[t] = TURN }
    /* The kept table: was it applied already? */
    :: d_step {
        pc[t] == TURN ->
        result[t] = OK;
        if
#ifndef NO_IDENTITY
        :: IS_APPLIED(id_of[t]) -> pc[t] = PASS
#endif
        :: else -> pc[t] = (unsure -> SETTLE : CHANGE)
        fi
    }
    :: d_step { pc[t] == CHANGE -> open = open + (1 << (2 * id_of[t])); pc[t] = RECORD }
    :: d_step {
        pc[t] == RECORD ->
#ifndef RECORD_LATE
        record(t, sequence + 1);
#endif
        pc[t] = PASS
    }
    /* The turn: to whoever waits for it, or the commit for all of them. */
    :: d_step {
        pc[t] == PASS && open != 0 ->
        scratch_applied = committed + open;
        scratch_sequence = sequence + 1;
        pc[t] = COMMIT
    }
    :: d_step {
        pc[t] == PASS && (open == 0 || WAITS_FOR_TURN(t)) ->
        turn = NOBODY;
        /* who has changed nothing need not wait for the commit */
        pc[t] = (result[t] == OK && open != 0 && TIMES(open, id_of[t]) > 0 -> MEMBER : DONE)
    }
    /* Before anything else is changed, the header says again what is committed; then nothing of the one given up remains. */
    :: d_step {
        pc[t] == SETTLE && at[t] == OUTSIDE ->
        scratch_applied = committed;
        scratch_sequence = sequence;
        asks[t] = WRITE;
        publish(t)
    }
    :: d_step { pc[t] == COMMIT && at[t] == OUTSIDE -> asks[t] = WRITE; publish(t) }
    :: d_step { pc[t] == START && at[t] == OUTSIDE -> asks[t] = FLUSH; publish(t) }
    :: d_step { at[t] == AT_ECALL -> at[t] = SENDING }
    :: d_step { at[t] == BEHIND -> published[t] = false; at[t] = RETURNED }
    :: d_step {
        at[t] == RETURNED ->
        again_or(t, got);
        answer[t] = OK;
        if
        :: at[t] != OUTSIDE /* once more */
        :: TO_FLUSH(t) -> asks[t] = FLUSH; publish(t)
        :: at[t] == OUTSIDE && pc[t] == SETTLE && !TO_FLUSH(t) ->
            if
            :: got == OK ->
                unsure = false;
#ifndef KEPT_WHEN_GIVEN_UP
                purge();
#endif
                pc[t] = CHANGE
            :: else -> result[t] = DEVICE; pc[t] = PASS
            fi
        :: at[t] == OUTSIDE && pc[t] == COMMIT && !TO_FLUSH(t) ->
            if
            :: got == OK ->
                sequence++;
                committed = committed + open
            :: else ->
#ifdef SEQUENCE_KEPT
                sequence++;
#endif
                unsure = true
            fi;
            pc[t] = (TIMES(open, id_of[t]) > 0 -> MEMBER : DONE);
            open = 0;
            tell_members(got);
            turn = NOBODY
        :: at[t] == OUTSIDE && pc[t] == START ->
            if
            :: got == OK ->
                committed = disk_applied;
                sequence = disk_sequence;
                scratch_applied = disk_applied;
                scratch_sequence = disk_sequence;
                purge();
                fs_runs = true;
                pc[t] = IDLE
            :: else -> fs_dies() /* it cannot start, says so and dies of it */
            fi
        fi
    }
    :: d_step {
        pc[t] == DONE ->
#ifdef RECORD_LATE
        if
        :: result[t] == OK -> record(t, sequence)
        :: else
        fi;
#endif
        reply(t, result[t]);
        result[t] = OK
    }
    /* forgotten: the request waits for ever */
    :: d_step { faults > 0 && pc[t] != IDLE && pc[t] != LOST && at[t] == OUTSIDE -> faults--; pc[t] = LOST }
    od
}

/* ---- block ---- */

#define RECEIVES(b, x) (block_runs && pc[b] == IDLE && at[x] == SENDING)
#define OTHER(b)    (b == BLOCK_FIRST -> BLOCK_FIRST + 1 : BLOCK_FIRST)
#define UNDER_WAY(b) (asks[b] == WRITE && (pc[b] == BUSY || NOT_BEGUN(b)))
#ifdef FLUSH_SEES_BUSY
#define NOT_BEGUN(b) false
#else
#define NOT_BEGUN(b) (pc[b] == RECEIVED)
#endif

proctype block_loop(byte b)
{
end:
    do
    :: d_step { RECEIVES(b, FS_FIRST) -> receive(b, FS_FIRST); asks[b] = asks[FS_FIRST] }
    :: d_step { RECEIVES(b, FS_FIRST + 1) -> receive(b, FS_FIRST + 1); asks[b] = asks[FS_FIRST + 1] }
    /* The device reads memory when it begins, and writes the disk when it ends. */
    :: d_step {
        pc[b] == RECEIVED && asks[b] == WRITE && !flies[b] ->
        flies[b] = true;
        flying_applied[b] = scratch_applied;
        flying_sequence[b] = scratch_sequence;
        pc[b] = BUSY
    }
    :: d_step { pc[b] == BUSY && !flies[b] -> pc[b] = DONE }
    :: d_step { pc[b] == RECEIVED && asks[b] == FLUSH && !UNDER_WAY(OTHER(b)) -> pc[b] = DONE }
    :: d_step { pc[b] == DONE -> reply(b, OK); asks[b] = WRITE }
    :: d_step { faults > 0 && pc[b] == RECEIVED -> faults--; pc[b] = LOST }
    /* A new generation resets the device before anything else. */
    :: d_step {
        !block_runs && b == BLOCK_FIRST ->
#ifndef NO_RESET
        for (i : BLOCK_FIRST .. THREADS - 1) {
            flies[i] = false;
            flying_applied[i] = 0;
            flying_sequence[i] = 0
        }
#endif
        block_runs = true
    }
    od
}

/* A transfer arrives on the disk. What is acknowledged stays, and nothing is there twice. */
inline land(b)
{
    disk_applied = flying_applied[b];
    disk_sequence = flying_sequence[b];
    flies[b] = false;
    flying_applied[b] = 0;
    flying_sequence[b] = 0;
    for (i : 0 .. IDS - 1) {
        assert(TIMES(disk_applied, i) <= 1);
        assert(TIMES(disk_applied, i) >= TIMES(acknowledged, i))
    }
    skip
}

active proctype device()
{
end:
    do
    :: d_step { flies[BLOCK_FIRST] -> land(BLOCK_FIRST) }
    :: d_step { flies[BLOCK_FIRST + 1] -> land(BLOCK_FIRST + 1) }
    od
}

/* When nobody can do anything any more, everybody has got all his answers. */
active proctype end_of_it()
{
    timeout;
    d_step {
        for (i : 0 .. CLIENTS - 1) {
            assert(serial[i] == REQUESTS && at[i] == OUTSIDE)
        }
        skip
    }
}

init
{
    atomic {
        for (i : 0 .. CLIENTS - 1) {
            run client(i)
        }
        for (i : FS_FIRST .. BLOCK_FIRST - 1) {
            run fs_loop(i)
        }
        for (i : BLOCK_FIRST .. THREADS - 1) {
            run block_loop(i)
        }
    }
}
