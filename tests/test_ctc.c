/* test_ctc.c - connectionist temporal classification: what a batch must not change, symmetries, padding, labels that do
 * not fit, and errors. The other oracles are in test_ctc_oracles.c. */
#include "util.h"

/* A batch on which most tests run: lengths, repeats, an empty label, one that just fits. */
enum { T = 7, N = 4, K = 5 };
static const int32_t batch_label[] = {1, 2, 2, /**/ 4, 4, 4, /**/ 3}, batch_length[N] = {3, 3, 0, 1};
static const int32_t batch_frames[N] = {7, 5, 4, 1};
#define LABELS ((tw_labels){batch_label, 7})
#define LENGTHS ((tw_labels){batch_length, N})
#define FRAMES ((tw_labels){batch_frames, N})

static tw_tensor *batch(tw_ctx *ctx, const tw_real *z) { return tw_input_grad(ctx, z, 3, (int[]){T, N, K}); }
static const tw_ctc_options none = {.reduction = TW_REDUCTION_NONE};

static void backward_ones(tw_ctx *ctx, tw_tensor *loss) {
    tw_real ones[16];
    for (int i = 0; i < 16; i++) ones[i] = 1;
    cr_assert_eq(tw_backward_from(ctx, loss, ones), TW_OK, "%s", tw_errmsg(ctx));
}

/* The tables of docs/losses/ctc.md: two frames, the blank and one letter. */
Test(ctc, the_example_of_the_book) {
    static const double y[] = {.6, .4, .5, .5};
    static const int32_t label[] = {1}, length[] = {1};
    tw_ctx *ctx = tw_ctx_new(1);
    tw_real z[4];
    for (int i = 0; i < 4; i++) z[i] = (tw_real)log(y[i]);
    tw_tensor *x = tw_input_grad(ctx, z, 3, (int[]){2, 1, 2});
    tw_tensor *l = tw_ctc_loss(ctx, x, (tw_labels){label, 1}, (tw_labels){length, 1}, (tw_labels){0}, NULL);
    cr_assert_float_eq(tw_item(l), 0.3567, 5e-5);
    cr_assert_eq(tw_backward(ctx, l), TW_OK);
    assert_near(x->grad, ((tw_real[]){.1714f, -.1714f, .2143f, -.2143f}), 4, 5e-5);
    tw_ctx_free(ctx);
}

/* ---- batches ------------------------------------------------------------------------------------------- */

Test(ctc, batch_of_mixed_lengths_equals_single_samples) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_real *z = random_reals(T * N * K, 1, -2, 2), loss[N], dz[T * N * K];
    tw_tensor *x = batch(ctx, z), *y = tw_ctc_loss(ctx, x, LABELS, LENGTHS, FRAMES, &none);
    backward_ones(ctx, y);
    memcpy(loss, y->data, sizeof loss);
    memcpy(dz, x->grad, sizeof dz);
    for (int n = 0, start = 0; n < N; start += batch_length[n++]) {
        tw_real alone[T * K];
        int frames = batch_frames[n];
        for (int t = 0; t < frames; t++) memcpy(alone + t * K, z + (t * N + n) * K, K * sizeof *z);
        tw_step_begin(ctx);
        x = tw_input_grad(ctx, alone, 3, (int[]){frames, 1, K});
        y = tw_ctc_loss(ctx, x, (tw_labels){batch_label + start, (size_t)batch_length[n]},
                        (tw_labels){batch_length + n, 1}, (tw_labels){0}, &none);
        backward_ones(ctx, y);
        cr_assert_eq(y->data[0], loss[n], "sample %d", n);
        for (int t = 0; t < T; t++)
            for (int k = 0; k < K; k++)
                cr_assert_eq(dz[(t * N + n) * K + k], t < frames ? x->grad[t * K + k] : 0, "sample %d, frame %d", n, t);
    }
    free(z);
    tw_ctx_free(ctx);
}

