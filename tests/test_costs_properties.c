/* test_costs_properties.c - identities between the losses, limits and corners. What holds for every loss is in
 * test_costs.c, the options that cannot be are in test_costs_options.c. */
#include "util.h"

enum { MOST = 128 };

/* What one run gave: terms or their reduction, and the gradients. */
typedef struct outcome {
    size_t n, size;
    tw_real loss[MOST], grad[MOST], target[MOST];
} outcome;

typedef struct setting {
    int ndim, dim[TW_MAX_DIMS];
    const tw_real *pred, *target; /* target NULL: class */
    const int32_t *class;
} setting;

static size_t elements(const setting *s) { return product(s->ndim, s->dim); }

/* The loss by spec, and its gradients from upstream numbers that are not 1. */
static outcome run(tw_ctx *ctx, const char *spec, const setting *s) {
    outcome o = {.size = elements(s)};
    tw_cost cost;
    tw_step_begin(ctx);
    cr_assert_eq(tw_cost_find(ctx, spec, &cost), TW_OK, "%s", tw_errmsg(ctx));
    tw_tensor *x = tw_input_grad(ctx, s->pred, s->ndim, s->dim);
    tw_target target = {.classes = {s->class, s->ndim > 1 && s->dim[1] ? o.size / (size_t)s->dim[1] : 0}};
    if (s->target) target.tensor = tw_input_grad(ctx, s->target, s->ndim, s->dim);
    tw_tensor *y = tw_cost_apply(ctx, &cost, x, &target);
    cr_assert_not_null(y, "%s: %s", spec, tw_errmsg(ctx));
    tw_real up[MOST];
    for (size_t i = 0; i < y->size; i++) up[i] = (tw_real)(1 + 0.25 * (double)(i % 5));
    cr_assert_eq(tw_backward_from(ctx, y, up), TW_OK, "%s: %s", spec, tw_errmsg(ctx));
    o.n = y->size;
    memcpy(o.loss, y->data, y->size * sizeof *y->data);
    memcpy(o.grad, x->grad, o.size * sizeof *x->grad);
    if (target.tensor && target.tensor->grad) memcpy(o.target, target.tensor->grad, o.size * sizeof *x->grad);
    return o;
}

