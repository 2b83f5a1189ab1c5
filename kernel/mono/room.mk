# The monolithic kernel. A build links one of the last two lists: spinlocks, or spinlocks that are checked.
mono_files := kernel/mono/main.c kernel/mono/hart.c kernel/mono/thread.c kernel/mono/interrupt.c kernel/mono/frames.c \
              kernel/mono/space.c kernel/mono/user.c
mono_release_files := kernel/mono/spin.c
mono_debug_files := kernel/mono/spin_checked.c
