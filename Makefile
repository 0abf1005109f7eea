# Thalweg. `make help` lists the targets.
# Sources are found by wildcard: adding a file edits no list. X.isa.c is compiled once per instruction set.

CC      ?= cc
AR      ?= ar
PREFIX  ?= /usr/local
BUILD   ?= build
BLAS    ?= openblas
VERSION := $(shell sed -n 's/^.define TW_VERSION "\(.*\)"/\1/p' include/thalweg/base.h)
SOMAJOR := $(firstword $(subst ., ,$(VERSION)))

WARN    := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla $(WERROR)
OPT     ?= -O3 -g
CFLAGS  ?=
override CPPFLAGS += -Iinclude -Isrc -D_GNU_SOURCE
ALL_CFLAGS = -std=c11 $(WARN) $(OPT) -fno-math-errno -fno-trapping-math -fvisibility=hidden -fPIC -pthread $(SANITIZE) $(CFLAGS)
LIBS    := -lstb -lcjson -lutf8proc -lz -lm -pthread
ifeq ($(BLAS),openblas)
override CPPFLAGS += -DTW_OPENBLAS $(shell pkg-config --cflags openblas 2>/dev/null)
LIBS    := $(shell pkg-config --libs openblas 2>/dev/null || echo -lopenblas) $(LIBS)
endif

ARCH := $(shell $(CC) -dumpmachine 2>/dev/null)
ISAS := base $(if $(findstring x86_64,$(ARCH)),avx2 avx512)
ISA_base   :=
ISA_avx2   := -mavx2 -mfma -ffp-contract=fast
ISA_avx512 := -mavx512f -mavx512vl -mavx512bw -mavx512dq -mavx2 -mfma -mprefer-vector-width=512 -ffp-contract=fast

SRC  := $(wildcard src/*/*.c)
ISA  := $(filter %.isa.c,$(SRC))
OBJ  := $(patsubst %.c,%.o,$(filter-out %.isa.c,$(SRC))) $(foreach i,$(ISAS),$(patsubst %.isa.c,%.$(i).o,$(ISA)))
OBJ32 := $(addprefix $(BUILD)/f32/,$(OBJ))
OBJ64 := $(addprefix $(BUILD)/f64/,$(OBJ))

LIB32 := $(BUILD)/libthalweg.a
LIB64 := $(BUILD)/libthalweg_f64.a

COMMON   := $(addprefix $(BUILD)/f32/,$(patsubst %.c,%.o,$(wildcard examples/common/*.c)))
EXAMPLES := $(patsubst examples/%/main.c,$(BUILD)/%,$(wildcard examples/*/main.c))

.PHONY: all lib examples test gradcheck clean
all: lib examples
lib: $(LIB32) $(BUILD)/libthalweg.so $(LIB64) $(BUILD)/libthalweg_f64.so
examples: $(EXAMPLES)

define compile_rules
$(BUILD)/$(1)/%.o: %.c
	@mkdir -p $$(@D)
	$(CC) $(CPPFLAGS) $(2) $(ALL_CFLAGS) -MMD -MP -c $$< -o $$@
$(foreach i,$(ISAS),
$(BUILD)/$(1)/%.$(i).o: %.isa.c
	@mkdir -p $$(@D)
	$(CC) $(CPPFLAGS) $(2) -DTW_ISA=$(i) $(ALL_CFLAGS) $(ISA_$(i)) -MMD -MP -c $$< -o $$@
)
endef
$(eval $(call compile_rules,f32,))
$(eval $(call compile_rules,f64,-DTW_DOUBLE))

$(LIB32): $(OBJ32)
$(LIB64): $(OBJ64)
$(LIB32) $(LIB64):
	@rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/libthalweg.so: $(OBJ32)
	$(CC) -shared $(SANITIZE) -Wl,-soname,libthalweg.so.$(SOMAJOR) -o $@ $^ $(LIBS)
$(BUILD)/libthalweg_f64.so: $(OBJ64)
	$(CC) -shared $(SANITIZE) -Wl,-soname,libthalweg_f64.so.$(SOMAJOR) -o $@ $^ $(LIBS)

# An example is a folder with main.c; all its files and examples/common are linked with the static library.
define example_rules
$(BUILD)/$(1): $(addprefix $(BUILD)/f32/,$(patsubst %.c,%.o,$(wildcard examples/$(1)/*.c))) $(COMMON) $(LIB32)
	$(CC) $(SANITIZE) -o $$@ $$^ $$(LIBS) $$(LIBS_$(1))
endef
LIBS_crnn_ocr := -lfontconfig
$(foreach e,$(notdir $(EXAMPLES)),$(eval $(call example_rules,$(e))))

# Tests: tests/test_*.c against the float library, tests/test_*.c and tests/grad_*.c against the double one.
TEST32 := $(addprefix $(BUILD)/f32/,$(patsubst %.c,%.o,$(wildcard tests/test_*.c tests/util*.c)))
TEST64 := $(addprefix $(BUILD)/f64/,$(patsubst %.c,%.o,$(wildcard tests/grad_*.c tests/util*.c)))
$(BUILD)/tests: $(TEST32) $(LIB32)
	$(CC) $(SANITIZE) -o $@ $^ $(LIBS) -lcriterion
$(BUILD)/gradcheck: $(TEST64) $(LIB64)
	$(CC) $(SANITIZE) -o $@ $^ $(LIBS) -lcriterion
test: $(BUILD)/tests $(BUILD)/gradcheck
	$(BUILD)/gradcheck
	$(BUILD)/tests
gradcheck: $(BUILD)/gradcheck
	$(BUILD)/gradcheck
clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