static void same(const char *what, const outcome *a, const outcome *b, double tol) {
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

static void one_hot(const setting *s, tw_real *t) {
    size_t K = (size_t)s->dim[1], step = 1;
    for (int i = 2; i < s->ndim; i++) step *= (size_t)s->dim[i];
    for (size_t i = 0; i < elements(s); i++) {
        size_t position = i / (K * step) * step + i % step;
        t[i] = s->class[position] == (int32_t)(i / step % K);
    }
}

/* ---- classes ----------------------------------------------------------------------------------------------- */

static const int shapes[][TW_MAX_DIMS] = {{4, 3}, {3, 5, 2}, {2, 3, 2, 4}};
static const int shape_ndim[] = {2, 3, 4};

/* A setting of each shape with random logits and classes; the caller frees pred and class. */
static setting random_setting(int i, double scale) {
    setting s = {.ndim = shape_ndim[i]};
    memcpy(s.dim, shapes[i], sizeof s.dim);
    s.pred = random_reals(elements(&s), (uint64_t)(i + 1), -scale, scale);
    int32_t *class = malloc(elements(&s) * sizeof *class);
    random_classes(class, elements(&s) / (size_t)s.dim[1], s.dim[1], (uint64_t)(i + 9));
    s.class = class;
    return s;
}
static void setting_free(setting *s) { free((void *)s->pred), free((void *)s->class); }

Test(costs_properties, softmax_and_cross_entropy_is_log_softmax_and_nll) {
    tw_ctx *ctx = tw_ctx_new(1);
    static const tw_real weight[] = {2, 0.5, 1, 3, 0.25};
    for (int i = 0; i < 3; i++)
        for (int option = 0; option < 3; option++)
            for (int r = 0; r < 3; r++) {
                setting s = random_setting(i, 4);
                size_t n = elements(&s), positions = n / (size_t)s.dim[1];
                tw_reals w = {option ? weight : NULL, option ? (size_t)s.dim[1] : 0};
                int ignore = option == 2 ? s.class[0] : -100;
                tw_real up[MOST], want[MOST];
                fill_random(up, positions, 5, -2, 2);
                tw_step_begin(ctx);
                tw_tensor *x = tw_input_grad(ctx, s.pred, s.ndim, s.dim);
                tw_tensor *a = tw_cross_entropy_loss(ctx, x, (tw_labels){s.class, positions},
                                                     &(tw_cross_entropy_options){.reduction = (tw_reduction)r,
                                                                                 .class_weight = w,
                                                                                 .ignore_index = ignore});
                tw_real value[MOST];
                memcpy(value, a->data, a->size * sizeof *value);
                cr_assert_eq(tw_backward_from(ctx, a, up), TW_OK);
                memcpy(want, x->grad, n * sizeof *want);
                tw_step_begin(ctx);
                x = tw_input_grad(ctx, s.pred, s.ndim, s.dim);
                tw_tensor *b = tw_nll_loss(
                    ctx, tw_log_softmax(ctx, x, 1), (tw_labels){s.class, positions},
                    &(tw_nll_options){.reduction = (tw_reduction)r, .class_weight = w, .ignore_index = ignore});
                assert_near(b->data, value, b->size, 1e-6);
                cr_assert_eq(tw_backward_from(ctx, b, up), TW_OK);
                assert_near(x->grad, want, n, 2e-6);
                setting_free(&s);
            }
    tw_ctx_free(ctx);
}

/* With equal truths, categorical and sparse are the same numbers, bit for bit. */
Test(costs_properties, categorical_of_one_hot_is_sparse) {
    static const char *const specs[] = {"cross_entropy:reduction=none", "cross_entropy:reduction=mean",
                                        "cross_entropy:reduction=none,label_smoothing=0.1",
                                        "cross_entropy:reduction=sum,form=log_probs",
                                        "cross_entropy:reduction=none,form=probs"};
    tw_ctx *ctx = tw_ctx_new(1);
    for (int i = 0; i < 3; i++)
        for (size_t k = 0; k < sizeof specs / sizeof *specs; k++) {
            setting s = random_setting(i, 4), categorical;
            tw_real t[MOST];
            for (size_t j = 0; strstr(specs[k], "=probs") && j < elements(&s); j++) /* any numbers in 0..1 will do */
                ((tw_real *)s.pred)[j] = (tw_real)(((double)s.pred[j] + 4.1) / 8.2);
            for (size_t j = 0; strstr(specs[k], "log_probs") && j < elements(&s); j++) ((tw_real *)s.pred)[j] -= 4;
            one_hot(&s, t);
            categorical = s;
            categorical.target = t;
            outcome a = run(ctx, specs[k], &s), b = run(ctx, specs[k], &categorical);
            same(specs[k], &a, &b, 0);
            setting_free(&s);
        }
    tw_ctx_free(ctx);
}

/* Smoothing mixes the loss of the truth with the mean of the losses of all classes. */
Test(costs_properties, label_smoothing_mixes_losses) {
    tw_ctx *ctx = tw_ctx_new(1);
    const double smoothing = 0.3;
    setting s = random_setting(0, 3);
    int32_t every[4];
    outcome got = run(ctx, "cross_entropy:reduction=none,label_smoothing=0.3", &s);
    outcome plain = run(ctx, "cross_entropy:reduction=none", &s);
    double want[4];
    for (int n = 0; n < 4; n++) want[n] = (1 - smoothing) * (double)plain.loss[n];
    for (int k = 0; k < 3; k++) {
        setting of_k = s;
        for (int n = 0; n < 4; n++) every[n] = k;
        of_k.class = every;
        outcome o = run(ctx, "cross_entropy:reduction=none", &of_k);
        for (int n = 0; n < 4; n++) want[n] += smoothing / 3 * (double)o.loss[n];
    }
    for (int n = 0; n < 4; n++) cr_assert_float_eq(got.loss[n], want[n], 1e-6);
    setting_free(&s);
    tw_ctx_free(ctx);
}

/* [N,K,H,W] is [N H W, K] with the classes moved to the end: the same bits. */
Test(costs_properties, class_axis_equals_rows) {
    static const char *const specs[] = {"cross_entropy:reduction=none",
                                        "cross_entropy:reduction=mean,class_weight=[1,2,.5],label_smoothing=.1",
                                        "cross_entropy:reduction=none,form=log_probs",
                                        "nll:reduction=none,class_weight=[1,2,.5]",
                                        "focal:reduction=none,gamma=1.5,alpha=[.2,.3,.5]",
                                        "focal:reduction=mean,gamma=0.5",
                                        "balanced_ce:reduction=none",
                                        "balanced_ce:reduction=none,beta=[.2,.3,.5]"};
    tw_ctx *ctx = tw_ctx_new(1);
    for (size_t k = 0; k < sizeof specs / sizeof *specs; k++)
        for (int soft = 0; soft < (strstr(specs[k], "cross") ? 2 : 1); soft++) {
            setting s = random_setting(2, 3);
            enum { N = 2, K = 3, STEP = 8 };
            tw_real rows[MOST], t[MOST], t_rows[MOST];
            fill_random(t, elements(&s), 8, 0, 1);
            for (size_t i = 0; i < elements(&s); i++) {
                size_t to = (i / (K * STEP) * STEP + i % STEP) * K + i / STEP % K;
                rows[to] = s.pred[i];
                t_rows[to] = t[i];
            }
            setting flat = {.ndim = 2, .dim = {N * STEP, K}, .pred = rows, .class = s.class};
            if (soft) s.target = t, flat.target = t_rows;
            outcome a = run(ctx, specs[k], &s), b = run(ctx, specs[k], &flat);
            for (size_t i = 0; i < a.n; i++)
                cr_assert_eq(a.loss[i], b.loss[i], "%s: %.9g and %.9g", specs[k], (double)a.loss[i], (double)b.loss[i]);
            for (size_t i = 0; i < elements(&s); i++) {
                size_t to = (i / (K * STEP) * STEP + i % STEP) * K + i / STEP % K;
                cr_assert_eq(a.grad[i], b.grad[to], "%s: gradient %zu", specs[k], i);
                if (soft) cr_assert_eq(a.target[i], b.target[to], "%s: gradient of the target %zu", specs[k], i);
            }
            setting_free(&s);
        }
    tw_ctx_free(ctx);
}

/* All ignored: 0 and no gradient, or NaN and no gradient for those who ask for it. */
Test(costs_properties, only_ignored_positions) {
    static const char *const losses[] = {"cross_entropy", "nll", "cross_entropy:label_smoothing=.1",
                                         "nll:class_weight=[1,2,3]"};
    tw_ctx *ctx = tw_ctx_new(1);
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++)
        for (int way = 0; way < 4; way++) {
            char spec[120];
            static const char *const reduction[] = {"mean", "sum", "none", "mean,strict_mean=1"};
            snprintf(spec, sizeof spec, "%s%cignore_index=2,reduction=%s", losses[i],
                     strchr(losses[i], ':') ? ',' : ':', reduction[way]);
            setting s = {.ndim = 2,
                         .dim = {2, 3},
                         .pred = (tw_real[]){-1, -2, (tw_real)-INFINITY, -3, -1, (tw_real)NAN},
                         .class = (int32_t[]){2, 2}};
            outcome o = run(ctx, spec, &s);
            for (size_t k = 0; k < o.n; k++) cr_assert(way == 3 ? isnan(o.loss[k]) : o.loss[k] == 0, "%s", spec);
            for (size_t k = 0; k < o.size; k++) cr_assert_eq(o.grad[k], 0, "%s: gradient %g", spec, (double)o.grad[k]);
        }
    tw_ctx_free(ctx);
}

