# The ports as calls inside the kernel. A build links one of the last two lists: with the order of sleeping locks
# watched, or not.
placement_mono_files := placement/mono/start.c placement/mono/sync.c placement/mono/thread.c placement/mono/vspace.c \
                        placement/mono/program.c placement/mono/memory.c placement/mono/device.c placement/mono/request.c \
                        placement/common/fault.c placement/common/fault_find.c placement/common/fault_arm.c placement/common/control_absent.c
mono_release_files += placement/common/sync.c placement/mono/lock_unwatched.c
mono_debug_files += placement/mono/sync_checked.c placement/mono/lock_order.c

# Unit tests on the host: the test's machine/arch.h comes before the real one.
mono_test_binaries := $(BUILD)/host/mono_lock_order $(BUILD)/host/mono_sync
mono_test_headers := $(wildcard placement/mono/*.h placement/mono/test/machine/*.h placement/common/*.h kernel/mono/mono.h)

$(BUILD)/host/mono_lock_order: placement/mono/test/test_lock_order.c placement/mono/lock_order.c lib/format.c $(mono_test_headers)
	@mkdir -p $(@D)
	@echo "  HOSTCC  $<"
	$(Q)$(HOSTCC) -Iplacement/mono/test $(HOST_CFLAGS) $(SANITIZE) $(filter %.c,$^) -o $@

$(BUILD)/host/mono_sync: placement/mono/test/test_sync.c placement/common/sync.c $(mono_test_headers)
	@mkdir -p $(@D)
	@echo "  HOSTCC  $<"
	$(Q)$(HOSTCC) -Iplacement/mono/test $(HOST_CFLAGS) $(SANITIZE) $(filter %.c,$^) -o $@

.PHONY: test-unit-mono
test-unit: test-unit-mono
test-unit-mono: $(mono_test_binaries)
	$(Q)set -e; for t in $(mono_test_binaries); do $$t; done
