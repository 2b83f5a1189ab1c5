# Root tasks: programs that a capability kernel starts first. $(1) name, $(2) files; all share start.S and root.ld.
define root_task_rules
$(BUILD)/$(1).elf: $(patsubst %,$(BUILD)/%.o,$(basename system/start.S $(2))) system/root.ld
	@echo "  LINK    $$@"
	$$(Q)$$(LD) -melf64lriscv -z max-page-size=4096 --gc-sections --fatal-warnings -z noexecstack -T system/root.ld \
	    $$(filter %.o,$$^) -o $$@
ALL += $(BUILD)/$(1).elf
endef

essay_files := system/essay/main.c system/essay/worker.c system/essay/xmap.c system/essay/objects.c system/essay/print.c \
               user/lib/arena.c lib/format.c lib/string.c
$(eval $(call root_task_rules,essay,$(essay_files)))
