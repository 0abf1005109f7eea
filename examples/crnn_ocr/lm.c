/* lm.c - `crnn_ocr lm`: a language model from a text file. */
#include "commands.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <thalweg/extend.h>

#include "../common/cli.h"
#include "../common/plain.h"

#define PROGRAM "crnn_ocr lm"

enum { EVERY = 20 }; /* without --heldout every 20th line is left out of a first model, and tells how good it is */

/* ---- the command ------------------------------------------------------------------------------------------- */

typedef struct options {
    const char *text, *heldout, *out;
    int order;
} options;

static tw_err tell_perplexity(tw_ctx *ctx, const tw_ngram *m, size_t n, const char *const *line, const char *what) {
    double sum = 0;
    size_t characters = 0;
    for (size_t i = 0; i < n; i++) {
        size_t length;
        double p = tw_ngram_log_prob(ctx, m, line[i], &length);
        if (isnan(p)) return tw_error(ctx);
        sum += p;
        characters += length;
    }
    double bits = -sum / (double)characters / log(2);
    printf("perplexity: %.3f a character (%.3f bits), on ", exp2(bits), bits);
    plain_put(stdout, what);
    putchar('\n');
    return TW_OK;
}

/* How well a model without every 20th line foretells those. */
static tw_err hold_out(tw_ctx *ctx, const options *o, const tw_lines *l) {
    const char **line = malloc((l->n + 1) * sizeof *line);
    size_t kept = 0, held = 0;
    if (!line) return tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < l->n; i++)
        if (i % EVERY != EVERY - 1) line[kept++] = l->line[i];
    for (size_t i = EVERY - 1; i < l->n; i += EVERY) line[kept + held++] = l->line[i];
    if (held) fprintf(stderr, "counting in %zu lines, to foretell the other %zu\n", kept, held);
    tw_ngram *m = held ? tw_ngram_train(ctx, o->order, kept, line) : NULL;
    if (m) tell_perplexity(ctx, m, held, line + kept, "every 20th line, left out for that");
    else if (!held) printf("perplexity: the text has fewer than %d lines; --heldout FILE gives others\n", EVERY);
    tw_ngram_free(m);
    free(line);
    return tw_error(ctx);
}

static tw_err load_text(tw_ctx *ctx, const char *path, tw_lines *text) {
    tw_err err = tw_lines_load(ctx, path, text);
    if (!err && !text->n) err = tw_fail_err(ctx, TW_ERR_FORMAT, "%s: there is no text in it", path);
    return err;
}

static tw_err train(tw_ctx *ctx, const options *o, const tw_lines *text, const tw_lines *heldout) {
    fprintf(stderr, "counting in all %zu lines\n", text->n); /* which takes a minute for ten megabytes */
    tw_ngram *m = tw_ngram_train(ctx, o->order, text->n, (const char *const *)text->line);
    if (!m) return tw_error(ctx);
    tw_err err = TW_OK;
    if (o->heldout) err = tell_perplexity(ctx, m, heldout->n, (const char *const *)heldout->line, o->heldout);
    if (!err) err = tw_ngram_save(ctx, m, o->out);
    if (!err) {
        plain_put(stdout, o->out);
        printf(": order %d, %zu strings of %zu lines\n", tw_ngram_order(m), tw_ngram_strings(m), text->n);
    }
    tw_ngram_free(m);
    return err;
}

static tw_err run(tw_ctx *ctx, const options *o) {
    tw_lines text = {0}, heldout = {0};
    tw_err err = load_text(ctx, o->text, &text);
    if (!err && o->heldout) err = load_text(ctx, o->heldout, &heldout);
    if (!err && !o->heldout) err = hold_out(ctx, o, &text);
    if (!err) err = train(ctx, o, &text, &heldout);
    tw_lines_free(&text);
    tw_lines_free(&heldout);
    return err;
}

static void check(const cli_command *c, const options *o) {
    if (!o->text) cli_usage_error(c, "--text FILE is needed");
    if (!o->out) cli_usage_error(c, "--out FILE is needed");
    const cli_file files[] = {{"--text", o->text, CLI_READ},
                              {"--heldout", o->heldout, CLI_READ},
                              {"--out", o->out, CLI_WRITTEN}};
    cli_check_files(c, sizeof files / sizeof *files, files);
}

int command_lm(int argc, char **argv) {
    options o = {.order = 5};
    cli_option table[] = {
        {"text", 0, CLI_TEXT, &o.text, "FILE", "what to learn from: UTF-8, lines like those to be read", 0, 0, NULL},
        {"order", 0, CLI_INT, &o.order, "N", "how long the counted strings are at most", 1, 10, NULL},
        {"heldout", 0, CLI_TEXT, &o.heldout, "FILE",
         "text to measure the perplexity on (default: every 20th line, with a\nmodel of the others)", 0, 0, NULL},
        {"out", 'o', CLI_TEXT, &o.out, "FILE", "where the model goes", 0, 0, NULL},
    };
    cli_command command = {
        "crnn_ocr",
        "lm",
        "--text FILE --out FILE [OPTION]..",
        "Learns which characters follow which, for `--lm` of the other commands: counts all strings of up\n"
        "to --order characters, smoothed as by Witten and Bell. A line is one text; empty lines do not count.",
        sizeof table / sizeof *table,
        table};
    if (cli_parse(&command, argc, argv)) cli_usage_error(&command, "unexpected argument \"%s\"", argv[1]);
    check(&command, &o);
    tw_ctx *ctx = open_context(PROGRAM, 0, 1);
    tw_err err = cli_check_out(ctx, o.out);
    if (!err) err = run(ctx, &o);
    if (err) report(PROGRAM, ctx);
    tw_ctx_free(ctx);
    return err ? 1 : 0;
}
