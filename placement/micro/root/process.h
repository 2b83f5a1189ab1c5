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
    enum port_service service;
    const char *name;
    u64 priority, threads, loops, private_bits, kept_pages, restarts;
};

enum server_state { SERVER_ABSENT, SERVER_STARTING, SERVER_RUNNING, SERVER_DEAD };

struct server {
    const struct server_description *description; /* NULL: not part of this image */
    enum server_state state;
    u64 generation;
    u64 endpoint; /* its service's; outlives it */

    struct supply supply; /* private */
    u64 cnode, names, vspace;
    u64 tcb[THREADS_MAX];
    u64 stack[THREADS_MAX]; /* first frame of each thread's stack, in a row */

    u64 record_frame, kept_frames; /* kept */
    u64 record_copy;               /* the capability by which the server sees its record */
    struct server_record *record;  /* as the supervisor sees it */
    struct symbol_table symbols;

    /* what the supervisor counts */
    u64 private_pages, private_slots; /* of the generation that runs */
    u64 died;                         /* time CSR */
    u64 deaths_in_a_row;
    u64 free_before;               /* xmap: free frames when the fatal request began */
    u64 slots_before, slots_after; /* free ones of the supply, with the dead and with the new generation */
    u64 calls_finished;
};

extern u64 supervisor_endpoint; /* made by main.c */

extern struct server servers[SERVICE_COUNT];

/* The kept part; once, for each server of the image, in the image's order. */
void process_prepare(const struct server_description *description);

/* A fresh image of the next generation; it runs when this returns. */
void process_start(struct server *server);

/* Ends all that is private. */
void process_end(struct server *server);

#endif
