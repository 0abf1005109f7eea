/* mistakes.c - see mistakes.h. */
#include "mistakes.h"

#include "html.h"
#include "trust.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <thalweg/extend.h>

#include "../common/outfile.h"

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

typedef struct folder {
    tw_ctx *ctx;
    const char *path;
    outfile table, page;
} folder;

static tw_err write_one(const folder *to, const labelled *data, const readings *r, const metrics *m, size_t row,
                        size_t number) {
    char path[4096], name[32], place[4200];
    tw_image image;
    snprintf(name, sizeof name, "%06zu.png", number);
    snprintf(path, sizeof path, "%s/%s", to->path, name);
    labelled_place(data, row, place, sizeof place);
    const char *truth = data->tsv.row[row].text, *read = r->of[row].text ? r->of[row].text : "";
    double p = exp(r->of[row].log_prob);
    tw_err err = labelled_picture(to->ctx, data, row, 128, &image);
    if (!err) err = tw_image_save_png(to->ctx, path, &image);
    tw_image_free(&image);
    if (err) return err;
    fprintf(to->table.to, "%s\t%s\t%s\t%.4f\t%u\t%s\n", name, truth, read, p, m->text[row].edits, place);
    return html_mistake(to->ctx, to->page.to, name, truth, read, p, place);
}

static tw_err close_in(folder *to, outfile *file, const char *name) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", to->path, name);
    return outfile_close(to->ctx, file, path);
}

tw_err mistakes_write(tw_ctx *ctx, const char *path, const labelled *data, const readings *r, const metrics *m,
                      size_t *count) {
    char title[128];
    size_t *row = malloc((m->n + 1) * sizeof *row);
    *count = m->n;
    if (!row) return tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory");
    readings_worst(r, m, row, count);
    if (mkdir(path, 0777) && errno != EEXIST) tw_fail(ctx, TW_ERR_IO, "%s: %s", path, strerror(errno));
    folder to = {.ctx = ctx, .path = path};
    tw_err err = tw_error(ctx);
    if (!err) err = outfile_open(ctx, &to.table, path);
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
    if (!err) err = close_in(&to, &to.table, "mistakes.tsv");
    if (!err) err = close_in(&to, &to.page, "index.html");
    outfile_drop(&to.table);
    outfile_drop(&to.page);
    free(row);
    return err;
}
