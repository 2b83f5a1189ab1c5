/*
 * The seL4 API for riscv64: message helpers and the system calls, as inline functions.
 *
 * The IPC buffer is found through the thread pointer: the word at tp+0 holds its address. Whoever starts a
 * thread gives it (by seL4_TCB_SetTLSBase, or as the last word of seL4_TCB_WriteRegisters) the address of a
 * block whose first word is that pointer; the root task sets its own with seL4_SetThreadBlock().
 * (seL4 Reference Manual, "seL4 API Reference": system calls.)
 */
#ifndef ABI_SEL4_SYSCALLS_H
#define ABI_SEL4_SYSCALLS_H

#include "abi/sel4/types.h"

/* ---- The IPC buffer ------------------------------------------------------------------------------------ */

static inline void seL4_SetThreadBlock(void *block)
{
    __asm__ volatile("mv tp, %0" : : "r"(block) : "memory");
}

static inline seL4_IPCBuffer *seL4_GetIPCBuffer(void)
{
    seL4_IPCBuffer *buffer;
    __asm__ volatile("ld %0, 0(tp)" : "=r"(buffer) : : "memory");
    return buffer;
}

static inline void seL4_SetIPCBuffer(seL4_IPCBuffer *buffer)
{
    __asm__ volatile("sd %0, 0(tp)" : : "r"(buffer) : "memory");
}

static inline seL4_Word seL4_GetMR(int i)
{
    return seL4_GetIPCBuffer()->msg[i];
}

static inline void seL4_SetMR(int i, seL4_Word mr)
{
    seL4_GetIPCBuffer()->msg[i] = mr;
}

static inline seL4_Word seL4_GetUserData(void)
{
    return seL4_GetIPCBuffer()->userData;
}

static inline void seL4_SetUserData(seL4_Word data)
{
    seL4_GetIPCBuffer()->userData = data;
}

static inline seL4_CPtr seL4_GetCap(int i)
{
    return seL4_GetIPCBuffer()->caps_or_badges[i];
}

static inline void seL4_SetCap(int i, seL4_CPtr cptr)
{
    seL4_GetIPCBuffer()->caps_or_badges[i] = cptr;
}

static inline seL4_Word seL4_GetBadge(int i)
{
    return seL4_GetIPCBuffer()->caps_or_badges[i];
}

static inline void seL4_SetCapReceivePath(seL4_CPtr cnode, seL4_CPtr index, seL4_Word depth)
{
    seL4_IPCBuffer *buffer = seL4_GetIPCBuffer();
    buffer->receiveCNode = cnode;
    buffer->receiveIndex = index;
    buffer->receiveDepth = depth;
}

/* ---- Packed words -------------------------------------------------------------------------------------- */

static inline seL4_MessageInfo_t seL4_MessageInfo_new(seL4_Word label, seL4_Word caps_unwrapped,
                                                      seL4_Word extra_caps, seL4_Word length)
{
    return (seL4_MessageInfo_t){
        {label << 12 | (caps_unwrapped & 7) << 9 | (extra_caps & 3) << 7 | (length & 127)}};
}

static inline seL4_Word seL4_MessageInfo_get_label(seL4_MessageInfo_t info)
{
    return info.words[0] >> 12;
}

static inline seL4_Word seL4_MessageInfo_get_capsUnwrapped(seL4_MessageInfo_t info)
{
    return info.words[0] >> 9 & 7;
}

static inline seL4_Word seL4_MessageInfo_get_extraCaps(seL4_MessageInfo_t info)
{
    return info.words[0] >> 7 & 3;
}

static inline seL4_Word seL4_MessageInfo_get_length(seL4_MessageInfo_t info)
{
    return info.words[0] & 127;
}

static inline seL4_CapRights_t seL4_CapRights_new(seL4_Word grant_reply, seL4_Word grant, seL4_Word read,
                                                  seL4_Word write)
{
    return (seL4_CapRights_t){{grant_reply << 3 | grant << 2 | read << 1 | write}};
}

#define seL4_AllRights     ((seL4_CapRights_t){{15}})
#define seL4_ReadWrite     ((seL4_CapRights_t){{seL4_RightRead | seL4_RightWrite}})
#define seL4_CanRead       ((seL4_CapRights_t){{seL4_RightRead}})
#define seL4_CanWrite      ((seL4_CapRights_t){{seL4_RightWrite}})
#define seL4_CanGrant      ((seL4_CapRights_t){{seL4_RightGrant}})
#define seL4_CanGrantReply ((seL4_CapRights_t){{seL4_RightGrantReply}})
#define seL4_NoWrite       ((seL4_CapRights_t){{15 & ~seL4_RightWrite}})
#define seL4_NoRead        ((seL4_CapRights_t){{15 & ~seL4_RightRead}})
#define seL4_NoRights      ((seL4_CapRights_t){{0}})