/* What stands in padded frames is never read, and their gradient is exactly 0. */
Test(ctc, padded_frames_neither_give_nor_receive) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_real *z = random_reals(T * N * K, 1, -2, 2), *dirty = random_reals(T * N * K, 1, -2, 2), loss[N];
    for (int t = 0; t < T; t++)
        for (int n = 0; n < N; n++)
            for (int k = 0; k < K && t >= batch_frames[n]; k++) dirty[(t * N + n) * K + k] = (tw_real)NAN;
    memcpy(loss, tw_ctc_loss(ctx, batch(ctx, z), LABELS, LENGTHS, FRAMES, &none)->data, sizeof loss);
    tw_tensor *x = batch(ctx, dirty), *y = tw_ctc_loss(ctx, x, LABELS, LENGTHS, FRAMES, &none);
    backward_ones(ctx, y);
    assert_near(y->data, loss, N, 0);
    for (int t = 0; t < T; t++)
        for (int n = 0; n < N; n++)
            for (int k = 0; k < K; k++) {
                tw_real g = x->grad[(t * N + n) * K + k];
                cr_assert(t < batch_frames[n] ? isfinite(g) : g == 0);
            }
    free(z), free(dirty);
    tw_ctx_free(ctx);
}

/* A NaN inside a sample's frames is not lost on the way, wherever it is, and stays in its sample. Sample 1 has no
 * frame to spare, sample 2 an empty label. */
Test(ctc, nan_in_a_frame_shows) {
    tw_ctx *ctx = tw_ctx_new(1);
    for (int bad = 0; bad < N; bad++)
        for (int t = 0; t < batch_frames[bad]; t++)
            for (int k = 0; k < K; k++) {
                tw_real *z = random_reals(T * N * K, 1, -2, 2);
                z[(t * N + bad) * K + k] = (tw_real)NAN;
                tw_step_begin(ctx);
                tw_tensor *y = tw_ctc_loss(ctx, batch(ctx, z), LABELS, LENGTHS, FRAMES, &none);
                for (int n = 0; n < N; n++)
                    cr_assert(n == bad ? isnan(y->data[n]) : isfinite(y->data[n]), "frame %d, symbol %d of %d", t, k,
                              bad);
                free(z);
            }
    tw_ctx_free(ctx);
}

/* ---- symmetries ---------------------------------------------------------------------------------------- */

/* Reading backwards: frames and label reversed give the same loss, and the gradient reversed. */
Test(ctc, time_and_label_reversed_together) {
    enum { F = 9, S = 4, L = 5 };
    static const int32_t label[L] = {1, 1, 3, 2, 3};
    int32_t reversed[L];
    tw_ctx *ctx = tw_ctx_new(1);
    tw_real *z = random_reals(F * S, 5, -2, 2), back[F * S], loss[2], dz[2][F * S];
    for (int i = 0; i < L; i++) reversed[i] = label[L - 1 - i];
    for (int t = 0; t < F; t++) memcpy(back + t * S, z + (F - 1 - t) * S, S * sizeof *z);
    for (int i = 0; i < 2; i++) {
        tw_step_begin(ctx);
        tw_tensor *x = tw_input_grad(ctx, i ? back : z, 3, (int[]){F, 1, S});
        tw_tensor *y = tw_ctc_loss(ctx, x, (tw_labels){i ? reversed : label, L}, (tw_labels){(int32_t[]){L}, 1},
                                   (tw_labels){0}, &none);
        backward_ones(ctx, y);
        loss[i] = y->data[0];
        memcpy(dz[i], x->grad, sizeof dz[i]);
    }
    cr_assert_float_eq(loss[0], loss[1], 1e-6);
    for (int t = 0; t < F; t++) assert_near(dz[1] + t * S, dz[0] + (F - 1 - t) * S, S, 1e-6);
    free(z);
    tw_ctx_free(ctx);
}

/* Renaming the symbols, the blank too, changes nothing. */
Test(ctc, any_symbol_may_be_the_blank) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_real *z = random_reals(T * N * K, 1, -2, 2), turned[T * N * K];
    tw_tensor *want = tw_ctc_loss(ctx, batch(ctx, z), LABELS, LENGTHS, FRAMES, &none);
    for (int blank = 1; blank < K; blank++) {
        int32_t label[7];
        for (int i = 0; i < 7; i++) label[i] = (batch_label[i] + blank) % K;
        for (int i = 0; i < T * N * K; i++) turned[i / K * K + (i % K + blank) % K] = z[i];
        tw_ctc_options o = {.reduction = TW_REDUCTION_NONE, .blank = blank};
        tw_tensor *y = tw_ctc_loss(ctx, tw_input(ctx, turned, 3, (int[]){T, N, K}), (tw_labels){label, 7}, LENGTHS,
                                   FRAMES, &o);
        assert_near(y->data, want->data, N, 1e-6);
    }
    free(z);
    tw_ctx_free(ctx);
}

/* ---- labels that do not fit, and other corners --------------------------------------------------------- */

