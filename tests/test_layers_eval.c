/* Without recording, what lies between a network's layers is used again: the results must not notice, the memory
 * must. */
#include <stdlib.h>
#include <string.h>

#include "util_allocator.h"

static tw_layer *reshaping_net(tw_params *p) {
    tw_layer *inner = tw_sequential_new(p), *net = tw_sequential_new(p);
    tw_sequential_add(inner, tw_activation_new(p, TW_ACT_TANH));
    tw_sequential_add(inner, tw_dropout_new(p, 0.5)); /* in eval its output is its input */
    tw_sequential_add(inner, tw_flatten_new(p));      /* and this one shares its memory */
    tw_sequential_add(net, tw_dropout_new(p, 0.5));   /* hands on the caller's own tensor */
    tw_sequential_add(net, tw_conv2d_new(p, "conv", 2, 5, 3, 3, NULL));
    tw_sequential_add(net, inner);
    tw_sequential_add(net, tw_dense_new(p, "fc1", 5 * 4 * 6, 70, &(tw_dense_options){.act = TW_ACT_RELU}));
    tw_sequential_add(net, tw_dense_new(p, "fc2", 70, 70, &(tw_dense_options){.act = TW_ACT_TANH}));
    tw_sequential_add(net, tw_dense_new(p, "fc3", 70, 3, NULL));
    return net;
}

Test(layers_eval, unrecorded_results_are_the_recorded_ones) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_params *p = tw_params_new(ctx);
    tw_layer *net = reshaping_net(p);
    tw_set_training(ctx, false);
    enum { N = 7, IN = N * 2 * 6 * 8 };
    const int dim[] = {N, 2, 6, 8};
    tw_real *a = random_reals(IN, 5, -1, 1), *b = random_reals(IN, 6, -1, 1), want[2][N * 3];

    tw_step_begin(ctx);
    tw_tensor *y = tw_forward(ctx, net, tw_input(ctx, a, 4, dim)), *z = tw_forward(ctx, net, tw_input(ctx, b, 4, dim));
    cr_assert(y && z, "%s", tw_errmsg(ctx));
    memcpy(want[0], y->data, sizeof want[0]);
    memcpy(want[1], z->data, sizeof want[1]);

    tw_set_recording(ctx, false);
    for (int round = 0; round < 3; round++) {
        tw_step_begin(ctx);
        tw_tensor *own = tw_new(ctx, 4, dim); /* a tensor of the step's own memory, which stays the caller's */
        memcpy(own->data, a, IN * sizeof *a);
        y = tw_forward(ctx, net, own);
        z = tw_forward(ctx, net, tw_input(ctx, b, 4, dim));
        tw_tensor *again = tw_forward(ctx, net, own);
        cr_assert(y && z && again, "%s", tw_errmsg(ctx));
        cr_assert_arr_eq(own->data, a, IN * sizeof *a);
        cr_assert_arr_eq(y->data, want[0], sizeof want[0]);
        cr_assert_arr_eq(z->data, want[1], sizeof want[1]);
        cr_assert_arr_eq(again->data, want[0], sizeof want[0]);
    }
    free(a);
    free(b);
    tw_params_free(p);
    tw_ctx_free(ctx);
}

Test(layers_eval, a_deep_network_needs_the_memory_of_a_shallow_one) {
    enum { DEPTH = 40, N = 256, WIDTH = 64 };
    counted c = {0};
    tw_ctx *ctx = counted_ctx(&c, 0);
    tw_params *p = tw_params_new(ctx);
    tw_layer *net = tw_sequential_new(p);
    for (int i = 0; i < DEPTH; i++) {
        char name[16];
        snprintf(name, sizeof name, "fc%d", i);
        tw_sequential_add(net, tw_dense_new(p, name, WIDTH, WIDTH, &(tw_dense_options){.act = TW_ACT_TANH}));
    }
    tw_real *x = random_reals(N * WIDTH, 5, -1, 1);
    tw_set_recording(ctx, false);
    const size_t before = c.most = c.bytes;
    for (int step = 0; step < 4; step++) {
        tw_step_begin(ctx);
        cr_assert(tw_forward(ctx, net, tw_input(ctx, x, 2, (int[]){N, WIDTH})), "%s", tw_errmsg(ctx));
    }
    size_t one = N * WIDTH * sizeof *x;
    cr_assert_lt(c.most - before, 8 * one, "%zu bytes for values of %zu", c.most - before, one);
    free(x);
    tw_params_free(p);
    tw_ctx_free(ctx);
}
