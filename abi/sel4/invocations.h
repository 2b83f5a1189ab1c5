/*
 * The seL4 API for riscv64: invocations of kernel objects, as inline functions.
 *
 * Each is a Call whose label names the operation. The result is the error; its details, if any, are then in
 * the first message registers of the IPC buffer. Argument order is that of libsel4.
 * (seL4 Reference Manual, "seL4 API Reference": the methods of each object.)
 */
#ifndef ABI_SEL4_INVOCATIONS_H
#define ABI_SEL4_INVOCATIONS_H

#include "abi/sel4/syscalls.h"

/* The four register arguments; words from the fifth on and the extra caps are in the IPC buffer already. */
static inline seL4_Error sel4_invoke(seL4_CPtr service, seL4_Word label, seL4_Word caps, seL4_Word length,
                                     seL4_Word mr0, seL4_Word mr1, seL4_Word mr2, seL4_Word mr3)
{
    seL4_Word info = seL4_MessageInfo_new(label, 0, caps, length).words[0];
    seL4_Word mr[4] = {mr0, mr1, mr2, mr3};
    sel4_exchange(seL4_SysCall, service, &info, mr);
    if (info >> 12 || (info & 127)) {
        for (int i = 0; i < 4; i++)
            seL4_SetMR(i, mr[i]);
    }
    return (seL4_Error)(info >> 12);
}

/* ---- Untyped ------------------------------------------------------------------------------------------- */

static inline seL4_Error seL4_Untyped_Retype(seL4_Untyped service, seL4_Word type, seL4_Word size_bits,
                                             seL4_CNode root, seL4_Word node_index, seL4_Word node_depth,
                                             seL4_Word node_offset, seL4_Word num_objects)
{
    seL4_SetCap(0, root);
    seL4_SetMR(4, node_offset);
    seL4_SetMR(5, num_objects);
    return sel4_invoke(service, UntypedRetype, 1, 6, type, size_bits, node_index, node_depth);
}

/* ---- TCB ----------------------------------------------------------------------------------------------- */

/* count: number of leading words of *regs to read. */
static inline seL4_Error seL4_TCB_ReadRegisters(seL4_TCB service, int suspend_source, seL4_Uint8 arch_flags,
                                                seL4_Word count, seL4_UserContext *regs)
{
    seL4_Word info = seL4_MessageInfo_new(TCBReadRegisters, 0, 0, 2).words[0];
    seL4_Word mr[4] = {(seL4_Word)(suspend_source & 1) | (seL4_Word)arch_flags << 8, count, 0, 0};
    sel4_exchange(seL4_SysCall, service, &info, mr);
    for (int i = 0; i < 4; i++)
        seL4_SetMR(i, mr[i]);
    if (info >> 12 == seL4_NoError) {
        for (seL4_Word i = 0; i < (info & 127) && i < sizeof(*regs) / sizeof(seL4_Word); i++)
            ((seL4_Word *)regs)[i] = seL4_GetMR((int)i);
    }
    return (seL4_Error)(info >> 12);
}

static inline seL4_Error seL4_TCB_WriteRegisters(seL4_TCB service, int resume_target, seL4_Uint8 arch_flags,
                                                 seL4_Word count, const seL4_UserContext *regs)
{
    const seL4_Word *words = (const seL4_Word *)regs;
    for (int i = 2; i < 32; i++)
        seL4_SetMR(i + 2, words[i]);
    return sel4_invoke(service, TCBWriteRegisters, 0, 34,
                       (seL4_Word)(resume_target & 1) | (seL4_Word)arch_flags << 8, count, words[0],
                       words[1]);
}

static inline seL4_Error seL4_TCB_CopyRegisters(seL4_TCB service, seL4_TCB source, int suspend_source,
                                                int resume_target, int transfer_frame, int transfer_integer,
                                                seL4_Uint8 arch_flags)
{
    seL4_SetCap(0, source);
    return sel4_invoke(service, TCBCopyRegisters, 1, 1,
                       (seL4_Word)(suspend_source & 1) | (seL4_Word)(resume_target & 1) << 1 |
                           (seL4_Word)(transfer_frame & 1) << 2 | (seL4_Word)(transfer_integer & 1) << 3 |
                           (seL4_Word)arch_flags << 8,
                       0, 0, 0);
}

