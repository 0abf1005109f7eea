# fuzz.mk - libFuzzer on what reads foreign bytes: a target for each file of this folder. Included by the Makefile.
#
# Everything is compiled apart, by clang with sanitizers. corpus/TARGET holds small inputs to begin with, and each that once
# broke something; what is found besides stays in BUILD/fuzz. FUZZ_SECONDS=0 only runs the corpus.

FUZZERS      ?= $(basename $(notdir $(wildcard tests/fuzz/*.c)))
FUZZ_SECONDS ?= 60
FUZZ_CC      ?= clang
FUZZ_FLAGS   := CC='$(FUZZ_CC)' BUILD=$(BUILD)/fuzz OPT='-O1 -g -fno-omit-frame-pointer' CFLAGS=-Wno-pass-failed \
                SANITIZE='-fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all'

.PHONY: fuzz
fuzz: | deps ## libFuzzer on all that reads foreign bytes, FUZZ_SECONDS (60) a target; FUZZERS='idx image' only these
	@$(MAKE) --no-print-directory -k $(FUZZ_FLAGS) $(FUZZERS:%=run-fuzz-%)
run-fuzz-%: $(BUILD)/fuzz-%
	@tests/fuzz/run.sh $(BUILD) $* $(FUZZ_SECONDS)
$(BUILD)/fuzz-%: $(BUILD)/f32/tests/fuzz/%.o $(LIB32)
	$(call say,LD)$(LINK) -fsanitize=fuzzer -o $@ $^ $(TW_LIBS)
-include $(wildcard $(BUILD)/f32/tests/fuzz/*.d)
