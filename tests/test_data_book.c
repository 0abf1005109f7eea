/* test_data_book.c - the code of docs/data.md, run. */
#include "util_files.h"

TestSuite(data_book, .fini = remove_files);

/* quote: own-dataset */
/* Bars of random length and shade, pointing right (class 0) or down (class 1). */
typedef struct bars {
    int side;
} bars;

static tw_err bars_get(void *user, size_t i, uint64_t stream, tw_sample *sample, char *message, size_t size) {
    const bars *b = user;
    (void)message, (void)size; /* nothing here can fail */
    int down = (int)(i % 2), length = 2 + (int)(tw_random_bits(stream, 0) % (uint64_t)(b->side - 1));
    tw_real shade = (tw_real)(0.5 + 0.5 * tw_random_uniform(stream, 1));
    for (int k = 0; k < b->side * b->side; k++) sample->x[k] = 0;
    for (int k = 0; k < length; k++) sample->x[down ? k * b->side : k] = shade;
    sample->width = b->side;
    sample->label[0] = down;
    sample->label_length = 1;
    return TW_OK;
}

static tw_dataset bars_dataset(bars *b, size_t count) {
    return (tw_dataset){
        .count = count,
        .channels = 1,
        .height = b->side,
        .max_width = b->side,
        .max_label = 1,
        .user = b,
        .get = bars_get,
    };
}
/* end quote */

/* quote: epoch */
/* One epoch over a dataset; returns how many samples there were, or -1 after an error, which is in ctx. */
static long one_epoch(tw_ctx *ctx, const tw_dataset *data, uint64_t seed) {
    tw_loader *loader = tw_loader_new(ctx, data, &(tw_loader_options){.batch = 16, .seed = seed, .shuffle = true});
    if (!loader) return -1;
    const tw_batch *b;
    long samples = 0;
    while (!tw_loader_next(loader, &b) && b) {
        tw_step_begin(ctx);
        tw_tensor *x = tw_input(ctx, b->x, 4, b->dim); /* [n,C,H,W] */
        /* ... the network, its loss with b->label, tw_backward, tw_optim_step ... */
        if (!x) break;
        samples += b->n;
    }
    tw_loader_free(loader);
    return tw_error(ctx) ? -1 : samples;
}
/* end quote */

Test(data_book, own_dataset) {
    tw_ctx *ctx = tw_ctx_new(1);
    bars b = {8};
    tw_dataset data = bars_dataset(&b, 100);
    cr_assert_eq(one_epoch(ctx, &data, 1), 100);
    tw_loader *l = tw_loader_new(ctx, &data, &(tw_loader_options){.batch = 100});
    const tw_batch *batch;
    cr_assert_eq(tw_loader_next(l, &batch), TW_OK);
    for (int i = 0; i < 100; i++) {
        const tw_real *x = batch->x + (size_t)i * 64;
        cr_assert(x[0] >= (tw_real)0.5 && (batch->label.v[i] ? x[8] == x[0] && !x[1] : x[1] == x[0] && !x[8]));
    }
    tw_loader_free(l);
    tw_ctx_free(ctx);
}

/* quote: labelled-files */
/* Pictures listed in a TSV, 32 rows high, each with its text in symbols of the alphabet. */
static tw_err labelled_files(tw_ctx *ctx, const tw_tsv *tsv, const tw_alphabet *alphabet, tw_dataset *data) {
    size_t room = 0, used = 0;
    for (size_t i = 0; i < tsv->n; i++) room += strlen(tsv->row[i].text); /* bytes: enough */
    int32_t *symbol = malloc((room + 1) * sizeof *symbol), *length = malloc((tsv->n + 1) * sizeof *length);
    tw_err err = symbol && length ? TW_OK : TW_ERR_NOMEM;
    for (size_t i = 0; !err && i < tsv->n; i++) {
        size_t n = room - used;
        err = tw_alphabet_encode(ctx, alphabet, tsv->row[i].text, symbol + used, &n);
        length[i] = (int32_t)n;
        used += n;
    }
    tw_picture_options options = {.height = 32, .mean = 0.5, .std = 0.5};
    if (!err) err = tw_dataset_files(ctx, tsv, (tw_labels){symbol, used}, (tw_labels){length, tsv->n}, &options, data);
    free(symbol); /* the dataset has its own copy */
    free(length);
    return err;
}
/* end quote */