static inline seL4_Error seL4_TCB_Configure(seL4_TCB service, seL4_Word fault_ep, seL4_CNode cspace_root,
                                            seL4_Word cspace_root_data, seL4_CPtr vspace_root,
                                            seL4_Word vspace_root_data, seL4_Word buffer,
                                            seL4_CPtr buffer_frame)
{
    seL4_SetCap(0, cspace_root);
    seL4_SetCap(1, vspace_root);
    seL4_SetCap(2, buffer_frame);
    return sel4_invoke(service, TCBConfigure, 3, 4, fault_ep, cspace_root_data, vspace_root_data, buffer);
}

static inline seL4_Error seL4_TCB_SetPriority(seL4_TCB service, seL4_TCB authority, seL4_Word priority)
{
    seL4_SetCap(0, authority);
    return sel4_invoke(service, TCBSetPriority, 1, 1, priority, 0, 0, 0);
}

static inline seL4_Error seL4_TCB_SetMCPriority(seL4_TCB service, seL4_TCB authority, seL4_Word mcp)
{
    seL4_SetCap(0, authority);
    return sel4_invoke(service, TCBSetMCPriority, 1, 1, mcp, 0, 0, 0);
}

static inline seL4_Error seL4_TCB_SetSchedParams(seL4_TCB service, seL4_TCB authority, seL4_Word mcp,
                                                 seL4_Word priority)
{
    seL4_SetCap(0, authority);
    return sel4_invoke(service, TCBSetSchedParams, 1, 2, mcp, priority, 0, 0);
}

static inline seL4_Error seL4_TCB_SetIPCBuffer(seL4_TCB service, seL4_Word buffer, seL4_CPtr buffer_frame)
{
    seL4_SetCap(0, buffer_frame);
    return sel4_invoke(service, TCBSetIPCBuffer, 1, 1, buffer, 0, 0, 0);
}

static inline seL4_Error seL4_TCB_SetSpace(seL4_TCB service, seL4_Word fault_ep, seL4_CNode cspace_root,
                                           seL4_Word cspace_root_data, seL4_CPtr vspace_root,
                                           seL4_Word vspace_root_data)
{
    seL4_SetCap(0, cspace_root);
    seL4_SetCap(1, vspace_root);
    return sel4_invoke(service, TCBSetSpace, 2, 3, fault_ep, cspace_root_data, vspace_root_data, 0);
}

static inline seL4_Error seL4_TCB_Suspend(seL4_TCB service)
{
    return sel4_invoke(service, TCBSuspend, 0, 0, 0, 0, 0, 0);
}

static inline seL4_Error seL4_TCB_Resume(seL4_TCB service)
{
    return sel4_invoke(service, TCBResume, 0, 0, 0, 0, 0, 0);
}

static inline seL4_Error seL4_TCB_BindNotification(seL4_TCB service, seL4_CPtr notification)
{
    seL4_SetCap(0, notification);
    return sel4_invoke(service, TCBBindNotification, 1, 0, 0, 0, 0, 0);
}

static inline seL4_Error seL4_TCB_UnbindNotification(seL4_TCB service)
{
    return sel4_invoke(service, TCBUnbindNotification, 0, 0, 0, 0, 0, 0);
}

static inline seL4_Error seL4_TCB_SetTLSBase(seL4_TCB service, seL4_Word tls_base)
{
    return sel4_invoke(service, TCBSetTLSBase, 0, 1, tls_base, 0, 0, 0);
}

typedef struct {
    seL4_Error error;
    seL4_Word flags;
} seL4_TCB_SetFlags_t;

static inline seL4_TCB_SetFlags_t seL4_TCB_SetFlags(seL4_TCB service, seL4_Word clear, seL4_Word set)
{
    seL4_TCB_SetFlags_t result;
    result.error = sel4_invoke(service, TCBSetFlags, 0, 2, clear, set, 0, 0);
    result.flags = seL4_GetMR(0);
    return result;
}

/* ---- CNode --------------------------------------------------------------------------------------------- */

static inline seL4_Error seL4_CNode_Revoke(seL4_CNode service, seL4_Word index, seL4_Uint8 depth)
{
    return sel4_invoke(service, CNodeRevoke, 0, 2, index, depth, 0, 0);
}

