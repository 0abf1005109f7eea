/* test_nonfinite_models.c - NaN and infinities in the networks of the example programs: mnist's four, and crnn_ocr's
 * with CTC; and numbers that are not finite where they must not matter. */
#include "util.h"

#include "../examples/crnn_ocr/model.h"
#include "../examples/mnist/mnist.h"

static const tw_real values[] = {(tw_real)NAN, (tw_real)INFINITY, -(tw_real)INFINITY};

/* Weights and buffers, one after another, from malloc. */
static tw_real *look(const tw_params *params, size_t *n) {
    tw_real *all = NULL;
    *n = 0;
    for (size_t i = 0; i < tw_params_count(params); i++) {
        const tw_tensor *p = tw_params_at(params, i);
        all = realloc(all, (*n + p->size) * sizeof *all);
        memcpy(all + *n, p->data, p->size * sizeof *all);
        *n += p->size;
    }
    return all;
}

static void assert_same(tw_real *a, const tw_params *params, const char *what) {
    size_t n;
    tw_real *b = look(params, &n);
    for (size_t i = 0; i < n; i++) cr_assert_eq(memcmp(a + i, b + i, sizeof *a), 0, "%s: number %zu moved", what, i);
    free(a);
    free(b);
}

/* ---- mnist ----------------------------------------------------------------------------------------------------- */

static tw_err mnist_step(tw_ctx *ctx, tw_layer *net, tw_optim *o, uint64_t seed, size_t at, tw_real value) {
    static tw_real x[2 * SIDE * SIDE];
    fill_random(x, sizeof x / sizeof *x, seed, -1, 1);
    if (at < sizeof x / sizeof *x) x[at] = value;
    tw_step_begin(ctx);
    tw_tensor *in = tw_set_name(tw_input(ctx, x, 4, (int[]){2, 1, SIDE, SIDE}), "pictures");
    tw_tensor *l = tw_cross_entropy_loss(ctx, tw_forward(ctx, net, in), (tw_labels){(int32_t[]){3, 7}, 2}, NULL);
    if (tw_backward(ctx, l)) return tw_error(ctx);
    return tw_optim_step(o);
}

Test(nonfinite_models, mnist) {
    static const char *const names[] = {"mlp", "lenet", "cnn", "cnn-l"};
    static const char *const first[] = {"dense \"fc1\" got a non-finite input [2,784]",
                                        "conv2d \"conv1\" got a non-finite input \"pictures\" [2,1,28,28]",
                                        "conv2d \"conv1\" got a non-finite input \"pictures\" [2,1,28,28]",
                                        "conv2d \"conv1\" got a non-finite input \"pictures\" [2,1,28,28]"};
    const size_t middle = SIDE * SIDE / 2 + SIDE / 2, last = 2 * SIDE * SIDE - 1, nowhere = SIZE_MAX;
    const size_t places[] = {0, middle, last};
    for (int m = 0; m < 4; m++) {
        tw_ctx *ctx[2];
        tw_params *params[2];
        tw_optim *optim[2];
        for (int i = 0; i < 2; i++) {
            const char *nearest;
            const model_kind *kind = model_find(names[m], &nearest);
            ctx[i] = tw_ctx_new_with(&(tw_ctx_options){.seed = 1, .threads = 2});
            params[i] = tw_params_new(ctx[i]);
            tw_layer *net = kind->build(params[i]);
            optim[i] = tw_optim_new(params[i], kind->optim);
            cr_assert_eq(mnist_step(ctx[i], net, optim[i], 1, nowhere, 0), TW_OK, "%s", tw_errmsg(ctx[i]));
            const tw_rng_state random = tw_rng_get(ctx[i]);
            for (int k = 0; i == 0 && k < 3; k++) {
                size_t n;
                tw_real *before = look(params[i], &n);
                tw_err err = mnist_step(ctx[i], net, optim[i], 2, places[k], values[k]);
                cr_assert_eq(err, TW_ERR_NONFINITE, "%s, value %d: %s", names[m], k, tw_err_name(err));
                /* a ReLU may hide -inf from the loss, but it is in the gradient of the kernel that saw it */
                if (k == 0) cr_assert(strstr(tw_errmsg(ctx[i]), first[m]), "%s: %s", names[m], tw_errmsg(ctx[i]));
                assert_same(before, params[i], names[m]);
                cr_assert_eq(tw_optim_steps(optim[i]), 1);
                tw_error_clear(ctx[i]);
            }
            tw_rng_set(ctx[i], random);
            cr_assert_eq(mnist_step(ctx[i], net, optim[i], 3, nowhere, 0), TW_OK);
        }
        size_t n;
        assert_same(look(params[0], &n), params[1], names[m]);
        for (int i = 0; i < 2; i++) {
            tw_optim_free(optim[i]);
            tw_params_free(params[i]);
            tw_ctx_free(ctx[i]);
        }
    }
}

