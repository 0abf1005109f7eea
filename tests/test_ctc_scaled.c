/* test_ctc_scaled.c - CTC's fast kernel against the exact one, on every instruction set here: equal, or refused. */
#include "util.h"

#include "losses/ctc.h"
#include "losses/loss.h"

typedef void softmax_fn(size_t rows, size_t K, const tw_real *z, tw__ctc_frame *frame);
typedef void grad_fn(size_t rows, size_t K, const tw_real *z, const tw__ctc_frame *frame, const tw_real *scale,
                     tw_real beta, tw_real *dz);
typedef double scaled_fn(int T, int L, const int32_t *label, const tw__ctc_table *table, bool normalised, void *work);
typedef struct kernels {
    softmax_fn *softmax;
    grad_fn *grad;
    scaled_fn *scaled;
} kernels;

static int every_kernel(kernels *k) {
    int n = 0;
    k[n++] = (kernels){tw__ctc_softmax_base, tw__ctc_softmax_grad_base, tw__ctc_scaled_base};
#if defined(__x86_64__)
    if (tw__isa() >= 1) k[n++] = (kernels){tw__ctc_softmax_avx2, tw__ctc_softmax_grad_avx2, tw__ctc_scaled_avx2};
    if (tw__isa() >= 2) k[n++] = (kernels){tw__ctc_softmax_avx512, tw__ctc_softmax_grad_avx512, tw__ctc_scaled_avx512};
#endif
    return n;
}

/* ---- one sample by either ------------------------------------------------------------------------------------ */

typedef struct problem {
    int T, K, L, blank;
    bool normalised; /* z are log-probabilities */
    tw_real *z;      /* [T,K] */
    int32_t *label;
} problem;

static tw__ctc_table table_of(const problem *p) {
    size_t pitch = tw__ctc_pitch(p->L), T = (size_t)p->T;
    tw_real *cells = malloc(T * (pitch + 1) * sizeof *cells);
    return (tw__ctc_table){cells, cells + T, pitch};
}

/* The loss, and y - gamma in double with y from log-sum-exps in double. */
static double exactly(const problem *p, double *gradient) {
    tw__ctc_table gamma = table_of(p);
    void *work = malloc(tw__ctc_work(p->T, p->L, true));
    double loss = tw__ctc_paths(
        &(tw__ctc_sample){p->z, (size_t)p->K, p->T, p->K, p->blank, p->L, p->label, p->normalised}, work, &gamma);
    for (int t = 0; t < p->T; t++) {
        const tw_real *z = p->z + t * p->K;
        double lse = tw__log_sum_exp(z, (size_t)p->K, 1, NULL), *d = gradient + t * p->K;
        for (int k = 0; k < p->K; k++) d[k] = p->normalised ? 0 : exp((double)z[k] - lse);
        d[p->blank] -= (double)gamma.blank[t];
        for (int i = 0; i < p->L; i++) d[p->label[i]] -= (double)gamma.letter[(size_t)t * gamma.pitch + (size_t)i];
    }
    free(gamma.blank), free(work);
    return loss;
}

/* The same by the fast kernels; NaN when they refuse. */
static double fast(const kernels *k, const problem *p, tw_real *gradient) {
    tw__ctc_table table = table_of(p);
    void *work = aligned_alloc(64, (tw__ctc_scaled_work(p->T, p->L) + 63) / 64 * 64);
    size_t T = (size_t)p->T, K = (size_t)p->K;
    tw__ctc_frame *frame = malloc(T * sizeof *frame);
    tw_real *scale = malloc(T * sizeof *scale);
    double logs = 0;
    k->softmax(T, K, p->z, frame);
    for (size_t t = 0; t < T; t++) {
        logs += p->normalised ? 0 : (double)frame[t].max + log(frame[t].sum);
        scale[t] = p->normalised ? 0 : 1;
        table.blank[t] = p->z[t * K + (size_t)p->blank];
        for (size_t i = 0; i < table.pitch; i++)
            table.letter[t * table.pitch + i] = i < (size_t)p->L ? p->z[t * K + (size_t)p->label[i]]
                                                                 : -(tw_real)INFINITY;
    }
    double loss = logs - k->scaled(p->T, p->L, p->label, &table, p->normalised, work);
    k->grad(T, K, p->z, frame, scale, 0, gradient);
    for (size_t t = 0; t < T; t++) {
        tw_real *d = gradient + t * K;
        d[p->blank] -= table.blank[t];
        for (int i = 0; i < p->L; i++) d[p->label[i]] -= table.letter[t * table.pitch + (size_t)i];
    }
    free(frame), free(scale);
    free(table.blank), free(work);
    return loss;
}

