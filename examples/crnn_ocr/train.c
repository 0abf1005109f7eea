/* train.c - `crnn_ocr train`: epochs, checkpoints, log. */
#include "commands.h"
#include "labelled.h"
#include "picture.h"
#include "synth.h"
#include "training.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>

#include "../common/cli.h"
#include "../common/csvlog.h"
#include "../common/progress.h"

#define PROGRAM "crnn_ocr train"

typedef struct options {
    const char *labels, *images, *alphabet, *validate, *validate_images, *out, *resume, *log;
    bool synth;
    synth_options rendered;
    int threads, pause_after;
    recipe recipe; /* what the command line leaves open comes from the model's design, or from the file resumed */
} options;

/* Everything with a life of its own; one place frees it. */
typedef struct run {
    tw_ctx *ctx;
    const options *o;
    labelled train, valid;
    char *alphabet_file; /* a text that others point into */
    synth_source source;
    tw_alphabet *alphabet;
    tw_dataset dataset; /* of rendered text; otherwise train.dataset is used */
    trained resumed;
    crnn net;
    tw_meta *meta;
    training training;
    csvlog log;
    progress bar;
    score validation;
} run;

static void run_free(run *r) {
    csvlog_close(&r->log);
    training_free(&r->training);
    tw_meta_free(r->meta);
    if (r->net.params != r->resumed.net.params) crnn_free(&r->net);
    if (r->alphabet != r->resumed.alphabet) tw_alphabet_free(r->alphabet);
    trained_free(&r->resumed);
    tw_dataset_free(&r->dataset);
    synth_source_free(&r->source);
    labelled_free(&r->train);
    labelled_free(&r->valid);
    free(r->alphabet_file);
}

/* ---- the alphabet ---------------------------------------------------------------------------------------- */

/* The first line of a file. */
static char *read_line(tw_ctx *ctx, const char *path) {
    char *line = NULL;
    size_t room = 0;
    FILE *file = fopen(path, "rb");
    ssize_t n = file ? getline(&line, &room, file) : -1;
    if (file) fclose(file);
    while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r')) line[--n] = 0;
    if (n > 0) return line;
    free(line);
    return tw_fail(ctx, TW_ERR_IO, "%s: %s", path,
                   file ? "its first line should be the alphabet, but is empty" : strerror(errno));
}

static tw_err make_alphabet(run *r) {
    const char *given = r->o->alphabet;
    if (r->o->resume) {
        r->alphabet = r->resumed.alphabet;
        return TW_OK;
    }
    if (given && given[0] == '@') {
        r->alphabet_file = read_line(r->ctx, given + 1);
        if (!r->alphabet_file) return tw_error(r->ctx);
        given = r->alphabet_file;
    }
    if (!given && r->o->synth) given = LETTERS_AND_DIGITS;
    r->alphabet = given ? tw_alphabet_new(r->ctx, given) : labelled_alphabet(r->ctx, &r->train);
    return r->alphabet ? TW_OK : tw_error(r->ctx);
}

/* ---- the data -------------------------------------------------------------------------------------------- */

static tw_err open_synth(run *r, const recipe *plan) {
    tw_dataset grays;
    tw_err err = synth_source_open(r->ctx, &r->o->rendered, r->alphabet, NULL, &r->source);
    if (!err) err = synth_dataset(r->ctx, &r->source, (size_t)plan->samples, plan->height, &grays);
    if (!err) err = picture_dataset(r->ctx, &grays, false, &r->dataset);
    if (!err)
        fprintf(stderr, "rendering with %d faces of %d families\n", r->source.fonts->n, r->source.fonts->nfamily);
    return err;
}

/* Small pictures stay small: enlarging them costs time and shows nothing new. */
static int default_height(const run *r, const crnn_design *design) {
    int step = design->height_step, height = 32;
    if (r->train.images.ndim) {
        int own = (r->train.images.dim[1] + step - 1) / step * step;
        if (own < height) height = own;
    }
    return height;
}

static tw_err open_data(run *r, recipe *plan, const crnn_design *design) {
    const options *o = r->o;
    tw_ctx *ctx = r->ctx;
    tw_err err = TW_OK;
    if (!o->synth) err = labelled_load(ctx, o->labels, o->images, &r->train);
    if (!err) err = make_alphabet(r);
    if (err) return err;
    if (!plan->height) plan->height = default_height(r, design);
    if (o->synth) return open_synth(r, plan);
    err = labelled_encode(ctx, r->alphabet, plan->height, true, NULL, &r->train);
    if (err) return err;
    size_t unfit = labelled_unfit(&r->train, design->frames);
    if (unfit)
        fprintf(stderr, "%zu of %zu texts have more characters than their pictures have frames: they teach nothing\n",
                unfit, r->train.tsv.n);
    return TW_OK;
}

