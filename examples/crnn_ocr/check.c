/* check.c - `crnn_ocr check`: looks a labels.tsv through, and suggests how to train with it. */
#include "check.h"

#include "alphabet_option.h"
#include "commands.h"
#include "recipe.h"

#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>

#include "../common/cli.h"
#include "../common/plain.h"

#define PROGRAM "crnn_ocr check"

typedef struct options {
    const char *labels, *images, *alphabet, *init, *model;
    int height, shown;
} options;

static const char *const title[CHECK_KINDS] = {
    [CHECK_LINE] = "lines that are not path TAB text in UTF-8",
    [CHECK_PICTURE] = "pictures that cannot be read",
    [CHECK_ALPHABET] = "texts with characters outside the alphabet",
    [CHECK_FIT] = "texts that do not fit into their picture's frames",
    [CHECK_CONTRARY] = "pictures that are there again with another text",
    [CHECK_EMPTY] = "empty texts",
    [CHECK_TWICE] = "pictures that are there again with the same text",
    [CHECK_ASPECT] = "pictures much wider or narrower than their texts: wrong labels, bad crops?",
    [CHECK_NFC] = "texts that are not in Unicode's normal form C: they are learnt in it",
};

static int by_place(const void *a, const void *b) {
    const check_finding *x = a, *y = b;
    if (x->kind != y->kind) return x->kind < y->kind ? -1 : 1;
    return (x->line > y->line) - (x->line < y->line);
}

static void print_findings(check *c) {
    if (c->nfinding) qsort(c->finding, c->nfinding, sizeof *c->finding, by_place);
    size_t at = 0;
    for (int kind = 0; kind < CHECK_KINDS; kind++) {
        if (!c->count[kind]) continue;
        printf("%s %s: %zu\n", kind < CHECK_HURTS ? "hurts:" : "look: ", title[kind], c->count[kind]);
        size_t first = at;
        for (; at < c->nfinding && (int)c->finding[at].kind == kind; at++) {
            printf("  ");
            plain_put(stdout, c->labels);
            printf(":%d: %s\n", c->finding[at].line, c->finding[at].words);
        }
        if (at - first < c->count[kind])
            printf("  .. and %zu more (--show 0 lists all)\n", c->count[kind] - (at - first));
    }
}

/* ---- what there is ---------------------------------------------------------------------------------------------- */

typedef struct range {
    int low, high;
} range;
static void widen(range *r, int value) {
    if (!r->high || value < r->low) r->low = value;
    if (value > r->high) r->high = value;
}

static void print_summary(const check *c) {
    range width = {0}, height = {0}, length = {0};
    size_t read = 0;
    for (size_t i = 0; i < c->n; i++) {
        const check_row *row = &c->row[i];
        widen(&length, row->length);
        if (!row->width) continue;
        read++;
        widen(&width, row->width);
        widen(&height, row->height);
    }
    plain_put(stdout, c->labels);
    printf(": %zu rows, %zu pictures of %d to %d columns and %d to %d rows, texts of %d to %d characters\n", c->n, read,
           width.low, width.high, height.low, height.high, length.low, length.high);
}

/* Characters that are too rare to be learnt well. */
static tw_err print_characters(const check *c) {
    enum { RARE = 10, LISTED = 40 };
    int classes = tw_alphabet_classes(c->own);
    size_t *count = calloc((size_t)classes, sizeof *count), longest = 0;
    for (size_t i = 0; i < c->n; i++)
        if (strlen(c->row[i].text) > longest) longest = strlen(c->row[i].text);
    int32_t *symbol = malloc((3 * longest + 1) * sizeof *symbol);
    tw_err err = count && symbol ? TW_OK : tw_fail_err(c->ctx, TW_ERR_NOMEM, "out of memory");
    for (size_t i = 0; !err && i < c->n; i++) {
        size_t n = 3 * longest + 1;
        err = tw_alphabet_encode(c->ctx, c->own, c->row[i].text, symbol, &n);
        for (size_t k = 0; !err && k < n; k++) count[symbol[k]]++;
    }
    if (!err) {
        int rare = 0;
        printf("alphabet: %d characters: ", classes - 1);
        plain_put(stdout, tw_alphabet_text(c->own));
        putchar('\n');
        for (int s = 1; s < classes; s++) rare += count[s] < RARE;
        if (rare) printf("  %d of them are there less than %d times:", rare, RARE);
        for (int32_t s = 1, listed = 0; s < classes && listed < LISTED; s++) {
            char one[8];
            if (count[s] >= RARE || tw_alphabet_decode(c->ctx, c->own, &s, 1, one, sizeof one)) continue;
            printf(" %s", plain_clean(one));
            listed++;
        }
        if (rare) printf("%s\n", rare > LISTED ? " .." : "");
    }
    free(symbol);
    free(count);
    return err;
}

