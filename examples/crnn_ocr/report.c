/* report.c - see report.h. */
#include "report.h"

#include "curve.h"
#include "html.h"
#include "mistakes.h"
#include "trust.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>

#include "../common/outfile.h"

enum { MISTAKES = 40, PAIRS = 30, COLUMNS = 9 };

/* ---- curves --------------------------------------------------------------------------------------------------- */

/* The columns of the history, each [n]. */
typedef struct columns {
    size_t n;
    double *epoch, *loss, *cer, *valid_cer, *valid_exact, *lr, *norm, *rate, *seconds;
} columns;

static size_t count_rows(const history *h) {
    size_t n = 0;
    for (const char *p = h->text; p && *p; p++) n += *p == '\n';
    return n;
}

/* In one block, which c->epoch is the beginning of. */
static bool read_columns(const history *h, columns *c) {
    size_t room = count_rows(h) + 1;
    double *block = malloc(COLUMNS * room * sizeof *block);
    if (!block) return false;
    *c = (columns){0,
                   block,
                   block + room,
                   block + 2 * room,
                   block + 3 * room,
                   block + 4 * room,
                   block + 5 * room,
                   block + 6 * room,
                   block + 7 * room,
                   block + 8 * room};
    history_row row;
    for (const char *at = h->text; c->n + 1 < room && history_next(&at, &row); c->n++) {
        size_t i = c->n;
        c->epoch[i] = row.epoch, c->loss[i] = row.loss, c->cer[i] = row.cer;
        c->valid_cer[i] = row.valid_cer, c->valid_exact[i] = row.valid_exact;
        c->lr[i] = row.lr, c->norm[i] = row.norm, c->rate[i] = row.rate, c->seconds[i] = row.seconds;
    }
    return true;
}

static void put_curves(FILE *f, const columns *c) {
    fputs("<h2>Curves</h2>\n<div class=\"grid\">\n", f);
    curve loss = {"training", c->loss}, cer[] = {{"training", c->cer}, {"validation", c->valid_cer}};
    curve exact = {"validation", c->valid_exact}, lr = {"", c->lr}, norm = {"", c->norm}, rate = {"", c->rate};
    curve_draw(f, "Loss by epoch", c->n, c->epoch, 1, &loss, true);
    curve_draw(f, "Mistakes a character", c->n, c->epoch, 2, cer, true);
    curve_draw(f, "Texts without a mistake (validation)", c->n, c->epoch, 1, &exact, false);
    curve_draw(f, "Learning rate", c->n, c->epoch, 1, &lr, false);
    curve_draw(f, "Norm of the gradient before clipping", c->n, c->epoch, 1, &norm, true);
    curve_draw(f, "Pictures a second", c->n, c->epoch, 1, &rate, false);
    fputs("</div>\n", f);
}

/* ---- figures -------------------------------------------------------------------------------------------------- */

static void put_estimate(FILE *f, const char *name, estimate e) {
    fprintf(f, "<tr><td>%s</td><td class=\"n\">%.4f</td><td class=\"n dim\">%.4f &ndash; %.4f</td></tr>\n", name,
            e.value, e.low, e.high);
}

static void put_figures(FILE *f, const report_of *r) {
    const metrics *m = r->metrics;
    fprintf(f, "<h2>Validation: %zu pictures</h2>\n<table><tr><th></th><th class=\"n\">last epoch</th>", m->n);
    fputs("<th class=\"n\">95 %</th></tr>\n", f);
    put_estimate(f, "texts without a mistake", metrics_right(m, METRICS_EXACT));
    put_estimate(f, "the same, A being a", metrics_right(m, METRICS_CASE));
    put_estimate(f, "the same, letters and digits alone", metrics_right(m, METRICS_PLAIN));
    put_estimate(f, "mistakes a character (CER)", metrics_cer(m));
    put_estimate(f, "mistakes a word (WER)", metrics_wer(m));
    fputs("</table>\n<div class=\"grid\">\n", f);
    trust_draw(f, &r->readings->trust);
    fputs("</div>\n", f);
}

/* ---- mistakes ------------------------------------------------------------------------------------------------- */

static tw_err put_mistake(tw_ctx *ctx, FILE *f, const report_of *r, size_t row) {
    char place[4200];
    tw_image image;
    tw_err err = labelled_picture(ctx, r->valid, row, 64, &image);
    char *url = err ? NULL : html_data_url(ctx, &image);
    tw_image_free(&image);
    if (!url) return tw_error(ctx);
    labelled_place(r->valid, row, place, sizeof place);
    const reading *read = &r->readings->of[row];
    err = html_mistake(ctx, f, url, r->valid->tsv.row[row].text, read->text ? read->text : "", exp(read->log_prob),
                       place);
    free(url);
    return err;
}

