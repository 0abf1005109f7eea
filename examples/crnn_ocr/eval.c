/* eval.c - `crnn_ocr eval`: how well labelled pictures are read. */
#include "commands.h"
#include "decoding.h"
#include "json_text.h"
#include "labelled.h"
#include "metrics.h"
#include "mistakes.h"
#include "readings.h"
#include "recipe.h"
#include "trust.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>

#include "../common/cli.h"
#include "../common/plain.h"
#include "../common/utf8.h"

#define PROGRAM "crnn_ocr eval"

typedef struct options {
    const char *model, *labels, *images, *errors, *reliability;
    bool mistakes, confusion, json;
    int threads;
    decoding_options decoding;
} options;

typedef struct evaluation {
    trained trained;
    labelled data;
    readings readings;
    metrics metrics;
    size_t foreign, unfit, nmistakes;
} evaluation;

static void evaluation_free(evaluation *e) {
    metrics_free(&e->metrics);
    readings_free(&e->readings);
    labelled_free(&e->data);
    trained_free(&e->trained);
}

/* The figures, in the order in which they are shown. */
typedef struct figure {
    const char *key, *words;
    estimate estimate;
} figure;
enum { FIGURES = 5 };

static void measure(const metrics *m, figure figures[FIGURES]) {
    figures[0] = (figure){"exact", "texts without a mistake", metrics_right(m, METRICS_EXACT)};
    figures[1] = (figure){"exact_ignoring_case", "the same, A being a", metrics_right(m, METRICS_CASE)};
    figures[2] = (figure){"exact_letters_digits", "the same, letters and digits alone",
                          metrics_right(m, METRICS_PLAIN)};
    figures[3] = (figure){"cer", "mistakes a character", metrics_cer(m)};
    figures[4] = (figure){"wer", "mistakes a word", metrics_wer(m)};
}

static double rate(const evaluation *e) {
    return e->readings.seconds > 0 ? (double)e->metrics.n / e->readings.seconds : 0;
}

/* ---- as text -------------------------------------------------------------------------------------------------- */

static void print_point(int32_t point) {
    char utf8[5] = {0};
    utf8_put(utf8, (uint32_t)point);
    if (point == 0) printf("nothing");
    else if (point <= ' ' || (point >= 0x7f && point <= 0xa0)) printf("U+%04X", (unsigned)point);
    else printf("%s", utf8);
}

static tw_err print_confusion(tw_ctx *ctx, const metrics *m) {
    size_t n;
    tw_confusion_pair *pair = metrics_confused(ctx, m, SIZE_MAX / sizeof *pair, &n);
    if (!pair) return tw_error(ctx);
    printf("confused: times, truth, read\n");
    for (size_t i = 0; i < n; i++) {
        printf("%6zu\t", pair[i].count);
        print_point(pair[i].truth);
        putchar('\t');
        print_point(pair[i].read);
        putchar('\n');
    }
    free(pair);
    return TW_OK;
}

static void print_mistakes(const evaluation *e) {
    for (size_t i = 0; i < e->metrics.n; i++) {
        const tw_tsv_row *row = &e->data.tsv.row[i];
        const reading *r = &e->readings.of[i];
        if (!e->metrics.text[i].edits) continue;
        const char *column[] = {row->path, row->text, r->text ? r->text : ""};
        for (int k = 0; k < 3; k++) {
            plain_put(stdout, column[k]);
            putchar('\t');
        }
        printf("%.4f\n", exp(r->log_prob));
    }
}

static tw_err print_text(tw_ctx *ctx, const options *o, const evaluation *e, const figure *figures) {
    if (o->mistakes) print_mistakes(e);
    tw_err err = o->confusion ? print_confusion(ctx, &e->metrics) : TW_OK;
    if (err) return err;
    if (e->foreign) printf("%zu texts have characters that the model does not know\n", e->foreign);
    if (e->unfit) printf("%zu texts have more characters than their pictures have frames\n", e->unfit);
    if (e->readings.unread) printf("%zu pictures for which the lexicon has no word that fits\n", e->readings.unread);
    if (o->errors) {
        printf("mistakes: %zu pictures in ", e->nmistakes);
        plain_put(stdout, o->errors);
        printf(", with index.html and mistakes.tsv\n");
    }
    printf("pictures: %zu, %.0f a second\n", e->metrics.n, rate(e));
    for (int i = 0; i < FIGURES; i++)
        printf("  %-34s %.4f   95 %%: %.4f to %.4f\n", figures[i].words, figures[i].estimate.value,
               figures[i].estimate.low, figures[i].estimate.high);
    printf("  %-34s %.4f\n", "calibration error of words", tw_reliability_error(&e->readings.trust));
    printf("exact: %.4f\ncer: %.4f\n", figures[0].estimate.value, figures[3].estimate.value);
    return TW_OK;
}

