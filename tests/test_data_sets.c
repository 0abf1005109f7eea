/* test_data_sets.c - the ready-made datasets, and real data through the loader. */
#include "util_files.h"

#include <unistd.h>

static tw_ctx *ctx;
static void begin(void) { ctx = tw_ctx_new(1); }
static void end(void) {
    tw_ctx_free(ctx);
    remove_files();
}
TestSuite(data_sets, .init = begin, .fini = end);

static tw_labels labels_of(const int32_t *v, size_t n) { return (tw_labels){v, n}; }
#define LABELS(...) labels_of((const int32_t[]){__VA_ARGS__}, sizeof((const int32_t[]){__VA_ARGS__}) / sizeof(int32_t))

static tw_idx idx_of(int ndim, int n, int h, int w, uint8_t *data) {
    size_t size = (size_t)n * (size_t)(ndim == 3 ? h * w : 1);
    return (tw_idx){.ndim = ndim, .dim = {n, h, w}, .data = data, .size = size, .path = NULL};
}

/* ---- IDX ------------------------------------------------------------------------------------------------- */

Test(data_sets, classes_are_checked) {
    uint8_t pixel[24] = {0}, label[4] = {0, 1, 2, 3};
    tw_idx images = idx_of(3, 4, 2, 3, pixel), labels = idx_of(1, 4, 0, 0, label);
    tw_dataset set;
    tw_err err = tw_dataset_classes(ctx, &images, &labels, 3, NULL, &set);
    assert_sentence(ctx, err, TW_ERR_RANGE, "dataset: label 3 of sample 3 in (in memory) is not below 3", "");
    cr_assert(!set.user && !set.get);
    labels.dim[0] = 3, labels.size = 3, labels.path = (char[]){"t10k-labels"};
    err = tw_dataset_classes(ctx, &images, &labels, 10, NULL, &set);
    assert_sentence(ctx, err, TW_ERR_SHAPE, "dataset: 4 pictures in (in memory), but 3 labels in t10k-labels", "");
    err = tw_dataset_classes(ctx, &labels, &labels, 10, NULL, &set);
    assert_sentence(ctx, err, TW_ERR_SHAPE, "dataset: pictures have 3 dimensions [n,H,W], those in t10k-labels 1", "");
    err = tw_dataset_classes(ctx, &images, &images, 10, NULL, &set);
    assert_sentence(ctx, err, TW_ERR_SHAPE, "dataset: classes have 1 dimension, those in (in memory) 3", "");
    err = tw_dataset_classes(ctx, &images, &labels, 10, &(tw_picture_options){.std = -1}, &set);
    assert_sentence(ctx, err, TW_ERR_RANGE, "dataset: the std cannot be -1", "");
    err = tw_dataset_classes(ctx, &images, &labels, 10, &(tw_picture_options){.std = NAN}, &set);
    assert_sentence(ctx, err, TW_ERR_RANGE, "dataset: the std cannot be nan", "");
    err = tw_dataset_classes(ctx, &images, &labels, 10, &(tw_picture_options){.max_width = -1}, &set);
    assert_sentence(ctx, err, TW_ERR_RANGE, "dataset: height 0 or max_width -1 is negative", "");
    images.dim[1] = 0;
    err = tw_dataset_classes(ctx, &images, &labels, 10, NULL, &set);
    assert_sentence(ctx, err, TW_ERR_SHAPE, "dataset: the pictures in (in memory) are 3 x 0 pixels", "");
    tw_dataset_free(&set);
    tw_dataset_free(NULL);
}

