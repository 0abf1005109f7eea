/* experiment_classes.c - experiments that classify pictures: a rare class, wrong labels, MSE in the place of CE. */
#include "chart.h"
#include "experiment.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct data {
    examples train, test;
} data;

static tw_err load(trial *t, int train, int test, data *d) {
    *d = (data){0};
    tw_err err = examples_load(t, "train", train, &d->train);
    if (!err) err = examples_load(t, "t10k", test, &d->test);
    return err;
}

static void unload(data *d) {
    examples_free(&d->train);
    examples_free(&d->test);
}

/* The inputs of a batch, in the step's memory; index[i] is where its example i is. */
static tw_tensor *batch(learner *l, const examples *e, int n, int *index) {
    tw_tensor *x = tw_new(l->ctx, 2, (int[]){n, FEATURES});
    for (int i = 0; x && i < n; i++) {
        index[i] = learner_draw(l, i, e->n);
        memcpy(x->data + (size_t)i * FEATURES, e->x + (size_t)index[i] * FEATURES, FEATURES * sizeof *x->data);
    }
    return x;
}

/* ---- a rare class ------------------------------------------------------------------------------------------------ */

enum { RARE = 6 /* shirts, which look much like others */, RARE_BATCH = 256, RARE_STEPS = 700, CURVE = 200 };

typedef struct detector {
    const char *name, *loss;
    canvas_colour colour;
    double recall, alarms;     /* at p = 1/2 */
    double area;               /* under recall over false alarms */
    double x[CURVE], y[CURVE]; /* that curve */
} detector;

/* Keeps of the rare class one example in a hundred of all. */
static void thin_out(examples *e) {
    int others = 0, rare = 0, kept = 0;
    for (int i = 0; i < e->n; i++) others += e->label[i] != RARE;
    for (int i = 0; i < e->n; i++) {
        if (e->label[i] == RARE && ++rare > others / 99) continue;
        memmove(e->x + (size_t)kept * FEATURES, e->x + (size_t)i * FEATURES, FEATURES * sizeof *e->x);
        e->label[kept++] = e->label[i];
    }
    e->n = kept;
}

static tw_err train_detector(tw_ctx *ctx, const data *d, const detector *f, tw_real *score) {
    learner l;
    tw_err err = learner_new(ctx, f->loss, "adam:lr=0.002", FEATURES, 64, 1, &l);
    for (int s = 0; s < RARE_STEPS && !err; s++) {
        int index[RARE_BATCH];
        tw_step_begin(ctx);
        tw_tensor *x = batch(&l, &d->train, RARE_BATCH, index), *y = tw_new(ctx, 2, (int[]){RARE_BATCH, 1});
        for (int i = 0; y && i < RARE_BATCH; i++) y->data[i] = d->train.label[index[i]] == RARE;
        tw_target target = {.tensor = y};
        err = learner_step(&l, tw_cost_apply(ctx, &l.cost, tw_forward(ctx, l.net, x), &target));
    }
    if (!err) err = learner_apply(&l, d->test.x, d->test.n, FEATURES, score, 1);
    learner_free(&l);
    return err;
}

static int by_score(const void *a, const void *b) {
    tw_real x = *(const tw_real *)a, y = *(const tw_real *)b;
    return (x < y) - (x > y);
}

/* Recall over false alarms, at CURVE thresholds, and the share that is above 0, where p is 1/2. */
static tw_err judge(tw_ctx *ctx, const examples *test, const tw_real *score, detector *f) {
    tw_real *other = malloc((size_t)test->n * sizeof *other);
    if (!other) return tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory");
    int n = 0, rare = 0;
    for (int i = 0; i < test->n; i++) {
        bool is = test->label[i] == RARE;
        if (!is) other[n++] = score[i];
        rare += is;
        f->recall += is && score[i] > 0;
        f->alarms += !is && score[i] > 0;
    }
    f->recall /= rare, f->alarms /= n;
    qsort(other, (size_t)n, sizeof *other, by_score);
    for (int i = 0; i < CURVE; i++) { /* false alarms from 0.1 % to all, evenly in the logarithm */
        f->x[i] = pow(10, -3 + 3.0 * i / (CURVE - 1));
        int place = (int)(f->x[i] * (n - 1));
        for (int k = 0; k < test->n; k++) f->y[i] += test->label[k] == RARE && score[k] > other[place];
        f->y[i] /= rare;
        f->area += i ? (f->x[i] - f->x[i - 1]) * (f->y[i] + f->y[i - 1]) / 2 : 0;
    }
    free(other);
    return TW_OK;
}

