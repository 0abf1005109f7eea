/* ctc_scaled.isa.c - the forward-backward recursion of CTC in probabilities, with a factor for each frame.
 *
 * ctc_paths.c spends a logarithm and two exponentials on each addition. Here the states hold probabilities, times a
 * power of two that is chosen anew every few frames, and a frame is three additions and two products for each state,
 * eight of them at a time. The L letters and the L + 1 blanks, of which blank(i) precedes letter(i), lie in two arrays:
 *
 *     letter_t(i) = y_t(i) (letter_t-1(i) + blank_t-1(i) + skip(i) letter_t-1(i-1))          skip(i) is 0 or 1
 *     blank_t(i)  = y_t(-) (blank_t-1(i) + letter_t-1(i-1))
 *
 * y_t is relative to the likeliest symbol of the label, so the largest is 1; what that takes out comes back as a sum
 * of logits. A walk begins in blank 0 before the first frame, and ends in blank L after the last.
 *
 * When is this right? A state may be so much less likely than others of its frame that a double cannot hold both, and
 * yet be needed, because the others do not reach the end. So FLOOR is added to every state in every frame. What is
 * computed, A_t and B_t in place of alpha and beta, is then never below the truth: what is lost where a product is too
 * small for a double is less than FLOOR. The sum P_t = sum_s A_t(s) B_t(s) would be the same for all frames; with the
 * floors it differs from one to the next by what they contribute,
 *
 *     P_t+1 = P_t - FLOOR sum_s A_t(s) + FLOOR sum_s B_t+1(s)        (each in the units of its frame)
 *
 * so that, p being the truth and E the sum over all frames of FLOOR (sum_s A_t(s) + sum_s B_t(s)),
 *
 *     0 <= P_t - p <= E   in every frame, and   sum_s |A_t(s) B_t(s) - alpha_t(s) beta_t(s)| = P_t - p.
 *
 * In its units a row of A or B adds up to at most 2^8 TOP: to TOP when the factor was chosen, and to three times as
 * much with each frame until the next is, at most five. Thus if P_t >= FLOOR 2^9 TOP T / EPSILON in every frame, then
 * E <= EPSILON (p + E): the probability is right to EPSILON, and gamma to twice that. Otherwise the answer is NaN.
 *
 * That leaves P_t a range of e^-950 below what it were if the peaks of A_t and B_t met. It is not enough for a network
 * that is sure of another text by more than that, nor for a thousand letters in five thousand frames of noise. */
#include "losses/ctc.h"
#include "losses/ctc_exp.h"

#ifdef TW_DOUBLE

double TW_ISA_NAME(tw__ctc_scaled)(int T, int L, const int32_t *label, const tw__ctc_table *table, bool normalised,
                                   void *work) {
    (void)T, (void)L, (void)label, (void)table, (void)normalised, (void)work;
    return NAN;
}

#else

static const double FLOOR = 0x1p-1000, EPSILON = 0x1p-30; /* FLOOR is far above the smallest double, 2^-1022 */
enum { TOP_EXPONENT = 500, RESCALE = 4, BLOCK = 8 };      /* TOP = 2^500; the pitch is a multiple of BLOCK */

#if defined(__AVX512F__)
enum { LANES = 8 };
#elif defined(__AVX2__)
enum { LANES = 4 };
#else
enum { LANES = 2 };
#endif
typedef double vec __attribute__((vector_size(LANES * sizeof(double))));
typedef double vec_unaligned __attribute__((vector_size(LANES * sizeof(double)), aligned(sizeof(double)), may_alias));
#define AT(p) (*(const vec_unaligned *)(p))
#define PUT(p) (*(vec_unaligned *)(p))

/* A row of states: letter(i) at BLOCK + i, blank(i+1), which follows it, at 2 BLOCK + pitch + i. The cell before the
 * letters is 0, the one before the blanks is blank(0), the one after the letters is 0 too. */
typedef struct lattice {
    size_t T, L, P;      /* P: the pitch */
    size_t row;          /* from one frame's states to the next */
    double *skip;        /* [P + 1] may a walk come to letter i from letter i-1? */
    double *floor;       /* [P] FLOOR, and 0 past L: what does not exist stays 0 */
    double *y, *y_blank; /* [T][P], [T] */
    double *alpha;       /* [T + 1] rows, the first before frame 0 */
    double *beta;        /* [T] rows */
    double *after;       /* a row: y beta of the frame after, in the units of this one */
    double smallest;     /* P that can be trusted */
    int exponent;        /* rows of alpha have been divided by 2^exponent */
} lattice;

static inline double *letters(double *row) { return row + BLOCK; }
static inline double *blanks(const lattice *w, double *row) { return row + 2 * BLOCK + w->P; }