/* An ignored position has no part in the mean, be it NaN: the rest alone gives the same. */
Test(costs_properties, ignored_positions_have_no_part) {
    tw_ctx *ctx = tw_ctx_new(1);
    setting with = {.ndim = 2, .dim = {3, 2}, .pred = (tw_real[]){-1, -2, (tw_real)NAN, 1, -3, -1}};
    setting without = {.ndim = 2, .dim = {2, 2}, .pred = (tw_real[]){-1, -2, -3, -1}, .class = (int32_t[]){1, 0}};
    with.class = (int32_t[]){1, -100, 0};
    static const char *const specs[] = {"cross_entropy", "nll", "nll:class_weight=[1,3]",
                                        "cross_entropy:class_weight=[1,3],label_smoothing=.2"};
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        outcome a = run(ctx, specs[i], &with), b = run(ctx, specs[i], &without);
        cr_assert_eq(a.loss[0], b.loss[0], "%s: %g and %g", specs[i], (double)a.loss[0], (double)b.loss[0]);
        cr_assert(a.grad[2] == 0 && a.grad[3] == 0);
        for (int k = 0; k < 2; k++) cr_assert(a.grad[k] == b.grad[k] && a.grad[4 + k] == b.grad[2 + k], "%s", specs[i]);
    }
    tw_ctx_free(ctx);
}

