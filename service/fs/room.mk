# The file system core: compiled once for every placement.
fs_files := service/fs/kept.c service/fs/cache.c service/fs/log.c service/fs/inode.c service/fs/directory.c \
            service/fs/mount.c service/fs/fs.c
# Unit tests: each fs_test_programs is one program, with what they share.
fs_test_files    := service/fs/test_world.c service/fs/test_walk.c
fs_test_programs := test_fs test_crash test_hostile
