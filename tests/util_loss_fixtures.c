/* util_loss_fixtures.c - see util_loss_fixtures.h. */
#include "util_loss_fixtures.h"

/* A loss of one kind, computed from the leaves of a case. */
typedef struct run {
    tw_ctx *ctx;
    const fixture *f;
    char name[40];
    double tol;
    tw_tensor *leaf[2];
    tw_tensor *(*loss)(struct run *r, tw_reduction reduction, tw_tensor *weight);
} run;

static const char *key(const run *r, const char *part) {
    static char text[80];
    snprintf(text, sizeof text, "%s.%s", r->name, part);
    return text;
}

static tw_tensor *start(run *r, tw_reduction reduction, const char *const *leaves, const char *weight) {
    tw_step_begin(r->ctx);
    for (int i = 0; i < 2; i++) r->leaf[i] = leaves[i] ? fixture_leaf(r->ctx, r->f, key(r, leaves[i])) : NULL;
    tw_tensor *w = NULL;
    if (weight) {
        size_t n;
        const tw_real *v = fixture_get(r->f, key(r, weight), NULL, NULL, &n);
        w = tw_input(r->ctx, v, 1, (int[]){(int)n});
    }
    tw_tensor *y = r->loss(r, reduction, w);
    cr_assert_not_null(y, "%s: %s", r->name, tw_errmsg(r->ctx));
    return y;
}

static void check_grads(run *r, const char *const *leaves, const char *suffix) {
    for (int i = 0; i < 2; i++) {
        char name[40];
        if (!leaves[i]) continue;
        snprintf(name, sizeof name, "%s.%s", leaves[i], suffix);
        assert_fixture_grad(r->ctx, r->f, key(r, name), r->leaf[i], r->tol);
    }
}

/* none, sum and mean; the gradient from the upstream numbers; the weighted mean with its gradient. */
static void check_case(run *r, const char *const *leaves) {
    static const char *const reduction[] = {"mean", "sum", "none"};
    for (int i = 0; i < 3; i++)
        assert_fixture(r->ctx, r->f, key(r, reduction[i]), start(r, (tw_reduction)i, leaves, NULL), r->tol);
    tw_tensor *y = start(r, TW_REDUCTION_NONE, leaves, NULL);
    cr_assert_eq(tw_backward_from(r->ctx, y, fixture_get(r->f, key(r, "upstream"), NULL, NULL, NULL)), TW_OK);
    check_grads(r, leaves, "grad");
    if (!fixture_has(r->f, key(r, "weight"))) return;
    y = start(r, TW_REDUCTION_MEAN, leaves, "weight");
    assert_fixture(r->ctx, r->f, key(r, "weighted"), y, r->tol);
    cr_assert_eq(tw_backward(r->ctx, y), TW_OK);
    check_grads(r, leaves, "weighted_grad");
}

/* Runs all cases called <kind>.0, <kind>.1, .. and returns how many there were. */
static int check_cases(run *r, const char *kind, const char *const *leaves, int count) {
    for (int i = 0; i < count; i++) {
        snprintf(r->name, sizeof r->name, "%s.%d", kind, i);
        check_case(r, leaves);
    }
    snprintf(r->name, sizeof r->name, "%s.%d", kind, count);
    cr_assert(!fixture_has(r->f, key(r, "none")), "%s has more cases than are checked", kind);
    return count;
}

/* ---- each loss --------------------------------------------------------------------------------------------- */

static tw_tensor *mse(run *r, tw_reduction reduction, tw_tensor *weight) {
    return tw_mse_loss(r->ctx, r->leaf[0], r->leaf[1], &(tw_mse_options){reduction, weight});
}

static tw_tensor *cross_entropy(run *r, tw_reduction reduction, tw_tensor *weight) {
    size_t n;
    int32_t *class = fixture_ints(r->f, key(r, "class"), &n);
    tw_cross_entropy_options o = tw_cross_entropy_defaults();
    o.reduction = reduction;
    o.sample_weight = weight;
    tw_tensor *y = tw_cross_entropy_loss(r->ctx, r->leaf[0], (tw_labels){class, n}, &o);
    free(class); /* backward has its own copy */
    return y;
}