/* The bounds: 1e-6 of the loss, also where that is 1e-3; 2e-6 for each number of the gradient. Returns how many
 * instruction sets refused. */
static int compare(const char *what, const problem *p) {
    kernels k[3];
    size_t size = (size_t)p->T * (size_t)p->K;
    double *want = malloc(size * sizeof *want), loss = exactly(p, want);
    tw_real *got = malloc(size * sizeof *got);
    int n = every_kernel(k), refused = 0;
    for (int i = 0; i < n; i++) {
        double mine = fast(&k[i], p, got);
        if (isnan(mine)) {
            refused++;
            continue;
        }
        cr_assert(fabs(mine - loss) <= 1e-6 * fabs(loss) + 1e-9, "%s %d: T %d K %d L %d: %.12g, not %.12g", what, i,
                  p->T, p->K, p->L, mine, loss);
        for (size_t at = 0; at < size; at++)
            cr_assert_float_eq(got[at], want[at], 2e-6, "%s %d: T %d K %d L %d: d[%zu] is %.9g, not %.9g", what, i,
                               p->T, p->K, p->L, at, (double)got[at], want[at]);
    }
    cr_assert(refused == 0 || refused == n, "%s: only some instruction sets refused", what);
    free(want), free(got);
    return refused;
}

/* Logits from -scale to scale, and a label with many repeats, some of three and more. */
static problem draw(int T, int K, int L, double scale, uint64_t seed) {
    problem p = {.T = T, .K = K, .blank = (int)(seed % (uint64_t)K)};
    p.z = random_reals((size_t)(T * K), seed, -scale, scale);
    p.label = malloc(((size_t)L + 1) * sizeof *p.label);
    for (int i = 0; i < L; i++) {
        uint64_t bits = tw_random_bits(seed, (uint64_t)i);
        p.label[i] = i > 0 && bits % 3 == 0 ? p.label[i - 1]
                                            : (int32_t)((p.blank + 1 + (int)(bits / 3 % (uint64_t)(K - 1))) % K);
    }
    while (!tw_ctc_fits(T, p.label, (size_t)L)) L--;
    p.L = L;
    return p;
}

/* Makes log-probabilities of the logits. */
static void normalise(problem *p) {
    for (tw_real *z = p->z; z < p->z + p->T * p->K; z += p->K) {
        double lse = tw__log_sum_exp(z, (size_t)p->K, 1, NULL);
        for (int k = 0; k < p->K; k++) z[k] = (tw_real)((double)z[k] - lse);
    }
    p->normalised = true;
}

static void drop(problem *p) { free(p->z), free(p->label); }

/* ---- tests --------------------------------------------------------------------------------------------------- */

/* Every length up to three blocks of states, classes around one, two and many vectors; nothing of this is refused. */
Test(ctc_scaled, equals_the_exact_one_for_all_sizes) {
    static const int classes[] = {2, 3, 15, 16, 17, 31, 32, 33, 37, 100, 515};
    for (int L = 0; L <= 26; L++)
        for (size_t c = 0; c < sizeof classes / sizeof *classes; c++) {
            int T = 1 + (int)(tw_random_bits(7, (uint64_t)(100 * L) + c) % 60);
            problem p = draw(T, classes[c], L, 3, (uint64_t)(1 + 20 * L) + c);
            cr_assert_eq(compare("sizes", &p), 0, "T %d K %d L %d refused", p.T, p.K, p.L);
            normalise(&p);
            cr_assert_eq(compare("sizes of log-probabilities", &p), 0, "T %d K %d L %d refused", p.T, p.K, p.L);
            drop(&p);
        }
}

