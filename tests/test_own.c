/* test_own.c - the layer, the loss and the datasets of README.md and docs/own.md, run. */
#include "util_own.h"
#include "util_suite.h"

#include "util.h"

SUITE(own, 1);

Test(own, a_layer_around_a_layer) {
    tw_layer *net = tw_sequential_new(params);
    tw_sequential_add(net, residual_new(params, "block", tw_dense_new(params, "block.fc", 3, 3, NULL)));
    tw_sequential_add(net, tw_dense_new(params, "out", 3, 2, NULL));
    tw_layer *narrow = residual_new(params, "narrow", tw_dense_new(params, "narrow.fc", 3, 1, NULL));
    cr_assert_null(residual_new(params, "none", NULL));
    tw_real x[15], y[15];
    fill_random(x, 15, 1, -1, 1);
    for (int recording = 0; recording < 2; recording++) {
        tw_set_recording(ctx, recording);
        tw_step_begin(ctx);
        tw_tensor *in = tw_input(ctx, x, 2, (int[]){5, 3});
        const tw_tensor *w = tw_params_find(params, "block.fc.weight"), *b = tw_params_find(params, "block.fc.bias");
        for (int i = 0; i < 15; i++) {
            double sum = (double)b->data[i % 3] + (double)x[i];
            for (int k = 0; k < 3; k++) sum += (double)w->data[i % 3 * 3 + k] * (double)x[i / 3 * 3 + k];
            y[i] = (tw_real)sum;
        }
        tw_tensor *want = tw_dense(ctx, tw_input(ctx, y, 2, (int[]){5, 3}), tw_params_find(params, "out.weight"),
                                   tw_params_find(params, "out.bias"), TW_ACT_NONE);
        tw_tensor *got = tw_forward(ctx, net, in);
        cr_assert_not_null(got, "%s", tw_errmsg(ctx));
        assert_near(got->data, want->data, 10, 1e-5);
    }
    cr_assert_null(tw_forward(ctx, narrow, tw_input(ctx, x, 2, (int[]){5, 3})));
    assert_error(ctx, TW_ERR_SHAPE, "residual \"narrow\": input [5,3] and output \"narrow.fc\" [5,1] differ");
}

/* One weight that predicts the same for all becomes the value below which a share q of them lie. */
Test(own, a_loss_of_operations) {
    enum { N = 101 };
    tw_real t[N];
    for (int i = 0; i < N; i++) t[i] = (tw_real)(i * 37 % N); /* 0 .. 100 in some order */
    tw_tensor *w = tw_param(params, "w", (tw_init){0}, 1, (int[]){1});
    tw_optim *o = tw_optim_new(params, "adam:lr=1");
    static const double share[] = {0.1, 0.5, 0.9};
    for (int i = 0; i < 3; i++) {
        for (int step = 0; step < 600; step++) {
            tw_step_begin(ctx);
            tw_optim_set_lr(o, step < 300 ? 1 : 0.05);
            tw_tensor *loss = quantile_loss(ctx, w, tw_input(ctx, t, 1, (int[]){N}), share[i]);
            cr_assert_eq(tw_backward(ctx, loss), TW_OK, "%s", tw_errmsg(ctx));
            cr_assert_eq(tw_optim_step(o), TW_OK);
        }
        cr_assert_float_eq((double)w->data[0], 100 * share[i], 1.5, "%g: %g", share[i], (double)w->data[0]);
    }
    cr_assert_null(quantile_loss(ctx, w, w, 1));
    assert_error(ctx, TW_ERR_RANGE, "quantile_loss: q is between 0 and 1, not 1");
    tw_optim_free(o);
}

/* Pixel (h, w) of channel c of sample i, never 0. */
static tw_real pixel(size_t i, int c, int h, int w) { return (tw_real)(1 + w + 10 * h + 100 * c + 1000 * (int)i); }

static tw_err plain_get(void *user, size_t i, uint64_t stream, tw_sample *sample, char *message, size_t size) {
    (void)stream;
    if (i == *(const size_t *)user) {
        snprintf(message, size, "not this one");
        return TW_ERR_IO;
    }
    int W = 3 + (int)(i % 4);
    for (int c = 0; c < 2; c++)
        for (int h = 0; h < 5; h++)
            for (int w = 0; w < W; w++) sample->x[(c * 5 + h) * W + w] = pixel(i, c, h, w);
    sample->width = W;
    sample->label[0] = (int32_t)i;
    sample->label_length = 1;
    return TW_OK;
}

