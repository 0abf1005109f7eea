/* data.c - what data cost: training on batches from the loader beside training on batches that lie in memory.
 *
 * Pictures come from the files of Fashion-MNIST (or --data), texts are rendered as crnn_ocr train --synth does. Blocks
 * take turns; a figure is the median of each kind, the percentage that of the pairs of neighbours. Pictures take many
 * short turns, because the speed of a machine may change within a second by more than they cost. Texts take few long
 * ones: in a short one it would matter that the loader's thread is one batch ahead when its turn begins. */
#include "../examples/common/cli.h"

#include <stdlib.h>
#include <string.h>

#include "../examples/common/progress.h"
#include "../examples/crnn_ocr/picture.h"
#include "../examples/crnn_ocr/synth.h"
#include "../examples/crnn_ocr/training.h"
#include "common/measure.h"
#include "common/nets.h"

enum { STORED = 64, MAX_BLOCKS = 100, BATCH = 64, SAMPLES = 20000, HEIGHT = 32 };

typedef struct options {
    int threads, blocks; /* 0: chosen */
    double seconds;      /* 0: chosen */
    const char *data, *preset;
} options;

/* Something to train, fed with batches. */
typedef struct trainee {
    const char *name;
    double goal; /* percent */
    tw_loader *loader;
    bool (*step)(struct trainee *t, const tw_batch *b);
    tw_ctx *ctx;
    net net;
    tw_optim *optim;
    training *texts;
    tw_batch stored[STORED];
    int nstored, at;
} trainee;

_Noreturn static void die(const trainee *t) { cli_die("data", "%s: %s", t->name, tw_errmsg(t->ctx)); }

static bool step_classes(trainee *t, const tw_batch *b) {
    tw_step_begin(t->ctx);
    tw_tensor *z = tw_forward(t->ctx, t->net.layers, tw_input(t->ctx, b->x, 4, b->dim));
    return !tw_backward(t->ctx, tw_cross_entropy_loss(t->ctx, z, b->label, NULL)) && !tw_optim_step(t->optim);
}
static bool step_texts(trainee *t, const tw_batch *b) { return !training_step(t->texts, b); }

/* ---- batches --------------------------------------------------------------------------------------------------- */

static void *copy(const void *from, size_t size) {
    void *to = malloc(size ? size : 1);
    if (!to) cli_die("data", "out of memory");
    if (size) memcpy(to, from, size);
    return to;
}
static tw_labels copy_labels(tw_labels from) {
    return (tw_labels){from.v ? copy(from.v, from.n * sizeof *from.v) : NULL, from.n};
}

/* The epoch's end is passed over. */
static const tw_batch *next(trainee *t) {
    const tw_batch *b = NULL;
    for (int tries = 0; !b && tries < 2; tries++)
        if (tw_loader_next(t->loader, &b)) die(t);
    if (!b) cli_die("data", "%s: no data", t->name);
    return b;
}

static void store(trainee *t) {
    for (; t->nstored < STORED; t->nstored++) {
        const tw_batch *from = next(t);
        tw_batch *to = &t->stored[t->nstored];
        size_t size = (size_t)from->dim[0] * (size_t)from->dim[1] * (size_t)from->dim[2] * (size_t)from->dim[3];
        *to = *from;
        to->x = copy(from->x, size * sizeof *from->x);
        to->width = copy_labels(from->width);
        to->label = copy_labels(from->label);
        to->label_length = copy_labels(from->label_length);
    }
}
static void forget(trainee *t) {
    for (int i = 0; i < t->nstored; i++) {
        free((void *)t->stored[i].x);
        free((void *)t->stored[i].width.v);
        free((void *)t->stored[i].label.v);
        free((void *)t->stored[i].label_length.v);
    }
    t->nstored = 0;
}

/* ---- measuring --------------------------------------------------------------------------------------------------- */

static double block(trainee *t, bool from_memory, double seconds) {
    double began = progress_clock(), spent = 0;
    long samples = 0;
    while (spent < seconds) {
        const tw_batch *b = from_memory ? &t->stored[t->at++ % t->nstored] : next(t);
        if (!t->step(t, b)) die(t);
        samples += b->n;
        spent = progress_clock() - began;
    }
    return (double)samples / spent;
}

/* blocks and seconds: unless --blocks and --seconds say otherwise. */
static void measure(trainee *t, const options *o, int blocks, double seconds) {
    if (o->blocks) blocks = o->blocks;
    if (o->seconds > 0) seconds = o->seconds;
    double rate[2][MAX_BLOCKS], percent[MAX_BLOCKS];
    store(t);
    block(t, true, seconds / 2);
    block(t, false, seconds / 2);
    for (int k = 0; k < blocks; k++)
        for (int memory = 0; memory < 2; memory++) rate[memory][k] = block(t, memory, seconds);
    for (int k = 0; k < blocks; k++) percent[k] = 100 * rate[0][k] / rate[1][k];
    double loader = spread_of(blocks, rate[0]).median, memory = spread_of(blocks, rate[1]).median;
    printf("%-34s loader %9.0f  memory %9.0f samples/s  %5.1f %% (goal %.0f %%)\n", t->name, loader, memory,
           spread_of(blocks, percent).median, t->goal);
    fflush(stdout);
    forget(t);
}

