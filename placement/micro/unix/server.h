/* Between the files of the unix server, and for the supervisor that prepares its capabilities. */
#ifndef PLACEMENT_MICRO_UNIX_SERVER_H
#define PLACEMENT_MICRO_UNIX_SERVER_H

#define UNIX_PRIVATE_RADIX 8  /* slots of the private CNode, log2: program.c */
#define UNIX_PROGRAM_BITS  18 /* the untyped for program threads, log2 bytes */

#endif
