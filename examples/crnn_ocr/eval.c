/* eval.c - `crnn_ocr eval`: exact and character error rate on labelled pictures. */
#include "commands.h"
#include "evaluate.h"
#include "labelled.h"
#include "picture.h"
#include "recipe.h"

#include <math.h>
#include <string.h>

#include "../common/cli.h"

#define PROGRAM "crnn_ocr eval"

typedef struct listing {
    tw_ctx *ctx;
    const tw_alphabet *alphabet;
    const labelled *data;
} listing;

static void list_mistake(void *user, size_t index, const int32_t *symbol, int n, double log_prob) {
    const listing *l = user;
    char text[4 * PICTURE_MAX_WIDTH / CRNN_STEP + 64]; /* a symbol a frame, of at most four bytes */
    const tw_tsv_row *row = &l->data->tsv.row[index];
    if (tw_alphabet_decode(l->ctx, l->alphabet, symbol, (size_t)n, text, sizeof text)) return;
    if (tw_text_distance(l->ctx, text, row->text))
        printf("%s\t%s\t%s\t%.4f\n", row->path, row->text, text, exp(log_prob));
}

static tw_err run(tw_ctx *ctx, const char *model, const char *labels, const char *images, bool mistakes) {
    trained t = {0};
    labelled data = {0};
    score s = {0};
    size_t foreign = 0;
    tw_err err = trained_load(ctx, model, true, &t);
    if (!err) err = labelled_load(ctx, labels, images, &data);
    if (!err) err = labelled_encode(ctx, t.alphabet, t.recipe.height, false, &foreign, &data);
    listing l = {ctx, t.alphabet, &data};
    if (!err) err = evaluate(ctx, &t.net, &data.dataset, &s, mistakes ? list_mistake : NULL, &l);
    if (!err && foreign) printf("%zu texts have characters that the model does not know\n", foreign);
    if (!err) printf("pictures: %zu\nexact: %.4f\ncer: %.4f\n", s.samples, score_exact(&s), score_cer(&s));
    labelled_free(&data);
    trained_free(&t);
    return err;
}

int command_eval(int argc, char **argv) {
    const char *model = NULL, *labels = NULL, *images = NULL;
    bool mistakes = false;
    int threads = 0;
    cli_option table[] = {
        {"model", 'm', CLI_TEXT, &model, "FILE", "what `crnn_ocr train` wrote", 0, 0, NULL},
        {"labels", 'l', CLI_TEXT, &labels, "FILE.tsv", "pictures and their texts: path TAB text, a line each", 0, 0,
         NULL},
        {"images", 'i', CLI_TEXT, &images, "FILE.idx",
         "IDX file (or .gz) with the pictures: row i of the\nlabels is picture i's", 0, 0, NULL},
        {"mistakes", 0, CLI_FLAG, &mistakes, NULL, "first list them: path TAB truth TAB reading TAB confidence", 0, 0,
         NULL},
        {"threads", 't', CLI_INT, &threads, "N", "threads, without effect on the result (default: all cores)", 1, 256,
         NULL},
    };
    cli_command command = {
        "crnn_ocr",
        "eval",
        "--model FILE --labels FILE.tsv [--images FILE.idx]",
        "Measures a recogniser. The last two lines of the output are `exact: 0.xxxx`, the part of the\n"
        "texts read without a mistake, and `cer: 0.xxxx`, mistakes per character of the truth.",
        sizeof table / sizeof *table,
        table};
    if (cli_parse(&command, argc, argv)) cli_usage_error(&command, "unexpected argument \"%s\"", argv[1]);
    if (!model) cli_usage_error(&command, "--model FILE is needed");
    if (!labels) cli_usage_error(&command, "--labels FILE.tsv is needed");
    tw_ctx *ctx = open_context(PROGRAM, 0, threads);
    tw_err err = run(ctx, model, labels, images, mistakes);
    if (err) report(PROGRAM, ctx);
    tw_ctx_free(ctx);
    return err ? 1 : 0;
}
