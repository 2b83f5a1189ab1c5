/*
 * What the supervisor and the servers agree on: capability slots, addresses, the two shared pages, the
 * supervisor's protocol.
 *
 * A server's CSpace is a root CNode of 256 slots with guard size 36, so that a capability pointer is slot << 20.
 * Three slots may hold CNodes of their own (SLOT_NAMES, SLOT_KEPT, SLOT_PRIVATE; guard and radix together 20 bits),
 * whose entries are slot << 20 | index.
 *
 * A server's addresses start at its base (one range for each service, so that a breakpoint means one place):
 *
 *   +0x00000000  image
 *   +0x04000000  information page, read-only in effect: written by the supervisor before the start
 *   +0x04001000  record page: kept over deaths, read by the supervisor
 *   +0x05000000  threads, 128 KiB each: a guard, the stack, IPC buffer and thread block, the transfer page
 *   +0x08000000  kept memory of the service
 *   +0x0a000000  its devices' registers, a page each
 *   +0x0b000000  pages its devices may write to (port_dma_page)
 *   +0x0c000000  console: the transfer pages of unix's threads
 *   ARENA_BASE   fs, block and unix: the memory of the block cache
 *   WINDOW_BASE  xmap and unix: frames of programs' memory, each at its number * 4096, mapped on first use
 */
#ifndef PLACEMENT_MICRO_LAYOUT_H
#define PLACEMENT_MICRO_LAYOUT_H

#include "lib/faults.h"
#include "lib/types.h"
#include "port/fault.h"
#include "port/request.h"

/* ---- Capabilities ---- */

#define CSPACE_RADIX      8
#define CSPACE_SHIFT      20 /* bits below a slot of the root CNode */
#define CSPACE_GUARD_BITS (64 - CSPACE_RADIX - CSPACE_SHIFT)
#define CPTR(slot)        ((u64)(slot) << CSPACE_SHIFT)
#define CPTR_IN(slot, i)  (CPTR(slot) | (u64)(i))

enum server_slot {
    SLOT_NAMES = 1,   /* CNode of four slots with the CNodes themselves: CNODE_* */
    SLOT_SUPERVISOR,  /* endpoint, badge: the service; send and call */
    SLOT_SERVICE,     /* endpoint of this service; receive */
    SLOT_KEPT,        /* xmap: CNode of what outlives it */
    SLOT_PRIVATE,     /* CNode for what dies with the server */
    SLOT_VSPACE,      /* xmap: its own address space, to map the window */
    SLOT_UNIX_VSPACE, /* xmap: unix's, likewise */
    SLOT_ASID_POOL,   /* xmap */
    SLOT_PROGRAMS,    /* unix: untyped for program threads */
    SLOT_IRQ_HANDLER, /* + place of the device whose interrupt it is */
    SLOT_CLIENT = 16, /* + service: endpoint to call that service */
    SLOT_THREAD = 32, /* + 2 * thread: its TCB; + 1: its notification */
    SLOT_FAULT = 176, /* + thread: endpoint its faults go to, badged with service and thread */
};

/* A look-up with bits left enters a CNode; so to operate on one it must be reached at the last bit: through
 * SLOT_NAMES. */
#define NAMES_RADIX   2
#define CNODE_KEPT    CPTR_IN(SLOT_NAMES, 2)
#define CNODE_PRIVATE CPTR_IN(SLOT_NAMES, 3)

#define THREADS_MAX 72
#define DEVICES_MAX 2

/* The servers of the image: the five services, and the timer, which only the placement knows. */
#define SERVER_TIMER  SERVICE_COUNT
#define SERVERS_COUNT (SERVICE_COUNT + 1)

/* The timer signals every thread by its number here. The supervisor signals the timer once in each heartbeat; one that
 * does nothing is signalled less and less often, down to every 16 heartbeats (root/alarm.c), until it is restarted. */
#define SIGNAL_OF(server, thread) ((u64)(server)*THREADS_MAX + (thread))
#define SIGNALS                   SIGNAL_OF(SERVERS_COUNT, 0)
#define HEARTBEAT_NS              5000000ul