static inline double sum_lanes(vec v) {
    double a[LANES];
    memcpy(a, &v, sizeof a);
    for (int n = LANES / 2; n > 0; n /= 2)
        for (int j = 0; j < n; j++) a[j] += a[j + n];
    return a[0];
}

/* ---- the emissions ------------------------------------------------------------------------------------- */

static inline uint64_t bits_of(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* 2^k for k from -1022 to 1023, of which the low bits are enough. */
static inline double power_of_two(uint64_t k) {
    const uint64_t bits = (k + 1023) << 52;
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* e^x in double for x from -690 to 0, and 0 below: 2^k e^r, |r| <= ln(2)/2. Adding 1.5 * 2^52 rounds x / ln 2 to an
 * integer k and leaves it in the low bits; the series ends where its terms are below 2e-16. */
static inline double exp_double(double x) {
    const double shift = 0x1.8p52, kf = x * 0x1.71547652b82fep+0 + shift, k = kf - shift;
    const double r = (x - k * 0x1.62e42feep-1) - k * 0x1.a39ef35793c76p-33;
    double e = 1.0 / 479001600;
    e = e * r + 1.0 / 39916800;
    e = e * r + 1.0 / 3628800;
    e = e * r + 1.0 / 362880;
    e = e * r + 1.0 / 40320;
    e = e * r + 1.0 / 5040;
    e = e * r + 1.0 / 720;
    e = e * r + 1.0 / 120;
    e = e * r + 1.0 / 24;
    e = e * r + 1.0 / 6;
    e = e * r + 0.5;
    e = e * r + 1;
    e = e * r + 1;
    return x < -690 ? 0 : e * power_of_two(bits_of(kf));
}

/* y = x less its frame's largest, in which no digit is lost; returns the sum of those. */
static double differences(lattice *w, const tw__ctc_table *x) {
    double sum = 0;
    for (size_t t = 0; t < w->T; t++) {
        const float *restrict letter = x->letter + t * w->P;
        double *restrict y = w->y + t * w->P;
        float m[BLOCK], max = x->blank[t];
        for (size_t j = 0; j < BLOCK; j++) m[j] = letter[j];
        for (size_t i = BLOCK; i < w->P; i += BLOCK)
            for (size_t j = 0; j < BLOCK; j++) m[j] = letter[i + j] > m[j] ? letter[i + j] : m[j];
        for (size_t j = 0; j < BLOCK; j++) max = m[j] > max ? m[j] : max;
        for (size_t i = 0; i < w->P; i++) y[i] = (double)letter[i] - (double)max;
        w->y_blank[t] = (double)x->blank[t] - (double)max;
        sum += (double)max;
    }
    return sum;
}

/* y becomes e^y. False when a symbol is less likely than another of its frame by e^-690, which a double holds, but not
 * in a product. (-inf is held well: it is 0.) Under a softmax y is float's exp, the same that its sum is made of, so
 * that their errors cancel where the loss is small. Float rounds the difference too: below -32, or if nothing can
 * cancel because y is normalised already, it is double's. */
static bool emissions(size_t n, double *y, bool normalised) {
    int64_t low = 0, too_low = 0;
    for (size_t i = 0; i < n; i++) {
        low |= (y[i] < -32) & (y[i] > -INFINITY);
        too_low |= (y[i] < -690) & (y[i] > -INFINITY);
    }
    if (low || normalised)
        for (size_t i = 0; i < n; i++) {
            const double e = exp_double(y[i]);
            y[i] = normalised || y[i] < -32 ? e : (double)tw__ctc_exp((float)y[i]);
        }
    else
        for (size_t i = 0; i < n; i++) y[i] = (double)tw__ctc_exp((float)y[i]);
    return !too_low;
}

/* ---- the recursions ------------------------------------------------------------------------------------ */

/* Every RESCALE frames the power of two that brings a row's sum to TOP/2 .. TOP; *exponent adds up what it removes. */
static inline double rescale(const lattice *w, size_t t, double *row, int *exponent) {
    if (t % RESCALE != 0) return 1;
    const double *l = letters(row), *b = blanks(w, row);
    vec sum = {0};
    for (size_t i = 0; i < w->P; i += LANES) sum += AT(l + i) + AT(b + i);
    const int e = (int)(bits_of(sum_lanes(sum) + b[-1]) >> 52) - 1022;      /* sum < 2^e */
    const int out = (e < -TOP_EXPONENT ? -TOP_EXPONENT : e) - TOP_EXPONENT; /* a factor is a double too */
    *exponent += out;
    return power_of_two((uint64_t)-out);
}

/* quote: recursions */
/* One frame of alpha from the one before. */
static void forward(lattice *w, size_t t) {
    double *before = w->alpha + t * w->row, *now = before + w->row;
    const double *l = letters(before), *b = blanks(w, before), *y = w->y + t * w->P;
    double *next_l = letters(now), *next_b = blanks(w, now);
    const double scale = rescale(w, t, before, &w->exponent), y_blank = w->y_blank[t] * scale;
    for (size_t i = 0; i < w->P; i += LANES) {
        const vec floor = AT(w->floor + i);
        PUT(next_l + i) = AT(y + i) * scale * (AT(l + i) + AT(b + i - 1) + AT(w->skip + i) * AT(l + i - 1)) + floor;
        PUT(next_b + i) = y_blank * (AT(b + i) + AT(l + i)) + floor;
    }
    next_l[-1] = 0;
    next_b[-1] = y_blank * b[-1] + FLOOR;
}

/* One frame of beta from the one after. */
static void backward(lattice *w, size_t t) {
    double *l = letters(w->after), *b = blanks(w, w->after), *now = w->beta + t * w->row;
    double *now_l = letters(now), *now_b = blanks(w, now);
    int exponent = 0; /* nobody asks: each frame's P is its own measure */
    const double scale = rescale(w, w->T - 1 - t, w->after, &exponent), y_blank = w->y_blank[t] * scale;
    const double *y = w->y + t * w->P, first = b[-1] + l[0] + FLOOR;
    for (size_t i = 0; i < w->P; i += LANES) {
        const vec floor = AT(w->floor + i), next = AT(l + i + 1);
        const vec in_letter = AT(l + i) + AT(b + i) + AT(w->skip + i + 1) * next + floor;
        const vec in_blank = AT(b + i) + next + floor;
        PUT(now_l + i) = in_letter;
        PUT(now_b + i) = in_blank;
        PUT(l + i) = in_letter * (AT(y + i) * scale);
        PUT(b + i) = in_blank * y_blank;
    }
    now_b[-1] = first;
    b[-1] = first * y_blank;
}

/* gamma_t = alpha_t beta_t / P_t. False when P_t is too small to trust. */
static bool share(const lattice *w, size_t t, const tw__ctc_table *gamma) {
    double *a = w->alpha + (t + 1) * w->row, *b = w->beta + t * w->row;
    const double *restrict al = letters(a), *restrict bl = letters(b), *ab = blanks(w, a), *bb = blanks(w, b);
    vec in_letters = {0}, in_blanks = {0};
    for (size_t i = 0; i < w->P; i += LANES) {
        in_letters += AT(al + i) * AT(bl + i);
        in_blanks += AT(ab + i) * AT(bb + i);
    }
    const double blank = sum_lanes(in_blanks) + ab[-1] * bb[-1], P = sum_lanes(in_letters) + blank, by = 1 / P;
    float *restrict letter = gamma->letter + t * w->P;
    gamma->blank[t] = (float)(blank * by);
    for (size_t i = 0; i < w->P; i++) letter[i] = (float)(al[i] * bl[i] * by);
    return P >= w->smallest;
}
/* end quote */

double TW_ISA_NAME(tw__ctc_scaled)(int T, int L, const int32_t *label, const tw__ctc_table *table, bool normalised,
                                   void *work) {
    lattice w = {.T = (size_t)T, .L = (size_t)L, .P = table->pitch};
    w.row = 2 * BLOCK + 2 * w.P;
    w.alpha = work;
    w.beta = w.alpha + (w.T + 1) * w.row;
    w.after = w.beta + w.T * w.row;
    w.y = w.after + w.row;
    w.floor = w.y + w.T * w.P;
    w.skip = w.floor + w.P;
    w.y_blank = w.skip + w.P + BLOCK;
    for (size_t i = 0; i <= w.P; i++) w.skip[i] = i > 0 && i < w.L && label[i] != label[i - 1];
    for (size_t i = 0; i < w.P; i++) w.floor[i] = i < w.L ? FLOOR : 0;
    for (size_t i = 0; i < w.row; i++) w.alpha[i] = w.after[i] = 0;
    blanks(&w, w.alpha)[-1] = 1;         /* from blank 0 .. */
    blanks(&w, w.after)[(int)L - 1] = 1; /* .. to blank L */

    w.smallest = ldexp(FLOOR, TOP_EXPONENT + 9) * (double)T / EPSILON;
    const double log_scale = differences(&w, table);
    if (!emissions(w.T * w.P, w.y, normalised) || !emissions(w.T, w.y_blank, normalised)) return NAN;
    for (size_t t = 0; t < w.T; t++) { /* a frame waits for the one before: two chains at a time */
        forward(&w, t);
        backward(&w, w.T - 1 - t);
    }
    double *last = w.alpha + w.T * w.row;
    double p = letters(last)[L - 1] + blanks(&w, last)[L - 1];
    for (size_t t = 0; t < w.T; t++)
        if (!share(&w, t, table)) return NAN;
    int exponent;
    p = frexp(p, &exponent); /* so that of p = 1 nothing remains */
    return log(p) + (exponent + w.exponent) * 0.69314718055994530942 + log_scale;
}

#endif
