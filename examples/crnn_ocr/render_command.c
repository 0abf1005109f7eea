/* render_command.c - `crnn_ocr render`: rendered text as files, to look at or to train other programs with. */
#include "commands.h"
#include "render.h"
#include "synth.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../common/cli.h"

#define PROGRAM "crnn_ocr render"

typedef struct options {
    const char *out, *alphabet, *words;
    int count, height, threads;
    uint64_t seed;
} options;

static tw_err write_pictures(tw_ctx *ctx, const options *o, const tw_dataset *data, const tw_alphabet *alphabet,
                             FILE *labels) {
    size_t most = (size_t)data->height * (size_t)data->max_width;
    tw_sample sample = {.x = malloc(most * sizeof *sample.x),
                        .label = malloc((size_t)data->max_label * sizeof *sample.label)};
    uint8_t *pixels = malloc(most);
    tw_err err = sample.x && sample.label && pixels ? TW_OK : tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory");
    for (int i = 0; !err && i < o->count; i++) {
        char path[4096], text[WORDS_BYTES], why[256];
        err = data->get(data->user, (size_t)i, tw_random_bits(o->seed, (uint64_t)i), &sample, why, sizeof why);
        if (err) {
            tw_fail_err(ctx, err, "%s", why);
            break;
        }
        tw_image picture = {sample.width, data->height, 1, pixels};
        for (size_t k = 0; k < (size_t)data->height * (size_t)sample.width; k++)
            pixels[k] = (uint8_t)(sample.x[k] * 255 + (tw_real)0.5);
        snprintf(path, sizeof path, "%s/%06d.png", o->out, i);
        err = tw_image_save_png(ctx, path, &picture);
        if (!err) err = tw_alphabet_decode(ctx, alphabet, sample.label, (size_t)sample.label_length, text, sizeof text);
        if (!err && fprintf(labels, "%06d.png\t%s\n", i, text) < 0)
            err = tw_fail_err(ctx, TW_ERR_IO, "%s/labels.tsv: %s", o->out, strerror(errno));
    }
    free(pixels);
    free(sample.label);
    free(sample.x);
    return err;
}

static tw_err run(tw_ctx *ctx, const options *o) {
    char path[4096];
    FILE *labels = NULL;
    tw_dataset data = {0};
    font_set *fonts = NULL;
    word_source *words = NULL;
    tw_err err = TW_OK;
    tw_alphabet *alphabet = tw_alphabet_new(ctx, o->alphabet);
    if (alphabet) fonts = fonts_load(ctx, &(font_query){NULL, o->alphabet});
    if (fonts) words = words_new(ctx, alphabet, o->words, NULL);
    if (words) err = synth_dataset(ctx, fonts, words, (size_t)o->count, o->height, &data);
    if (words && !err) {
        snprintf(path, sizeof path, "%s/labels.tsv", o->out);
        if (mkdir(o->out, 0777) && errno != EEXIST) tw_fail(ctx, TW_ERR_IO, "%s: %s", o->out, strerror(errno));
        else if (!(labels = fopen(path, "w"))) tw_fail(ctx, TW_ERR_IO, "%s: %s", path, strerror(errno));
    }
    if (labels) {
        err = write_pictures(ctx, o, &data, alphabet, labels);
        if (fclose(labels) && !err) err = tw_fail_err(ctx, TW_ERR_IO, "%s: %s", path, strerror(errno));
    }
    tw_dataset_free(&data);
    words_free(words);
    fonts_free(fonts);
    tw_alphabet_free(alphabet);
    return err ? err : tw_error(ctx);
}

int command_render(int argc, char **argv) {
    options o = {.alphabet = LETTERS_AND_DIGITS, .count = 100, .height = 32, .seed = 1};
    cli_option table[] = {
        {"out", 'o', CLI_TEXT, &o.out, "DIR", "folder for the pictures and their labels.tsv", 0, 0, NULL},
        {"count", 'n', CLI_INT, &o.count, "N", "how many", 1, 999999, NULL},
        {"height", 0, CLI_INT, &o.height, "N", "rows of a picture", 8, 256, NULL},
        {"alphabet", 'a', CLI_TEXT, &o.alphabet, "TEXT", "characters to be drawn", 0, 0, NULL},
        {"words", 0, CLI_TEXT, &o.words, "FILE", "words, one a line (default: invented)", 0, 0, NULL},
        {"seed", 's', CLI_SEED, &o.seed, "N", "of everything drawn", 0, 0, NULL},
    };
    cli_command command = {
        "crnn_ocr",
        "render",
        "--out DIR [OPTION]..",
        "Writes pictures of words and digit strings in the system's fonts, as `train --synth` sees them.",
        sizeof table / sizeof *table,
        table};
    if (cli_parse(&command, argc, argv)) cli_usage_error(&command, "unexpected argument \"%s\"", argv[1]);
    if (!o.out) cli_usage_error(&command, "--out DIR is needed");
    tw_ctx *ctx = open_context(PROGRAM, o.seed, 1);
    tw_err err = run(ctx, &o);
    if (err) report(PROGRAM, ctx);
    else printf("%d pictures and their texts: %s/labels.tsv\n", o.count, o.out);
    tw_ctx_free(ctx);
    return err ? 1 : 0;
}