/* ---- what to do ------------------------------------------------------------------------------------------------- */

static int median_height(const check *c) {
    int count[257] = {0}, n = 0, below = 0, h = 0;
    for (size_t i = 0; i < c->n; i++) {
        int height = c->row[i].height;
        if (height) count[height > 256 ? 256 : height]++, n++;
    }
    while (h < 256 && (below += count[h]) * 2 < n) h++;
    return h;
}

/* 32, or what smaller pictures have; more where texts would not fit, or hardly. */
static int suggest_height(const check *c, const crnn_design *design) {
    int step = design->height_step, own = median_height(c), height = 32 / step * step;
    double comfort;
    if (own && (own + step - 1) / step * step < height) height = (own + step - 1) / step * step;
    for (; height + step <= design->max_height; height += step) {
        size_t unfit = check_unfit(c, design, height, &comfort);
        if (unfit * 200 <= c->n && comfort >= 1.5) break;
    }
    return height;
}

static const char *suggest_model(const check *c) {
    int characters = tw_alphabet_classes(c->own) - 1;
    return c->n > 50000 || characters > 300 ? "medium" : "small";
}

static int by_path(const void *a, const void *b) {
    return strcmp((*(const check_row *const *)a)->path, (*(const check_row *const *)b)->path);
}

/* Does a training that puts a tenth aside, all rows of a file on one side, keep a row with a text, however the draw
 * goes? */
static bool can_split(const check *c, bool by_file) {
    const check_row **row = malloc((c->n + 1) * sizeof *row);
    size_t taken = (size_t)(0.1 * (double)c->n + 0.5), same = 1, most = 1, texts = 0;
    if (!row) return false;
    for (size_t i = 0; i < c->n; i++) {
        row[i] = &c->row[i];
        texts += row[i]->length > 0;
    }
    if (by_file) qsort(row, c->n, sizeof *row, by_path);
    for (size_t i = 1; by_file && i < c->n; i++) {
        same = strcmp(row[i - 1]->path, row[i]->path) ? 1 : same + 1;
        if (same > most) most = same;
    }
    free(row);
    return texts > (taken ? taken - 1 : 0) + most;
}

static void print_suggestion(const check *c, const options *o, const crnn_design *design, int height) {
    double comfort;
    size_t unfit = check_unfit(c, design, height, &comfort);
    printf("height: %d, at which a text has %.1f times the frames it needs and %zu do not fit\n", height, comfort,
           unfit);
    printf("model: %s\n", design->name);
    if (c->n < 3000) printf("few pictures: add rendered ones (--synth), or begin with a trained model (--init FILE)\n");
    printf("crnn_ocr train --labels ");
    plain_word(stdout, c->labels);
    if (o->images) {
        printf(" --images ");
        plain_word(stdout, o->images);
    }
    printf(" --model %s --height %d --augment %s%s --out model.safetensors\n", design->name, height,
           c->n < 3000 ? "strong" : "light", can_split(c, !o->images) ? " --val-split 0.1" : "");
}

/* ---- the command ------------------------------------------------------------------------------------------------ */