/* ---- yes or no --------------------------------------------------------------------------------------------- */

Test(costs_properties, bce_of_logits_is_bce_of_their_sigmoid_and_two_class_cross_entropy) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_real z[12], y[12], p[12], two[24];
    int32_t class[12];
    fill_random(z, 12, 1, -4, 4);
    for (int i = 0; i < 12; i++) {
        class[i] = (int32_t)(y[i] = i % 3 == 0);
        p[i] = (tw_real)(1 / (1 + exp(-(double)z[i])));
        two[2 * i] = 0, two[2 * i + 1] = z[i];
    }
    setting logits = {.ndim = 1, .dim = {12}, .pred = z, .target = y}, probs = logits;
    setting classes = {.ndim = 2, .dim = {12, 2}, .pred = two, .class = class};
    probs.pred = p;
    outcome a = run(ctx, "bce_logits:reduction=none,pos_weight=2", &logits),
            b = run(ctx, "bce:reduction=none,pos_weight=2", &probs),
            c = run(ctx, "cross_entropy:reduction=none,class_weight=[1,2]", &classes);
    assert_near(a.loss, b.loss, 12, 2e-6);
    assert_near(a.loss, c.loss, 12, 1e-6);
    for (int i = 0; i < 12; i++) {
        cr_assert(near((double)a.grad[i], (double)(b.grad[i] * p[i] * (1 - p[i])), 1e-5));
        cr_assert(near((double)a.grad[i], (double)c.grad[2 * i + 1], 1e-6));
    }
    tw_ctx_free(ctx);
}

/* Losses and gradients where the logits are enormous or infinite: the limits, never NaN. */
Test(costs_properties, bce_at_enormous_and_infinite_logits) {
    static const struct {
        double z, y, loss, slope;
    } at[] = {{1e4, 1, 0, 0},
              {1e4, 0, 1e4, 1},
              {-1e4, 1, 1e4, -1},
              {-1e4, 0, 0, 0},
              {1e4, .5, 5e3, .5},
              {-1e4, .25, 2500, -.25},
              {INFINITY, 1, 0, 0},
              {INFINITY, 0, INFINITY, 1},
              {-INFINITY, 0, 0, 0},
              {-INFINITY, 1, INFINITY, -1},
              {INFINITY, .5, INFINITY, .5},
              {-INFINITY, .5, INFINITY, -.5},
              {1e30, 0, 1e30, 1},
              {-1e30, 0, 0, 0}};
    static const char *const specs[] = {"bce_logits:reduction=none", "focal:reduction=none,gamma=0",
                                        "bce_logits:reduction=none,pos_weight=1"};
    tw_ctx *ctx = tw_ctx_new(1);
    for (size_t i = 0; i < sizeof at / sizeof *at; i++)
        for (int k = 0; k < 3; k++) {
            tw_real z = (tw_real)at[i].z, y = (tw_real)at[i].y;
            outcome o = run(ctx, specs[k], &(setting){.ndim = 1, .dim = {1}, .pred = &z, .target = &y});
            cr_expect(near((double)o.loss[0], at[i].loss, 1e-6) && near((double)o.grad[0], at[i].slope, 1e-6),
                      "%s at %g, truth %g: loss %g, gradient %g", specs[k], at[i].z, at[i].y, (double)o.loss[0],
                      (double)o.grad[0]);
        }
    tw_ctx_free(ctx);
}

