# Ports over the seL4 API: what every server has, what each server adds, and the supervisor.
server_files := placement/micro/server/entry.S placement/micro/server/thread.c placement/micro/server/call.c \
                placement/micro/server/system.c placement/micro/server/keep.c placement/common/fault.c \
                placement/common/sync.c
server_xmap_files := placement/micro/xmap/main.c placement/micro/xmap/vspace.c
server_unix_files := placement/micro/unix/main.c placement/micro/unix/program.c placement/micro/unix/archive.c \
                     placement/micro/unix/console.c programs-archive.S
root_files := placement/micro/root/main.c placement/micro/root/objects.c placement/micro/root/process.c \
              placement/micro/root/supervise.c placement/micro/root/console.c $(lib_files) servers-archive.S
