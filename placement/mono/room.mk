# The ports as calls inside the kernel. A build links one of the last two lists: with the order of sleeping locks
# watched, or not.
placement_mono_files := placement/mono/start.c placement/mono/sync.c placement/mono/thread.c placement/mono/vspace.c \
                        placement/mono/program.c placement/mono/memory.c placement/mono/device.c \
                        placement/common/fault.c placement/common/fault_arm.c
mono_release_files += placement/common/sync.c placement/mono/lock_unwatched.c
mono_debug_files += placement/mono/sync_checked.c placement/mono/lock_order.c
