/*
 * Faults as messages. The contract is in ipc.h.
 *
 * The faulting thread sends, as if by a Call, to the endpoint its handler CPtr names. What the handler
 * replies says how the thread goes on. The words of each message are those of the API.
 */
#include "kernel/micro/cspace.h"
#include "kernel/micro/debug.h"
#include "kernel/micro/ipc.h"
#include "kernel/micro/schedule.h"

void fault_raise(struct tcb *tcb, const struct fault *fault)
{
    struct lookup_failure lookup = {.type = seL4_MissingCapability};
    struct slot *slot = cspace_lookup(tcb, tcb->fault_handler, &lookup);
    struct cap cap = slot ? slot->cap : (struct cap){0};

    if (cap.type == CAP_ENDPOINT && (cap.rights & RIGHT_WRITE) &&
        (cap.rights & (RIGHT_GRANT | RIGHT_GRANT_REPLY))) {
        tcb->fault = *fault;
        endpoint_send(cap_object(cap), tcb,
                      (struct send){.badge = cap.badge,
                                    .blocking = true,
                                    .call = true,
                                    .grant = cap.rights & RIGHT_GRANT,
                                    .can_call = true});
        return;
    }
    debug_unhandled_fault(tcb, fault, &lookup);
    thread_set_state(tcb, THREAD_INACTIVE);
}

/* The registers of an UnknownSyscall message behind the pc: sp, ra, a0 to a6. */
static const u8 syscall_registers[] = {REG_SP,     REG_RA,     REG_A0,     REG_A0 + 1, REG_A0 + 2,
                                       REG_A0 + 3, REG_A0 + 4, REG_A0 + 5, REG_A0 + 6};

u32 fault_message(const struct tcb *from, struct tcb *to, seL4_IPCBuffer *buffer)
{
    const struct fault *fault = &from->fault;
    u64 words[seL4_UnknownSyscall_Length] = {from->fault_pc};
    u32 count = 0, sent = 0;

    switch (fault->type) {
    case seL4_Fault_CapFault:
        words[seL4_CapFault_Addr] = fault->address;
        words[seL4_CapFault_InRecvPhase] = fault->receiving;
        words[seL4_CapFault_LookupFailureType] = fault->lookup.type;
        words[seL4_CapFault_BitsLeft] = fault->lookup.bits_left;
        words[seL4_CapFault_BitsLeft + 1] = fault->lookup.found;
        words[seL4_CapFault_BitsLeft + 2] = fault->lookup.guard_size;
        count = seL4_CapFault_BitsLeft + lookup_failure_details(&fault->lookup);
        break;
    case seL4_Fault_UnknownSyscall:
        for (u32 i = 0; i < ARRAY_SIZE(syscall_registers); i++)
            words[seL4_UnknownSyscall_SP + i] = from->frame.x[syscall_registers[i]];
        words[seL4_UnknownSyscall_Syscall] = fault->code;
        count = seL4_UnknownSyscall_Length;
        break;
    case seL4_Fault_UserException:
        words[seL4_UserException_SP] = from->frame.x[REG_SP];
        words[seL4_UserException_Number] = fault->code;
        words[seL4_UserException_Code] = 0;
        count = seL4_UserException_Length;
        break;
    case seL4_Fault_VMFault:
        words[seL4_VMFault_Addr] = fault->address;
        words[seL4_VMFault_PrefetchFault] = fault->fetch;
        words[seL4_VMFault_FSR] = fault->code;
        count = seL4_VMFault_Length;
        break;
    default:
        break;
    }
    while (sent < count && message_set(to, buffer, sent, words[sent]))
        sent++;
    return sent;
}

bool fault_apply_reply(struct tcb *tcb, const struct tcb *handler)
{
    const seL4_IPCBuffer *buffer = message_buffer(handler, false);
    u64 info = handler->frame.x[REG_A1];
    u32 registers, length = (u32)message_length(info);

    switch (tcb->fault.type) {
    case seL4_Fault_UnknownSyscall:
        registers = ARRAY_SIZE(syscall_registers);
        break;
    case seL4_Fault_UserException:
        registers = 1; /* sp */
        break;
    default:
        return true;
    }
    if (!buffer && length > seL4_FastMessageRegisters)
        length = seL4_FastMessageRegisters;
    if (length > 0)
        tcb->fault_pc = message_get(handler, buffer, 0);
    for (u32 i = 0; i < registers && i + 1 < length; i++)
        tcb->frame.x[syscall_registers[i]] = message_get(handler, buffer, i + 1);
    return info >> 12 == 0;
}
