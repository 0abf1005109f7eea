/* test_break_shapes.c - every operation, layer and loss on shapes that nobody means: PyTorch's value, or one sentence
 * with names and shapes. (Empty batches of every loss: costs/empty_batch.) */
#include "util_shapes.h"

#include "util_costs.h"

Test(break_shapes, equal_pytorch) {
    fixture *f = fixture_load("shapes.txt");
    tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.threads = 2});
    tw_tensor *in[SHAPE_MOST_INPUTS];
    size_t run = 0, have = 0;
    for (size_t i = 0; i < fixture_count(f); i++) {
        const char *name = fixture_name(f, i);
        have += strcmp(name + strlen(name) - 2, ".y") == 0;
    }
    for (size_t i = 0; i < shape_count(); i++)
        for (int v = 0; tw_step_begin(ctx), shape_inputs(ctx, f, shape_at(i), v, in); v++, run++) {
            tw_step_begin(ctx);
            shape_equals_pytorch(ctx, f, shape_at(i), v, 1e-4);
        }
    cr_assert_eq(run, have, "the fixture has %zu cases, %zu were found by their names", have, run);
    tw_ctx_free(ctx);
    fixture_free(f);
}

/* ---- is every function of the headers there? ------------------------------------------------------------------- */

/* What makes tensors out of nothing, or is tested below. */
static const char *const elsewhere[] = {
    "tw_input",
    "tw_input_grad",
    "tw_full",
    "tw_randn",
    "tw_rand",
    "tw_detach",
    "tw_keep_grad",
    "tw_set_name",
    "tw_param",
    "tw_buffer",
    "tw_params_at",
    "tw_params_find",
    "tw_forward",
    "tw_lstm",
    "tw_gru",
    "tw_focal_loss",
    "tw_ctc_loss",
    "tw_cost_apply",
    "tw_sequential",
    "tw_binary_focal_loss",
    "tw_balanced_ce_loss",
    "tw_binary_balanced_ce_loss", /* one class, no weight: the registry, below */
    "tw_batchnorm",               /* the cases call it without its layer */
};

static bool is_tested(const char *name) {
    char call[80];
    snprintf(call, sizeof call, "%s(", name);
    for (size_t i = 0; i < shape_count(); i++)
        if (strstr(shape_at(i)->text, call)) return true;
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
        if (!strcmp(elsewhere[i], name)) return true;
    return false;
}

Test(break_shapes, every_function_of_the_headers) {
    static const char *const headers[] = {"tensor.h", "layers.h", "losses.h"};
    int seen = 0;
    for (int h = 0; h < 3; h++) {
        char path[64], line[512];
        snprintf(path, sizeof path, "include/thalweg/%s", headers[h]);
        FILE *f = fopen(path, "r");
        cr_assert_not_null(f, "%s", path);
        while (fgets(line, sizeof line, f)) {
            char name[64], *layer;
            if (sscanf(line, "TW_API tw_tensor *%60[a-z0-9_](", name) != 1) {
                if (sscanf(line, "TW_API tw_layer *%60[a-z0-9_](", name) != 1) continue;
                cr_assert_not_null(layer = strstr(name, "_new"));
                *layer = 0; /* tw_dense_new makes what calls tw_dense */
            }
            seen++;
            cr_assert(is_tested(name), "%s: %s has no case in tests/util_shapes.c", path, name);
        }
        fclose(f);
    }
    cr_assert_geq(seen, 70);
}

/* ---- what cannot be is one sentence with names and shapes ------------------------------------------------------ */

