# Thalweg. `make help` lists the targets.
#
# Sources are found by wildcard: adding a file edits no list. X.isa.c is compiled once per instruction set.
# Nothing is asked of the compiler's surroundings while this file is read, for on a fresh system they are only
# installed by the first step, `deps`.

PREFIX  ?= /usr/local
BUILD   ?= build
BLAS    ?= openblas
AR      ?= ar
OPT     ?= -O3 -g
WARN    := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla

VERSION := $(shell sed -n 's/^.define TW_VERSION "\(.*\)"/\1/p' include/thalweg/base.h)
SOMAJOR := $(firstword $(subst ., ,$(VERSION)))
ARCH    ?= $(shell $(CC) -dumpmachine 2>/dev/null || uname -m)

ifeq ($(filter $(BLAS),openblas none),)
$(error BLAS is openblas or none, not "$(BLAS)")
endif

# ---- flags -------------------------------------------------------------------------------------------
# pkg-config is asked once, when the first recipe needs it.
once = $(eval $(1) := $(2))$($(1))
MODULES  := $(filter openblas,$(BLAS)) stb libcjson libutf8proc zlib
PC_FLAGS  = $(call once,PC_FLAGS,$(shell pkg-config --cflags $(MODULES) fontconfig))
PC_LIBS   = $(call once,PC_LIBS,$(shell pkg-config --libs $(MODULES)))

TW_CPPFLAGS = -Iinclude -Isrc -D_GNU_SOURCE $(if $(filter openblas,$(BLAS)),-DTW_OPENBLAS) $(PC_FLAGS) $(CPPFLAGS)
TW_CFLAGS   = -std=c11 $(OPT) -fno-math-errno -fno-trapping-math -fvisibility=hidden -fPIC -pthread $(SANITIZE) $(CFLAGS)
TW_LDFLAGS  = -pthread $(SANITIZE) $(LDFLAGS)
TW_LIBS     = $(PC_LIBS) -lm $(LDLIBS)
COMPILE     = $(CC) $(TW_CPPFLAGS) $(WARN) $(WERROR) $(TW_CFLAGS) -MMD -MP
LINK        = $(CC) $(TW_LDFLAGS)
say         = $(if $(V),,@echo '  $(1)  $@';)

ISAS       := base $(if $(findstring x86_64,$(ARCH)),avx2 avx512)
ISA_avx2   := -mavx2 -mfma -ffp-contract=fast
ISA_avx512 := -mavx512f -mavx512vl -mavx512bw -mavx512dq -mavx2 -mfma -mprefer-vector-width=512 -ffp-contract=fast

# ---- files -------------------------------------------------------------------------------------------
objects  = $(patsubst %.c,$(BUILD)/$(1)/%.o,$(filter-out %.isa.c,$(2))) \
           $(foreach i,$(ISAS),$(patsubst %.isa.c,$(BUILD)/$(1)/%.$(i).o,$(filter %.isa.c,$(2))))
