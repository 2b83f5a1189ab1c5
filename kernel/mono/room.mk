mono_files := kernel/mono/main.c kernel/mono/thread.c kernel/mono/interrupt.c kernel/mono/frames.c kernel/mono/space.c kernel/mono/user.c