static inline seL4_Error seL4_CNode_Delete(seL4_CNode service, seL4_Word index, seL4_Uint8 depth)
{
    return sel4_invoke(service, CNodeDelete, 0, 2, index, depth, 0, 0);
}

static inline seL4_Error seL4_CNode_CancelBadgedSends(seL4_CNode service, seL4_Word index, seL4_Uint8 depth)
{
    return sel4_invoke(service, CNodeCancelBadgedSends, 0, 2, index, depth, 0, 0);
}

static inline seL4_Error seL4_CNode_Copy(seL4_CNode service, seL4_Word dest_index, seL4_Uint8 dest_depth,
                                         seL4_CNode src_root, seL4_Word src_index, seL4_Uint8 src_depth,
                                         seL4_CapRights_t rights)
{
    seL4_SetCap(0, src_root);
    seL4_SetMR(4, rights.words[0]);
    return sel4_invoke(service, CNodeCopy, 1, 5, dest_index, dest_depth, src_index, src_depth);
}

static inline seL4_Error seL4_CNode_Mint(seL4_CNode service, seL4_Word dest_index, seL4_Uint8 dest_depth,
                                         seL4_CNode src_root, seL4_Word src_index, seL4_Uint8 src_depth,
                                         seL4_CapRights_t rights, seL4_Word badge)
{
    seL4_SetCap(0, src_root);
    seL4_SetMR(4, rights.words[0]);
    seL4_SetMR(5, badge);
    return sel4_invoke(service, CNodeMint, 1, 6, dest_index, dest_depth, src_index, src_depth);
}

static inline seL4_Error seL4_CNode_Move(seL4_CNode service, seL4_Word dest_index, seL4_Uint8 dest_depth,
                                         seL4_CNode src_root, seL4_Word src_index, seL4_Uint8 src_depth)
{
    seL4_SetCap(0, src_root);
    return sel4_invoke(service, CNodeMove, 1, 4, dest_index, dest_depth, src_index, src_depth);
}

static inline seL4_Error seL4_CNode_Mutate(seL4_CNode service, seL4_Word dest_index, seL4_Uint8 dest_depth,
                                           seL4_CNode src_root, seL4_Word src_index, seL4_Uint8 src_depth,
                                           seL4_Word badge)
{
    seL4_SetCap(0, src_root);
    seL4_SetMR(4, badge);
    return sel4_invoke(service, CNodeMutate, 1, 5, dest_index, dest_depth, src_index, src_depth);
}

static inline seL4_Error seL4_CNode_Rotate(seL4_CNode service, seL4_Word dest_index, seL4_Uint8 dest_depth,
                                           seL4_Word dest_badge, seL4_CNode pivot_root, seL4_Word pivot_index,
                                           seL4_Uint8 pivot_depth, seL4_Word pivot_badge, seL4_CNode src_root,
                                           seL4_Word src_index, seL4_Uint8 src_depth)
{
    seL4_SetCap(0, pivot_root);
    seL4_SetCap(1, src_root);
    seL4_SetMR(4, pivot_depth);
    seL4_SetMR(5, pivot_badge);
    seL4_SetMR(6, src_index);
    seL4_SetMR(7, src_depth);
    return sel4_invoke(service, CNodeRotate, 2, 8, dest_index, dest_depth, dest_badge, pivot_index);
}

static inline seL4_Error seL4_CNode_SaveCaller(seL4_CNode service, seL4_Word index, seL4_Uint8 depth)
{
    return sel4_invoke(service, CNodeSaveCaller, 0, 2, index, depth, 0, 0);
}

/* ---- Interrupts ---------------------------------------------------------------------------------------- */

static inline seL4_Error seL4_IRQControl_Get(seL4_IRQControl service, seL4_Word irq, seL4_CNode root,
                                             seL4_Word index, seL4_Uint8 depth)
{
    seL4_SetCap(0, root);
    return sel4_invoke(service, IRQIssueIRQHandler, 1, 3, irq, index, depth, 0);
}

static inline seL4_Error seL4_IRQControl_GetTrigger(seL4_IRQControl service, seL4_Word irq, seL4_Word trigger,
                                                    seL4_CNode root, seL4_Word index, seL4_Uint8 depth)
{
    seL4_SetCap(0, root);
    return sel4_invoke(service, RISCVIRQIssueIRQHandlerTrigger, 1, 4, irq, trigger, index, depth);
}

