/* example.h - a small problem worked through: every number on the way from the prediction to the gradient. */
#ifndef LOSSLAB_EXAMPLE_H
#define LOSSLAB_EXAMPLE_H

#include <stdio.h>
#include <thalweg/extend.h>

/* Writes Markdown, with the loss's own options. Begins steps on ctx. */
TW_MUST_CHECK tw_err example_write(tw_ctx *ctx, const tw_cost *cost, FILE *out);

#endif