static inline seL4_CNode_CapData_t seL4_CNode_CapData_new(seL4_Word guard, seL4_Word guard_size)
{
    return (seL4_CNode_CapData_t){{guard << 6 | (guard_size & 63)}};
}

/* ---- The three shapes of a system call ----------------------------------------------------------------- */

/* Everything in and out: Call, ReplyRecv, Recv, NBRecv. The result is a0, a badge. */
static inline seL4_Word sel4_exchange(long number, seL4_Word destination, seL4_Word *info, seL4_Word mr[4])
{
    register seL4_Word a0 __asm__("a0") = destination;
    register seL4_Word a1 __asm__("a1") = *info;
    register seL4_Word a2 __asm__("a2") = mr[0];
    register seL4_Word a3 __asm__("a3") = mr[1];
    register seL4_Word a4 __asm__("a4") = mr[2];
    register seL4_Word a5 __asm__("a5") = mr[3];
    register long a7 __asm__("a7") = number;
    __asm__ volatile("ecall"
                     : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5)
                     : "r"(a7)
                     : "memory");
    *info = a1;
    mr[0] = a2;
    mr[1] = a3;
    mr[2] = a4;
    mr[3] = a5;
    return a0;
}

/* Everything in, nothing out: Send, NBSend, Reply. */
static inline void sel4_post(long number, seL4_Word destination, seL4_Word info, seL4_Word mr0, seL4_Word mr1,
                             seL4_Word mr2, seL4_Word mr3)
{
    register seL4_Word a0 __asm__("a0") = destination;
    register seL4_Word a1 __asm__("a1") = info;
    register seL4_Word a2 __asm__("a2") = mr0;
    register seL4_Word a3 __asm__("a3") = mr1;
    register seL4_Word a4 __asm__("a4") = mr2;
    register seL4_Word a5 __asm__("a5") = mr3;
    register long a7 __asm__("a7") = number;
    __asm__ volatile("ecall" : : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5), "r"(a7) : "memory");
}

/* One word in, one word out: Yield and the debug calls. */
static inline seL4_Word sel4_simple(long number, seL4_Word argument)
{
    register seL4_Word a0 __asm__("a0") = argument;
    register long a7 __asm__("a7") = number;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a7) : "memory");
    return a0;
}

/* ---- System calls with the message in the IPC buffer --------------------------------------------------- */

static inline void seL4_Send(seL4_CPtr dest, seL4_MessageInfo_t info)
{
    const seL4_Word *msg = seL4_GetIPCBuffer()->msg;
    sel4_post(seL4_SysSend, dest, info.words[0], msg[0], msg[1], msg[2], msg[3]);
}

static inline void seL4_NBSend(seL4_CPtr dest, seL4_MessageInfo_t info)
{
    const seL4_Word *msg = seL4_GetIPCBuffer()->msg;
    sel4_post(seL4_SysNBSend, dest, info.words[0], msg[0], msg[1], msg[2], msg[3]);
}

static inline void seL4_Reply(seL4_MessageInfo_t info)
{
    const seL4_Word *msg = seL4_GetIPCBuffer()->msg;
    sel4_post(seL4_SysReply, 0, info.words[0], msg[0], msg[1], msg[2], msg[3]);
}

static inline void seL4_Signal(seL4_CPtr dest)
{
    sel4_post(seL4_SysSend, dest, 0, 0, 0, 0, 0);
}

static inline seL4_MessageInfo_t seL4_Call(seL4_CPtr dest, seL4_MessageInfo_t info)
{
    sel4_exchange(seL4_SysCall, dest, &info.words[0], seL4_GetIPCBuffer()->msg);
    return info;
}

/* `sender` may be NULL. */
static inline seL4_MessageInfo_t seL4_Recv(seL4_CPtr src, seL4_Word *sender)
{
    seL4_MessageInfo_t info = {{0}};
    seL4_Word badge = sel4_exchange(seL4_SysRecv, src, &info.words[0], seL4_GetIPCBuffer()->msg);
    if (sender)
        *sender = badge;
    return info;
}

static inline seL4_MessageInfo_t seL4_NBRecv(seL4_CPtr src, seL4_Word *sender)
{
    seL4_MessageInfo_t info = {{0}};
    seL4_Word badge = sel4_exchange(seL4_SysNBRecv, src, &info.words[0], seL4_GetIPCBuffer()->msg);
    if (sender)
        *sender = badge;
    return info;
}

static inline seL4_MessageInfo_t seL4_ReplyRecv(seL4_CPtr src, seL4_MessageInfo_t info, seL4_Word *sender)
{
    seL4_Word badge = sel4_exchange(seL4_SysReplyRecv, src, &info.words[0], seL4_GetIPCBuffer()->msg);
    if (sender)
        *sender = badge;
    return info;
}

static inline void seL4_Wait(seL4_CPtr src, seL4_Word *sender)
{
    seL4_Recv(src, sender);
}

