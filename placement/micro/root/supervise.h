/* Deaths: evidence, reclaim, the next generation, and the callers of the dead. */
#ifndef PLACEMENT_MICRO_ROOT_SUPERVISE_H
#define PLACEMENT_MICRO_ROOT_SUPERVISE_H

#include "placement/micro/root/process.h"

/* Thread `thread` of the server has faulted with this message, which lies in the IPC buffer. */
void supervise_death(struct server *server, u64 thread, seL4_MessageInfo_t fault);

/* The server was found hanging, for this reason: in this thread, or, if that is not one of its threads,
 * nobody knows where. */
void supervise_hang(struct server *server, u64 thread, const char *what);

/* At each alarm: whoever has backed off long enough begins again; who calls one given up is told. */
void supervise_look(void);

/* A program wants a new generation: as after a death, but nobody is to blame. */
void supervise_asked(struct server *server);

/* The server says that it has started, with this result. */
void supervise_ready(struct server *server, u64 result);

u64 time_now(void); /* the time CSR */

#endif
