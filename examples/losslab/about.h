/* about.h - what there is to say about a loss, as Markdown: its chapter, and what is computed when asked. */
#ifndef LOSSLAB_ABOUT_H
#define LOSSLAB_ABOUT_H

#include <stdio.h>
#include <thalweg/extend.h>

void about_options(const tw_cost *cost, FILE *out);
TW_MUST_CHECK tw_err about_example(tw_ctx *ctx, const tw_cost *cost, FILE *out);
/* *pass: is backward the gradient of forward? */
TW_MUST_CHECK tw_err about_gradient(tw_ctx *ctx, const tw_cost *cost, FILE *out, bool *pass);

#endif
