/* util_suite.h - a suite whose tests each begin with a context, `ctx`, and an empty set of parameters, `params`. */
#ifndef TEST_UTIL_SUITE_H
#define TEST_UTIL_SUITE_H

#include "util.h"

#define SUITE(name, seed)            \
    static tw_ctx *ctx;              \
    static tw_params *params;        \
    static void setup(void) {        \
        ctx = tw_ctx_new(seed);      \
        params = tw_params_new(ctx); \
    }                                \
    static void teardown(void) {     \
        tw_params_free(params);      \
        tw_ctx_free(ctx);            \
    }                                \
    TestSuite(name, .init = setup, .fini = teardown)

#endif
