# The memory service, what every service is injected with, and their tests on the host.
xmap_files      := service/xmap/xmap.c service/xmap/regions.c service/xmap/frames.c service/xmap/pages.c \
                   service/xmap/backing.c service/xmap/requests.c service/xmap/check.c service/xmap/restart.c
inject_files    := service/inject.c
# port/vspace.h on the host: for tests of xmap, and of services tested on top of it
host_vspace_files := placement/host/vspace.c
xmap_test_files := service/xmap/test_xmap.c service/xmap/test_model.c

# Expanded when a target below is made: host_files is the host placement's.
xmap_test_dir   := $(BUILD)/host/xmap
xmap_under_test  = $(xmap_files) $(inject_files) $(host_vspace_files) $(host_files) \
                   lib/err.c lib/string_more.c lib/faults.c lib/words.c

.PHONY: test-unit-xmap fuzz-xmap
test-unit-xmap:
	@mkdir -p $(xmap_test_dir)
	@echo "  HOSTCC  $(xmap_test_files)"
	$(Q)$(HOSTCC) $(HOST_CFLAGS) $(SANITIZE) $(xmap_test_files) $(xmap_under_test) -lcmocka -lpthread \
	    -o $(xmap_test_dir)/test_xmap
	$(Q)$(xmap_test_dir)/test_xmap

# FUZZ_SECONDS of random inputs that libFuzzer steers towards code not yet seen; what it found interesting stays in the folder.
FUZZ_SECONDS ?= 10
fuzz-xmap:
	@mkdir -p $(xmap_test_dir)/corpus
	$(Q)clang $(HOST_CFLAGS) -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
	    service/xmap/fuzz_xmap.c service/xmap/test_model.c $(xmap_under_test) -lpthread -o $(xmap_test_dir)/fuzz_xmap
	$(Q)cd $(xmap_test_dir) && ./fuzz_xmap -max_total_time=$(FUZZ_SECONDS) -max_len=2000 -print_final_stats=1 \
	    -verbosity=0 corpus
