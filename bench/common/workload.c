/* workload.c - the table of workloads, and a step of each kind. */
#include "workload.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>

#include "inputs.h"
#include "nets.h"

typedef enum kind { ROWS, PICTURES, RECOGNISE, THROUGH_LAYER, CTC_ALONE } kind;
typedef enum optimiser { NO_OPTIMISER, ADAM, ADAMW } optimiser;

typedef struct description {
    const char *name, *about;
    kind kind;
    void (*build)(net *n, const sizes *s); /* NULL: no network */
    optimiser optimiser;
    int parts; /* forward passes whose losses are averaged: a batch of N = parts * N / parts */
    sizes sizes;
} description;

static const description table[] = {
    {"w1", "MLP 784-512-256-10, Adam, batch 64", ROWS, net_mlp, ADAM, 1, {.N = 64}},
    {"w1b256", "MLP 784-512-256-10, Adam, batch 256", ROWS, net_mlp, ADAM, 1, {.N = 256}},
    {"w2", "LeNet 5x5x32 5x5x64 1024, Adam, batch 64", PICTURES, net_lenet, ADAM, 1, {.N = 64}},
    {"w2b", "conv 3x3x16 3x3x32 dense, Adam, batch 64", PICTURES, net_small_cnn, ADAM, 1, {.N = 64}},
    {"w3",
     "published CRNN, 32x100, Adam, batch 32",
     RECOGNISE,
     net_crnn,
     ADAM,
     1,
     {.N = 32, .W = 100, .K = 37, .L = 8}},
    {"w3s",
     "small CRNN, 32x128, Adam, batch 32",
     RECOGNISE,
     net_crnn_small,
     ADAM,
     1,
     {.N = 32, .W = 128, .K = 63, .L = 8}},
    {"w4a",
     "LSTM alone, T 32 N 32 D 256 H 256",
     THROUGH_LAYER,
     net_lstm,
     NO_OPTIMISER,
     1,
     {.N = 32, .T = 32, .D = 256, .H = 256}},
    {"w4b",
     "LSTM alone, T 128 N 16 D 128 H 128",
     THROUGH_LAYER,
     net_lstm,
     NO_OPTIMISER,
     1,
     {.N = 16, .T = 128, .D = 128, .H = 128}},
    {"w5a", "CTC alone, T 50 N 32 K 37 L 10", CTC_ALONE, NULL, NO_OPTIMISER, 1, {.N = 32, .T = 50, .K = 37, .L = 10}},
    {"w5b", "CTC alone, T 200 N 32 K 63 L 40", CTC_ALONE, NULL, NO_OPTIMISER, 1, {.N = 32, .T = 200, .K = 63, .L = 40}},
    {"w5c",
     "CTC alone, T 500 N 16 K 5000 L 60",
     CTC_ALONE,
     NULL,
     NO_OPTIMISER,
     1,
     {.N = 16, .T = 500, .K = 5000, .L = 60}},
    {"w7", "conv 3x3 64 to 64 on 32x32 alone, batch 32", THROUGH_LAYER, net_conv, NO_OPTIMISER, 1, {.N = 32, .W = 32}},
    {"w7d",
     "depthwise 3x3 of 64 on 32x32 alone, batch 32",
     THROUGH_LAYER,
     net_depthwise,
     NO_OPTIMISER,
     1,
     {.N = 32, .W = 32}},
    {"gfc", "ggml's 784-500-10, AdamW, batch 2 x 500", ROWS, net_ggml_fc, ADAMW, 2, {.N = 1000}},
    {"gcnn", "ggml's conv 8, conv 16, dense, AdamW, batch 2 x 500", PICTURES, net_ggml_cnn, ADAMW, 2, {.N = 1000}},
};
enum { TABLE = sizeof table / sizeof *table };

struct workload {
    const description *is;
    sizes s;
    tw_ctx *ctx;
    net net;
    tw_optim *optim;
    inputs in;
    int at;               /* which of the inputs comes next */
    tw_tensor *last;      /* of the last step: the loss, or what went backward */
    int32_t *text_length; /* [N], all L */
};

const char *workload_name(int i) { return i < TABLE ? table[i].name : NULL; }
const char *workload_about(int i) { return i < TABLE ? table[i].about : NULL; }
tw_ctx *workload_ctx(const workload *w) { return w->ctx; }
int workload_batch(const workload *w) { return w->s.N; }
double workload_gflop(const workload *w) { return 1e-9 * w->net.flop * w->s.N; }
double workload_trained(const workload *w) { return w->optim ? (double)tw_params_size(w->net.params) : 0; }
const char *workload_error(const workload *w) { return tw_errmsg(w->ctx); }
struct tw_node *workload_tape(const workload *w) {
    return w->last ? w->last->node : NULL;
}

int workload_nodes(const workload *w) {
    int n = 0;
    for (const tw_node *node = workload_tape(w); node; node = node->prev) n++;
    return n;
}

