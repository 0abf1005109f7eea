/* demo.c - `crnn_ocr demo`: from nothing to a network that reads, in minutes. */
#include "demo.h"

#include "commands.h"
#include "picture.h"
#include "sheet.h"
#include "synth.h"
#include "training.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../common/cli.h"
#include "../common/plain.h"
#include "../common/progress.h"

#define PROGRAM "crnn_ocr demo"
enum { REPORTS = 12, ROUNDS = 2, COLUMNS = 6, CELLS = 72 };

typedef struct demo {
    tw_ctx *ctx;
    const char *out;
    int steps, batch;
    recipe recipe;
    font_set *fonts, *unseen, *captions;
    tw_alphabet *alphabet;
    word_source *words;
    synth_source seen, fresh;         /* the words in the first fonts, and in the others */
    tw_dataset train, sentence, test; /* prepared pictures */
    tw_dataset raw;                   /* the test's pictures in gray, for the sheet */
    crnn net;
    training training;
    progress bar;
    char **reading; /* of each test picture */
    size_t nreading;
} demo;

static void demo_free(demo *d) {
    for (size_t i = 0; i < d->nreading; i++) free(d->reading[i]);
    free(d->reading);
    training_free(&d->training);
    crnn_free(&d->net);
    tw_dataset_free(&d->train);
    tw_dataset_free(&d->sentence);
    tw_dataset_free(&d->test);
    tw_dataset_free(&d->raw);
    words_free(d->words);
    tw_alphabet_free(d->alphabet);
    fonts_free(d->fonts);
    fonts_free(d->unseen);
    fonts_free(d->captions);
}

/* ---- fonts and pictures ---------------------------------------------------------------------------------- */

static const char *missing_family(const font_set *set, const char *const *families) {
    for (; *families; families++) {
        int i = 0;
        while (i < set->nfamily && strcmp(set->face[set->family[i]].family, *families)) i++;
        if (i == set->nfamily) return *families;
    }
    return NULL;
}

/* All of the families, so that the demo shows the same on every machine. */
static font_set *load_families(tw_ctx *ctx, const char *const *families, const char *characters) {
    font_set *set = fonts_load(ctx, &(font_query){.families = families, .characters = characters});
    const char *missing = set ? missing_family(set, families) : NULL;
    if (!missing) return set;
    fonts_free(set);
    return tw_fail(ctx, TW_ERR_IO, "the font family %s is not installed; `make demo` installs what it needs", missing);
}

static tw_err prepared(demo *d, tw_dataset *grays, tw_err err, tw_dataset *to) {
    return err ? err : picture_dataset(d->ctx, grays, false, to);
}

static tw_err prepare(demo *d) {
    static const char *const caption_family[] = {"DejaVu Sans", NULL};
    tw_ctx *ctx = d->ctx;
    tw_dataset grays;
    if (!(d->alphabet = tw_alphabet_new(ctx, LETTERS_AND_DIGITS)) ||
        !(d->fonts = load_families(ctx, demo_train_families, LETTERS_AND_DIGITS)) ||
        !(d->unseen = load_families(ctx, demo_unseen_families, LETTERS_AND_DIGITS)) ||
        !(d->captions = load_families(ctx, caption_family, LETTERS_AND_DIGITS SHEET_CHARACTERS)) ||
        !(d->words = words_new(ctx, d->alphabet, &(word_options){.except = demo_texts})))
        return tw_error(ctx);
    if (preset_recipe(ctx, "light", NULL, &d->seen.recipe)) return tw_error(ctx);
    d->seen.fonts = d->fonts, d->seen.words = d->words;
    d->fresh = d->seen;
    d->fresh.fonts = d->unseen;
    int height = d->recipe.height;
    uint64_t seed = d->recipe.seed;
    tw_err err = synth_dataset(ctx, &d->seen, (size_t)d->recipe.samples, height, &grays);
    if ((err = prepared(d, &grays, err, &d->train))) return err;
    err = synth_fixed_dataset(ctx, &d->fresh, demo_sentence, 1, seed + 1, height, &grays);
    if ((err = prepared(d, &grays, err, &d->sentence))) return err;
    err = synth_fixed_dataset(ctx, &d->fresh, demo_texts, ROUNDS, seed, height, &grays);
    if ((err = prepared(d, &grays, err, &d->test))) return err;
    if ((err = synth_fixed_dataset(ctx, &d->fresh, demo_texts, ROUNDS, seed, height, &d->raw))) return err;
    err = crnn_new(ctx, &d->net, crnn_design_find(d->recipe.model), height, tw_alphabet_classes(d->alphabet));
    return err ? err : training_new(ctx, &d->net, &d->train, &d->recipe, &d->training);
}

