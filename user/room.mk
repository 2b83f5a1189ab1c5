# Programs for both kernels, their library, and the rules that make ELF files of them.
#
# Each program is user/NAME.c (systest: with the files of its folder), linked with the library to $(BUILD)/user/NAME.elf
# (with everything a debugger wants) and from there to $(BUILD)/user/_NAME, which is what goes onto the disk. More
# programs: EXTRA="name ...", or, as in xv6, UPROGS += $U/_name; those are compiled without our warnings and find headers
# under xv6's names.
U := user
user_lib_files := user/lib/start.S user/lib/syscalls.c user/lib/memory.c user/lib/heap.c user/lib/print.c \
                  user/lib/text.c user/lib/arena.c user/lib/match.c user/lib/command.c \
                  lib/format.c lib/string.c lib/string_more.c lib/faults.c lib/words.c
user_own_programs := init sh ls cat echo wc grep mkdir rm ln kill fault svc ps poweroff xmaptest xmapcalls systest
user_programs = $(user_own_programs) $(filter-out $(user_own_programs),$(EXTRA) $(patsubst $U/_%,%,$(UPROGS)))
user_images   = $(user_programs:%=$(BUILD)/user/_%)

user_strict_flags := $(USER_CFLAGS)
user_guest_flags  := -Iuser/compat $(filter-out -W%,$(USER_CFLAGS))
$(BUILD)/user/%.o: USER_CFLAGS = $(if $(filter $(user_own_programs) lib/% systest/%,$(patsubst user/%,%,$*)),$(user_strict_flags),$(user_guest_flags))

$(BUILD)/user/lib.a: $(patsubst %,$(BUILD)/%.o,$(basename $(user_lib_files)))
	@echo "  AR      $@"
	@mkdir -p $(@D)
	$(Q)rm -f $@ && $(AR) rcsD $@ $^

$(BUILD)/user/%.elf: $(BUILD)/user/%.o $(BUILD)/user/lib.a user/program.ld
	@echo "  LD      $@"
	$(Q)$(LD) -melf64lriscv -z max-page-size=4096 --gc-sections --fatal-warnings --no-warn-rwx-segments -T user/program.ld $(filter %.o,$^) $(BUILD)/user/lib.a -o $@

# The tests of systest, a file for each topic.
$(BUILD)/user/systest.elf: $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard user/systest/*.c)))

$(BUILD)/user/_%: $(BUILD)/user/%.elf
	$(Q)$(OBJCOPY) --strip-debug $< $@

.PRECIOUS: $(BUILD)/%.o $(BUILD)/user/%.elf
.PHONY: user-programs test-unit-user
user-programs: $(user_images)

# Unit tests on the host: the library under other names where the C library has the same ones, and the shell as it is.
user_test := $(BUILD)/host/user
user_own_names := $(foreach f,malloc free sbrk fprintf printf write read open fstat close atoi gets strchr strcpy stat,--redefine-sym $(f)=own_$(f))
user_host_names := $(foreach f,read write open exec fstat fprintf,-D$(f)=host_$(f))
user_headers := $(wildcard user/*.h user/lib/*.h abi/xv6/*.h lib/*.h)

$(user_test)/%.o: user/lib/%.c $(user_headers)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST_CFLAGS) $(SANITIZE) -fno-builtin -c $< -o $@
	$(Q)objcopy $(user_own_names) $@

$(user_test)/sh.o: user/sh.c $(user_headers)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST_CFLAGS) $(SANITIZE) -fno-builtin $(user_host_names) -c $< -o $@

$(user_test)/sh: $(user_test)/sh.o user/test_sh.c user/lib/command.c lib/string_more.c
	$(Q)$(HOSTCC) $(HOST_CFLAGS) $(SANITIZE) $(filter %.c %.o,$^) -o $@

$(user_test)/test_user: user/test_user.c $(addprefix $(user_test)/,heap.o print.o text.o) user/lib/command.c \
                        user/lib/match.c lib/format.c $(user_headers)
	@echo "  HOSTCC  $<"
	$(Q)$(HOSTCC) $(HOST_CFLAGS) $(SANITIZE) $(filter %.c %.o,$^) -lcmocka -o $@

test-unit-user: $(user_test)/test_user $(user_test)/sh
	$(Q)$< $(user_test)
