/* test_ctc_oracles.c - CTC against three things that are not the recursion under test: every path enumerated, a
 * closed form, and the textbook recursion in double at a length where float fails. */
#include "util.h"

/* The loss of one sample with label l, and its gradient [T,K] when dz is not NULL. */
static double ctc_of(tw_ctx *ctx, tw_form form, const tw_real *z, int T, int K, int blank, const int32_t *l, int L,
                     tw_real *dz) {
    tw_step_begin(ctx);
    tw_tensor *x = tw_input_grad(ctx, z, 3, (int[]){T, 1, K});
    tw_ctc_options o = {.reduction = TW_REDUCTION_NONE, .form = form, .blank = blank};
    tw_tensor *y = tw_ctc_loss(ctx, x, (tw_labels){l, (size_t)L}, (tw_labels){(int32_t[]){L}, 1}, (tw_labels){0}, &o);
    cr_assert_not_null(y, "%s", tw_errmsg(ctx));
    if (dz) {
        cr_assert_eq(tw_backward_from(ctx, y, (tw_real[]){1}), TW_OK, "%s", tw_errmsg(ctx));
        memcpy(dz, x->grad, x->size * sizeof *dz);
    }
    return (double)y->data[0];
}

static double ctc_one(tw_ctx *ctx, const tw_real *z, int T, int K, int blank, const int32_t *l, int L, tw_real *dz) {
    return ctc_of(ctx, TW_FORM_LOGITS, z, T, K, blank, l, L, dz);
}

/* The log of what softmax divides by, summed over the frames. */
static double log_sums(const tw_real *z, int T, int K) {
    double all = 0;
    for (int t = 0; t < T; t++) {
        double sum = 0;
        for (int k = 0; k < K; k++) sum += exp((double)z[t * K + k]);
        all += log(sum);
    }
    return all;
}

static void softmax_rows(const tw_real *z, int T, int K, double *p) {
    for (int t = 0; t < T; t++) {
        double sum = 0;
        for (int k = 0; k < K; k++) sum += p[t * K + k] = exp((double)z[t * K + k]);
        for (int k = 0; k < K; k++) p[t * K + k] /= sum;
    }
}

/* ---- every path ---------------------------------------------------------------------------------------- */

enum { MAX_T = 6, MAX_K = 4, CODES = 5461 }; /* 1 + 4 + .. + 4^6 */

/* B: merges repeats, drops blanks. Returns the length. */
static int collapse(const int *path, int T, int blank, int32_t *label) {
    int n = 0;
    for (int t = 0; t < T; t++)
        if (path[t] != blank && (t == 0 || path[t] != path[t - 1])) label[n++] = path[t];
    return n;
}

/* A number for each label of at most MAX_T symbols below 4: those of shorter labels come first. */
static int code_of(const int32_t *label, int n) {
    int code = 0;
    for (int i = 0; i < n; i++) code = 4 * code + label[i] + 1;
    return code;
}

typedef struct sums { /* over the paths of one label: of p(path), and by what each frame emits */
    double p, at[MAX_T * MAX_K];
} sums;

static void enumerate_paths(const double *p, int T, int K, int blank, sums *of_label) {
    long paths = 1;
    for (int t = 0; t < T; t++) paths *= K;
    for (long i = 0; i < paths; i++) {
        int path[MAX_T];
        int32_t label[MAX_T];
        double product = 1;
        long rest = i;
        for (int t = 0; t < T; t++, rest /= K) {
            path[t] = (int)(rest % K);
            product *= p[t * K + path[t]];
        }
        sums *s = &of_label[code_of(label, collapse(path, T, blank, label))];
        s->p += product;
        for (int t = 0; t < T; t++) s->at[t * K + path[t]] += product;
    }
}