static inline seL4_MessageInfo_t seL4_Poll(seL4_CPtr src, seL4_Word *sender)
{
    return seL4_NBRecv(src, sender);
}

static inline void seL4_Yield(void)
{
    register long a7 __asm__("a7") = seL4_SysYield;
    __asm__ volatile("ecall" : : "r"(a7) : "memory");
}

/* ---- The same with MR0..MR3 in variables: the buffer is not touched for them. A NULL pointer is 0 in. -- */

static inline seL4_MessageInfo_t sel4_exchange_mrs(long number, seL4_CPtr dest, seL4_MessageInfo_t info,
                                                   seL4_Word *sender, seL4_Word *mr0, seL4_Word *mr1,
                                                   seL4_Word *mr2, seL4_Word *mr3)
{
    seL4_Word mr[4] = {mr0 ? *mr0 : 0, mr1 ? *mr1 : 0, mr2 ? *mr2 : 0, mr3 ? *mr3 : 0};
    seL4_Word badge = sel4_exchange(number, dest, &info.words[0], mr);
    if (sender)
        *sender = badge;
    if (mr0)
        *mr0 = mr[0];
    if (mr1)
        *mr1 = mr[1];
    if (mr2)
        *mr2 = mr[2];
    if (mr3)
        *mr3 = mr[3];
    return info;
}

static inline seL4_MessageInfo_t seL4_CallWithMRs(seL4_CPtr dest, seL4_MessageInfo_t info, seL4_Word *mr0,
                                                  seL4_Word *mr1, seL4_Word *mr2, seL4_Word *mr3)
{
    return sel4_exchange_mrs(seL4_SysCall, dest, info, 0, mr0, mr1, mr2, mr3);
}

static inline seL4_MessageInfo_t seL4_RecvWithMRs(seL4_CPtr src, seL4_Word *sender, seL4_Word *mr0,
                                                  seL4_Word *mr1, seL4_Word *mr2, seL4_Word *mr3)
{
    seL4_MessageInfo_t info = {{0}};
    return sel4_exchange_mrs(seL4_SysRecv, src, info, sender, mr0, mr1, mr2, mr3);
}

static inline seL4_MessageInfo_t seL4_ReplyRecvWithMRs(seL4_CPtr src, seL4_MessageInfo_t info,
                                                       seL4_Word *sender, seL4_Word *mr0, seL4_Word *mr1,
                                                       seL4_Word *mr2, seL4_Word *mr3)
{
    return sel4_exchange_mrs(seL4_SysReplyRecv, src, info, sender, mr0, mr1, mr2, mr3);
}

static inline void seL4_SendWithMRs(seL4_CPtr dest, seL4_MessageInfo_t info, const seL4_Word *mr0,
                                    const seL4_Word *mr1, const seL4_Word *mr2, const seL4_Word *mr3)
{
    sel4_post(seL4_SysSend, dest, info.words[0], mr0 ? *mr0 : 0, mr1 ? *mr1 : 0, mr2 ? *mr2 : 0,
              mr3 ? *mr3 : 0);
}

static inline void seL4_ReplyWithMRs(seL4_MessageInfo_t info, const seL4_Word *mr0, const seL4_Word *mr1,
                                     const seL4_Word *mr2, const seL4_Word *mr3)
{
    sel4_post(seL4_SysReply, 0, info.words[0], mr0 ? *mr0 : 0, mr1 ? *mr1 : 0, mr2 ? *mr2 : 0,
              mr3 ? *mr3 : 0);
}

/* ---- Debug calls: kernels built for debugging only ----------------------------------------------------- */

static inline void seL4_DebugPutChar(char c)
{
    sel4_simple(seL4_SysDebugPutChar, (unsigned char)c);
}

static inline void seL4_DebugPutString(const char *s)
{
    while (*s)
        seL4_DebugPutChar(*s++);
}

static inline void seL4_DebugDumpScheduler(void)
{
    sel4_simple(seL4_SysDebugDumpScheduler, 0);
}

static inline void seL4_DebugHalt(void)
{
    sel4_simple(seL4_SysDebugHalt, 0);
}

static inline void seL4_DebugSnapshot(void)
{
    sel4_simple(seL4_SysDebugSnapshot, 0);
}

/* Number of the cap's type; 0 for an empty or unresolvable slot. */
static inline seL4_Word seL4_DebugCapIdentify(seL4_CPtr cap)
{
    return sel4_simple(seL4_SysDebugCapIdentify, cap);
}

static inline void seL4_DebugNameThread(seL4_CPtr tcb, const char *name)
{
    char *to = (char *)seL4_GetIPCBuffer()->msg;
    unsigned n = 0;
    while (n < sizeof(seL4_GetIPCBuffer()->msg) - 1 && name[n]) {
        to[n] = name[n];
        n++;
    }
    to[n] = 0;
    sel4_simple(seL4_SysDebugNameThread, tcb);
}

#endif
