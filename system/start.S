# Where every root task begins. seL4 and micro enter it in user mode with a0 = address of the boot information and every
# other register zero: no stack, no thread pointer.
#
# void _start(seL4_BootInfo *bootinfo), continues in: void root_main(seL4_BootInfo *bootinfo), which must not return.
#
# The thread block is what abi/sel4/syscalls.h asks for: tp points to it, its first word is the IPC buffer's address.

    .set    BOOTINFO_IPC_BUFFER, 0x20       # offset in seL4_BootInfo, asserted by root tasks in C

    .section .text.start, "ax"
    .globl  _start
    .type   _start, @function
_start:
    la      sp, root_stack_end
    la      tp, root_thread_block
    ld      t0, BOOTINFO_IPC_BUFFER(a0)
    sd      t0, 0(tp)
    li      s0, 0                           # ends a debugger's chain of frames
    call    root_main
    unimp                                   # no handler is there for this fault: the thread stops for good
    .size   _start, . - _start

    .section .bss.root, "aw", @nobits
    .balign 16
    .globl  root_stack, root_stack_end, root_thread_block
root_stack:
    .zero   16384
root_stack_end:
root_thread_block:
    .zero   16
