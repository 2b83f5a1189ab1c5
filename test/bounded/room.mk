# A root task that lets the microkernel work for long: $(BUILD)/test/bounded.elf
$(eval $(call root_task_rules,test/bounded,test/bounded/main.c lib/string.c))
