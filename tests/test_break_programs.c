/* test_break_programs.c - random programs: neither threads, nor what lay in memory before, nor recording may change a
 * bit of them. */
#include "util_programs.h"

typedef struct outcome {
    size_t n[PROGRAM_LEAVES + 1];
    tw_real *v[PROGRAM_LEAVES + 1]; /* gradients, then the value */
} outcome;

static void outcome_free(outcome *o) {
    for (int i = 0; i <= PROGRAM_LEAVES; i++) free(o->v[i]);
}

/* Fills the memory of the next step, and that of kernels, with NaN. */
static void spoil(tw_ctx *ctx, size_t bytes) {
    tw_step_begin(ctx);
    tw_mark mark = tw_scratch_mark(ctx);
    void *step = tw_alloc(ctx, bytes), *scratch = tw_scratch(ctx, bytes);
    if (step) memset(step, 0xff, bytes);
    if (scratch) memset(scratch, 0xff, bytes);
    tw_scratch_release(ctx, mark);
}

static tw_tensor *begin(tw_ctx *ctx, uint64_t seed, bool large, tw_tensor **leaf) {
    int ndim[PROGRAM_LEAVES], dim[PROGRAM_LEAVES][TW_MAX_DIMS];
    tw_step_begin(ctx);
    tw_rng_set(ctx, (tw_rng_state){seed, 0}); /* dropout */
    program_leaves(seed, large, ndim, dim);
    for (int i = 0; i < PROGRAM_LEAVES; i++) leaf[i] = random_leaf(ctx, seed + (uint64_t)i, -1, 1, ndim[i], dim[i]);
    tw_tensor *y = program_run(ctx, seed, leaf);
    cr_assert(y, "program %d: %s", (int)seed, tw_errmsg(ctx));
    return y;
}

static outcome run(tw_ctx *ctx, uint64_t seed, bool large) {
    tw_tensor *leaf[PROGRAM_LEAVES], *y = begin(ctx, seed, large, leaf);
    tw_real *dy = random_reals(y->size, seed, -1, 1);
    if (y->requires_grad) /* else it is made of nothing that a leaf reaches */
        cr_assert_eq(tw_backward_from(ctx, y, dy), TW_OK, "program %d: %s", (int)seed, tw_errmsg(ctx));
    free(dy);
    outcome o;
    for (int i = 0; i <= PROGRAM_LEAVES; i++) {
        const tw_tensor *t = i < PROGRAM_LEAVES ? leaf[i] : y;
        const tw_real *v = i < PROGRAM_LEAVES ? t->grad : t->data; /* NULL: a leaf that was not reached */
        o.n[i] = v ? t->size : 0;
        o.v[i] = malloc((t->size + 1) * sizeof *o.v[i]);
        if (o.n[i]) memcpy(o.v[i], v, t->size * sizeof *o.v[i]);
        for (size_t k = 0; k < o.n[i]; k++)
            cr_assert(isfinite(o.v[i][k]), "program %d: tensor %d, element %zu", (int)seed, i, k);
    }
    return o;
}

static void check_same(const outcome *a, const outcome *b, uint64_t seed, const char *what) {
    for (int i = 0; i <= PROGRAM_LEAVES; i++)
        cr_assert(a->n[i] == b->n[i] && (!a->n[i] || !memcmp(a->v[i], b->v[i], a->n[i] * sizeof *a->v[i])),
                  "program %d, tensor %d: %s", (int)seed, i, what);
}

Test(break_programs, old_memory_does_not_matter) {
    tw_ctx *clean = tw_ctx_new(1), *spoiled = tw_ctx_new(1);
    for (uint64_t seed = 1000; seed < 1400; seed++) {
        outcome a = run(clean, seed, false);
        spoil(spoiled, 1 << 20);
        outcome b = run(spoiled, seed, false);
        check_same(&a, &b, seed, "old memory changes it");
        outcome_free(&a);
        outcome_free(&b);
    }
    tw_ctx_free(clean);
    tw_ctx_free(spoiled);
}

Test(break_programs, threads_do_not_matter) {
    tw_ctx *one = tw_ctx_new_with(&(tw_ctx_options){.threads = 1}),
           *many = tw_ctx_new_with(&(tw_ctx_options){.threads = 2});
    for (uint64_t seed = 2000; seed < 2060; seed++) {
        outcome a = run(one, seed, true);
        tw_set_threads(many, 2 + (int)(seed % 6));
        spoil(many, 1 << 24);
        outcome b = run(many, seed, true);
        check_same(&a, &b, seed, "the threads change it");
        outcome_free(&a);
        outcome_free(&b);
    }
    tw_ctx_free(one);
    tw_ctx_free(many);
}

Test(break_programs, recording_does_not_matter) {
    tw_ctx *ctx = tw_ctx_new(1);
    for (uint64_t seed = 3000; seed < 3200; seed++) {
        tw_tensor *leaf[PROGRAM_LEAVES];
        outcome a = run(ctx, seed, false);
        tw_set_recording(ctx, false);
        const tw_tensor *y = begin(ctx, seed, false, leaf);
        cr_assert(!y->requires_grad && y->size == a.n[PROGRAM_LEAVES]);
        if (y->size)
            cr_assert_eq(memcmp(y->data, a.v[PROGRAM_LEAVES], y->size * sizeof *y->data), 0, "program %d", (int)seed);
        tw_set_recording(ctx, true);
        outcome_free(&a);
    }
    tw_ctx_free(ctx);
}

/* A failed operation in the middle: nothing after it computes, backward refuses, and the next step is as ever. */
Test(break_programs, a_failure_leaves_no_trace) {
    tw_ctx *ctx = tw_ctx_new(1), *other = tw_ctx_new(1);
    for (uint64_t seed = 4000; seed < 4100; seed++) {
        tw_tensor *leaf[PROGRAM_LEAVES], *y = begin(ctx, seed, false, leaf);
        cr_assert_null(tw_add(ctx, y, tw_reshape(ctx, y, 1, (int[]){(int)y->size + 1})));
        cr_assert_null(program_run(ctx, seed, leaf));
        cr_assert_eq(tw_backward(ctx, tw_sum(ctx, y, 0, NULL, false)), TW_ERR_SHAPE);
        cr_assert(strstr(tw_errmsg(ctx), "reshape: "));
        tw_error_clear(ctx);
        outcome a = run(ctx, seed, false), b = run(other, seed, false);
        check_same(&a, &b, seed, "an earlier failure changes it");
        outcome_free(&a);
        outcome_free(&b);
    }
    tw_ctx_free(ctx);
    tw_ctx_free(other);
}
