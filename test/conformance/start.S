/*
 * Where the root task begins: a0 is the address of the boot information, all other registers are 0.
 * _Noreturn void main(seL4_BootInfo *info)
 */
        .section .text.start, "ax"
        .globl  _sel4_start
_sel4_start:
        la      sp, root_stack_top
        li      s0, 0
        li      ra, 0
        call    root_main
        .bss
        .balign 16
root_stack:
        .space  16384
root_stack_top:
