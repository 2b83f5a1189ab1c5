# The console core, and its unit tests on the host.
console_files := service/console/console.c service/console/line.c service/console/kept.c service/console/uart.c
# uart.c is replaced by a UART of the test's.
console_test_files := service/console/test_console.c service/console/test_uart.c

console_test := $(BUILD)/host/test_console

$(console_test): $(console_test_files) $(filter-out %/uart.c,$(console_files)) service/inject.c $(host_files) $(lib_files) \
                 $(wildcard service/console/*.h port/*.h port/*.def placement/host/*.h)
	@mkdir -p $(@D)
	@echo "  HOSTCC  $@"
	$(Q)$(HOSTCC) $(HOST_CFLAGS) $(SANITIZE) $(filter-out lib/string.c,$(filter %.c,$^)) -lcmocka -lpthread -o $@

.PHONY: test-unit-console
test-unit-console: $(console_test)
	$(Q)$(console_test)
