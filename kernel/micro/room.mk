# The microkernel. A build links one of the last two lists.
micro_files := kernel/micro/asid.c kernel/micro/boot.c kernel/micro/cap.c kernel/micro/cdt.c kernel/micro/cnode.c \
               kernel/micro/cspace.c kernel/micro/delete.c kernel/micro/domain.c kernel/micro/endpoint.c \
               kernel/micro/fault.c kernel/micro/fpu.c kernel/micro/invoke.c kernel/micro/irq.c \
               kernel/micro/message.c kernel/micro/notification.c kernel/micro/queue.c kernel/micro/reply.c \
               kernel/micro/schedule.c kernel/micro/syscall.c kernel/micro/tcb.c kernel/micro/thread.c \
               kernel/micro/trap.c kernel/micro/untyped.c kernel/micro/vspace.c
micro_debug_files := kernel/micro/debug.c kernel/micro/check.c
micro_release_files := kernel/micro/release.c
