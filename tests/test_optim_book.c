/* test_optim_book.c - the worked examples of docs/optimisers.md and docs/models.md, which quote them from here. */
#include "util.h"

#include <unistd.h>

static tw_ctx *ctx;
static tw_params *params;
static tw_tensor *w;

static void start(double a, double b) {
    ctx = tw_ctx_new(1);
    params = tw_params_new(ctx);
    w = tw_param(params, "w", (tw_init){0}, 1, (int[]){2});
    w->data[0] = (tw_real)a;
    w->data[1] = (tw_real)b;
}
static void finish(tw_optim *o) {
    tw_optim_free(o);
    tw_params_free(params);
    tw_ctx_free(ctx);
}

/* quote: valley */
static tw_tensor *valley(void) { /* f(w) = w0^2 / 2 + 25 w1^2 / 2 */
    static const tw_real steepness[] = {0.5f, 12.5f};
    tw_tensor *s = tw_input(ctx, steepness, 1, (int[]){2});
    return tw_sum(ctx, tw_mul(ctx, s, tw_mul(ctx, w, w)), 0, NULL, false);
}

static int steps_down(tw_optim *o) {
    for (int n = 0; n < 100000; n++) {
        tw_step_begin(ctx);
        tw_tensor *f = valley();
        if (tw_item(f) < 1e-6f) return n;
        if (tw_backward(ctx, f) || tw_optim_step(o)) return -1;
    }
    return 100000;
}
/* end quote */

/* The table of the chapter. A few steps more or less are the instruction set's roundings. */
Test(optim_book, ways_down_a_valley) {
    static const struct {
        const char *spec;
        int steps;
    } table[] = {
        {"sgd:lr=0.05", 160},
        {"sgd:lr=0.0769", 107},
        {"sgd:lr=0.081", -1},
        {"sgd:lr=0.05,momentum=0.5", 69},
        {"sgd:lr=0.05,momentum=0.7", 47},
        {"sgd:lr=0.05,momentum=0.9", 150},
        {"sgd:lr=0.05,momentum=0.9,nesterov=1", 79},
        {"adam:lr=0.5", 151},
        {"adam:lr=0.5,beta1=0.5", 24},
        {"adadelta", 100000},
        {"adadelta:lr=100", 56},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        start(5, 1);
        tw_optim *o = tw_optim_new(params, table[i].spec);
        int n = steps_down(o);
        cr_assert_leq(abs(n - table[i].steps), 3, "%s: %d steps", table[i].spec, n);
        cr_assert_eq(n < 0, tw_error(ctx) == TW_ERR_NONFINITE);
        finish(o);
    }
}

static void two_steps(const char *spec, const double want[4]) {
    start(5, 1);
    tw_optim *o = tw_optim_new(params, spec);
    for (int step = 0; step < 2; step++) {
        tw_step_begin(ctx);
        cr_assert_eq(tw_backward(ctx, valley()), TW_OK);
        cr_assert_eq(tw_optim_step(o), TW_OK);
        for (int i = 0; i < 2; i++)
            cr_assert_float_eq(w->data[i], want[2 * step + i], 1e-4, "%s: %g", spec, (double)w->data[i]);
    }
    finish(o);
}

Test(optim_book, by_hand) {
    two_steps("sgd:lr=0.05", (double[]){4.75, -0.25, 4.5125, 0.0625});
    two_steps("sgd:lr=0.05,momentum=0.9", (double[]){4.75, -0.25, 4.2875, -1.0625});
    two_steps("adam:lr=0.5", (double[]){4.5, 0.5, 4.0021, 0.0339});
    two_steps("adadelta", (double[]){4.9968, 0.9968, 4.9936, 0.9936});
}

/* L2 in the gradient and decay of the weight differ as soon as the gradient is scaled: the same decay, two weights
 * with gradients of different size. */
Test(optim_book, decay) {
    static const char *const spec[] = {"adam:lr=0.01,weight_decay=0.1", "adamw:lr=0.01,weight_decay=0.1"};
    double kept[2][2];
    for (int i = 0; i < 2; i++) {
        start(1, 1);
        tw_optim *o = tw_optim_new(params, spec[i]);
        for (int step = 0; step < 400; step++) { /* gradients of alternating sign: on average none */
            const tw_real g[] = {step % 2 ? 0.1f : -0.1f, step % 2 ? 10 : -10};
            tw_step_begin(ctx);
            tw_tensor *f = tw_sum(ctx, tw_mul(ctx, w, tw_input(ctx, g, 1, (int[]){2})), 0, NULL, false);
            cr_assert_eq(tw_backward(ctx, f), TW_OK);
            cr_assert_eq(tw_optim_step(o), TW_OK);
        }
        for (int k = 0; k < 2; k++) kept[i][k] = (double)w->data[k];
        finish(o);
    }
    cr_assert_float_eq(kept[0][0], 0.02, 0.01, "adam, small gradients: %g", kept[0][0]);
    cr_assert_float_eq(kept[0][1], 0.98, 0.01, "adam, large gradients: %g", kept[0][1]);
    cr_assert_float_eq(kept[1][0], 0.68, 0.01, "adamw: %g", kept[1][0]);
    cr_assert_float_eq(kept[1][1], 0.68, 0.01, "adamw: %g", kept[1][1]);
}

