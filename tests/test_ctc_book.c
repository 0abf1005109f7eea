/* test_ctc_book.c - the example of docs/ctc.md, three frames over a blank and two letters, and the chapter's other
 * numbers. Everything is computed from the definition in double, and the library must agree. */
#include "util.h"

enum { T = 3, K = 3, S = 5, TEXTS = 9 };
/* quote: example */
static const double y[T][K] = {
    /* -    a    b */
    {0.5, 0.4, 0.1},
    {0.5, 0.3, 0.2},
    {0.3, 0.2, 0.5},
};
/* end quote */
static const char letters[] = "-ab";

static tw_ctx *ctx;
static tw_real z[T * K]; /* logits of which y is the softmax */
static void setup(void) {
    ctx = tw_ctx_new(1);
    for (int i = 0; i < T * K; i++) z[i] = (tw_real)log(y[i / K][i % K]);
}
static void teardown(void) { tw_ctx_free(ctx); }
TestSuite(ctc_book, .init = setup, .fini = teardown);

static int symbols_of(const char *text, int32_t *symbols) {
    int n = 0;
    for (; text[n]; n++) symbols[n] = (int32_t)(strchr(letters, text[n]) - letters);
    return n;
}

static double probability(const char *text) {
    int32_t label[8];
    int L = symbols_of(text, label);
    return exp(tw_ctc_log_prob(ctx, z, T, K, K, label, L, 0));
}

/* The loss of a text of L symbols from frames [frames,1,classes]; the gradient to dz. */
static double loss_of(const tw_real *logits, int frames, int classes, const int32_t *label, int L, tw_form form,
                      tw_real *dz) {
    tw_step_begin(ctx);
    tw_tensor *x = tw_input_grad(ctx, logits, 3, (int[]){frames, 1, classes});
    tw_ctc_options o = tw_ctc_defaults();
    o.form = form;
    tw_tensor *l = tw_ctc_loss(ctx, x, (tw_labels){label, (size_t)L}, (tw_labels){(int32_t[]){L}, 1}, (tw_labels){0},
                               &o);
    cr_assert_not_null(l, "%s", tw_errmsg(ctx));
    cr_assert_eq(tw_backward_from(ctx, l, (tw_real[]){1}), TW_OK, "%s", tw_errmsg(ctx));
    memcpy(dz, x->grad, x->size * sizeof *dz);
    return (double)tw_item(l);
}

/* ---- B and the paths --------------------------------------------------------------------------------------- */

/* quote: collapse */
/* B: merges equal neighbours, then drops blanks. */
static void collapse(const char *path, char *text) {
    for (char before = 0; *path; before = *path++)
        if (*path != before && *path != '-') *text++ = *path;
    *text = 0;
}
/* end quote */

Test(ctc_book, b_of_state) {
    static const char *const table[][2] = {
        {"-s-t-aatte", "state"}, {"ss-t-a-t-e", "state"}, {"sstt-aat-e", "state"}, {"-s-t-tatte", "sttate"},
        {"leetter", "leter"},    {"let-ter", "letter"},   {"le-tter", "leter"},    {"-----", ""}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char text[16];
        collapse(table[i][0], text);
        cr_assert_str_eq(text, table[i][1], "B(%s)", table[i][0]);
    }
}

/* All 27 paths, and what reads as what. */
Test(ctc_book, every_path) {
    static const struct {
        const char *text;
        int paths;
        double p;
    } table[TEXTS] = {{"ab", 5, 0.299}, {"a", 6, 0.245},  {"b", 6, 0.236},   {"", 1, 0.075},   {"ba", 5, 0.049},
                      {"aa", 1, 0.040}, {"bb", 1, 0.025}, {"aba", 1, 0.016}, {"bab", 1, 0.015}};
    int paths[TEXTS] = {0};
    double p[TEXTS] = {0}, all = 0;
    for (int i = 0; i < 27; i++) {
        int symbol[T] = {i / 9, i / 3 % 3, i % 3}, at = 0;
        char path[T + 1] = {letters[symbol[0]], letters[symbol[1]], letters[symbol[2]], 0}, text[T + 1];
        collapse(path, text);
        while (strcmp(table[at].text, text) != 0) cr_assert_lt(++at, TEXTS, "%s is not in the table", text);
        paths[at]++;
        p[at] += y[0][symbol[0]] * y[1][symbol[1]] * y[2][symbol[2]];
    }
    for (int i = 0; i < TEXTS; i++) {
        cr_assert_eq(paths[i], table[i].paths, "%s", table[i].text);
        cr_assert_float_eq(p[i], table[i].p, 1e-12, "%s", table[i].text);
        cr_assert_float_eq(probability(table[i].text), table[i].p, 1e-6, "%s", table[i].text);
        all += p[i];
    }
    cr_assert_float_eq(all, 1, 1e-12);
    cr_assert_float_eq(0.4 * 0.3 * 0.5, 0.06, 1e-12); /* the paths of ab: aab abb -ab a-b ab- */
    cr_assert_float_eq(0.4 * 0.2 * 0.5, 0.04, 1e-12);
    cr_assert_float_eq(0.5 * 0.3 * 0.5, 0.075, 1e-12);
    cr_assert_float_eq(0.4 * 0.5 * 0.5, 0.1, 1e-12);
    cr_assert_float_eq(0.4 * 0.2 * 0.3, 0.024, 1e-12);
    cr_assert_float_eq(-log(0.299), 1.2073, 5e-5);
}

