/* steps.c - samples per second of whole training steps: forward, loss, backward and, for networks, the optimiser.
 *
 * One line a workload: the median, smallest and largest of five blocks of about a second. Compare only figures of one
 * run on an idle machine. Images change from step to step, for on one fixed batch a network soon has gradients of
 * zero, and denormal numbers in its optimiser. */
#include "../examples/common/cli.h"
#include "../examples/common/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>
#include <thalweg/thalweg.h>

enum { BLOCKS = 5, BATCHES = 64, LABEL_LENGTH = 8, MAX_BATCH = 64 };

typedef struct bench bench;
typedef struct workload {
    const char *name, *about;
    int batch;
    int input[4]; /* dimensions of one step's input */
    int classes;
    void (*setup)(bench *b);
    tw_tensor *(*step)(bench *b, tw_tensor *x); /* the loss, or NULL when it went backward itself */
    bool fixed_input;                           /* one input, whose gradient is wanted */
} workload;

struct bench {
    const workload *w;
    tw_ctx *ctx;
    tw_params *params;
    tw_layer *net;
    tw_optim *optim;
    tw_real *input; /* BATCHES inputs, or one */
    size_t input_size;
    int32_t *label, *label_length;
    int at;
    tw_real *dy;
};

static void die(const bench *b) { cli_die("steps", "%s: %s", b->w->name, tw_errmsg(b->ctx)); }

static void *room_for(size_t n, size_t size) {
    void *p = calloc(n ? n : 1, size);
    if (!p) cli_die("steps", "out of memory");
    return p;
}

/* ---- the workloads ------------------------------------------------------------------------------------ */

static void add_conv(bench *b, const char *name, int in, int out, int k, int pad, tw_act act) {
    tw_conv2d_options o = {.pad_h = pad, .pad_w = pad, .act = act};
    tw_sequential_add(b->net, tw_conv2d_new(b->params, name, in, out, k, k, &o));
}
static void add_pool(bench *b, int kh, int kw) {
    tw_sequential_add(b->net, tw_max_pool2d_new(b->params, kh, kw, NULL));
}
static void add_dense(bench *b, const char *name, int in, int out, tw_act act) {
    tw_sequential_add(b->net, tw_dense_new(b->params, name, in, out, &(tw_dense_options){.act = act}));
}
static void add_adam(bench *b) { b->optim = tw_adam_new(b->params, NULL); }

static void mlp(bench *b) {
    add_dense(b, "fc1", 784, 512, TW_ACT_RELU);
    add_dense(b, "fc2", 512, 256, TW_ACT_RELU);
    add_dense(b, "fc3", 256, 10, TW_ACT_NONE);
    add_adam(b);
}

static void lenet(bench *b) {
    add_conv(b, "conv1", 1, 32, 5, 2, TW_ACT_RELU);
    add_pool(b, 2, 2);
    add_conv(b, "conv2", 32, 64, 5, 2, TW_ACT_RELU);
    add_pool(b, 2, 2);
    tw_sequential_add(b->net, tw_flatten_new(b->params));
    add_dense(b, "fc1", 3136, 1024, TW_ACT_RELU);
    add_dense(b, "fc2", 1024, 10, TW_ACT_NONE);
    add_adam(b);
}

static void crnn(bench *b) {
    add_conv(b, "conv1", 1, 32, 3, 1, TW_ACT_RELU);
    add_pool(b, 2, 2);
    add_conv(b, "conv2", 32, 64, 3, 1, TW_ACT_RELU);
    add_pool(b, 2, 2);
    add_conv(b, "conv3", 64, 128, 3, 1, TW_ACT_NONE);
    tw_batchnorm_options relu = {.act = TW_ACT_RELU};
    tw_sequential_add(b->net, tw_batchnorm_new(b->params, "bn3", 128, &relu));
    add_pool(b, 2, 1);
    tw_sequential_add(b->net, tw_image_to_sequence_new(b->params));
    add_dense(b, "map", 512, 128, TW_ACT_NONE);
    tw_sequential_add(b->net, tw_lstm_new(b->params, "lstm", 128, 128, &(tw_lstm_options){.bidirectional = true}));
    add_dense(b, "out", 256, 63, TW_ACT_NONE);
    add_adam(b);
}

