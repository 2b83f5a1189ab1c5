# The host tools' targets. What they run is in duo/, checks/ and setup.sh; each target says in words what it needs first.
export DUO_BUILD  := $(BUILD)
export TOOLPREFIX

.PHONY: setup setup-test doctor demo compile_commands.json test-checks test-check-selves \
        check-directions check-words check-format check-objects check-analyze

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

# The services that system/micro.def places in servers: of these both images have the same functions.
servers      := $(shell sed -n 's/^SERVER.[^"]*"\([a-z]*\)".*/\1/p' system/micro.def)
placed_files  = $(foreach s,$(servers),$($(s)_files)) $(inject_files)

# That each check can fail, then the checks.
test-check-selves:
	$(Q)for check in directions words objects format analyze; do \
	    CC=$(CC) NM=$(NM) tools/checks/$$check.* --self-test || exit 1; done

test-checks: test-check-selves check-directions check-words check-format check-objects check-analyze

check-directions: all
	$(Q)NM=$(NM) tools/checks/directions.py --build $(BUILD)

check-words:
	$(Q)tools/checks/words.py

check-format:
	$(Q)tools/checks/format.sh

check-objects: all
	$(Q)tools/checks/objects.py --image mono=$(BUILD)/mono.elf \
	    --image micro=$$(echo $(servers:%=$(BUILD)/servers/%.elf) | tr ' ' ,) $(call o,$(placed_files))

check-analyze:
	$(Q)CC=$(CC) tools/checks/analyze.sh $(CFLAGS)

compile_commands.json:
	$(Q)tools/compile_commands.py $@ BUILD=$(BUILD) all
