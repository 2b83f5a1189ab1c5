/* Every system call: its number and the function unix_call_NAME that answers it. Adding one is one line here.
 */
#ifndef SERVICE_UNIX_CALLS_H
#define SERVICE_UNIX_CALLS_H

#include "abi/xv6/control.h"
#include "abi/xv6/syscall.h"
#include "abi/xv6/xmap.h"
#include "service/unix/process.h"

#define UNIX_CALLS(C)                                                                                        \
    C(SYS_fork, fork)                                                                                        \
    C(SYS_exit, exit)                                                                                        \
    C(SYS_wait, wait)                                                                                        \
    C(SYS_pipe, pipe)                                                                                        \
    C(SYS_read, read)                                                                                        \
    C(SYS_kill, kill)                                                                                        \
    C(SYS_exec, exec)                                                                                        \
    C(SYS_fstat, fstat)                                                                                      \
    C(SYS_chdir, chdir)                                                                                      \
    C(SYS_dup, dup)                                                                                          \
    C(SYS_getpid, getpid)                                                                                    \
    C(SYS_sbrk, sbrk)                                                                                        \
    C(SYS_pause, pause)                                                                                      \
    C(SYS_uptime, uptime)                                                                                    \
    C(SYS_open, open)                                                                                        \
    C(SYS_write, write)                                                                                      \
    C(SYS_mknod, mknod)                                                                                      \
    C(SYS_unlink, unlink)                                                                                    \
    C(SYS_link, link)                                                                                        \
    C(SYS_mkdir, mkdir)                                                                                      \
    C(SYS_close, close)                                                                                      \
    C(SYS_xmap_reserve, xmap_reserve)                                                                        \
    C(SYS_xmap_map, xmap_map)                                                                                \
    C(SYS_xmap_unmap, xmap_unmap)                                                                            \
    C(SYS_xmap_release, xmap_release)                                                                        \
    C(SYS_xmap_protect, xmap_protect)                                                                        \
    C(SYS_xmap_reserve_at, xmap_reserve_at)                                                                  \
    C(SYS_xmap_query, xmap_query)                                                                            \
    C(SYS_xmap_usage, xmap_usage)                                                                            \
    C(SYS_fault_arm, fault_arm)                                                                              \
    C(SYS_power_off, power_off)                                                                              \
    C(SYS_service_info, service_info)                                                                        \
    C(SYS_service_control, service_control)                                                                  \
    C(SYS_fault_info, fault_info)                                                                            \
    C(SYS_process_info, process_info)

/* By the process's own thread. `argument` holds six words; an int is the low 32 bits of one. The result goes
 * to a0. */
#define UNIX_CALL_PROTOTYPE(number, name) s64 unix_call_##name(struct process *process, const u64 *argument);
UNIX_CALLS(UNIX_CALL_PROTOTYPE)
#undef UNIX_CALL_PROTOTYPE

/* What every call of xv6 returns for every error. */
#define FAILED (-1)

#endif
