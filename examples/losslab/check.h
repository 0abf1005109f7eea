/* check.h - the parts of `losslab check`. */
#ifndef LOSSLAB_CHECK_H
#define LOSSLAB_CHECK_H

#include <stdbool.h>
#include <thalweg/extend.h>

/* ---- check_costs.c: what holds for every loss ---------------------------------------------------------- */

/* What one check found; a check stops at its first failure. */
typedef struct finding {
    const char *variant; /* in: of which options; "" for the defaults */
    bool failed;
    int problems;  /* how many were tried; 0: it does not apply */
    double worst;  /* the largest error, where there is one */
    char why[240]; /* of the failure */
} finding;

typedef struct cost_check {
    const char *name, *about;
    void (*run)(tw_ctx *ctx, const tw_cost *cost, finding *f);
} cost_check;
extern const cost_check cost_checks[];
extern const int cost_check_count;

/* CTC against every path, one by one: all labels with K <= 4, T <= 6, the blank first, in the middle and last. */
void check_ctc_paths(tw_ctx *ctx, finding *f);

/* ---- facts.c: the numbers that the tutorials print -------------------------------------------------------- */

typedef struct fact {
    const char *loss; /* whom it is about */
    const char *claim;
    const char *printed; /* what is printed there; NULL: no number, but `exact` follows */
    const char *exact;   /* NULL: printed is right. Otherwise printed is a misprint, and this is what it should be */
    double (*compute)(tw_ctx *ctx, const struct fact *fact);

    /* for those computed from one loss of a few numbers */
    const char *spec;
    int N, K; /* the shape [N,K] of input */
    const tw_real *input, *target;
    const int32_t *classes; /* [N]; NULL: target */
    double number;          /* which of the gradient; or a parameter of compute */
} fact;
extern const fact facts[];
extern const int fact_count;

/* Computes it into *x and says in a word or two what that makes of the claim; FACT_FAILS when the table is wrong, or
 * with an error in ctx. */
const char *fact_verdict(tw_ctx *ctx, const fact *f, double *x);
extern const char FACT_FAILS[];

/* Is x what the text says, to its last digit (a whole number: exactly)? "Infinity" and "NaN" are themselves. False for
 * text that is no number. */
bool fact_agrees(double x, const char *text);

#endif
