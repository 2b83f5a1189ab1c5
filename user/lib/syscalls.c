/*
 * System call stubs: three instructions each, no frame, every register but a7 and a0 kept.
 *
 * Written as one table, because the numbers of Duo's own calls live in a C header that an assembly file
 * cannot include.
 */
#include "abi/xv6/control.h"
#include "abi/xv6/syscall.h"
#include "abi/xv6/xmap.h"

#define TEXT_OF(value) #value
#define TEXT(value)    TEXT_OF(value)

/* clang-format off */
#define STUB(name, number)                               \
    __asm__(".section .text." #name ", \"ax\"\n"         \
            "    .globl " #name "\n"                     \
            "    .type " #name ", @function\n"           \
            #name ":\n"                                  \
            "    li a7, " TEXT(number) "\n"              \
            "    ecall\n"                                \
            "    ret\n"                                  \
            "    .size " #name ", . - " #name "\n"       \
            "    .text\n")
/* clang-format on */

STUB(fork, SYS_fork);
STUB(exit, SYS_exit);
STUB(wait, SYS_wait);
STUB(pipe, SYS_pipe);
STUB(read, SYS_read);
STUB(kill, SYS_kill);
STUB(exec, SYS_exec);
STUB(fstat, SYS_fstat);
STUB(chdir, SYS_chdir);
STUB(dup, SYS_dup);
STUB(getpid, SYS_getpid);
STUB(sys_sbrk, SYS_sbrk);
STUB(pause, SYS_pause);
STUB(sleep, SYS_pause);
STUB(uptime, SYS_uptime);
STUB(open, SYS_open);
STUB(write, SYS_write);
STUB(mknod, SYS_mknod);
STUB(unlink, SYS_unlink);
STUB(link, SYS_link);
STUB(mkdir, SYS_mkdir);
STUB(close, SYS_close);

STUB(xmap_reserve, SYS_xmap_reserve);
STUB(xmap_map, SYS_xmap_map);
STUB(xmap_unmap, SYS_xmap_unmap);
STUB(xmap_release, SYS_xmap_release);
STUB(xmap_protect, SYS_xmap_protect);
STUB(xmap_reserve_at, SYS_xmap_reserve_at);
STUB(xmap_query, SYS_xmap_query);
STUB(xmap_usage, SYS_xmap_usage);
STUB(fault_arm, SYS_fault_arm);
STUB(power_off, SYS_power_off);
STUB(service_info, SYS_service_info);
STUB(service_control, SYS_service_control);
STUB(fault_info, SYS_fault_info);
STUB(process_info, SYS_process_info);