/* ---- a whole loop, with everything the chapters speak of ----------------------------------------------- */

static tw_err train(tw_ctx *c, tw_params *p, tw_layer *net, const tw_real *x, const tw_real *t, const char *path) {
    /* quote: loop */
    tw_optim *opt = tw_optim_new(p, "adamw:lr=2e-3,weight_decay=0.05");
    tw_schedule schedule;
    tw_err err = opt ? tw_optim_no_decay(opt) : tw_error(c);
    if (!err) err = tw_schedule_parse(c, "cosine:warmup=0.5", &schedule);
    double base = opt ? tw_optim_lr(opt) : 0;
    for (int step = 0; !err && step < 40; step++) {
        tw_step_begin(c);
        tw_optim_set_lr(opt, base * tw_schedule_factor(&schedule, (step + 1) / 10.0, 4)); /* 4 epochs of 10 steps */
        tw_tensor *y = tw_forward(c, net, tw_input(c, x, 2, (int[]){5, 3}));
        tw_tensor *e = tw_sub(c, y, tw_input(c, t, 2, (int[]){5, 2}));
        err = tw_backward(c, tw_mean(c, tw_mul(c, e, e), 0, NULL, false));
        if (!err) tw_clip_grad_norm(p, 1.0);
        if (!err) err = tw_optim_step(opt);
    }
    if (!err) err = tw_checkpoint_save(p, opt, NULL, NULL, path);
    /* end quote */
    tw_optim_free(opt);
    return err;
}

static double error_of(const tw_real *x, const tw_real *t, tw_layer *net) {
    tw_step_begin(ctx);
    tw_tensor *y = tw_forward(ctx, net, tw_input(ctx, x, 2, (int[]){5, 3}));
    tw_tensor *e = tw_sub(ctx, y, tw_input(ctx, t, 2, (int[]){5, 2}));
    return (double)tw_item(tw_mean(ctx, tw_mul(ctx, e, e), 0, NULL, false));
}

Test(optim_book, a_training) {
    tw_real x[15], t[10];
    char path[300];
    fill_random(x, 15, 1, -1, 1);
    fill_random(t, 10, 2, -1, 1);
    temp_path("book", path, sizeof path);
    start(0, 0);
    tw_layer *net = tw_dense_new(params, "fc", 3, 2, NULL);
    double before = error_of(x, t, net);
    cr_assert_eq(tw_params_set_frozen(params, "w", true), TW_OK);
    cr_assert_eq(train(ctx, params, net, x, t, path), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert_lt(error_of(x, t, net), before);
    unlink(path);
    finish(NULL);
}

Test(optim_book, saving_and_loading) {
    char path[300];
    temp_path("book", path, sizeof path);
    ctx = tw_ctx_new(1);
    int hidden = 8;
    tw_params *p = tw_params_new(ctx);
    tw_dense_new(p, "fc1", 4, hidden, NULL);
    /* quote: save */
    tw_meta *meta = tw_meta_new(ctx);
    tw_err err = tw_meta_setf(meta, "hidden", "%d", hidden);
    if (!err) err = tw_meta_set(meta, "alphabet", "abc\303\251");
    if (!err) err = tw_model_save(p, meta, path);
    tw_meta_free(meta);
    /* end quote */
    cr_assert_eq(err, TW_OK);
    tw_params_free(p);

    /* quote: load */
    int64_t size;
    tw_params *model = tw_params_new(ctx);
    err = tw_meta_load(ctx, path, &meta);
    if (!err) err = tw_meta_int(meta, "hidden", 1, 4096, &size);
    if (!err) tw_dense_new(model, "fc1", 4, (int)size, NULL);
    if (!err) err = tw_model_load(model, path);
    /* end quote */
    cr_assert_eq(err, TW_OK, "%s", tw_errmsg(ctx));
    cr_assert_eq(size, 8);
    cr_assert_str_eq(tw_meta_get(meta, "alphabet"), "abc\303\251");
    tw_meta_free(meta);
    tw_params_free(model);
    tw_ctx_free(ctx);
    unlink(path);
}
