# The virtio disk driver. A test puts a simulated device in the place of registers.c.
block_files := service/block/blk.c service/block/registers.c
