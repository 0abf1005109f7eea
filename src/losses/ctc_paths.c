/* ctc_paths.c - the forward-backward recursion of CTC for one sample (Graves et al. 2006, section 4.1).
 *
 * A path names a symbol for every frame; B merges its repeats and drops its blanks. The label l1 l2 .. with blanks
 * around every symbol, - l1 - l2 - .. -, has S = 2L + 1 states, and a path that B maps to the label walks through
 * them: in each frame it stays, or moves to the next state, or skips the blank between two different symbols.
 *
 *     alpha_t(s)  probability of all walks that are in s at frame t, with what they emitted in frames 0..t
 *     beta_t(s)   probability of all ways from s at frame t to the end, with what they emit in frames t+1..T-1
 *
 *     p(l|x) = sum_s alpha_t(s) beta_t(s)          in whichever frame t the walks are counted
 *
 * Everything is a logarithm in double: with p(l|x) near e^-20000, and a needed path that may be e^-1000 times less
 * likely than the others of its frame, neither float nor a common factor per frame would hold it. Only the states
 * that can be reached from the start and from which the end can still be reached are visited. */
#include "losses/ctc.h"
#include "losses/loss.h"
#include "tensor/log_add.h"

#include <math.h>

/* Rows of alpha hold the states -1 .. S+1: one cell before and two after those that exist, always impossible, so
 * that the recursions need no special case at the edges. */
enum { BEFORE = 1, AFTER = 2 };

typedef struct lattice {
    ptrdiff_t T, S;
    ptrdiff_t row;   /* doubles from one frame's alpha to the next; 0: all frames use the same row */
    double *lse;     /* [T] log-sum-exp of each frame's logits */
    double *alpha;   /* state 0 of the row before frame 0 */
    double *beta;    /* state 0 of the one row */
    int32_t *symbol; /* [S] */
    bool *skip;      /* [S + 2] may a walk come to s from s - 2? */
} lattice;

/* ---- log arithmetic and the band of possible states ---------------------------------------------------- */

/* At frame t a walk has made at most t + 1 moves of at most 2 states, from -1 .. */
static ptrdiff_t last_state(const lattice *w, ptrdiff_t t) { return 2 * t + 1 < w->S ? 2 * t + 1 : w->S - 1; }
/* .. and has T - t left to come to S. */
static ptrdiff_t first_state(const lattice *w, ptrdiff_t t) {
    ptrdiff_t s = w->S - 2 * (w->T - t);
    return s > 0 ? s : 0;
}

/* ---- the recursions ------------------------------------------------------------------------------------ */

/* quote: kernels */
/* Walks start in state -1, before frame 0. alpha_t(s) = y_t(s) (alpha_t-1(s) + alpha_t-1(s-1) + alpha_t-1(s-2)),
 * the last only where a skip is allowed; from high s to low, so that frames may share a row. Returns ln p(l|x). */
static double forward(const lattice *w, const tw__ctc_sample *c) {
    double *now = w->alpha;
    for (ptrdiff_t s = -BEFORE; s < w->S + AFTER; s++) now[s] = s == -1 ? 0 : -INFINITY;
    for (ptrdiff_t t = 0; t < w->T; t++) {
        const tw_real *z = c->z + (size_t)t * c->stride;
        const double *before = now;
        ptrdiff_t last = last_state(w, t);
        now += w->row;
        for (ptrdiff_t s = last; s >= first_state(w, t); s--) {
            double walks = tw__log_add(before[s], before[s - 1]);
            if (w->skip[s]) walks = tw__log_add(walks, before[s - 2]);
            now[s] = walks + ((double)z[w->symbol[s]] - w->lse[t]);
        }
        now[-1] = now[last + 1] = now[last + 2] = -INFINITY;
    }
    return tw__log_add(now[w->S - 1], now[w->S - 2]);
}

/* Walks end in state S, after frame T-1. beta_t(s) = sum of y_t+1(s') beta_t+1(s') over s' = s, s+1, s+2, the last
 * only where a skip is allowed: the mirror of forward. The row holds y beta of the frame after. A walk is in state
 * s at frame t with probability alpha_t(s) beta_t(s) / p(l|x): gamma_t of a letter, and of the blank the sum over its
 * states. */
