# A root task that tests the microkernel through its API: $(BUILD)/test/conformance.elf
conformance_files := test/conformance/start.S $(wildcard test/conformance/*.c) lib/string.c lib/format.c

$(BUILD)/test/conformance.elf: $(patsubst %,$(BUILD)/%.o,$(basename $(conformance_files))) test/conformance/root.ld
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	$(Q)$(LD) --gc-sections -z max-page-size=4096 -z noexecstack --no-warn-rwx-segments -T test/conformance/root.ld \
	    $(filter %.o,$^) -o $@
