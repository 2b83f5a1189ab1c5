# The root task that `duo bench` boots on micro, and on seL4 where a user brings an image of it.
bench_root_files := system/bench/main.c lib/string.c
$(eval $(call root_task_rules,bench,$(bench_root_files)))
