/* experiment_ctc.c - how CTC learns: first blank everywhere, for a while, and then to read.
 *
 * A line of text of four symbols, each a bump in its own feature channels over a few noisy frames, at places that no
 * label tells. A window of seven frames, a hidden layer and a softmax read it. */
#include "chart.h"
#include "experiment.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    T = 40,     /* frames */
    K = 5,      /* the blank and four symbols */
    D = 6,      /* features of a frame */
    WINDOW = 7, /* frames that the network sees at once */
    N = 16,     /* texts in a batch */
    MOST = 6,   /* symbols in a text */
    STEPS = 1500,
    EVERY = 10,
    TESTS = STEPS / EVERY
};

typedef struct texts {
    tw_real x[T][N][WINDOW * D];
    int32_t label[N * MOST], length[N];
    size_t symbols;
} texts;

/* A text of 3 to 6 symbols, 4 to 6 frames each. */
static void draw(uint64_t patterns, uint64_t stream, texts *b) {
    static tw_real frame[T + WINDOW][D];
    uint64_t i = 0;
    b->symbols = 0;
    for (int n = 0; n < N; n++) {
        int L = 3 + (int)(tw_random_bits(stream, i++) % 4), at = WINDOW / 2 + 1;
        b->length[n] = L;
        for (int t = 0; t < T + WINDOW; t++)
            for (int d = 0; d < D; d++) frame[t][d] = (tw_real)(0.5 * tw_random_normal(stream, i++));
        for (int l = 0; l < L; l++) {
            int symbol = 1 + (int)(tw_random_bits(stream, i++) % (K - 1)),
                wide = 4 + (int)(tw_random_bits(stream, i++) % 2);
            for (int t = 0; t < wide; t++)
                for (int d = 0; d < D; d++)
                    frame[at + t][d] += (tw_real)(sin(3.14159265 * (t + 0.5) / wide) *
                                                  tw_random_normal(patterns, (uint64_t)(symbol * D + d)));
            at += wide + 1;
            b->label[b->symbols++] = symbol;
        }
        for (int t = 0; t < T; t++) memcpy(b->x[t][n], frame[t], sizeof b->x[t][n]);
    }
}

typedef struct course {
    double step[TESTS], loss[TESTS], blank[TESTS], errors[TESTS]; /* share of frames that say blank; CER */
    int n;
} course;

/* What the greedy reading of the batch gets wrong, by the symbols there are, and how many frames say blank. */
static tw_err read_batch(tw_ctx *ctx, const tw_tensor *z, const texts *b, course *c) {
    double blanks = 0, wrong = 0;
    size_t from = 0;
    for (int n = 0; n < N; n++) {
        int32_t said[T];
        int m = tw_ctc_greedy(z->data + n * K, T, K, N * K, 0, said);
        size_t far = tw_edit_distance(ctx, said, (size_t)m, b->label + from, (size_t)b->length[n]);
        if (far == (size_t)-1) return tw_error(ctx);
        wrong += (double)far;
        from += (size_t)b->length[n];
        for (int t = 0; t < T; t++) {
            const tw_real *row = z->data + (t * N + n) * K;
            bool blank = true;
            for (int k = 1; k < K; k++) blank = blank && row[k] <= row[0];
            blanks += blank;
        }
    }
    c->blank[c->n] = blanks / (N * T);
    c->errors[c->n] = wrong / (double)b->symbols;
    return TW_OK;
}

static tw_err learn(tw_ctx *ctx, course *c) {
    static texts b;
    learner l;
    uint64_t patterns = tw_random_named(ctx, "patterns"), many = tw_random_named(ctx, "texts");
    tw_err err = learner_new(ctx, "ctc", "adam:lr=0.002", WINDOW * D, 32, K, &l);
    for (int s = 0; s < STEPS && !err; s++) {
        draw(patterns, tw_random_bits(many, (uint64_t)s), &b);
        tw_step_begin(ctx);
        tw_tensor *z = tw_forward(ctx, l.net, tw_input(ctx, b.x[0][0], 3, (int[]){T, N, WINDOW * D}));
        tw_target target = {.labels = {b.label, b.symbols}, .label_lengths = {b.length, N}};
        tw_tensor *loss = tw_cost_apply(ctx, &l.cost, z, &target);
        if (loss && s % EVERY == 0) {
            c->step[c->n] = s;
            c->loss[c->n] = (double)tw_item(loss);
            err = read_batch(ctx, z, &b, c);
            c->n++;
        }
        if (!err) err = learner_step(&l, loss);
    }
    learner_free(&l);
    return err;
}

tw_err experiment_ctc_plateau(trial *t) {
    static course c;
    if (learn(t->ctx, &c)) return tw_error(t->ctx);
    int begins = -1, ends = -1, reads = -1;
    for (int i = 0; i < c.n; i++) {
        if (begins < 0 && c.blank[i] >= 0.99) begins = i;
        if (begins >= 0 && ends < 0 && c.blank[i] < 0.97) ends = i;
        if (reads < 0 && c.errors[i] < 0.1) reads = i;
    }
    printf("%6s %9s %14s %9s\n", "step", "loss", "frames blank", "CER");
    for (int i = 0; i < c.n; i += i < 10 ? 2 : 10)
        printf("%6.0f %9.4f %14.3f %9.3f\n", c.step[i], c.loss[i], c.blank[i], c.errors[i]);
    chart *p = chart_new(t->picture, 12, 10, WIDE - 24, HIGH * 0.46, "The loss of CTC");
    chart_label_y(p, "loss");
    chart_add(p, NULL, c.n, c.step, c.loss, SERIES1, CHART_LINE);
    if (begins >= 0) chart_mark_x(p, c.step[begins], "all blank");
    if (ends >= 0) chart_mark_x(p, c.step[ends], "first spikes");
    chart_draw(p);
    p = chart_new(t->picture, 12, HIGH * 0.5, WIDE - 24, HIGH * 0.5 - 10, "What the network says");
    chart_label_x(p, "training steps");
    chart_range_y(p, 0, 1.05);
    chart_add(p, "share of frames that say blank", c.n, c.step, c.blank, SERIES2, CHART_LINE);
    chart_add(p, "character error rate", c.n, c.step, c.errors, SERIES3, CHART_LINE);
    chart_draw(p);
    char when[80], end[80];
    snprintf(end, sizeof end, ends < 0 ? "does not end within %.0f steps" : "ends at step %.0f, at a loss of %.1f",
             ends < 0 ? (double)STEPS : c.step[ends], ends < 0 ? 0 : c.loss[ends]);
    snprintf(when, sizeof when,
             reads < 0 ? "an error rate below 0.1 is not reached" : "at step %.0f the error rate is below 0.1",
             reads < 0 ? 0 : c.step[reads]);
    if (begins < 0)
        snprintf(t->conclusion, sizeof t->conclusion, "with this seed there was no plateau; %s, %.3f at the end.", when,
                 c.errors[c.n - 1]);
    else
        snprintf(
            t->conclusion, sizeof t->conclusion,
            "from step %.0f on 99 %% of the frames say blank and nothing is read, at a loss of %.1f; the plateau %s; "
            "%s, %.3f at the end, where %.0f %% of the frames still say blank.",
            c.step[begins], c.loss[begins], end, when, c.errors[c.n - 1], 100 * c.blank[c.n - 1]);
    return TW_OK;
}