static tw_tensor *soft_cross_entropy(run *r, tw_reduction reduction, tw_tensor *weight) {
    return tw_soft_cross_entropy_loss(r->ctx, r->leaf[0], r->leaf[1],
                                      &(tw_cross_entropy_options){.reduction = reduction, .sample_weight = weight});
}

static tw_tensor *ctc_with(run *r, tw_ctc_options o) {
    size_t labels, samples;
    int32_t *blank = fixture_ints(r->f, key(r, "blank"), NULL), *label = fixture_ints(r->f, key(r, "labels"), &labels);
    int32_t *length = fixture_ints(r->f, key(r, "label_lengths"), &samples);
    int32_t *frames = fixture_ints(r->f, key(r, "input_lengths"), NULL);
    o.blank = *blank;
    tw_tensor *y = tw_ctc_loss(r->ctx, r->leaf[0], (tw_labels){label, labels}, (tw_labels){length, samples},
                               (tw_labels){frames, samples}, &o);
    free(blank), free(label), free(length), free(frames);
    return y;
}

static tw_tensor *ctc(run *r, tw_reduction reduction, tw_tensor *weight) {
    return ctc_with(r,
                    (tw_ctc_options){.reduction = reduction,
                                     .sample_weight = weight,
                                     .zero_infinity = fixture_has(r->f, key(r, "infinite"))});
}

void check_mse_fixtures(double tol) {
    run r = {.ctx = tw_ctx_new(1), .f = fixture_load("losses.txt"), .tol = tol, .loss = mse};
    check_cases(&r, "mse", (const char *const[]){"pred", "target"}, 3);
    fixture_free((fixture *)r.f);
    tw_ctx_free(r.ctx);
}

void check_cross_entropy_fixtures(double tol) {
    run r = {.ctx = tw_ctx_new(1), .f = fixture_load("losses.txt"), .tol = tol, .loss = cross_entropy};
    static const char *const leaves[] = {"logits", NULL};
    check_cases(&r, "cross_entropy", leaves, 4);
    strcpy(r.name, "cross_entropy.large");
    check_case(&r, leaves);
    r.loss = soft_cross_entropy;
    check_cases(&r, "soft_cross_entropy", (const char *const[]){"logits", "target"}, 4);
    fixture_free((fixture *)r.f);
    tw_ctx_free(r.ctx);
}

void check_ctc_fixtures(double tol) {
    run r = {.ctx = tw_ctx_new(1), .f = fixture_load("losses.txt"), .tol = tol, .loss = ctc};
    static const char *const leaves[] = {"logits", NULL};
    int count = check_cases(&r, "ctc", leaves, 6), impossible = 0;
    for (int i = 0; i < count; i++) {
        snprintf(r.name, sizeof r.name, "ctc.%d", i);
        start(&r, TW_REDUCTION_SUM, leaves, NULL);
        tw_tensor *y = ctc_with(&r, (tw_ctc_options){.zero_infinity = true, .mean_by_length = true});
        assert_fixture(r.ctx, r.f, key(&r, "mean_by_length"), y, tol);
        cr_assert_eq(tw_backward(r.ctx, y), TW_OK, "%s", tw_errmsg(r.ctx));
        assert_fixture_grad(r.ctx, r.f, key(&r, "mean_by_length_grad"), r.leaf[0], tol);
        if (!fixture_has(r.f, key(&r, "infinite"))) continue;
        start(&r, TW_REDUCTION_SUM, leaves, NULL);
        y = ctc_with(&r, (tw_ctc_options){.reduction = TW_REDUCTION_NONE, .infeasible = &impossible});
        assert_fixture(r.ctx, r.f, key(&r, "infinite"), y, tol);
    }
    cr_assert_eq(impossible, 1);
    fixture_free((fixture *)r.f);
    tw_ctx_free(r.ctx);
}