double workload_loss(const workload *w) { return w->last && w->last->size == 1 ? (double)tw_item(w->last) : NAN; }

/* ---- specs ------------------------------------------------------------------------------------------------ */

static const description *find(const char *spec) {
    size_t n = strcspn(spec, ":");
    for (int i = 0; i < TABLE; i++)
        if (strlen(table[i].name) == n && !strncmp(table[i].name, spec, n)) return &table[i];
    return NULL;
}

enum { MOST = 999999 };
static const char letters[] = "NWTDHKL";

/* Where a letter's size is; NULL: the workload has no such size. */
static int *size_of(char letter, sizes *s) {
    int *const size[] = {&s->N, &s->W, &s->T, &s->D, &s->H, &s->K, &s->L};
    const char *at = letter ? strchr(letters, letter) : NULL;
    return at && *size[at - letters] ? size[at - letters] : NULL;
}

static bool malformed(const char *spec, sizes *s, char *error, size_t size) {
    char has[sizeof letters] = "";
    int n = 0;
    for (const char *l = letters; *l; l++)
        if (size_of(*l, s)) has[n++] = *l;
    snprintf(error, size, "\"%s\": a size is a letter, = and a whole number; the letters of this workload: %s", spec,
             has);
    return false;
}

/* "N=8,W=512" over the sizes of the table. */
static bool parse_sizes(const char *spec, const char *text, sizes *s, char *error, size_t size) {
    for (; *text; text += *text == ',') {
        int *to = size_of(*text, s);
        char *end;
        if (!to || text[1] != '=') return malformed(spec, s, error, size);
        long value = strtol(text + 2, &end, 10);
        if (end == text + 2 || (*end && *end != ',')) return malformed(spec, s, error, size);
        if (value < 1 || value > MOST) {
            snprintf(error, size, "\"%s\": the size %c is out of range; 1 to %d are possible", spec, *text, MOST);
            return false;
        }
        *to = (int)value;
        text = end;
    }
    return true;
}

/* ---- making ----------------------------------------------------------------------------------------------- */

static bool make_inputs(workload *w) {
    const sizes *s = &w->s;
    size_t n = (size_t)s->N;
    switch (w->is->kind) {
    case ROWS:
    case PICTURES: return inputs_classes(w->ctx, s->N, &w->in);
    case RECOGNISE: return inputs_texts(w->ctx, s->N, (size_t)(32 * s->W), s->K, s->L, &w->in);
    case CTC_ALONE: return inputs_logits(w->ctx, (size_t)s->T * n * (size_t)s->K, s->N, s->K, s->L, &w->in);
    case THROUGH_LAYER: break;
    }
    bool frames = s->T > 0; /* [T,N,D], or pictures [N,64,32,W] */
    size_t in = frames ? (size_t)s->T * n * (size_t)s->D : n * 64 * 32 * (size_t)s->W;
    size_t out = frames ? (size_t)s->T * n * (size_t)s->H : in;
    return inputs_gradient(w->ctx, in, out, &w->in);
}

static void make_network(workload *w) {
    net *n = &w->net;
    n->params = tw_params_new(w->ctx);
    n->layers = tw_sequential_new(n->params);
    if (w->is->build) w->is->build(n, &w->s);
    if (w->is->optimiser == ADAM) w->optim = tw_adam_new(n->params, NULL);
    if (w->is->optimiser == ADAMW) w->optim = tw_adamw_new(n->params, NULL);
}

static bool understand(const char *spec, const description **is, sizes *s, char *error, size_t size) {
    const char *colon = strchr(spec, ':');
    *is = find(spec);
    if (!*is) {
        snprintf(error, size, "no workload is called \"%s\"", spec);
        return false;
    }
    *s = (*is)->sizes;
    if (colon && !parse_sizes(spec, colon + 1, s, error, size)) return false;
    if (s->N % (*is)->parts == 0) return true;
    snprintf(error, size, "\"%s\": N is a multiple of %d", spec, (*is)->parts);
    return false;
}

bool workload_known(const char *spec, char *error, size_t size) {
    const description *is;
    sizes s;
    return understand(spec, &is, &s, error, size);
}

workload *workload_new(const char *spec, const workload_options *options, char *error, size_t size) {
    workload *w = calloc(1, sizeof *w);
    snprintf(error, size, "out of memory");
    if (!w) return NULL;
    if (!understand(spec, &w->is, &w->s, error, size)) {
        free(w);
        return NULL;
    }
    w->ctx = tw_ctx_new_with(
        &(tw_ctx_options){.seed = 1, .threads = options->threads, .allocator = options->allocator});
    w->text_length = malloc((size_t)w->s.N * sizeof *w->text_length);
    if (w->ctx && w->text_length) {
        for (int i = 0; i < w->s.N; i++) w->text_length[i] = w->s.L;
        make_network(w);
        if (!tw_error(w->ctx) && make_inputs(w)) {
            *error = 0;
            return w;
        }
        if (tw_error(w->ctx)) snprintf(error, size, "%s", tw_errmsg(w->ctx));
    }
    workload_free(w);
    return NULL;
}