/* Checks the label, then every label it begins, up to length T + 1: the longest do not fit. */
static int check_labels(tw_ctx *ctx, const tw_real *z, int T, int K, int blank, const sums *of_label, const double *p,
                        int32_t *label, int n) {
    int checked = 1;
    tw_real dz[MAX_T * MAX_K], dx[MAX_T * MAX_K];
    double loss = ctc_one(ctx, z, T, K, blank, label, n, dz);
    double from_logs = ctc_of(ctx, TW_FORM_LOG_PROBS, z, T, K, blank, label, n, dx); /* z taken as log-probabilities */
    const sums *s = n <= T ? &of_label[code_of(label, n)] : NULL;
    double log_p = tw_ctc_log_prob(ctx, z, T, K, (size_t)K, label, n, blank);
    if (!s || s->p == 0) {
        cr_assert(isinf(loss) && isinf(log_p) && log_p < 0 && !tw_ctc_fits(T, label, (size_t)n), "no path, but %g",
                  loss);
        cr_assert(isinf(from_logs));
        for (int i = 0; i < T * K; i++) cr_assert(dz[i] == 0 && dx[i] == 0);
    } else {
        cr_assert(tw_ctc_fits(T, label, (size_t)n));
        cr_assert(near(loss, -log(s->p), 1e-6), "T %d, K %d, L %d: %.9g, not %.9g", T, K, n, loss, -log(s->p));
        cr_assert(near(log_p, log(s->p), 1e-12), "%.17g, not %.17g", log_p, log(s->p));
        double want = -log(s->p) - log_sums(z, T, K);
        cr_assert(near(from_logs, want, 1e-6), "T %d, K %d, L %d: %.9g, not %.9g", T, K, n, from_logs, want);
        for (int i = 0; i < T * K; i++) {
            double gamma = s->at[i] / s->p;
            cr_assert_float_eq(dz[i], p[i] - gamma, 1e-6, "T %d, K %d, L %d: dz[%d]", T, K, n, i);
            cr_assert_float_eq(dx[i], -gamma, 1e-6, "T %d, K %d, L %d: dx[%d]", T, K, n, i);
        }
    }
    for (int k = 0; k < K && n <= T; k++) {
        if (k == blank) continue;
        label[n] = k;
        checked += check_labels(ctx, z, T, K, blank, of_label, p, label, n + 1);
    }
    return checked;
}

static int check_every_label(tw_ctx *ctx, int T, int K, int blank) {
    tw_real *z = random_reals((size_t)(T * K), (uint64_t)(100 * T + 10 * K + blank), -4, 0);
    double p[MAX_T * MAX_K];
    sums *of_label = calloc(CODES, sizeof *of_label);
    int32_t label[MAX_T + 1];
    softmax_rows(z, T, K, p);
    enumerate_paths(p, T, K, blank, of_label);
    int checked = check_labels(ctx, z, T, K, blank, of_label, p, label, 0);
    free(z), free(of_label);
    return checked;
}

/* Every blank: the first, the last, and those between. From logits and from log-probabilities. */
Test(ctc_oracles, every_path_of_every_label) {
    tw_ctx *ctx = tw_ctx_new(1);
    int checked = 0;
    for (int K = 1; K <= MAX_K; K++)
        for (int T = 0; T <= MAX_T; T++)
            for (int blank = 0; blank < K; blank++) checked += check_every_label(ctx, T, K, blank);
    cr_assert_geq(checked, 10000);
    tw_ctx_free(ctx);
}

/* B(-s-t-aatte) = B(ss-t-a-t-e) = B(sstt-aat-e) = "state", B(-s-t-tatte) = "sttate". Logits that leave one path
 * only make CTC tell B: the loss is 0 for the path's label and beyond any likelihood for the other. */
Test(ctc_oracles, paths_of_state_and_sttate) {
    static const char symbols[] = "-stae";
    static const char *const path[] = {"-s-t-aatte", "ss-t-a-t-e", "sstt-aat-e", "-s-t-tatte"};
    static const char *const text[] = {"state", "sttate"};
    tw_ctx *ctx = tw_ctx_new(1);
    for (int i = 0; i < 4; i++) {
        tw_real z[10 * 5];
        for (int t = 0; t < 10; t++)
            for (int k = 0; k < 5; k++) z[5 * t + k] = path[i][t] == symbols[k] ? 100 : 0;
        for (int j = 0; j < 2; j++) {
            int32_t label[6];
            int n = (int)strlen(text[j]);
            for (int k = 0; k < n; k++) label[k] = (int32_t)(strchr(symbols, text[j][k]) - symbols);
            double loss = ctc_one(ctx, z, 10, 5, 0, label, n, NULL);
            if ((i == 3) == (j == 1)) cr_assert_float_eq(loss, 0, 1e-6, "B(%s) is not %s", path[i], text[j]);
            else cr_assert_gt(loss, 90, "B(%s) is %s", path[i], text[j]);
        }
    }
    tw_ctx_free(ctx);
}