static void backward(const lattice *w, const tw__ctc_sample *c, double log_p, const tw__ctc_table *gamma) {
    double *beta = w->beta;
    for (ptrdiff_t s = 0; s < w->S + AFTER; s++) beta[s] = s == w->S ? 0 : -INFINITY;
    for (ptrdiff_t t = w->T - 1; t >= 0; t--) {
        const tw_real *z = c->z + (size_t)t * c->stride;
        const double *alpha = w->alpha + (t + 1) * w->row;
        tw_real *letter = gamma->letter + (size_t)t * gamma->pitch;
        double sum = 0, blank = 0;
        for (int i = 0; i < c->L; i++) letter[i] = 0;
        for (ptrdiff_t s = first_state(w, t); s <= last_state(w, t); s++) {
            double ways = tw__log_add(beta[s], beta[s + 1]);
            if (w->skip[s + 2]) ways = tw__log_add(ways, beta[s + 2]);
            double here = exp(alpha[s] + ways - log_p);
            if (s % 2) letter[s / 2] = (tw_real)here;
            else blank += here;
            sum += here;
            beta[s] = ways + ((double)z[w->symbol[s]] - w->lse[t]);
        }
        beta[w->S] = -INFINITY;
        gamma->blank[t] = (tw_real)(blank /
                                    sum); /* sum is 1 but for rounding; with it each row of y - gamma sums to 0 */
        for (int i = 0; i < c->L; i++) letter[i] = (tw_real)((double)letter[i] / sum);
    }
}
/* end quote */

/* ---- one sample ---------------------------------------------------------------------------------------- */

size_t tw__ctc_work(int T, int L, bool gamma) {
    size_t S = 2 * (size_t)L + 1, rows = gamma ? (size_t)T + 1 : 1, padded = S + BEFORE + AFTER;
    if (rows > SIZE_MAX / 64 / padded) return SIZE_MAX; /* more than there is */
    size_t doubles = (size_t)T + rows * padded + (gamma ? padded : 0);
    return doubles * sizeof(double) + S * sizeof(int32_t) + (S + 2) * sizeof(bool);
}

double tw__ctc_paths(const tw__ctc_sample *c, void *work, const tw__ctc_table *gamma) {
    lattice w = {.T = c->T, .S = 2 * (ptrdiff_t)c->L + 1, .lse = work};
    ptrdiff_t padded = w.S + BEFORE + AFTER;
    w.row = gamma ? padded : 0;
    w.alpha = w.lse + w.T + BEFORE;
    w.beta = w.lse + w.T + (gamma ? (w.T + 1) * padded : padded);
    w.symbol = (void *)(w.beta + (gamma ? padded : 0));
    w.skip = (void *)(w.symbol + w.S);

    for (ptrdiff_t s = 0; s < w.S; s++) w.symbol[s] = s % 2 ? c->label[s / 2] : c->blank;
    for (ptrdiff_t s = 0; s < w.S + 2; s++) /* states -1 and S, start and end, are like symbols unequal to all others */
        w.skip[s] = s % 2 && (s == 1 || s == w.S || w.symbol[s] != w.symbol[s - 2]);
    for (int t = 0; t < c->T; t++)
        w.lse[t] = c->normalised ? 0 : tw__log_sum_exp(c->z + (size_t)t * c->stride, (size_t)c->K, 1, NULL);

    double log_p = forward(&w, c);
    if (gamma && log_p != -INFINITY) backward(&w, c, log_p, gamma);
    return log_p > 0 && !c->normalised ? 0 : 0 - log_p; /* a probability just above 1 is rounding */
}

/* ---- public -------------------------------------------------------------------------------------------- */

bool tw_ctc_fits(int T, const int32_t *label, size_t n) {
    size_t frames = n; /* between two equal symbols a path must pass through the blank, one frame more */
    for (size_t i = 1; i < n; i++) frames += label[i] == label[i - 1];
    return T >= 0 && frames <= (size_t)T;
}

double tw_ctc_log_prob(tw_ctx *ctx, const tw_real *logits, int T, int K, size_t row_stride, const int32_t *label, int L,
                       int blank) {
    bool ok = T >= 0 && L >= 0 && blank >= 0 && blank < K;
    for (int i = 0; ok && i < L; i++) ok = label[i] >= 0 && label[i] < K && label[i] != blank;
    if (!ok) {
        tw_fail(ctx, TW_ERR_RANGE, "ctc_log_prob: T = %d, L = %d, or a symbol or the blank %d outside 0..%d", T, L,
                blank, K - 1);
        return NAN;
    }
    if (!tw_ctc_fits(T, label, (size_t)L)) return -INFINITY;
    tw_mark mark = tw_scratch_mark(ctx);
    void *work = tw_scratch(ctx, tw__ctc_work(T, L, false));
    double loss = NAN;
    if (work) loss = tw__ctc_paths(&(tw__ctc_sample){logits, row_stride, T, K, blank, L, label, false}, work, NULL);
    tw_scratch_release(ctx, mark);
    return 0 - loss;
}
