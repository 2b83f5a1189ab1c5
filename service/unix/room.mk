# The unix core, and its unit tests on the host.
unix_files := $(addprefix service/unix/, start.c run.c process.c process_calls.c space.c memory.c user_copy.c exec.c \
              arguments.c ask.c file.c inode.c pipe.c device.c path.c file_calls.c xmap_calls.c control_calls.c)

# The tests run whole programs over the real cores of fs, xmap and console; only the UART, the disk and the programs
# themselves are the test's. Lists of rooms that are read after this one are used in the recipe only.
unix_test_files := placement/common/control_absent.c service/unix/test_unix.c service/unix/test_world.c service/console/test_uart.c placement/host/program.c \
                   placement/host/vspace.c

unix_test         := $(BUILD)/host/test_unix
unix_test_sources  = $(unix_test_files) $(unix_files) $(fs_files) $(xmap_files) $(filter-out %/uart.c,$(console_files)) \
                     service/inject.c $(host_files) $(host_disk_files) $(filter-out lib/string.c,$(lib_files))

$(unix_test): $(wildcard service/unix/* service/fs/*.[ch] service/xmap/*.[ch] service/console/*.[ch] service/inject.c \
              lib/*.[ch] port/* placement/host/*.[ch] placement/common/* abi/*/*.h)
	@mkdir -p $(@D)
	@echo "  HOSTCC  $@"
	$(Q)$(HOSTCC) $(HOST_CFLAGS) $(SANITIZE) $(sort $(unix_test_sources)) -lcmocka -lpthread -o $@

.PHONY: test-unit-unix
test-unit-unix: $(unix_test) $(BUILD)/host/mkfs
	$(Q)MKFS=$(BUILD)/host/mkfs $(unix_test)
