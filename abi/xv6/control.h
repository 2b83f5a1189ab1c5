/*
 * Looking at the system and steering its services, for programs: the system calls from number 82 on.
 *
 * Each list is read one entry a call: entry n is stored at the pointer and the result is 0; where there is no
 * entry n, or the pointer is bad, the result is CONTROL_EINVAL. Entries are of the instant of their call; two
 * calls are two instants. Any program may make these calls: as in xv6, there are no users.
 */
#ifndef ABI_XV6_CONTROL_H
#define ABI_XV6_CONTROL_H

#include <stddef.h>

#define CONTROL_EINVAL (-1) /* no such entry, service or verb; a bad pointer; a time out of range */
#define CONTROL_EKERNEL                                                                                      \
    (-2) /* the service is part of the kernel, or nothing could undo it: it cannot be done */
#define CONTROL_ESTATE (-3) /* the service's present state does not allow it */

#define CONTROL_TEXT 32 /* bytes of the longest text, with its NUL */

enum service_state {
    SERVICE_IN_KERNEL, /* no generations, no restart: what follows but the name means nothing */
    SERVICE_RUNNING,
    SERVICE_RESTARTING,
    SERVICE_HELD,
    SERVICE_BACKING_OFF,
    SERVICE_GAVE_UP,
    SERVICE_STATES
};

struct service_status {
    char name[16];
    int state;                     /* enum service_state */
    unsigned int generation;       /* from 1 */
    unsigned int restarts;         /* deaths, hangs and requests answered by a new generation */
    unsigned int held_ms;          /* while held: how long yet */
    char last_fault[CONTROL_TEXT]; /* why the last generation ended; empty if none did */
    char policy[CONTROL_TEXT];     /* what the supervisor does at the next death */
};

_Static_assert(sizeof(struct service_status) == 96, "programs reserve 96 bytes");
_Static_assert(offsetof(struct service_status, state) == 16 &&
                   offsetof(struct service_status, generation) == 20 &&
                   offsetof(struct service_status, restarts) == 24 &&
                   offsetof(struct service_status, held_ms) == 28 &&
                   offsetof(struct service_status, last_fault) == 32 &&
                   offsetof(struct service_status, policy) == 64,
               "programs know these offsets");

enum service_verb {
    SERVICE_HOLD,    /* stops it for `ms` milliseconds: callers wait, nothing is lost */
    SERVICE_RELEASE, /* lets a held one go on */
    SERVICE_RESTART, /* ends it as a death does, and starts a new generation */
    SERVICE_VERBS
};
#define SERVICE_HOLD_MAX 60000 /* milliseconds */

struct fault_status {
    char service[16];
    char name[24];
    char class[8]; /* of the fault model */
    char trigger[CONTROL_TEXT];
    char mono[16], micro[16]; /* the outcome expected on each kernel */
    unsigned long left;       /* arrivals until it fires; 0: not armed */
    unsigned long fired;      /* how often it has */
    int always;               /* from then on at each arrival */
};

_Static_assert(sizeof(struct fault_status) == 136, "programs reserve 136 bytes");
_Static_assert(offsetof(struct fault_status, name) == 16 && offsetof(struct fault_status, class) == 40 &&
                   offsetof(struct fault_status, trigger) == 48 &&
                   offsetof(struct fault_status, mono) == 80 && offsetof(struct fault_status, micro) == 96 &&
                   offsetof(struct fault_status, left) == 112 &&
                   offsetof(struct fault_status, fired) == 120 &&
                   offsetof(struct fault_status, always) == 128,
               "programs know these offsets");

enum program_state {
    PROGRAM_NEW,
    PROGRAM_RUNS,
    PROGRAM_SLEEPS,
    PROGRAM_ENDING,
    PROGRAM_ZOMBIE,
    PROGRAM_STATES
};

enum program_wait {
    PROGRAM_NO_WAIT,
    PROGRAM_WAIT_CHILD,
    PROGRAM_WAIT_TIME,
    PROGRAM_WAIT_PIPE,
    PROGRAM_WAIT_CONSOLE,
    PROGRAM_WAITS
};

struct process_status {
    int pid;
    int parent;           /* 0: none that would wait for it */
    int state;            /* enum program_state */
    int wait;             /* enum program_wait */
    int pipe;             /* of PROGRAM_WAIT_PIPE */
    unsigned long memory; /* bytes from address 0 to the break; regions of xmap come on top */
    char name[16];
};

_Static_assert(sizeof(struct process_status) == 48, "programs reserve 48 bytes");
_Static_assert(offsetof(struct process_status, parent) == 4 && offsetof(struct process_status, state) == 8 &&
                   offsetof(struct process_status, wait) == 12 &&
                   offsetof(struct process_status, pipe) == 16 &&
                   offsetof(struct process_status, memory) == 24 &&
                   offsetof(struct process_status, name) == 32,
               "programs know these offsets");

/* Numbers in a7. The table of processes has free places: a free one has pid 0. */
#define SYS_service_info    82 /* (int n, struct service_status *s) */
#define SYS_service_control 83 /* (int n, int verb, int ms): 0, or a CONTROL_E... */
#define SYS_fault_info      84 /* (int n, struct fault_status *s) */
#define SYS_process_info    85 /* (int n, struct process_status *s) */

#endif
