# The host tools' targets. What they run is in duo/, checks/ and setup.sh; each target says in words what it needs first.
export DUO_BUILD  := $(BUILD)
export TOOLPREFIX

.PHONY: setup setup-test doctor demo test-checks test-check-selves test-analyze compile_commands.json

# Installs what is missing from Debian: for building and the demo, and for the tests.
setup:
	$(Q)sh tools/setup.sh demo

setup-test:
	$(Q)sh tools/setup.sh test

doctor:
	$(Q)./duo doctor

# The tools come before the first rule that needs one, also under -j.
demo: setup
	$(Q)$(MAKE) --no-print-directory all
	$(Q)./duo demo

# That each check can fail, then the checks. `objects` needs the images: every function of a core that both link must
# be the object's own.
test-check-selves:
	$(Q)for check in directions words objects format analyze; do \
	    CC=$(CC) NM=$(NM) tools/checks/$$check.* --self-test || exit 1; done

test-checks: test-check-selves all
	$(Q)NM=$(NM) tools/checks/directions.py --build $(BUILD)
	$(Q)tools/checks/words.py
	$(Q)tools/checks/format.sh
	$(Q)tools/checks/objects.py --image mono=$(BUILD)/mono.elf \
	    --image micro=$$(echo $(BUILD)/servers/*.elf | tr ' ' ,) $(call o,$(core_files))
	$(Q)CC=$(CC) tools/checks/analyze.sh $(CFLAGS)

compile_commands.json:
	$(Q)tools/compile_commands.py $@ BUILD=$(BUILD) all
