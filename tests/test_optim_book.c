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
        {"rmsprop:lr=0.05", 162},
        {"rmsprop:lr=0.01,alpha=0.9", 100000},
        {"rmsprop:lr=0.01,momentum=0.9", 134},
        {"adagrad", 100000},
        {"adagrad:lr=2", 22},
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
    two_steps("rmsprop:lr=0.05", (double[]){4.5, 0.5, 4.1646, 0.2755});
    two_steps("adagrad:lr=2", (double[]){3, -1, 1.9710, 0.4142});
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

/* ---- batches larger than memory, averages, when to stop -------------------------------------------------- */

/* quote: accumulate */
/* One step of the optimiser with n samples, `most` of them at a time. */
static tw_err step_in_parts(tw_ctx *c, tw_layer *net, tw_optim *opt, const tw_real *x, const tw_real *t, int n,
                            int most) {
    for (int at = 0; at < n; at += most) {
        int part = n - at < most ? n - at : most;
        if (at == 0) tw_step_begin(c);
        else tw_step_accumulate(c); /* what is added up so far stays */
        tw_tensor *y = tw_forward(c, net, tw_input(c, x + 3 * at, 2, (int[]){part, 3}));
        tw_tensor *loss = tw_mse_loss(c, y, tw_input(c, t + 2 * at, 2, (int[]){part, 2}), NULL); /* mean over part .. */
        tw_err err = tw_backward(c, tw_scale(c, loss, (tw_real)part / (tw_real)n)); /* .. as its share of that over n */
        if (err) return err;
    }
    return tw_optim_step(opt);
}
/* end quote */

Test(optim_book, a_step_in_parts) {
    tw_real x[33], t[22], weight[2][6];
    fill_random(x, 33, 1, -1, 1);
    fill_random(t, 22, 2, -1, 1);
    for (int i = 0; i < 2; i++) {
        start(0, 0);
        tw_layer *net = tw_dense_new(params, "fc", 3, 2, NULL);
        tw_optim *o = tw_optim_new(params, "sgd:lr=0.1,momentum=0.9");
        for (int step = 0; step < 20; step++)
            cr_assert_eq(step_in_parts(ctx, net, o, x, t, 11, i ? 4 : 11), TW_OK, "%s", tw_errmsg(ctx));
        memcpy(weight[i], tw_params_find(params, "fc.weight")->data, sizeof weight[i]);
        finish(o);
    }
    assert_near(weight[1], weight[0], 6, 1e-5);
}

typedef struct problem {
    tw_layer *net;
    const tw_real *x, *t; /* [5,3], [5,2] */
} problem;

static tw_err one_step(tw_ctx *c, const problem *p, tw_optim *opt) {
    tw_step_begin(c);
    tw_tensor *y = tw_forward(c, p->net, tw_input(c, p->x, 2, (int[]){5, 3}));
    tw_err err = tw_backward(c, tw_mse_loss(c, y, tw_input(c, p->t, 2, (int[]){5, 2}), NULL));
    return err ? err : tw_optim_step(opt);
}

/* quote: ema */
/* Trains until the average of the weights has not become better for 5 epochs; the result is the best average. */
static tw_err train_averaged(tw_ctx *c, tw_params *p, tw_ema *ema, const problem *train, const problem *valid,
                             const char *path, tw_early_stop *stop) {
    tw_optim *opt = tw_optim_new(p, "adam:lr=0.02"); /* ema was made before it: it adds to the parameters */
    tw_err err = opt ? TW_OK : tw_error(c);
    *stop = (tw_early_stop){.patience = 5};
    for (int epoch = 1; !err && epoch <= 200; epoch++) {
        for (int step = 0; !err && step < 10; step++) {
            err = one_step(c, train, opt);
            if (!err) err = tw_ema_update(ema, 0.99, tw_optim_steps(opt));
        }
        if (err || (err = tw_ema_swap_in(ema)))
            break; /* the averages are measured, and saved as a model's weights .. */
        if (tw_early_stop_add(stop, epoch, error_of(valid->x, valid->t, valid->net)))
            err = tw_model_save(p, NULL, path);
        if (!err) err = tw_ema_swap_out(ema); /* .. and the weights go on */
        if (tw_early_stop_now(stop, epoch)) break;
    }
    tw_optim_free(opt);
    return err;
}
/* end quote */

Test(optim_book, the_best_average) {
    tw_real x[30], t[20];
    char path[300];
    tw_early_stop stop;
    fill_random(x, 30, 1, -1, 1);
    fill_random(t, 20, 2, -1, 1);
    temp_path("averaged", path, sizeof path);
    start(0, 0);
    tw_layer *net = tw_dense_new(params, "fc", 3, 2, NULL);
    tw_ema *ema = tw_ema_new(params);
    const problem train = {net, x, t}, valid = {net, x + 15, t + 10};
    cr_assert_eq(train_averaged(ctx, params, ema, &train, &valid, path, &stop), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert(stop.measured && stop.best_epoch > 0 && stop.best_epoch < 195, "it stops before the end");
    cr_assert_eq(tw_model_load(params, path), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert_float_eq(error_of(x + 15, t + 10, net), stop.best, 1e-6);
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