static void lstm(bench *b) { b->net = tw_lstm_new(b->params, "lstm", 256, 256, NULL); }
static void nothing(bench *b) { (void)b; }

static tw_tensor *classify(bench *b, tw_tensor *x) {
    tw_labels label = {b->label + b->at * b->w->batch, (size_t)b->w->batch};
    return tw_cross_entropy_loss(b->ctx, tw_forward(b->ctx, b->net, x), label, NULL);
}

static tw_tensor *ctc_of(bench *b, tw_tensor *logits, tw_reduction reduction) {
    size_t n = (size_t)b->w->batch;
    tw_ctc_options o = tw_ctc_defaults();
    o.reduction = reduction;
    o.zero_infinity = true;
    o.mean_by_length = reduction == TW_REDUCTION_MEAN;
    int length = b->label_length[0];
    tw_labels label = {b->label + (size_t)b->at * n * (size_t)length, n * (size_t)length};
    return tw_ctc_loss(b->ctx, logits, label, (tw_labels){b->label_length, n}, (tw_labels){NULL, 0}, &o);
}
static tw_tensor *recognise(bench *b, tw_tensor *x) {
    return ctc_of(b, tw_forward(b->ctx, b->net, x), TW_REDUCTION_MEAN);
}
static tw_tensor *ctc_alone(bench *b, tw_tensor *x) { return ctc_of(b, x, TW_REDUCTION_SUM); }

static tw_tensor *lstm_alone(bench *b, tw_tensor *x) {
    tw_tensor *y = tw_forward(b->ctx, b->net, x);
    if (y && tw_backward_from(b->ctx, y, b->dy)) die(b);
    return NULL;
}

static const workload workloads[] = {
    {"w1", "MLP 784-512-256-10, Adam, batch 64", 64, {64, 784, 1, 1}, 10, mlp, classify, false},
    {"w2", "LeNet 5x5x32 5x5x64 1024, Adam, batch 64", 64, {64, 1, 28, 28}, 10, lenet, classify, false},
    {"w3s", "CRNN 32-64-128 + BiLSTM 128, 32x128, Adam, batch 32", 32, {32, 1, 32, 128}, 63, crnn, recognise, false},
    {"w4a", "LSTM alone, T 32 N 32 D 256 H 256", 32, {32, 32, 256, 1}, 0, lstm, lstm_alone, true},
    {"w5a", "CTC alone, T 50 N 32 K 37 L 10", 32, {50, 32, 37, 1}, 37, nothing, ctc_alone, true},
};
enum { WORKLOADS = sizeof workloads / sizeof *workloads };

/* ---- data --------------------------------------------------------------------------------------------- */

/* Noise around one picture for each class, so that there is something to learn; for sequences, noise alone. */
static void make_data(bench *b) {
    const workload *w = b->w;
    bool sequences = w->step == recognise || w->step == ctc_alone;
    int steps = w->fixed_input ? 1 : BATCHES;
    int length = !sequences ? 1 : w->step == recognise ? LABEL_LENGTH : 10;
    size_t per_sample = b->input_size / (size_t)w->batch, labels = (size_t)(w->batch * length);
    b->input = room_for((size_t)steps * b->input_size, sizeof *b->input);
    b->label = room_for((size_t)steps * labels, sizeof *b->label);
    b->label_length = room_for((size_t)w->batch, sizeof *b->label_length);
    for (int i = 0; i < w->batch; i++) b->label_length[i] = length;
    uint64_t stream = tw_random_stream(b->ctx), mean = tw_random_stream(b->ctx);
    for (size_t i = 0; i < (size_t)steps * labels && w->classes; i++)
        b->label[i] = sequences ? 1 + (int32_t)(tw_random_bits(stream, i) % (uint64_t)(w->classes - 1))
                                : (int32_t)(tw_random_bits(stream, i) % (uint64_t)w->classes);
    for (size_t i = 0; i < (size_t)steps * b->input_size; i++) {
        double noise = w->fixed_input ? tw_random_normal(stream, i + ((uint64_t)1 << 32))
                                      : tw_random_uniform(stream, i + ((uint64_t)1 << 32));
        if (w->step == classify)
            noise =
                (noise + tw_random_uniform(mean, (uint64_t)b->label[i / per_sample] * per_sample + i % per_sample)) / 2;
        b->input[i] = (tw_real)noise;
    }
    if (w->step == lstm_alone) {
        b->dy = room_for(b->input_size, sizeof *b->dy); /* H = D */
        for (size_t i = 0; i < b->input_size; i++) b->dy[i] = (tw_real)tw_random_normal(mean, i);
    }
}

