# The image builder, for the developer's machine.
MKFS := $(BUILD)/host/mkfs

$(MKFS): tools/mkfs/mkfs.c abi/disk/xv6fs.h lib/types.h
	@mkdir -p $(@D)
	@echo "  HOSTCC  $<"
	$(Q)$(HOSTCC) $(HOST_CFLAGS) $< -o $@