/* A term whose weight is 0 is left out, where the loss is infinite too: 0 times infinity is no NaN. */
Test(costs_properties, weights_of_zero_beside_infinite_logits) {
    static const struct {
        const char *spec;
        double z, y;
    } at[] = {{"bce_logits:reduction=none,pos_weight=0", -INFINITY, 1},
              {"focal:reduction=none,alpha=0", -INFINITY, 1},
              {"focal:reduction=none,alpha=1", INFINITY, 0},
              {"balanced_ce:reduction=none,beta=0", -INFINITY, 1},
              {"balanced_ce:reduction=none", INFINITY, 0},
              {"bce:reduction=none,pos_weight=0", 0, 1}};
    tw_ctx *ctx = tw_ctx_new(1);
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        tw_real z = (tw_real)at[i].z, y = (tw_real)at[i].y;
        outcome o = run(ctx, at[i].spec, &(setting){.ndim = 1, .dim = {1}, .pred = &z, .target = &y});
        cr_expect(o.loss[0] == 0 && o.grad[0] == 0, "%s at %g: loss %g, gradient %g", at[i].spec, at[i].z,
                  (double)o.loss[0], (double)o.grad[0]);
    }
    static const tw_real row[] = {0, 1, (tw_real)-INFINITY};
    static const int32_t class[] = {2};
    static const char *const specs[] = {"focal:reduction=none,alpha=[1,1,0]", "balanced_ce:reduction=none,beta=[1,1,0]",
                                        "cross_entropy:reduction=none,class_weight=[1,1,0]",
                                        "balanced_ce:reduction=none"};
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        outcome o = run(ctx, specs[i], &(setting){.ndim = 2, .dim = {1, 3}, .pred = row, .class = class});
        cr_expect(o.loss[0] == 0 && o.grad[0] == 0 && o.grad[2] == 0, "%s: loss %g, gradient %g, %g", specs[i],
                  (double)o.loss[0], (double)o.grad[0], (double)o.grad[2]);
    }
    tw_ctx_free(ctx);
}

/* From probabilities nothing is clamped: what is excluded and true costs infinity, what is certain and right 0. */
Test(costs_properties, bce_at_certain_probabilities) {
    tw_ctx *ctx = tw_ctx_new(1);
    setting s = {.ndim = 1, .dim = {4}, .pred = (tw_real[]){0, 1, 0, 1}, .target = (tw_real[]){0, 1, 1, 0}};
    outcome o = run(ctx, "bce:reduction=none", &s);
    cr_assert(o.loss[0] == 0 && o.loss[1] == 0 && o.loss[2] == INFINITY && o.loss[3] == INFINITY);
    cr_assert(o.grad[0] == 1 && o.grad[1] == (tw_real)-1.25 && isinf(o.grad[2]) && o.grad[2] < 0 && isinf(o.grad[3]));
    tw_real tiny[] = {(tw_real)1e-30, (tw_real)1e-7}, y[] = {1, 0};
    s = (setting){.ndim = 1, .dim = {2}, .pred = tiny, .target = y};
    o = run(ctx, "bce:reduction=none", &s);
    cr_assert_float_eq(o.loss[0], 30 * log(10), 1e-4);
    cr_assert(near((double)o.loss[1] * 1e7, 1, 1e-5), "log1p, not log(1 - p): %g", (double)o.loss[1]);
    tw_ctx_free(ctx);
}

/* ---- focal and balanced ------------------------------------------------------------------------------------- */

Test(costs_properties, focal_without_gamma_is_cross_entropy_bit_for_bit) {
    tw_ctx *ctx = tw_ctx_new(1);
    static const double scales[] = {1, 10, 100, 1e4};
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 4; k++) {
            setting s = random_setting(i, scales[k]), yes_no = s;
            outcome a = run(ctx, "focal:reduction=none,gamma=0", &s), b = run(ctx, "cross_entropy:reduction=none", &s);
            same("classes", &a, &b, 0);
            tw_real y[MOST];
            for (size_t j = 0; j < elements(&s); j++) y[j] = j % 3 == 2 ? (tw_real)0.375 : (tw_real)(j % 3);
            yes_no.target = y;
            a = run(ctx, "focal:reduction=none,gamma=0", &yes_no), b = run(ctx, "bce_logits:reduction=none", &yes_no);
            same("yes or no", &a, &b, 0);
            for (size_t j = 0; j < elements(&s); j++) cr_assert_eq(a.target[j], b.target[j]);
            setting_free(&s);
        }
    tw_ctx_free(ctx);
}

