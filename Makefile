# Duo: two kernels, one set of services. `make help` lists the targets; each room names its own files in room.mk.

BUILD   ?= build
KERNEL  ?= mono
V       ?= 0
# Debian's cross compiler; any bare-metal or Linux one for riscv64 does.
TOOLPREFIX ?= $(firstword $(foreach p,riscv64-unknown-elf- riscv64-linux-gnu-,$(if $(shell command -v $(p)gcc),$(p))) riscv64-unknown-elf-)
CC      := $(TOOLPREFIX)gcc
LD      := $(TOOLPREFIX)ld
AR      := $(TOOLPREFIX)ar
OBJCOPY := $(TOOLPREFIX)objcopy
OBJDUMP := $(TOOLPREFIX)objdump
NM      := $(TOOLPREFIX)nm
LIBGCC  := $(shell $(CC) -march=rv64imac -mabi=lp64 -mcmodel=medany -print-libgcc-file-name 2>/dev/null)
HOSTCC  ?= gcc
Q       := $(if $(filter 1,$(V)),,@)

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:

# One set of flags for everything that may be linked into both images (services, lib) and for all programs. Frame
# pointers are for backtraces; one section a function lets a place be named (object, function, instruction).
ARCH_FLAGS := -march=rv64imac -mabi=lp64 -mcmodel=medany -mno-relax
WARNINGS   := -Wall -Wextra -Werror -Wstrict-prototypes -Wmissing-prototypes -Wshadow -Wundef -Wvla
STACK_MAX  := 1024
CFLAGS     := -std=gnu11 -O2 -g $(ARCH_FLAGS) -ffreestanding -fno-common -fno-builtin-printf -ffunction-sections \
              -fdata-sections -fno-omit-frame-pointer -fno-strict-aliasing -fno-stack-protector -fno-pic \
              -Wstack-usage=$(STACK_MAX) $(WARNINGS) -I. -ffile-prefix-map=$(CURDIR)/=
ASFLAGS    := $(ARCH_FLAGS) -g -I. -ffile-prefix-map=$(CURDIR)/=
# user programs keep their data close to one page, as xv6's do, and have xv6's one-page stack
USER_CFLAGS := $(filter-out -Wstack-usage=%,$(CFLAGS)) -Wstack-usage=2048
HOST_CFLAGS := -std=gnu11 -O1 -g -Wall -Wextra -Werror -I. -D_GNU_SOURCE
SANITIZE    := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

o = $(patsubst %,$(BUILD)/%.o,$(basename $(1)))

