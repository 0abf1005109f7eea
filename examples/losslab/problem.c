/* problem.c - see problem.h. */
#include "gradient.h"
#include "problem.h"

#include <stdlib.h>
#include <string.h>

static void *copied(const void *from, size_t bytes, bool *good) {
    if (!from) return NULL;
    void *to = malloc(bytes + !bytes);
    if (to) memcpy(to, from, bytes);
    else *good = false;
    return to;
}

static void own_labels(tw_labels *l, bool *good) { l->v = copied(l->v, l->n * sizeof *l->v, good); }

static tw_err own(tw_ctx *ctx, problem *p) {
    bool good = true;
    p->p.pred = copied(p->p.pred, p->size * sizeof(tw_real), &good);
    p->p.target = copied(p->p.target, p->size * sizeof(tw_real), &good);
    own_labels(&p->p.labels.classes, &good);
    own_labels(&p->p.labels.labels, &good);
    own_labels(&p->p.labels.label_lengths, &good);
    own_labels(&p->p.labels.input_lengths, &good);
    if (good) return TW_OK;
    problem_free(p);
    return tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory");
}

tw_err problem_draw(tw_ctx *ctx, const tw_cost *cost, uint64_t stream, problem *out) {
    *out = (problem){.size = 1};
    tw_step_begin(ctx);
    tw_err err = cost->layer->sample(ctx, stream, cost->options, &out->p);
    if (err) return err;
    for (int i = 0; i < out->p.ndim; i++) out->size *= (size_t)out->p.dim[i];
    out->samples = (size_t)out->p.dim[out->p.batch_axis];
    return own(ctx, out);
}

tw_err problem_copy(tw_ctx *ctx, const problem *from, problem *out) {
    *out = *from;
    return own(ctx, out);
}

void problem_free(problem *p) {
    free(p->p.pred);
    free(p->p.target);
    free((void *)p->p.labels.classes.v);
    free((void *)p->p.labels.labels.v);
    free((void *)p->p.labels.label_lengths.v);
    free((void *)p->p.labels.input_lengths.v);
    *p = (problem){0};
}

size_t problem_sample_of(const problem *p, size_t i) {
    size_t stride = 1;
    for (int d = p->p.batch_axis + 1; d < p->p.ndim; d++) stride *= (size_t)p->p.dim[d];
    return i / stride % p->samples;
}

tw_err problem_run(tw_ctx *ctx, const problem *p, const tw_cost *cost, tw_reduction reduction, outcome *out) {
    *out = (outcome){0};
    tw_step_begin(ctx);
    tw_cost c = *cost;
    cost_set_reduction(&c, reduction);
    tw_tensor *pred = tw_input_grad(ctx, p->p.pred, p->p.ndim, p->p.dim), *target = NULL;
    if (p->p.target && cost->layer->traits & TW_COST_TARGET_GRAD)
        target = tw_input_grad(ctx, p->p.target, p->p.ndim, p->p.dim);
    else if (p->p.target) target = tw_input(ctx, p->p.target, p->p.ndim, p->p.dim);
    tw_target compared = p->p.labels;
    compared.tensor = target;
    tw_tensor *loss = tw_cost_apply(ctx, &c, pred, &compared);
    tw_real *ones = loss ? tw_alloc(ctx, loss->size * sizeof *ones) : NULL;
    if (!ones) return tw_error(ctx);
    for (size_t i = 0; i < loss->size; i++) ones[i] = 1;
    tw_err err = tw_backward_from(ctx, loss, ones);
    if (err) return err;
    bool good = true;
    out->n = loss->size;
    out->loss = copied(loss->data, loss->size * sizeof(tw_real), &good);
    out->pred = copied(pred->grad, p->size * sizeof(tw_real), &good);
    out->target = target && target->grad ? copied(target->grad, p->size * sizeof(tw_real), &good) : NULL;
    if (good) return TW_OK;
    outcome_free(out);
    return tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory");
}

void outcome_free(outcome *o) {
    free(o->loss);
    free(o->pred);
    free(o->target);
    *o = (outcome){0};
}
