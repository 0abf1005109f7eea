/* mistakes.c - see mistakes.h. */
#include "mistakes.h"

#include "html.h"
#include "numbered.h"
#include "trust.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <thalweg/extend.h>

#include "../common/outfile.h"
#include "../common/plain.h"

tw_err labelled_picture(tw_ctx *ctx, const labelled *data, size_t i, int height, tw_image *image) {
    tw_image whole = {0};
    tw_err err = TW_OK;
    *image = (tw_image){0};
    if (data->images.ndim) {
        int h = data->images.dim[1], w = data->images.dim[2];
        err = tw_image_new(ctx, w, h, 1, 0, &whole);
        size_t pixels = (size_t)h * (size_t)w;
        if (!err) memcpy(whole.data, data->images.data + i * pixels, pixels);
    } else {
        err = tw_image_load(ctx, data->tsv.row[i].path, 0, &whole);
    }
    if (!err) err = tw_image_fit(ctx, &whole, whole.height < height ? whole.height : height, 16 * height, image);
    tw_image_free(&whole);
    return err;
}

void labelled_place(const labelled *data, size_t i, char *text, size_t size) {
    const tw_tsv_row *row = &data->tsv.row[i];
    const char *slash = strrchr(data->tsv.path, '/');
    snprintf(text, size, "%s, %s:%d", row->path, slash ? slash + 1 : data->tsv.path, row->line);
}

/* ---- the folder ------------------------------------------------------------------------------------------------- */

#define TABLE "mistakes.tsv"
#define PAGE "index.html"

typedef struct folder {
    numbered pictures;
    outfile table, page;
} folder;

static numbered pictures_in(tw_ctx *ctx, const char *path) {
    return (numbered){.ctx = ctx, .folder = path, .prefix = "mistake-", .table = {TABLE, PAGE}};
}

tw_err mistakes_claim(tw_ctx *ctx, const char *path) {
    numbered in = pictures_in(ctx, path);
    return numbered_claim(&in, "--errors");
}

tw_err mistakes_begin(tw_ctx *ctx, const char *path) {
    numbered in = pictures_in(ctx, path);
    return numbered_begin(&in);
}

/* ---- what is in it ---------------------------------------------------------------------------------------------- */

static void put_row(FILE *to, const char *const text[3], double p, unsigned edits, const char *place) {
    for (int i = 0; i < 3; i++) {
        plain_put(to, text[i]);
        putc('\t', to);
    }
    fprintf(to, "%.4f\t%u\t", p, edits);
    plain_put(to, place);
    putc('\n', to);
}

static tw_err write_one(folder *to, const labelled *data, const readings *r, const metrics *m, size_t row,
                        size_t number) {
    tw_ctx *ctx = to->pictures.ctx;
    char name[64], place[4200];
    tw_image image;
    numbered_name(&to->pictures, number, name, sizeof name);
    labelled_place(data, row, place, sizeof place);
    const char *truth = data->tsv.row[row].text, *read = r->of[row].text ? r->of[row].text : "";
    double p = exp(r->of[row].log_prob);
    tw_err err = labelled_picture(ctx, data, row, 128, &image);
    if (!err) err = numbered_write(&to->pictures, number, &image);
    tw_image_free(&image);
    if (err) return err;
    put_row(to->table.to, (const char *const[]){name, truth, read}, p, m->text[row].edits, place);
    return html_mistake(ctx, to->page.to, name, truth, read, p, place);
}

/* An earlier, worse run had more of them. */
static tw_err remove_others(folder *to, size_t written) {
    size_t *number, count;
    tw_err err = numbered_list(&to->pictures, &number, &count);
    for (size_t i = 0; !err && i < count; i++)
        if (!number[i] || number[i] > written) err = numbered_remove(&to->pictures, number[i]);
    free(number);
    return err;
}

static tw_err close_in(folder *to, outfile *file, const char *name) {
    char *path = numbered_in(&to->pictures, name);
    tw_err err = path ? outfile_close(to->pictures.ctx, file, path) : tw_error(to->pictures.ctx);
    free(path);
    return err;
}

tw_err mistakes_write(tw_ctx *ctx, const char *path, const labelled *data, const readings *r, const metrics *m,
                      size_t *count) {
    char title[128];
    size_t *row = malloc((m->n + 1) * sizeof *row);
    *count = m->n;
    if (!row) return tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory");
    readings_worst(r, m, row, count);
    folder to = {.pictures = pictures_in(ctx, path)};
    tw_err err = outfile_open(ctx, &to.table, path);
    if (!err) err = outfile_open(ctx, &to.page, path);
    if (!err) {
        snprintf(title, sizeof title, "%zu of %zu pictures misread", *count, m->n);
        html_begin(to.page.to, title);
        fputs("<div class=\"grid\">\n", to.page.to);
        trust_draw(to.page.to, &r->trust);
        fputs("</div>\n", to.page.to);
        html_mistakes_begin(to.page.to);
        for (size_t i = 0; !err && i < *count; i++) err = write_one(&to, data, r, m, row[i], i + 1);
        html_mistakes_end(to.page.to);
        html_end(to.page.to);
    }
    if (!err) err = remove_others(&to, *count);
    if (!err) err = close_in(&to, &to.table, TABLE);
    if (!err) err = close_in(&to, &to.page, PAGE);
    outfile_drop(&to.table);
    outfile_drop(&to.page);
    numbered_end(&to.pictures, err);
    free(row);
    return err;
}