/* ---- crnn_ocr -------------------------------------------------------------------------------------------------- */

enum { HEIGHT = 32, WIDTH = 48, LETTERS = 7 };

static tw_err crnn_step(crnn *net, tw_optim *o, uint64_t seed, size_t at, tw_real value) {
    tw_ctx *ctx = tw_params_ctx(net->params);
    static tw_real x[2 * HEIGHT * WIDTH];
    static const int32_t widths[] = {WIDTH, WIDTH / 2}, labels[] = {1, 2, 3}, lengths[] = {2, 1};
    fill_random(x, sizeof x / sizeof *x, seed, -1, 1);
    if (at < sizeof x / sizeof *x) x[at] = value;
    tw_step_begin(ctx);
    tw_labels frames;
    tw_tensor *in = tw_set_name(tw_input(ctx, x, 4, (int[]){2, 1, HEIGHT, WIDTH}), "pictures");
    tw_tensor *z = crnn_forward(ctx, net, in, (tw_labels){widths, 2}, &frames);
    tw_tensor *l = tw_ctc_loss(ctx, z, (tw_labels){labels, 3}, (tw_labels){lengths, 2}, frames, NULL);
    if (tw_backward(ctx, l)) return tw_error(ctx);
    (void)tw_clip_grad_norm(net->params, 5);
    return tw_optim_step(o);
}

Test(nonfinite_models, crnn_ocr) {
    static const char *const names[] = {"tiny", "small"};
    const size_t nowhere = SIZE_MAX, places[] = {0, HEIGHT * WIDTH / 2 + 7, HEIGHT * WIDTH + WIDTH / 4};
    for (int m = 0; m < 2; m++) {
        tw_ctx *ctx[2];
        crnn net[2];
        tw_optim *optim[2];
        for (int i = 0; i < 2; i++) {
            ctx[i] = tw_ctx_new_with(&(tw_ctx_options){.seed = 1, .threads = 2});
            cr_assert_eq(crnn_new(ctx[i], &net[i], crnn_design_find(names[m]), HEIGHT, LETTERS), TW_OK);
            optim[i] = tw_optim_new(net[i].params, net[i].design->optim);
            cr_assert_eq(crnn_step(&net[i], optim[i], 1, nowhere, 0), TW_OK, "%s", tw_errmsg(ctx[i]));
            const tw_rng_state random = tw_rng_get(ctx[i]);
            for (int k = 0; i == 0 && k < 3; k++) {
                size_t n;
                tw_real *before = look(net[i].params, &n);
                cr_assert_eq(crnn_step(&net[i], optim[i], 2, places[k], values[k]), TW_ERR_NONFINITE, "%s, value %d",
                             names[m], k);
                if (k == 0) assert_error(ctx[i], TW_ERR_NONFINITE, "got a non-finite input \"pictures\" [2,1,32,48]");
                assert_same(before, net[i].params, names[m]);
                tw_error_clear(ctx[i]);
            }
            tw_rng_set(ctx[i], random);
            cr_assert_eq(crnn_step(&net[i], optim[i], 3, nowhere, 0), TW_OK, "%s", tw_errmsg(ctx[i]));
        }
        size_t n;
        assert_same(look(net[0].params, &n), net[1].params, names[m]);
        for (int i = 0; i < 2; i++) {
            tw_optim_free(optim[i]);
            crnn_free(&net[i]);
            tw_ctx_free(ctx[i]);
        }
    }
}

