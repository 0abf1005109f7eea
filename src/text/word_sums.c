/* word_sums.c - the forward variables of words, and what may follow a beginning.
 *
 * For a string w let blank(t) and letter(t) be the sums over all paths of the first t frames that spell w and end in a
 * blank or in w's last letter, and both their sum; p(w) = both(T). Those of wc follow from those of w:
 *
 *     letter'(t+1) = y_t(c) (letter'(t) + from(t))        from = blank when w ends in c, too, else both
 *     blank'(t+1)  = y_t(-) both'(t)
 *
 * Every path of a text that begins with wc spells wc for the first time in one frame t. Hence all these texts have
 *
 *     sum over t of from(t) y_t(c) V_h(c, t+1)
 *
 * where V_h(s, t) is the sum over the paths from frame t on, after one that ended in s, with at most h new letters; h
 * is how many a word may still have. (With V = 1 this is the prefix probability of Graves 2008, section 7.5.1. That
 * texts are words, and no longer than words, is what makes the bound sharp where a picture shows something else.)
 *
 *     V_h(-, t) = y_t(-) V_h(-, t+1) + S_h(t)
 *     V_h(c, t) = y_t(c) V_h(c, t+1) + V_h(-, t)          S_h(t) = sum over letters of y_t(c) V_h-1(c, t+1), S_0 = 0
 *
 * This counts a letter that follows itself without a blank, which no text has, so it is a little above the truth. */
#include "text/word_sums.h"

#include <math.h>
#include <stdlib.h>

enum { MOST_HEIGHTS = 32, MOST_NUMBERS = 1 << 22 }; /* of tables: 32 MiB */

void tw__sums_free(tw__sums *s) {
    free(s->row);
    free(s->y);
    free(s->ahead);
    free(s->work);
    *s = (tw__sums){0};
}

double *tw__sums_fit(double **memory, size_t *have, size_t want) {
    if (want > *have || !*memory) {
        size_t room = want + want / 2 + 1;
        double *grown = room > SIZE_MAX / sizeof *grown ? NULL : realloc(*memory, room * sizeof *grown);
        if (!grown) return NULL;
        *memory = grown;
        *have = room;
    }
    return *memory;
}

/* ---- tables ------------------------------------------------------------------------------------------------- */

static bool make_room(tw__sums *s, const tw__frames *f, const bool *letter, int longest) {
    size_t K = (size_t)f->K, T = (size_t)f->T;
    if (K > s->nrow) {
        int32_t *row = realloc(s->row, K * sizeof *row);
        if (!row) return false;
        s->row = row;
        s->nrow = K;
    }
    s->T = T;
    s->letters = 0;
    for (int k = 0; k < f->K; k++) s->row[k] = letter[k] ? (int32_t)s->letters++ : -1;
    if (T && K > SIZE_MAX / 64 / T) return false;
    size_t each = s->letters * T, fit = each ? MOST_NUMBERS / each : MOST_HEIGHTS;
    s->most = longest < MOST_HEIGHTS ? longest : MOST_HEIGHTS;
    if ((size_t)s->most > fit) s->most = (int)fit;
    return tw__sums_fit(&s->y, &s->ny, (s->letters + 1) * T) &&
        tw__sums_fit(&s->ahead, &s->nahead, ((size_t)s->most + 1) * each) &&
        tw__sums_fit(&s->work, &s->nwork, 3 * (T + 1));
}

/* before: the table of h-1, or NULL for S = 0; after: that of h. */
static void look_ahead(const tw__sums *s, const double *before, double *after) {
    size_t T = s->T;
    double *S = s->work, *step = S + T + 1;
    const double *y_blank = s->y + s->letters * T;
    for (size_t t = 0; t < T; t++) S[t] = s->logs ? -INFINITY : 0;
    for (size_t c = 0; before && c < s->letters; c++)
        for (size_t t = 0; t < T; t++) S[t] = s->logs ? tw__log_add(S[t], before[c * T + t]) : S[t] + before[c * T + t];
    double v = s->logs ? 0 : 1;
    for (size_t t = T; t-- > 0;) {
        v = s->logs ? tw__log_add(v + y_blank[t], S[t]) : v * y_blank[t] + S[t];
        step[t] = v; /* V_h(-, t) */
    }
    for (size_t c = 0; c < s->letters; c++) {
        const double *y = s->y + c * T;
        v = s->logs ? 0 : 1;
        for (size_t t = T; t-- > 0;) {
            double here = s->logs ? y[t] + v : y[t] * v;
            after[c * T + t] = here;
            v = s->logs ? tw__log_add(here, step[t]) : here + step[t];
        }
    }
}

