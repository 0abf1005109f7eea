/* train.c - `crnn_ocr train`: its command line. */
#include "train_run.h"

#include "commands.h"

#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>

#include "../common/cli.h"

#define PROGRAM "crnn_ocr train"

static void check_model(const cli_command *c, const recipe *r) {
    const char *names[16];
    int n = 0;
    for (; crnn_designs[n] && n < 16; n++) names[n] = crnn_designs[n]->name;
    const crnn_design *design = crnn_design_find(r->model);
    if (!design) {
        const char *near = tw_nearest(r->model, n, names);
        if (near) cli_usage_error(c, "unknown model \"%s\"; did you mean %s?", r->model, near);
        cli_usage_error(c, "unknown model \"%s\"; --help lists them", r->model);
    }
    if (r->height && (r->height % design->height_step || r->height > design->max_height))
        cli_usage_error(c, "the model %s wants a --height that is a multiple of %d up to %d", design->name,
                        design->height_step, design->max_height);
}

static void check_files(const cli_command *c, const train_options *o) {
    char *best = train_beside(o->out, "best"), *last = train_beside(o->out, "last");
    bool moved = o->resume && !cli_same_file(o->resume, o->out);
    char *resumed_best = moved ? train_beside(o->resume, "best") : NULL;
    const cli_file files[] = {{"--labels", o->labels, CLI_READ},
                              {"--images", o->images, CLI_READ},
                              {"--val", o->val, CLI_READ},
                              {"--val-images", o->val_images, CLI_READ},
                              {"--init", o->init, CLI_READ},
                              {"--resume", moved ? o->resume : NULL, CLI_READ},
                              {"the best model, beside --resume,", resumed_best, CLI_READ},
                              {"--out", o->out, CLI_WRITTEN},
                              {"the best model, beside --out,", best, CLI_WRITTEN},
                              {"the last model, beside --out,", last, CLI_WRITTEN},
                              {"--log", o->log, CLI_WRITTEN},
                              {"--report", o->report, CLI_WRITTEN}};
    cli_check_files(c, sizeof files / sizeof *files, files);
    free(resumed_best);
    free(best);
    free(last);
}

static void check(const cli_command *c, train_options *o, const bool *given, int ngiven) {
    recipe *r = &o->recipe;
    if (!o->labels && !o->synth) cli_usage_error(c, "--labels FILE.tsv or --synth is needed");
    if (o->images && !o->labels) cli_usage_error(c, "--images goes with --labels");
    if (!o->synth && synth_options_given(&o->rendered))
        cli_usage_error(
            c, "--preset, --set, --fonts, --deny, --font-dirs, --words, --without and --pattern go with --synth");
    synth_options_check(c, &o->rendered);
    if (o->val_images && !o->val) cli_usage_error(c, "--val-images goes with --val");
    if (!o->out) cli_usage_error(c, "--out FILE is needed: where the model goes");
    check_files(c, o);
    if (o->resume) {
        for (int i = 0; i < ngiven; i++)
            if (given[i])
                cli_usage_error(
                    c,
                    "--resume takes the recipe from the file: leave out --init, --model, --alphabet, "
                    "--height, --epochs, --steps, --batch, --samples, --mix, --augment, --optim, --lr, --schedule, "
                    "--clip, --ema, --guide, --patience, --val-split and --seed");
        return;
    }
    if (r->val_split > 0 && !o->labels) cli_usage_error(c, "--val-split takes from --labels; give --val FILE.tsv");
    if (r->val_split > 0 && o->val) cli_usage_error(c, "--val and --val-split are two ways to the same: leave out one");
    if (r->patience && !o->val && !(r->val_split > 0))
        cli_usage_error(c, "--patience needs something to measure on: --val FILE.tsv or --val-split PART");
    if (r->mix > 0 && !(o->synth && o->labels)) cli_usage_error(c, "--mix goes with --labels and --synth together");
    if (o->synth && o->labels && !(r->mix > 0)) r->mix = 0.5;
    bool known = false;
    for (int i = 0; i < AUGMENT_KINDS; i++) known = known || !strcmp(r->augment, augment_name[i]);
    if (!known) cli_usage_error(c, "--augment is none, light or strong, not \"%s\"", r->augment);
    if (o->steps && r->epochs) cli_usage_error(c, "--epochs and --steps say the same thing twice: leave out one");
    if (!r->model && !o->init) r->model = "small";
    if (r->model) check_model(c, r);
}