/* ---- what must not matter -------------------------------------------------------------------------------------- */

/* An LSTM or GRU, a dense layer and CTC on frames whose padding holds `fill`: loss and gradients into out; returns how
 * many those are. */
static size_t padded(bool gru, tw_real fill, tw_real *out) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_params *params = tw_params_new(ctx);
    tw_layer *rnn = gru ? tw_gru_new(params, "rnn", 3, 4, &(tw_gru_options){.bidirectional = true})
                        : tw_lstm_new(params, "rnn", 3, 4, &(tw_lstm_options){.bidirectional = true});
    tw_layer *head = tw_dense_new(params, "head", 8, 5, NULL);
    tw_optim *o = tw_optim_new(params, "sgd");
    static const int32_t lengths[] = {6, 2, 0}, labels[] = {1, 2, 3}, label_lengths[] = {2, 1, 0};
    tw_real x[6 * 3 * 3];
    fill_random(x, 54, 1, -1, 1);
    for (int t = 0; t < 6; t++)
        for (int n = 0; n < 3; n++)
            for (int d = 0; t >= lengths[n] && d < 3; d++) x[(t * 3 + n) * 3 + d] = fill;
    tw_tensor *in = tw_input_grad(ctx, x, 3, (int[]){6, 3, 3});
    const tw_labels given = {lengths, 3};
    tw_tensor *y = gru ? tw_gru(ctx, rnn, in, given, NULL, NULL) : tw_lstm(ctx, rnn, in, given, NULL, NULL);
    tw_tensor *l = tw_ctc_loss(ctx, tw_forward(ctx, head, y), (tw_labels){labels, 3}, (tw_labels){label_lengths, 3},
                               given, NULL);
    cr_assert_eq(tw_backward(ctx, l), TW_OK, "%s", tw_errmsg(ctx));
    size_t n = 0;
    out[n++] = tw_item(l);
    for (size_t i = 0; i < in->size; i++) out[n++] = in->grad[i];
    for (size_t i = 0; i < tw_params_count(params); i++)
        for (size_t k = 0; k < tw_params_at(params, i)->size; k++) out[n++] = tw_params_at(params, i)->grad[k];
    cr_assert_eq(tw_optim_step(o), TW_OK, "%s", tw_errmsg(ctx));
    tw_optim_free(o);
    tw_params_free(params);
    tw_ctx_free(ctx);
    return n;
}

Test(nonfinite_models, padded_frames_do_not_matter) {
    static tw_real want[1000], got[1000];
    for (int gru = 0; gru < 2; gru++) {
        const size_t n = padded(gru, 0, want);
        cr_assert_lt(n, 1000);
        for (int v = 0; v < 3; v++) {
            cr_assert_eq(padded(gru, values[v], got), n);
            cr_assert_arr_eq(got, want, n * sizeof *got);
        }
    }
}

/* -inf is what a ReLU and a maximum hide, and they pass no gradient to it: a step that is right. NaN is not hidden. */
Test(nonfinite_models, what_a_relu_and_a_maximum_hide) {
    tw_ctx *ctx = tw_ctx_new(1);
    const tw_real inf = (tw_real)INFINITY, x[] = {-inf, 1, 2, -inf};
    for (int k = 0; k < 5; k++) {
        tw_step_begin(ctx);
        tw_tensor *in = tw_input_grad(ctx, x, 4, (int[]){1, 1, 2, 2});
        tw_tensor *y = k == 0 ? tw_relu(ctx, in)
            : k == 1          ? tw_max_pool2d(ctx, in, 2, 2, NULL)
            : k == 2          ? tw_amax(ctx, in, 0, NULL, false)
            : k == 3          ? tw_max(ctx, in, 3, false, NULL)
                              : tw_softmax(ctx, in, 3);
        cr_assert_eq(tw_backward(ctx, tw_sum(ctx, y, 0, NULL, false)), TW_OK, "%d: %s", k, tw_errmsg(ctx));
        cr_assert(in->grad[0] == 0 && in->grad[3] == 0, "%d", k);
        for (int i = 0; i < 4; i++) cr_assert(isfinite(in->grad[i]));
    }
    tw_ctx_free(ctx);
}