# The rooms' own lists of files.
include $(wildcard */room.mk */*/room.mk)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(CC) $(if $(filter user/%,$<),$(USER_CFLAGS),$(CFLAGS)) -MMD -MP -c $< -o $@

$(BUILD)/%.o: %.S
	@mkdir -p $(@D)
	@echo "  AS      $<"
	$(Q)$(CC) $(ASFLAGS) -MMD -MP -c $< -o $@

# A kernel is linked twice: the second time with its own symbol table behind the data, so that no function moves.
# $(1) name, $(2) files
define kernel_rules
$(BUILD)/$(1).elf: $(call o,$(2)) machine/kernel.ld tools/symbols.py
	@mkdir -p $$(@D)
	@echo "  LINK    $$@"
	$$(Q)$$(LD) --gc-sections -z noexecstack --no-warn-rwx-segments -T machine/kernel.ld $(call o,$(2)) $$(LIBGCC) -o $$@.tmp
	$$(Q)tools/symbols.py $$@.tmp -o $(BUILD)/$(1).symbols
	$$(Q)printf '.section .symbols, "a"\n.balign 8\n.incbin "%s"\n' $(BUILD)/$(1).symbols > $(BUILD)/$(1)-symbols.S
	$$(Q)$$(CC) $$(ASFLAGS) -c $(BUILD)/$(1)-symbols.S -o $(BUILD)/$(1)-symbols.o
	$$(Q)$$(LD) --gc-sections -z noexecstack --no-warn-rwx-segments -T machine/kernel.ld $(call o,$(2)) $(BUILD)/$(1)-symbols.o $$(LIBGCC) -o $$@
	$$(Q)rm -f $$@.tmp
ALL += $(BUILD)/$(1).elf
endef

# The cores, in the same order in every image; `inject` holds the faults that every service has.
core_files := $(xmap_files) $(console_files) $(block_files) $(fs_files) $(unix_files) $(inject_files)
$(eval $(call kernel_rules,mono,$(machine_files) $(lib_files) $(mono_files) $(mono_release_files) $(placement_mono_files) $(core_files)))
$(eval $(call kernel_rules,mono-debug,$(machine_files) $(lib_files) $(mono_files) $(mono_debug_files) $(placement_mono_files) $(core_files)))
$(eval $(call kernel_rules,micro,$(machine_files) $(lib_files) $(micro_files) $(micro_debug_files)))
$(eval $(call kernel_rules,micro-release,$(machine_files) $(lib_files) $(micro_files) $(micro_release_files)))

# A server: the core's objects, its ports over the seL4 API, at its own range of addresses. $(1) name, $(2) base, $(3) files
define server_rules
$(BUILD)/servers/$(1).elf: $(call o,$(server_files) $(3) $(lib_files)) placement/micro/server.ld
	@mkdir -p $$(@D)
	@echo "  LINK    $$@"
	$$(Q)$$(LD) --gc-sections -z max-page-size=4096 -z noexecstack --defsym=image_base=$(2) -T placement/micro/server.ld \
	    $$(filter %.o,$$^) -o $$@
$(BUILD)/servers/$(1).symbols: $(BUILD)/servers/$(1).elf tools/symbols.py
	$$(Q)tools/symbols.py $$< -o $$@
endef
# In the order of their services' numbers, which fix their addresses (placement/micro/layout.h).
$(eval $(call server_rules,xmap,0x10000000,$(server_xmap_files)))
$(eval $(call server_rules,unix,0x20000000,$(server_unix_files)))
$(eval $(call server_rules,fs,0x30000000,$(server_fs_files)))
$(eval $(call server_rules,block,0x40000000,$(server_block_files)))
$(eval $(call server_rules,console,0x50000000,$(server_console_files)))
$(eval $(call server_rules,timer,0x60000000,$(server_timer_files)))
servers := xmap unix fs block console timer

# An archive of files as an object. $(1) object without suffix, $(2) symbol, $(3) NAME=PATH words, $(4) what they depend on
define archive_rules
$(BUILD)/$(1).o: $(4) tools/archive.py
	@mkdir -p $$(@D)
	$$(Q)tools/archive.py $(3) -o $(BUILD)/$(1).cpio
	$$(Q)printf '.section .rodata.$(2), "a"\n.balign 4096\n.globl $(2), $(2)_end\n$(2):\n.incbin "%s"\n$(2)_end:\n' \
	    $(BUILD)/$(1).cpio > $(BUILD)/$(1).S
	$$(Q)$$(CC) $$(ASFLAGS) -c $(BUILD)/$(1).S -o $$@
endef
$(eval $(call archive_rules,servers-archive,servers_archive,\
    $(foreach s,$(servers),$(s).elf=$(BUILD)/servers/$(s).elf.stripped $(s).symbols=$(BUILD)/servers/$(s).symbols),\
    $(foreach s,$(servers),$(BUILD)/servers/$(s).elf.stripped $(BUILD)/servers/$(s).symbols)))

$(BUILD)/servers/%.elf.stripped: $(BUILD)/servers/%.elf
	$(Q)$(OBJCOPY) --strip-all $< $@

# The supervisor is the root task of the micro image; the servers are inside it.
$(eval $(call root_task_rules,micro-root,$(root_files)))

# The disk image: README and the programs, in xv6's format.
$(BUILD)/fs.img: $(MKFS) README.md $(user_images)
	@echo "  MKFS    $@"
	$(Q)$(MKFS) $@ README=README.md $(user_images)
ALL += $(BUILD)/fs.img

-include $(shell test -d $(BUILD) && find $(BUILD) -name '*.d')

.PHONY: all clean help qemu qemu-gdb gdb print-gdbport test test-unit test-all demo-live
all: $(ALL)

# ---- Running. QEMU= CPUS= MEM= QEMUEXTRA= FAULT=SERVICE:NAME[@n] PANIC=halt|exit RUN=PROGRAM AUTORUN="command; command"
QEMU  ?= qemu-system-riscv64
CPUS  ?= 1
MEM   ?= 128M
PANIC ?= halt
RUN   ?=

ifeq ($(filter $(KERNEL),mono micro),)
$(error KERNEL is mono or micro, not "$(KERNEL)")
endif

qemu_kernel  := $(BUILD)/$(if $(filter micro,$(KERNEL)),micro-release,mono).elf
qemu_parts   := $(qemu_kernel) $(BUILD)/fs.img $(if $(filter micro,$(KERNEL)),$(BUILD)/micro-root.elf)
qemu_append  := panic=$(PANIC) $(FAULT:%=fault=%) $(RUN:%=run=%)
qemu_options := -machine virt -bios default -m $(MEM) -smp $(CPUS) -nographic -kernel $(qemu_kernel) \
    -global virtio-mmio.force-legacy=false -rtc clock=vm $(if $(filter micro,$(KERNEL)),-initrd $(BUILD)/micro-root.elf) \
    -drive file=$(BUILD)/fs.img,if=none,format=raw,id=disk0 -device virtio-blk-device,drive=disk0,bus=virtio-mmio-bus.0 \
    -append "$(strip $(qemu_append))" $(QEMUEXTRA)

GDBPORT := $(shell expr `id -u` % 5000 + 25000)

# Ctrl-a x leaves QEMU. With AUTORUN the commands are typed for you and the machine ends after the last.
qemu: $(qemu_parts) kernel/kernel.sym
	$(Q)$(if $(AUTORUN),./duo run --kernel $(KERNEL) --disk $(BUILD)/fs.img $(autorun_options),./duo terminal --kernel $(KERNEL) -- $(QEMU) $(qemu_options))

autorun_options = $(shell printf '%s' '$(AUTORUN)' | tr ';' '\n' | sed 's/^ *//; /^$$/d; s/.*/--cmd "&"/')

qemu-gdb: $(qemu_parts) kernel/kernel.sym .gdbinit
	@echo "Now run 'make gdb KERNEL=$(KERNEL)' in another window."
	$(Q)$(QEMU) $(qemu_options) -S -gdb tcp::$(GDBPORT)

gdb: .gdbinit
	gdb-multiarch -q -iex "set auto-load safe-path $(CURDIR)" $(qemu_kernel)

.gdbinit: Makefile
	@printf '%s\n' 'set confirm off' 'set architecture riscv:rv64' 'target remote 127.0.0.1:$(GDBPORT)' \
	    'set disassemble-next-line auto' 'set riscv use-compressed-breakpoints yes' > $@

print-gdbport:
	@echo $(GDBPORT)

# The two names that xv6's graders look for.
kernel/kernel.sym: $(qemu_kernel)
	$(Q)$(OBJDUMP) -t $< | sed '1,/SYMBOL TABLE/d; s/ .* / /; /^$$/d' > $@

# ---- Testing. `test` installs what is missing, then starts anew, so that the tools just installed are found.
test: setup-test
	$(Q)$(MAKE) --no-print-directory all
	$(Q)$(MAKE) --no-print-directory test-unit
	$(Q)$(MAKE) --no-print-directory test-checks
	$(Q)$(MAKE) --no-print-directory test-system

test-unit: test-unit-lib test-unit-user test-unit-xmap test-unit-fs test-unit-block test-unit-console test-unit-unix test-unit-micro test-unit-model

test-all: test
	$(Q)$(MAKE) --no-print-directory test-long

demo-live:
	$(Q)./duo demo --live

help:
	@sed -n 's/^#H //p' $(MAKEFILE_LIST) | sort -u

#H   all                both kernels, programs, servers, disk image (the default)
#H   demo               the same bug on both kernels: transcripts and a verdict
#H   qemu               a shell on KERNEL=mono or micro (Ctrl-a x quits); RUN=PROGRAM: that program instead
#H   qemu-gdb, gdb      the same, stopped for a debugger; the debugger
#H   test, test-all     what CI runs (installs what is missing); the long tests as well
#H   doctor             are all tools there?
#H   compile_commands.json  for clangd and friends
#H   clean              removes all that was built
#H   (variables)        KERNEL CPUS MEM FAULT=SERVICE:NAME PANIC=halt|exit RUN AUTORUN V=1 BUILD TOOLPREFIX QEMU QEMUEXTRA

clean:
	rm -rf $(BUILD) fs.img .gdbinit kernel/kernel.sym kernel/kernel.asm compile_commands.json
