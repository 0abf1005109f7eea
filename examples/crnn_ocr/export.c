/* export.c - `crnn_ocr export`: a model to hand on, without what only training needs, also in two bytes a weight. */
#include "commands.h"
#include "ema.h"
#include "recipe.h"

#include <stdio.h>
#include <sys/stat.h>

#include "../common/cli.h"
#include "../common/plain.h"

#define PROGRAM "crnn_ocr export"

static long long bytes_of(const char *path) {
    struct stat s;
    return stat(path, &s) ? 0 : (long long)s.st_size;
}

/* The optimiser's state, a second set of weights, and metadata other than the recipe's are left behind. */
static tw_err run(tw_ctx *ctx, const char *model, const char *out, const char *kind) {
    trained t;
    crnn plain = {0};
    tw_err err = trained_load(ctx, model, true, &t);
    if (err) return err;
    tw_meta *meta = tw_meta_new(ctx);
    err = meta ? recipe_write(meta, &t.recipe, t.alphabet) : tw_error(ctx);
    if (!err) err = crnn_new(ctx, &plain, t.net.design, t.net.height, t.net.classes);
    if (!err) err = ema_copy(&t.net, &plain); /* a checkpoint with averaged weights has two sets of them */
    if (!err) err = tw_model_save_as(plain.params, meta, kind, out);
    if (!err) {
        plain_put(stdout, out);
        printf(": %zu weights as %s, %lld bytes (", tw_params_size(plain.params), kind, bytes_of(out));
        plain_put(stdout, model);
        printf(" has %lld)\n", bytes_of(model));
    }
    crnn_free(&plain);
    tw_meta_free(meta);
    trained_free(&t);
    return err;
}

int command_export(int argc, char **argv) {
    const char *model = NULL, *out = NULL;
    bool half = false;
    cli_option table[] = {
        {"model", 'm', CLI_TEXT, &model, "FILE", "a model or a checkpoint", 0, 0, NULL},
        {"out", 'o', CLI_TEXT, &out, "FILE", "where the model goes", 0, 0, NULL},
        {"half", 0, CLI_FLAG, &half, NULL, "weights as F16, two bytes each, instead of F32", 0, 0, NULL},
    };
    cli_command command = {
        "crnn_ocr",
        "export",
        "--model FILE --out FILE [--half]",
        "Writes a model that can be read with and no longer trained on: weights, alphabet and recipe, without the\n"
        "optimiser's state.",
        sizeof table / sizeof *table,
        table};
    if (cli_parse(&command, argc, argv)) cli_usage_error(&command, "unexpected argument \"%s\"", argv[1]);
    if (!model) cli_usage_error(&command, "--model FILE is needed");
    if (!out) cli_usage_error(&command, "--out FILE is needed");
    const cli_file files[] = {{"--model", model, CLI_READ}, {"--out", out, CLI_WRITTEN}};
    cli_check_files(&command, sizeof files / sizeof *files, files);
    tw_ctx *ctx = open_context(PROGRAM, 0, 1);
    tw_err err = run(ctx, model, out, half ? "F16" : "F32");
    if (err) report(PROGRAM, ctx);
    tw_ctx_free(ctx);
    return err ? 1 : 0;
}
