/* util_crnn.c - see util_crnn.h. */
#include "util_crnn.h"

bool toy_crnn_new(toy_crnn *c, tw_ctx *ctx) {
    *c = (toy_crnn){.ctx = ctx, .params = tw_params_new(ctx)};
    tw_params *p = c->params;
    c->net = tw_sequential_new(p);
    tw_sequential_add(c->net, tw_conv2d_new(p, "conv", 1, 4, 3, 3, &(tw_conv2d_options){.pad_h = 1, .pad_w = 1}));
    tw_sequential_add(c->net, tw_batchnorm_new(p, "norm", 4, &(tw_batchnorm_options){.act = TW_ACT_RELU}));
    tw_sequential_add(c->net, tw_max_pool2d_new(p, 2, 2, NULL));
    tw_sequential_add(c->net, tw_image_to_sequence_new(p));
    tw_sequential_add(c->net, tw_dropout_new(p, 0.1));
    tw_sequential_add(c->net, tw_lstm_new(p, "lstm", 16, 8, &(tw_lstm_options){.bidirectional = true}));
    tw_sequential_add(c->net, tw_dense_new(p, "out", 16, CRNN_CLASSES, NULL));
    if (p && !tw_error(ctx)) c->optim = tw_adam_new(p, NULL);
    return c->optim != NULL;
}

void toy_crnn_free(toy_crnn *c) {
    tw_optim_free(c->optim);
    tw_params_free(c->params);
}

tw_real toy_crnn_step(toy_crnn *c, uint64_t seed, int width) {
    enum { L = 2 };
    tw_ctx *ctx = c->ctx;
    static const int32_t text[CRNN_BATCH * L] = {1, 2, 3, 3, 5, 4}, length[CRNN_BATCH] = {L, L, L};
    tw_step_begin(ctx);
    int dim[4] = {CRNN_BATCH, 1, CRNN_HEIGHT, width};
    tw_tensor *x = random_leaf(ctx, seed, -1, 1, 4, dim);
    tw_tensor *y = tw_forward(ctx, c->net, x);
    /* A few plain operations beside the layers: squares of the logits as a penalty. */
    tw_tensor *penalty = tw_scale(ctx, tw_mean(ctx, tw_mul(ctx, y, y), 0, NULL, false), (tw_real)0.01);
    tw_tensor *ctc = tw_ctc_loss(ctx, y, (tw_labels){text, CRNN_BATCH * L}, (tw_labels){length, CRNN_BATCH},
                                 (tw_labels){NULL, 0}, NULL);
    tw_tensor *loss = tw_add(ctx, ctc, penalty);
    if (tw_backward(ctx, loss) || tw_optim_step(c->optim)) return (tw_real)NAN;
    return tw_item(loss);
}