/* ---- measuring ---------------------------------------------------------------------------------------- */

static void run_step(bench *b) {
    const workload *w = b->w;
    tw_step_begin(b->ctx);
    int ndim = 4;
    while (w->input[ndim - 1] == 1) ndim--;
    tw_real *data = b->input + (size_t)b->at * b->input_size;
    tw_tensor *x = w->fixed_input ? tw_input_grad(b->ctx, data, ndim, w->input)
                                  : tw_input(b->ctx, data, ndim, w->input);
    tw_tensor *loss = w->step(b, x);
    if (loss && tw_backward(b->ctx, loss)) die(b);
    if (tw_error(b->ctx)) die(b);
    if (b->optim && tw_optim_step(b->optim)) die(b);
    if (!w->fixed_input) b->at = (b->at + 1) % BATCHES;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(const workload *w, int threads, double seconds) {
    bench b = {.w = w, .ctx = tw_ctx_new_with(&(tw_ctx_options){.seed = 1, .threads = threads})};
    if (!b.ctx) cli_die("steps", "out of memory");
    b.input_size = (size_t)w->input[0] * (size_t)w->input[1] * (size_t)w->input[2] * (size_t)w->input[3];
    b.params = tw_params_new(b.ctx);
    if (w->step == classify || w->step == recognise) b.net = tw_sequential_new(b.params);
    w->setup(&b);
    if (tw_error(b.ctx)) die(&b);
    make_data(&b);

    for (int i = 0; i < 3; i++) run_step(&b);
    double began = progress_clock(), spent = 0;
    int steps = 0;
    for (; spent < seconds / 2 || steps < 2; steps++, spent = progress_clock() - began) run_step(&b);
    int per_block = (int)(seconds * steps / spent);
    if (per_block < 2) per_block = 2;
    double rate[BLOCKS];
    for (int k = 0; k < BLOCKS; k++) {
        began = progress_clock();
        for (int i = 0; i < per_block; i++) run_step(&b);
        rate[k] = (double)per_block * w->batch / (progress_clock() - began);
    }
    qsort(rate, BLOCKS, sizeof *rate, ascending);
    printf("%-4s %-52s %9.0f samples/s  (%.0f .. %.0f), %d threads\n", w->name, w->about, rate[BLOCKS / 2], rate[0],
           rate[BLOCKS - 1], tw_threads(b.ctx));
    fflush(stdout);

    free(b.input);
    free(b.label);
    free(b.label_length);
    free(b.dy);
    tw_optim_free(b.optim);
    tw_params_free(b.params);
    tw_ctx_free(b.ctx);
}

int main(int argc, char **argv) {
    int threads = 0;
    double seconds = 1;
    const cli_option option[] = {
        {.name = "threads",
         .letter = 't',
         .type = CLI_INT,
         .to = &threads,
         .value = "N",
         .max = 256,
         .help = "threads; 0: TW_THREADS or all cores"},
        {.name = "seconds",
         .type = CLI_REAL,
         .to = &seconds,
         .value = "S",
         .min = 0.01,
         .max = 1000,
         .help = "length of one of the five blocks"},
    };
    const cli_command command = {"steps",
                                 NULL,
                                 "[OPTION].. [WORKLOAD]..",
                                 "Times training steps: w1 w2 w3s w4a w5a (default: all).",
                                 sizeof option / sizeof *option,
                                 option};
    int n = cli_parse(&command, argc, argv);
    for (int i = 1; i <= n; i++) {
        int known = 0;
        for (int k = 0; k < WORKLOADS; k++) known += !strcmp(argv[i], workloads[k].name);
        if (!known) cli_usage_error(&command, "no workload is called \"%s\"", argv[i]);
    }
    for (int k = 0; k < WORKLOADS; k++) {
        bool wanted = n == 0;
        for (int i = 1; i <= n; i++) wanted |= !strcmp(argv[i], workloads[k].name);
        if (wanted) measure(&workloads[k], threads, seconds);
    }
    return 0;
}