tw_err experiment_imbalance(trial *t) {
    static detector found[] = {
        {.name = "cross entropy", .loss = "bce_logits", .colour = SERIES1},
        {.name = "balanced CE, beta 0.99", .loss = "balanced_ce:beta=0.99", .colour = SERIES2},
        {.name = "focal, gamma 2", .loss = "focal:gamma=2", .colour = SERIES3},
        {.name = "focal, gamma 2, alpha 0.9", .loss = "focal:gamma=2,alpha=0.9", .colour = SERIES4}};
    enum { N = sizeof found / sizeof *found };
    data d;
    tw_err err = load(t, 15000, 10000, &d);
    tw_real *score = malloc(10000 * sizeof *score);
    if (!err && !score) err = tw_fail_err(t->ctx, TW_ERR_NOMEM, "out of memory");
    if (!err) thin_out(&d.train);
    chart *p = chart_new(t->picture, 12, 10, WIDE - 24, HIGH - 20,
                         "A class of one in a hundred: what is found, and at which price");
    chart_label_x(p, "false alarms: share of the other pictures that are taken for it");
    chart_label_y(p, "recall: share of the class that is found");
    chart_scale_x(p, CHART_LOG, 1);
    chart_range_x(p, 1e-3, 1);
    chart_range_y(p, 0, 1);
    printf("%-26s %8s %13s %16s\n", "at p = 1/2", "recall", "false alarms", "area under curve");
    for (int i = 0; i < N && !err; i++) {
        err = train_detector(t->ctx, &d, &found[i], score);
        if (!err) err = judge(t->ctx, &d.test, score, &found[i]);
        if (err) break;
        detector *f = &found[i];
        printf("%-26s %8.3f %13.4f %16.4f\n", f->name, f->recall, f->alarms, f->area);
        chart_add(p, f->name, CURVE, f->x, f->y, f->colour, CHART_LINE);
        double x = fmax(f->alarms, 1e-3);
        chart_add(p, NULL, 1, &x, &f->recall, f->colour, CHART_POINTS);
    }
    chart_draw(p);
    free(score);
    unload(&d);
    if (err) return err;
    double low = 1, high = 0;
    for (int i = 0; i < N; i++) low = fmin(low, found[i].area), high = fmax(high, found[i].area);
    snprintf(
        t->conclusion, sizeof t->conclusion,
        "at p = 1/2 (the points) cross entropy finds %.0f %% of the rare class, focal %.0f %%, balanced CE %.0f %%, "
        "with false alarms of %.2f %%, %.2f %% and %.1f %%; the areas under their curves are within %.3f of each "
        "other, so %s.",
        100 * found[0].recall, 100 * found[2].recall, 100 * found[1].recall, 100 * found[0].alarms,
        100 * found[2].alarms, 100 * found[1].alarms, high - low,
        high - low < 0.02 ? "the weights move the threshold more than they teach"
                          : "the losses teach different things, not only another threshold");
    return TW_OK;
}

/* ---- many classes ------------------------------------------------------------------------------------------------ */

enum { BATCH = 64, MOST_LEARNERS = 3, MOST_TESTS = 60 };

typedef struct pupil {
    const char *name, *loss, *optim;
    bool softmax; /* the loss compares softmax(z) with one-hot targets, not z with classes */
    canvas_colour colour;
    double x[MOST_TESTS], y[MOST_TESTS]; /* steps, test accuracy */
    int n;
} pupil;

static tw_err test(learner *l, const examples *e, double *accuracy) {
    tw_real *said = malloc((size_t)e->n * CLOTHES * sizeof *said);
    if (!said) return tw_fail_err(l->ctx, TW_ERR_NOMEM, "out of memory");
    int right = 0;
    tw_err err = learner_apply(l, e->x, e->n, FEATURES, said, CLOTHES);
    for (int i = 0; i < e->n; i++) {
        const tw_real *row = said + (size_t)i * CLOTHES;
        int best = 0;
        for (int k = 1; k < CLOTHES; k++)
            if (row[k] > row[best]) best = k;
        right += best == e->label[i];
    }
    free(said);
    *accuracy = (double)right / e->n;
    return err;
}

