/* learn.c - see learn.h. Pictures are (pixel / 255 - mean) / std of the training set. */
#include "learn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>

#include "nets.h"

enum { TEST_BATCH = 250, TEXT_LENGTH = 4, MAX_FRAMES = 64 };

typedef struct examples {
    tw_idx image, classes;
    tw_tsv text;
    int32_t *label; /* of each picture `length` */
    int n;
} examples;

struct learner {
    tw_ctx *ctx;
    bool texts;
    int batch, length, height, width, step;
    double lr, clip;
    examples train, test;
    tw_alphabet *alphabet;
    double mean, std;
    net net;
    tw_optim *optim;
    int *order;
    tw_real *x;
    int32_t *label, *length_of;
    uint64_t seed;
};

const char *learner_error(const learner *l) { return tw_errmsg(l->ctx); }
int learner_steps_per_epoch(const learner *l) { return l->train.n / l->batch; }

/* ---- files -------------------------------------------------------------------------------------------------- */

static bool load_classes(learner *l, const char *dir, const char *part, examples *e) {
    char stem[64];
    snprintf(stem, sizeof stem, "%s-images", part);
    if (tw_idx_find(l->ctx, dir, stem, 3, &e->image)) return false;
    snprintf(stem, sizeof stem, "%s-labels", part);
    if (tw_idx_find(l->ctx, dir, stem, 1, &e->classes)) return false;
    e->n = e->image.dim[0];
    if (e->classes.dim[0] != e->n) tw_fail(l->ctx, TW_ERR_FORMAT, "%s: labels and pictures differ in number", dir);
    else if ((e->label = malloc((size_t)e->n * sizeof *e->label)))
        for (int i = 0; i < e->n; i++) e->label[i] = e->classes.data[i] % 10;
    return e->label;
}

static bool load_texts(learner *l, const char *dir, const char *part, examples *e) {
    char name[4096];
    snprintf(name, sizeof name, "%s-images", part);
    if (tw_idx_find(l->ctx, dir, name, 3, &e->image)) return false;
    snprintf(name, sizeof name, "%s/%s-labels.tsv", dir, part);
    if (tw_tsv_load(l->ctx, name, &e->text)) return false;
    e->n = e->image.dim[0];
    if ((int)e->text.n != e->n) tw_fail(l->ctx, TW_ERR_FORMAT, "%s: texts and pictures differ in number", name);
    return !tw_error(l->ctx);
}

static bool encode(learner *l, examples *e) {
    e->label = malloc((size_t)e->n * TEXT_LENGTH * sizeof *e->label);
    for (int i = 0; e->label && i < e->n; i++) {
        int32_t symbols[16];
        size_t n = sizeof symbols / sizeof *symbols;
        if (tw_alphabet_encode(l->ctx, l->alphabet, e->text.row[i].text, symbols, &n)) return false;
        if (n != TEXT_LENGTH)
            return tw_fail(l->ctx, TW_ERR_FORMAT, "\"%s\" has not four characters", e->text.row[i].text);
        memcpy(e->label + (size_t)i * TEXT_LENGTH, symbols, TEXT_LENGTH * sizeof *symbols);
    }
    return e->label;
}

static bool make_alphabet(learner *l) {
    const char **text = malloc(l->train.text.n * sizeof *text);
    for (size_t i = 0; text && i < l->train.text.n; i++) text[i] = l->train.text.row[i].text;
    if (text) l->alphabet = tw_alphabet_from_texts(l->ctx, l->train.text.n, text);
    free(text);
    return l->alphabet;
}

static bool load(learner *l, const char *dir) {
    if (!l->texts) return load_classes(l, dir, "train", &l->train) && load_classes(l, dir, "t10k", &l->test);
    return load_texts(l, dir, "train", &l->train) && load_texts(l, dir, "test", &l->test) && make_alphabet(l) &&
        encode(l, &l->train) && encode(l, &l->test);
}

/* ---- making ---------------------------------------------------------------------------------------------------- */

static bool make(learner *l) {
    tw_idx_mean_std(&l->train.image, &l->mean, &l->std);
    l->height = l->train.image.dim[1], l->width = l->train.image.dim[2];
    l->net.params = tw_params_new(l->ctx);
    l->net.layers = tw_sequential_new(l->net.params);
    if (l->texts) {
        sizes s = {.W = l->width, .H = l->height, .K = tw_alphabet_classes(l->alphabet)};
        net_crnn_small(&l->net, &s);
    } else net_lenet(&l->net, &(sizes){0});
    tw_adam_options o = tw_adam_defaults();
    o.lr = l->lr;
    l->optim = tw_adam_new(l->net.params, &o);
    size_t pixels = (size_t)l->height * (size_t)l->width;
    l->order = malloc((size_t)l->train.n * sizeof *l->order);
    l->x = malloc(TEST_BATCH * pixels * sizeof *l->x);
    l->label = malloc(TEST_BATCH * TEXT_LENGTH * sizeof *l->label);
    l->length_of = malloc(TEST_BATCH * sizeof *l->length_of);
    if (!l->order || !l->x || !l->label || !l->length_of) return false;
    for (int i = 0; i < TEST_BATCH; i++) l->length_of[i] = TEXT_LENGTH;
    return !tw_error(l->ctx);
}

