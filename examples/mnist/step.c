/* step.c - one step of training: a batch, its loss, and what the optimiser makes of the gradients. */
#include "mnist.h"

/* A loss on tensors gets the classes as one-hot rows. */
static tw_target target_of(tw_ctx *ctx, const tw_cost *cost, tw_labels label) {
    tw_target target = {.classes = label};
    if (!tw_cost_accepts(cost->layer, TW_TARGET_CLASSES)) {
        tw_tensor *t = tw_full(ctx, 0, 2, (int[]){(int)label.n, CLASSES});
        for (size_t i = 0; t && i < label.n; i++) t->data[i * CLASSES + (size_t)label.v[i]] = 1;
        target.tensor = t;
    }
    return target;
}

/* What the loss compares: the logits, or what a softmax makes of them. */
static tw_tensor *prediction_of(tw_ctx *ctx, const tw_cost *cost, tw_tensor *logits) {
    switch (tw_cost_form(cost)) {
    case TW_FORM_PROBS: return tw_softmax(ctx, logits, 1);
    case TW_FORM_LOG_PROBS: return tw_log_softmax(ctx, logits, 1);
    default: return logits;
    }
}

static long count_right(const tw_tensor *z, tw_labels label) {
    long right = 0;
    for (size_t i = 0; i < label.n; i++) {
        const float *row = z->data + i * CLASSES;
        int best = 0;
        for (int k = 1; k < CLASSES; k++)
            if (row[k] > row[best]) best = k;
        right += best == label.v[i];
    }
    return right;
}

tw_err train_step(tw_ctx *ctx, tw_layer *net, tw_optim *optim, const tw_cost *cost, const tw_batch *b, double *loss,
                  long *right) {
    tw_step_begin(ctx);
    tw_tensor *z = tw_forward(ctx, net, tw_input(ctx, b->x, 4, b->dim));
    tw_target target = target_of(ctx, cost, b->label);
    tw_tensor *l = tw_cost_apply(ctx, cost, prediction_of(ctx, cost, z), &target);
    tw_backward(ctx, l);
    tw_err err = tw_optim_step(optim);
    if (err) return err;
    *loss = tw_item(l);
    *right += count_right(z, b->label);
    return TW_OK;
}
