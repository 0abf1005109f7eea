/* lattice.c - see lattice.h. */
#include "lattice.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int ctc_collapse(const int *path, int T, int blank, int32_t *label) {
    int n = 0;
    for (int t = 0; t < T; t++)
        if (path[t] != blank && (t == 0 || path[t] != path[t - 1])) label[n++] = path[t];
    return n;
}

/* ---- every path -------------------------------------------------------------------------------------- */

enum { MOST_FRAMES = 64 };

typedef struct walk {
    const double *y;
    int T, K, blank, L;
    const int32_t *label;
    long most;
    path_sum *sum;
    int path[MOST_FRAMES];
    int32_t text[MOST_FRAMES];
} walk;

static void walk_on(walk *w, int t, double p) {
    int n = ctc_collapse(w->path, t, w->blank, w->text);
    if (n > w->L || memcmp(w->text, w->label, (size_t)n * sizeof *w->text) != 0 || w->sum->count < 0) return;
    if (t < w->T) {
        for (int k = 0; k < w->K; k++) {
            w->path[t] = k;
            walk_on(w, t + 1, p * w->y[t * w->K + k]);
        }
    } else if (n == w->L) {
        w->sum->p += p;
        for (int i = 0; w->sum->emits && i < w->T; i++) w->sum->emits[i * w->K + w->path[i]] += p;
        if (++w->sum->count > w->most) w->sum->count = -1;
    }
}

void ctc_enumerate(const double *y, int T, int K, int blank, const int32_t *label, int L, long most, path_sum *sum) {
    double *emits = sum->emits;
    *sum = (path_sum){.emits = emits, .count = T > MOST_FRAMES ? -1 : 0};
    for (int i = 0; emits && i < T * K; i++) emits[i] = 0;
    walk w = {.y = y, .T = T, .K = K, .blank = blank, .L = L, .label = label, .most = most, .sum = sum};
    walk_on(&w, 0, 1);
}

double ctc_count_paths(int T, const int32_t *label, int L) {
    int R = 0;
    for (int i = 1; i < L; i++) R += label[i] == label[i - 1];
    double n = T + L - R, k = T - L - R;
    return k < 0 ? 0 : round(exp(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)));
}

/* ---- the lattice --------------------------------------------------------------------------------------- */

static double add_logs(double a, double b) {
    double high = fmax(a, b), low = fmin(a, b);
    return low == -INFINITY ? high : high + log1p(exp(low - high));
}

bool lattice_skips(const lattice *w, int s) { return s % 2 == 1 && s >= 3 && w->symbol[s] != w->symbol[s - 2]; }

static double emitted(const lattice *w, int t, int s) { return w->log_y[t * w->K + w->symbol[s]]; }

static void fill_alpha(lattice *w) {
    for (int t = 0; t < w->T; t++)
        for (int s = 0; s < w->S; s++) {
            const double *before = w->alpha + (t - 1) * w->S;
            double walks = t == 0 ? (s <= 1 ? 0 : -INFINITY) : before[s];
            if (t > 0 && s >= 1) walks = add_logs(walks, before[s - 1]);
            if (t > 0 && lattice_skips(w, s)) walks = add_logs(walks, before[s - 2]);
            w->alpha[t * w->S + s] = walks + emitted(w, t, s);
        }
}

static void fill_beta(lattice *w) {
    for (int t = w->T - 1; t >= 0; t--)
        for (int s = 0; s < w->S; s++) {
            const double *after = w->beta + (t + 1) * w->S;
            double ways = s >= w->S - 2 ? 0 : -INFINITY;
            if (t < w->T - 1) {
                ways = -INFINITY;
                for (int to = s; to < w->S && to <= s + 2; to++)
                    if (to < s + 2 || lattice_skips(w, to)) ways = add_logs(ways, after[to] + emitted(w, t + 1, to));
            }
            w->beta[t * w->S + s] = ways;
        }
}