static tw_tensor *t_of(tw_ctx *ctx, const int *dim) {
    int n = 0;
    while (dim[n] >= 0) n++;
    return tw_set_name(random_leaf(ctx, 1, -1, 1, n, dim), "x");
}
#define T(...) t_of(ctx, (int[]){__VA_ARGS__, -1})
#define REFUSED(code, part, ...)                         \
    do {                                                 \
        tw_step_begin(ctx);                              \
        cr_assert_null(__VA_ARGS__, "%s", #__VA_ARGS__); \
        assert_error(ctx, code, part);                   \
    } while (0)
#define CONV(...) \
    &(tw_conv2d_options) { __VA_ARGS__ }
#define POOL(...) \
    &(tw_pool2d_options) { __VA_ARGS__ }

Test(break_shapes, what_cannot_be) {
    tw_ctx *ctx = tw_ctx_new(1);
    static const int32_t zero[4];
    const int axis = 0;
    REFUSED(TW_ERR_SHAPE, "add: the shapes do not broadcast: \"x\" [0] and \"x\" [2]", tw_add(ctx, T(0), T(2)));
    REFUSED(TW_ERR_SHAPE, "matmul: inner sizes differ: \"x\" [2,0] x \"x\" [1,3]",
            tw_matmul(ctx, T(2, 0), false, T(1, 3), false));
    REFUSED(TW_ERR_SHAPE, "\"x\" [0]", tw_matmul(ctx, T(0), false, T(0, 3), false));
    REFUSED(TW_ERR_SHAPE, "amax: axis 0 has no elements, so none is the largest: \"x\" [0,2]",
            tw_amax(ctx, T(0, 2), 1, &axis, false));
    REFUSED(TW_ERR_SHAPE, "amax: axis 1 has no elements", tw_amax(ctx, T(2, 0), 0, NULL, false));
    REFUSED(TW_ERR_SHAPE, "max: axis 1 has no elements, so none is the largest: \"x\" [2,0]",
            tw_max(ctx, T(2, 0), -1, false, NULL));
    REFUSED(TW_ERR_RANGE, "max: axis 1 of a tensor with 0 dimensions: []",
            tw_max(ctx, tw_full(ctx, 1, 0, NULL), 1, false, NULL));
    REFUSED(TW_ERR_RANGE, "softmax: axis -2 of a tensor with 0 dimensions: []",
            tw_softmax(ctx, tw_full(ctx, 1, 0, NULL), -2));
    REFUSED(TW_ERR_RANGE, "sum: axis 0 is given twice: []",
            tw_sum(ctx, tw_full(ctx, 1, 0, NULL), 2, (int[]){0, -1}, false));
    REFUSED(TW_ERR_RANGE, "slice: axis 0 of a tensor with 0 dimensions",
            tw_slice(ctx, tw_full(ctx, 1, 0, NULL), 0, 0, 0));
    REFUSED(TW_ERR_RANGE, "concat: axis 0 of a tensor with 0 dimensions",
            tw_concat(ctx, 1, (tw_tensor *[]){tw_full(ctx, 1, 0, NULL)}, 0));
    REFUSED(TW_ERR_RANGE, "concat", tw_concat(ctx, 0, NULL, 0));
    REFUSED(TW_ERR_RANGE, "slice: 0 to 1 is not within the 0 elements of axis 0: \"x\" [0,2]",
            tw_slice(ctx, T(0, 2), 0, 0, 1));
    REFUSED(TW_ERR_SHAPE, "\"x\" [0,2]", tw_reshape(ctx, T(0, 2), 2, (int[]){0, -1}));
    REFUSED(TW_ERR_RANGE, "pad: axis 0 reflects fewer elements than it has, not 1 before and 0 after: \"x\" [1]",
            tw_pad(ctx, T(1), (int[]){1}, (int[]){0}, TW_PAD_REFLECT, 0));
    REFUSED(TW_ERR_RANGE, "pad: axis 0 has no element to repeat: \"x\" [0]",
            tw_pad(ctx, T(0), (int[]){1}, (int[]){0}, TW_PAD_REPLICATE, 0));
    REFUSED(TW_ERR_RANGE, "would have a length of -1: \"x\" [2]",
            tw_pad(ctx, T(2), (int[]){-3}, (int[]){0}, TW_PAD_CONSTANT, 0));
    REFUSED(TW_ERR_RANGE, "would have a length of 4294967296: \"x\" [2]",
            tw_pad(ctx, T(2), (int[]){INT32_MAX}, (int[]){INT32_MAX}, TW_PAD_CONSTANT, 0));
    REFUSED(TW_ERR_SHAPE, "dense: ", tw_dense(ctx, T(2, 0), T(3, 1), NULL, TW_ACT_NONE));
    REFUSED(TW_ERR_SHAPE,
            "conv2d: the kernel is larger than the input with padding 0x0: \"x\" [1,1,2,2], \"x\" [1,1,3,3]",
            tw_conv2d(ctx, T(1, 1, 2, 2), T(1, 1, 3, 3), NULL, NULL));
    REFUSED(TW_ERR_SHAPE, "conv2d: the kernel is larger than the input with padding 0x1: \"x\" [1,1,2,2]",
            tw_conv2d(ctx, T(1, 1, 2, 2), T(1, 1, 3, 3), NULL, CONV(.pad_w = 1)));
    REFUSED(TW_ERR_SHAPE, "conv2d: the kernel dilated by 2x2 reaches over 5x5 pixels",
            tw_conv2d(ctx, T(1, 1, 4, 4), T(1, 1, 3, 3), NULL, CONV(.dilation_h = 2, .dilation_w = 2)));
    REFUSED(TW_ERR_SHAPE, "conv2d: the kernel is larger than the input with padding 0x0: \"x\" [1,1,0,0]",
            tw_conv2d(ctx, T(1, 1, 0, 0), T(1, 1, 1, 1), NULL, NULL));
    REFUSED(TW_ERR_SHAPE, "conv2d: pooling's window of 2x2 does not fit into an output of 1x1",
            tw_conv2d(ctx, T(1, 1, 1, 1), T(1, 1, 1, 1), NULL, CONV(.pool_h = 2, .pool_w = 2)));
    REFUSED(TW_ERR_SHAPE, "conv2d: the weight is [out,in,kh,kw], none of them 0, not \"x\" [1,0,1,1]",
            tw_conv2d(ctx, T(1, 0, 1, 1), T(1, 0, 1, 1), NULL, NULL));
    REFUSED(TW_ERR_SHAPE, "conv2d: a picture has at most 2147483647 pixels, padding 2147483647x2147483647",
            tw_conv2d(ctx, T(1, 1, 1, 1), T(1, 1, 1, 1), NULL, CONV(.pad_h = INT32_MAX, .pad_w = INT32_MAX)));
    REFUSED(TW_ERR_SHAPE, "max_pool2d: a window of 3x3 does not fit into the input with padding 0x0: \"x\" [1,1,2,2]",
            tw_max_pool2d(ctx, T(1, 1, 2, 2), 3, 3, NULL));
    REFUSED(TW_ERR_SHAPE, "avg_pool2d: a window of 4x4 does not fit into the input with padding 1x1: \"x\" [1,1,1,1]",
            tw_avg_pool2d(ctx, T(1, 1, 1, 1), 4, 4, POOL(.pad_h = 1, .pad_w = 1)));
    REFUSED(TW_ERR_SHAPE, "max_pool2d: a window of 1x1 does not fit", tw_max_pool2d(ctx, T(1, 1, 0, 2), 1, 1, NULL));
    REFUSED(TW_ERR_RANGE, "max_pool2d: a window is at least 1x1, not 0x1",
            tw_max_pool2d(ctx, T(1, 1, 1, 1), 0, 1, NULL));
    REFUSED(TW_ERR_SHAPE, "layer_norm: ", tw_layer_norm(ctx, T(2, 3), 1, (int[]){2}, NULL, NULL, 0));
    REFUSED(TW_ERR_RANGE, "embedding: ", tw_embedding(ctx, T(0, 2), (tw_labels){zero, 1}, 1, (int[]){1}, NULL));
    REFUSED(TW_ERR_SHAPE, "embedding: ", tw_embedding(ctx, T(1, 2), (tw_labels){zero, 0}, 1, (int[]){1}, NULL));
    REFUSED(TW_ERR_SHAPE, "image_to_sequence: ", tw_image_to_sequence(ctx, T(1, 1, 1)));
    REFUSED(TW_ERR_RANGE, "cross_entropy_loss: class 0 at position 0 is outside 0..-1: \"x\" [1,0]",
            tw_cross_entropy_loss(ctx, T(1, 0), (tw_labels){zero, 1}, NULL));
    REFUSED(TW_ERR_RANGE, "nll_loss: class 0 at position 0 is outside",
            tw_nll_loss(ctx, T(1, 0), (tw_labels){zero, 1}, NULL));
    REFUSED(TW_ERR_SHAPE, "mse_loss: the prediction and the target differ in shape: \"x\" [0,2] and \"x\" [0,3]",
            tw_mse_loss(ctx, T(0, 2), T(0, 3), NULL));
    REFUSED(TW_ERR_RANGE, "ctc_loss: the blank 0 is outside",
            tw_ctc_loss(ctx, T(2, 1, 0), (tw_labels){0}, (tw_labels){zero, 1}, (tw_labels){0}, NULL));
    REFUSED(TW_ERR_RANGE, "ctc_loss: ",
            tw_ctc_loss(ctx, T(2, 1, 1), (tw_labels){(int32_t[]){1}, 1}, (tw_labels){(int32_t[]){1}, 1}, (tw_labels){0},
                        NULL));
    REFUSED(TW_ERR_RANGE, "ctc_loss: ",
            tw_ctc_loss(ctx, T(0, 1, 2), (tw_labels){0}, (tw_labels){zero, 1}, (tw_labels){(int32_t[]){1}, 1}, NULL));
    tw_params *p = tw_params_new(ctx);
    REFUSED(TW_ERR_RANGE, "batchnorm: one value per channel has no variance to train with: \"x\" [1,2,1,1]",
            tw_forward(ctx, tw_batchnorm_new(p, "bn", 2, NULL), T(1, 2, 1, 1)));
    REFUSED(TW_ERR_RANGE, "dense", tw_dense_new(p, "d", 0, 3, NULL));
    REFUSED(TW_ERR_RANGE, "dense", tw_dense_new(p, "d", 3, 0, NULL));
    REFUSED(TW_ERR_RANGE, "conv2d", tw_conv2d_new(p, "c", 0, 1, 1, 1, NULL));
    REFUSED(TW_ERR_RANGE, "conv2d", tw_conv2d_new(p, "c", 1, 1, 0, 1, NULL));
    REFUSED(TW_ERR_RANGE, "lstm", tw_lstm_new(p, "l", 0, 1, NULL));
    REFUSED(TW_ERR_RANGE, "gru", tw_gru_new(p, "g", 1, 0, NULL));
    REFUSED(TW_ERR_RANGE, "embedding", tw_embedding_new(p, "e", 0, 1, NULL));
    tw_params_free(p);
    tw_ctx_free(ctx);
}

/* ---- losses: one class, no weight, CTC ------------------------------------------------------------------------- */

/* Of one class there is no doubt: the softmax is 1, the loss 0, and nothing is to be learned. */
Test(break_shapes, losses_of_one_class) {
    tw_ctx *ctx = tw_ctx_new(1);
    static const int32_t zero[3];
    int tried = 0;
    for (size_t i = 0; i < every_cost_count(); i++) {
        const tw_cost_layer *layer = every_cost_at(i);
        if (!tw_cost_accepts(layer, TW_TARGET_CLASSES)) continue;
        tw_step_begin(ctx);
        tw_cost cost;
        cr_assert_eq(tw_cost_find(ctx, tw_cost_name(layer), &cost), TW_OK);
        if (tw_cost_form(&cost) != TW_FORM_LOGITS) continue;
        tw_tensor *z = random_leaf(ctx, 1, -50, 50, 2, (int[]){3, 1});
        tw_tensor *loss = tw_cost_apply(ctx, &cost, z, &(tw_target){.classes = {zero, 3}});
        cr_assert_eq(tw_item(loss), 0, "%s: %g %s", tw_cost_name(layer), (double)tw_item(loss), tw_errmsg(ctx));
        cr_assert_eq(tw_backward(ctx, loss), TW_OK);
        for (int k = 0; k < 3; k++) cr_assert_eq(z->grad[k], 0, "%s", tw_cost_name(layer));
        tried++;
    }
    cr_assert_geq(tried, 3);
    tw_ctx_free(ctx);
}

/* All samples left out: the loss is 0, whatever the reduction, and so is the gradient. */
Test(break_shapes, losses_without_any_weight) {
    static const char *const ways[] = {"reduction=none", "reduction=sum", "reduction=mean", "reduction=batchmean"};
    tw_ctx *ctx = tw_ctx_new(1);
    for (size_t i = 0; i < every_cost_count(); i++)
        for (size_t v = 0; every_variant(every_cost_at(i), v); v++)
            for (int way = 0; way < 4; way++) {
                tw_step_begin(ctx);
                problem p = problem_draw(ctx, every_cost_at(i), every_variant(every_cost_at(i), v), 5 + v);
                tw_real *weight = calloc(p.samples + 1, sizeof *weight);
                result r = problem_run(ctx, &p, ways[way], weight, NULL);
                for (size_t k = 0; k < r.n; k++)
                    cr_assert_eq(r.loss[k], 0, "%s:%s %s: %g", tw_cost_name(p.cost), p.variant, ways[way],
                                 (double)r.loss[k]);
                for (size_t k = 0; k < p.size; k++) cr_assert_eq(r.pred[k], 0, "%s", tw_cost_name(p.cost));
                result_free(&r);
                free(weight);
                problem_free(&p);
            }
    tw_ctx_free(ctx);
}

/* A term of CTC for each of N samples, and its gradient, with labels of 1s. */
static void ctc(tw_ctx *ctx, int T, int N, int K, const int32_t *lengths, const int32_t *label_lengths,
                bool zero_infinity, tw_real *loss, tw_real *grad) {
    static const int32_t ones[] = {1, 1, 1, 1, 1, 1, 1, 1};
    tw_ctc_options o = tw_ctc_defaults();
    size_t symbols = 0;
    o.reduction = TW_REDUCTION_NONE;
    o.zero_infinity = zero_infinity;
    for (int n = 0; n < N; n++) symbols += (size_t)label_lengths[n];
    tw_step_begin(ctx);
    tw_tensor *z = random_leaf(ctx, 1, -1, 1, 3, (int[]){T, N, K});
    tw_tensor *y = tw_ctc_loss(ctx, z, (tw_labels){ones, symbols}, (tw_labels){label_lengths, (size_t)N},
                               lengths ? (tw_labels){lengths, (size_t)N} : (tw_labels){0}, &o);
    cr_assert_not_null(y, "%s", tw_errmsg(ctx));
    assert_tensor(ctx, y, 1, &N, NULL, 0);
    tw_real up[8] = {1, 1, 1, 1, 1, 1, 1, 1};
    cr_assert_eq(tw_backward_from(ctx, y, up), TW_OK, "%s", tw_errmsg(ctx));
    if (N) memcpy(loss, y->data, (size_t)N * sizeof *loss);
    if (z->size) memcpy(grad, z->grad, z->size * sizeof *grad);
}

Test(break_shapes, ctc_of_nothing) {
    tw_ctx *ctx = tw_ctx_new(1);
    const tw_real inf = (tw_real)INFINITY;
    tw_real loss[4], grad[64];
    /* no frames: the empty text is certain, any other impossible */
    ctc(ctx, 0, 2, 3, NULL, (int32_t[]){0, 1}, false, loss, grad);
    cr_assert(loss[0] == 0 && loss[1] == inf);
    ctc(ctx, 0, 2, 3, NULL, (int32_t[]){0, 1}, true, loss, grad);
    cr_assert(loss[0] == 0 && loss[1] == 0);
    ctc(ctx, 4, 3, 2, (int32_t[]){0, 0, 2}, (int32_t[]){0, 2, 1}, false, loss, grad);
    cr_assert(loss[0] == 0 && loss[1] == inf && isfinite(loss[2]));
    for (int t = 0; t < 4; t++)
        for (int n = 0; n < 3; n++)
            for (int k = 0; k < 2; k++) {
                const tw_real g = grad[(t * 3 + n) * 2 + k];
                cr_assert(n == 2 && t < 2 ? g != 0 && isfinite(g) : g == 0);
            }
    /* the blank alone: every frame is it, and the empty text certain */
    ctc(ctx, 5, 2, 1, NULL, (int32_t[]){0, 0}, false, loss, grad);
    cr_assert(loss[0] == 0 && loss[1] == 0);
    for (int i = 0; i < 10; i++) cr_assert_eq(grad[i], 0);
    /* no samples */
    ctc(ctx, 5, 0, 3, NULL, NULL, false, loss, grad);
    ctc(ctx, 0, 0, 1, NULL, NULL, false, loss, grad);
    /* an empty label: minus the sum of the blank's log-probabilities */
    ctc(ctx, 3, 1, 2, NULL, (int32_t[]){0}, false, loss, grad);
    tw_step_begin(ctx);
    const tw_tensor *p = tw_log_softmax(ctx, random_leaf(ctx, 1, -1, 1, 3, (int[]){3, 1, 2}), -1);
    cr_assert(near((double)loss[0], -(double)(p->data[0] + p->data[2] + p->data[4]), 1e-6));
    cr_assert(tw_ctc_fits(0, NULL, 0) && !tw_ctc_fits(0, (int32_t[]){1}, 1));
    cr_assert_eq(tw_ctc_log_prob(ctx, NULL, 0, 3, 3, NULL, 0, 0), 0);
    cr_assert_eq(tw_ctc_log_prob(ctx, NULL, 0, 3, 3, (int32_t[]){1}, 1, 0), -INFINITY);
    tw_ctx_free(ctx);
}
