/* grad_break.c - gradients of random programs of operations. */
#include "util_programs.h"

static tw_tensor *run(tw_ctx *ctx, tw_tensor *const *leaf, void *user) {
    return program_run(ctx, *(uint64_t *)user, leaf);
}

Test(break_grad, random_programs) {
    tw_ctx *ctx = tw_ctx_new(1);
    for (uint64_t seed = 0; seed < 400; seed++) {
        int ndim[PROGRAM_LEAVES], dim[PROGRAM_LEAVES][TW_MAX_DIMS];
        program_leaves(seed, false, ndim, dim);
        tw_gradcheck_leaf leaf[PROGRAM_LEAVES] = {{0}};
        for (int i = 0; i < PROGRAM_LEAVES; i++) {
            leaf[i].ndim = ndim[i];
            memcpy(leaf[i].dim, dim[i], sizeof dim[i]);
            leaf[i].value = random_reals(product(ndim[i], dim[i]), 3 * seed + (uint64_t)i, -1, 1);
        }
        tw_gradcheck_result r;
        cr_assert_eq(tw_gradcheck(ctx, run, &seed, PROGRAM_LEAVES, leaf, 0, &r), TW_OK, "program %d: %s", (int)seed,
                     tw_errmsg(ctx));
        cr_assert(r.error <= 1e-6, "program %d, leaf %d, element %zu: analytic %.12g, numeric %.12g, error %.3g",
                  (int)seed, r.leaf, r.index, r.analytic, r.numeric, r.error);
        for (int i = 0; i < PROGRAM_LEAVES; i++) free((void *)leaf[i].value);
    }
    tw_ctx_free(ctx);
}
