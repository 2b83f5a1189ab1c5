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

void fault_raise(struct tcb *tcb)
{
    struct lookup_failure lookup = {.type = seL4_MissingCapability};
    struct slot *slot = cspace_lookup(tcb, tcb->fault_handler, &lookup);
    struct cap cap = slot ? slot->cap : (struct cap){0};

    if (cap.type == CAP_ENDPOINT && (cap.rights & RIGHT_WRITE) &&
        (cap.rights & (RIGHT_GRANT | RIGHT_GRANT_REPLY))) {
        endpoint_send(cap_object(cap), tcb,
                      (struct send){.badge = cap.badge,
                                    .blocking = true,
                                    .call = true,
                                    .grant = cap.rights & RIGHT_GRANT,
                                    .can_call = true});
        return;
    }
    debug_unhandled_fault(tcb, &lookup);
    tcb->fault.type = 0;
    thread_set_state(tcb, THREAD_INACTIVE);
}

static u32 cap_fault_message(const struct tcb *from, u64 *mr, seL4_IPCBuffer *buffer)
{
    const struct lookup_failure *lookup = &from->fault.lookup;
    u32 details = buffer ? lookup_failure_details(lookup) : 0;

    mr[seL4_CapFault_IP] = from->fault_pc;
    mr[seL4_CapFault_Addr] = from->fault.address;
    mr[seL4_CapFault_InRecvPhase] = from->fault.receiving;
    mr[seL4_CapFault_LookupFailureType] = lookup->type;
    if (details > 0)
        buffer->msg[seL4_CapFault_BitsLeft] = lookup->bits_left;
    if (details > 1)
        buffer->msg[seL4_CapFault_BitsLeft + 1] = lookup->found;
    if (details > 2)
        buffer->msg[seL4_CapFault_BitsLeft + 2] = lookup->guard_size;
    return seL4_CapFault_BitsLeft + details;
}

u32 fault_message(const struct tcb *from, struct tcb *to, seL4_IPCBuffer *buffer)
{
    const struct fault *fault = &from->fault;
    u64 *mr = &to->frame.x[REG_A2];

    switch (fault->type) {
    case seL4_Fault_UnknownSyscall:
        return fault_unknown_message(from, to, buffer);
    case seL4_Fault_VMFault:
        return fault_vm_message(from, to);
    case seL4_Fault_UserException:
        mr[seL4_UserException_FaultIP] = from->fault_pc;
        mr[seL4_UserException_SP] = from->frame.x[REG_SP];
        mr[seL4_UserException_Number] = fault->code;
        mr[seL4_UserException_Code] = 0;
        return seL4_UserException_Length;
    default:
        return cap_fault_message(from, mr, buffer);
    }
}

bool fault_apply_reply(struct tcb *tcb, const struct tcb *handler)
{
    const u64 *mr = &handler->frame.x[REG_A2];
    const seL4_IPCBuffer *buffer = message_buffer(handler, false);
    u64 info = handler->frame.x[REG_A1], length = message_length(info);

    if (tcb->fault.type != seL4_Fault_UnknownSyscall && tcb->fault.type != seL4_Fault_UserException)
        return true;
    tcb->scan.number = 0; /* as after any other change of registers (tcb.c) */
    if (length > 0)
        tcb->fault_pc = mr[0];
    if (length > 1)
        tcb->frame.x[REG_SP] = mr[seL4_UnknownSyscall_SP];
    if (tcb->fault.type == seL4_Fault_UnknownSyscall) {
        if (length > seL4_UnknownSyscall_RA)
            tcb->frame.x[REG_RA] = mr[seL4_UnknownSyscall_RA];
        if (length > seL4_UnknownSyscall_A0)
            tcb->frame.x[REG_A0] = mr[seL4_UnknownSyscall_A0];
        for (u32 i = seL4_UnknownSyscall_A1; buffer && i < min_u64(length, seL4_UnknownSyscall_Syscall); i++)
            tcb->frame.x[REG_A1 + i - seL4_UnknownSyscall_A1] = buffer->msg[i];
    }
    return info >> 12 == 0;
}
