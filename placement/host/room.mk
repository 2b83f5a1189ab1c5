# The ports on the developer's machine. host_files are the ports every core may need; the disk is apart, since a test of
# the block service supplies its own device.
host_files      := placement/host/sync.c placement/host/thread.c placement/host/log.c placement/host/fault.c \
                   placement/common/fault.c placement/common/fault_find.c placement/common/fault_arm.c \
                   placement/host/keep.c placement/host/request.c placement/host/arena.c placement/host/transfer.c placement/host/system.c
host_disk_files := placement/host/disk_file.c

# Unit tests of the file system: a program for each, under the sanitizers. (What service/fs names is known only when a
# recipe runs: its room.mk is read after this one.)
fs_test_binaries := $(patsubst %,$(BUILD)/host/fs_%,test_fs test_crash test_request test_shared test_power test_hostile)
fs_test_sources  = $(fs_files) $(fs_test_files) $(host_files) $(host_disk_files) service/inject.c lib/err.c lib/faults.c lib/words.c

$(BUILD)/host/fs_test_%: service/fs/test_%.c $(wildcard service/fs/*.[ch] placement/host/*.[ch])
	@mkdir -p $(@D)
	@echo "  HOSTCC  $@"
	$(Q)$(HOSTCC) $(HOST_CFLAGS) $(SANITIZE) $< $(fs_test_sources) -lcmocka -lpthread -o $@

# The block service against a simulated device.
$(BUILD)/host/blk_test: service/block/test_blk.c $(wildcard service/block/*.[ch] placement/host/*.[ch])
	@mkdir -p $(@D)
	@echo "  HOSTCC  $@"
	$(Q)$(HOSTCC) $(HOST_CFLAGS) $(SANITIZE) $< service/block/blk.c $(host_files) \
	    service/inject.c lib/err.c lib/faults.c lib/words.c -lcmocka -lpthread -o $@

.PHONY: test-unit-fs test-unit-block test-long-fs
test-unit-fs: $(fs_test_binaries) $(BUILD)/host/mkfs
	$(Q)set -e; for t in $(fs_test_binaries); do MKFS=$(BUILD)/host/mkfs $$t; done
# The power cut in many orders of the workers; more damaged images.
test-long-fs: $(BUILD)/host/fs_test_power $(BUILD)/host/fs_test_hostile $(BUILD)/host/mkfs
	$(Q)MKFS=$(BUILD)/host/mkfs POWER_ROUNDS=30 $(BUILD)/host/fs_test_power
	$(Q)MKFS=$(BUILD)/host/mkfs FS_SEED=1000 FS_ROUNDS=6000 $(BUILD)/host/fs_test_hostile
test-long: test-long-fs
test-unit-block: $(BUILD)/host/blk_test
	$(Q)$<
