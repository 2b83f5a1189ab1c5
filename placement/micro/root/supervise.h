/* Deaths: evidence, reclaim, the next generation, and the callers of the dead. */
#ifndef PLACEMENT_MICRO_ROOT_SUPERVISE_H
#define PLACEMENT_MICRO_ROOT_SUPERVISE_H

#include "placement/micro/root/process.h"

/* Thread `thread` of the server has faulted with this message, which lies in the IPC buffer. */
void supervise_death(struct server *server, u64 thread, seL4_MessageInfo_t fault);

/* The server was found hanging, for this reason: in this thread, or, if that is not one of its threads,
 * nobody knows where. */
void supervise_hang(struct server *server, u64 thread, const char *what);

/* True if the thread stands at a call to this service, whatever its record says; then it is stopped there,
 * until the service's next generation ends that call. Else it goes on. */
bool supervise_is_calling(struct server *caller, u64 thread, u32 service);

/* The server owes this thread of another an answer: nobody knows where it hangs, only what it was asked. */
void supervise_silence(struct server *server, const struct server *caller, u64 thread);

/* At each alarm: whoever has backed off long enough begins again; who calls one given up is told. */
void supervise_look(void);

/* A program wants a new generation: as after a death, but nobody is to blame. */
void supervise_asked(struct server *server);

/* The server says that it has started, with this result. */
void supervise_ready(struct server *server, u64 result);

#endif
