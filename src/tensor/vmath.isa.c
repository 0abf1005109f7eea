/* vmath.isa.c - whole arrays of exp, log, sigmoid and tanh. */
#include "tensor/vmath.h"

#define MAP(name, f)                                                  \
    void TW_ISA_NAME(name)(size_t n, const tw_real *x, tw_real *y) {  \
        TW_INDEPENDENT for (size_t i = 0; i < n; i++) y[i] = f(x[i]); \
    }

MAP(tw__vexp, tw__exp1)
MAP(tw__vlog, tw__log1)
MAP(tw__vsigmoid, tw__sigmoid1)
MAP(tw__vtanh, tw__tanh1)
