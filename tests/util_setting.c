/* util_setting.c - see util_setting.h. */
#include "util_setting.h"

size_t setting_size(const setting *s) { return product(s->ndim, s->dim); }

outcome run_setting(tw_ctx *ctx, const char *spec, const setting *s) {
    outcome o = {.size = setting_size(s)};
    tw_cost cost;
    tw_step_begin(ctx);
    cr_assert_eq(tw_cost_find(ctx, spec, &cost), TW_OK, "%s", tw_errmsg(ctx));
    tw_tensor *x = tw_input_grad(ctx, s->pred, s->ndim, s->dim);
    tw_target target = {.classes = {s->class, s->ndim > 1 && s->dim[1] ? o.size / (size_t)s->dim[1] : 0}};
    if (s->target) target.tensor = tw_input_grad(ctx, s->target, s->ndim, s->dim);
    tw_tensor *y = tw_cost_apply(ctx, &cost, x, &target);
    cr_assert_not_null(y, "%s: %s", spec, tw_errmsg(ctx));
    tw_real up[SETTING_MOST];
    for (size_t i = 0; i < y->size; i++) up[i] = (tw_real)(1 + 0.25 * (double)(i % 5));
    cr_assert_eq(tw_backward_from(ctx, y, up), TW_OK, "%s: %s", spec, tw_errmsg(ctx));
    o.n = y->size;
    memcpy(o.loss, y->data, y->size * sizeof *y->data);
    memcpy(o.grad, x->grad, o.size * sizeof *x->grad);
    if (target.tensor && target.tensor->grad) memcpy(o.target, target.tensor->grad, o.size * sizeof *x->grad);
    return o;
}

void same_outcome(const char *what, const outcome *a, const outcome *b, double tol) {
    cr_assert_eq(a->n, b->n, "%s", what);
    for (size_t i = 0; i < a->n; i++)
        cr_assert(near((double)a->loss[i], (double)b->loss[i], tol), "%s: loss %zu is %.9g and %.9g", what, i,
                  (double)a->loss[i], (double)b->loss[i]);
    for (size_t i = 0; i < a->size; i++)
        cr_assert(near((double)a->grad[i], (double)b->grad[i], tol), "%s: gradient %zu is %.9g and %.9g", what, i,
                  (double)a->grad[i], (double)b->grad[i]);
}

/* K classes of each of the positions, with n of them in the shape. */
static void random_classes(int32_t *class, size_t n, int K, uint64_t seed) {
    for (size_t i = 0; i < n; i++) class[i] = (int32_t)(tw_random_bits(seed, i) % (uint64_t)K);
}

void setting_one_hot(const setting *s, tw_real *t) {
    size_t K = (size_t)s->dim[1], step = 1;
    for (int i = 2; i < s->ndim; i++) step *= (size_t)s->dim[i];
    for (size_t i = 0; i < setting_size(s); i++) {
        size_t position = i / (K * step) * step + i % step;
        t[i] = s->class[position] == (int32_t)(i / step % K);
    }
}

static const int shapes[][TW_MAX_DIMS] = {{4, 3}, {3, 5, 2}, {2, 3, 2, 4}};
static const int shape_ndim[] = {2, 3, 4};

setting random_setting(int i, double scale) {
    setting s = {.ndim = shape_ndim[i]};
    memcpy(s.dim, shapes[i], sizeof s.dim);
    s.pred = random_reals(setting_size(&s), (uint64_t)(i + 1), -scale, scale);
    int32_t *class = malloc(setting_size(&s) * sizeof *class);
    random_classes(class, setting_size(&s) / (size_t)s.dim[1], s.dim[1], (uint64_t)(i + 9));
    s.class = class;
    return s;
}

void setting_free(setting *s) { free((void *)s->pred), free((void *)s->class); }
