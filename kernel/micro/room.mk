# The microkernel. A build links one of the last two lists.
micro_files := kernel/micro/asid.c kernel/micro/boot.c kernel/micro/cap.c kernel/micro/cdt.c kernel/micro/cnode.c \
               kernel/micro/cspace.c kernel/micro/delete.c kernel/micro/domain.c kernel/micro/endpoint.c kernel/micro/entry.S \
               kernel/micro/fastpath.c kernel/micro/fault.c kernel/micro/fpu.c kernel/micro/invoke.c kernel/micro/irq.c \
               kernel/micro/message.c kernel/micro/notification.c kernel/micro/reply.c \
               kernel/micro/schedule.c kernel/micro/syscall.c kernel/micro/tcb.c kernel/micro/thread.c \
               kernel/micro/trap.c kernel/micro/untyped.c kernel/micro/vspace.c
micro_debug_files := kernel/micro/debug.c kernel/micro/check.c
micro_release_files := kernel/micro/release.c

# The outermost functions of a trap need no frame pointer: a backtrace begins at what they called.
$(call o,kernel/micro/fastpath.c kernel/micro/syscall.c kernel/micro/trap.c): CFLAGS += -fomit-frame-pointer

# Random system calls against the objects, on the host: the test's machine/arch.h comes before the real one.
micro_test_files := $(filter-out kernel/micro/boot.c kernel/micro/entry.S kernel/micro/trap.c kernel/micro/fpu.c,$(micro_files)) \
                    kernel/micro/check.c kernel/micro/test/test_micro.c

$(BUILD)/host/test_micro: $(micro_test_files) $(wildcard kernel/micro/*.h kernel/micro/test/machine/*.h)
	@mkdir -p $(@D)
	@echo "  HOSTCC  kernel/micro/test/test_micro.c"
	$(Q)$(HOSTCC) -Ikernel/micro/test $(HOST_CFLAGS) $(SANITIZE) $(micro_test_files) -o $@

.PHONY: test-unit-micro
test-unit-micro: $(BUILD)/host/test_micro
	$(Q)$<

# The same without end or aim, led by coverage (libFuzzer; needs clang): make fuzz-micro SECONDS_TO_FUZZ=60
SECONDS_TO_FUZZ ?= 30

$(BUILD)/host/fuzz_micro: $(micro_test_files) $(wildcard kernel/micro/*.h kernel/micro/test/machine/*.h)
	@mkdir -p $(@D)
	@echo "  HOSTCC  kernel/micro/test/test_micro.c (libFuzzer)"
	$(Q)clang -Ikernel/micro/test $(HOST_CFLAGS) -fsanitize=fuzzer,address,undefined \
	    -fno-sanitize-recover=all $(micro_test_files) -o $@

#H   fuzz-micro         the microkernel's objects under libFuzzer, SECONDS_TO_FUZZ=30 (needs clang)
.PHONY: fuzz-micro
fuzz-micro: $(BUILD)/host/fuzz_micro
	$(Q)mkdir -p $(BUILD)/host/fuzz_micro.corpus
	$(Q)$< -max_total_time=$(SECONDS_TO_FUZZ) -max_len=8192 -len_control=0 -timeout=20 \
	    -artifact_prefix=$(BUILD)/host/ $(BUILD)/host/fuzz_micro.corpus

# The longest stretch of instructions without a look at interrupts: a plugin for QEMU, like tools/bench/count.c.
$(BUILD)/host/stretch.so: kernel/micro/test/stretch.c
	@mkdir -p $(@D)
	@echo "  HOSTCC  $<"
	$(Q)$(HOSTCC) -std=gnu11 -O2 -g -Wall -Wextra -Werror -shared -fPIC -fvisibility=hidden $< -o $@
ALL += $(BUILD)/host/stretch.so
