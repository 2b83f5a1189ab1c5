# Tests of the whole machine. The test image is the disk with the programs of test/programs/ added.
test_programs := blocked crash powercut tree workload killed restarts states spin hostile bystander
test_images   := $(test_programs:%=$(BUILD)/test/programs/_%)

$(BUILD)/test/programs/%.elf: $(BUILD)/test/programs/%.o $(BUILD)/user/lib.a user/program.ld
	@echo "  LD      $@"
	$(Q)$(LD) -melf64lriscv -z max-page-size=4096 --gc-sections --fatal-warnings --no-warn-rwx-segments \
	    -T user/program.ld $< $(BUILD)/user/lib.a -o $@

$(BUILD)/test/programs/_%: $(BUILD)/test/programs/%.elf
	$(Q)$(OBJCOPY) --strip-debug $< $@

# fs.img stands for mkfs and the users' programs, which it is made of.
$(BUILD)/test/fs.img: $(BUILD)/fs.img $(test_images)
	@echo "  MKFS    $@"
	$(Q)$(MKFS) $@ $(user_images) $(test_images)

.PRECIOUS: $(BUILD)/test/programs/%.elf
.PHONY: test-image test-system test-quick test-long test-powercut-full
test-image: all $(BUILD)/test/fs.img $(BUILD)/test/conformance.elf

test-system: test-image
	$(Q)test/run.py

test-quick: test-image
	$(Q)test/run.py --quick

# What takes minutes or hours. Finished files of xv6 and seL4 come from the folder DUO_PEERS; what is absent is NOT RUN.
test-long: test-image
	$(Q)test/run.py --long

test-powercut-full: test-image
	$(Q)test/run.py --long --only powercut/

#H   test-long          only the long tests; DUO_PEERS=FOLDER adds usertests and grind from xv6's images
#H   test-powercut-full every power cut of long workloads on mono