/* ---- as JSON -------------------------------------------------------------------------------------------------- */

static cJSON *point_json(int32_t point) {
    char utf8[5] = {0};
    if (point) utf8_put(utf8, (uint32_t)point);
    return cJSON_CreateString(utf8);
}

static tw_err add_confusion(tw_ctx *ctx, cJSON *to, const metrics *m) {
    size_t n;
    tw_confusion_pair *pair = metrics_confused(ctx, m, SIZE_MAX / sizeof *pair, &n);
    if (!pair) return tw_error(ctx);
    cJSON *list = cJSON_AddArrayToObject(to, "confusion");
    for (size_t i = 0; list && i < n; i++) {
        cJSON *one = cJSON_CreateObject();
        cJSON_AddItemToObject(one, "truth", point_json(pair[i].truth));
        cJSON_AddItemToObject(one, "read", point_json(pair[i].read));
        cJSON_AddNumberToObject(one, "count", (double)pair[i].count);
        cJSON_AddItemToArray(list, one);
    }
    free(pair);
    return TW_OK;
}

static void add_mistakes(cJSON *to, const evaluation *e) {
    cJSON *list = cJSON_AddArrayToObject(to, "mistakes");
    for (size_t i = 0; list && i < e->metrics.n; i++) {
        if (!e->metrics.text[i].edits) continue;
        cJSON *one = cJSON_CreateObject();
        json_add_text(one, "path", e->data.tsv.row[i].path);
        cJSON_AddStringToObject(one, "truth", e->data.tsv.row[i].text);
        cJSON_AddStringToObject(one, "read", e->readings.of[i].text);
        cJSON_AddNumberToObject(one, "confidence", exp(e->readings.of[i].log_prob));
        cJSON_AddItemToArray(list, one);
    }
}

static void add_reliability(cJSON *to, const tw_reliability *r) {
    cJSON *one = cJSON_AddObjectToObject(to, "reliability");
    cJSON_AddNumberToObject(one, "error", tw_reliability_error(r));
    cJSON *list = cJSON_AddArrayToObject(one, "bins");
    for (int i = 0; list && i < TW_RELIABILITY_BINS; i++) {
        cJSON *bin = cJSON_CreateObject();
        cJSON_AddNumberToObject(bin, "words", (double)r->n[i]);
        cJSON_AddNumberToObject(bin, "right", (double)r->right[i]);
        cJSON_AddNumberToObject(bin, "confidence", r->n[i] ? r->confidence[i] / (double)r->n[i] : 0);
        cJSON_AddItemToArray(list, bin);
    }
}

static tw_err print_json(tw_ctx *ctx, const options *o, const evaluation *e, const figure *figures) {
    cJSON *all = cJSON_CreateObject();
    json_add_text(all, "model", o->model);
    json_add_text(all, "labels", o->labels);
    cJSON_AddNumberToObject(all, "pictures", (double)e->metrics.n);
    cJSON_AddNumberToObject(all, "pictures_per_second", rate(e));
    cJSON_AddNumberToObject(all, "unknown_characters", (double)e->foreign);
    cJSON_AddNumberToObject(all, "too_long", (double)e->unfit);
    cJSON_AddNumberToObject(all, "unread", (double)e->readings.unread);
    for (int i = 0; i < FIGURES; i++) {
        const estimate *f = &figures[i].estimate;
        cJSON *one = cJSON_AddObjectToObject(all, figures[i].key);
        cJSON_AddNumberToObject(one, "value", f->value);
        cJSON_AddNumberToObject(one, "low", f->low);
        cJSON_AddNumberToObject(one, "high", f->high);
    }
    add_reliability(all, &e->readings.trust);
    tw_err err = o->confusion ? add_confusion(ctx, all, &e->metrics) : TW_OK;
    if (o->mistakes) add_mistakes(all, e);
    char *text = err ? NULL : cJSON_Print(all);
    cJSON_Delete(all);
    if (err) return err;
    if (!text) return tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory");
    puts(text);
    cJSON_free(text);
    return TW_OK;
}

/* ---- the command ------------------------------------------------------------------------------------------------ */

/* What goes into the folder may be none of the files that the command line names. Before those that are written are
 * remembered, for another may not be written there either. */
static tw_err claim_errors(tw_ctx *ctx, const options *o) {
    const char *const other[] = {o->model, o->labels, o->images, o->decoding.lexicon, o->decoding.lm, o->reliability};
    tw_err err = mistakes_claim(ctx, o->errors);
    for (size_t i = 0; !err && i < sizeof other / sizeof *other; i++)
        if (other[i]) err = cli_check_read(ctx, other[i]);
    return err;
}

