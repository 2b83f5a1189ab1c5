# The restart protocol as a model: `check.py` says what is checked.
.PHONY: test-unit-model test-long-model
test-unit-model:
	$(Q)test/model/check.py

test-long: test-long-model
test-long-model:
	$(Q)test/model/check.py --long

#H   test-long-model    the model of the restart protocol, in larger sizes as well