/* As p goes to 1 the loss and its gradient go to 0, also for gamma < 1, where (1 - p)^(gamma - 1) goes to infinity. */
Test(costs_properties, focal_where_p_is_one) {
    tw_ctx *ctx = tw_ctx_new(1);
    static const char *const gammas[] = {"0.1", "0.5", "0.999", "1", "2", "5"};
    static const double sure[] = {20, 50, 100, 1e4, 1e30};
    for (int g = 0; g < 6; g++)
        for (int i = 0; i < 5; i++) {
            char spec[60];
            snprintf(spec, sizeof spec, "focal:reduction=none,gamma=%s", gammas[g]);
            tw_real z[] = {(tw_real)sure[i], 0, 0}, yes = 1;
            double bound = sure[i] == 20 ? 1e-8 : 1e-20;
            outcome a = run(ctx, spec, &(setting){.ndim = 2, .dim = {1, 3}, .pred = z, .class = (int32_t[]){0}}),
                    b = run(ctx, spec, &(setting){.ndim = 1, .dim = {1}, .pred = z, .target = &yes});
            cr_assert(fabs((double)a.loss[0]) <= bound && fabs((double)b.loss[0]) <= bound, "%s at %g: %g, %g", spec,
                      sure[i], (double)a.loss[0], (double)b.loss[0]);
            for (int k = 0; k < 3; k++)
                cr_assert(fabs((double)a.grad[k]) <= bound, "%s at %g: %g", spec, sure[i], (double)a.grad[k]);
            cr_assert(fabs((double)b.grad[0]) <= bound, "%s at %g: %g", spec, sure[i], (double)b.grad[0]);
        }
    tw_real z[] = {0, 1e4f, -1e4f}, no = 0; /* and far on the wrong side it is cross entropy */
    outcome a = run(ctx, "focal:reduction=none,gamma=2",
                    &(setting){.ndim = 2, .dim = {1, 3}, .pred = z, .class = (int32_t[]){2}});
    cr_assert(a.loss[0] == 2e4f && a.grad[1] == 1 && a.grad[2] == -1);
    a = run(ctx, "focal:reduction=none,gamma=2", &(setting){.ndim = 1, .dim = {1}, .pred = z + 1, .target = &no});
    cr_assert(a.loss[0] == 1e4f && a.grad[0] == 1);
    tw_ctx_free(ctx);
}

/* Balanced cross entropy is cross entropy with weights that are counted; a class that is absent changes nothing. */
Test(costs_properties, balanced_is_cross_entropy_with_counted_weights) {
    tw_ctx *ctx = tw_ctx_new(1);
    setting s = random_setting(0, 3); /* [4,3] */
    s.class = memcpy((int32_t *)s.class, (int32_t[]){0, 0, 1, 0}, 4 * sizeof *s.class);
    outcome a = run(ctx, "balanced_ce:reduction=none", &s),
            b = run(ctx, "cross_entropy:reduction=none,class_weight=[.25,.75,1]", &s);
    same("counted", &a, &b, 1e-7);
    a = run(ctx, "balanced_ce", &s), b = run(ctx, "balanced_ce:beta=[.25,.75,123]", &s);
    same("given", &a, &b, 1e-7);
    tw_real y[12];
    for (int i = 0; i < 12; i++) y[i] = i % 4 == 0;
    setting yes_no = {.ndim = 1, .dim = {12}, .pred = s.pred, .target = y};
    a = run(ctx, "balanced_ce:reduction=none", &yes_no),
    b = run(ctx, "bce_logits:reduction=none,pos_weight=3", &yes_no);
    for (int i = 0; i < 12; i++)
        cr_assert_float_eq(a.loss[i], b.loss[i] / 4, 1e-6); /* .75 and .25 are 3 and 1, over 4 */
    setting_free(&s);
    tw_ctx_free(ctx);
}

Test(costs_properties, balanced_where_one_class_is_all_there_is) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_real z[] = {1, -2, 3, 4, 1e4f, -1e4f};
    for (int32_t only = 0; only < 2; only++) {
        tw_real y[6] = {0};
        for (int i = 0; i < 6; i++) y[i] = (tw_real)only;
        outcome a = run(ctx, "balanced_ce", &(setting){.ndim = 1, .dim = {6}, .pred = z, .target = y}),
                b = run(ctx, "balanced_ce",
                        &(setting){.ndim = 2, .dim = {3, 2}, .pred = z, .class = (int32_t[]){only, only, only}});
        cr_assert(a.loss[0] == 0 && b.loss[0] == 0);
        for (int i = 0; i < 6; i++) cr_assert(a.grad[i] == 0 && b.grad[i] == 0);
    }
    tw_ctx_free(ctx);
}