static tw_err open_validation(run *r, int height) {
    size_t foreign;
    if (!r->o->validate) return TW_OK;
    tw_err err = labelled_load(r->ctx, r->o->validate, r->o->validate_images, &r->valid);
    return err ? err : labelled_encode(r->ctx, r->alphabet, height, false, &foreign, &r->valid);
}

static tw_err prepare(run *r, recipe *plan) {
    const options *o = r->o;
    tw_ctx *ctx = r->ctx;
    if (cli_check_out(ctx, o->out)) return tw_error(ctx);
    if (o->resume) {
        tw_err err = trained_load(ctx, o->resume, false, &r->resumed);
        if (err) return err;
        *plan = r->resumed.recipe;
        if (tw_meta_get(r->resumed.meta, "finished"))
            return tw_fail_err(ctx, TW_ERR_STATE, "%s: this training has finished", o->resume);
        if (strcmp(plan->data, o->synth ? "synth" : "labels"))
            return tw_fail_err(ctx, TW_ERR_RANGE, "%s was trained %s: continue with the same", o->resume,
                               o->synth ? "on labelled pictures" : "with --synth");
        tw_rng_set(ctx, (tw_rng_state){plan->seed, 0}); /* as the first start had it; the checkpoint sets the rest */
    }
    const crnn_design *design = crnn_design_find(plan->model);
    tw_err err = open_data(r, plan, design);
    if (!err) err = open_validation(r, plan->height);
    if (err) return err;
    if (o->resume) r->net = r->resumed.net;
    else err = crnn_new(ctx, &r->net, design, plan->height, tw_alphabet_classes(r->alphabet));
    if (!err) err = training_new(ctx, &r->net, o->synth ? &r->dataset : &r->train.dataset, plan, &r->training);
    if (err) return err;
    r->meta = tw_meta_new(ctx);
    if (!r->meta) return tw_error(ctx);
    err = recipe_write(r->meta, plan, r->alphabet);
    if (!err && o->resume) {
        tw_loader_position at;
        err = tw_checkpoint_load(r->net.params, r->training.optim, &at, o->resume);
        if (!err) err = tw_loader_seek(r->training.loader, at);
    }
    if (!err && !csvlog_open(&r->log, o->log, "epoch,loss,cer,infeasible,valid_exact,valid_cer,lr,seconds", o->resume))
        err = tw_fail_err(ctx, TW_ERR_IO, "%s: %s", o->log, strerror(errno));
    return err;
}

/* ---- epochs ---------------------------------------------------------------------------------------------- */

static tw_err one_epoch(run *r, long done) {
    training *t = &r->training;
    const tw_batch *batch;
    tw_err err;
    training_epoch(t);
    while (!(err = tw_loader_next(t->loader, &batch)) && batch) {
        if ((err = training_step(t, batch))) break;
        progress_show(&r->bar, done + (long)t->read.samples, "loss %.4f  cer %.4f", training_recent_loss(t),
                      training_recent_cer(t));
    }
    return err;
}

/* The checkpoint while more epochs follow, the model alone after the last. */
static tw_err save(run *r, bool finished) {
    tw_loader_position at = tw_loader_tell(r->training.loader);
    tw_err err = finished ? tw_meta_set(r->meta, "finished", "yes") : TW_OK;
    if (err) return err;
    if (finished) return tw_model_save(r->net.params, r->meta, r->o->out);
    return tw_checkpoint_save(r->net.params, r->training.optim, &at, r->meta, r->o->out);
}

static tw_err tell(run *r, int epoch, int epochs, double seconds) {
    const training *t = &r->training;
    double loss = t->read.samples ? t->loss / (double)t->read.samples : 0;
    char valid[64] = "", row[64] = ",";
    if (r->o->validate) {
        tw_err err = evaluate(r->ctx, &r->net, &r->valid.dataset, &r->validation, NULL, NULL);
        if (err) return err;
        double exact = score_exact(&r->validation), cer = score_cer(&r->validation);
        snprintf(valid, sizeof valid, "  validation: exact %.4f  cer %.4f", exact, cer);
        snprintf(row, sizeof row, "%.6f,%.6f", exact, cer);
    }
    progress_print(&r->bar, "epoch %2d/%d  loss %.4f  cer %.4f%s", epoch, epochs, loss, score_cer(&t->read), valid);
    if (!csvlog_row(&r->log, "%d,%.6f,%.6f,%ld,%s,%.3e,%.1f", epoch, loss, score_cer(&t->read), t->infeasible, row,
                    tw_optim_lr(t->optim), seconds))
        return tw_fail_err(r->ctx, TW_ERR_IO, "%s: cannot be written", r->o->log);
    return TW_OK;
}