/* The shift of one sample, found again in the batch; it must be the same for all its pixels. */
static void check_sample(const tw_batch *b, int n, int most, int seen[][7]) {
    size_t i = b->index[n];
    int W = b->width.v[n], stride = b->dim[3];
    const tw_real *x = b->x + (size_t)n * 10 * (size_t)stride;
    int found = 0;
    for (int down = -most; down <= most; down++)
        for (int right = -most; right <= most; right++) {
            bool fits = true;
            for (int k = 0; k < 10 * W; k++) {
                int c = k / (5 * W), h = k / W % 5, w = k % W, fh = h - down, fw = w - right;
                bool inside = fh >= 0 && fh < 5 && fw >= 0 && fw < W;
                fits = fits && x[(c * 5 + h) * stride + w] == (inside ? pixel(i, c, fh, fw) : 0);
            }
            if (fits) {
                found++;
                seen[down + most][right + most]++;
            }
        }
    cr_assert(found == 1 || W <= most, "sample %zu is no shifted one", i);
    cr_assert_eq(b->label.v[n], (int32_t)i);
}

Test(own, a_dataset_of_another_one) {
    size_t fails = SIZE_MAX;
    tw_dataset plain =
        {.count = 200, .channels = 2, .height = 5, .max_width = 6, .max_label = 1, .user = &fails, .get = plain_get};
    shifted s = {&plain, 2};
    tw_dataset data = shifted_dataset(&s);
    int seen[7][7] = {{0}};
    tw_loader *threaded = tw_loader_new(ctx, &data, &(tw_loader_options){.batch = 16, .shuffle = true});
    data.in_memory = true;
    tw_loader *direct = tw_loader_new(ctx, &data, &(tw_loader_options){.batch = 16, .shuffle = true});
    const tw_batch *a, *b;
    while (!tw_loader_next(threaded, &a) && a) {
        cr_assert_eq(tw_loader_next(direct, &b), TW_OK);
        cr_assert_arr_eq(a->x, b->x, (size_t)a->n * 10 * (size_t)a->dim[3] * sizeof *a->x);
        for (int n = 0; n < a->n; n++) check_sample(a, n, 2, seen);
    }
    for (int k = 0; k < 25; k++) cr_assert_gt(seen[k / 5][k % 5], 0, "a shift that never comes: %d", k);
    fails = 3;
    cr_assert_eq(tw_loader_seek(direct, (tw_loader_position){0, 0}), TW_OK);
    tw_err err = TW_OK;
    while (!(err = tw_loader_next(direct, &b)) && b) {}
    cr_assert_eq(err, TW_ERR_IO);
    assert_error(ctx, TW_ERR_IO, "sample 3: not this one");
    tw_loader_free(threaded);
    tw_loader_free(direct);
}

/* sin(w(t+1)) = 2 cos(w) sin(wt) - sin(w(t-1)): a dense layer learns to go on with a sine, exactly. */
Test(own, a_dataset_of_windows) {
    enum { N = 200, W = 4 };
    tw_real value[N];
    for (int t = 0; t < N; t++) value[t] = (tw_real)sin(0.7 * t);
    series s = {value, N, W};
    tw_dataset data = series_dataset(&s);
    cr_assert_eq(data.count, N - W);
    tw_loader *loader = tw_loader_new(ctx, &data, &(tw_loader_options){.batch = 14, .shuffle = true});
    tw_layer *fc = tw_dense_new(params, "fc", W, 1, NULL);
    tw_optim *optim = tw_optim_new(params, "adam:lr=0.05");
    double worst = 0;
    for (int epoch = 0; epoch < 60; epoch++) {
        const tw_batch *b;
        worst = 0;
        while (!tw_loader_next(loader, &b) && b) {
            tw_step_begin(ctx);
            tw_tensor *x = tw_input(ctx, b->x, 2, (int[]){b->n, W}),
                      *t = tw_input(ctx, b->target.v, 2, (int[]){b->n, 1});
            for (int n = 0; n < b->n; n++) {
                size_t i = b->index[n];
                cr_assert_arr_eq(b->x + n * W, value + i, W * sizeof *value);
                cr_assert_eq(b->target.v[n], value[i + W]);
            }
            tw_tensor *loss = tw_mse_loss(ctx, tw_forward(ctx, fc, x), t, NULL);
            tw_backward(ctx, loss);
            cr_assert_eq(tw_optim_step(optim), TW_OK, "%s", tw_errmsg(ctx));
            worst = fmax(worst, tw_item(loss));
        }
    }
    cr_assert_lt(worst, 1e-6);
    s.n = W; /* too short for one window */
    cr_assert_eq(series_dataset(&s).count, 0);
    tw_optim_free(optim);
    tw_loader_free(loader);
}
