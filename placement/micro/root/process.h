/*
 * A server as a process: what it consists of, how it is built and how it ends.
 *
 * Private: everything made of `supply` (address space, CSpace, image, threads). One revoke ends it all, and
 * the memory and slots are free again. Kept: the record page, the memory of port/keep.h, and for xmap the
 * CNode and untypeds of programs' memory; made once, mapped or copied into each generation.
 */
#ifndef PLACEMENT_MICRO_ROOT_PROCESS_H
#define PLACEMENT_MICRO_ROOT_PROCESS_H

#include "lib/symbols.h"
#include "placement/micro/layout.h"
#include "placement/micro/root/objects.h"

struct server_description {
    u32 service; /* enum port_service, or SERVER_TIMER */
    const char *name;
    u64 priority, threads, loops, kept_pages, restarts;
    u64 patience_ms;                            /* of those who wait for its answer */
    enum { SYSTEM_ENDS, SYSTEM_LIVES } without; /* once it is given up */
};

/* Memory of port/keep.h or of the block cache, in the order of its addresses. */
struct kept_memory {
    u64 large, large_count; /* slots of capabilities: pages of 2 MiB first, */
    u64 small, count;       /* then pages of 4 KiB */
};

/* What the supervisor saw of a thread at its last looks (watch.c). */
struct watch {
    u32 work_serial, call_serial;
    u32 work_looks, call_looks; /* how often in a row it was the same */
    u32 slow_looks;             /* those of a call whose service waits for another itself */
    u64 call_rounds;            /* as work_rounds: until a thread not seen at its call has had its turn */
    u64 work_rounds; /* of the server's pulse that must be over until it has had its turn; 0: none was asked
                        for */
    u32 lost_serial, lost_looks;
};

enum server_state {
    SERVER_ABSENT,
    SERVER_STARTING,
    SERVER_RUNNING,
    SERVER_HELD,
    SERVER_DEAD,
    SERVER_BACKING_OFF,
    SERVER_GAVE_UP
};

struct server {
    const struct server_description *description; /* NULL: not part of this image */
    enum server_state state;
    u64 generation;
    u64 endpoint; /* its service's; outlives it */

    struct supply supply; /* private */
    u64 cnode, names, vspace;
    u64 private_cnode, private_radix; /* of SLOT_PRIVATE, if it has one */
    u64 tcb[THREADS_MAX];
    u64 notification[THREADS_MAX];
    u64 transfer[THREADS_MAX]; /* unix: frame of each thread's transfer page */
    u64 stack[THREADS_MAX];    /* first frame of each thread's stack, in a row */

    u64 record_frame;   /* kept */
    u64 seen_transfers; /* slots for copies of unix's transfer pages; 0: it does not see them */
    struct kept_memory kept, dma;
    struct supply shared;         /* slots for copies of frames that others have too; no memory */
    struct server_record *record; /* as the supervisor sees it */
    struct symbol_table symbols;

    /* what the supervisor counts */
    u64 private_pages, private_slots; /* of the generation that runs */
    u64 died;                         /* time_now() */
    u64 deaths_in_a_row;
    bool renewed; /* not dead, but begun anew with its client */
    struct watch watch[THREADS_MAX];
    u64 progress_seen; /* of its record, at the last look */
    bool progress_moved;
    u64 start_deeds, start_looks; /* while it starts */
    u64 free_before; /* of programs' frames: when the fatal request of xmap began, or when another server died
                      */
    u64 slots_before, slots_after; /* free ones of the supply, with the dead and with the new generation */
    u64 calls_finished;
    u64 restarts;        /* of all its generations: deaths, hangs, requests */
    char last_fault[32]; /* why the last of them ended */
    u64 begins;          /* time_now(); while SERVER_BACKING_OFF */
    u64 held_until;      /* time_now(); while SERVER_HELD (control.c) */
};

extern u64 supervisor_endpoint, supervisor_notification; /* made by main.c */

extern struct server servers[SERVERS_COUNT];

/* Once: the kept part of each server that the image's description names; then programs' memory: all that is
 * left. */
void process_prepare_all(void);

/* Whether the image's description says that the one may call the other. */
bool process_may_call(u32 client, u32 service);

/* The first generation of each, in the description's order. */
void process_start_all(void);

/* A fresh image of the next generation; it runs when this returns. */
void process_start(struct server *server);

/* A slot for a capability that signals the timer, of each generation; 0: nobody wants it. */
extern u64 process_timer_signal;

/* Ends all that is private. */
void process_end(struct server *server);

#endif