/* ---- reading --------------------------------------------------------------------------------------------- */

/* Keeps each reading as text. Memory that runs out leaves NULL, which counts as not read. */
static void keep_reading(void *user, size_t index, const int32_t *symbol, int n, double log_prob) {
    demo *d = user;
    char text[4096];
    (void)log_prob;
    if (tw_alphabet_decode(d->ctx, d->alphabet, symbol, (size_t)n, text, sizeof text)) return;
    free(d->reading[index]);
    d->reading[index] = strdup(text);
}

static tw_err read_pictures(demo *d, const tw_dataset *pictures, score *s) {
    for (size_t i = 0; i < d->nreading; i++) free(d->reading[i]);
    free(d->reading);
    d->nreading = 0;
    d->reading = calloc(pictures->count, sizeof *d->reading);
    if (!d->reading) return tw_fail_err(d->ctx, TW_ERR_NOMEM, "out of memory");
    d->nreading = pictures->count;
    return evaluate(d->ctx, &d->net, pictures, s, keep_reading, d);
}

static tw_err show_sentence(demo *d, int step) {
    score s;
    char line[512] = "";
    tw_err err = read_pictures(d, &d->sentence, &s);
    for (size_t i = 0; !err && i < d->nreading; i++) {
        size_t n = strlen(line);
        snprintf(line + n, sizeof line - n, " %s", d->reading[i] && *d->reading[i] ? d->reading[i] : "_");
    }
    if (!err)
        progress_print(&d->bar, "step %4d  loss %7.4f  cer %.3f  reads:%s", step, training_recent_loss(&d->training),
                       training_recent_cer(&d->training), line);
    return err;
}

/* ---- training and the test ------------------------------------------------------------------------------- */

static tw_err train(demo *d) {
    training *t = &d->training;
    const tw_batch *batch;
    tw_err err;
    int step = 0;
    training_epoch(t);
    progress_begin(&d->bar, "training", 0, d->recipe.samples);
    while (!(err = tw_loader_next(t->loader, &batch)) && batch) {
        if ((err = training_step(t, batch))) break;
        step++;
        progress_show(&d->bar, (long)t->read.samples, "loss %.4f  cer %.4f", training_recent_loss(t),
                      training_recent_cer(t));
        if (step * REPORTS / d->steps != (step - 1) * REPORTS / d->steps && (err = show_sentence(d, step))) break;
    }
    if (err) progress_clear(&d->bar);
    else
        progress_end(&d->bar, (long)t->read.samples, "loss %.4f  cer %.4f", training_recent_loss(t),
                     training_recent_cer(t));
    return err;
}

static tw_err write_sheet(demo *d, const char *path, const score *s) {
    char title[128], why[256];
    sheet page;
    tw_sample sample = {.x = malloc((size_t)d->raw.height * (size_t)d->raw.max_width * sizeof *sample.x),
                        .label = malloc((size_t)d->raw.max_label * sizeof *sample.label)};
    uint8_t *pixels = malloc((size_t)d->raw.height * (size_t)d->raw.max_width);
    const font_face *face = &d->captions->face[0];
    for (int i = 0; i < d->captions->n; i++)
        if (!strcmp(d->captions->face[i].style, "Book")) face = &d->captions->face[i];
    snprintf(title, sizeof title,
             "Words it never saw, in fonts it never saw: %zu of %zu right, character error rate %.4f", s->exact,
             s->samples, score_cer(s));
    tw_err err = sample.x && sample.label && pixels ? TW_OK : tw_fail_err(d->ctx, TW_ERR_NOMEM, "out of memory");
    if (!err) err = sheet_new(d->ctx, face, title, COLUMNS, CELLS, d->raw.height, &page);
    if (!err) {
        for (size_t i = 0; !err && i < CELLS; i++) {
            if ((err = d->raw.get(d->raw.user, i, 0, &sample, why, sizeof why))) tw_fail(d->ctx, err, "%s", why);
            for (size_t k = 0; !err && k < (size_t)d->raw.height * (size_t)sample.width; k++)
                pixels[k] = (uint8_t)(255 * sample.x[k] + (tw_real)0.5);
            tw_image picture = {sample.width, d->raw.height, 1, pixels};
            if (!err) err = sheet_add(&page, &picture, d->reading[i] ? d->reading[i] : "", demo_texts[i]);
        }
        if (!err) err = tw_image_save_png(d->ctx, path, &page.image);
        sheet_free(&page);
    }
    free(pixels);
    free(sample.label);
    free(sample.x);
    return err;
}