/* From nearly uniform to nearly certain, right or wrong. The largest may be refused. */
Test(ctc_scaled, equal_or_refused_for_all_scales) {
    static const double scale[] = {1e-3, 1, 10, 30, 50, 100, 200, 1000, 1e4};
    int refused[9] = {0};
    for (int s = 0; s < 9; s++)
        for (uint64_t seed = 0; seed < 60; seed++) {
            problem p = draw(5 + (int)(seed * 7 % 90), 4 + (int)seed % 40, (int)seed % 25, scale[s], 1000 + seed);
            refused[s] += compare("scales", &p);
            normalise(&p);
            refused[s] += compare("scales of log-probabilities", &p);
            drop(&p);
        }
    for (int s = 0; s < 5; s++) cr_assert_eq(refused[s], 0, "scale %g: %d refused", scale[s], refused[s]);
    cr_assert_gt(refused[8], 0, "logits of 1e4 cannot all be held");
}

/* Sure of one symbol in each frame: of the blank, of one letter, of a path that reads as the label, of one that does
 * not; up to ten thousand to one for each frame and e^-1000 beyond. */
Test(ctc_scaled, equal_or_refused_when_certain) {
    static const double gap[] = {5, 20, 60, 86, 88, 120, 300, 600, 1000};
    int refused[9] = {0};
    for (int g = 0; g < 9; g++)
        for (uint64_t seed = 0; seed < 80; seed++) {
            problem p = draw(2 + (int)(seed * 5 % 70), 3 + (int)seed % 20, (int)(seed / 4) % 12, 1, 2000 + seed);
            for (int t = 0; t < p.T; t++) {
                int letter = p.L ? p.label[t * p.L / p.T] : p.blank;
                int at = seed % 4 == 0 ? p.blank
                    : seed % 4 == 1    ? letter
                    : seed % 4 == 2    ? (t % 2 ? letter : p.blank)
                                       : (int)((seed + (uint64_t)t / 5) % (uint64_t)p.K);
                p.z[t * p.K + at] += (tw_real)gap[g];
            }
            refused[g] += compare("certain", &p);
            drop(&p);
        }
    cr_assert_eq(refused[0] + refused[1], 0);
    cr_assert_gt(refused[8], 0, "gaps of 1000 cannot all be held");
}

/* The example of docs/ctc.md on which a factor for each frame alone fails: the row looks healthy, the end is lost. */
Test(ctc_scaled, lost_states_are_noticed) {
    kernels k[3];
    for (int n = every_kernel(k) - 1; n >= 0; n--)
        for (int gap = 50; gap <= 1000; gap += 50) {
            tw_real z[12] = {0}, gradient[12];
            for (int t = 0; t < 4; t++) z[3 * t] = (tw_real)gap;
            problem p = {.T = 4, .K = 3, .L = 2, .z = z, .label = (int32_t[]){1, 2}};
            double loss = fast(&k[n], &p, gradient);
            if (gap <= 250) cr_assert_float_eq(loss, 2 * gap - log(6), 1e-6 * 2 * gap);
            else if (gap > 450) cr_assert(isnan(loss));
            else cr_assert(isnan(loss) || fabs(loss - 2 * gap + log(6)) < 1e-6 * 2 * gap);
        }
}

/* The loss of a good network is small, and as exact: frames on the border between two symbols have probabilities of
 * one half, whose logarithms must cancel. */
Test(ctc_scaled, small_losses) {
    for (uint64_t seed = 0; seed < 100; seed++) {
        problem p = draw(40, 12, 6, 2, 3000 + seed);
        tw_real sure = (tw_real)(4 + seed % 16 * (seed % 2 ? 1 : 3)); /* up to e^-49 for the others */
        for (int t = 0; t < p.T; t++) {
            int i = t * (2 * p.L + 1) / p.T, j = (t + 1) * (2 * p.L + 1) / p.T;
            p.z[t * p.K + (i % 2 ? p.label[i / 2] : p.blank)] += sure;
            if (i != j && j <= 2 * p.L) p.z[t * p.K + (j % 2 ? p.label[j / 2] : p.blank)] += sure;
        }
        cr_assert_eq(compare("small", &p), 0);
        normalise(&p);
        cr_assert_eq(compare("small, of log-probabilities", &p), 0);
        drop(&p);
    }
}