/* Names of the image's description (system/micro.def). */
#define SERVER_ID_XMAP    SERVICE_XMAP
#define SERVER_ID_UNIX    SERVICE_UNIX
#define SERVER_ID_FS      SERVICE_FS
#define SERVER_ID_BLOCK   SERVICE_BLOCK
#define SERVER_ID_CONSOLE SERVICE_CONSOLE
#define SERVER_ID_TIMER   SERVER_TIMER

/* Whose the operations of port/SERVICE.def are, by the first word of their lines. */
#define SERVICE_OF_xmap SERVICE_XMAP
#define SERVICE_OF_fs   SERVICE_FS
#define SERVICE_OF_blk  SERVICE_BLOCK
#define SERVICE_OF_cons SERVICE_CONSOLE

/* Badges. On the supervisor's endpoint: requests carry the service, faults the thread (from 1) as well. On
 * any other endpoint of a server: its clients' services; a signal to the receiving thread carries
 * BADGE_SIGNAL. */
#define BADGE_OF(service)                (((u64)(service) + 1) << 8)
#define BADGE_OF_THREAD(service, thread) (BADGE_OF(service) + (thread) + 1)
#define BADGE_SERVICE(badge)             (((badge) >> 8) - 1)
#define BADGE_THREAD(badge)              ((badge)&0xff) /* 0: a request */
#define BADGE_SIGNAL                     (1ul << 62)

/* ---- Addresses ---- */

#define SERVER_RANGE         0x10000000ul /* each server's; a thread finds its base by its own tp */
#define SERVER_BASE(service) (SERVER_RANGE * ((u64)(service) + 1))
#define SERVER_INFO          0x04000000ul
#define SERVER_RECORD        0x04001000ul
#define SERVER_THREADS       0x05000000ul
#define SERVER_KEPT          0x08000000ul
#define SERVER_DEVICES       0x0a000000ul
#define SERVER_DMA           0x0b000000ul
#define SERVER_TRANSFERS     0x0c000000ul

#define THREAD_AREA        0x20000ul
#define THREAD_STACK_PAGES 4
#define THREAD_STACK_TOP   0x10000ul /* within the thread's area; below it the pages, below those nothing */
#define THREAD_IPC         0x10000ul /* the IPC buffer's page; the thread block follows the buffer in it */
#define THREAD_BLOCK       0x10400ul
#define THREAD_TRANSFER    0x11000ul /* the thread's transfer page (port/transfer.h) */

#define WINDOW_BASE 0x1000000000ul
#define ARENA_BASE  0x2000000000ul
#define ARENA_BITS  21 /* one large page: 2048 blocks */

/* ---- Time ---- */

static inline u64 time_counts(void) /* the time CSR */
{
    u64 counts;

    __asm__ volatile(".option push\n.option arch, +zicsr\nrdtime %0\n.option pop" : "=r"(counts));
    return counts;
}

/* How long a count of it lasts: in nanoseconds and 2^-32 parts of one, so that it is right for a hart that counts faster
 * than that, too. `timebase` counts a second, not 0. */
static inline u64 time_unit(u64 timebase)
{
    return (1000000000ul << 32) / timebase;
}

static inline u64 time_in_ns(u64 counts, u64 unit)
{
    return (u64)((unsigned __int128)counts * unit >> 32);
}

/* ---- Pages ---- */

/* One piece of programs' memory: frames [first, first + count) are made of the untyped in slot XMAP_KEPT_POOL
 * + n. */
struct info_pool {
    u32 first, count;
};
#define POOLS_MAX 32

struct info_device {
    char compatible[24];
    u64 size;
    u32 irq; /* 0: none; else SLOT_IRQ_HANDLER + place of the device handles it */
};

/* Read by the server. Sizes in bytes unless they count. */
struct server_info {
    u64 service;           /* enum port_service */
    u64 generation;        /* from 1 */
    u64 threads;           /* prepared, thread 0 runs first */
    u64 operation_threads; /* of those, how many shall serve the endpoint */
    u64 time_unit;         /* see time_in_ns() */
    u64 kept_size;         /* at SERVER_KEPT; zero at the first start */
    u64 frames;            /* xmap, unix: numbers of programs' frames are below this */
    u64 usable;            /* xmap: as many of them as there are */
    u64 transfers;         /* console: transfer pages to be seen */
    u64 tables;            /* xmap: programs' page tables there can be at most */
    u64 pools;             /* xmap */
    struct info_pool pool[POOLS_MAX];
    u64 devices;
    struct info_device device[DEVICES_MAX];
    u64 dma_address; /* of the first page, as devices see it; the others follow */
    u64 dma_pages;
    u64 arena_address; /* likewise */
    char bootargs[256];
};

