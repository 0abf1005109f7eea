/* Learns to tell two spirals apart. */
#include <math.h>
#include <stdio.h>
#include <thalweg/thalweg.h>

enum { N = 256, STEPS = 1000 };

int main(void) {
    tw_real x[N][2]; /* float, or double with thalweg_f64 */
    int32_t label[N];
    for (int i = 0; i < N; i++) {
        label[i] = i % 2;
        double r = (double)i / N, angle = 9 * r + 3.1416 * label[i];
        x[i][0] = (tw_real)(r * cos(angle));
        x[i][1] = (tw_real)(r * sin(angle));
    }

    tw_ctx *ctx = tw_ctx_new(42); /* the seed */
    tw_params *params = tw_params_new(ctx);
    tw_layer *net = tw_sequential_new(params);
    tw_sequential_add(net, tw_dense_new(params, "fc1", 2, 64, &(tw_dense_options){.act = TW_ACT_TANH}));
    tw_sequential_add(net, tw_dense_new(params, "fc2", 64, 64, &(tw_dense_options){.act = TW_ACT_TANH}));
    tw_sequential_add(net, tw_dense_new(params, "fc3", 64, 2, NULL));
    tw_optim *adam = tw_optim_new(params, "adam:lr=0.01");

    for (int step = 1; step <= STEPS && adam; step++) {
        tw_step_begin(ctx);
        tw_tensor *logits = tw_forward(ctx, net, tw_input(ctx, x[0], 2, (int[]){N, 2}));
        tw_tensor *loss = tw_cross_entropy_loss(ctx, logits, (tw_labels){label, N}, NULL);
        tw_backward(ctx, loss);
        if (tw_optim_step(adam)) break;
        if (step % 200 == 0) printf("step %4d  loss %.4f\n", step, tw_item(loss));
    }
    tw_err failed = tw_error(ctx); /* the first error of all the calls above */
    if (failed) fprintf(stderr, "%s\n", tw_errmsg(ctx));
    tw_optim_free(adam);
    tw_params_free(params); /* with its layers */
    tw_ctx_free(ctx);
    return failed ? 1 : 0;
}