/* ---- alpha, beta, gamma -------------------------------------------------------------------------------------- */

/* quote: textbook */
/* alpha and beta of a text of L symbols, S = 2L + 1 states, as they are written on paper: in probabilities. */
static void textbook(const int32_t *label, int L, double alpha[T][S], double beta[T][S]) {
    int32_t symbol[S]; /* - a - b - */
    for (int s = 0; s < 2 * L + 1; s++) symbol[s] = s % 2 ? label[s / 2] : 0;
#define SKIP(s) ((s) % 2 && (s) >= 2 && symbol[s] != symbol[(s)-2]) /* from s - 2 to s */
    for (int t = 0; t < T; t++)
        for (int s = 0; s < 2 * L + 1; s++) {
            double ways = t == 0 ? s <= 1 : alpha[t - 1][s];
            if (t > 0 && s >= 1) ways += alpha[t - 1][s - 1];
            if (t > 0 && SKIP(s)) ways += alpha[t - 1][s - 2];
            alpha[t][s] = ways * y[t][symbol[s]];
        }
    for (int t = T - 1; t >= 0; t--)
        for (int s = 0; s < 2 * L + 1; s++) {
            double ways = t == T - 1 ? s >= 2 * L - 1 : beta[t + 1][s] * y[t + 1][symbol[s]];
            if (t < T - 1 && s < 2 * L) ways += beta[t + 1][s + 1] * y[t + 1][symbol[s + 1]];
            if (t < T - 1 && s < 2 * L - 1 && SKIP(s + 2)) ways += beta[t + 1][s + 2] * y[t + 1][symbol[s + 2]];
            beta[t][s] = ways;
        }
#undef SKIP
}
/* end quote */

Test(ctc_book, the_lattice) {
    static const double alphas[T][S] = {{0.5, 0.4, 0, 0, 0},
                                        {0.25, 0.27, 0.2, 0.08, 0},
                                        {0.075, 0.104, 0.141, 0.275, 0.024}};
    static const double betas[T][S] = {{0.15, 0.56, 0.41, 0.31, 0.15}, {0, 0.5, 0.5, 0.8, 0.3}, {0, 0, 0, 1, 1}};
    static const double both[T][S] = {{0.075, 0.224, 0, 0, 0}, {0, 0.135, 0.1, 0.064, 0}, {0, 0, 0, 0.275, 0.024}};
    double alpha[T][S], beta[T][S];
    textbook((int32_t[]){1, 2}, 2, alpha, beta);
    for (int t = 0; t < T; t++) {
        double sum = 0;
        for (int s = 0; s < S; s++) {
            cr_assert_float_eq(alpha[t][s], alphas[t][s], 1e-12, "alpha %d %d: %g", t, s, alpha[t][s]);
            cr_assert_float_eq(beta[t][s], betas[t][s], 1e-12, "beta %d %d: %g", t, s, beta[t][s]);
            cr_assert_float_eq(alpha[t][s] * beta[t][s], both[t][s], 1e-12, "product %d %d", t, s);
            sum += alpha[t][s] * beta[t][s];
        }
        cr_assert_float_eq(sum, 0.299, 1e-12);
    }
}