Test(data_sets, texts_from_idx) {
    uint8_t pixel[3 * 2 * 4];
    for (size_t i = 0; i < sizeof pixel; i++) pixel[i] = (uint8_t)(10 * i);
    tw_idx images = idx_of(3, 3, 2, 4, pixel);
    tw_dataset set;
    cr_assert_eq(tw_dataset_texts(ctx, &images, LABELS(5, 6, 7, 8), LABELS(1, 0, 3), NULL, &set), TW_OK, "%s",
                 tw_errmsg(ctx));
    cr_assert(set.count == 3 && set.sequences && set.max_label == 3 && set.height == 2 && set.max_width == 4);
    tw_loader *l = tw_loader_new(ctx, &set, &(tw_loader_options){.batch = 3});
    const tw_batch *b;
    cr_assert_eq(tw_loader_next(l, &b), TW_OK);
    cr_assert(b->label.n == 4 && !memcmp(b->label.v, (int32_t[]){5, 6, 7, 8}, 16));
    cr_assert(b->label_length.n == 3 && !memcmp(b->label_length.v, (int32_t[]){1, 0, 3}, 12));
    for (size_t i = 0; i < sizeof pixel; i++) cr_assert(near((double)b->x[i], pixel[i] / 255.0, 1e-6));
    tw_loader_free(l);
    tw_dataset_free(&set);

    /* Twice as high, with the aspect; and squeezed. The rows of a picture stay together. */
    for (int squeeze = 0; squeeze < 2; squeeze++) {
        tw_picture_options o = {.height = 4, .max_width = squeeze ? 5 : 0};
        cr_assert_eq(tw_dataset_texts(ctx, &images, LABELS(1), LABELS(1, 0, 0), &o, &set), TW_OK, "%s", tw_errmsg(ctx));
        cr_assert(set.height == 4 && set.max_width == (squeeze ? 5 : 8));
        l = tw_loader_new(ctx, &set, &(tw_loader_options){.batch = 3});
        cr_assert_eq(tw_loader_next(l, &b), TW_OK);
        for (int i = 0; i < 3; i++) {
            tw_image one = {4, 2, 1, pixel + 8 * i}, want;
            cr_assert_eq(tw_image_fit(ctx, &one, 4, o.max_width, &want), TW_OK);
            size_t n = 4 * (size_t)set.max_width;
            for (size_t k = 0; k < n; k++) cr_assert(near((double)b->x[(size_t)i * n + k], want.data[k] / 255.0, 1e-6));
            tw_image_free(&want);
        }
        tw_loader_free(l);
        tw_dataset_free(&set);
    }
}

Test(data_sets, label_lengths_are_checked) {
    uint8_t pixel[24] = {0};
    tw_idx images = idx_of(3, 3, 2, 4, pixel);
    tw_dataset set;
    tw_err err = tw_dataset_texts(ctx, &images, LABELS(5, 6), LABELS(1, 1), NULL, &set);
    assert_sentence(ctx, err, TW_ERR_SHAPE, "dataset: 3 pictures in (in memory), but 2 label lengths", "");
    err = tw_dataset_texts(ctx, &images, LABELS(5, 6), LABELS(1, -1, 2), NULL, &set);
    assert_sentence(ctx, err, TW_ERR_RANGE, "dataset: label length -1 of sample 1", "");
    err = tw_dataset_texts(ctx, &images, LABELS(5, 6), LABELS(1, 1, 1), NULL, &set);
    assert_sentence(ctx, err, TW_ERR_RANGE, "dataset: label length 1 of sample 2, but 0 of 2 symbols are left", "");
    err = tw_dataset_texts(ctx, &images, LABELS(5, 6), LABELS(1, 0, 0), NULL, &set);
    assert_sentence(ctx, err, TW_ERR_SHAPE, "dataset: the label lengths add up to 1, but there are 2 symbols", "");
    err = tw_dataset_texts(ctx, &images, LABELS(5, 6), (tw_labels){NULL, 3}, NULL, &set);
    assert_sentence(ctx, err, TW_ERR_RANGE, "dataset: the label lengths of (in memory) are NULL", "");
    err = tw_dataset_texts(ctx, &images, (tw_labels){NULL, 3}, LABELS(1, 1, 1), NULL, &set);
    assert_sentence(ctx, err, TW_ERR_RANGE, "dataset: the labels of (in memory) are NULL", "");
    cr_assert(!set.user);
}

/* ---- picture files --------------------------------------------------------------------------------------- */

static void save_gray(const char *path, int w, int h, uint8_t first) {
    tw_image image;
    cr_assert_eq(tw_image_new(ctx, w, h, 1, 0, &image), TW_OK);
    for (int i = 0; i < w * h; i++) image.data[i] = (uint8_t)(first + i);
    cr_assert_eq(tw_image_save_png(ctx, path, &image), TW_OK, "%s", tw_errmsg(ctx));
    tw_image_free(&image);
}

