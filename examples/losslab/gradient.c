/* gradient.c - see gradient.h. */
#include "gradient.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <thalweg/extend.h>

static const char *const reduction_name[] = {"mean", "sum", "none", "batchmean"};
enum { REDUCTIONS = sizeof reduction_name / sizeof *reduction_name };

void cost_set_reduction(tw_cost *cost, tw_reduction reduction) {
    memcpy(cost->options, &reduction, sizeof reduction); /* the first member of every loss's options */
}

typedef struct call {
    tw_cost cost;
    const tw_cost_problem *p;
    bool weighted;
    uint64_t stream;
} call;

static tw_tensor *apply(tw_ctx *ctx, tw_tensor *const *leaf, void *user) {
    const call *c = user;
    tw_target target = c->p->labels;
    if (c->p->target) target.tensor = leaf[1];
    if (c->weighted) {
        int n = c->p->dim[c->p->batch_axis];
        target.sample_weight = tw_full(ctx, 1, 1, &n);
        for (int i = 0; target.sample_weight && i < n; i++)
            target.sample_weight->data[i] = (tw_real)(2 * tw_random_uniform(c->stream, 1000 + (uint64_t)i));
    }
    return tw_cost_apply(ctx, &c->cost, leaf[0], &target);
}

/* A difference of two infinities is no number, so infinite losses are left out. */
static bool is_finite(tw_ctx *ctx, call *c) {
    tw_step_begin(ctx);
    cost_set_reduction(&c->cost, TW_REDUCTION_NONE);
    tw_tensor *leaf[2] = {tw_input(ctx, c->p->pred, c->p->ndim, c->p->dim),
                          c->p->target ? tw_input(ctx, c->p->target, c->p->ndim, c->p->dim) : NULL};
    const tw_tensor *loss = apply(ctx, leaf, c);
    bool all = true;
    for (size_t i = 0; loss && i < loss->size; i++) all = all && isfinite(loss->data[i]);
    return all;
}

/* "prediction [1,2]": the place of element `index`. */
static void describe(const call *c, int problem, const char *reduction, const tw_gradcheck_result *r, char *text,
                     size_t size) {
    char at[64] = "";
    size_t index = r->index, stride = 1;
    for (int i = 1; i < c->p->ndim; i++) stride *= (size_t)c->p->dim[i];
    for (int i = 0; i < c->p->ndim; i++) {
        snprintf(at + strlen(at), sizeof at - strlen(at), "%s%zu", i ? "," : "", index / stride);
        index %= stride;
        if (i + 1 < c->p->ndim) stride /= (size_t)c->p->dim[i + 1];
    }
    snprintf(text, size, "problem %d, reduction %s, %s [%s]: backward %.12g, differences %.12g", problem, reduction,
             r->leaf ? "target" : "prediction", at, r->analytic, r->numeric);
}

static tw_err compare(tw_ctx *ctx, call *c, gradient_check *result) {
    const tw_cost_layer *layer = c->cost.layer;
    tw_gradcheck_leaf leaf[2] = {{.value = c->p->pred, .ndim = c->p->ndim},
                                 {.value = c->p->target, .ndim = c->p->ndim}};
    memcpy(leaf[0].dim, c->p->dim, sizeof c->p->dim);
    memcpy(leaf[1].dim, c->p->dim, sizeof c->p->dim);
    leaf[1].skip = !(layer->traits & TW_COST_TARGET_GRAD);
    int leaves = c->p->target ? 2 : 1, size = 1;
    for (int i = 0; i < c->p->ndim; i++) size *= c->p->dim[i];
    for (int r = 0; r < REDUCTIONS; r++) {
        tw_gradcheck_result found;
        cost_set_reduction(&c->cost, (tw_reduction)r);
        c->weighted = (result->problems + r) % 2;
        double step = c->p->form == TW_FORM_PROBS ? 1e-7 : 0; /* log p bends much where p is small */
        tw_err err = tw_gradcheck(ctx, apply, c, leaves, leaf, step, &found);
        if (err) return err;
        result->comparisons += size * (leaves - (leaves == 2 && leaf[1].skip));
        if (found.error <= result->error) continue;
        result->error = found.error;
        describe(c, result->problems + 1, reduction_name[r], &found, result->where, sizeof result->where);
    }
    result->problems++;
    return TW_OK;
}

tw_err gradient_compare(tw_ctx *ctx, const tw_cost *cost, int problems, gradient_check *result) {
    *result = (gradient_check){.error = -1};
    tw_ctx *drawing = tw_ctx_new(1); /* its step holds the problem, while ctx begins many */
    if (!drawing) return tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory");
    tw_err err = TW_OK;
    for (uint64_t draw = 0; !err && result->problems < problems && draw < 4 * (uint64_t)problems; draw++) {
        tw_cost_problem p;
        uint64_t stream = tw_random_stream(drawing);
        tw_step_begin(drawing);
        err = cost->layer->sample(drawing, stream, cost->options, &p);
        if (err) {
            err = tw_fail_err(ctx, err, "%s", tw_errmsg(drawing));
            break;
        }
        call c = {*cost, &p, false, stream};
        if (is_finite(ctx, &c)) err = tw_error(ctx) ? tw_error(ctx) : compare(ctx, &c, result);
    }
    tw_ctx_free(drawing);
    result->pass = !err && result->problems == problems && result->error <= GRADIENT_BOUND;
    return err;
}
