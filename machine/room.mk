# The hart and the board; linked into both kernels.
machine_files := machine/riscv64/start.S machine/riscv64/trap.S machine/riscv64/hart.c machine/riscv64/tables.c \
                 machine/virt/board.c machine/virt/uart.c machine/virt/plic.c machine/panic.c
