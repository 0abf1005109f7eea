/* museum.h - famous wrong losses, re-created in a few lines each, with the check that each fails and ours passes.
 *
 *     for (size_t i = 0; i < museum_size; i++)
 *         museum_check_one(ctx, &museum[i], &wrong, &right);          // wrong.passes is false, right.passes is true
 *
 * Needs the library only, float or double. Nothing here prints or exits. */
#ifndef MUSEUM_H
#define MUSEUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <thalweg/thalweg.h>

enum { MUSEUM_MOST = 16 }; /* elements of a prediction */

/* A small problem. */
typedef struct museum_input {
    int ndim, dim[3]; /* CTC: [T,1,K] */
    const tw_real *pred;
    const tw_real *target; /* of pred's shape; NULL: the labels are the target */
    const int32_t *label;  /* classes of the positions, or the text of the one sample */
    size_t labels;
    const char *options; /* more options for the spec; NULL: none */
    double weight[3];    /* what they say, for a loss that has no spec */
} museum_input;

/* A loss as a function: returns the value and writes its gradient [size of pred]. */
typedef double museum_loss(const museum_input *in, double *grad);

/* A loss under examination: a function, or one of the library's by its spec. */
typedef struct museum_subject {
    museum_loss *function;
    const char *spec;
} museum_subject;

/* What a check found: "the gradient is 1 where the value's derivative is 2". */
typedef struct museum_result {
    bool passes;
    char found[160];
} museum_result;

typedef struct museum_piece {
    const char *name;    /* "half of the gradient of the squared error" */
    const char *seen;    /* where, in general terms */
    const char *harm;    /* what it does to a training, one sentence */
    const char *demands; /* what the check demands of a loss */
    museum_result (*check)(tw_ctx *ctx, const museum_subject *subject);
    museum_subject wrong, right;
} museum_piece;

extern const museum_piece museum[];
extern const size_t museum_size;

/* The piece's check on the wrong loss and on ours. */
void museum_check_one(tw_ctx *ctx, const museum_piece *piece, museum_result *wrong, museum_result *right);

/* Value and gradient of a subject, in a step of its own; NaN after an error, which is in ctx. */
double museum_run(tw_ctx *ctx, const museum_subject *subject, const museum_input *in, double grad[MUSEUM_MOST]);

/* ---- the checks (museum_checks.c) ------------------------------------------------------------------------- */
museum_result museum_derivative_of_numbers(tw_ctx *ctx, const museum_subject *s);
museum_result museum_rest_at_the_target(tw_ctx *ctx, const museum_subject *s);
museum_result museum_minus_log_p(tw_ctx *ctx, const museum_subject *s);
museum_result museum_certain_probabilities(tw_ctx *ctx, const museum_subject *s);
museum_result museum_large_binary_logits(tw_ctx *ctx, const museum_subject *s);
museum_result museum_large_class_logits(tw_ctx *ctx, const museum_subject *s);
museum_result museum_sure_costs_nothing(tw_ctx *ctx, const museum_subject *s);
museum_result museum_scale_of_weights(tw_ctx *ctx, const museum_subject *s);
museum_result museum_ignored_not_counted(tw_ctx *ctx, const museum_subject *s);
museum_result museum_certain_focal(tw_ctx *ctx, const museum_subject *s);
museum_result museum_alpha_is_a_factor(tw_ctx *ctx, const museum_subject *s);
museum_result museum_divergence_of_p(tw_ctx *ctx, const museum_subject *s);
museum_result museum_zero_log_zero(tw_ctx *ctx, const museum_subject *s);
museum_result museum_impossible_label(tw_ctx *ctx, const museum_subject *s);
museum_result museum_double_letter(tw_ctx *ctx, const museum_subject *s);
museum_result museum_labels_sum_to_one(tw_ctx *ctx, const museum_subject *s);
museum_result museum_derivative_of_log_probs(tw_ctx *ctx, const museum_subject *s);

#endif