static tw_err run(tw_ctx *ctx, const options *o, evaluation *e) {
    trained *t = &e->trained;
    tw_err err = trained_load(ctx, o->model, true, t);
    if (!err) err = labelled_load(ctx, o->labels, o->images, &e->data);
    if (!err && o->errors) err = mistakes_begin(ctx, o->errors);
    if (!err) err = labelled_encode(ctx, t->alphabet, t->recipe.height, NULL, trained_trims(t), &e->foreign, &e->data);
    if (!err) e->unfit = labelled_unfit(&e->data, t->net.design->frames);
    if (!err) err = readings_make(ctx, &t->net, t->alphabet, &e->data, &o->decoding, &e->readings, &e->metrics);
    if (!err && o->errors) err = mistakes_write(ctx, o->errors, &e->data, &e->readings, &e->metrics, &e->nmistakes);
    if (!err && o->reliability) err = trust_save(ctx, o->reliability, &e->readings.trust);
    if (err) return err;
    figure figures[FIGURES];
    measure(&e->metrics, figures);
    if (o->json) return print_json(ctx, o, e, figures);
    return print_text(ctx, o, e, figures);
}

int command_eval(int argc, char **argv) {
    enum { OWN = 9 };
    options o = {.decoding = decoding_defaults()};
    cli_option table[OWN + DECODING_OPTIONS] = {
        {"model", 'm', CLI_TEXT, &o.model, "FILE", "what `crnn_ocr train` wrote", 0, 0, NULL},
        {"labels", 'l', CLI_TEXT, &o.labels, "FILE.tsv", "pictures and their texts: path TAB text, a line each", 0, 0,
         NULL},
        {"images", 'i', CLI_TEXT, &o.images, "FILE.idx",
         "IDX file (or .gz) with the pictures: row i of the\nlabels is picture i's", 0, 0, NULL},
        {"errors", 'e', CLI_TEXT, &o.errors, "DIR",
         "writes what was misread as mistake-000001.png .., the worst\nfirst, with index.html and mistakes.tsv; those "
         "of an earlier run\nare replaced",
         0, 0, NULL},
        {"reliability", 0, CLI_TEXT, &o.reliability, "FILE.svg", "draws how often words are right, by their confidence",
         0, 0, NULL},
        {"mistakes", 0, CLI_FLAG, &o.mistakes, NULL, "first list them: path TAB truth TAB reading TAB confidence", 0, 0,
         NULL},
        {"confusion", 0, CLI_FLAG, &o.confusion, NULL, "list which character was read as which, and how often", 0, 0,
         NULL},
        {"json", 0, CLI_FLAG, &o.json, NULL, "print all of it as one JSON object instead", 0, 0, NULL},
        {"threads", 't', CLI_INT, &o.threads, "N", "threads, without effect on the result (default: all cores)", 1, 256,
         NULL},
    };
    decoding_table(&o.decoding, table + OWN);
    cli_command command = {
        "crnn_ocr",
        "eval",
        "--model FILE --labels FILE.tsv [--images FILE.idx]",
        "Measures a recogniser. Shares of right texts have Wilson's 95 % interval, error rates one from\n"
        "drawing the texts again 1000 times. The last two lines of the output are `exact: 0.xxxx`, the part\n"
        "of the texts read without a mistake, and `cer: 0.xxxx`, mistakes per character of the truth.",
        sizeof table / sizeof *table,
        table};
    if (cli_parse(&command, argc, argv)) cli_usage_error(&command, "unexpected argument \"%s\"", argv[1]);
    decoding_check(&o.decoding, &command);
    if (!o.model) cli_usage_error(&command, "--model FILE is needed");
    if (!o.labels) cli_usage_error(&command, "--labels FILE.tsv is needed");
    const cli_file files[] = {{"--model", o.model, CLI_READ},    {"--labels", o.labels, CLI_READ},
                              {"--images", o.images, CLI_READ},  {"--lexicon", o.decoding.lexicon, CLI_READ},
                              {"--lm", o.decoding.lm, CLI_READ}, {"--reliability", o.reliability, CLI_WRITTEN}};
    tw_ctx *ctx = open_context(PROGRAM, 0, o.threads);
    evaluation e = {0};
    tw_err err = o.errors ? claim_errors(ctx, &o) : TW_OK;
    cli_check_files(&command, sizeof files / sizeof *files, files);
    if (!err) err = run(ctx, &o, &e);
    if (err) report(PROGRAM, ctx);
    evaluation_free(&e);
    tw_ctx_free(ctx);
    return err ? 1 : 0;
}