Test(data_sets, files) {
    const char *a = write_file("a.png", "", 0), *b = write_file("b.png", "", 0), *c = write_file("c.png", "", 0);
    save_gray(a, 10, 5, 0);
    save_gray(b, 4, 4, 100);
    save_gray(c, 30, 5, 50);
    char text[1000];
    snprintf(text, sizeof text, "%s\tone\n%s\ttwo\n\n%s\t\n", a, b, c);
    const char *path = write_text("labels.tsv", text);
    tw_tsv tsv;
    cr_assert_eq(tw_tsv_load(ctx, path, &tsv), TW_OK, "%s", tw_errmsg(ctx));
    tw_picture_options o = {.height = 8, .max_width = 40, .mean = 0.5, .std = 0.5};
    tw_dataset set;
    cr_assert_eq(tw_dataset_files(ctx, &tsv, LABELS(1, 2, 3), LABELS(2, 1, 0), &o, &set), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert(set.count == 3 && set.height == 8 && set.max_width == 40 && set.max_label == 2 && set.sequences);
    cr_assert(set.width(set.user, 0) == 16 && set.width(set.user, 1) == 8 && set.width(set.user, 2) == 40);
    tw_loader *l = tw_loader_new(ctx, &set, &(tw_loader_options){.batch = 3, .pad = 1});
    const tw_batch *batch;
    cr_assert_eq(tw_loader_next(l, &batch), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert(batch->dim[3] == 40 && !memcmp(batch->width.v, (int32_t[]){16, 8, 40}, 12));
    for (int i = 0; i < 3; i++) {
        tw_image image, fitted;
        cr_assert_eq(tw_image_load(ctx, tsv.row[i].path, 1, &image), TW_OK);
        cr_assert_eq(tw_image_fit(ctx, &image, 8, 40, &fitted), TW_OK);
        for (int y = 0; y < 8; y++)
            for (int x = 0; x < 40; x++) {
                double want = x < fitted.width ? (fitted.data[y * fitted.width + x] / 255.0 - 0.5) / 0.5 : 1;
                cr_assert(near((double)batch->x[(i * 8 + y) * 40 + x], want, 1e-6));
            }
        tw_image_free(&image);
        tw_image_free(&fitted);
    }
    tw_loader_free(l);

    /* A picture that changes or goes after the dataset was made is an error that names file and line. */
    l = tw_loader_new(ctx, &set, &(tw_loader_options){.batch = 1});
    cr_assert_eq(tw_loader_next(l, &batch), TW_OK, "%s", tw_errmsg(ctx));
    save_gray(b, 5, 4, 0);
    cr_assert_eq(tw_loader_seek(l, (tw_loader_position){0, 1}), TW_OK);
    char part[600];
    snprintf(part, sizeof part, "loader: sample 1: %s:2: the picture's size has changed", path);
    assert_sentence(ctx, tw_loader_next(l, &batch), TW_ERR_STATE, part, "");
    unlink(b);
    snprintf(part, sizeof part, "loader: sample 1: %s:2: %s: cannot be opened", path, b);
    assert_sentence(ctx, tw_loader_next(l, &batch), TW_ERR_IO, part, "");
    tw_loader_free(l);
    tw_dataset_free(&set);

    /* And when it is made: the line of the TSV, and of the picture what is wrong with it. */
    tw_err err = tw_dataset_files(ctx, &tsv, LABELS(1), LABELS(1, 0, 0), &o, &set);
    snprintf(part, sizeof part, "%s:2: %s: cannot be opened", path, b);
    assert_sentence(ctx, err, TW_ERR_IO, part, "");
    save_gray(b, 4, 4, 0);
    err = tw_dataset_files(ctx, &tsv, LABELS(1), LABELS(1, 0, 0), NULL, &set);
    snprintf(part, sizeof part, "%s:2: %s: 4 rows where the pictures before it have 5", path, b);
    assert_sentence(ctx, err, TW_ERR_SHAPE, part, "");
    err = tw_dataset_files(ctx, &tsv, LABELS(1), LABELS(1, 0), &o, &set);
    snprintf(part, sizeof part, "dataset: 3 pictures in %s, but 2 label lengths", path);
    assert_sentence(ctx, err, TW_ERR_SHAPE, part, "");
    tw_tsv_free(&tsv);
}

/* Columns 2 to 5 and rows 1 to 3; of a picture too narrow for that nothing that it has. */
static tw_box middle(const tw_image *gray) {
    cr_assert_eq(gray->channels, 1);
    return (tw_box){2, 1, 4, gray->height - 2};
}

Test(data_sets, parts_of_files) {
    const char *a = write_file("a.png", "", 0), *b = write_file("b.png", "", 0);
    save_gray(a, 10, 5, 0);
    save_gray(b, 6, 5, 100);
    char text[1000], part[600];
    snprintf(text, sizeof text, "%s\tone\n%s\ttwo\n", a, b);
    const char *path = write_text("labels.tsv", text);
    tw_tsv tsv;
    cr_assert_eq(tw_tsv_load(ctx, path, &tsv), TW_OK, "%s", tw_errmsg(ctx));
    tw_picture_options o = {.height = 3, .crop = middle};
    tw_dataset set;
    cr_assert_eq(tw_dataset_files(ctx, &tsv, LABELS(1, 2), LABELS(1, 1), &o, &set), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert(set.max_width == 4 && set.width(set.user, 0) == 4 && set.width(set.user, 1) == 4);
    tw_loader *l = tw_loader_new(ctx, &set, &(tw_loader_options){.batch = 2});
    const tw_batch *batch;
    cr_assert_eq(tw_loader_next(l, &batch), TW_OK, "%s", tw_errmsg(ctx));
    for (int y = 0; y < 3; y++)
        for (int x = 0; x < 4; x++) {
            cr_assert(near((double)batch->x[y * 4 + x] * 255, (y + 1) * 10 + x + 2, 1e-4));
            cr_assert(near((double)batch->x[12 + y * 4 + x] * 255, 100 + (y + 1) * 6 + x + 2, 1e-4));
        }
    tw_loader_free(l);
    tw_dataset_free(&set);

    /* A part that is not in the picture, and a file that is none, are named with their line. */
    save_gray(b, 5, 5, 0);
    snprintf(part, sizeof part, "%s:2: %s: crop gives a part that is not in the picture of 5 x 5 pixels", path, b);
    assert_sentence(ctx, tw_dataset_files(ctx, &tsv, LABELS(1, 2), LABELS(1, 1), &o, &set), TW_ERR_RANGE, part, "");
    write_file("b.png", "no picture", 10);
    snprintf(part, sizeof part, "%s:2: %s: ", path, b);
    assert_sentence(ctx, tw_dataset_files(ctx, &tsv, LABELS(1, 2), LABELS(1, 1), &o, &set), TW_ERR_FORMAT, part, "");
    tw_tsv_free(&tsv);
}

Test(data_sets, no_files_at_all) {
    tw_tsv tsv = {0};
    tw_dataset set;
    cr_assert_eq(tw_dataset_files(ctx, &tsv, (tw_labels){0}, (tw_labels){0}, NULL, &set), TW_OK, "%s", tw_errmsg(ctx));
    tw_loader *l = tw_loader_new(ctx, &set, &(tw_loader_options){.batch = 4, .shuffle = true, .buckets = 2});
    const tw_batch *b;
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(tw_loader_next(l, &b), TW_OK);
        cr_assert_null(b);
        cr_assert_eq(tw_loader_tell(l).epoch, i + 1);
    }
    tw_loader_free(l);
    tw_dataset_free(&set);
}

/* ---- real data ------------------------------------------------------------------------------------------- */

Test(data_sets, mnist_through_the_loader) {
    char dir[512];
    if (!test_data("mnist", dir, sizeof dir)) return;
    tw_idx images, labels;
    tw_dataset set;
    cr_assert_eq(tw_idx_find(ctx, dir, "t10k-images", 3, &images), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert_eq(tw_idx_find(ctx, dir, "t10k-labels", 1, &labels), TW_OK, "%s", tw_errmsg(ctx));
    double mean, std, sum = 0, square = 0;
    tw_idx_mean_std(&images, &mean, &std);
    cr_assert_eq(tw_dataset_classes(ctx, &images, &labels, 10, &(tw_picture_options){.mean = mean, .std = std}, &set),
                 TW_OK);
    tw_loader *l = tw_loader_new(ctx, &set, &(tw_loader_options){.batch = 64, .shuffle = true, .seed = 1});
    const tw_batch *b;
    size_t n = 0;
    for (;;) {
        cr_assert_eq(tw_loader_next(l, &b), TW_OK);
        if (!b) break;
        for (int i = 0; i < b->n; i++) cr_assert_eq(b->label.v[i], labels.data[b->index[i]]);
        for (size_t i = 0; i < (size_t)b->n * 784; i++, n++)
            sum += (double)b->x[i], square += (double)(b->x[i] * b->x[i]);
    }
    cr_assert_eq(n, 7840000);
    cr_assert(fabs(sum / 7840000) < 1e-5 && fabs(square / 7840000 - 1) < 1e-5);
    tw_loader_free(l);
    tw_dataset_free(&set);
    tw_idx_free(&images);
    tw_idx_free(&labels);
}

Test(data_sets, captcha4_through_the_loader) {
    char dir[512], path[600];
    if (!test_data("captcha4", dir, sizeof dir)) return;
    tw_idx images;
    tw_tsv tsv;
    tw_dataset set;
    cr_assert_eq(tw_idx_find(ctx, dir, "test-images", 3, &images), TW_OK, "%s", tw_errmsg(ctx));
    snprintf(path, sizeof path, "%s/test-labels.tsv", dir);
    cr_assert_eq(tw_tsv_load(ctx, path, &tsv), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert(images.dim[0] == 1000 && images.dim[1] == 24 && images.dim[2] == 72 && tsv.n == 1000);
    const char **text = malloc(tsv.n * sizeof *text);
    for (size_t i = 0; i < tsv.n; i++) text[i] = tsv.row[i].text;
    tw_alphabet *alphabet = tw_alphabet_from_texts(ctx, tsv.n, text);
    cr_assert_str_eq(tw_alphabet_text(alphabet), "23456789ABCDEFGHJKLMNPQRSTUVWXYZ");
    int32_t *symbol = malloc(4000 * sizeof *symbol), *length = malloc(1000 * sizeof *length);
    for (size_t i = 0; i < 1000; i++) {
        size_t n = 4;
        cr_assert_eq(tw_alphabet_encode(ctx, alphabet, text[i], symbol + 4 * i, &n), TW_OK, "%s", tw_errmsg(ctx));
        length[i] = (int32_t)n;
    }
    tw_picture_options o = {.height = 32};
    cr_assert_eq(tw_dataset_texts(ctx, &images, labels_of(symbol, 4000), labels_of(length, 1000), &o, &set), TW_OK);
    free(symbol);
    free(length);
    cr_assert(set.height == 32 && set.max_width == 96 && set.max_label == 4);
    tw_loader *l = tw_loader_new(ctx, &set, &(tw_loader_options){.batch = 32, .shuffle = true, .seed = 1});
    const tw_batch *b;
    int n = 0;
    for (;;) {
        cr_assert_eq(tw_loader_next(l, &b), TW_OK);
        if (!b) break;
        for (int i = 0; i < b->n; i++, n++) {
            char got[32];
            cr_assert_eq(tw_alphabet_decode(ctx, alphabet, b->label.v + 4 * i, 4, got, sizeof got), TW_OK);
            cr_assert_str_eq(got, text[b->index[i]]);
        }
    }
    cr_assert_eq(n, 1000);
    tw_loader_free(l);
    tw_dataset_free(&set);
    tw_alphabet_free(alphabet);
    free(text);
    tw_tsv_free(&tsv);
    tw_idx_free(&images);
}

/* Every sample picture is read, and its header says the same size. */
Test(data_sets, ocr_samples) {
    char path[512];
    if (!test_data("ocr_samples/labels.tsv", path, sizeof path)) return;
    tw_tsv tsv;
    tw_dataset set;
    cr_assert_eq(tw_tsv_load(ctx, path, &tsv), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert_eq(tsv.n, 38);
    int32_t zero[38] = {0};
    cr_assert_eq(
        tw_dataset_files(ctx, &tsv, (tw_labels){0}, labels_of(zero, 38), &(tw_picture_options){.height = 32}, &set),
        TW_OK, "%s", tw_errmsg(ctx));
    tw_loader *l = tw_loader_new(ctx, &set, &(tw_loader_options){.batch = 8, .shuffle = true, .buckets = 2});
    const tw_batch *b;
    int n = 0;
    for (;;) {
        cr_assert_eq(tw_loader_next(l, &b), TW_OK, "%s", tw_errmsg(ctx));
        if (!b) break;
        n += b->n;
    }
    cr_assert_eq(n, 38);
    tw_loader_free(l);
    tw_dataset_free(&set);
    tw_tsv_free(&tsv);
}