Test(ctc_book, the_gradient) {
    static const double gamma[T][K] = {{0.2508, 0.7492, 0}, {0.3344, 0.4515, 0.2140}, {0.0803, 0, 0.9197}};
    static const double difference[T][K] = {{0.2492, -0.3492, 0.1000},
                                            {0.1656, -0.1515, -0.0140},
                                            {0.2197, 0.2000, -0.4197}};
    tw_real dz[T * K];
    for (int logs = 0; logs < 2; logs++) {
        double loss = loss_of(z, T, K, (int32_t[]){1, 2}, 2, logs ? TW_FORM_LOG_PROBS : TW_FORM_LOGITS, dz);
        cr_assert_float_eq(loss, 1.2073, 5e-5);
        for (int t = 0; t < T; t++) {
            double row = 0;
            for (int k = 0; k < K; k++) {
                double g = (double)dz[t * K + k];
                cr_assert_float_eq(g, logs ? -gamma[t][k] : difference[t][k], 5.1e-5, "%d %d: %.6f", t, k, g);
                cr_assert_float_eq(y[t][k] - gamma[t][k], difference[t][k], 1.1e-4);
                row += g;
            }
            cr_assert_float_eq(row, logs ? -1 : 0, 1e-6);
        }
    }
}

/* ---- numbers ------------------------------------------------------------------------------------------------- */

/* quote: scaled */
/* ln p(label) with each frame's alpha divided by its sum, as is often done instead of logarithms. */
static double scaled(int frames, int classes, const tw_real *logits, const int32_t *label, int L) {
    double alpha[16] = {1}, now[16], log_p = 0; /* before the first frame: all in the first blank */
    for (int t = 0; t < frames; t++, logits += classes) {
        double total = 0, sum = 0;
        for (int k = 0; k < classes; k++) total += exp((double)logits[k] - (double)logits[0]);
        for (int s = 0; s < 2 * L + 1; s++) {
            int k = s % 2 ? label[s / 2] : 0;
            double ways = alpha[s] + (s >= 1 ? alpha[s - 1] : 0);
            if (s >= 3 && s % 2 && label[s / 2] != label[s / 2 - 1]) ways += alpha[s - 2];
            now[s] = ways * exp((double)logits[k] - (double)logits[0]) / total;
            sum += now[s];
        }
        for (int s = 0; s < 2 * L + 1; s++) alpha[s] = now[s] / sum;
        log_p += log(sum);
    }
    return log_p + log(alpha[2 * L] + alpha[2 * L - 1]);
}
/* end quote */

/* Four frames sure of the blank: each letter costs e^-400, which a double holds; two cost e^-800, which it does not. */
Test(ctc_book, why_not_a_factor_for_each_frame) {
    static const tw_real sure[] = {400, 0, 0, 400, 0, 0, 400, 0, 0, 400, 0, 0};
    static const int32_t ab[] = {1, 2};
    static const double gamma_a[] = {3 / 6., 2 / 6., 1 / 6., 0};
    tw_real dz[12], mild[9];
    double loss = loss_of(sure, 4, 3, ab, 2, TW_FORM_LOGITS, dz);
    cr_assert_float_eq(loss, 800 - log(6), 1e-4);
    cr_assert_float_eq(loss, 798.2082, 1e-4);
    for (int t = 0; t < 4; t++) cr_assert_float_eq((double)dz[3 * t + 1], -gamma_a[t], 1e-6);
    cr_assert_eq(scaled(4, 3, sure, ab, 2), -INFINITY);
    for (int i = 0; i < 9; i++) mild[i] = z[i]; /* where nothing is small the two agree */
    cr_assert_float_eq(scaled(3, 3, mild, ab, 2), log(0.299), 1e-6);
}

Test(ctc_book, texts_that_do_not_fit) {
    static const int32_t letter[] = {1, 2, 3, 3, 2, 4}, aa[] = {1, 1};
    tw_real dz[6];
    cr_assert(!tw_ctc_fits(6, letter, 6) && tw_ctc_fits(7, letter, 6));
    cr_assert_eq(loss_of(z, 2, K, aa, 2, TW_FORM_LOGITS, dz), INFINITY);
    for (int i = 0; i < 6; i++) cr_assert_eq(dz[i], 0);
    cr_assert_float_eq(probability("aa"), 0.4 * 0.5 * 0.2, 1e-6); /* a-a alone */
}

