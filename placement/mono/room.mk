# The ports as calls inside the kernel.
placement_mono_files := placement/mono/start.c placement/mono/sync.c placement/mono/thread.c placement/mono/vspace.c \
                        placement/mono/program.c placement/mono/memory.c placement/mono/device.c \
                        placement/common/fault.c placement/common/fault_arm.c placement/common/sync.c