static inline seL4_Error seL4_IRQHandler_Ack(seL4_IRQHandler service)
{
    return sel4_invoke(service, IRQAckIRQ, 0, 0, 0, 0, 0, 0);
}

static inline seL4_Error seL4_IRQHandler_SetNotification(seL4_IRQHandler service, seL4_CPtr notification)
{
    seL4_SetCap(0, notification);
    return sel4_invoke(service, IRQSetIRQHandler, 1, 0, 0, 0, 0, 0);
}

static inline seL4_Error seL4_IRQHandler_Clear(seL4_IRQHandler service)
{
    return sel4_invoke(service, IRQClearIRQHandler, 0, 0, 0, 0, 0, 0);
}

/* ---- Address spaces ------------------------------------------------------------------------------------ */

static inline seL4_Error seL4_RISCV_PageTable_Map(seL4_RISCV_PageTable service, seL4_CPtr vspace,
                                                  seL4_Word vaddr, seL4_RISCV_VMAttributes attributes)
{
    seL4_SetCap(0, vspace);
    return sel4_invoke(service, RISCVPageTableMap, 1, 2, vaddr, attributes, 0, 0);
}

static inline seL4_Error seL4_RISCV_PageTable_Unmap(seL4_RISCV_PageTable service)
{
    return sel4_invoke(service, RISCVPageTableUnmap, 0, 0, 0, 0, 0, 0);
}

static inline seL4_Error seL4_RISCV_Page_Map(seL4_RISCV_Page service, seL4_CPtr vspace, seL4_Word vaddr,
                                             seL4_CapRights_t rights, seL4_RISCV_VMAttributes attributes)
{
    seL4_SetCap(0, vspace);
    return sel4_invoke(service, RISCVPageMap, 1, 3, vaddr, rights.words[0], attributes, 0);
}

static inline seL4_Error seL4_RISCV_Page_Unmap(seL4_RISCV_Page service)
{
    return sel4_invoke(service, RISCVPageUnmap, 0, 0, 0, 0, 0, 0);
}

typedef struct {
    seL4_Error error;
    seL4_Word paddr;
} seL4_RISCV_Page_GetAddress_t;

static inline seL4_RISCV_Page_GetAddress_t seL4_RISCV_Page_GetAddress(seL4_RISCV_Page service)
{
    seL4_RISCV_Page_GetAddress_t result;
    result.error = sel4_invoke(service, RISCVPageGetAddress, 0, 0, 0, 0, 0, 0);
    result.paddr = seL4_GetMR(0);
    return result;
}

static inline seL4_Error seL4_RISCV_ASIDControl_MakePool(seL4_RISCV_ASIDControl service, seL4_Untyped untyped,
                                                         seL4_CNode root, seL4_Word index, seL4_Uint8 depth)
{
    seL4_SetCap(0, untyped);
    seL4_SetCap(1, root);
    return sel4_invoke(service, RISCVASIDControlMakePool, 2, 2, index, depth, 0, 0);
}

static inline seL4_Error seL4_RISCV_ASIDPool_Assign(seL4_RISCV_ASIDPool service, seL4_CPtr vspace)
{
    seL4_SetCap(0, vspace);
    return sel4_invoke(service, RISCVASIDPoolAssign, 1, 0, 0, 0, 0, 0);
}

/* ---- Domains ------------------------------------------------------------------------------------------- */

static inline seL4_Error seL4_DomainSet_Set(seL4_DomainSet service, seL4_Uint8 domain, seL4_TCB thread)
{
    seL4_SetCap(0, thread);
    return sel4_invoke(service, DomainSetSet, 1, 1, domain, 0, 0, 0);
}

static inline seL4_Error seL4_DomainSet_ScheduleConfigure(seL4_DomainSet service, seL4_Word index,
                                                          seL4_Word domain, seL4_Word duration)
{
    return sel4_invoke(service, DomainSetScheduleConfigure, 0, 3, index, domain, duration, 0);
}

static inline seL4_Error seL4_DomainSet_ScheduleSetStart(seL4_DomainSet service, seL4_Word index)
{
    return sel4_invoke(service, DomainSetScheduleSetStart, 0, 1, index, 0, 0, 0);
}

#endif
