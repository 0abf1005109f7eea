/* grad_backprop_book.c - the network of docs/backprop.md by finite differences, in double. The chapter quotes it. */
#include "util.h"

/* quote: check */
static tw_tensor *network(tw_ctx *ctx, tw_tensor *const *leaf, void *unused) {
    tw_tensor *x = leaf[0], *W1 = leaf[1], *b1 = leaf[2], *W2 = leaf[3], *b2 = leaf[4];
    (void)unused;
    tw_tensor *h = tw_sigmoid(ctx, tw_add(ctx, tw_matmul(ctx, x, false, W1, false), b1));
    tw_tensor *z = tw_add(ctx, tw_matmul(ctx, h, false, W2, false), b2);
    return tw_cross_entropy_loss(ctx, z, (tw_labels){(int32_t[]){0}, 1}, NULL);
}

static const tw_gradcheck_leaf leaves[] = {
    {.value = (tw_real[]){1, -0.5}, .ndim = 2, .dim = {1, 2}},
    {.value = (tw_real[]){0.5, -0.3, 0.8, 0.2, 0.4, -0.6}, .ndim = 2, .dim = {2, 3}},
    {.value = (tw_real[]){0.1, -0.2, 0}, .ndim = 1, .dim = {3}},
    {.value = (tw_real[]){0.7, -0.5, -0.4, 0.6, 0.3, 0.9}, .ndim = 2, .dim = {3, 2}},
    {.value = (tw_real[]){0.05, -0.1}, .ndim = 1, .dim = {2}},
};

static double largest_error(tw_ctx *ctx) {
    tw_gradcheck_result r; /* also which leaf, which element, and both numbers */
    return tw_gradcheck(ctx, network, NULL, 5, leaves, 0, &r) ? INFINITY : r.error;
}
/* end quote */

/* The loss with entry i of one leaf moved by h; its gradient there, when asked for. */
static double loss_at(tw_ctx *ctx, int which, size_t i, double h, double *gradient) {
    tw_real value[5][6];
    tw_tensor *leaf[5];
    tw_step_begin(ctx);
    for (int l = 0; l < 5; l++) {
        const tw_gradcheck_leaf *from = &leaves[l];
        size_t n = product(from->ndim, from->dim);
        memcpy(value[l], from->value, n * sizeof(tw_real));
        if (l == which) value[l][i] += h;
        leaf[l] = tw_input_grad(ctx, value[l], from->ndim, from->dim);
    }
    tw_tensor *loss = network(ctx, leaf, NULL);
    if (gradient) {
        cr_assert_eq(tw_backward(ctx, loss), TW_OK);
        *gradient = leaf[which]->grad[i];
    }
    return tw_item(loss);
}

/* The chapter's table: every number of the network, moved by 1e-5 up and down, beside what backward says. */
Test(backprop, finite_differences) {
    static const double up_down[][6] = {{-0.05541311, -0.01657461},
                                        {-0.13290472, 0.10449015, 0.05298287, 0.06645236, -0.05224508, -0.02649143},
                                        {-0.13290472, 0.10449015, 0.05298287},
                                        {-0.29335631, 0.29335631, -0.15637843, 0.15637843, -0.35358701, 0.35358701},
                                        {-0.47128590, 0.47128590}};
    tw_ctx *ctx = tw_ctx_new(1);
    for (int l = 0; l < 5; l++)
        for (size_t i = 0; i < product(leaves[l].ndim, leaves[l].dim); i++) {
            double g, h = 1e-5, d = loss_at(ctx, l, i, h, NULL) - loss_at(ctx, l, i, -h, NULL);
            loss_at(ctx, l, i, 0, &g);
            cr_assert_float_eq(d / (2 * h), up_down[l][i], 5.2e-9, "leaf %d, entry %zu: %.10f", l, i, d / (2 * h));
            cr_assert_float_eq(g, up_down[l][i], 5.1e-9, "leaf %d, entry %zu: %.10f", l, i, g);
        }
    cr_assert_lt(largest_error(ctx), 1e-9);
    tw_ctx_free(ctx);
}

/* How far off the quotient is for W1[0,0]: h^2 while h is large, rounding when it is small. */
Test(backprop, which_step) {
    static const struct {
        double h, above, below, off;
    } table[] = {{1e-1, 0.6242850, 0.6508528, 6.6e-5},
                 {1e-2, 0.6359810, 0.6386391, 6.6e-7},
                 {1e-3, 0.6371746, 0.6374404, 6.6e-9},
                 {1e-4, 0.6372942, 0.6373207, 7e-11}};
    tw_ctx *ctx = tw_ctx_new(1);
    double g;
    loss_at(ctx, 1, 0, 0, &g);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        double h = table[i].h, up = loss_at(ctx, 1, 0, h, NULL), down = loss_at(ctx, 1, 0, -h, NULL);
        cr_assert(near(up, table[i].above, 5.1e-8) && near(down, table[i].below, 5.1e-8), "%.9f %.9f", up, down);
        cr_assert_float_eq(fabs((up - down) / (2 * h) - g), table[i].off, i < 3 ? 0.06 * table[i].off : 2e-11);
    }
    double h = 1e-12, rounded = (loss_at(ctx, 1, 0, h, NULL) - loss_at(ctx, 1, 0, -h, NULL)) / (2 * h);
    cr_assert(fabs(rounded - g) > 1e-6 && fabs(rounded - g) < 1e-2, "%g", rounded);
    tw_ctx_free(ctx);
}

static tw_tensor *relu(tw_ctx *ctx, tw_tensor *const *leaf, void *unused) {
    (void)unused;
    return tw_relu(ctx, leaf[0]);
}

/* At a kink the difference is the mean of two slopes, and backward chose one: a failed check, and no mistake. */
Test(backprop, at_a_kink) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_gradcheck_leaf at = {.value = (tw_real[]){0}, .ndim = 1, .dim = {1}};
    tw_gradcheck_result r;
    cr_assert_eq(tw_gradcheck(ctx, relu, NULL, 1, &at, 0, &r), TW_OK);
    cr_assert(r.error == 1 && r.analytic == 0 && r.numeric != 0);
    tw_ctx_free(ctx);
}
