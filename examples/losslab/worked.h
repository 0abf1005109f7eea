/* worked.h - what the worked examples are made of: a problem, the library's answer, and tables of numbers. */
#ifndef LOSSLAB_WORKED_H
#define LOSSLAB_WORKED_H

#include <stdio.h>
#include <thalweg/extend.h>

enum { WORKED_MAX = 64, WORKED_ROWS = 16 };
typedef struct worked {
    tw_ctx *ctx;
    tw_cost cost;
    FILE *out;
    int ndim, dim[TW_MAX_DIMS], n; /* of the prediction; n elements */
    double pred[WORKED_MAX];
    bool has_tensor;
    double tensor[WORKED_MAX]; /* the target, when it is a tensor */
    tw_target target;          /* otherwise */
    /* the library's answer, for a reduction */
    int terms;
    double loss[WORKED_MAX], grad[WORKED_MAX];
    /* the table in the making: a column for each element */
    const char *corner; /* what the labels are */
    char label[WORKED_MAX][48];
    int rows;
    const char *name[WORKED_ROWS];
    double value[WORKED_ROWS][WORKED_MAX];
} worked;

/* Runs the loss; the answer is in w. Begins a step. */
TW_MUST_CHECK tw_err worked_run(worked *w, tw_reduction reduction);
/* softmax or its logarithm over rows of K, by the library. */
TW_MUST_CHECK tw_err worked_softmax(tw_ctx *ctx, int rows, int K, const double *z, double *p, bool logarithm);

/* Names the elements: 1st, 2nd .. or, for rows of K > 0, by sample and class. */
void worked_labels(worked *w, int K);
/* Adds a row to the table; name stays the caller's until worked_answer, v is copied. A NaN is left blank. */
void worked_row(worked *w, const char *name, const double *v);
/* Adds terms and gradients, writes the table (turned when it is wide) and that of the reductions. each: elements of a
 * term. */
TW_MUST_CHECK tw_err worked_answer(worked *w, int each);

/* ---- the examples ---- */
TW_MUST_CHECK tw_err worked_difference(worked *w);
TW_MUST_CHECK tw_err worked_binary(worked *w, bool probabilities);
TW_MUST_CHECK tw_err worked_classes(worked *w);
TW_MUST_CHECK tw_err worked_divergence(worked *w);
TW_MUST_CHECK tw_err worked_paths(worked *w);
TW_MUST_CHECK tw_err worked_drawn(worked *w);

#endif