/* T ln K - ln binom(T + L - R, T - L - R). */
Test(ctc_book, uniform_probabilities) {
    static const tw_real zero[25 * 63] = {0};
    double state = tw_ctc_log_prob(ctx, zero, 10, 5, 5, (int32_t[]){1, 2, 3, 4}, 4, 0);
    cr_assert_float_eq(-state, 8.0870, 5e-5);
    cr_assert_float_eq(10 * log(5), 16.0944, 5e-5);
    cr_assert_float_eq(exp(state) * pow(5, 10), 3003, 1e-6);
    cr_assert_float_eq(log(3003), 8.0074, 5e-5);
    double ab = tw_ctc_log_prob(ctx, zero, 3, 3, 3, (int32_t[]){1, 2}, 2, 0);
    cr_assert_float_eq(exp(ab) * 27, 5, 1e-9);
    double doubled = tw_ctc_log_prob(ctx, zero, 4, 3, 3, (int32_t[]){1, 1}, 2, 0);
    cr_assert_float_eq(exp(doubled) * 81, 5, 1e-9); /* binom(4 + 2 - 1, 4 - 2 - 1) */
}

/* ---- reading --------------------------------------------------------------------------------------------------- */

Test(ctc_book, the_best_path_is_not_of_the_best_text) {
    int32_t read[T];
    cr_assert_eq(tw_ctc_greedy(z, T, K, K, 0, read), 1);
    cr_assert_eq(read[0], 2); /* b, from --b */
    cr_assert_float_eq(y[0][0] * y[1][0] * y[2][2], 0.125, 1e-12);
    cr_assert(probability("ab") > probability("a") && probability("a") > probability("b"));
}

/* quote: beam */
/* A text that some paths have spelt so far: the probability of those that end in a blank, and of the others. */
typedef struct prefix {
    char text[T + 1];
    double blank, letter;
} prefix;

static prefix *entry(prefix *set, int *n, const char *text, char more) {
    char wanted[T + 2] = {0};
    size_t length = strlen(text);
    memcpy(wanted, text, length);
    wanted[length] = more;
    for (int i = 0; i < *n; i++)
        if (strcmp(set[i].text, wanted) == 0) return &set[i];
    set[*n] = (prefix){.blank = 0};
    memcpy(set[*n].text, wanted, T + 1);
    return &set[(*n)++];
}

static int by_probability(const void *a, const void *b) {
    const prefix *p = a, *q = b;
    double difference = q->blank + q->letter - p->blank - p->letter;
    return (difference > 0) - (difference < 0);
}

/* The `width` most likely texts after frames 0 .. frames-1; returns how many. */
static int beam_search(int frames, int width, prefix *beam) {
    int n = 1;
    beam[0] = (prefix){"", 1, 0};
    for (int t = 0; t < frames; t++) {
        prefix next[64];
        int m = 0;
        for (int i = 0; i < n; i++) {
            prefix *p = &beam[i];
            size_t length = strlen(p->text);
            char last = length ? p->text[length - 1] : 0;
            entry(next, &m, p->text, 0)->blank += (p->blank + p->letter) * y[t][0];
            for (int k = 1; k < K; k++) {
                if (letters[k] == last) entry(next, &m, p->text, 0)->letter += p->letter * y[t][k]; /* goes on */
                double before = letters[k] == last ? p->blank : p->blank + p->letter; /* a double needs a blank */
                entry(next, &m, p->text, letters[k])->letter += before * y[t][k];
            }
        }
        qsort(next, (size_t)m, sizeof *next, by_probability);
        n = m < width ? m : width;
        memcpy(beam, next, (size_t)n * sizeof *beam);
    }
    return n;
}
/* end quote */

static void assert_prefix(const prefix *p, const char *text, double blank, double letter) {
    cr_assert_str_eq(p->text, text);
    cr_assert_float_eq(p->blank, blank, 1e-12, "%s: %g", text, p->blank);
    cr_assert_float_eq(p->letter, letter, 1e-12, "%s: %g", text, p->letter);
}

