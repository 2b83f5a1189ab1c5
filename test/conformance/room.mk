# A root task that tests the microkernel through its API: $(BUILD)/test/conformance.elf
conformance_files := $(wildcard test/conformance/*.c) lib/string.c lib/format.c
$(eval $(call root_task_rules,test/conformance,$(conformance_files)))
