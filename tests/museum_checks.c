/* museum_checks.c - see museum.h: the checks, which do not know whose loss they are given. */
#include "museum.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static size_t size_of(const museum_input *in) {
    size_t n = 1;
    for (int i = 0; i < in->ndim; i++) n *= (size_t)in->dim[i];
    return n;
}

/* Ours, by spec; the options of the input are added. */
static double run_spec(tw_ctx *ctx, const char *base, const museum_input *in, double *grad) {
    char spec[160];
    const char *more = in->options ? in->options : "";
    snprintf(spec, sizeof spec, "%s%s%s", base, *more ? "," : "", more);
    tw_cost cost;
    if (tw_cost_find(ctx, spec, &cost)) return NAN;
    tw_step_begin(ctx);
    int32_t length = (int32_t)in->labels;
    tw_labels label = {in->label, in->labels};
    tw_target target = {.classes = label, .labels = label, .label_lengths = {&length, 1}};
    tw_tensor *x = tw_input_grad(ctx, in->pred, in->ndim, in->dim);
    if (in->target) target.tensor = tw_input(ctx, in->target, in->ndim, in->dim);
    tw_tensor *y = tw_cost_apply(ctx, &cost, x, &target);
    if (!y || tw_backward_from(ctx, y, (tw_real[]){1})) return NAN;
    for (size_t i = 0; i < x->size; i++) grad[i] = (double)x->grad[i];
    return (double)tw_item(y);
}

double museum_run(tw_ctx *ctx, const museum_subject *s, const museum_input *in, double grad[MUSEUM_MOST]) {
    return s->function ? s->function(in, grad) : run_spec(ctx, s->spec, in, grad);
}

static double value(tw_ctx *ctx, const museum_subject *s, const museum_input *in) {
    double grad[MUSEUM_MOST];
    return museum_run(ctx, s, in, grad);
}

#define RESULT(passed, ...)                               \
    do {                                                  \
        museum_result r_ = {.passes = passed};            \
        snprintf(r_.found, sizeof r_.found, __VA_ARGS__); \
        return without_signs_of_nan(r_);                  \
    } while (0)

/* C may print NaN with a sign, which means nothing and differs from machine to machine. */
static museum_result without_signs_of_nan(museum_result r) {
    for (char *at; (at = strstr(r.found, "-nan"));) memmove(at, at + 1, strlen(at));
    return r;
}

static bool close_to(double a, double b) { return a == b || fabs(a - b) <= 1e-4 * fmax(1, fabs(b)); }

/* The gradient against central differences of the value: far enough apart for float, away from kinks. */
static museum_result derivative(tw_ctx *ctx, const museum_subject *s, const museum_input *in) {
    double grad[MUSEUM_MOST], worst = -1, a = 0, n = 0;
    tw_real moved[MUSEUM_MOST];
    museum_input near = *in;
    museum_run(ctx, s, in, grad);
    near.pred = moved;
    for (size_t i = 0; i < size_of(in); i++) {
        for (size_t k = 0; k < size_of(in); k++) moved[k] = in->pred[k];
        const tw_real h = (tw_real)(1 / 64.);
        moved[i] = in->pred[i] + h;
        double up = value(ctx, s, &near);
        moved[i] = in->pred[i] - h;
        double slope = (up - value(ctx, s, &near)) / (2 * (double)h), off = fabs(grad[i] - slope);
        if (!(off <= worst)) worst = off, a = grad[i], n = slope;
    }
    RESULT(worst <= 0.01 * fmax(1, fabs(n)), "gradient %.4g, derivative of the value %.4g", a, n);
}

/* ---- numbers ---------------------------------------------------------------------------------------------- */

museum_result museum_derivative_of_numbers(tw_ctx *ctx, const museum_subject *s) {
    return derivative(ctx, s,
                      &(museum_input){.ndim = 1,
                                      .dim = {3},
                                      .pred = (const tw_real[]){0.5, -1.25, 3},
                                      .target = (const tw_real[]){0, 0, 1}});
}

museum_result museum_rest_at_the_target(tw_ctx *ctx, const museum_subject *s) {
    const tw_real same[] = {2, 0, -1};
    double grad[MUSEUM_MOST];
    museum_run(ctx, s, &(museum_input){.ndim = 1, .dim = {3}, .pred = same, .target = same}, grad);
    RESULT(grad[0] == 0 && grad[1] == 0 && grad[2] == 0, "gradient %g where prediction and truth are equal", grad[0]);
}

/* ---- yes or no --------------------------------------------------------------------------------------------- */