/* More sessions than anybody begins: after so many, frames lent to a long dead unix would be taken for lent. */
#define LEND_MAX 65000

/* Labels of requests between services: the operation, and the request's identity (port/request.h) out of the
 * calling thread and the number of its call, 32 bits. */
#define LABEL_OF(operation, thread, serial)                                                                  \
    ((u64)(operation) | ((u64)(serial)*PORT_REQUEST_CALLERS + (thread)) << 8)
#define LABEL_OPERATION(label) ((label)&0xff)
#define LABEL_IDENTITY(label)  ((label) >> 8)
_Static_assert(THREADS_MAX <= PORT_REQUEST_CALLERS, "each thread is a caller");

enum call_state { CALL_NONE, CALL_WAITING };

/* A call this thread makes to another service, for the supervisor that must finish it if that service dies. */
struct call_record {
    u32 state;
    u32 service;
    u32 operation;
    u32 serial; /* counts this thread's calls, over all generations */
};

/* What a thread is doing that serves operations, system calls or a device, for the supervisor that must
 * notice a hang. NONE: it waits for what it shall do. No operation waits without a limit (port/sync.h), so
 * one that is seen to is lost. */
enum work_state { WORK_NONE, WORK_RUNNING, WORK_WAITING, WORK_FOREVER };

struct work_record {
    u32 state;
    u32 serial; /* counts this thread's requests, or what its device asked */
};

#define RECORD_TAKEN 0x100ul

/* Kept; written by the server, read by the supervisor, which believes none of it more than it must. */
struct server_record {
    u64 call_place;   /* address of the one ecall by which this server calls others */
    u64 take_place;   /* address of the store of port_device_take(); 0: it is not used */
    u64 taken;        /* RECORD_TAKEN and the byte that the former generation did not store; 0: none */
    u64 client;       /* xmap: a number of unix's generation, 1..LEND_MAX; written by the supervisor */
    u64 progress;     /* counts steps of long requests: while it moves, nothing hangs */
    u64 request_free; /* xmap: free frames when that request began */
    u64 current_free; /* xmap: free frames now */
    char fatal[96];   /* the broken invariant, if it said one */
    u64 armed;        /* some fault of this server was armed */
    struct fault_counter counters[FAULT_COUNT];
    struct call_record calls[THREADS_MAX];
    struct work_record work[THREADS_MAX];
};
_Static_assert(sizeof(struct server_record) <= PAGE_SIZE, "the record is one page");
_Static_assert(sizeof(struct server_info) <= PAGE_SIZE, "the information is one page");

/* ---- Requests to the supervisor: labels above all fault types; every one is answered at once ---- */

enum supervisor_request {
    SUPERVISOR_LOG = 16, /* bytes: count, then the text, 8 bytes a word */
    SUPERVISOR_READY,    /* result of the start: enum err */
    SUPERVISOR_ALARM,    /* from the timer only: when, in nanoseconds of port_now() */
    /* from unix only; ERR_DENIED to others */
    SUPERVISOR_POWER_OFF, /* exit code; no answer */
    SUPERVISOR_ARM,       /* fault, n, always; the answer's label: enum err */
    SUPERVISOR_SERVICE,   /* n; the answer: struct control_service (port/control.h) */
    SUPERVISOR_CONTROL,   /* n, enum control_verb, nanoseconds */
    SUPERVISOR_FAULT,     /* fault; the answer: left, always, fired */
};
#define SUPERVISOR_LOG_MAX 640u

/* Requests that are the placement's own: of xmap's endpoint, after its operations' numbers; and the timer's
 * only one. */
#define XMAP_GIVE_VSPACE 64u /* space; the answer carries its VSpace capability */
#define TIMER_DEADLINE   0u  /* thread, deadline in nanoseconds of port_now() */

#endif