/* ---- numbers ------------------------------------------------------------------------------------------------- */

Test(costs_properties, huber_between_half_the_mse_and_delta_times_the_mae) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_real y[20], t[20];
    fill_random(y, 20, 1, -5, 5), fill_random(t, 20, 2, -5, 5);
    y[3] = t[3];
    setting s = {.ndim = 2, .dim = {4, 5}, .pred = y, .target = t};
    outcome mse = run(ctx, "mse:reduction=none", &s), mae = run(ctx, "mae:reduction=none", &s);
    static const char *const wide[] = {"huber:reduction=none,delta=inf", "huber:reduction=none,delta=1e6"};
    for (int k = 0; k < 2; k++) {
        outcome o = run(ctx, wide[k], &s);
        for (int i = 0; i < 20; i++)
            cr_assert(near(2 * (double)o.loss[i], (double)mse.loss[i], 1e-6) &&
                          near(2 * (double)o.grad[i], (double)mse.grad[i], 1e-6),
                      "%s", wide[k]);
    }
    outcome narrow = run(ctx, "huber:reduction=none,delta=1e-4", &s);
    for (int i = 0; i < 20; i++) {
        cr_assert_float_eq(narrow.loss[i] / 1e-4f, mae.loss[i], 1e-3);
        cr_assert_float_eq(narrow.grad[i] / 1e-4f, mae.grad[i], 1e-5);
    }
    cr_assert(mae.grad[3] == 0 && narrow.grad[3] == 0);
    tw_ctx_free(ctx);
}

/* Both agree where their pieces meet, and no gradient is longer than delta, or than 1. */
Test(costs_properties, smooth_l1_is_huber_over_beta) {
    tw_ctx *ctx = tw_ctx_new(1);
    static const double betas[] = {0.1, 0.5, 1, 3};
    tw_real e[] = {0, .05f, -.1f, .1f, .5f, -.5f, 1, -1, 2, -3, 3, 100}, zero[12] = {0};
    setting s = {.ndim = 1, .dim = {12}, .pred = e, .target = zero};
    for (int k = 0; k < 4; k++) {
        char huber[60], smooth[60];
        snprintf(huber, sizeof huber, "huber:reduction=none,delta=%g", betas[k]);
        snprintf(smooth, sizeof smooth, "smooth_l1:reduction=none,beta=%g", betas[k]);
        outcome a = run(ctx, huber, &s), b = run(ctx, smooth, &s);
        for (int i = 0; i < 12; i++) {
            double up = 1 + 0.25 * (i % 5);
            cr_assert(near((double)a.loss[i], betas[k] * (double)b.loss[i], 1e-6), "%s", smooth);
            cr_assert(near((double)a.grad[i], betas[k] * (double)b.grad[i], 1e-6), "%s", smooth);
            cr_assert_leq(fabs((double)b.grad[i]), up * (1 + 1e-6));
        }
    }
    outcome a = run(ctx, "smooth_l1:reduction=none,beta=0", &s), b = run(ctx, "mae:reduction=none", &s);
    same("beta 0", &a, &b, 0);
    tw_ctx_free(ctx);
}

/* ---- distributions ------------------------------------------------------------------------------------------- */

static double entropy(const tw_real *p, size_t n) {
    double h = 0;
    for (size_t i = 0; i < n; i++) h -= p[i] == 0 ? 0 : (double)p[i] * log((double)p[i]);
    return h;
}