/* Viterbi: like alpha, with the largest instead of the sum, and where it came from. */
static bool fill_best(lattice *w) {
    size_t S = (size_t)w->S;
    double *now = malloc(S * sizeof *now), *before = malloc(S * sizeof *before);
    int *from = malloc((size_t)w->T * S * sizeof *from);
    bool good = now && before && from;
    for (int t = 0; good && t < w->T; t++) {
        for (int s = 0; s < w->S; s++) {
            double most = t == 0 ? (s <= 1 ? 0 : -INFINITY) : before[s];
            from[t * w->S + s] = s;
            for (int back = 1; t > 0 && back <= 2 && s - back >= 0; back++)
                if ((back == 1 || lattice_skips(w, s)) && before[s - back] > most)
                    most = before[s - back], from[t * w->S + s] = s - back;
            now[s] = most + emitted(w, t, s);
        }
        double *swap = now;
        now = before, before = swap;
    }
    if (good && w->T) {
        int s = w->S - 1;
        if (s > 0 && before[s - 1] > before[s]) s--;
        w->log_p_best = before[s];
        for (int t = w->T - 1; t >= 0; s = from[t * w->S + s], t--) w->best[t] = s;
    }
    free(now), free(before), free(from);
    return good;
}

static void fill_log_softmax(lattice *w, const tw_real *z) {
    for (int t = 0; t < w->T; t++) {
        double most = -INFINITY, sum = 0;
        for (int k = 0; k < w->K; k++) most = fmax(most, (double)z[t * w->K + k]);
        for (int k = 0; k < w->K; k++) sum += exp((double)z[t * w->K + k] - most);
        for (int k = 0; k < w->K; k++) w->log_y[t * w->K + k] = (double)z[t * w->K + k] - most - log(sum);
    }
}

bool lattice_make(lattice *w, const tw_real *logits, int T, int K, int blank, const int32_t *label, int L) {
    *w = (lattice){.T = T, .K = K, .S = 2 * L + 1, .L = L, .blank = blank};
    size_t states = (size_t)T * (size_t)w->S + 1, scores = (size_t)T * (size_t)K + 1;
    w->symbol = malloc((size_t)w->S * sizeof *w->symbol);
    w->log_y = malloc(scores * sizeof *w->log_y);
    w->alpha = malloc(states * sizeof *w->alpha);
    w->beta = malloc(states * sizeof *w->beta);
    w->posterior = malloc(states * sizeof *w->posterior);
    w->gamma = calloc(scores, sizeof *w->gamma);
    w->best = calloc((size_t)T + 1, sizeof *w->best);
    if (!w->symbol || !w->log_y || !w->alpha || !w->beta || !w->posterior || !w->gamma || !w->best) {
        lattice_free(w);
        return false;
    }
    for (int s = 0; s < w->S; s++) w->symbol[s] = s % 2 ? label[s / 2] : blank;
    fill_log_softmax(w, logits);
    fill_alpha(w);
    fill_beta(w);
    const double *last = w->alpha + (T - 1) * w->S;
    w->log_p = T == 0 ? (L ? -INFINITY : 0) : add_logs(last[w->S - 1], L ? last[w->S - 2] : -INFINITY);
    w->log_p_best = w->log_p;
    for (int t = 0; t < T; t++)
        for (int s = 0; s < w->S; s++) {
            double here = w->log_p == -INFINITY ? 0 : exp(w->alpha[t * w->S + s] + w->beta[t * w->S + s] - w->log_p);
            w->posterior[t * w->S + s] = here;
            w->gamma[t * w->K + w->symbol[s]] += here;
        }
    if (w->log_p > -INFINITY && fill_best(w)) return true;
    if (w->log_p == -INFINITY) return true;
    lattice_free(w);
    return false;
}

void lattice_free(lattice *w) {
    free(w->symbol), free(w->log_y), free(w->alpha), free(w->beta), free(w->posterior), free(w->gamma), free(w->best);
    *w = (lattice){0};
}
