/* curve.h - values and gradients of losses along a line, computed by the library. */
#ifndef LOSSLAB_CURVE_H
#define LOSSLAB_CURVE_H

#include <thalweg/extend.h>

/* A curve is a function of one number x, written with the library's operations for n of them at once: x is [n,1], the
 * result has n rows, whose sums are the values. backward gives the gradients. */
typedef struct curve curve;
struct curve {
    const char *name; /* in the legend */
    const char *spec; /* of the loss */
    tw_tensor *(*f)(tw_ctx *ctx, tw_tensor *x, const curve *c);
    double a;    /* a number f needs: the truth */
    bool beside; /* drawn with dashes: what the others are compared with */
};

/* Begins a step; value and grad are [n]. */
TW_MUST_CHECK tw_err curve_compute(tw_ctx *ctx, const curve *c, int n, const double *x, double *value, double *grad);

/* ---- what x is ---- */
tw_tensor *curve_direct(tw_ctx *ctx, tw_tensor *x, const curve *c);  /* the prediction; the target is a */
tw_tensor *curve_sigmoid(tw_ctx *ctx, tw_tensor *x, const curve *c); /* a logit; sigmoid(x) is the prediction */
tw_tensor *curve_odds(tw_ctx *ctx, tw_tensor *x, const curve *c);    /* a probability; its logit is the prediction */
tw_tensor *curve_class(tw_ctx *ctx, tw_tensor *x, const curve *c);   /* the true class's logit; two others are 0 */
tw_tensor *curve_softmax(tw_ctx *ctx, tw_tensor *x, const curve *c); /* the same with softmax; target: one-hot */
tw_tensor *curve_log_prob(tw_ctx *ctx, tw_tensor *x,
                          const curve *c);                         /* log-probability of the true one of two classes */
tw_tensor *curve_prob(tw_ctx *ctx, tw_tensor *x, const curve *c);  /* its probability, of which the log is taken */
tw_tensor *curve_model(tw_ctx *ctx, tw_tensor *x, const curve *c); /* Q = (x, 1 - x), P = (a, 1 - a) */
tw_tensor *curve_truth(tw_ctx *ctx, tw_tensor *x, const curve *c); /* P = (x, 1 - x), Q = (a, 1 - a) */
/* CTC. A logit on every symbol of an alignment of "ab": a 0: right, 1: only blanks, 2: a wrong one. */
tw_tensor *curve_alignment(tw_ctx *ctx, tw_tensor *x, const curve *c);
/* The probability of the blank in each of 20 frames; the 26 others share the rest; the text has a letters. */
tw_tensor *curve_blank(tw_ctx *ctx, tw_tensor *x, const curve *c);

#endif