/* Long ones: the rows of alpha and beta meet far from their peaks. */
Test(ctc_scaled, long_ones) {
    static const int frames[] = {500, 1500, 5000}, letters[] = {60, 200, 400};
    for (int i = 0; i < 3; i++)
        for (int scale = 0; scale <= 4; scale += 2 * test_share()) {
            problem p = draw(frames[i], 30, letters[i], scale, 4000 + (uint64_t)(10 * i + scale));
            int refused = compare("long", &p);
            cr_assert(refused == 0 || i == 2, "T %d L %d scale %d", p.T, p.L, scale);
            drop(&p);
        }
}

/* Excluded symbols, and numbers that are none: an impossible or senseless sample is never given a loss. */
Test(ctc_scaled, infinities_and_nan) {
    static const tw_real bad[] = {(tw_real)NAN, (tw_real)INFINITY, -(tw_real)INFINITY};
    kernels k[3];
    int n = every_kernel(k);
    for (uint64_t seed = 0; seed < 90; seed++) {
        problem p = draw(9, 20, 3, 2, 5000 + seed);
        tw_real gradient[180];
        size_t at = (size_t)(tw_random_bits(seed, 1) % 9 * 20);
        p.z[at + (seed % 2 ? (size_t)p.label[0] : seed % 20)] = bad[seed % 3];
        if (seed % 3 == 2) cr_assert_eq(compare("excluded", &p), 0);
        else
            for (int i = 0; i < n; i++) cr_assert(isnan(fast(&k[i], &p, gradient)));
        for (int t = 0; t < 9; t++) p.z[t * 20 + p.label[0]] = -(tw_real)INFINITY;
        for (int i = 0; i < n; i++) cr_assert(isnan(fast(&k[i], &p, gradient)), "no path");
        drop(&p);
    }
}

/* A batch of ordinary and of refused samples: each gets its loss and gradient, and a second consumer's gradient is
 * added. */
Test(ctc_scaled, a_batch_of_both) {
    enum { N = 6, T = 30, K = 21 };
    tw_ctx *ctx = tw_ctx_new(1);
    problem p[N];
    tw_real *z = malloc(T * N * K * sizeof *z);
    int32_t label[N * T], length[N], total = 0;
    double *want[N];
    double loss[N];
    for (int n = 0; n < N; n++) {
        p[n] = draw(T, K, 5 + n, n % 2 ? 2000 : 2, 6000 + (uint64_t)n);
        p[n].blank = 0;
        for (int i = 0; i < p[n].L; i++) p[n].label[i] = 1 + (i + n) % (K - 1);
        memcpy(label + total, p[n].label, (size_t)p[n].L * sizeof *label);
        total += length[n] = p[n].L;
        for (int t = 0; t < T; t++) memcpy(z + (t * N + n) * K, p[n].z + t * K, K * sizeof *z);
        want[n] = malloc(T * K * sizeof **want);
        loss[n] = exactly(&p[n], want[n]);
    }
    tw_tensor *x = tw_input_grad(ctx, z, 3, (int[]){T, N, K});
    tw_ctc_options o = {.reduction = TW_REDUCTION_NONE};
    tw_tensor *y = tw_ctc_loss(ctx, x, (tw_labels){label, (size_t)total}, (tw_labels){length, N}, (tw_labels){0}, &o);
    tw_tensor *sum = tw_sum(ctx, y, 0, NULL, false), *other = tw_scale(ctx, tw_sum(ctx, x, 0, NULL, false), 3);
    tw_tensor *both = tw_add(ctx, sum, other); /* backward begins with the later one, so that CTC's is added */
    cr_assert_eq(tw_backward(ctx, both), TW_OK, "%s", tw_errmsg(ctx));
    for (int n = 0; n < N; n++) {
        cr_assert(near((double)y->data[n], loss[n], 1e-6), "sample %d: %.9g, not %.9g", n, (double)y->data[n], loss[n]);
        for (int i = 0; i < T * K; i++)
            cr_assert_float_eq(x->grad[(i / K * N + n) * K + i % K], want[n][i] + 3, 2e-6, "sample %d, %d", n, i);
        free(want[n]);
        drop(&p[n]);
    }
    free(z);
    tw_ctx_free(ctx);
}