Test(ctc, labels_that_do_not_fit) {
    tw_ctx *ctx = tw_ctx_new(1);
    static const int32_t label[] = {1, 1, 2, 1, 2}, length[] = {2, 3};
    static const tw_labels labels = {label, 5}, lengths = {length, 2};
    tw_real *z = random_reals(2 * 2 * 3, 1, -2, 2);
    for (int zero = 0; zero < 2; zero++)
        for (int recording = 0; recording < 2; recording++) {
            int count = -1;
            tw_step_begin(ctx);
            tw_set_recording(ctx, recording);
            tw_tensor *x = tw_input_grad(ctx, z, 3, (int[]){2, 2, 3});
            tw_ctc_options o = {.reduction = TW_REDUCTION_NONE, .zero_infinity = zero, .infeasible = &count};
            tw_tensor *y = tw_ctc_loss(ctx, x, labels, lengths, (tw_labels){0}, &o);
            cr_assert_eq(count, 2, "both: 1 1 needs three frames, 2 1 2 too");
            for (int n = 0; n < 2; n++) cr_assert(zero ? y->data[n] == 0 : isinf(y->data[n]) && y->data[n] > 0);
            if (!recording) continue;
            backward_ones(ctx, y);
            for (int i = 0; i < 12; i++) cr_assert_eq(x->grad[i], 0);
        }
    free(z);
    tw_ctx_free(ctx);
}

/* One impossible sample: the mean is +inf and backward refuses it; with zero_infinity the others learn. */
Test(ctc, an_impossible_sample_in_a_batch) {
    tw_ctx *ctx = tw_ctx_new(1);
    static const int32_t label[] = {1, 1, 1, 2}, length[] = {3, 1};
    static const tw_labels labels = {label, 4}, lengths = {length, 2};
    tw_real *z = random_reals(4 * 2 * 3, 1, -2, 2);
    tw_tensor *x = tw_input_grad(ctx, z, 3, (int[]){4, 2, 3});
    tw_tensor *y = tw_ctc_loss(ctx, x, labels, lengths, (tw_labels){0}, NULL);
    cr_assert(isinf(tw_item(y)));
    cr_assert_eq(tw_backward(ctx, y), TW_ERR_NONFINITE);
    assert_error(ctx, TW_ERR_NONFINITE, "ctc_loss");
    for (int way = 0; way < 2; way++) { /* zero_infinity, or a weight of 0 */
        tw_step_begin(ctx);
        x = tw_input_grad(ctx, z, 3, (int[]){4, 2, 3});
        tw_ctc_options o = tw_ctc_defaults();
        o.zero_infinity = way == 0;
        o.sample_weight = way == 1 ? tw_input(ctx, (tw_real[]){0, 1}, 1, (int[]){2}) : NULL;
        y = tw_ctc_loss(ctx, x, labels, lengths, (tw_labels){0}, &o);
        cr_assert_eq(tw_backward(ctx, y), TW_OK, "%s", tw_errmsg(ctx));
        tw_real other = 0;
        for (int i = 0; i < 24; i++) {
            if (i / 3 % 2 == 0) cr_assert_eq(x->grad[i], 0);
            else other += (tw_real)fabs((double)x->grad[i]);
        }
        cr_assert_gt(other, 0.1);
    }
    free(z);
    tw_ctx_free(ctx);
}

Test(ctc, no_frames) {
    tw_ctx *ctx = tw_ctx_new(1);
    static const int32_t length[] = {0, 1}, label[] = {1};
    for (int lengths = 0; lengths < 2; lengths++) { /* T = 0, and T = 3 of which no frame counts */
        tw_step_begin(ctx);
        tw_tensor *x = tw_input_grad(ctx, (tw_real[18]){0}, 3, (int[]){lengths ? 3 : 0, 2, 3});
        tw_tensor *y = tw_ctc_loss(ctx, x, (tw_labels){label, 1}, (tw_labels){length, 2},
                                   lengths ? (tw_labels){(int32_t[]){0, 0}, 2} : (tw_labels){0}, &none);
        cr_assert(y->data[0] == 0 && isinf(y->data[1]), "0 for an empty label, else +inf");
        backward_ones(ctx, y);
        for (size_t i = 0; i < x->size; i++) cr_assert_eq(x->grad[i], 0);
    }
    cr_assert_eq(tw_ctc_log_prob(ctx, NULL, 0, 3, 3, NULL, 0, 0), 0);
    cr_assert(isinf(tw_ctc_log_prob(ctx, NULL, 0, 3, 3, label, 1, 0)));
    tw_ctx_free(ctx);
}

