# Ports over the seL4 API: what every server has, what each server adds, and the supervisor.
server_files = placement/micro/server/entry.S placement/micro/server/thread.c placement/micro/server/call.c \
                placement/micro/server/system.c placement/micro/server/keep.c placement/micro/server/device.c \
                placement/common/fault.c placement/common/fault_find.c placement/micro/server/sync.c
server_timer_files = placement/micro/timer/main.c
server_xmap_files = placement/micro/xmap/main.c placement/micro/xmap/vspace.c $(xmap_files) $(inject_files)
server_console_files = placement/micro/console/main.c placement/micro/console/transfer.c $(console_files) $(inject_files)
server_block_files = placement/micro/block/main.c $(block_files) $(inject_files)
server_fs_files = placement/micro/fs/main.c $(fs_files) $(inject_files)
server_unix_files = placement/micro/unix/main.c placement/micro/unix/program.c placement/micro/unix/transfer.c placement/micro/unix/control.c \
                        $(unix_files) $(inject_files)
root_files := placement/micro/root/main.c placement/micro/root/objects.c placement/micro/root/process.c \
              placement/micro/root/supervise.c placement/micro/root/watch.c placement/micro/root/starved.c placement/micro/root/pulse.c \
              placement/micro/root/pulse_thread.S placement/micro/root/alarm.c placement/micro/root/console.c placement/micro/root/control.c placement/common/fault_find.c $(lib_files) servers-archive.S
