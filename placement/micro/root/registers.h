/* All registers of a thread at once. They pass through the IPC buffer: what a message there says is read before. */
#ifndef PLACEMENT_MICRO_ROOT_REGISTERS_H
#define PLACEMENT_MICRO_ROOT_REGISTERS_H

#include "abi/sel4/sel4.h"
#include "lib/types.h"

#define REGISTERS (sizeof(seL4_UserContext) / sizeof(seL4_Word))

/* Of a thread that does not run; as they were if the capability is none of a thread. */
static inline void registers_read(u64 tcb, seL4_UserContext *registers)
{
    seL4_TCB_ReadRegisters(tcb, 0, 0, REGISTERS, registers);
}

/* The thread goes on from there if `resume`. */
static inline seL4_Error registers_write(u64 tcb, bool resume, const seL4_UserContext *registers)
{
    return seL4_TCB_WriteRegisters(tcb, resume, 0, REGISTERS, registers);
}

#endif