static tw_err train(run *r, const recipe *plan) {
    training *t = &r->training;
    tw_dataset *data = r->o->synth ? &r->dataset : &r->train.dataset;
    long n = (long)data->count;
    int first = (int)tw_loader_tell(t->loader).epoch, epochs = plan->epochs, epoch = first;
    double began = progress_clock();
    long infeasible = 0;
    fprintf(stderr, "%s: %zu weights, %d characters, pictures %d high, %ld %s, %d threads\n", plan->model,
            tw_params_size(r->net.params), r->net.classes - 1, plan->height, n, r->o->synth ? "an epoch" : "of them",
            tw_threads(r->ctx));
    progress_begin(&r->bar, "epoch", first * n, epochs * n);
    for (bool pause = false; epoch < epochs && !pause; epoch++) {
        progress_label(&r->bar, "epoch %d/%d", epoch + 1, epochs);
        tw_err err = one_epoch(r, epoch * n);
        bool last = epoch + 1 == epochs;
        pause = !last && epoch + 1 - first == r->o->pause_after;
        if (!err) err = tell(r, epoch + 1, epochs, progress_clock() - began);
        if (!err) err = save(r, last);
        if (err) {
            progress_clear(&r->bar);
            return err;
        }
        infeasible += t->infeasible;
    }
    progress_end(&r->bar, epoch * n, "loss %.4f  cer %.4f", training_recent_loss(t), training_recent_cer(t));
    if (infeasible)
        fprintf(stderr, "%ld times a text did not fit into its picture's frames and taught nothing\n", infeasible);
    if (epoch < epochs)
        fprintf(stderr, "paused; go on with the same data and --resume %s --out %s\n", r->o->out, r->o->out);
    printf("model: %s\n", r->o->out);
    if (r->o->validate) printf("exact: %.4f\ncer: %.4f\n", score_exact(&r->validation), score_cer(&r->validation));
    return TW_OK;
}

/* ---- the command line ------------------------------------------------------------------------------------ */

static void check(const cli_command *c, options *o, const bool *given, int ngiven) {
    recipe *r = &o->recipe;
    if (o->synth && (o->labels || o->images))
        cli_usage_error(c, "--synth renders its pictures: leave out --labels and --images");
    if (!o->synth && !o->labels) cli_usage_error(c, "--labels FILE.tsv or --synth is needed");
    if (!o->synth && synth_options_given(&o->rendered))
        cli_usage_error(c, "--preset, --set, --fonts, --deny, --font-dirs, --words, --without and --pattern go with --synth");
    if (o->validate_images && !o->validate) cli_usage_error(c, "--validate-images goes with --validate");
    if (!o->out) cli_usage_error(c, "--out FILE is needed: where the model goes");
    if (o->resume) {
        for (int i = 0; i < ngiven; i++)
            if (given[i])
                cli_usage_error(c,
                                "--resume takes the recipe from the file: leave out --model, --alphabet, --height, "
                                "--epochs, --batch, "
                                "--samples, --optim, --lr, --schedule, --clip and --seed");
        return;
    }
    const char *names[8];
    int n = 0;
    for (; crnn_designs[n]; n++) names[n] = crnn_designs[n]->name;
    const crnn_design *design = crnn_design_find(r->model);
    if (!design) {
        const char *near = tw_nearest(r->model, n, names);
        cli_usage_error(c, "unknown model \"%s\"%s%s?", r->model, near ? "; did you mean " : ": tiny, small or vgg",
                        near ? near : "");
    }
    if (r->height && (r->height % design->height_step || r->height > design->max_height))
        cli_usage_error(c, "the model %s wants a --height that is a multiple of %d up to %d", design->name,
                        design->height_step, design->max_height);
    if (!r->optim) r->optim = design->optim;
    if (!r->schedule) r->schedule = design->schedule;
    if (!r->epochs) r->epochs = design->epochs;
    if (!r->batch) r->batch = design->batch;
    r->data = o->synth ? "synth" : "labels";
}

/* The help's paragraph, with the models' own recipes. */
static void describe(char *text, size_t size) {
    int n = snprintf(text, size,
                     "Trains a recogniser of words and lines. The first epochs show little: CTC has to discover\n"
                     "which part of a picture is which character, and then learns fast.\nModels:\n");
    for (int i = 0; crnn_designs[i] && n > 0 && (size_t)n < size; i++) {
        const crnn_design *d = crnn_designs[i];
        n += snprintf(text + n, size - (size_t)n,
                      "  %-6s %s\n         --epochs %d --batch %d --optim %s --schedule %s\n", d->name, d->about,
                      d->epochs, d->batch, d->optim, d->schedule);
    }
}

