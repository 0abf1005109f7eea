/* experiment_small.c - experiments with one neuron, and with one line. */
#include "chart.h"
#include "experiment.h"

#include <math.h>
#include <stdio.h>

/* ---- saturation ----------------------------------------------------------------------------------------------
 * A neuron with a sigmoid separates two clouds, beginning with weights that are sure of the opposite. sigmoid'(z) is
 * nearly 0 there; it is a factor of MSE's gradient and cancels from that of cross entropy. */

enum { POINTS = 100, STEPS = 400 };

typedef struct course {
    double step[STEPS], right[STEPS];
    double first_norm; /* of the first gradient */
    int reached;       /* the first step with 95 % right, or -1 */
} course;

static double right_share(const tw_tensor *z, const tw_real *y) {
    int right = 0;
    for (int i = 0; i < POINTS; i++) right += (z->data[i] > 0) == (y[i] > 0);
    return (double)right / POINTS;
}

static tw_err descend(tw_ctx *ctx, bool mse, const tw_real *x, const tw_real *y, course *c) {
    learner l;
    tw_err err = learner_new(ctx, mse ? "mse" : "bce_logits", "sgd:lr=1", 2, 0, 1, &l);
    if (err) return err;
    tw_tensor *w = tw_params_find(l.params, "out.weight"), *b = tw_params_find(l.params, "out.bias");
    w->data[0] = -4, w->data[1] = -4, b->data[0] = 0;
    c->reached = -1;
    for (int i = 0; i < STEPS && !err; i++) {
        tw_step_begin(ctx);
        tw_tensor *z = tw_forward(ctx, l.net, tw_input(ctx, x, 2, (int[]){POINTS, 2}));
        tw_target target = {.tensor = tw_input(ctx, y, 2, (int[]){POINTS, 1})};
        tw_tensor *loss = tw_cost_apply(ctx, &l.cost, mse ? tw_sigmoid(ctx, z) : z, &target);
        if (!loss) break;
        c->step[i] = i, c->right[i] = right_share(z, y);
        if (c->reached < 0 && c->right[i] >= 0.95) c->reached = i;
        l.step++;
        err = tw_backward(ctx, loss);
        if (!err && i == 0) c->first_norm = tw_clip_grad_norm(l.params, 0);
        if (!err) err = tw_optim_step(l.optim);
    }
    learner_free(&l);
    return tw_error(ctx);
}

static const char *when(int step, char text[40]) {
    snprintf(text, 40, step < 0 ? "not within %d steps" : "after %d steps", step < 0 ? STEPS : step);
    return text;
}

/* The steps of the table: 0, 1, 2, 4, .. and the last. */
static int row_after(int step) {
    int next = step ? 2 * step : 1;
    return next >= STEPS && step != STEPS - 1 ? STEPS - 1 : next;
}

tw_err experiment_saturation(trial *t) {
    static course mse, ce;
    tw_real x[2 * POINTS], y[POINTS];
    uint64_t stream = tw_random_named(t->ctx, "points");
    for (int i = 0; i < POINTS; i++) {
        y[i] = i % 2;
        for (int k = 0; k < 2; k++)
            x[2 * i + k] = (tw_real)((i % 2 ? 1.5 : -1.5) + 0.7 * tw_random_normal(stream, (uint64_t)(2 * i + k)));
    }
    if (descend(t->ctx, true, x, y, &mse) || descend(t->ctx, false, x, y, &ce)) return tw_error(t->ctx);
    printf("%6s %12s %12s\n", "step", "sigmoid+MSE", "sigmoid+CE");
    for (int i = 0; i < STEPS; i = row_after(i)) printf("%6d %12.3f %12.3f\n", i, mse.right[i], ce.right[i]);
    printf("first gradient: %.3g with MSE, %.3g with CE\n", mse.first_norm, ce.first_norm);
    chart *p = chart_new(t->picture, 12, 10, WIDE - 24, HIGH - 20, "A sigmoid that begins sure of the wrong");
    chart_label_x(p, "step of gradient descent, learning rate 1");
    chart_label_y(p, "share of points classified right");
    chart_range_y(p, 0, 1.02);
    chart_add(p, "sigmoid + MSE", STEPS, mse.step, mse.right, SERIES2, CHART_LINE);
    chart_add(p, "sigmoid + cross entropy", STEPS, ce.step, ce.right, SERIES1, CHART_LINE);
    chart_draw(p);
    char a[40], b[40];
    double ratio = ce.first_norm / mse.first_norm;
    snprintf(t->conclusion, sizeof t->conclusion,
             "95 %% of the points are right %s with cross entropy, %s with MSE; the first gradient of cross entropy "
             "is %.3g times that of MSE, whose factor sigmoid'(z) %s.",
             when(ce.reached, a), when(mse.reached, b), ratio,
             ratio > 10 ? "has nearly vanished" : "is not small here");
    return TW_OK;
}