/* The blank alone: its probability is 1. An empty label is all blanks. */
Test(ctc, one_class_and_empty_labels) {
    tw_ctx *ctx = tw_ctx_new(1);
    static const int32_t length[] = {0};
    tw_tensor *x = tw_input_grad(ctx, (tw_real[]){3, -4, 1e4f}, 3, (int[]){3, 1, 1});
    tw_tensor *y = tw_ctc_loss(ctx, x, (tw_labels){0}, (tw_labels){length, 1}, (tw_labels){0}, NULL);
    cr_assert_eq(tw_item(y), 0);
    cr_assert_eq(tw_backward(ctx, y), TW_OK);
    assert_near(x->grad, ((tw_real[]){0, 0, 0}), 3, 0);
    tw_step_begin(ctx);
    x = tw_input_grad(ctx, (tw_real[]){0, 0, 0, (tw_real)log(3)}, 3, (int[]){2, 1, 2});
    y = tw_ctc_loss(ctx, x, (tw_labels){0}, (tw_labels){length, 1}, (tw_labels){0}, NULL);
    cr_assert_float_eq(tw_item(y), log(2) + log(4), 1e-6);
    tw_ctx_free(ctx);
}

/* A symbol the logits exclude (-inf) makes its label as impossible as one that is too long. */
Test(ctc, excluded_symbols) {
    tw_ctx *ctx = tw_ctx_new(1);
    static const int32_t label[] = {1, 2}, length[] = {1, 1};
    int count = 0;
    tw_real z[2 * 2 * 3] = {0};
    for (int i = 0; i < 4; i++) z[3 * i + 1] = -(tw_real)INFINITY;
    tw_tensor *x = tw_input_grad(ctx, z, 3, (int[]){2, 2, 3});
    tw_ctc_options o = {.reduction = TW_REDUCTION_NONE, .infeasible = &count};
    tw_tensor *y = tw_ctc_loss(ctx, x, (tw_labels){label, 2}, (tw_labels){length, 2}, (tw_labels){0}, &o);
    cr_assert(isinf(y->data[0]) && count == 1);
    cr_assert_float_eq(y->data[1], -log(0.75), 1e-6);
    backward_ones(ctx, y);
    for (int i = 0; i < 12; i++) cr_assert(i / 3 % 2 == 0 || i % 3 == 1 ? x->grad[i] == 0 : x->grad[i] != 0);
    tw_ctx_free(ctx);
}

Test(ctc, fits) {
    static const int32_t label[] = {1, 1, 2, 2, 2, 3};
    cr_assert(tw_ctc_fits(0, NULL, 0) && tw_ctc_fits(5, label, 0));
    cr_assert(!tw_ctc_fits(8, label, 6) && tw_ctc_fits(9, label, 6));
    cr_assert(!tw_ctc_fits(2, label, 2) && tw_ctc_fits(2, label + 1, 2));
    cr_assert(!tw_ctc_fits(-1, label, 0));
}

/* ---- the option mean_by_length, and the number p(l|x) -------------------------------------------------- */

Test(ctc, mean_by_length_is_pytorchs_mean) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_real *z = random_reals(T * N * K, 1, -2, 2), want = 0;
    tw_tensor *y = tw_ctc_loss(ctx, batch(ctx, z), LABELS, LENGTHS, FRAMES, &none);
    for (int n = 0; n < N; n++) want += y->data[n] / (tw_real)(batch_length[n] > 1 ? batch_length[n] : 1) / N;
    tw_ctc_options o = tw_ctc_defaults();
    cr_assert(o.reduction == TW_REDUCTION_MEAN && o.blank == 0 && !o.zero_infinity && !o.mean_by_length);
    o.mean_by_length = true;
    cr_assert_float_eq(tw_item(tw_ctc_loss(ctx, batch(ctx, z), LABELS, LENGTHS, FRAMES, &o)), want, 1e-6);
    o.reduction = TW_REDUCTION_NONE; /* only the mean is by length */
    assert_near(tw_ctc_loss(ctx, batch(ctx, z), LABELS, LENGTHS, FRAMES, &o)->data, y->data, N, 0);
    free(z);
    tw_ctx_free(ctx);
}