Test(ctc_book, beam_search_of_each_width) {
    static const struct {
        const char *text;
        double p;
    } best[] = {{"b", 0.125}, {"a", 0.245}, {"a", 0.245}, {"ab", 0.299}, {"ab", 0.299}};
    prefix beam[64];
    for (int width = 1; width <= 5; width++) {
        beam_search(T, width, beam);
        cr_assert_str_eq(beam[0].text, best[width - 1].text, "width %d: %s", width, beam[0].text);
        cr_assert_float_eq(beam[0].blank + beam[0].letter, best[width - 1].p, 1e-12, "width %d", width);
    }
    cr_assert_eq(beam_search(1, 64, beam), 3);
    assert_prefix(&beam[0], "", 0.5, 0);
    assert_prefix(&beam[1], "a", 0, 0.4);
    assert_prefix(&beam[2], "b", 0, 0.1);
    cr_assert_geq(beam_search(2, 64, beam), 5);
    assert_prefix(&beam[0], "a", 0.2, 0.27);
    assert_prefix(&beam[1], "", 0.25, 0);
    assert_prefix(&beam[2], "b", 0.05, 0.12);
    assert_prefix(&beam[3], "ab", 0, 0.08);
    assert_prefix(&beam[4], "ba", 0, 0.03);
    beam_search(3, 64, beam);
    assert_prefix(&beam[0], "ab", 0.024, 0.275);
    assert_prefix(&beam[1], "a", 0.141, 0.104);
    assert_prefix(&beam[2], "b", 0.051, 0.185);
}

/* ---- answers to the exercises ----------------------------------------------------------------------------------- */

Test(ctc_book, tables_of_the_answers) {
    double alpha[T][S], beta[T][S];
    textbook((int32_t[]){1}, 1, alpha, beta);
    cr_assert_float_eq(alpha[2][1], 0.104, 1e-12);
    cr_assert_float_eq(alpha[2][2], 0.141, 1e-12);
    textbook((int32_t[]){1, 1}, 2, alpha, beta);
    cr_assert(alpha[0][3] == 0 && alpha[1][3] == 0 && alpha[2][4] == 0);
    cr_assert_float_eq(alpha[2][3], 0.04, 1e-12);

    tw_real twice[2 * T * K]; /* every frame twice */
    for (int i = 0; i < 2 * T * K; i++) twice[i] = z[i / (2 * K) * K + i % K];
    double loss = -tw_ctc_log_prob(ctx, twice, 2 * T, K, K, (int32_t[]){1, 2}, 2, 0);
    cr_assert_float_eq(loss, 1.3584, 5.1e-5, "%.5f", loss);

    tw_real plateau[50 * 63]; /* 0.9 for the blank, the rest alike */
    for (int i = 0; i < 50 * 63; i++) plateau[i] = (tw_real)log(i % 63 ? 0.1 / 62 : 0.9);
    cr_assert_float_eq(-tw_ctc_log_prob(ctx, plateau, 50, 63, 63, (int32_t[]){1, 2, 3, 4, 5}, 5, 0), 22.3, 0.05);

    static const tw_real zero[50] = {0};
    static const double paths[] = {1, 55, 495, 1716, 3003, 3003, 1820};
    static const int32_t label[] = {1, 2, 3, 4, 1, 2};
    for (int L = 0; L <= 6; L++)
        cr_assert_float_eq(exp(tw_ctc_log_prob(ctx, zero, 10, 5, 5, label, L, 0)) * pow(5, 10), paths[L], 1e-6);
}

/* ---- the plateau ------------------------------------------------------------------------------------------------ */

/* Every frame says the blank with probability b, and each of 62 letters alike: 25 frames, a text of six letters. */
Test(ctc_book, the_same_answer_in_every_frame) {
    enum { FRAMES = 25, CLASSES = 63, L = 6 };
    static const struct {
        double b, loss, blanks;
    } table[] = {{1 / 63., 84.8132, 0.4092}, {0.3, 37.5200, 0.7530}, {0.5, 29.9331, 0.7570},
                 {0.76, 26.4321, 0.7591},    {0.9, 28.4875, 0.7597}, {0.99, 40.4996, 0.7600}};
    static const int32_t label[L] = {5, 9, 1, 33, 60, 2};
    tw_real logits[FRAMES * CLASSES], dz[FRAMES * CLASSES];
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        double b = table[i].b, blanks = 0;
        for (int k = 0; k < FRAMES * CLASSES; k++) logits[k] = (tw_real)log(k % CLASSES ? (1 - b) / (CLASSES - 1) : b);
        double loss = loss_of(logits, FRAMES, CLASSES, label, L, TW_FORM_LOGITS, dz);
        for (int t = 0; t < FRAMES; t++) blanks += (b - (double)dz[t * CLASSES]) / FRAMES; /* the mean of gamma(-) */
        cr_assert_float_eq(loss, table[i].loss, 2e-4, "b %g: %.5f", b, loss);
        cr_assert_float_eq(blanks, table[i].blanks, 6e-5, "b %g: %.5f", b, blanks);
    }
}