/* ---- outliers --------------------------------------------------------------------------------------------------- */

enum { DOTS = 40, FAR = 4, FITS = 3, FIT_STEPS = 4000 };
static const double SLOPE = 2, HEIGHT = 1;

typedef struct fit {
    const char *name, *loss;
    canvas_colour colour;
    double slope, height, off; /* off: root mean square distance to the true line over 0..1 */
} fit;

static tw_err fit_line(tw_ctx *ctx, const tw_real *x, const tw_real *y, fit *f) {
    learner l;
    if (learner_new(ctx, f->loss, "adam:lr=0.01", 1, 0, 1, &l)) return tw_error(ctx);
    for (int i = 0; i < FIT_STEPS && !tw_error(ctx); i++) {
        tw_step_begin(ctx);
        tw_tensor *said = tw_forward(ctx, l.net, tw_input(ctx, x, 2, (int[]){DOTS, 1}));
        tw_target target = {.tensor = tw_input(ctx, y, 2, (int[]){DOTS, 1})};
        tw_optim_set_lr(l.optim, 0.01 * (1 - (double)i / FIT_STEPS));
        if (learner_step(&l, tw_cost_apply(ctx, &l.cost, said, &target))) break;
    }
    f->slope = (double)tw_params_find(l.params, "out.weight")->data[0];
    f->height = (double)tw_params_find(l.params, "out.bias")->data[0];
    double a = f->slope - SLOPE, b = f->height - HEIGHT;
    f->off = sqrt(a * a / 3 + a * b + b * b);
    learner_free(&l);
    return tw_error(ctx);
}

tw_err experiment_outliers(trial *t) {
    fit fits[FITS] = {{.name = "MSE", .loss = "mse", .colour = SERIES2},
                      {.name = "MAE", .loss = "mae", .colour = SERIES3},
                      {.name = "Huber, delta 0.3", .loss = "huber:delta=0.3", .colour = SERIES1}};
    tw_real x[DOTS], y[DOTS];
    double px[DOTS], py[DOTS], ends[2] = {0, 1};
    uint64_t stream = tw_random_named(t->ctx, "dots");
    for (int i = 0; i < DOTS; i++) {
        px[i] = (i + 0.5) / DOTS;
        py[i] = SLOPE * px[i] + HEIGHT + 0.15 * tw_random_normal(stream, (uint64_t)i);
        if (i >= DOTS - FAR) py[i] -= 5; /* the last ones, where they turn a line most */
        x[i] = (tw_real)px[i], y[i] = (tw_real)py[i];
    }
    chart *p = chart_new(t->picture, 12, 10, WIDE - 24, HIGH - 20, "A line through 40 points, of which 4 are far off");
    chart_label_x(p, "x");
    chart_label_y(p, "y");
    chart_add(p, "points", DOTS, px, py, MUTED, CHART_POINTS);
    chart_add(p, "truth", 2, ends, (double[]){HEIGHT, HEIGHT + SLOPE}, INK, CHART_DASHES);
    printf("truth: y = %g x + %g\n", SLOPE, HEIGHT);
    int best = 0, worst = 0;
    for (int i = 0; i < FITS; i++) {
        fit *f = &fits[i];
        if (fit_line(t->ctx, x, y, f)) break;
        printf("%-18s y = %6.3f x + %6.3f   off the truth by %.3f\n", f->name, f->slope, f->height, f->off);
        chart_add(p, f->name, 2, ends, (double[]){f->height, f->height + f->slope}, f->colour, CHART_LINE);
        if (f->off < fits[best].off) best = i;
        if (f->off > fits[worst].off) worst = i;
    }
    chart_draw(p);
    snprintf(
        t->conclusion, sizeof t->conclusion,
        "4 of 40 points pull the line of %s %.2f off the truth (root mean square), %.1f times as far as that of %s: "
        "off by %.3f with MSE, %.3f with MAE, %.3f with Huber.",
        fits[worst].name, fits[worst].off, fits[worst].off / fits[best].off, fits[best].name, fits[0].off, fits[1].off,
        fits[2].off);
    return tw_error(t->ctx);
}