learner *learner_new(const char *task, const char *dir, int threads, uint64_t seed, char *error, size_t size) {
    learner *l = calloc(1, sizeof *l);
    snprintf(error, size, "out of memory");
    if (!l) return NULL;
    l->texts = !strcmp(task, "captcha4");
    l->batch = l->texts ? 32 : 64;
    l->length = l->texts ? TEXT_LENGTH : 1;
    l->lr = l->texts ? 2e-3 : 1e-3;
    l->clip = l->texts ? 5 : 0;
    l->seed = seed;
    l->ctx = tw_ctx_new_with(&(tw_ctx_options){.seed = seed, .threads = threads});
    if (l->ctx && load(l, dir) && make(l)) return l;
    if (l->ctx && tw_error(l->ctx)) snprintf(error, size, "%s", tw_errmsg(l->ctx));
    learner_free(l);
    return NULL;
}

static void examples_free(examples *e) {
    tw_idx_free(&e->image);
    tw_idx_free(&e->classes);
    tw_tsv_free(&e->text);
    free(e->label);
}

void learner_free(learner *l) {
    if (!l) return;
    examples_free(&l->train);
    examples_free(&l->test);
    tw_alphabet_free(l->alphabet);
    tw_optim_free(l->optim);
    tw_params_free(l->net.params);
    tw_ctx_free(l->ctx);
    free(l->order);
    free(l->x);
    free(l->label);
    free(l->length_of);
    free(l);
}

/* ---- training ------------------------------------------------------------------------------------------------ */

/* Fisher, Yates 1938. */
static void shuffle(learner *l, uint64_t epoch) {
    uint64_t stream = tw_random_bits(l->seed, epoch);
    for (int i = 0; i < l->train.n; i++) l->order[i] = i;
    for (int i = l->train.n - 1; i > 0; i--) {
        int k = (int)(tw_random_bits(stream, (uint64_t)i) % (uint64_t)(i + 1)), swap = l->order[i];
        l->order[i] = l->order[k], l->order[k] = swap;
    }
}

/* Picture k becomes row i of the batch. */
static void take(learner *l, const examples *e, int k, int i) {
    size_t pixels = (size_t)l->height * (size_t)l->width;
    const uint8_t *from = e->image.data + (size_t)k * pixels;
    tw_real *to = l->x + (size_t)i * pixels, scale = (tw_real)(1 / (255 * l->std)), less = (tw_real)(l->mean / l->std);
    for (size_t p = 0; p < pixels; p++) to[p] = (tw_real)from[p] * scale - less;
    memcpy(l->label + i * l->length, e->label + k * l->length, (size_t)l->length * sizeof *l->label);
}

static tw_tensor *forward(learner *l, int n) {
    return tw_forward(l->ctx, l->net.layers, tw_input(l->ctx, l->x, 4, (int[]){n, 1, l->height, l->width}));
}

static tw_tensor *loss_of(learner *l, tw_tensor *scores, int n) {
    tw_labels label = {l->label, (size_t)(n * l->length)};
    if (!l->texts) return tw_cross_entropy_loss(l->ctx, scores, label, NULL);
    tw_ctc_options o = tw_ctc_defaults();
    o.mean_by_length = o.zero_infinity = true;
    return tw_ctc_loss(l->ctx, scores, label, (tw_labels){l->length_of, (size_t)n}, (tw_labels){NULL, 0}, &o);
}

bool learner_step(learner *l) {
    int per_epoch = learner_steps_per_epoch(l), at = l->step % per_epoch;
    if (!at) shuffle(l, (uint64_t)(l->step / per_epoch));
    for (int i = 0; i < l->batch; i++) take(l, &l->train, l->order[at * l->batch + i], i);
    double warm = l->texts ? 0.5 * per_epoch : 0;
    l->step++;
    tw_optim_set_lr(l->optim, l->step < warm ? l->lr * l->step / warm : l->lr);
    tw_step_begin(l->ctx);
    tw_tensor *loss = loss_of(l, forward(l, l->batch), l->batch);
    if (tw_backward(l->ctx, loss)) return false;
    if (l->clip > 0) tw_clip_grad_norm(l->net.params, l->clip);
    return !tw_optim_step(l->optim);
}

/* ---- testing --------------------------------------------------------------------------------------------------- */

static bool is_right(const learner *l, const tw_tensor *scores, int i) {
    if (!l->texts) {
        const tw_real *z = scores->data + (size_t)i * (size_t)scores->dim[1];
        int best = 0;
        for (int k = 1; k < scores->dim[1]; k++)
            if (z[k] > z[best]) best = k;
        return best == l->label[i];
    }
    int32_t symbols[MAX_FRAMES];
    int frames = scores->dim[0], n = scores->dim[1], classes = scores->dim[2];
    if (frames > MAX_FRAMES) return false;
    int length = tw_ctc_greedy(scores->data + (size_t)i * (size_t)classes, frames, classes, (size_t)n * (size_t)classes,
                               0, symbols);
    return length == l->length && !memcmp(symbols, l->label + i * l->length, (size_t)length * sizeof *symbols);
}

double learner_test(learner *l) {
    int right = 0;
    tw_set_training(l->ctx, false);
    tw_set_recording(l->ctx, false);
    for (int from = 0; from < l->test.n && !tw_error(l->ctx); from += TEST_BATCH) {
        int n = l->test.n - from < TEST_BATCH ? l->test.n - from : TEST_BATCH;
        for (int i = 0; i < n; i++) take(l, &l->test, from + i, i);
        tw_step_begin(l->ctx);
        const tw_tensor *scores = forward(l, n);
        for (int i = 0; scores && i < n; i++) right += is_right(l, scores, i);
    }
    tw_set_training(l->ctx, true);
    tw_set_recording(l->ctx, true);
    return tw_error(l->ctx) ? -1 : (double)right / l->test.n;
}