Test(ctc, log_prob_reads_rows_a_stride_apart) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_real *z = random_reals(T * N * K, 1, -2, 2);
    tw_tensor *y = tw_ctc_loss(ctx, batch(ctx, z), LABELS, LENGTHS, (tw_labels){0}, &none);
    for (int n = 0, start = 0; n < N; start += batch_length[n++])
        cr_assert_float_eq(tw_ctc_log_prob(ctx, z + n * K, T, K, N * K, batch_label + start, batch_length[n], 0),
                           -y->data[n], 1e-5);
    cr_assert(isnan(tw_ctc_log_prob(ctx, z, T, K, K, batch_label, 3, 2)), "the blank is in the label");
    assert_error(ctx, TW_ERR_RANGE, "ctc_log_prob");
    cr_assert(isnan(tw_ctc_log_prob(ctx, z, T, K, K, batch_label, 3, K)));
    tw_error_clear(ctx);
    free(z);
    tw_ctx_free(ctx);
}

/* ---- errors -------------------------------------------------------------------------------------------- */

Test(ctc, errors_come_before_anything_is_read) {
    static const int32_t good_length[] = {2, 1}, negative[] = {4, -1}, short_sum[] = {1, 1}, frames[] = {3, 4},
                         below[] = {-1, 3};
    static const int32_t good[] = {1, 2, 1}, with_blank[] = {1, 0, 1}, too_large[] = {1, 3, 1}, minus[] = {1, 2, -5};
    const tw_labels labels = {good, 3}, lengths = {good_length, 2}, all = {0};
    const struct {
        tw_labels labels, lengths, frames;
        int blank, ndim;
        tw_err err;
        const char *message;
    } wrong[] = {
        {labels, lengths, all, 0, 2, TW_ERR_SHAPE, "ctc_loss: logits are [T,N,K], not \"y\" [3,6]"},
        {labels, lengths, all, 3, 3, TW_ERR_RANGE, "the blank 3 is outside 0..2: logits [T,N,K] \"y\" [3,2,3]"},
        {labels, lengths, all, -1, 3, TW_ERR_RANGE, "the blank -1 is outside 0..2"},
        {labels, {good_length, 1}, all, 0, 3, TW_ERR_SHAPE, "1 label lengths for 2 samples"},
        {labels, lengths, {frames, 1}, 0, 3, TW_ERR_SHAPE, "1 input lengths for 2 samples"},
        {labels, lengths, {frames, 0}, 0, 3, TW_ERR_SHAPE, "0 input lengths for 2 samples"},
        {{NULL, 3}, lengths, all, 0, 3, TW_ERR_RANGE, "labels or lengths are NULL"},
        {labels, {NULL, 2}, all, 0, 3, TW_ERR_RANGE, "labels or lengths are NULL"},
        {labels, lengths, {NULL, 2}, 0, 3, TW_ERR_RANGE, "labels or lengths are NULL"},
        {labels, {negative, 2}, all, 0, 3, TW_ERR_RANGE, "label length -1 of sample 1 is negative"},
        {labels, {short_sum, 2}, all, 0, 3, TW_ERR_SHAPE, "the label lengths add up to 2, but there are 3 symbols"},
        {labels, lengths, {frames, 2}, 0, 3, TW_ERR_RANGE, "input length 4 of sample 1 is outside 0..3"},
        {labels, lengths, {below, 2}, 0, 3, TW_ERR_RANGE, "input length -1 of sample 0 is outside 0..3"},
        {{with_blank, 3}, lengths, all, 0, 3, TW_ERR_RANGE, "symbol 0 at position 1 of the labels is the blank"},
        {labels, lengths, all, 2, 3, TW_ERR_RANGE, "symbol 2 at position 1 of the labels is the blank"},
        {{too_large, 3}, lengths, all, 0, 3, TW_ERR_RANGE, "symbol 3 at position 1 of the labels is outside 0..2"},
        {{minus, 3}, lengths, all, 0, 3, TW_ERR_RANGE, "symbol -5 at position 2 of the labels is outside 0..2"},
    };
    tw_ctx *ctx = tw_ctx_new(1);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        tw_step_begin(ctx);
        tw_tensor *x = tw_full(ctx, 0, wrong[i].ndim, wrong[i].ndim == 3 ? (int[]){3, 2, 3} : (int[]){3, 6});
        tw_ctc_options o = {.blank = wrong[i].blank};
        cr_assert_null(tw_ctc_loss(ctx, tw_set_name(x, "y"), wrong[i].labels, wrong[i].lengths, wrong[i].frames, &o));
        assert_error(ctx, wrong[i].err, wrong[i].message);
    }
    cr_assert_null(tw_ctc_loss(ctx, NULL, labels, lengths, all, NULL));
    cr_assert_eq(tw_error(ctx), TW_OK, "NULL in, NULL out");
    tw_ctx_free(ctx);
}