/* Trains on labels[] in the place of the examples' own. */
static tw_err teach(tw_ctx *ctx, const data *d, const int32_t *labels, int hidden, int steps, int every, pupil *p) {
    learner l;
    tw_err err = learner_new(ctx, p->loss, p->optim, FEATURES, hidden, CLOTHES, &l);
    for (int s = 0; s <= steps && !err; s++) {
        if (s % every == 0 && p->n < MOST_TESTS) {
            p->x[p->n] = s;
            err = test(&l, &d->test, &p->y[p->n++]);
        }
        int index[BATCH];
        int32_t class[BATCH];
        tw_step_begin(ctx);
        tw_tensor *z = tw_forward(ctx, l.net, batch(&l, &d->train, BATCH, index));
        for (int i = 0; i < BATCH; i++) class[i] = labels[index[i]];
        tw_target target = {.classes = {class, BATCH}};
        if (!tw_cost_accepts(l.cost.layer, TW_TARGET_CLASSES)) {
            target.tensor = tw_full(ctx, 0, 2, (int[]){BATCH, CLOTHES});
            for (int i = 0; target.tensor && i < BATCH; i++) target.tensor->data[i * CLOTHES + class[i]] = 1;
        }
        if (!err && s < steps)
            err = learner_step(&l, tw_cost_apply(ctx, &l.cost, p->softmax ? tw_softmax(ctx, z, 1) : z, &target));
    }
    learner_free(&l);
    return err ? err : tw_error(ctx);
}

static void print_pupils(const pupil *p, int n) {
    printf("%8s", "step");
    for (int k = 0; k < n; k++) printf(" %22s", p[k].name);
    putchar('\n');
    for (int i = 0; i < p[0].n; i = i + 1 == p[0].n ? i + 1
             : i + p[0].n / 8 + 1 < p[0].n          ? i + p[0].n / 8 + 1
                                                    : p[0].n - 1) {
        printf("%8.0f", p[0].x[i]);
        for (int k = 0; k < n; k++) printf(" %22.4f", p[k].y[i]);
        putchar('\n');
    }
}

enum { LAST = 5 };

/* The mean of the last tests, for one alone is restless. */
static double last(const pupil *p) {
    double sum = 0;
    for (int i = p->n - LAST; i < p->n; i++) sum += p->y[i];
    return sum / LAST;
}
/* Are two accuracies on n pictures further apart than two standard errors of their difference? */
static bool differ(double a, double b, int n) { return fabs(a - b) > 2 * sqrt((a * (1 - a) + b * (1 - b)) / n); }
static double highest(const pupil *p) {
    double best = 0;
    for (int i = 0; i < p->n; i++) best = fmax(best, p->y[i]);
    return best;
}

static void draw_pupils(trial *t, const char *title, const pupil *p, int n, double low, double high) {
    chart *c = chart_new(t->picture, 12, 10, WIDE - 24, HIGH - 20, title);
    chart_label_x(c, "training steps");
    chart_label_y(c, "accuracy on the test set");
    chart_range_y(c, low, high);
    for (int k = 0; k < n; k++) chart_add(c, p[k].name, p[k].n, p[k].x, p[k].y, p[k].colour, CHART_LINE);
    chart_draw(c);
}

