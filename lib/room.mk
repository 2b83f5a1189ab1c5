# Pure code, linked into kernels, services and programs alike.
lib_files := lib/err.c lib/format.c lib/string.c lib/string_more.c lib/faults.c lib/words.c lib/fdt.c lib/elf.c lib/symbols.c \
             lib/archive.c

# Unit tests on the host. string.c is tested under other names, beside the C library's; -no-pie lets the program look up
# its own functions in its own table of symbols.
lib_test       := $(BUILD)/host/lib
lib_own_string := $(foreach f,memcpy memmove memset memcmp strlen strcmp strncmp,-D$(f)=own_$(f))
lib_headers    := $(wildcard lib/*.h)

$(lib_test)/string.o: lib/string.c $(lib_headers)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST_CFLAGS) $(SANITIZE) -fno-builtin -fno-pie $(lib_own_string) -c $< -o $@

$(lib_test)/test_lib: lib/test_lib.c $(lib_test)/string.o $(filter-out lib/string.c,$(lib_files)) $(lib_headers)
	@echo "  HOSTCC  $<"
	$(Q)$(HOSTCC) $(HOST_CFLAGS) $(SANITIZE) -fno-pie -no-pie $(filter %.c %.o,$^) -lcmocka -o $@

# QEMU takes arguments only beside a kernel, which is never run here: any file does.
$(lib_test)/virt.dtb: lib/room.mk
	@mkdir -p $(@D)
	$(Q)qemu-system-riscv64 -machine virt,dumpdtb=$@ -m 128M -smp 2 -append panic=exit -kernel $< -display none 2>/dev/null

$(lib_test)/test_lib.symbols: $(lib_test)/test_lib tools/symbols.py
	$(Q)tools/symbols.py $< -o $@

$(lib_test)/test_lib.cpio: $(lib_test)/test_lib.symbols tools/archive.py
	$(Q)tools/archive.py symbols=$< again=$< -o $@

.PHONY: test-unit-lib
test-unit-lib: $(lib_test)/test_lib $(lib_test)/virt.dtb $(lib_test)/test_lib.symbols $(lib_test)/test_lib.cpio
	$(Q)$^