/* For any number of letters: whatever the path, each frame shows the blank or one of the letters. */
static void look_far_ahead(const tw__sums *s, double *after) {
    size_t T = s->T;
    const double *y_blank = s->y + s->letters * T;
    double *v = s->work;
    v[T] = s->logs ? 0 : 1;
    for (size_t t = T; t-- > 0;) {
        double sum = y_blank[t];
        for (size_t c = 0; c < s->letters; c++) {
            double y = s->y[c * T + t];
            sum = s->logs ? tw__log_add(sum, y) : sum + y;
        }
        v[t] = s->logs ? v[t + 1] + sum : v[t + 1] * sum;
    }
    for (size_t c = 0; c < s->letters; c++)
        for (size_t t = 0; t < T; t++)
            after[c * T + t] = s->logs ? s->y[c * T + t] + v[t + 1] : s->y[c * T + t] * v[t + 1];
}

bool tw__sums_begin(tw__sums *s, const tw__frames *f, const bool *letter, int longest, bool logs) {
    if (!make_room(s, f, letter, longest)) return false;
    s->logs = logs;
    for (int k = 0; k < f->K; k++) {
        if (k != f->blank && s->row[k] < 0) continue;
        double *y = s->y + (k == f->blank ? s->letters : (size_t)s->row[k]) * s->T;
        for (int t = 0; t < f->T; t++) {
            double log_y = tw__frame_log(f, t, k);
            y[t] = logs ? log_y : exp(log_y);
        }
    }
    size_t each = s->letters * s->T;
    for (int h = 0; h < s->most; h++)
        look_ahead(s, h ? s->ahead + (size_t)(h - 1) * each : NULL, s->ahead + (size_t)h * each);
    look_far_ahead(s, s->ahead + (size_t)s->most * each);
    return true;
}

/* ---- strings ------------------------------------------------------------------------------------------------ */

void tw__sums_first(const tw__sums *s, double *blank, double *both) {
    const double *y = s->y + s->letters * s->T;
    blank[0] = both[0] = s->logs ? 0 : 1;
    for (size_t t = 0; t < s->T; t++) blank[t + 1] = both[t + 1] = s->logs ? blank[t] + y[t] : blank[t] * y[t];
}

void tw__sums_extend(const tw__sums *s, const double *from, int32_t symbol, double *blank, double *both) {
    const double *y = s->y + (size_t)s->row[symbol] * s->T, *y_blank = s->y + s->letters * s->T;
    double letter = s->logs ? -INFINITY : 0;
    blank[0] = both[0] = letter;
    if (s->logs) {
        for (size_t t = 0; t < s->T; t++) {
            letter = tw__log_add(letter, from[t]) + y[t];
            blank[t + 1] = both[t] + y_blank[t];
            both[t + 1] = tw__log_add(blank[t + 1], letter);
        }
    } else {
        for (size_t t = 0; t < s->T; t++) {
            letter = (letter + from[t]) * y[t];
            blank[t + 1] = both[t] * y_blank[t];
            both[t + 1] = blank[t + 1] + letter;
        }
    }
}

double tw__sums_bound(const tw__sums *s, const double *from, int32_t symbol, int height) {
    size_t table = (size_t)(height < s->most ? height : s->most);
    const double *ahead = s->ahead + (table * s->letters + (size_t)s->row[symbol]) * s->T;
    if (s->logs) {
        double sum = -INFINITY;
        for (size_t t = 0; t < s->T; t++) sum = tw__log_add(sum, from[t] + ahead[t]);
        return sum;
    }
    double sum[4] = {0}; /* four that do not wait for each other */
    size_t t = 0;
    for (; t + 4 <= s->T; t += 4)
        for (size_t k = 0; k < 4; k++) sum[k] += from[t + k] * ahead[t + k];
    for (; t < s->T; t++) sum[0] += from[t] * ahead[t];
    return log((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

double tw__sums_log_prob(const tw__sums *s, const double *both) { return s->logs ? both[s->T] : log(both[s->T]); }
