/* demo_samples.c - the first minute of `crnn_ocr demo`: the model that ships reads pictures of the repository. */
#include "commands.h"
#include "demo.h"
#include "reading.h"
#include "shipped.h"

#include <stdio.h>
#include <string.h>

#define PROGRAM "crnn_ocr demo"

static tw_err read_sample(tw_ctx *ctx, reader *r, const tw_tsv_row *row, bool *right) {
    tw_image gray;
    reading got;
    tw_err err = tw_image_load(ctx, row->path, 1, &gray);
    if (err) return err;
    err = reader_read(r, &gray, &got);
    tw_image_free(&gray);
    if (err) return err;
    const char *text = got.n ? got.best[0].text : "", *slash = strrchr(row->path, '/');
    *right = !strcmp(text, row->text);
    printf("  %-10s %-24s %-24s %.4f%s\n", slash ? slash + 1 : row->path, row->text, text,
           got.n ? reading_confidence(&got.best[0]) : 0, *right ? "" : "  wrong");
    return TW_OK;
}

static tw_err read_samples(tw_ctx *ctx, const char *model, const tw_tsv *samples) {
    decoding_options greedy = decoding_defaults();
    reader r;
    size_t exact = 0;
    tw_err err = reader_open(ctx, model, &greedy, false, &r);
    if (err) return err;
    printf("The model that ships, %s, reads pictures in fonts it never saw:\n", model);
    printf("  %-10s %-24s %-24s %s\n", "picture", "there is", "it reads", "confidence");
    for (size_t i = 0; !err && i < samples->n; i++) {
        bool right = false;
        err = read_sample(ctx, &r, &samples->row[i], &right);
        exact += right;
    }
    if (!err) printf("%zu of %zu are right. Now a small one is trained from nothing.\n", exact, samples->n);
    fflush(stdout);
    reader_close(&r);
    return err;
}

/* Without a model, or pictures, there is nothing to show, and the training goes on all the same. */
void demo_read_samples(int threads) {
    char model[4096], labels[4096];
    tw_tsv samples = {0};
    tw_ctx *ctx = open_context(PROGRAM, 0, threads);
    tw_err err = shipped_find(ctx, model, sizeof model);
    if (!err) err = shipped_samples(ctx, labels, sizeof labels);
    if (!err) err = tw_tsv_load(ctx, labels, &samples);
    if (!err) err = read_samples(ctx, model, &samples);
    if (err) printf("The sample pictures are not read: %s.\n", tw_errmsg(ctx));
    fflush(stdout);
    tw_tsv_free(&samples);
    tw_ctx_free(ctx);
}
