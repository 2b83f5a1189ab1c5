/*
 * The world of the unix core's tests: the real fs, xmap and console cores on the host, a disk made by mkfs,
 * and programs that are scripts (placement/host/program.h).
 */
#ifndef SERVICE_UNIX_TEST_WORLD_H
#define SERVICE_UNIX_TEST_WORLD_H

#include "abi/xv6/fcntl.h"
#include "abi/xv6/stat.h"
#include "abi/xv6/syscall.h"
#include "abi/xv6/xmap.h"
#include "placement/host/host.h"
#include "placement/host/program.h"
#include "port/vspace.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * Every program of the disk has this layout; which script it is, its entry address says.
 *
 *   0x0000  text, one page, read and execute     0x3000  guard
 *   0x1000  data, one page of bytes 0x5a         0x4000  stack
 *   0x2000  the rest of data, zero               0x5000  heap
 */
#define AT_TEXT  0x0000ul
#define AT_DATA  0x1000ul
#define AT_ZERO  0x2000ul
#define AT_GUARD 0x3000ul
#define AT_STACK 0x4000ul
#define AT_HEAP  0x5000ul
#define AT_PATH  0x2800ul /* where TEXT() puts strings */

struct world_program {
    const char *name; /* in the root directory, and of run= */
    host_script script;
};

/* Runs a copy of the world with pid 1 being programs[0], in run mode; `typed` is fed to the console,
 * and may begin with "?PROMPT:" to wait for a prompt. Returns the code of the
 * power-off, or 99 for anything else. What the console sent is left in world_output. */
int world_run(const struct world_program *programs, u32 count, const char *typed);

extern char world_output[1 << 16];

/* Number of frames; set before world_run(), 0: the default. */
extern u32 world_frames;

/* In a script: ends the world with code 11 and a message if the condition does not hold. */
#define EXPECT(condition)                                                                                    \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            world_failed(__FILE__, __LINE__, #condition, me->a0);                                            \
    } while (0)
_Noreturn void world_failed(const char *file, int at, const char *condition, s64 a0);

/* Puts a string at AT_PATH (or another address). */
#define TEXT(string)             STORE(AT_PATH, string, strlen(string) + 1)
#define TEXT_AT(address, string) STORE(address, string, strlen(string) + 1)

#define EXIT(status) CALL(SYS_exit, (u64)(s64)(status))

#endif
