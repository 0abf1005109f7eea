/* align.c - which frames show which character of a known text (forced alignment, by the algorithm of Viterbi).
 *
 * The states are those of CTC: the symbols with a blank before, between and after, 2n + 1 of them. A path walks through
 * them, staying, moving to the next, or skipping the blank between two different symbols. best_t(s) is ln of the
 * likeliest walk that is in s at frame t; how it came there is kept, and followed back from the end. */
#include "text/frames.h"

#include <math.h>
#include <string.h>
#include <thalweg/text.h>

typedef struct walk {
    const tw__frames *f;
    const int32_t *symbols;
    size_t n, states;
    double *best;  /* [2 + states]: two impossible ones, then state 0 */
    uint8_t *came; /* [T][states] by how many states the walk moved to get there */
} walk;

static int symbol_of(const walk *w, size_t s) { return s % 2 ? (int)w->symbols[s / 2] : w->f->blank; }
static bool may_skip_to(const walk *w, size_t s) {
    return s == 1 || (s % 2 && w->symbols[s / 2] != w->symbols[s / 2 - 1]);
}

/* Returns the last state of the likeliest walk. */
static size_t forward(const walk *w, double *log_prob) {
    double *best = w->best + 2;
    for (size_t s = 0; s < w->states + 2; s++) w->best[s] = -INFINITY;
    best[-1] = 0; /* before the first frame */
    for (int t = 0; t < w->f->T; t++) {
        size_t last = 2 * (size_t)t + 1; /* no walk is further */
        if (last > w->states - 1) last = w->states - 1;
        for (size_t s = last + 1; s-- > 0;) { /* from the last, so that one row does */
            double b = best[s], one = best[(ptrdiff_t)s - 1];
            uint8_t by = 0;
            if (one > b) b = one, by = 1;
            if (may_skip_to(w, s) && best[(ptrdiff_t)s - 2] > b) b = best[(ptrdiff_t)s - 2], by = 2;
            best[s] = b + tw__frame_log(w->f, t, symbol_of(w, s));
            w->came[(size_t)t * w->states + s] = by;
        }
        best[-1] = -INFINITY;
    }
    size_t end = w->states - 1;
    if (end && best[end - 1] > best[end]) end--;
    *log_prob = best[end];
    return end;
}

static void follow_back(const walk *w, size_t s, tw_span *span) {
    for (int t = w->f->T; t-- > 0;) {
        if (s % 2) {
            tw_span *own = &span[s / 2];
            double p = exp(tw__frame_log(w->f, t, (int)w->symbols[s / 2]));
            if (own->end == 0) *own = (tw_span){t, t + 1, p};
            own->begin = t;
            if (p > own->confidence) own->confidence = p;
        }
        s -= w->came[(size_t)t * w->states + s];
    }
}

static tw_err check_symbols(tw_ctx *ctx, int T, int K, int blank, const int32_t *symbols, size_t n) {
    size_t need = n;
    for (size_t i = 0; i < n; i++) {
        if (symbols[i] < 0 || symbols[i] >= K || symbols[i] == blank)
            return tw_fail_err(ctx, TW_ERR_RANGE,
                               "align: symbol %ld at place %zu is not one of %d classes without the blank",
                               (long)symbols[i], i, K);
        need += i && symbols[i] == symbols[i - 1];
    }
    if (need > (size_t)T)
        return tw_fail_err(ctx, TW_ERR_RANGE, "align: a text of %zu symbols needs %zu frames, and there are %d", n,
                           need, T);
    return TW_OK;
}

tw_err tw_ctc_align(tw_ctx *ctx, const tw_real *scores, int T, int K, size_t row_stride, int blank,
                    const int32_t *symbols, size_t n, tw_span *span, double *log_prob) {
    tw_err err = tw__frames_check(ctx, "align", T, K, row_stride, blank);
    if (!err) err = check_symbols(ctx, T, K, blank, symbols, n);
    if (err) return err;
    if (n) memset(span, 0, n * sizeof *span);
    if (log_prob) *log_prob = 0;
    if (!T) return TW_OK; /* the empty text */
    tw_mark mark = tw_scratch_mark(ctx);
    tw__frames f = {scores, row_stride, T, K, blank, NULL};
    walk w = {.f = &f, .symbols = symbols, .n = n, .states = 2 * n + 1};
    tw__norm *norm = tw_scratch(ctx, (size_t)T * sizeof *norm);
    double whole;
    w.best = norm ? tw_scratch(ctx, (w.states + 2) * sizeof *w.best) : NULL;
    w.came = w.best ? tw_scratch(ctx, (size_t)T * w.states) : NULL;
    err = w.came ? tw__frames_norm(ctx, "align", scores, T, K, row_stride, norm) : tw_error(ctx);
    f.norm = norm;
    if (!err) {
        size_t end = forward(&w, &whole);
        if (whole == -INFINITY) err = tw_fail_err(ctx, TW_ERR_RANGE, "align: the text is impossible in these frames");
        else follow_back(&w, end, span);
        if (log_prob) *log_prob = whole;
    }
    tw_scratch_release(ctx, mark);
    return err;
}