/* The help's paragraph, with the models' own recipes. */
static void describe(char *text, size_t size) {
    int n = snprintf(text, size,
                     "Trains a recogniser of words and lines, on labelled pictures, on rendered text, or on both. The\n"
                     "first epochs show little: CTC has to discover which part of a picture is which character, and\n"
                     "then learns fast. With --val or --val-split the result is the best epoch's, otherwise the last.\n"
                     "Models:\n");
    for (int i = 0; crnn_designs[i] && n > 0 && (size_t)n < size; i++) {
        const crnn_design *d = crnn_designs[i];
        n += snprintf(text + n, size - (size_t)n,
                      "  %-6s %s\n         --epochs %d --batch %d --optim %s --schedule %s\n", d->name, d->about,
                      d->epochs, d->batch, d->optim, d->schedule);
    }
}

int command_train(int argc, char **argv) {
    enum { RECIPE = 19, OWN = 33 };
    char about[2048];
    bool given[RECIPE] = {0};
    train_options o = {.save_minutes = 10,
                       .recipe = {.samples = 20000, .clip = 5, .ema = -1, .guide = 0.3, .augment = "light", .seed = 1}};
    recipe *r = &o.recipe;
    cli_option table[OWN + SYNTH_OPTIONS] = {
        {"labels", 'l', CLI_TEXT, &o.labels, "FILE.tsv", "pictures and their texts: path TAB text, a line each", 0, 0,
         NULL},
        {"images", 'i', CLI_TEXT, &o.images, "FILE.idx",
         "IDX file (or .gz) with the pictures: row i of the\nlabels is picture i's", 0, 0, NULL},
        {"synth", 0, CLI_FLAG, &o.synth, NULL, "render words and digit strings with the system's fonts", 0, 0, NULL},
        {"mix", 0, CLI_REAL, &r->mix, "PART",
         "with both --labels and --synth: the part of an epoch\nthat is rendered (default: 0.5)", 0.001, 0.999,
         &given[11]},
        {"augment", 0, CLI_TEXT, &r->augment, "HOW",
         "change labelled pictures each time they are seen: none\n(moved a few pixels only), light or strong", 0, 0,
         &given[17]},
        {"alphabet", 'a', CLI_TEXT, &o.alphabet, "TEXT|@FILE",
         "the characters to be read (default: those of the labels;\n"
         "with --init also those it knows; for --synth letters and\ndigits)",
         0, 0, &given[0]},
        {"init", 0, CLI_TEXT, &o.init, "FILE",
         "begin with the weights of this model: fine-tuning. Its\nalphabet may differ, what it knows is kept by "
         "character",
         0, 0, &given[12]},
        {"model", 'm', CLI_TEXT, &r->model, "NAME", "see above (default: small, or that of --init)", 0, 0, &given[1]},
        {"height", 0, CLI_INT, &r->height, "N",
         "rows of a picture (default: 32, or those of --images when\nthey are fewer)", 8, 64, &given[2]},
        {"epochs", 'e', CLI_INT, &r->epochs, "N",
         "passes over the data (default: the model's, or as many as\nmake 3000 steps when pictures are few)", 1, 1e6,
         &given[3]},
        {"steps", 0, CLI_INT, &o.steps, "N", "the length in batches instead, rounded up to whole epochs", 1, 1e9,
         &given[13]},
        {"batch", 'b', CLI_INT, &r->batch, "N", "pictures a step (default: the model's)", 1, 4096, &given[4]},
        {"samples", 0, CLI_INT, &r->samples, "N", "pictures an epoch with --synth", 1, 1e9, &given[5]},
        {"optim", 'p', CLI_TEXT, &r->optim, "SPEC", "optimiser NAME[:key=value,..] (default: the model's)", 0, 0,
         &given[6]},
        {"lr", 0, CLI_REAL, &r->lr, "RATE", "learning rate (default: the optimiser's)", 1e-9, 100, &given[7]},
        {"schedule", 0, CLI_TEXT, &r->schedule, "SPEC",
         "constant, step:every=N,gamma=G or cosine:min=M, over the\nwhole length, with warmup=EPOCHS, or one_cycle "
         "(default: the\nmodel's)",
         0, 0, &given[8]},
        {"clip", 0, CLI_REAL, &r->clip, "NORM", "largest norm of the whole gradient; 0: any", 0, 1e9, &given[9]},
        {"ema", 0, CLI_REAL, &r->ema, "DECAY",
         "measure and keep a moving average of the weights; 0: the\nweights themselves (default: an average over 2 % "
         "of "
         "the steps)",
         0, 0.999999, &given[14]},
        {"guide", 0, CLI_REAL, &r->guide, "WEIGHT",
         "of the loss of a second reader that sees the frames without\nthe LSTM; it shortens the beginning and is not "
         "written",
         0, 100, &given[18]},
        {"seed", 's', CLI_SEED, &r->seed, "N", "of weights, order, augmentation and rendering", 0, 0, &given[10]},
        {"threads", 't', CLI_INT, &o.threads, "N", "threads, without effect on the result (default: all cores)", 1, 256,
         NULL},
        {"val", 'v', CLI_TEXT, &o.val, "FILE.tsv", "pictures to measure on after each epoch", 0, 0, NULL},
        {"val-images", 0, CLI_TEXT, &o.val_images, "FILE.idx", "IDX file with those pictures", 0, 0, NULL},
        {"val-split", 0, CLI_REAL, &r->val_split, "PART", "put this part of --labels aside for that", 0.0001, 0.9,
         &given[15]},
        {"validate", 0, CLI_TEXT, &o.val, "FILE.tsv", "the same as --val", 0, 0, NULL},
        {"validate-images", 0, CLI_TEXT, &o.val_images, "FILE.idx", "the same as --val-images", 0, 0, NULL},
        {"patience", 0, CLI_INT, &r->patience, "N", "stop after N epochs without a better one (default: never)", 1, 1e6,
         &given[16]},
        {"out", 'o', CLI_TEXT, &o.out, "FILE",
         "where the model goes; until then a checkpoint, and beside\nit the best so far as FILE's name with .best", 0,
         0, NULL},
        {"save-minutes", 0, CLI_REAL, &o.save_minutes, "N", "a checkpoint at least this often, and after each epoch", 0,
         1e6, NULL},
        {"resume", 'r', CLI_TEXT, &o.resume, "FILE", "go on from a checkpoint, with its recipe and the same data", 0, 0,
         NULL},
        {"pause-after", 0, CLI_INT, &o.pause_after, "N", "stop after N epochs, to be resumed", 1, 1e6, NULL},
        {"log", 0, CLI_TEXT, &o.log, "FILE.csv", "a row an epoch", 0, 0, NULL},
        {"report", 0, CLI_TEXT, &o.report, "FILE.html",
         "a page, new after each epoch: curves, the worst mistakes,\nconfused characters, the recipe", 0, 0, NULL},
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
    if (!o.resume && (r->optim || r->schedule))
        cli_check_specs(&command, ctx, r->optim ? r->optim : "adam", r->schedule ? r->schedule : "constant");
    tw_err err = train_run(ctx, &o);
    if (err && tw_error(ctx)) report(PROGRAM, ctx);
    tw_ctx_free(ctx);
    return err ? 1 : 0;
}
