/* What the console service offers: operations and constants. The contract of each is in port/console.def. */
#ifndef PORT_CONSOLE_H
#define PORT_CONSOLE_H

#include "port/operation.h"

/* Who reads, so that cons_cancel() can name it: any number below this; unix uses the program's number. */
#define CONS_READERS 64u

#define OPERATION OPERATION_PROTOTYPE
#include "port/console.def"
#undef OPERATION

enum cons_operation {
#define OPERATION OPERATION_NUMBER
#include "port/console.def"
#undef OPERATION
    CONSOLE_OPERATIONS
};

/*
 * The service's two ways to begin, called by its placement once, before any operation: the first start of
 * all, and the start after a death, which finds kept state (port/keep.h), checks it before it trusts it, and
 * says aloud what it had to give up. Neither waits. On an error the service is not available.
 */
enum err cons_start(void);
enum err cons_restart(void);

#endif