/* ---- uniform probabilities ----------------------------------------------------------------------------- */

/* T ln K - ln binom(T + L - R, T - L - R), and +inf when T < L + R. */
static double closed_form(int T, int K, int L, int R) {
    if (T < L + R) return INFINITY;
    double n = T + L - R, k = T - L - R;
    return T * log(K) - (lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1));
}

/* A label of L symbols with R adjacent repeats, of symbols 1 and 2 .. K-1. */
static void label_with_repeats(int32_t *label, int L, int R, int K) {
    for (int i = 0; i < L; i++) label[i] = i == 0 ? 1 : i <= R ? label[i - 1] : label[i - 1] % (K - 1) + 1;
}

Test(ctc_oracles, closed_form_for_uniform_probabilities) {
    tw_ctx *ctx = tw_ctx_new(1);
    int32_t label[40];
    tw_real *z = random_reals(60 * 8, 1, 0.5, 0.5); /* all equal */
    cr_assert_float_eq(closed_form(10, 5, 4, 0), 8.0870, 5e-5);
    label_with_repeats(label, 4, 0, 5);
    cr_assert_float_eq(ctc_one(ctx, z, 10, 5, 0, label, 4, NULL), 8.0870, 5e-5);
    for (int K = 2; K <= 8; K += 2)
        for (int T = 0; T <= 60; T += T < 12 ? 1 : 12)
            for (int L = 0; L <= 30 && L <= T + 1; L++)
                for (int R = K == 2 ? L - (L > 0) : 0; R<(L ? L : 1); R += L> 8 ? 5 : 1) {
                    label_with_repeats(label, L, R, K);
                    double loss = ctc_one(ctx, z, T, K, 0, label, L, NULL), want = closed_form(T, K, L, R);
                    cr_assert(near(loss, want, 1e-6), "T %d, K %d, L %d, R %d: %.9g, not %.9g", T, K, L, R, loss, want);
                }
    free(z);
    tw_ctx_free(ctx);
}

/* ---- long ones ----------------------------------------------------------------------------------------- */

static double add_logs(double a, double b) {
    if (a == -INFINITY) return b;
    if (b == -INFINITY) return a;
    return a > b ? a + log1p(exp(b - a)) : b + log1p(exp(a - b));
}

/* The textbook, all in double logarithms: both recursions over all states of all frames, beta with its own emission
 * as in the paper, gamma divided by p(l|x) y. dz [T,K]. Returns the loss. */
static double textbook(const tw_real *z, int T, int K, int blank, const int32_t *l, int L, double *dz) {
    int S = 2 * L + 1;
    double *y = malloc((size_t)(T * K) * sizeof *y), *a = malloc((size_t)T * (size_t)S * sizeof *a);
    double *b = malloc((size_t)T * (size_t)S * sizeof *b), *gamma = malloc((size_t)K * sizeof *gamma);
    for (int t = 0; t < T; t++) {
        double lse = -INFINITY;
        for (int k = 0; k < K; k++) lse = add_logs(lse, (double)z[t * K + k]);
        for (int k = 0; k < K; k++) y[t * K + k] = (double)z[t * K + k] - lse;
    }
#define SYMBOL(s) ((s) % 2 ? l[(s) / 2] : blank)
#define SKIP(s) ((s) % 2 && (s) >= 3 && l[(s) / 2] != l[(s) / 2 - 1]) /* from s - 2 to s */
    for (int t = 0; t < T; t++)
        for (int s = 0; s < S; s++) {
            double sum = t == 0 ? (s <= 1 ? 0 : -INFINITY) : a[(t - 1) * S + s];
            if (t > 0 && s >= 1) sum = add_logs(sum, a[(t - 1) * S + s - 1]);
            if (t > 0 && SKIP(s)) sum = add_logs(sum, a[(t - 1) * S + s - 2]);
            a[t * S + s] = sum + y[t * K + SYMBOL(s)];
        }
    for (int t = T - 1; t >= 0; t--)
        for (int s = S - 1; s >= 0; s--) {
            double sum = t == T - 1 ? (s >= S - 2 ? 0 : -INFINITY) : b[(t + 1) * S + s];
            if (t < T - 1 && s + 1 < S) sum = add_logs(sum, b[(t + 1) * S + s + 1]);
            if (t < T - 1 && s + 2 < S && SKIP(s + 2)) sum = add_logs(sum, b[(t + 1) * S + s + 2]);
            b[t * S + s] = sum + y[t * K + SYMBOL(s)];
        }
    double log_p = add_logs(a[T * S - 1], S > 1 ? a[T * S - 2] : -INFINITY);
    for (int t = 0; t < T; t++) {
        for (int k = 0; k < K; k++) gamma[k] = -INFINITY;
        for (int s = 0; s < S; s++) {
            double both = a[t * S + s] + b[t * S + s] - y[t * K + SYMBOL(s)];
            gamma[SYMBOL(s)] = add_logs(gamma[SYMBOL(s)], both);
        }
        for (int k = 0; k < K; k++) dz[t * K + k] = exp(y[t * K + k]) - exp(gamma[k] - log_p);
    }
#undef SYMBOL
#undef SKIP
    free(y), free(a), free(b), free(gamma);
    return -log_p;
}

