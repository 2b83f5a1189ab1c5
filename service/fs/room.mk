# The file system core: compiled once for every placement.
fs_files := service/fs/kept.c service/fs/cache.c service/fs/log.c service/fs/inode.c service/fs/directory.c \
            service/fs/mount.c service/fs/fs.c
# What its unit tests share; each test_NAME.c besides is a program (rules: placement/host/room.mk).
fs_test_files := service/fs/test_world.c service/fs/test_walk.c