SRC      := $(wildcard src/*/*.c)
OBJ_f32  := $(call objects,f32,$(SRC))
OBJ_f64  := $(call objects,f64,$(SRC))
COMMON32 := $(call objects,f32,$(wildcard examples/common/*.c))
COMMON64 := $(call objects,f64,$(wildcard examples/common/*.c))
TEST32   := $(call objects,f32,$(wildcard tests/test_*.c tests/util*.c tests/museum*.c))
# What tests train of the examples (util_trainings*.c) beside crnn_ocr, all of which is in COMMON_BENCH.
TRAIN32  := $(call objects,f32,$(addprefix examples/mnist/,augment.c models.c pictures.c step.c) examples/losslab/learner.c)
TEST64   := $(call objects,f64,$(filter-out tests/util_trainings%,$(wildcard tests/grad_*.c tests/util*.c)))
EXAMPLES := $(patsubst examples/%/main.c,$(BUILD)/%,$(wildcard examples/*/main.c))
BENCH    := $(patsubst %.c,$(BUILD)/%,$(wildcard bench/*.c))
OBJ_BENCH := $(call objects,f32,$(wildcard bench/*.c))
# What the programs of bench/ and the tests share: losslab's charts, and all of crnn_ocr but its main.
COMMON_BENCH := $(call objects,f32,$(wildcard bench/common/*.c) \
                $(addprefix examples/losslab/,canvas.c canvas_png.c canvas_svg.c chart.c ticks.c typeface.c) \
                $(filter-out %/main.c,$(wildcard examples/crnn_ocr/*.c)))

LIB32    := $(BUILD)/libthalweg.a
LIB64    := $(BUILD)/libthalweg_f64.a
LIBS     := $(LIB32) $(LIB64) $(BUILD)/libthalweg.so $(BUILD)/libthalweg_f64.so

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all lib examples deps fonts demo train-print-en mnist test test-examples test-library test-isa gradcheck bench bench-quick bench-busy bench-scaling bench-data bench-read roofline lint format docs-check docs-quote clean help FORCE

all: lib examples ## the libraries and the examples
lib: $(LIBS)
examples: $(EXAMPLES)

# ---- what must be installed first ----------------------------------------------------------------------
goals = $(filter $(1),$(MAKECMDGOALS))
DEPS := build $(if $(filter openblas,$(BLAS)),blas) \
        $(if $(call goals,deps test test-library gradcheck asan ubsan tsan valgrind cover %/tests %/gradcheck),test) \
        $(if $(call goals,valgrind),valgrind) $(if $(call goals,cover),cover) \
        $(if $(call goals,deps demo),demo) $(if $(call goals,deps bench bench-scaling bench-data),bench) \
        $(if $(call goals,bench-data),mnist demo) $(if $(call goals,deps mnist),mnist) $(if $(call goals,lint format),lint) \
        $(if $(call goals,fuzz ubsan),fuzz) $(if $(call goals,deps test-installed test-deb),install) $(if $(call goals,deps deb test-installed test-deb),deb) \
        $(if $(call goals,test-installed test-deb),root) \
        $(if $(call goals,fonts train-print-en),fonts)
deps: ## installs what is missing (Debian packages); the other targets do this by themselves
	@CC='$(CC)' tools/deps.sh $(DEPS)

# ---- compiling -----------------------------------------------------------------------------------------
# Objects depend on the flags that made them, archives on the list of their sources: a change of CC, BLAS or
# CFLAGS rebuilds, and a deleted file leaves no object behind in the library.
STAMP_flags   = $(CC) $(TW_CPPFLAGS) $(TW_CFLAGS) $(TW_LDFLAGS) $(TW_LIBS) $(ISAS)
STAMP_sources = $(SRC) $(COMMON32) $(COMMON_BENCH) $(CHAPTERS)
$(BUILD)/flags $(BUILD)/sources: FORCE | deps
	@mkdir -p $(@D)
	@printf '%s\n' '$(STAMP_$(@F))' | cmp -s - $@ || printf '%s\n' '$(STAMP_$(@F))' >$@
FORCE:

define compile_rules
$(BUILD)/$(1)/%.o: %.c $(BUILD)/flags | deps
	@mkdir -p $$(@D)
	$$(call say,CC)$$(COMPILE) $(2) -c $$< -o $$@
$(foreach i,$(ISAS),
$(BUILD)/$(1)/%.$(i).o: %.isa.c $(BUILD)/flags | deps
	@mkdir -p $$(@D)
	$$(call say,CC)$$(COMPILE) $(2) -DTW_ISA=$(i) $(ISA_$(i)) -c $$< -o $$@
)
endef
# stb_image counts with numbers that a damaged file may make overflow: -fwrapv gives that a meaning, and a shift by too
# many bits only spoils a picture that is spoilt.
$(BUILD)/f32/src/data/decode.o $(BUILD)/f64/src/data/decode.o: TW_CFLAGS += -fwrapv $(if $(SANITIZE),-fno-sanitize=shift)
$(eval $(call compile_rules,f32,))
$(eval $(call compile_rules,f64,-DTW_DOUBLE))
-include $(patsubst %.o,%.d,$(OBJ_f32) $(OBJ_f64) $(COMMON32) $(COMMON64) $(TEST32) $(TRAIN32) $(TEST64) $(OBJ_BENCH) $(COMMON_BENCH)) $(BUILD)/f32/tests/runner.d

# ---- linking -------------------------------------------------------------------------------------------
$(LIB32): $(OBJ_f32)
$(LIB64): $(OBJ_f64)
$(BUILD)/common_f32.a: $(COMMON32)
$(BUILD)/common_f64.a: $(COMMON64)
$(BUILD)/bench_f32.a: $(COMMON_BENCH)
$(LIB32) $(LIB64) $(BUILD)/common_f32.a $(BUILD)/common_f64.a $(BUILD)/bench_f32.a: $(BUILD)/sources
	@rm -f $@
	$(call say,AR)$(AR) rcs $@ $(filter %.o,$^)

$(BUILD)/libthalweg.so: $(OBJ_f32)
$(BUILD)/libthalweg_f64.so: $(OBJ_f64)
$(BUILD)/libthalweg.so $(BUILD)/libthalweg_f64.so: $(BUILD)/sources
	$(call say,LD)$(LINK) -shared -Wl,-soname,$(@F).$(SOMAJOR) -o $@ $(filter %.o,$^) $(TW_LIBS)

# An example is a folder with main.c; all its files are linked with the static library and what they use of
# examples/common. REAL_ chooses the double library for it, MORE_ names generated objects, ALSO_ sources of others.
LIBS_crnn_ocr = $(shell pkg-config --libs fontconfig freetype2)
LIBS_losslab  = $(LIBS_crnn_ocr)
REAL_losslab := f64
MORE_losslab := $(BUILD)/chapters.o
ALSO_losslab := $(addprefix examples/crnn_ocr/,augment.c ema.c guide.c model.c picture.c recipe.c trim.c) $(wildcard tests/museum*.c)
define example_rules
OBJ_$(1) := $(call objects,$(or $(REAL_$(1)),f32),$(wildcard examples/$(1)/*.c) $(ALSO_$(1)))
$(BUILD)/$(1): $$(OBJ_$(1)) $(MORE_$(1)) $(BUILD)/common_$(or $(REAL_$(1)),f32).a $(if $(filter f64,$(REAL_$(1))),$(LIB64),$(LIB32))
	$$(call say,LD)$$(LINK) -o $$@ $$^ $$(LIBS_$(1)) $$(TW_LIBS)
-include $$(OBJ_$(1):.o=.d)
endef
$(foreach e,$(notdir $(EXAMPLES)),$(eval $(call example_rules,$(e))))

# losslab shows the book's chapters on losses, CTC and backpropagation, also where it is installed without the book.
CHAPTERS := $(wildcard docs/losses/*.md) docs/backprop.md docs/ctc.md
$(BUILD)/chapters.c: tools/embed.sh $(CHAPTERS) $(BUILD)/sources
	@mkdir -p $(@D)
	@tools/embed.sh $(CHAPTERS) >$@
$(BUILD)/chapters.o: $(BUILD)/chapters.c $(BUILD)/flags | deps
	$(call say,CC)$(COMPILE) -I. -c $< -o $@

# ---- tests ---------------------------------------------------------------------------------------------
# tests/test_*.c run against the float library, tests/grad_*.c (gradient checks) against the double one; Criterion runs
# them, or with RUNNER=plain tests/runner.c (FILTER takes a part).
RUNNER     ?= criterion
FILTER     ?= *
RUN         = --jobs 2 $(if $(filter-out *,$(FILTER)),--filter '$(FILTER)') $(if $(filter plain,$(RUNNER)),--times)
OBJ_RUNNER := $(if $(filter plain,$(RUNNER)),$(BUILD)/f32/tests/runner.o)
LIBS_TESTS  = $(shell pkg-config --libs $(filter criterion,$(RUNNER)) fontconfig freetype2)
$(BUILD)/tests: $(TEST32) $(TRAIN32) $(OBJ_RUNNER) $(BUILD)/bench_f32.a $(BUILD)/common_f32.a $(LIB32)
$(BUILD)/gradcheck: $(TEST64) $(OBJ_RUNNER) $(LIB64)
$(BUILD)/tests $(BUILD)/gradcheck:
	$(call say,LD)$(LINK) -o $@ $^ $(LIBS_TESTS) $(TW_LIBS)

# tests/examples_*.sh try the example programs, two at a time, the longest first. The library's tests come last, so that their summary ends the output.
test: test-examples ## gradient checks in double, the examples, all tests of the library
	@$(MAKE) --no-print-directory test-library
test-examples: $(EXAMPLES) $(BENCH)
	@TW_THREADS=1 $(MAKE) --no-print-directory -j2 try-han \
	    $(patsubst tests/examples_%.sh,try-%,$(filter-out %_han.sh,$(wildcard tests/examples_*.sh)))
# UNDER='TOOL ..' runs every test so. Of the programs the scripts then get wrappers, in BUILD/under, that begin the tool.
TRIED = $(if $(UNDER),$(patsubst $(BUILD)/%,$(BUILD)/under/%,$(EXAMPLES) $(BENCH)))
$(BUILD)/under/%: $(BUILD)/% FORCE
	@mkdir -p $(@D); printf '#!/bin/sh\nexec %s "$$@"\n' '$(UNDER) $(abspath $<)' >$@; chmod +x $@
try-bench: $(BENCH)
try-%: tests/examples_%.sh $(EXAMPLES) $(TRIED)
	@if sh $< $(BUILD)$(if $(UNDER),/under) >$(BUILD)/examples_$*.log 2>&1; then tail -n 1 $(BUILD)/examples_$*.log; \
	 else echo "== $<"; cat $(BUILD)/examples_$*.log; exit 1; fi
test-library: $(BUILD)/gradcheck $(BUILD)/tests
	@echo '== gradcheck'; $(UNDER) $(BUILD)/gradcheck $(RUN); first=$$?; echo '== tests'; $(UNDER) $(BUILD)/tests $(RUN); \
	    case $$first$$? in 00 | 03 | 30) ;; *) exit 1 ;; esac # 3: a filter may be meant for one of the two
# What this machine chooses hides the rest: a double has fewer lanes in base, where other tiles and edges are reached.
TESTS_ISA ?= gradcheck tests
test-isa: $(BUILD)/gradcheck $(BUILD)/tests ## the library's tests again, a part of them, on the smaller instruction sets
	@for isa in base avx2; do for tests in $(TESTS_ISA); do echo "== $$tests, TW_ISA=$$isa"; \
	    TW_ISA=$$isa TW_TEST_SHARE=10 $(UNDER) $(BUILD)/$$tests $(RUN) || exit; done; done
gradcheck: $(BUILD)/gradcheck ## checks every backward against finite differences
	$(BUILD)/gradcheck $(RUN)
include tests/watch.mk

$(BUILD)/bench/%: $(BUILD)/f32/bench/%.o $(BUILD)/bench_f32.a $(BUILD)/common_f32.a $(LIB32)
	@mkdir -p $(@D)
	$(call say,LD)$(LINK) -o $@ $^ $$(pkg-config --libs fontconfig freetype2) $(TW_LIBS)
bench: $(BENCH) ## times training steps beside PyTorch's, if that is installed: build/bench.tsv, build/bench.png
	$(BUILD)/bench/compare --tsv $(BUILD)/bench.tsv --png $(BUILD)/bench.png
	$(BUILD)/bench/gemm
	$(BUILD)/bench/first_step
bench-quick: $(BUILD)/bench/compare $(BUILD)/bench/steps ## how many times as fast as PyTorch, in about a minute
	@$(BUILD)/bench/compare --quick --seconds 0.25
bench-busy: $(BUILD)/bench/busy $(BUILD)/bench/steps ## what is left of a step's speed beside a busy process
	@$(BUILD)/bench/busy
bench-scaling: $(BUILD)/bench/scaling ## cost and memory a unit of work as sizes grow: build/scaling.tsv, build/scaling.png
	@$(BUILD)/bench/scaling --tsv $(BUILD)/scaling.tsv --png $(BUILD)/scaling.png
bench-data: $(BUILD)/bench/data ## what loading and rendering cost a training
	@$(BUILD)/bench/data
bench-read: $(BUILD)/bench/compare $(BUILD)/bench/steps ## reading in evaluation mode beside PyTorch's: one picture, and a batch
	@$(BUILD)/bench/compare --infer --threads 2 w3s:N=1 w3s:N=32
roofline: $(BUILD)/bench/roofline ## what bounds each op of a training step, and how near it is
	@$(BUILD)/bench/roofline $(ARGS)

fonts: deps ## installs the fonts and word lists that print-en is trained with (2 GB)
demo: $(BUILD)/crnn_ocr ## trains a small recogniser on rendered text and reads words it never saw
	$(BUILD)/crnn_ocr demo --out $(BUILD)/demo
train-print-en: $(BUILD)/crnn_ocr ## trains the model that ships, for hours; stopped and called again it goes on
	tools/train-print-en.sh $(BUILD)
mnist: $(BUILD)/mnist ## trains a classifier of Fashion-MNIST
	$(BUILD)/mnist train --out $(BUILD)/mnist.safetensors

# ---- fuzzing, installing, packages ---------------------------------------------------------------------
include tests/fuzz/fuzz.mk
include tools/install.mk

# ---- the tree ------------------------------------------------------------------------------------------
lint: lib ## the rules a program can check: layers, names, headers, format
	@CC='$(CC)' tools/lint.sh $(BUILD)
format: | deps ## clang-format, in place
	@clang-format -i $$(find include src examples bench tests -name '*.[ch]')
docs-check: $(BUILD)/losslab ## is the documentation true: quoted code, links, worked numbers
	@tools/docs.sh check
	@tools/worked.sh $(BUILD)/losslab
docs-quote: ## copies the code into the documentation again
	@tools/docs.sh write
clean: ## removes build/
	rm -rf $(BUILD)
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' Makefile tests/*.mk tests/fuzz/*.mk tools/*.mk
	@echo 'Variables: PREFIX=$(PREFIX) DESTDIR=$(DESTDIR) BUILD=$(BUILD) BLAS=openblas|none CC CFLAGS LDFLAGS WERROR=-Werror V=1'