/* ---- what is trained --------------------------------------------------------------------------------------------- */

static void pictures(const options *o, const char *name, void (*build)(net *n, const sizes *s), bool flat) {
    trainee t = {.name = name, .goal = 98, .step = step_classes};
    tw_idx image = {0}, label = {0};
    tw_dataset data = {0};
    double mean, std;
    t.ctx = tw_ctx_new_with(&(tw_ctx_options){.seed = 1, .threads = o->threads});
    if (!t.ctx) cli_die("data", "out of memory");
    if (tw_idx_find(t.ctx, o->data, "train-images", 3, &image) ||
        tw_idx_find(t.ctx, o->data, "train-labels", 1, &label))
        die(&t);
    tw_idx_mean_std(&image, &mean, &std);
    if (tw_dataset_classes(t.ctx, &image, &label, 10, &(tw_picture_options){.mean = mean, .std = std}, &data)) die(&t);
    t.net.params = tw_params_new(t.ctx);
    t.net.layers = tw_sequential_new(t.net.params);
    if (flat) tw_sequential_add(t.net.layers, tw_flatten_new(t.net.params));
    build(&t.net, &(sizes){0});
    t.optim = tw_adam_new(t.net.params, NULL);
    t.loader = tw_loader_new(t.ctx, &data, &(tw_loader_options){.batch = BATCH, .seed = 1, .shuffle = true});
    if (tw_error(t.ctx)) die(&t);
    measure(&t, o, 40, 0.06);
    tw_loader_free(t.loader);
    tw_optim_free(t.optim);
    tw_params_free(t.net.params);
    tw_dataset_free(&data);
    tw_idx_free(&image);
    tw_idx_free(&label);
    tw_ctx_free(t.ctx);
}

static void texts(const options *o, const char *model, const char *name) {
    const char *alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    trainee t = {.name = name, .goal = 85, .step = step_texts};
    crnn reader = {0};
    training run = {0};
    tw_dataset grays = {0}, data = {0};
    t.ctx = tw_ctx_new_with(&(tw_ctx_options){.seed = 1, .threads = o->threads});
    if (!t.ctx) cli_die("data", "out of memory");
    const crnn_design *design = crnn_design_find(model);
    tw_alphabet *letters = tw_alphabet_new(t.ctx, alphabet);
    if (!letters) die(&t);
    synth_source source = {0};
    if (synth_source_open(t.ctx, &(synth_options){.preset = o->preset}, letters, NULL, &source)) die(&t);
    if (synth_dataset(t.ctx, &source, SAMPLES, HEIGHT, &grays) || picture_dataset(t.ctx, &grays, false, &data) ||
        crnn_new(t.ctx, &reader, design, HEIGHT, tw_alphabet_classes(letters)))
        die(&t);
    recipe r = {.model = model, .optim = design->optim, .schedule = design->schedule, .data = "synth"};
    r.height = HEIGHT, r.epochs = design->epochs, r.batch = design->batch, r.samples = SAMPLES, r.clip = 5, r.seed = 1;
    if (training_new(t.ctx, &reader, &data, &r, &run)) die(&t);
    t.texts = &run, t.loader = run.loader;
    measure(&t, o, 5, 0.5);
    training_free(&run);
    crnn_free(&reader);
    tw_dataset_free(&data);
    synth_source_free(&source);
    tw_alphabet_free(letters);
    tw_ctx_free(t.ctx);
}

int main(int argc, char **argv) {
    options o = {.data = "/usr/share/datasets/fashion-mnist", .preset = "print"};
    const cli_option option[] = {
        {"threads", 't', CLI_INT, &o.threads, "N", "threads; 0: TW_THREADS or all cores", 0, 256, NULL},
        {"seconds", 's', CLI_REAL, &o.seconds, "S", "length of a block; 0: 0.06, texts 0.5", 0, 1000, NULL},
        {"blocks", 'b', CLI_INT, &o.blocks, "N", "blocks of each kind; 0: 40, texts 5", 0, MAX_BLOCKS, NULL},
        {"data", 'd', CLI_TEXT, &o.data, "DIR", "folder with MNIST's IDX files", 0, 0, NULL},
        {"preset", 'p', CLI_TEXT, &o.preset, "NAME", "how rendered text looks", 0, 0, NULL},
    };
    const cli_command command = {"data",
                                 NULL,
                                 "[OPTION].. [pictures|texts]..",
                                 "Times training on loaded and rendered data beside data in memory.",
                                 sizeof option / sizeof *option,
                                 option};
    int n = cli_parse(&command, argc, argv);
    bool want[2] = {!n, !n};
    for (int i = 1; i <= n; i++) {
        if (strcmp(argv[i], "pictures") && strcmp(argv[i], "texts"))
            cli_usage_error(&command, "pictures or texts, not \"%s\"", argv[i]);
        want[!strcmp(argv[i], "texts")] = true;
    }
    if (want[0]) pictures(&o, "MNIST files, MLP (w1)", net_mlp, true);
    if (want[0]) pictures(&o, "MNIST files, small CNN (w2b)", net_small_cnn, false);
    if (want[1]) texts(&o, "tiny", "rendered text, crnn_ocr's tiny");
    if (want[1]) texts(&o, "small", "rendered text, crnn_ocr's small");
    return 0;
}