int command_train(int argc, char **argv) {
    enum { RECIPE = 11, OWN = 21 };
    char about[1024];
    bool given[RECIPE] = {0};
    options o = {.recipe = {.model = "small", .samples = 20000, .clip = 5, .seed = 1}};
    recipe *r = &o.recipe;
    cli_option table[OWN + SYNTH_OPTIONS] = {
        {"labels", 'l', CLI_TEXT, &o.labels, "FILE.tsv", "pictures and their texts: path TAB text, a line each", 0, 0,
         NULL},
        {"images", 'i', CLI_TEXT, &o.images, "FILE.idx",
         "IDX file (or .gz) with the pictures: row i of the\nlabels is picture i's", 0, 0, NULL},
        {"synth", 0, CLI_FLAG, &o.synth, NULL, "render words and digit strings with the system's fonts", 0, 0, NULL},
        {"alphabet", 'a', CLI_TEXT, &o.alphabet, "TEXT|@FILE",
         "the characters to be read (default: those of the labels;\n"
         "for --synth letters and digits)",
         0, 0, &given[0]},
        {"model", 'm', CLI_TEXT, &r->model, "NAME", "tiny, small or vgg", 0, 0, &given[1]},
        {"height", 0, CLI_INT, &r->height, "N",
         "rows of a picture (default: 32, or those of --images when\nthey are fewer)", 8, 64, &given[2]},
        {"epochs", 'e', CLI_INT, &r->epochs, "N", "passes over the data (default: the model's)", 1, 1e6, &given[3]},
        {"batch", 'b', CLI_INT, &r->batch, "N", "pictures a step (default: the model's)", 1, 4096, &given[4]},
        {"samples", 0, CLI_INT, &r->samples, "N", "pictures an epoch with --synth", 1, 1e9, &given[5]},
        {"optim", 'p', CLI_TEXT, &r->optim, "SPEC", "optimiser NAME[:key=value,..] (default: the model's)", 0, 0,
         &given[6]},
        {"lr", 0, CLI_REAL, &r->lr, "RATE", "learning rate (default: the optimiser's)", 1e-9, 100, &given[7]},
        {"schedule", 0, CLI_TEXT, &r->schedule, "SPEC",
         "constant, step:every=N,gamma=G or cosine:min=M, with\n"
         "warmup=EPOCHS (default: the model's)",
         0, 0, &given[8]},
        {"clip", 0, CLI_REAL, &r->clip, "NORM", "largest norm of the whole gradient; 0: any", 0, 1e9, &given[9]},
        {"seed", 's', CLI_SEED, &r->seed, "N", "of weights, order and rendering", 0, 0, &given[10]},
        {"threads", 't', CLI_INT, &o.threads, "N", "threads, without effect on the result (default: all cores)", 1, 256,
         NULL},
        {"validate", 'v', CLI_TEXT, &o.validate, "FILE.tsv",
         "pictures to measure on after each epoch; nothing is\nchosen by them", 0, 0, NULL},
        {"validate-images", 0, CLI_TEXT, &o.validate_images, "FILE.idx", "IDX file with those pictures", 0, 0, NULL},
        {"out", 'o', CLI_TEXT, &o.out, "FILE", "where the model goes; a checkpoint after each epoch", 0, 0, NULL},
        {"resume", 'r', CLI_TEXT, &o.resume, "FILE", "go on from a checkpoint, with its recipe and the same data", 0, 0,
         NULL},
        {"pause-after", 0, CLI_INT, &o.pause_after, "N", "stop after N epochs, to be resumed", 1, 1e6, NULL},
        {"log", 0, CLI_TEXT, &o.log, "FILE.csv", "a row an epoch", 0, 0, NULL},
    };
    synth_cli_options(&o.rendered, table + OWN);
    cli_command command = {"crnn_ocr",
                           "train",
                           "--labels FILE.tsv [--images FILE.idx] | --synth  --out FILE [OPTION]..",
                           about,
                           sizeof table / sizeof *table,
                           table};
    describe(about, sizeof about);
    if (cli_parse(&command, argc, argv)) cli_usage_error(&command, "unexpected argument \"%s\"", argv[1]);
    check(&command, &o, given, RECIPE);
    tw_ctx *ctx = open_context(PROGRAM, r->seed, o.threads);
    if (!o.resume) cli_check_specs(&command, ctx, r->optim, r->schedule);
    run all = {.ctx = ctx, .o = &o};
    tw_err err = prepare(&all, r);
    if (!err) err = train(&all, r);
    if (err) report(PROGRAM, ctx);
    run_free(&all);
    tw_ctx_free(ctx);
    return err ? 1 : 0;
}