/* Loss within 1e-6 relative, gradient within 1e-5 absolute, rows that sum to 0. */
static void check_against_textbook(tw_ctx *ctx, const char *what, const tw_real *z, int T, int K, int blank,
                                   const int32_t *label, int L) {
    tw_real *dz = malloc((size_t)(T * K) * sizeof *dz);
    double *want = malloc((size_t)(T * K) * sizeof *want);
    double reference = textbook(z, T, K, blank, label, L, want), loss = ctc_one(ctx, z, T, K, blank, label, L, dz);
    cr_assert_leq(fabs(loss - reference), 1e-6 * fabs(reference), "%s: %.12g, not %.12g", what, loss, reference);
    double worst = 0, worst_row = 0;
    for (int t = 0; t < T; t++) {
        double row = 0;
        for (int k = 0; k < K; k++) {
            row += (double)dz[t * K + k];
            worst = fmax(worst, fabs((double)dz[t * K + k] - want[t * K + k]));
        }
        worst_row = fmax(worst_row, fabs(row));
    }
    cr_assert_leq(worst, 1e-5, "%s: the gradient is off by %g", what, worst);
    cr_assert_leq(worst_row, 1e-6, "%s: a row of the gradient sums to %g", what, worst_row);
    free(dz), free(want);
}

Test(ctc_oracles, five_thousand_frames) {
    enum { T = 5000, K = 40, L = 400 };
    tw_ctx *ctx = tw_ctx_new(1);
    int32_t label[L];
    for (int i = 0; i < L; i++) label[i] = 1 + (int32_t)(tw_random_bits(3, (uint64_t)i) % (K - 1));
    tw_real *z = random_reals((size_t)T * K, 1, -3, 3);
    check_against_textbook(ctx, "uniform logits", z, T, K, 0, label, L);
    for (int t = 0; t < T; t++) /* a network that has learnt to read it: about 12 frames a symbol, blanks between */
        for (int k = 0; k < K; k++) z[t * K + k] += k == (t % 12 < 5 ? label[t * L / T] : 0) ? 12 : 0;
    check_against_textbook(ctx, "a good reader", z, T, K, 0, label, L);
    free(z);
    tw_ctx_free(ctx);
}

/* The net is sure of something else: a path the label needs is e^-1000 and less beside the others in its frame. */
Test(ctc_oracles, confidently_wrong) {
    enum { T = 60, K = 6, L = 8 };
    tw_ctx *ctx = tw_ctx_new(1);
    int32_t label[L] = {1, 2, 2, 3, 1, 4, 5, 5};
    for (int gap = 100; gap <= 10000; gap *= 10) {
        tw_real *z = random_reals(T * K, (uint64_t)gap, -1, 1);
        for (int t = 0; t < T; t++) z[t * K + (t / 7 * 5 + t % 2) % K] += (tw_real)gap;
        check_against_textbook(ctx, "confidently wrong", z, T, K, 0, label, L);
        free(z);
    }
    tw_ctx_free(ctx);
}
