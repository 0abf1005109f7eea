/* hot.h - loops compiled once per instruction set.
 *
 * A file named X.isa.c is compiled as X.base.o, X.avx2.o and X.avx512.o, with TW_ISA set to base, avx2, avx512.
 * In it, `void TW_ISA_NAME(tw__sigmoid)(...) { loop }` defines tw__sigmoid_avx2 and so on. The header that
 * declares it says TW_ISA_DECLARE(void, tw__sigmoid, (size_t n, ...)), and callers write
 * TW_ISA_CALL(tw__sigmoid)(n, ...). Same machine, same build: same choice, hence same bits. */
#ifndef TW_HOT_H
#define TW_HOT_H

#include <thalweg/base.h>

#if defined(__x86_64__)
#define TW_ISA_DECLARE(ret, name, args) \
    ret name##_base args;               \
    ret name##_avx2 args;               \
    ret name##_avx512 args
#define TW_ISA_CALL(name) (tw__isa() == 2 ? name##_avx512 : tw__isa() == 1 ? name##_avx2 : name##_base)
#else
#define TW_ISA_DECLARE(ret, name, args) ret name##_base args
#define TW_ISA_CALL(name) (name##_base)
#endif

#define TW_ISA_PASTE2(name, isa) name##_##isa
#define TW_ISA_PASTE(name, isa) TW_ISA_PASTE2(name, isa)
#define TW_ISA_NAME(name) TW_ISA_PASTE(name, TW_ISA)

/* 0 base, 1 AVX2 and FMA, 2 AVX-512 (F, VL, BW, DQ): what this machine has, at most what TW_ISA in the environment
 * names (base, avx2, avx512). */
int tw__isa(void);

#endif
