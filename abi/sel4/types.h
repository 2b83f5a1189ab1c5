/*
 * The seL4 API for riscv64: the structures kernel and programs share. Names and layouts are those of libsel4.
 * (seL4 Reference Manual, "Message Passing (IPC)" for the buffer, "System Bootstrapping" for the rest.)
 */
#ifndef ABI_SEL4_TYPES_H
#define ABI_SEL4_TYPES_H

#include "abi/sel4/constants.h"
#include <stdint.h>

typedef uint64_t seL4_Word;
typedef uint64_t seL4_CPtr;
typedef uint64_t seL4_Uint64;
typedef uint8_t seL4_Uint8;
typedef seL4_Word seL4_NodeId;
typedef seL4_Word seL4_PAddr;
typedef seL4_Word seL4_Domain;
typedef seL4_Word seL4_SlotPos;

typedef seL4_CPtr seL4_Untyped;
typedef seL4_CPtr seL4_TCB;
typedef seL4_CPtr seL4_CNode;
typedef seL4_CPtr seL4_IRQControl;
typedef seL4_CPtr seL4_IRQHandler;
typedef seL4_CPtr seL4_DomainSet;
typedef seL4_CPtr seL4_RISCV_Page;
typedef seL4_CPtr seL4_RISCV_PageTable;
typedef seL4_CPtr seL4_RISCV_ASIDControl;
typedef seL4_CPtr seL4_RISCV_ASIDPool;

/* Bits 0..6 length, 7..8 extra caps, 9..11 caps unwrapped, 12..63 label. */
typedef struct {
    seL4_Word words[1];
} seL4_MessageInfo_t;

typedef struct {
    seL4_Word words[1];
} seL4_CapRights_t;

/* Bits 0..5 guard size, 6..63 guard. */
typedef struct {
    seL4_Word words[1];
} seL4_CNode_CapData_t;

/* 1024 bytes, aligned to its size. */
typedef struct {
    seL4_Word tag; /* the kernel never touches it */
    seL4_Word msg[seL4_MsgMaxLength];
    seL4_Word userData;
    seL4_Word caps_or_badges[seL4_MsgMaxExtraCaps];
    seL4_CPtr receiveCNode;
    seL4_CPtr receiveIndex;
    seL4_Word receiveDepth;
} seL4_IPCBuffer;

/* The register file in the order of Read/WriteRegisters. */
typedef struct {
    seL4_Word pc, ra, sp, gp;
    seL4_Word s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11;
    seL4_Word a0, a1, a2, a3, a4, a5, a6, a7;
    seL4_Word t0, t1, t2, t3, t4, t5, t6;
    seL4_Word tp;
} seL4_UserContext;

/* First slot, one past the last slot. */
typedef struct {
    seL4_SlotPos start, end;
} seL4_SlotRegion;

typedef struct {
    seL4_Word paddr;
    seL4_Uint8 sizeBits;
    seL4_Uint8 isDevice;
    seL4_Uint8 padding[6];
} seL4_UntypedDesc;

typedef struct {
    seL4_Word extraLen; /* bytes from the next page on, headers included */
    seL4_NodeId nodeID;
    seL4_Word numNodes;
    seL4_Word numIOPTLevels;
    seL4_IPCBuffer *ipcBuffer;
    seL4_SlotRegion empty;
    seL4_SlotRegion sharedFrames;
    seL4_SlotRegion userImageFrames;
    seL4_SlotRegion userImagePaging;
    seL4_SlotRegion ioSpaceCaps;
    seL4_SlotRegion extraBIPages;
    seL4_Word initThreadCNodeSizeBits;
    seL4_Domain initThreadDomain;
    seL4_SlotRegion untyped;
    seL4_UntypedDesc untypedList[CONFIG_MAX_NUM_BOOTINFO_UNTYPED_CAPS];
} seL4_BootInfo;

/* Head of each chunk of the extra boot information; len includes it. */
typedef struct {
    seL4_Word id;
    seL4_Word len;
} seL4_BootInfoHeader;

_Static_assert(sizeof(seL4_IPCBuffer) == 1024, "the IPC buffer is 1024 bytes");
_Static_assert(sizeof(seL4_UserContext) == 32 * 8, "the register file has 32 words");
_Static_assert(sizeof(seL4_BootInfo) == 3848, "the boot information is 3848 bytes");

#endif