static tw_err run(demo *d) {
    char path[4096];
    score s;
    snprintf(path, sizeof path, "%s.png", d->out);
    tw_err err = cli_claim(d->ctx, "--out", path, false);
    snprintf(path, sizeof path, "%s.safetensors", d->out);
    if (!err) err = cli_claim(d->ctx, "--out", path, false);
    if (!err) err = prepare(d);
    if (err) return err;
    fprintf(stderr,
            "A network of %zu weights learns to read: %d steps of %d pictures of invented words and numbers,\n"
            "rendered in %d faces of %d font families. From time to time it reads a sentence in other fonts.\n",
            tw_params_size(d->net.params), d->steps, d->batch, d->fonts->n, d->fonts->nfamily);
    if ((err = train(d))) return err;
    if ((err = read_pictures(d, &d->test, &s))) return err;

    tw_meta *meta = tw_meta_new(d->ctx);
    err = meta ? recipe_write(meta, &d->recipe, d->alphabet) : tw_error(d->ctx);
    snprintf(path, sizeof path, "%s.safetensors", d->out);
    if (!err) err = tw_model_save(d->net.params, meta, path);
    tw_meta_free(meta);
    if (err) return err;
    plain_line(stdout, "model: ", path);
    snprintf(path, sizeof path, "%s.png", d->out);
    if ((err = write_sheet(d, path, &s))) return err;
    plain_line(stdout, "pictures and what it read: ", path);
    printf("%zu pictures of words it never saw, in %d faces of %d font families it never saw\n"
           "exact: %.4f\ncer: %.4f\n",
           s.samples, d->unseen->n, d->unseen->nfamily, score_exact(&s), score_cer(&s));
    return TW_OK;
}

int command_demo(int argc, char **argv) {
    demo d = {.out = "demo", .steps = 5000, .batch = 32};
    d.recipe = (recipe){.model = "tiny",
                        .optim = "adamw:lr=0.003",
                        .data = "synth",
                        .height = 32,
                        .epochs = 1,
                        .clip = 5,
                        .seed = 1,
                        .schedule = "cosine:warmup=0.05"};
    int threads = 0;
    cli_option table[] = {
        {"out", 'o', CLI_TEXT, &d.out, "NAME", "writes NAME.safetensors and NAME.png", 0, 0, NULL},
        {"steps", 0, CLI_INT, &d.steps, "N", "training steps", 1, 1e6, NULL},
        {"batch", 'b', CLI_INT, &d.batch, "N", "pictures a step", 1, 4096, NULL},
        {"seed", 's', CLI_SEED, &d.recipe.seed, "N", "of weights and pictures", 0, 0, NULL},
        {"threads", 't', CLI_INT, &threads, "N", "threads, without effect on the result (default: all cores)", 1, 256,
         NULL},
    };
    cli_command command = {
        "crnn_ocr",
        "demo",
        "[OPTION]..",
        "Reads sample pictures with the model that ships, if it is there. Then trains the model `tiny` on\n"
        "rendered text, reads words it never saw in font families it never saw, and writes them as one\n"
        "picture with what it read. The last line is `cer: 0.xxxx`.",
        sizeof table / sizeof *table,
        table};
    if (cli_parse(&command, argc, argv)) cli_usage_error(&command, "unexpected argument \"%s\"", argv[1]);
    size_t n = strlen(d.out);
    if (!n || d.out[n - 1] == '/') cli_usage_error(&command, "--out wants the name of a file, not \"%s\"", d.out);
    if (d.steps > INT32_MAX / d.batch) cli_usage_error(&command, "--steps times --batch is too large");
    d.recipe.samples = d.steps * d.batch;
    d.recipe.batch = d.batch;
    demo_read_samples(threads);
    d.ctx = open_context(PROGRAM, d.recipe.seed, threads);
    tw_err err = run(&d);
    if (err) report(PROGRAM, d.ctx);
    demo_free(&d);
    tw_ctx_free(d.ctx);
    return err ? 1 : 0;
}
