/* read.c - `crnn_ocr read`: the text in each picture, and how sure the network is of it. */
#include "commands.h"
#include "picture.h"
#include "recipe.h"
#include "shipped.h"

#include <math.h>
#include <stdlib.h>
#include <thalweg/extend.h>

#include "../common/cli.h"

#define PROGRAM "crnn_ocr read"

static tw_err read_picture(tw_ctx *ctx, const trained *t, const char *path, const tw_real *x, int width) {
    int32_t widths = width;
    tw_labels frames;
    tw_step_begin(ctx);
    tw_tensor *input = tw_input(ctx, x, 4, (int[]){1, 1, t->recipe.height, width});
    tw_tensor *logits = crnn_forward(ctx, &t->net, input, (tw_labels){&widths, 1}, &frames);
    if (!logits) return tw_error(ctx);
    int T = frames.v[0], K = t->net.classes;
    int32_t *symbols = malloc(((size_t)T + 1) * sizeof *symbols);
    char *text = malloc(4 * (size_t)T + 1);
    tw_err err = symbols && text ? TW_OK : tw_fail_err(ctx, TW_ERR_NOMEM, "%s: out of memory", path);
    if (!err) {
        int n = tw_ctc_greedy(logits->data, T, K, (size_t)K, 0, symbols);
        double p = exp(tw_ctc_log_prob(ctx, logits->data, T, K, (size_t)K, symbols, n, 0));
        err = tw_alphabet_decode(ctx, t->alphabet, symbols, (size_t)n, text, 4 * (size_t)T + 1);
        if (!err) printf("%s\t%s\t%.4f\n", path, text, p > 1 ? 1 : p);
    }
    free(text);
    free(symbols);
    return err;
}

int command_read(int argc, char **argv) {
    const char *model = NULL;
    int threads = 0, failed = 0;
    cli_option table[] = {
        {"model", 'm', CLI_TEXT, &model, "FILE",
         "what `crnn_ocr train` wrote (default: " SHIPPED_MODEL ",\nwhich comes with the program)", 0, 0, NULL},
        {"threads", 't', CLI_INT, &threads, "N", "threads, without effect on the result (default: all cores)", 1, 256,
         NULL},
    };
    cli_command command = {
        "crnn_ocr",
        "read",
        "[--model FILE] IMAGE..",
        "Reads pictures of one word or line each and prints path TAB text TAB confidence. The confidence\n"
        "is p(text|picture), summed over all alignments. A picture that cannot be read is reported on\n"
        "stderr, the others are read all the same, and the exit code is 1.",
        sizeof table / sizeof *table,
        table};
    int n = cli_parse(&command, argc, argv);
    if (!n) cli_usage_error(&command, "which pictures?");
    tw_ctx *ctx = open_context(PROGRAM, 0, threads);
    trained t;
    char shipped[4096];
    tw_err err = model ? TW_OK : shipped_find(ctx, shipped, sizeof shipped);
    if (err || trained_load(ctx, model ? model : shipped, true, &t)) {
        report(PROGRAM, ctx);
        tw_ctx_free(ctx);
        return 1;
    }
    tw_set_training(ctx, false);
    tw_set_recording(ctx, false);
    for (int i = 1; i <= n; i++) {
        int width;
        tw_real *x = picture_load(ctx, argv[i], t.recipe.height, &width);
        if (!x || read_picture(ctx, &t, argv[i], x, width)) {
            report(PROGRAM, ctx);
            tw_error_clear(ctx);
            failed++;
        }
        free(x);
    }
    trained_free(&t);
    tw_ctx_free(ctx);
    return failed ? 1 : 0;
}
