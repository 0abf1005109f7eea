/* lattice.h - CTC laid open: every state of every frame, and the sum over paths done one by one.
 *
 * The recursions are the textbook's, written once more in plain double logarithms, so that they can be shown and so
 * that the library's loss and gradient have something to be compared with. */
#ifndef LOSSLAB_LATTICE_H
#define LOSSLAB_LATTICE_H

#include <stdbool.h>
#include <stdint.h>
#include <thalweg/base.h>

/* B: merges repeats, then drops blanks. label has room for T. Returns its length. */
int ctc_collapse(const int *path, int T, int blank, int32_t *label);

/* ---- every path -------------------------------------------------------------------------------------- */

typedef struct path_sum {
    double p;      /* the sum of p(path) over the paths that B maps to the label */
    long count;    /* how many those are; -1: more than `most`, and nothing here holds */
    double *emits; /* [T,K] of p(path) over those that emit k at frame t; NULL: not wanted */
} path_sum;
/* Walks through the paths one by one; one whose beginning B maps to something else is not walked to its end. y [T,K]
 * are probabilities. sum->emits is the caller's memory. */
void ctc_enumerate(const double *y, int T, int K, int blank, const int32_t *label, int L, long most, path_sum *sum);
/* How many there are: binom(T + L - R, T - L - R), R adjacent repeats; 0 when T < L + R. */
double ctc_count_paths(int T, const int32_t *label, int L);

/* ---- the lattice --------------------------------------------------------------------------------------- */

typedef struct lattice {
    int T, K, S, L, blank;
    int32_t *symbol;          /* [S] the extended label - l1 - l2 .. -, S = 2L + 1 */
    double *log_y;            /* [T,K] log softmax of the logits */
    double *alpha, *beta;     /* [T,S] logarithms; alpha with what frame t emits, beta with what follows it */
    double *posterior;        /* [T,S] the part of the label's paths that is in s at frame t */
    double *gamma;            /* [T,K] the same by symbol */
    int *best;                /* [T] the states of the label's most likely path */
    double log_p, log_p_best; /* of the label, of that path; -inf: no path */
} lattice;
/* False: out of memory. When the label does not fit, log_p is -inf and posterior, gamma and best mean nothing. */
bool lattice_make(lattice *w, const tw_real *logits, int T, int K, int blank, const int32_t *label, int L);
void lattice_free(lattice *w);
/* May a walk go from state s - 2 to s, skipping a blank? */
bool lattice_skips(const lattice *w, int s);

#endif
