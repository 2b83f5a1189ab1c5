/*
 * The seL4 API for riscv64 (non-MCS, one core, Sv39): numbers and sizes.
 *
 * Names are those of libsel4, so that a root task written for seL4 compiles unchanged. The kernel includes
 * this file and types.h; programs include sel4.h, which adds the stubs.
 * (seL4 Reference Manual, "seL4 API Reference"; slots at the start: "System Bootstrapping".)
 */
#ifndef ABI_SEL4_CONSTANTS_H
#define ABI_SEL4_CONSTANTS_H

/* ---- System calls: the number goes into a7, sign-extended ---------------------------------------------- */

enum {
    seL4_SysCall = -1,
    seL4_SysReplyRecv = -2,
    seL4_SysSend = -3,
    seL4_SysNBSend = -4,
    seL4_SysRecv = -5,
    seL4_SysReply = -6,
    seL4_SysYield = -7,
    seL4_SysNBRecv = -8,
    /* debug builds of the kernel only */
    seL4_SysDebugPutChar = -9,
    seL4_SysDebugDumpScheduler = -10,
    seL4_SysDebugHalt = -11,
    seL4_SysDebugCapIdentify = -12,
    seL4_SysDebugSnapshot = -13,
    seL4_SysDebugNameThread = -14,
};

/* ---- Sizes --------------------------------------------------------------------------------------------- */

#define seL4_WordBits           64
#define seL4_WordSizeBits       3
#define seL4_SlotBits           5
#define seL4_EndpointBits       4
#define seL4_NotificationBits   5
#define seL4_TCBBits            11
#define seL4_PageBits           12
#define seL4_LargePageBits      21
#define seL4_HugePageBits       30
#define seL4_PageTableBits      12
#define seL4_PageTableIndexBits 9
#define seL4_VSpaceBits         12
#define seL4_ASIDPoolBits       12
#define seL4_ASIDPoolIndexBits  9
#define seL4_NumASIDPoolsBits   7
#define seL4_IPCBufferSizeBits  10
#define seL4_MinUntypedBits     4
#define seL4_MaxUntypedBits     38
#define seL4_BootInfoFrameBits  12
#define seL4_UserTop            0x3ffffff000ul /* the first address no program can map */

#define seL4_MsgMaxLength         120
#define seL4_MsgMaxExtraCaps      3
#define seL4_FastMessageRegisters 4 /* MR0..MR3 travel in a2..a5 */
#define seL4_MinPrio              0
#define seL4_MaxPrio              255

#define CONFIG_ROOT_CNODE_SIZE_BITS          13
#define CONFIG_MAX_NUM_BOOTINFO_UNTYPED_CAPS 230
#define CONFIG_RETYPE_FAN_OUT_LIMIT          256
#define CONFIG_NUM_DOMAINS                   1
#define CONFIG_NUM_PRIORITIES                256
#define CONFIG_TIME_SLICE                    5 /* ticks */
#define CONFIG_TIMER_TICK_MS                 2

/* ---- Objects: the type argument of seL4_Untyped_Retype ------------------------------------------------- */

enum {
    seL4_UntypedObject,
    seL4_TCBObject,
    seL4_EndpointObject,
    seL4_NotificationObject,
    seL4_CapTableObject,
    seL4_RISCV_Giga_Page,
    seL4_RISCV_4K_Page,
    seL4_RISCV_Mega_Page,
    seL4_RISCV_PageTableObject,
    seL4_ObjectTypeCount,
};

/* ---- Invocations: label of the message sent to a kernel object ----------------------------------------- */

#define SEL4_INVOCATION_LIST(I)                                                                              \
    I(InvalidInvocation)                                                                                     \
    I(UntypedRetype)                                                                                         \
    I(TCBReadRegisters)                                                                                      \
    I(TCBWriteRegisters)                                                                                     \
    I(TCBCopyRegisters)                                                                                      \
    I(TCBConfigure)                                                                                          \
    I(TCBSetPriority)                                                                                        \
    I(TCBSetMCPriority)                                                                                      \
    I(TCBSetSchedParams)                                                                                     \
    I(TCBSetIPCBuffer)                                                                                       \
    I(TCBSetSpace)                                                                                           \
    I(TCBSuspend)                                                                                            \
    I(TCBResume)                                                                                             \
    I(TCBBindNotification)                                                                                   \
    I(TCBUnbindNotification)                                                                                 \
    I(TCBSetTLSBase)                                                                                         \
    I(TCBSetFlags)                                                                                           \
    I(CNodeRevoke)                                                                                           \
    I(CNodeDelete)                                                                                           \
    I(CNodeCancelBadgedSends)                                                                                \
    I(CNodeCopy)                                                                                             \
    I(CNodeMint)                                                                                             \
    I(CNodeMove)                                                                                             \
    I(CNodeMutate)                                                                                           \
    I(CNodeRotate)                                                                                           \
    I(CNodeSaveCaller)                                                                                       \
    I(IRQIssueIRQHandler)                                                                                    \
    I(IRQAckIRQ)                                                                                             \
    I(IRQSetIRQHandler)                                                                                      \
    I(IRQClearIRQHandler)                                                                                    \
    I(DomainSetSet)                                                                                          \
    I(DomainSetScheduleConfigure)                                                                            \
    I(DomainSetScheduleSetStart)                                                                             \
    I(RISCVPageTableMap)                                                                                     \
    I(RISCVPageTableUnmap)                                                                                   \
    I(RISCVPageMap)                                                                                          \
    I(RISCVPageUnmap)                                                                                        \
    I(RISCVPageGetAddress)                                                                                   \
    I(RISCVASIDControlMakePool)                                                                              \
    I(RISCVASIDPoolAssign)                                                                                   \
    I(RISCVIRQIssueIRQHandlerTrigger)

