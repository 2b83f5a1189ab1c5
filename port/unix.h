/* What the unix service offers to its placement: only a beginning. Its callers are programs, by system calls.
 */
#ifndef PORT_UNIX_H
#define PORT_UNIX_H

#include "lib/err.h"

/* Starts process 1: /init of the disk, or the program named by the boot argument run=PROGRAM, with the
 * console as its descriptors 0, 1, 2 and its end as the machine's (exit status 0: clean, else: test failed).
 * Returns once it runs. */
enum err unix_start(void);

#endif