museum_result museum_minus_log_p(tw_ctx *ctx, const museum_subject *s) {
    const tw_real p[] = {1, 0.5, (tw_real)1e-12}, yes = 1;
    for (int i = 0; i < 3; i++) {
        double got = value(ctx, s, &(museum_input){.ndim = 1, .dim = {1}, .pred = p + i, .target = &yes});
        double want = p[i] == 1 ? 0 : -log((double)p[i]);
        if (got < 0 || !close_to(got, want)) RESULT(false, "%.4g at p = %g, not %.4g", got, (double)p[i], want);
    }
    RESULT(true, "0, 0.6931 and 27.63 at p = 1, 0.5 and 1e-12");
}

museum_result museum_certain_probabilities(tw_ctx *ctx, const museum_subject *s) {
    const tw_real p[] = {0, 1, 0.5}, y[] = {0, 1, 1};
    double grad[MUSEUM_MOST],
        loss = museum_run(ctx, s, &(museum_input){.ndim = 1, .dim = {3}, .pred = p, .target = y}, grad);
    RESULT(isfinite(loss) && isfinite(grad[0]) && isfinite(grad[1]) && close_to(grad[2], -2),
           "gradients %g, %g, %g at p = 0 (no), 1 (yes), 0.5 (yes)", grad[0], grad[1], grad[2]);
}

museum_result museum_large_binary_logits(tw_ctx *ctx, const museum_subject *s) {
    const tw_real z[] = {1000, 1000, -1000}, y[] = {1, 0, 0};
    static const double want[] = {0, 1000, 0}, slope[] = {0, 1, 0};
    for (int i = 0; i < 3; i++) {
        double grad[MUSEUM_MOST];
        museum_input in = {.ndim = 1, .dim = {1}, .pred = z + i, .target = y + i};
        double got = museum_run(ctx, s, &in, grad);
        if (!close_to(got, want[i]) || !close_to(grad[0], slope[i]))
            RESULT(false, "loss %g, gradient %g at logit %g, not %g and %g", got, grad[0], (double)z[i], want[i],
                   slope[i]);
    }
    RESULT(true, "losses 0, 1000, 0 at logits 1000 (yes), 1000 (no), -1000 (no)");
}

/* ---- classes ----------------------------------------------------------------------------------------------- */

static museum_input one_row(const tw_real *z, const int32_t *class) {
    return (museum_input){.ndim = 2, .dim = {1, 3}, .pred = z, .label = class, .labels = 1};
}

museum_result museum_large_class_logits(tw_ctx *ctx, const museum_subject *s) {
    const tw_real z[] = {1000, 0, -1000};
    const int32_t class = 1;
    double grad[MUSEUM_MOST];
    museum_input in = one_row(z, &class);
    double got = museum_run(ctx, s, &in, grad);
    RESULT(close_to(got, 1000) && close_to(grad[0], 1) && close_to(grad[1], -1),
           "loss %g, gradient (%g, %g, %g) at logits (1000, 0, -1000), class 1", got, grad[0], grad[1], grad[2]);
}

museum_result museum_sure_costs_nothing(tw_ctx *ctx, const museum_subject *s) {
    const tw_real z[] = {100, 0, 0};
    const int32_t class = 0;
    museum_input in = one_row(z, &class);
    double got = value(ctx, s, &in);
    RESULT(fabs(got) < 1e-6, "loss %.4g at logits (100, 0, 0), class 0", got);
}

museum_result museum_scale_of_weights(tw_ctx *ctx, const museum_subject *s) {
    const tw_real z[] = {0, 0, 0, 1, 0, 0};
    const int32_t class[] = {0, 1};
    museum_input in = {.ndim = 2, .dim = {2, 3}, .pred = z, .label = class, .labels = 2};
    in.options = "class_weight=[1,3,1]", in.weight[0] = in.weight[2] = 1, in.weight[1] = 3;
    double once = value(ctx, s, &in);
    in.options = "class_weight=[10,30,10]", in.weight[0] = in.weight[2] = 10, in.weight[1] = 30;
    double tenfold = value(ctx, s, &in);
    RESULT(close_to(once, tenfold), "the mean is %.4g, and %.4g with ten times the weights", once, tenfold);
}

museum_result museum_ignored_not_counted(tw_ctx *ctx, const museum_subject *s) {
    const tw_real z[] = {1, 0, 0, 5, 0, 0};
    const int32_t class[] = {0, -100};
    museum_input in = {.ndim = 2, .dim = {2, 3}, .pred = z, .label = class, .labels = 2};
    double both = value(ctx, s, &in);
    in.dim[0] = 1, in.labels = 1;
    double alone = value(ctx, s, &in);
    RESULT(close_to(both, alone), "the mean is %.4g, and %.4g beside an ignored position", alone, both);
}

museum_result museum_certain_focal(tw_ctx *ctx, const museum_subject *s) {
    const tw_real z[] = {200, 0, 0};
    const int32_t class = 0;
    double grad[MUSEUM_MOST];
    museum_input in = one_row(z, &class);
    double got = museum_run(ctx, s, &in, grad);
    RESULT(fabs(got) < 1e-6 && fabs(grad[0]) < 1e-6 && fabs(grad[1]) < 1e-6,
           "loss %g, gradient (%g, %g, %g) at logits (200, 0, 0), class 0", got, grad[0], grad[1], grad[2]);
}