Test(data_book, labelled_files) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_image image;
    const char *picture = write_text("a.png", "");
    cr_assert_eq(tw_image_new(ctx, 20, 16, 1, 255, &image), TW_OK);
    cr_assert_eq(tw_image_save_png(ctx, picture, &image), TW_OK);
    tw_image_free(&image);
    char text[600];
    snprintf(text, sizeof text, "%s\tcab\n%s\tb\n", picture, picture);
    tw_tsv tsv;
    cr_assert_eq(tw_tsv_load(ctx, write_text("labels.tsv", text), &tsv), TW_OK, "%s", tw_errmsg(ctx));
    tw_alphabet *alphabet = tw_alphabet_new(ctx, "abc");
    tw_dataset data;
    cr_assert_eq(labelled_files(ctx, &tsv, alphabet, &data), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert(data.count == 2 && data.height == 32 && data.max_width == 40 && data.max_label == 3);
    cr_assert_eq(one_epoch(ctx, &data, 1), 2);
    tw_dataset_free(&data);
    tw_alphabet_free(alphabet);
    tw_tsv_free(&tsv);
    tw_ctx_free(ctx);
}

/* quote: csv */
/* Trains on a table's rows to predict its last column; returns the mean squared error of the last epoch, or -1. */
static double fit_table(tw_ctx *ctx, const char *path, int epochs) {
    double mean[16], std[16], error = -1;
    const char *const target[] = {"-1"}; /* by name, or by number as here */
    tw_csv csv;
    tw_dataset data = {0};
    tw_err err = tw_csv_load(ctx, path, &(tw_csv_options){.header = true}, &csv);
    if (!err && csv.columns > 16) err = TW_ERR_SHAPE;
    for (int c = 0; !err && c < csv.columns; c++) tw_csv_mean_std(&csv, c, &mean[c], &std[c]);
    tw_csv_dataset_options options = {.target = target, .targets = 1, .mean = mean, .std = std};
    if (!err) err = tw_dataset_csv(ctx, &csv, &options, &data);

    tw_params *params = tw_params_new(ctx);
    tw_layer *net = err ? NULL : tw_dense_new(params, "fc", data.max_width, 1, NULL);
    tw_optim *opt = tw_optim_new(params, "adam:lr=0.1");
    tw_loader *loader = net ? tw_loader_new(ctx, &data, &(tw_loader_options){.batch = 8, .shuffle = true}) : NULL;
    for (int epoch = 0; loader && epoch < epochs && !tw_error(ctx); epoch++) {
        const tw_batch *b;
        double sum = 0;
        while (!tw_loader_next(loader, &b) && b) {
            tw_step_begin(ctx);
            tw_tensor *y = tw_forward(ctx, net, tw_input(ctx, b->x, 2, (int[]){b->n, data.max_width}));
            tw_tensor *loss = tw_mse_loss(ctx, y, tw_input(ctx, b->target.v, 2, (int[]){b->n, 1}), NULL);
            tw_backward(ctx, loss);
            if (tw_optim_step(opt)) break;
            sum += b->n * (double)tw_item(loss);
        }
        error = sum / (double)data.count;
    }
    tw_loader_free(loader);
    tw_optim_free(opt);
    tw_params_free(params);
    tw_dataset_free(&data);
    tw_csv_free(&csv);
    return tw_error(ctx) ? -1 : error;
}
/* end quote */

Test(data_book, a_table) {
    tw_ctx *ctx = tw_ctx_new(1);
    char text[4000] = "first,second,price\n";
    for (int i = 0; i < 60; i++) {
        int a = i * 7 % 60, b = i * 11 % 13;
        snprintf(text + strlen(text), sizeof text - strlen(text), "%d,%d.5,%g\n", a, b, 0.1 * a - 0.3 * (b + 0.5) + 2);
    }
    double error = fit_table(ctx, write_text("table.csv", text), 60);
    cr_assert(error >= 0 && error < 1e-3, "%g %s", error, tw_errmsg(ctx));
    cr_assert_eq(fit_table(ctx, write_text("bad.csv", "a,b\n1,x\n"), 1), -1);
    cr_assert(strstr(tw_errmsg(ctx), "bad.csv:2: column 1 (\"b\"): \"x\" is no number"), "%s", tw_errmsg(ctx));
    tw_ctx_free(ctx);
}