/* What the texts are compared with: a model's own alphabet, design and height, or what was asked for. */
static tw_err look_through(check *c, const options *o, const trained *known) {
    tw_alphabet *given = o->alphabet ? alphabet_option(c->ctx, o->alphabet) : NULL;
    tw_err err = o->alphabet && !given ? tw_error(c->ctx) : TW_OK;
    if (!err) err = check_read_labels(c);
    if (!err) err = check_read_pictures(c, o->images);
    if (!err) err = check_texts(c, given ? given : known->alphabet);
    tw_alphabet_free(given);
    if (!err) err = check_duplicates(c);
    if (!err) err = check_aspects(c);
    if (err) return err;
    const crnn_design *design = known->net.design;
    if (!design) design = crnn_design_find(o->model ? o->model : suggest_model(c));
    int height = known->net.height ? known->net.height : o->height ? o->height : suggest_height(c, design);
    if ((err = check_fits(c, design, height))) return err;
    print_summary(c);
    print_findings(c);
    if (c->n == 0) return tw_fail_err(c->ctx, TW_ERR_FORMAT, "%s: there is no picture in it", c->labels);
    if (tw_alphabet_classes(c->own) < 2)
        return tw_fail_err(c->ctx, TW_ERR_FORMAT, "%s: every text is empty", c->labels);
    err = print_characters(c);
    if (!err) print_suggestion(c, o, design, height);
    return err;
}

static tw_err run(tw_ctx *ctx, const options *o, bool *hurts) {
    check c = {.ctx = ctx, .labels = o->labels, .shown = o->shown ? o->shown : INT32_MAX};
    trained known = {0};
    tw_err err = o->init ? trained_load(ctx, o->init, true, &known) : TW_OK;
    if (!err) err = look_through(&c, o, &known);
    size_t wrong = 0;
    for (int kind = 0; kind < CHECK_HURTS; kind++) wrong += c.count[kind];
    *hurts = wrong > 0;
    if (!err && wrong) printf("%zu things would hurt a training\n", wrong);
    if (!err && !wrong) printf("nothing would hurt a training\n");
    trained_free(&known);
    check_free(&c);
    return err;
}

int command_check(int argc, char **argv) {
    options o = {.shown = 10};
    cli_option table[] = {
        {"images", 'i', CLI_TEXT, &o.images, "FILE.idx",
         "IDX file (or .gz) with the pictures: row i of the\nlabels is picture i's", 0, 0, NULL},
        {"alphabet", 'a', CLI_TEXT, &o.alphabet, "TEXT|@FILE", "the characters that texts may have (default: any)", 0,
         0, NULL},
        {"init", 0, CLI_TEXT, &o.init, "FILE", "compare with a trained model: its alphabet, height and frames", 0, 0,
         NULL},
        {"model", 'm', CLI_TEXT, &o.model, "NAME", "design whose frames texts must fit (default: the one suggested)", 0,
         0, NULL},
        {"height", 0, CLI_INT, &o.height, "N", "rows of a picture (default: those suggested)", 8, 64, NULL},
        {"show", 0, CLI_INT, &o.shown, "N", "list N of each kind; 0: all", 0, 1e9, NULL},
    };
    cli_command command = {
        "crnn_ocr",
        "check",
        "LABELS.tsv [OPTION]..",
        "Looks labelled pictures through before a training: lines and pictures that cannot be read,\n"
        "characters outside the alphabet, texts that do not fit into their picture's frames, pictures\n"
        "that are there twice, odd shapes. Suggests an alphabet, a height and a model. The exit code is\n"
        "0 when nothing would hurt, otherwise 1.",
        sizeof table / sizeof *table,
        table};
    int n = cli_parse(&command, argc, argv);
    if (n != 1) cli_usage_error(&command, n ? "one labels.tsv at a time" : "which labels.tsv?");
    if (o.model && !crnn_design_find(o.model)) cli_usage_error(&command, "unknown model \"%s\"", o.model);
    if (o.init && (o.model || o.height)) cli_usage_error(&command, "--init brings its own --model and --height");
    o.labels = argv[1];
    tw_ctx *ctx = open_context(PROGRAM, 0, 1);
    bool hurts = false;
    tw_err err = run(ctx, &o, &hurts);
    if (err) report(PROGRAM, ctx);
    tw_ctx_free(ctx);
    return err || hurts ? 1 : 0;
}
