# watch.mk - the tests under tools that watch them: sanitizers, valgrind, and gcov for what they reach. Included by the
# Makefile.
#
# Each tool has a build of its own below BUILD, with tests/runner.c in Criterion's place (that file says why). A report
# makes the watched process end with code 99, which no test expects; it also goes to a file, and whatever stands in one is a failure.
# WATCH says what is run: `test` is everything, `test-library` leaves out the programs, and FILTER='rnn/*' takes a part.

comma := ,
WATCH ?= test
# Tools make tests many times slower; the longest ones then try one case of so many.
SHARE  = TW_TEST_SHARE=$(or $(TW_TEST_SHARE),$(if $(filter valgrind,$@),25,10))
watch = +@mkdir -p $(BUILD)/$@; rm -f $(BUILD)/$@/report.*; \
    $(1) $(MAKE) --no-print-directory BUILD=$(BUILD)/$@ RUNNER=plain OPT='-O$(or $(2),1) -g -fno-omit-frame-pointer' $(3) $(WATCH); \
    status=$$?; ! cat $(BUILD)/$@/report.* 2>/dev/null | grep . && exit $$status
report = exitcode=99:log_path=$(abspath $(BUILD))/$@/report

.PHONY: asan ubsan tsan valgrind cover
asan ubsan tsan valgrind cover: | deps
asan: ## all tests under the address and undefined-behaviour sanitizers, leaks included
	$(call watch,ASAN_OPTIONS=$(report),1,SANITIZE='-fsanitize=address$(comma)undefined -fno-sanitize-recover=all')
# Loops with checks in them are not vectorised, and clang would say so of each.
ubsan: ## all tests under clang's undefined-behaviour sanitizer
	$(call watch,UBSAN_OPTIONS=print_stacktrace=1:$(report),1,CC=clang CFLAGS=-Wno-pass-failed SANITIZE='-fsanitize=undefined$(comma)float-cast-overflow -fno-sanitize-recover=all')
TSAN_OPT ?= 2
# A forked child may go on without the threads of its parent, which TSan by itself does not let it.
tsan: ## all tests under the thread sanitizer
	$(call watch,$(SHARE) TSAN_OPTIONS=die_after_fork=0:$(report),$(TSAN_OPT),SANITIZE='-fsanitize=thread')
# Memory that is lost is an error; what is still reachable at the end, such as fontconfig's tables, is not.
VALGRIND = valgrind -q --error-exitcode=99 --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite \
           --log-file=$(abspath $(BUILD))/valgrind/report.%p
valgrind: WATCH = test-library
valgrind: ## the library's tests under valgrind
	$(call watch,$(SHARE),2,CPPFLAGS=-DTEST_FOREIGN_MALLOC UNDER='$(VALGRIND)')
# Of the float library: gcovr 5 cannot join it with the double one, some of whose functions stand on other lines.
GCOVR = gcovr --root . --filter src/ --object-directory $(BUILD)/cover
cover: ## lines and branches of src/ that all tests reach: build/cover.txt, build/cover/index.html
	$(call watch,$(SHARE),g,SANITIZE=--coverage)
	@$(GCOVR) $(BUILD)/cover/f32 --json $(BUILD)/cover.json
	@$(GCOVR) -a $(BUILD)/cover.json --txt $(BUILD)/cover.txt --html-details $(BUILD)/cover/index.html \
	    --print-summary --fail-under-line 95 --fail-under-branch 80
