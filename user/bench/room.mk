# The programs that `duo bench` puts onto a disk of its own: the first process, a small program, and a shell that only prompts.
bench_programs := $(BUILD)/user/bench/_bench $(BUILD)/user/bench/_small $(BUILD)/user/bench/_prompt

# As strict as our other programs. The most specific of all patterns that match a target decides.
$(BUILD)/user/bench/%.o: USER_CFLAGS = $(user_strict_flags)

$(BUILD)/user/bench/_%: $(BUILD)/user/bench/%.elf
	$(Q)$(OBJCOPY) --strip-debug $< $@

.PRECIOUS: $(BUILD)/user/bench/%.elf $(BUILD)/user/bench/%.o

.PHONY: bench-parts
bench-parts: $(BENCH_PLUGIN) $(bench_programs) $(BUILD)/bench.elf
ALL += $(BENCH_PLUGIN) $(bench_programs)
