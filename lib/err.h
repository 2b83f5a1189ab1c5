/*
 * The one list of errors inside the system, each code saying whose mistake it is.
 *
 * Translated once at each edge: to -1 for an xv6 call, to the XMAP_E* values of abi/xv6/xmap.h for an xmap
 * call.
 */
#ifndef LIB_ERR_H
#define LIB_ERR_H

#include "lib/types.h"

/* name, text, whose mistake it is */
#define ERR_LIST(E)                                                                                          \
    E(OK, "no error")                                                                                        \
    E(ARGUMENT, "bad argument")                    /* the caller's */                                        \
    E(RANGE, "out of range")                       /* the caller's */                                        \
    E(ALIGN, "not aligned")                        /* the caller's */                                        \
    E(NOT_FOUND, "not found")                      /* the caller's */                                        \
    E(EXISTS, "exists already")                    /* the caller's */                                        \
    E(MAPPED, "mapped already")                    /* the caller's */                                        \
    E(NOT_MAPPED, "not mapped")                    /* the caller's */                                        \
    E(OVERLAP, "overlaps a region")                /* the caller's */                                        \
    E(DENIED, "not permitted")                     /* the caller's */                                        \
    E(BUSY, "busy")                                /* the caller's: something still uses it */               \
    E(NOT_DIRECTORY, "not a directory")            /* the caller's */                                        \
    E(IS_DIRECTORY, "is a directory")              /* the caller's */                                        \
    E(NOT_EMPTY, "directory not empty")            /* the caller's */                                        \
    E(NOT_EXECUTABLE, "not an executable")         /* the caller's, or the file's */                         \
    E(NO_MEMORY, "out of memory")                  /* nobody's: exhaustion */                                \
    E(NO_SPACE, "no space on the disk")            /* nobody's: exhaustion */                                \
    E(NO_SLOT, "table full")                       /* nobody's: exhaustion */                                \
    E(QUOTA, "over quota")                         /* the caller's space is at its limit */                  \
    E(DEVICE, "device error")                      /* the device's */                                        \
    E(CORRUPT, "the disk image is damaged")        /* the image's */                                         \
    E(TIMEOUT, "timed out")                        /* the peer's or the device's */                          \
    E(CANCELLED, "cancelled")                      /* somebody asked for it (kill) */                        \
    E(BROKEN, "the other end is gone")             /* pipe without readers */                                \
    E(PEER_RESTARTED, "the service was restarted") /* the peer's: it died during this request */             \
    E(ABSENT, "not available in this system") /* the image's: part left out; or given up by the supervisor */

enum err {
#define E(name, text) ERR_##name,
    ERR_LIST(E)
#undef E
        ERR_COUNT
};

/* The text above for `err`; "unknown error" for a number outside the list. Never NULL. */
const char *err_text(enum err err);

#endif