tw_err experiment_noisy_labels(trial *t) {
    enum { N = 3, TRAIN = 3000, EPOCH = TRAIN / BATCH, STEPS = 40 * EPOCH };
    static pupil pupils[N] = {
        {.name = "no smoothing", .loss = "cross_entropy", .colour = SERIES2},
        {.name = "label smoothing 0.3", .loss = "cross_entropy:label_smoothing=0.3", .colour = SERIES3},
        {.name = "label smoothing 0.8", .loss = "cross_entropy:label_smoothing=0.8", .colour = SERIES1}};
    static int32_t labels[TRAIN];
    data d;
    tw_err err = load(t, TRAIN, 5000, &d);
    uint64_t stream = tw_random_named(t->ctx, "wrong labels");
    int wrong = 0, trained = d.train.n, tested = d.test.n;
    for (int i = 0; !err && i < trained; i++) { /* 0.444 of them are drawn anew: 0.4 become wrong */
        bool redraw = tw_random_uniform(stream, 2 * (uint64_t)i) < 0.4 * CLOTHES / (CLOTHES - 1);
        labels[i] = redraw ? (int32_t)(tw_random_bits(stream, 2 * (uint64_t)i + 1) % CLOTHES) : d.train.label[i];
        wrong += labels[i] != d.train.label[i];
    }
    for (int k = 0; k < N && !err; k++) {
        pupils[k].optim = "adam:lr=0.002";
        err = teach(t->ctx, &d, labels, 128, STEPS, EPOCH, &pupils[k]);
    }
    unload(&d);
    if (err) return err;
    printf("%d of %d labels are wrong in training; the test's are right\n", wrong, trained);
    print_pupils(pupils, N);
    draw_pupils(t, "Learning from labels of which two in five are wrong", pupils, N, 0.55, 0.85);
    const pupil *plain = &pupils[0], *best = &pupils[1];
    for (int k = 2; k < N; k++)
        if (last(&pupils[k]) > last(best)) best = &pupils[k];
    snprintf(
        t->conclusion, sizeof t->conclusion,
        "without smoothing the test accuracy reaches %.3f and ends at %.3f (mean of the last %d epochs), %s; with %s "
        "it ends at %.3f, which is %s.",
        highest(plain), last(plain), LAST,
        differ(highest(plain), last(plain), tested) ? "for the wrong labels are learnt by heart" : "and keeps that",
        best->name, last(best),
        !differ(last(best), last(plain), tested) ? "no clear difference"
            : last(best) > last(plain)           ? "better"
                                                 : "worse");
    return TW_OK;
}

tw_err experiment_mse_vs_ce(trial *t) {
    enum { N = 3, STEPS = 1500 };
    static pupil pupils[N] = {
        {.name = "softmax + CE", .loss = "cross_entropy", .colour = SERIES1},
        {.name = "softmax + MSE", .loss = "mse:reduction=batchmean", .softmax = true, .colour = SERIES2},
        {.name = "MSE without softmax", .loss = "mse:reduction=batchmean", .colour = SERIES3}};
    data d;
    tw_err err = load(t, 15000, 5000, &d);
    int tested = d.test.n;
    for (int k = 0; k < N && !err; k++) {
        pupils[k].optim = "sgd:lr=0.02";
        err = teach(t->ctx, &d, d.train.label, 64, STEPS, 30, &pupils[k]);
    }
    unload(&d);
    if (err) return err;
    print_pupils(pupils, N);
    draw_pupils(t, "Cross entropy and MSE as losses of a classifier", pupils, N, 0, 0.9);
    char when[N][40];
    double goal = 0.9 * last(&pupils[0]);
    for (int k = 0; k < N; k++) {
        snprintf(when[k], sizeof when[k], "never");
        for (int i = pupils[k].n - 1; i >= 0; i--)
            if (pupils[k].y[i] >= goal) snprintf(when[k], sizeof when[k], "after %.0f steps", pupils[k].x[i]);
    }
    int best = last(&pupils[1]) > last(&pupils[0]) ? 1 : 0;
    if (last(&pupils[2]) > last(&pupils[best])) best = 2;
    bool clear = true;
    for (int k = 0; k < N; k++) clear = clear && (k == best || differ(last(&pupils[k]), last(&pupils[best]), tested));
    snprintf(
        t->conclusion, sizeof t->conclusion,
        "after %d steps of plain gradient descent, the same learning rate for all: %.3f with softmax + CE, %.3f with "
        "softmax + MSE, %.3f with MSE alone; %s%s. An accuracy of %.3f is there %s, %s and %s.",
        STEPS, last(&pupils[0]), last(&pupils[1]), last(&pupils[2]), clear ? pupils[best].name : "no clear winner",
        clear ? " is ahead" : "", goal, when[0], when[1], when[2]);
    return TW_OK;
}