Test(costs_properties, kl_is_cross_entropy_minus_entropy) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_real p[] = {.5f, .25f, .25f, 0, 1, 0, .125f, .125f, .75f}, q[] = {.1f, .2f, .7f, .25f, .25f, .5f, .4f, .4f, .2f};
    tw_real log_p[9], log_q[9];
    for (int i = 0; i < 9; i++) log_p[i] = (tw_real)log((double)p[i]), log_q[i] = (tw_real)log((double)q[i]);
    setting s = {.ndim = 2, .dim = {3, 3}, .pred = q, .target = p};
    double ce = (double)run(ctx, "cross_entropy:reduction=sum,form=probs", &s).loss[0], want = ce - entropy(p, 9);
    for (int form = 0; form < 4; form++) {
        char spec[100];
        snprintf(spec, sizeof spec, "kl_div:reduction=sum,q_form=%s,p_form=%s", form & 1 ? "log_probs" : "probs",
                 form & 2 ? "log_probs" : "probs");
        s.pred = form & 1 ? log_q : q, s.target = form & 2 ? log_p : p;
        outcome o = run(ctx, spec, &s);
        cr_assert_float_eq(o.loss[0], want, 1e-6, "%s: %g", spec, (double)o.loss[0]);
        for (int i = 0; i < 9; i++) { /* the gradient to Q is that of cross entropy; nothing where P is 0 */
            double up = -(double)p[i] / (form & 1 ? 1 : (double)q[i]);
            cr_assert(near((double)o.grad[i], up, 1e-6), "%s: %d", spec, i);
            if (p[i] == 0) cr_assert_eq(o.target[i], 0, "%s: gradient %g to P where P is 0", spec, (double)o.target[i]);
        }
    }
    tw_ctx_free(ctx);
}

Test(costs_properties, kl_is_not_symmetric_and_zero_only_where_both_are_equal) {
    tw_ctx *ctx = tw_ctx_new(1);
    const char *spec = "kl_div:reduction=batchmean,q_form=probs";
    for (uint64_t seed = 1; seed < 30; seed++) {
        tw_real p[4], q[4];
        double sp = 0, sq = 0;
        fill_random(p, 4, seed, .01, 1), fill_random(q, 4, seed + 100, .01, 1);
        for (int i = 0; i < 4; i++) sp += (double)p[i], sq += (double)q[i];
        for (int i = 0; i < 4; i++) p[i] = (tw_real)((double)p[i] / sp), q[i] = (tw_real)((double)q[i] / sq);
        outcome pq = run(ctx, spec, &(setting){.ndim = 2, .dim = {1, 4}, .pred = q, .target = p}),
                qp = run(ctx, spec, &(setting){.ndim = 2, .dim = {1, 4}, .pred = p, .target = q}),
                pp = run(ctx, spec, &(setting){.ndim = 2, .dim = {1, 4}, .pred = p, .target = p});
        cr_assert(pq.loss[0] > 1e-4f && qp.loss[0] > 1e-4f && pp.loss[0] == 0);
        cr_assert(fabs((double)(pq.loss[0] - qp.loss[0])) > 1e-6);
    }
    /* Q forgets half of what happens: infinite. Q expects what never happens: log 2. */
    tw_real half[] = {.5f, .5f}, one[] = {1, 0};
    cr_assert(isinf(run(ctx, spec, &(setting){.ndim = 2, .dim = {1, 2}, .pred = one, .target = half}).loss[0]));
    outcome o = run(ctx, spec, &(setting){.ndim = 2, .dim = {1, 2}, .pred = half, .target = one});
    cr_assert_float_eq(o.loss[0], log(2), 1e-6);
    tw_ctx_free(ctx);
}

Test(costs_properties, zero_log_zero_is_zero) {
    tw_ctx *ctx = tw_ctx_new(1);
    static const tw_real zero_one[] = {0, 1}, logs[] = {(tw_real)-INFINITY, 0};
    static const struct {
        const char *spec;
        const tw_real *pred, *target;
    } at[] = {{"kl_div:reduction=none,q_form=probs", zero_one, zero_one},
              {"kl_div:reduction=none", logs, zero_one},
              {"kl_div:reduction=none,p_form=log_probs", logs, logs},
              {"kl_div:reduction=none,p_form=log_probs,q_form=probs", zero_one, logs},
              {"cross_entropy:reduction=none,form=probs", zero_one, zero_one},
              {"cross_entropy:reduction=none,form=log_probs", logs, zero_one}};
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        outcome o = run(ctx, at[i].spec,
                        &(setting){.ndim = 2, .dim = {1, 2}, .pred = at[i].pred, .target = at[i].target});
        for (size_t k = 0; k < o.n; k++) cr_expect_eq(o.loss[k], 0, "%s: %g", at[i].spec, (double)o.loss[k]);
        cr_expect_eq(o.grad[0], 0, "%s: gradient %g", at[i].spec, (double)o.grad[0]);
        cr_expect(o.grad[1] < 0 && isfinite(o.grad[1]), "%s: gradient %g", at[i].spec, (double)o.grad[1]);
    }
    tw_ctx_free(ctx);
}