enum {
#define I(name) name,
    SEL4_INVOCATION_LIST(I)
#undef I
        nInvocationLabels
};

/* ---- Answers ------------------------------------------------------------------------------------------- */

/* Label of the answer to a Call on a kernel object. */
typedef enum {
    seL4_NoError,
    seL4_InvalidArgument,   /* MR0: number of the argument */
    seL4_InvalidCapability, /* MR0: number of the cap; 0 is the invoked one */
    seL4_IllegalOperation,
    seL4_RangeError, /* MR0: least, MR1: greatest value allowed */
    seL4_AlignmentError,
    seL4_FailedLookup, /* MR0: 1 if the source's lookup failed; MR1: type of failure; MR2...: its details */
    seL4_TruncatedMessage,
    seL4_DeleteFirst,
    seL4_RevokeFirst,
    seL4_NotEnoughMemory, /* MR0: bytes left */
    seL4_NumErrors,
} seL4_Error;

typedef enum {
    seL4_NoFailure,
    seL4_InvalidRoot,
    seL4_MissingCapability, /* bits left */
    seL4_DepthMismatch,     /* bits left, bits found */
    seL4_GuardMismatch,     /* bits left, guard found, guard size */
} seL4_LookupFailureType;

/* Label of a fault message. */
typedef enum {
    seL4_Fault_NullFault = 0,
    seL4_Fault_CapFault = 1,
    seL4_Fault_UnknownSyscall = 2,
    seL4_Fault_UserException = 3,
    seL4_Fault_VMFault = 5,
} seL4_FaultType;

/* Message registers of fault messages. */
enum {
    seL4_CapFault_IP,
    seL4_CapFault_Addr,
    seL4_CapFault_InRecvPhase,
    seL4_CapFault_LookupFailureType,
    seL4_CapFault_BitsLeft,
    seL4_CapFault_DepthMismatch_BitsFound,
    seL4_CapFault_GuardMismatch_GuardFound = seL4_CapFault_DepthMismatch_BitsFound,
    seL4_CapFault_GuardMismatch_BitsFound
};
enum {
    seL4_UnknownSyscall_FaultIP,
    seL4_UnknownSyscall_SP,
    seL4_UnknownSyscall_RA,
    seL4_UnknownSyscall_A0,
    seL4_UnknownSyscall_A1,
    seL4_UnknownSyscall_A2,
    seL4_UnknownSyscall_A3,
    seL4_UnknownSyscall_A4,
    seL4_UnknownSyscall_A5,
    seL4_UnknownSyscall_A6,
    seL4_UnknownSyscall_Syscall,
    seL4_UnknownSyscall_Length
};
enum {
    seL4_UserException_FaultIP,
    seL4_UserException_SP,
    seL4_UserException_Number,
    seL4_UserException_Code,
    seL4_UserException_Length
};
enum {
    seL4_VMFault_IP,
    seL4_VMFault_Addr,
    seL4_VMFault_PrefetchFault,
    seL4_VMFault_FSR,
    seL4_VMFault_Length
};

/* ---- Small words --------------------------------------------------------------------------------------- */

/* Rights of a cap. */
#define seL4_RightWrite      1
#define seL4_RightRead       2
#define seL4_RightGrant      4
#define seL4_RightGrantReply 8

/* Attributes of a mapping. */
typedef enum {
    seL4_RISCV_Default_VMAttributes = 0,
    seL4_RISCV_ExecuteNever = 1,
} seL4_RISCV_VMAttributes;

/* Flags of a thread. */
typedef enum {
    seL4_TCBFlag_NoFlag = 0,
    seL4_TCBFlag_fpuDisabled = 1,
    seL4_TCBFlag_MASK = 1,
} seL4_TCBFlag;

/* ---- Slots of the root CNode at the start of the root task --------------------------------------------- */

enum {
    seL4_CapNull = 0,
    seL4_CapInitThreadTCB = 1,
    seL4_CapInitThreadCNode = 2,
    seL4_CapInitThreadVSpace = 3,
    seL4_CapIRQControl = 4,
    seL4_CapASIDControl = 5,
    seL4_CapInitThreadASIDPool = 6,
    seL4_CapIOPortControl = 7,
    seL4_CapIOSpace = 8,
    seL4_CapBootInfoFrame = 9,
    seL4_CapInitThreadIPCBuffer = 10,
    seL4_CapDomain = 11,
    seL4_CapSMMUSIDControl = 12,
    seL4_CapSMMUCBControl = 13,
    seL4_CapInitThreadSC = 14,
    seL4_CapSMC = 15,
    seL4_NumInitialCaps = 16,
};

/* Chunks of the extra boot information. */
#define SEL4_BOOTINFO_HEADER_PADDING 0
#define SEL4_BOOTINFO_HEADER_FDT     6

#endif
