/* util_shapes.c - see util_shapes.h. A case has the name that tests/fixtures/make_shapes.py gives it. */
#include "util_shapes.h"

#include "layers/batchnorm.h"

static const int32_t zeros[8];

/* Class 0 for every position of x [N,K,..]. */
static tw_labels class_0(const tw_tensor *x) {
    size_t n = (size_t)x->dim[0];
    for (int i = 2; i < x->ndim; i++) n *= (size_t)x->dim[i];
    return (tw_labels){zeros, n};
}

static tw_tensor *quarter(tw_ctx *ctx, const tw_tensor *x) { return tw_full(ctx, (tw_real)0.25, x->ndim, x->dim); }

static tw_tensor *normed(tw_ctx *ctx, tw_tensor *const *in, bool training) {
    const int *C = in[1]->dim;
    tw_set_training(ctx, training);
    tw_tensor *y = tw__batchnorm(ctx, in[0], in[1], in[2], tw_full(ctx, (tw_real)0.5, 1, C), tw_full(ctx, 2, 1, C),
                                 tw_full(ctx, 0, 0, NULL), &(tw_batchnorm_options){0});
    tw_set_training(ctx, true);
    return y;
}

#define AXIS(i) \
    1, &(int) { i }
#define PAIR(a, b) ((int[]){a, b})
#define CONV(...) tw_conv2d(ctx, in[0], in[1], in[2], &(tw_conv2d_options){__VA_ARGS__})
#define LOSS(kind, a, b, way) tw_##kind##_loss(ctx, a, b, &(tw_##kind##_options){.reduction = TW_REDUCTION_##way})
#define CROSS(kind, function, target, way) \
    tw_##function##_loss(                  \
        ctx, in[0], target,                \
        &(tw_##kind##_options){.reduction = TW_REDUCTION_##way, .ignore_index = -100, .strict_mean = true})
#define KL(way)                                    \
    tw_kl_div_loss(                                \
        ctx, (tw_kl_pair){.q = in[0], .p = in[1]}, \
        &(tw_kl_div_options){.reduction = TW_REDUCTION_##way, .q_form = TW_FORM_LOG_PROBS, .p_form = TW_FORM_PROBS})

#define REDUCED(X, way, WAY)                                                                                          \
    X(mse_##way, 2, LOSS(mse, in[0], in[1], WAY))                                                                     \
    X(mae_##way, 2, LOSS(mae, in[0], in[1], WAY))                                                                     \
    X(huber_##way, 2, tw_huber_loss(ctx, in[0], in[1], &(tw_huber_options){TW_REDUCTION_##WAY, NULL, 1}))             \
    X(smooth_l1_##way, 2, tw_smooth_l1_loss(ctx, in[0], in[1], &(tw_smooth_l1_options){TW_REDUCTION_##WAY, NULL, 1})) \
    X(kl_div_##way, 2, KL(WAY))                                                                                       \
    X(bce_logits_##way, 1,                                                                                            \
      tw_bce_logits_loss(ctx, in[0], quarter(ctx, in[0]), &(tw_bce_options){.reduction = TW_REDUCTION_##WAY}))        \
    X(bce_##way, 1,                                                                                                   \
      tw_bce_loss(ctx, tw_sigmoid(ctx, in[0]), quarter(ctx, in[0]),                                                   \
                  &(tw_bce_options){.reduction = TW_REDUCTION_##WAY}))                                                \
    X(cross_entropy_##way, 1, CROSS(cross_entropy, cross_entropy, class_0(in[0]), WAY))                               \
    X(nll_##way, 1, CROSS(nll, nll, class_0(in[0]), WAY))                                                             \
    X(soft_cross_entropy_##way, 2, CROSS(cross_entropy, soft_cross_entropy, in[1], WAY))

#define CASES(X)                                                                                  \
    X(add, 2, tw_add(ctx, in[0], in[1]))                                                          \
    X(sub, 2, tw_sub(ctx, in[0], in[1]))                                                          \
    X(mul, 2, tw_mul(ctx, in[0], in[1]))                                                          \
    X(div, 2, tw_div(ctx, in[0], in[1]))                                                          \
    X(scale, 1, tw_scale(ctx, in[0], 3))                                                          \
    X(exp, 1, tw_exp(ctx, in[0]))                                                                 \
    X(log, 1, tw_log(ctx, in[0]))                                                                 \
    X(sqrt, 1, tw_sqrt(ctx, in[0]))                                                               \
    X(relu, 1, tw_relu(ctx, in[0]))                                                               \
    X(leaky_relu, 1, tw_leaky_relu(ctx, in[0], (tw_real)0.1))                                     \
    X(sigmoid, 1, tw_sigmoid(ctx, in[0]))                                                         \
    X(tanh, 1, tw_tanh(ctx, in[0]))                                                               \
    X(gelu, 1, tw_gelu(ctx, in[0]))                                                               \
    X(gelu_tanh, 1, tw_gelu_tanh(ctx, in[0]))                                                     \
    X(activation, 1, tw_activation(ctx, in[0], TW_ACT_RELU))                                      \
    X(dropout_all, 1, tw_dropout(ctx, in[0], 1))                                                  \
    X(dropout_none, 1, tw_dropout(ctx, in[0], 0))                                                 \
    X(matmul, 2, tw_matmul(ctx, in[0], false, in[1], false))                                      \
    X(matmul_tn, 2, tw_matmul(ctx, in[0], true, in[1], false))                                    \
    X(matmul_nt, 2, tw_matmul(ctx, in[0], false, in[1], true))                                    \
    X(matmul_tt, 2, tw_matmul(ctx, in[0], true, in[1], true))                                     \
    X(sum, 1, tw_sum(ctx, in[0], 0, NULL, false))                                                 \
    X(mean, 1, tw_mean(ctx, in[0], 0, NULL, false))                                               \
    X(sum_last, 1, tw_sum(ctx, in[0], AXIS(-1), false))                                           \
    X(sum_first, 1, tw_sum(ctx, in[0], AXIS(0), true))                                            \
    X(mean_last, 1, tw_mean(ctx, in[0], AXIS(-1), false))                                         \
    X(amax, 1, tw_amax(ctx, in[0], AXIS(-1), false))                                              \
    X(max, 1, tw_max(ctx, in[0], -1, false, NULL))                                                \
    X(max_first, 1, tw_max(ctx, in[0], 0, false, NULL))                                           \
    X(softmax, 1, tw_softmax(ctx, in[0], -1))                                                     \
    X(softmax_first, 1, tw_softmax(ctx, in[0], 0))                                                \
    X(log_softmax, 1, tw_log_softmax(ctx, in[0], -1))                                             \
    X(log_softmax_first, 1, tw_log_softmax(ctx, in[0], 0))                                        \
    X(reshape, 1, tw_reshape(ctx, in[0], 2, PAIR(0, 5)))                                          \
    X(reshape_number, 1, tw_reshape(ctx, in[0], 0, NULL))                                         \
    X(reshape_guess, 1, tw_reshape(ctx, in[0], 2, PAIR(-1, 1)))                                   \
    X(permute, 1, tw_permute(ctx, in[0], (int[]){2, 0, 1}))                                       \
    X(concat, 3, tw_concat(ctx, 3, in, 0))                                                        \
    X(concat_last, 2, tw_concat(ctx, 2, in, -1))                                                  \
    X(slice_nothing, 1, tw_slice(ctx, in[0], 0, 0, 0))                                            \
    X(slice_all, 1, tw_slice(ctx, in[0], 0, 0, in[0]->dim[0]))                                    \
    X(pad_none, 1, tw_pad(ctx, in[0], PAIR(0, 0), PAIR(0, 0), TW_PAD_CONSTANT, 7))                \
    X(pad, 1, tw_pad(ctx, in[0], PAIR(1, 40), PAIR(60, 3), TW_PAD_CONSTANT, (tw_real)0.5))        \
    X(pad_off, 1, tw_pad(ctx, in[0], PAIR(0, -1), PAIR(-2, 0), TW_PAD_CONSTANT, 0))               \
    X(pad_reflect, 1, tw_pad(ctx, in[0], PAIR(0, 1), PAIR(0, 1), TW_PAD_REFLECT, 0))              \
    X(pad_replicate, 1, tw_pad(ctx, in[0], PAIR(0, 30), PAIR(0, 1), TW_PAD_REPLICATE, 0))         \
    X(dense, 3, tw_dense(ctx, in[0], in[1], in[2], TW_ACT_NONE))                                  \
    X(dense_relu, 3, tw_dense(ctx, in[0], in[1], in[2], TW_ACT_RELU))                             \
    X(conv, 3, tw_conv2d(ctx, in[0], in[1], in[2], NULL))                                         \
    X(conv_pad, 3, CONV(.pad_h = 1, .pad_w = 1))                                                  \
    X(conv_pad5, 3, CONV(.pad_h = 2, .pad_w = 2))                                                 \
    X(conv_huge_pad, 3, CONV(.pad_h = 6, .pad_w = 6))                                             \
    X(conv_stride, 3, CONV(.stride_h = 7, .stride_w = 7))                                         \
    X(conv_dilation, 3, CONV(.pad_h = 5, .pad_w = 5, .dilation_h = 5, .dilation_w = 5))           \
    X(conv_depthwise, 3, CONV(.pad_h = 1, .pad_w = 1, .groups = 3))                               \
    X(conv_pooled, 3, CONV(.pad_h = 1, .pad_w = 1, .act = TW_ACT_RELU, .pool_h = 2, .pool_w = 2)) \
    X(max_pool_1, 1, tw_max_pool2d(ctx, in[0], 1, 1, NULL))                                       \
    X(max_pool_pad, 1, tw_max_pool2d(ctx, in[0], 3, 3, &(tw_pool2d_options){3, 3, 1, 1}))         \
    X(max_pool_whole, 1, tw_max_pool2d(ctx, in[0], 3, 4, NULL))                                   \
    X(max_pool_stride, 1, tw_max_pool2d(ctx, in[0], 2, 2, &(tw_pool2d_options){9, 9, 0, 0}))      \
    X(avg_pool_1, 1, tw_avg_pool2d(ctx, in[0], 1, 1, NULL))                                       \
    X(avg_pool_pad, 1, tw_avg_pool2d(ctx, in[0], 3, 3, &(tw_pool2d_options){3, 3, 1, 1}))         \
    X(avg_pool_whole, 1, tw_avg_pool2d(ctx, in[0], 3, 4, NULL))                                   \
    X(avg_pool_stride, 1, tw_avg_pool2d(ctx, in[0], 2, 2, &(tw_pool2d_options){9, 9, 0, 0}))      \
    X(global_avg_pool, 1, tw_global_avg_pool2d(ctx, in[0]))                                       \
    X(batchnorm, 3, normed(ctx, in, true))                                                        \
    X(batchnorm_eval, 3, normed(ctx, in, false))                                                  \
    X(layer_norm, 3, tw_layer_norm(ctx, in[0], 1, in[1]->dim, in[1], in[2], 0))                   \
    X(embedding_none, 1, tw_embedding(ctx, in[0], (tw_labels){zeros, 0}, 1, &(int){0}, NULL))     \
    X(embedding_one, 1, tw_embedding(ctx, in[0], (tw_labels){zeros, 2}, 2, PAIR(2, 1), NULL))     \
    X(flatten, 1, tw_flatten(ctx, in[0]))                                                         \
    X(image_to_sequence, 1, tw_image_to_sequence(ctx, in[0]))                                     \
    REDUCED(X, mean, MEAN)                                                                        \
    REDUCED(X, sum, SUM)                                                                          \
    REDUCED(X, none, NONE)

#define FUNCTION(name, n, ...) \
    static tw_tensor *name##_of(tw_ctx *ctx, tw_tensor *const *in) { return __VA_ARGS__; }
CASES(FUNCTION)
#define TEXT(...) #__VA_ARGS__
#define ROW(name, n, ...) {#name, n, name##_of, TEXT(__VA_ARGS__)},
static const shape_case cases[] = {CASES(ROW)};

size_t shape_count(void) { return sizeof cases / sizeof *cases; }
const shape_case *shape_at(size_t i) { return &cases[i]; }

/* ---- the fixture ----------------------------------------------------------------------------------------------- */

bool shape_inputs(tw_ctx *ctx, const fixture *f, const shape_case *c, int v, tw_tensor *in[SHAPE_MOST_INPUTS]) {
    char name[64];
    for (int i = 0; i < c->inputs; i++) {
        snprintf(name, sizeof name, "%s/%d.%d", c->name, v, i);
        if (!fixture_has(f, name)) return false;
        in[i] = fixture_leaf(ctx, f, name);
    }
    return true;
}

void shape_equals_pytorch(tw_ctx *ctx, const fixture *f, const shape_case *c, int v, double tol) {
    tw_tensor *in[SHAPE_MOST_INPUTS];
    char name[64];
    cr_assert(shape_inputs(ctx, f, c, v, in));
    tw_tensor *y = c->f(ctx, in);
    cr_assert_not_null(y, "%s/%d: %s", c->name, v, tw_errmsg(ctx));
    snprintf(name, sizeof name, "%s/%d.y", c->name, v);
    assert_fixture(ctx, f, name, y, tol);
    snprintf(name, sizeof name, "%s/%d.dy", c->name, v);
    const tw_real *dy = fixture_get(f, name, NULL, NULL, NULL);
    tw_real *before = memcpy(malloc(y->size * sizeof *dy + 1), dy, y->size * sizeof *dy);
    cr_assert_eq(tw_backward_from(ctx, y, dy), TW_OK, "%s: %s", name, tw_errmsg(ctx));
    cr_assert(!memcmp(dy, before, y->size * sizeof *dy), "%s: backward changed the gradient that it was given", name);
    free(before);
    for (int i = 0; i < c->inputs; i++) {
        snprintf(name, sizeof name, "%s/%d.d%d", c->name, v, i);
        assert_fixture_grad(ctx, f, name, in[i], tol);
    }
}
