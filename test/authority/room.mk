# The authority test: a double in the place of each server, and a root task that builds them by the supervisor's own files.
authority        := $(BUILD)/test/authority
double_files     := test/authority/double.c test/authority/probe.S
authority_shared := $(filter-out placement/micro/root/main.c placement/micro/root/process.c servers-archive.S,$(root_files)) \
                    test/authority/archive.S
doubles          := xmap unix fs block console timer

# $(1) name, $(2) base of its addresses, which the loader checks
define double_rules
$(authority)/$(1).elf: $(call o,$(server_files) $(double_files) $(lib_files)) placement/micro/server.ld
	@echo "  LINK    $$@"
	$$(Q)$$(LD) --gc-sections -z max-page-size=4096 -z noexecstack --defsym=image_base=$(2) -T placement/micro/server.ld \
	    $$(filter %.o,$$^) -o $$@
endef
$(eval $(call double_rules,xmap,0x10000000))
$(eval $(call double_rules,unix,0x20000000))
$(eval $(call double_rules,fs,0x30000000))
$(eval $(call double_rules,block,0x40000000))
$(eval $(call double_rules,console,0x50000000))
$(eval $(call double_rules,timer,0x60000000))

$(authority)/%.symbols: $(authority)/%.elf tools/symbols.py
	$(Q)tools/symbols.py $< -o $@
$(authority)/%.stripped: $(authority)/%.elf
	$(Q)$(OBJCOPY) --strip-all $< $@

# An archive of doubles. $(1) object without suffix, $(2) servers that are the real ones
define double_archive_rules
$(authority)/$(1).o: $(foreach d,$(doubles),$(if $(filter $(d),$(2)),$(BUILD)/servers/$(d).elf.stripped \
    $(BUILD)/servers/$(d).symbols,$(authority)/$(d).stripped $(authority)/$(d).symbols)) tools/archive.py
	$$(Q)tools/archive.py $(foreach d,$(doubles),$(if $(filter $(d),$(2)),$(d).elf=$(BUILD)/servers/$(d).elf.stripped \
	    $(d).symbols=$(BUILD)/servers/$(d).symbols,$(d).elf=$(authority)/$(d).stripped $(d).symbols=$(authority)/$(d).symbols)) \
	    -o $(authority)/$(1).cpio
	$$(Q)printf '.section .rodata.$(1), "a"\n.balign 4096\n.globl %s, %s_end\n%s:\n.incbin "%s"\n%s_end:\n' servers_archive \
	    servers_archive servers_archive $(authority)/$(1).cpio servers_archive > $(authority)/$(1).S
	$$(Q)$$(CC) $$(ASFLAGS) -c $(authority)/$(1).S -o $$@
endef
$(eval $(call double_archive_rules,archive,))
$(eval $(call double_archive_rules,archive-requests,timer))

$(eval $(call root_task_rules,test/authority,test/authority/root.c placement/micro/root/process.c $(authority_shared)))

# The same with a description that grants too much: what the test must find.
$(authority)/planted/system/micro.def: system/micro.def
	@mkdir -p $(@D)
	$(Q)sed -e 's/^DEVICE(CONSOLE,.*/&\nDEVICE(FS, "sifive,test1", 0)/' -e 's/^CLIENT(FS, BLOCK)/&\nCLIENT(FS, CONSOLE)/' \
	    -e 's/^DMA(BLOCK,.*/&\nDMA(TIMER, 1)/' -e 's/^ARENA(UNIX)/&\nARENA(CONSOLE)/' \
	    -e 's/^TRANSFERS(CONSOLE)/&\nTRANSFERS(BLOCK)/' $< > $@
# And fs's first kept page is console's.
$(authority)/planted/process.c: placement/micro/root/process.c
	@mkdir -p $(@D)
	$(Q)sed -e 's/map_shared(server, kept->small + i,/map_shared(server, i == 0 \&\& server == \&servers[SERVICE_FS] ? \
	    servers[SERVICE_CONSOLE].kept.small : kept->small + i,/' $< > $@
$(authority)/planted/process.o: $(authority)/planted/process.c $(authority)/planted/system/micro.def
	@echo "  CC      placement/micro/root/process.c (planted)"
	$(Q)$(CC) -I$(authority)/planted $(CFLAGS) -MMD -MP -c $< -o $@
$(eval $(call root_task_rules,test/authority-planted,test/authority/root.c test/authority/planted/process.c $(authority_shared)))

# The doubles under the real supervisor, which wants a timer that ticks.
requests_files := $(filter-out servers-archive.S,$(root_files)) test/authority/archive-requests.S
$(eval $(call root_task_rules,test/authority-requests,$(requests_files)))
