/* What the xmap service offers: operations and constants. The contract of each is in port/xmap.def. */
#ifndef PORT_XMAP_H
#define PORT_XMAP_H

#include "port/operation.h"

/* Rights of a mapping: PORT_READ, PORT_WRITE, PORT_EXEC of port/vspace.h, repeated here for the callers. */
#define XMAP_RIGHT_READ  1u
#define XMAP_RIGHT_WRITE 2u
#define XMAP_RIGHT_EXEC  4u
#define XMAP_RIGHTS_ALL  7u

/* How xmap_map() and xmap_resize() fill a region. */
#define XMAP_FILL_NOW  0u /* every page is there, zeroed, when the call returns, or nothing has changed */
#define XMAP_FILL_LAZY 1u /* a page appears, zeroed, at its first touch */

/* Whose region it is: an operation names the kind it means and is refused (ERR_DENIED) for the other. */
#define XMAP_KIND_PROGRAM 0u /* text, data, stack, heap: unix alone arranges them */
#define XMAP_KIND_CALL    1u /* made by the program's own xmap calls */

/* xmap_reserve(): any free address. */
#define XMAP_ANYWHERE 0u

#define OPERATION OPERATION_PROTOTYPE
#include "port/xmap.def"
#undef OPERATION

enum xmap_operation {
#define OPERATION OPERATION_NUMBER
#include "port/xmap.def"
#undef OPERATION
    XMAP_OPERATIONS
};

/*
 * The service's two ways to begin, called by its placement once, before any operation: the first start of
 * all, and the start after a death, which finds kept state (port/keep.h), checks it before it trusts it, and
 * says aloud what it had to give up. Neither waits. On an error the service is not available.
 */
enum err xmap_start(void);
enum err xmap_restart(void);

#endif
