/* util_costs.c - see util_costs.h. */
#include "util_costs.h"

size_t every_cost_count(void) { return tw_cost_count() + 1; }
const tw_cost_layer *every_cost_at(size_t i) { return i < tw_cost_count() ? tw_cost_at(i) : &log_cosh_cost; }

const char *every_variant(const tw_cost_layer *cost, size_t i) {
    return i == 0 ? "" : cost->variants ? cost->variants[i - 1] : NULL;
}

/* ---- problems ------------------------------------------------------------------------------------------ */

static void *copied(const void *from, size_t bytes) {
    if (!from) return NULL;
    void *to = malloc(bytes + !bytes);
    return bytes ? memcpy(to, from, bytes) : to;
}

static void own_labels(tw_labels *l) { l->v = copied(l->v, l->n * sizeof *l->v); }

static void own(problem *p) {
    p->p.pred = copied(p->p.pred, p->size * sizeof(tw_real));
    p->p.target = copied(p->p.target, p->size * sizeof(tw_real));
    own_labels(&p->p.labels.classes);
    own_labels(&p->p.labels.labels);
    own_labels(&p->p.labels.label_lengths);
    own_labels(&p->p.labels.input_lengths);
}

tw_cost problem_cost(tw_ctx *ctx, const problem *p, const char *spec) {
    char all[256];
    tw_cost cost;
    snprintf(all, sizeof all, "%s%s%s", p->variant, *p->variant && spec ? "," : "", spec ? spec : "");
    cr_assert_eq(tw_cost_of(ctx, p->cost, all, &cost), TW_OK, "%s: %s", p->cost->name, tw_errmsg(ctx));
    return cost;
}

problem problem_draw(tw_ctx *ctx, const tw_cost_layer *cost, const char *variant, uint64_t stream) {
    problem p = {.cost = cost, .variant = variant};
    tw_cost c = problem_cost(ctx, &p, NULL);
    tw_step_begin(ctx);
    cr_assert_eq(cost->sample(ctx, stream, c.options, &p.p), TW_OK, "%s: %s", cost->name, tw_errmsg(ctx));
    p.size = product(p.p.ndim, p.p.dim);
    p.samples = (size_t)p.p.dim[p.p.batch_axis];
    own(&p);
    return p;
}

problem problem_copy(const problem *from) {
    problem p = *from;
    own(&p);
    return p;
}

void problem_free(problem *p) {
    free(p->p.pred);
    free(p->p.target);
    free((void *)p->p.labels.classes.v);
    free((void *)p->p.labels.labels.v);
    free((void *)p->p.labels.label_lengths.v);
    free((void *)p->p.labels.input_lengths.v);
}

/* Elements between two neighbours on the batch axis. */
static size_t batch_stride(const problem *p) {
    size_t stride = 1;
    for (int i = p->p.batch_axis + 1; i < p->p.ndim; i++) stride *= (size_t)p->p.dim[i];
    return stride;
}

size_t problem_sample_of(const problem *p, size_t i) { return i / batch_stride(p) % p->samples; }

static void permute_reals(const problem *p, tw_real *to, const tw_real *from, const size_t *order) {
    size_t stride = batch_stride(p);
    for (size_t i = 0; to && i < p->size; i++) {
        size_t s = problem_sample_of(p, i);
        to[i] = from[i - s * stride + order[s] * stride];
    }
}

/* Sample s of a list has length[s] entries, or the same number each when length is NULL. */
static void permute_labels(const problem *p, tw_labels *to, const tw_labels *from, const int32_t *length,
                           const size_t *order) {
    size_t at = 0, each = p->samples ? from->n / p->samples : 0;
    for (size_t s = 0; s < p->samples; s++) {
        size_t start = 0, n = length ? (size_t)length[order[s]] : each;
        for (size_t before = 0; before < order[s]; before++) start += length ? (size_t)length[before] : each;
        if (n) memcpy((int32_t *)to->v + at, from->v + start, n * sizeof *from->v);
        at += n;
    }
}

problem problem_permuted(const problem *from, const size_t *order) {
    problem to = problem_copy(from);
    const tw_target *f = &from->p.labels;
    tw_target *t = &to.p.labels;
    permute_reals(from, to.p.pred, from->p.pred, order);
    permute_reals(from, to.p.target, from->p.target, order);
    permute_labels(from, &t->classes, &f->classes, NULL, order);
    permute_labels(from, &t->labels, &f->labels, f->label_lengths.v, order);
    permute_labels(from, &t->label_lengths, &f->label_lengths, NULL, order);
    permute_labels(from, &t->input_lengths, &f->input_lengths, NULL, order);
    return to;
}

problem problem_without_samples(const problem *from) {
    problem to = problem_copy(from);
    to.p.dim[to.p.batch_axis] = 0;
    to.size = to.samples = 0;
    to.p.labels.classes.n = to.p.labels.labels.n = to.p.labels.label_lengths.n = to.p.labels.input_lengths.n = 0;
    return to;
}

tw_target problem_target(tw_ctx *ctx, const problem *p, bool want_grad) {
    tw_target target = p->p.labels;
    if (p->p.target) target.tensor = (want_grad ? tw_input_grad : tw_input)(ctx, p->p.target, p->p.ndim, p->p.dim);
    return target;
}

/* ---- running ------------------------------------------------------------------------------------------- */

result problem_run(tw_ctx *ctx, const problem *p, const char *spec, const tw_real *weight, const tw_real *upstream) {
    tw_step_begin(ctx);
    tw_cost cost = problem_cost(ctx, p, spec);
    tw_tensor *pred = tw_input_grad(ctx, p->p.pred, p->p.ndim, p->p.dim);
    tw_target target = problem_target(ctx, p, p->cost->traits & TW_COST_TARGET_GRAD);
    if (weight) target.sample_weight = tw_input(ctx, weight, 1, (int[]){(int)p->samples});
    tw_tensor *loss = tw_cost_apply(ctx, &cost, pred, &target);
    cr_assert_not_null(loss, "%s: %s", p->cost->name, tw_errmsg(ctx));

    result r = {.n = loss->size, .loss = copied(loss->data, loss->size * sizeof(tw_real))};
    tw_real *ones = malloc((r.n + 1) * sizeof *ones);
    for (size_t i = 0; i < r.n; i++) ones[i] = 1;
    cr_assert_eq(tw_backward_from(ctx, loss, upstream ? upstream : ones), TW_OK, "%s: %s", p->cost->name,
                 tw_errmsg(ctx));
    free(ones);
    cr_assert_not_null(pred->grad, "%s gives the prediction no gradient", p->cost->name);
    r.pred = copied(pred->grad, p->size * sizeof(tw_real));
    if (target.tensor && target.tensor->grad) r.target = copied(target.tensor->grad, p->size * sizeof(tw_real));
    return r;
}

void result_free(result *r) {
    free(r->loss);
    free(r->pred);
    free(r->target);
}
