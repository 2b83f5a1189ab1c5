# The counting plugin for QEMU. It is loaded into the emulator, whose symbols it uses, so nothing is linked to it.
BENCH_PLUGIN := $(BUILD)/host/count.so

$(BENCH_PLUGIN): tools/bench/count.c
	@mkdir -p $(@D)
	@echo "  HOSTCC  $<"
	$(Q)$(HOSTCC) -std=gnu11 -O2 -g -Wall -Wextra -Werror -shared -fPIC -fvisibility=hidden $< -o $@

#H   bench              instructions per operation, beside the committed baseline (./duo bench --help)
.PHONY: bench
bench: all
	$(Q)./duo bench --baseline