void workload_free(workload *w) {
    if (!w) return;
    inputs_free(&w->in);
    free(w->text_length);
    tw_optim_free(w->optim);
    tw_params_free(w->net.params);
    tw_ctx_free(w->ctx);
    free(w);
}

/* ---- steps ------------------------------------------------------------------------------------------------ */

static tw_tensor *pictures(workload *w, int n, const tw_real *data) {
    if (w->is->kind == ROWS) return tw_input(w->ctx, data, 2, (int[]){n, PIXELS});
    return tw_input(w->ctx, data, 4, (int[]){n, 1, SIDE, SIDE});
}

/* The parts' losses are averaged, which gives the gradients of the whole batch. */
static tw_tensor *classify(workload *w, const tw_real *data, const int32_t *label) {
    int parts = w->is->parts, n = w->s.N / parts;
    tw_tensor *sum = NULL;
    for (int i = 0; i < parts; i++) {
        tw_tensor *logits = tw_forward(w->ctx, w->net.layers, pictures(w, n, data + (size_t)i * (size_t)n * PIXELS));
        tw_tensor *loss = tw_cross_entropy_loss(w->ctx, logits, (tw_labels){label + i * n, (size_t)n}, NULL);
        sum = i ? tw_add(w->ctx, sum, loss) : loss;
    }
    return parts > 1 ? tw_scale(w->ctx, sum, (tw_real)1 / (tw_real)parts) : sum;
}

static tw_tensor *ctc(workload *w, tw_tensor *logits, const int32_t *label, bool mean) {
    size_t n = (size_t)w->s.N;
    tw_ctc_options o = tw_ctc_defaults();
    o.reduction = mean ? TW_REDUCTION_MEAN : TW_REDUCTION_SUM;
    o.zero_infinity = o.mean_by_length = mean;
    return tw_ctc_loss(w->ctx, logits, (tw_labels){label, n * (size_t)w->s.L}, (tw_labels){w->text_length, n},
                       (tw_labels){NULL, 0}, &o);
}

/* The input of the next step, and whether its gradient is wanted. */
static tw_tensor *next_input(workload *w, const tw_real *data) {
    const sizes *s = &w->s;
    switch (w->is->kind) {
    case ROWS:
    case PICTURES: return pictures(w, s->N, data);
    case RECOGNISE: return tw_input(w->ctx, data, 4, (int[]){s->N, 1, 32, s->W});
    case CTC_ALONE: return tw_input_grad(w->ctx, data, 3, (int[]){s->T, s->N, s->K});
    case THROUGH_LAYER: break;
    }
    return s->T ? tw_input_grad(w->ctx, data, 3, (int[]){s->T, s->N, s->D})
                : tw_input_grad(w->ctx, data, 4, (int[]){s->N, 64, 32, s->W});
}

static const tw_real *next_data(workload *w, const int32_t **label) {
    const tw_real *data = w->in.x + (size_t)w->at * w->in.stride;
    *label = w->in.label ? w->in.label + (size_t)w->at * w->in.labels : NULL;
    w->at = (w->at + 1) % w->in.count;
    return data;
}

bool workload_step(workload *w) {
    const int32_t *label;
    const tw_real *data = next_data(w, &label);
    tw_step_begin(w->ctx);
    switch (w->is->kind) {
    case ROWS:
    case PICTURES: w->last = classify(w, data, label); break;
    case RECOGNISE: w->last = ctc(w, tw_forward(w->ctx, w->net.layers, next_input(w, data)), label, true); break;
    case CTC_ALONE: w->last = ctc(w, next_input(w, data), label, false); break;
    case THROUGH_LAYER:
        w->last = tw_forward(w->ctx, w->net.layers, next_input(w, data));
        return !tw_backward_from(w->ctx, w->last, w->in.dy) && !tw_error(w->ctx);
    }
    return !tw_backward(w->ctx, w->last) && (!w->optim || !tw_optim_step(w->optim));
}

bool workload_infer(workload *w) {
    const int32_t *label;
    const tw_real *data = next_data(w, &label);
    tw_step_begin(w->ctx);
    tw_set_training(w->ctx, false);
    tw_set_recording(w->ctx, false);
    w->last = w->is->kind == CTC_ALONE ? NULL : tw_forward(w->ctx, w->net.layers, next_input(w, data));
    tw_set_training(w->ctx, true);
    tw_set_recording(w->ctx, true);
    if (w->is->kind == CTC_ALONE) tw_fail(w->ctx, TW_ERR_STATE, "a loss alone has nothing to evaluate");
    return !tw_error(w->ctx);
}