museum_result museum_alpha_is_a_factor(tw_ctx *ctx, const museum_subject *s) {
    const tw_real z[] = {1, 0, 0};
    const int32_t class = 0;
    museum_input in = one_row(z, &class);
    in.options = "alpha=[1,1,1]", in.weight[0] = 1;
    double once = value(ctx, s, &in);
    in.options = "alpha=[2,2,2]", in.weight[0] = 2;
    double twice = value(ctx, s, &in);
    RESULT(close_to(twice, 2 * once), "alpha 2 makes the loss %.4g times that of alpha 1", twice / once);
}

/* ---- distributions ------------------------------------------------------------------------------------------ */

museum_result museum_divergence_of_p(tw_ctx *ctx, const museum_subject *s) {
    const tw_real p[] = {0.5, 0.25, 0.25}, q[] = {(tw_real)0.1, (tw_real)0.2, (tw_real)0.7};
    double want = 0, got = value(ctx, s, &(museum_input){.ndim = 2, .dim = {1, 3}, .pred = q, .target = p});
    for (int k = 0; k < 3; k++) want += (double)p[k] * (log((double)p[k]) - log((double)q[k])); /* CE(P,Q) - H(P) */
    RESULT(close_to(got, want), "%.4g, and CE(P,Q) - H(P) is %.4g", got, want);
}

museum_result museum_zero_log_zero(tw_ctx *ctx, const museum_subject *s) {
    const tw_real p[] = {1, 0, 0}, q[] = {0.5, 0.5, 0};
    double grad[MUSEUM_MOST];
    double got = museum_run(ctx, s, &(museum_input){.ndim = 2, .dim = {1, 3}, .pred = q, .target = p}, grad);
    RESULT(close_to(got, log(2)) && close_to(grad[0], -2) && grad[1] == 0 && grad[2] == 0,
           "KL %g, gradient (%g, %g, %g) for P (1, 0, 0), Q (0.5, 0.5, 0)", got, grad[0], grad[1], grad[2]);
}

/* ---- sequences ---------------------------------------------------------------------------------------------- */

static museum_input frames(int T, int K, const tw_real *x, const int32_t *label, size_t n) {
    return (museum_input){.ndim = 3, .dim = {T, 1, K}, .pred = x, .label = label, .labels = n};
}

museum_result museum_impossible_label(tw_ctx *ctx, const museum_subject *s) {
    const tw_real z[] = {1, 0, 0, 1};
    const int32_t aa[] = {1, 1}; /* needs three frames: the blank between */
    double grad[MUSEUM_MOST];
    museum_input in = frames(2, 2, z, aa, 2);
    double got = museum_run(ctx, s, &in, grad);
    bool still = grad[0] == 0 && grad[1] == 0 && grad[2] == 0 && grad[3] == 0;
    RESULT(isinf(got) && still, "loss %g with a gradient of (%.3g, %.3g), .. for two frames of \"aa\"", got, grad[0],
           grad[1]);
}

/* "aa" in three frames is the one path a-a. */
museum_result museum_double_letter(tw_ctx *ctx, const museum_subject *s) {
    const tw_real z[] = {0, 1, 2, 0, 0, 3};
    const int32_t aa[] = {1, 1};
    museum_input in = frames(3, 2, z, aa, 2);
    double want = log1p(exp(-1)) + log1p(exp(-2)) + log1p(exp(-3)), got = value(ctx, s, &in);
    RESULT(close_to(got, want), "%.4g for \"aa\" in three frames, and the path a-a costs %.4g", got, want);
}

/* Every path says one label, so the probabilities of all labels sum to 1: here of "", a, aa in three frames. */
museum_result museum_labels_sum_to_one(tw_ctx *ctx, const museum_subject *s) {
    const tw_real z[] = {0, 1, 2, 0, 0, 3};
    const int32_t aa[] = {1, 1};
    double sum = 0;
    for (size_t n = 0; n <= 2; n++) {
        museum_input in = frames(3, 2, z, aa, n);
        sum += exp(-value(ctx, s, &in));
    }
    RESULT(close_to(sum, 1), "p(\"\") + p(a) + p(aa) = %.4g", sum);
}

museum_result museum_derivative_of_log_probs(tw_ctx *ctx, const museum_subject *s) {
    const tw_real x[] = {-1, (tw_real)-0.5, -2, (tw_real)-0.25, (tw_real)-0.75, -1};
    const int32_t a[] = {1};
    museum_input in = frames(3, 2, x, a, 1);
    return derivative(ctx, s, &in);
}