static tw_err put_mistakes(tw_ctx *ctx, FILE *f, const report_of *r) {
    size_t row[MISTAKES], n = MISTAKES, wrong = 0;
    for (size_t i = 0; i < r->metrics->n; i++) wrong += r->metrics->text[i].edits > 0;
    readings_worst(r->readings, r->metrics, row, &n);
    fprintf(f, "<h2>Worst mistakes: %zu of %zu</h2>\n", n, wrong);
    if (!wrong) fputs("<p>None.</p>\n", f);
    else
        fputs(
            "<p class=\"dim small\">Most wrong characters first, and of those the surest. <span class=\"t\">"
            "<mark>x</mark></span> is another character, <span class=\"t\"><mark class=\"gap\">\xc2\xb7</mark></span> "
            "one that is missing.</p>\n",
            f);
    html_mistakes_begin(f);
    tw_err err = TW_OK;
    for (size_t i = 0; !err && i < n; i++) err = put_mistake(ctx, f, r, row[i]);
    html_mistakes_end(f);
    return err;
}

static tw_err put_confusion(tw_ctx *ctx, FILE *f, const metrics *m) {
    size_t n;
    tw_confusion_pair *pair = metrics_confused(ctx, m, PAIRS, &n);
    if (!pair) return tw_error(ctx);
    if (n) fputs("<h2>Confused characters</h2>\n<div class=\"pairs\">\n", f);
    for (size_t i = 0; i < n; i++) {
        fputs("<div class=\"t\">", f);
        html_point(f, pair[i].truth);
        fputs(" <span class=\"dim\">read as</span> ", f);
        html_point(f, pair[i].read);
        fprintf(f, " <span class=\"dim\">&times; %zu</span></div>\n", pair[i].count);
    }
    if (n) fputs("</div>\n", f);
    free(pair);
    return TW_OK;
}

/* ---- the recipe ----------------------------------------------------------------------------------------------- */

static void put_pair(FILE *f, const char *name, const char *value) {
    if (!value) return;
    fprintf(f, "<dt>%s</dt><dd class=\"t\">", name);
    html_text(f, value);
    fputs("</dd>", f);
}

static void put_number(FILE *f, const char *name, double value) {
    if (value > 0) fprintf(f, "<dt>%s</dt><dd class=\"t\">%.10g</dd>", name, value);
}

static void put_recipe(FILE *f, const report_of *r) {
    const recipe *p = r->recipe;
    fputs("<h2>Recipe</h2>\n<dl>", f);
    put_pair(f, "model", p->model);
    put_number(f, "weights", (double)r->weights);
    put_pair(f, "begun with", p->init);
    put_pair(f, "data", p->data);
    put_number(f, "pictures an epoch", (double)r->pictures);
    put_number(f, "rendered part", p->mix);
    put_number(f, "validation part", p->val_split);
    put_pair(f, "augmentation", p->augment);
    put_number(f, "height", p->height);
    put_number(f, "epochs", p->epochs);
    put_number(f, "batch", p->batch);
    put_pair(f, "optimiser", p->optim);
    put_number(f, "learning rate", p->lr);
    put_pair(f, "schedule", p->schedule);
    put_number(f, "clip", p->clip);
    put_number(f, "average of weights", p->ema);
    put_number(f, "patience", p->patience);
    fprintf(f, "<dt>seed</dt><dd class=\"t\">%llu</dd>", (unsigned long long)p->seed);
    put_number(f, "characters", tw_alphabet_classes(r->alphabet) - 1);
    put_pair(f, "alphabet", tw_alphabet_text(r->alphabet));
    fputs("</dl>\n", f);
}

/* ---- the page ------------------------------------------------------------------------------------------------- */

static tw_err put_page(tw_ctx *ctx, FILE *f, const report_of *r, const columns *c) {
    char title[256];
    const char *slash = strrchr(r->model, '/');
    snprintf(title, sizeof title, "%.200s", slash ? slash + 1 : r->model);
    html_begin(f, title);
    double seconds = c->n ? c->seconds[c->n - 1] : 0;
    fprintf(f, "<p>%s, %.0f:%02.0f minutes", r->state, floor(seconds / 60), floor(fmod(seconds, 60)));
    if (r->best_epoch) fprintf(f, ", best epoch %d", r->best_epoch);
    fputs("</p>\n", f);
    put_curves(f, c);
    tw_err err = TW_OK;
    if (r->metrics) {
        put_figures(f, r);
        err = put_confusion(ctx, f, r->metrics);
        if (!err) err = put_mistakes(ctx, f, r);
    } else {
        fputs("<p class=\"dim\">There was nothing to validate on (--val, --val-split), so no mistakes are shown.</p>\n",
              f);
    }
    put_recipe(f, r);
    html_end(f);
    return err;
}

tw_err report_write(tw_ctx *ctx, const char *path, const report_of *r) {
    columns c = {0};
    outfile file;
    if (!read_columns(r->past, &c)) return tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory");
    tw_err err = outfile_open(ctx, &file, path);
    if (!err) err = put_page(ctx, file.to, r, &c);
    if (!err) err = outfile_close(ctx, &file, path);
    else outfile_drop(&file);
    free(c.epoch);
    return err;
}
