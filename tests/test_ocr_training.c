/* test_ocr_training.c - what crnn_ocr's training adds to the library's: averaged weights, weights of another network by
 * character, labels put aside, two datasets in one, augmentation. */
#include "../examples/crnn_ocr/augment.h"
#include "../examples/crnn_ocr/ema.h"
#include "../examples/crnn_ocr/guide.h"
#include "../examples/crnn_ocr/labelled.h"
#include "../examples/crnn_ocr/mixed.h"
#include "../examples/crnn_ocr/picture.h"
#include "../examples/crnn_ocr/training.h"
#include "../examples/crnn_ocr/transfer.h"
#include "util.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static tw_ctx *ctx;
static void begin(void) { ctx = tw_ctx_new(1); }
static void end(void) { tw_ctx_free(ctx); }
TestSuite(ocr_training, .init = begin, .fini = end);

static void make(crnn *net, int classes) {
    cr_assert_eq(crnn_new(ctx, net, crnn_design_find("tiny"), 16, classes), TW_OK, "%s", tw_errmsg(ctx));
}

/* ---- the average of weights ----------------------------------------------------------------------------------- */

Test(ocr_training, the_average_is_the_formulas) {
    crnn net, shown;
    make(&net, 5);
    cr_assert_null(net.ema);
    cr_assert_eq(ema_attach(&net), TW_OK);
    cr_assert_not_null(net.ema);
    cr_assert_eq(tw_params_seal(net.params), TW_OK);
    tw_tensor *w = tw_params_find(net.params, "out.bias"), *a = tw_params_find(net.params, "ema.out.bias");
    double want = 0;
    for (int step = 1; step <= 200; step++) {
        w->data[1] = (tw_real)(step % 7);
        double most = (1.0 + step) / (10.0 + step), d = step == 1 ? 0 : most < 0.95 ? most : 0.95;
        want = d * want + (1 - d) * w->data[1];
        cr_assert_eq(tw_ema_update(net.ema, 0.95, step), TW_OK);
        cr_assert_float_eq(a->data[1], want, 1e-4, "step %d: %g %g", step, (double)a->data[1], want);
    }
    make(&shown, 5);
    cr_assert_eq(tw_params_seal(shown.params), TW_OK);
    cr_assert_eq(ema_copy(&net, &shown), TW_OK);
    cr_assert_eq(tw_params_find(shown.params, "out.bias")->data[1], a->data[1]);
    cr_assert_eq(ema_use(&net), TW_OK);
    cr_assert_eq(w->data[1], a->data[1]);
    crnn_free(&shown);
    crnn_free(&net);
}

/* Checkpoints have averages and guide behind the network's own weights; models have neither. */
Test(ocr_training, averages_and_guide_do_not_reach_the_model) {
    crnn net, shown;
    make(&net, 5);
    make(&shown, 5);
    size_t own = tw_params_count(net.params);
    cr_assert_eq(ema_attach(&net), TW_OK);
    cr_assert_eq(guide_attach(&net), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert_eq(tw_params_count(net.params), 2 * own + 2);
    cr_assert_eq(tw_params_seal(net.params), TW_OK);
    cr_assert_eq(tw_params_seal(shown.params), TW_OK);
    tw_params_find(net.params, "guide.weight")->data[0] = 77;
    tw_params_find(net.params, "out.bias")->data[2] = 5;
    cr_assert_eq(tw_ema_update(net.ema, 0.9, 1), TW_OK);
    cr_assert_eq(ema_copy(&net, &shown), TW_OK);
    cr_assert_eq(tw_params_count(shown.params), own);
    cr_assert_eq(tw_params_find(shown.params, "out.bias")->data[2], 5);
    crnn_free(&shown);
    crnn_free(&net);
    make(&net, 5); /* a guide alone */
    make(&shown, 5);
    cr_assert_eq(guide_attach(&net), TW_OK);
    cr_assert_null(net.ema);
    cr_assert_eq(tw_params_seal(net.params), TW_OK);
    cr_assert_eq(tw_params_seal(shown.params), TW_OK);
    tw_params_find(net.params, "out.bias")->data[2] = 6;
    cr_assert_eq(ema_copy(&net, &shown), TW_OK);
    cr_assert_eq(tw_params_find(shown.params, "out.bias")->data[2], 6);
    crnn_free(&shown);
    crnn_free(&net);
}

/* ---- other alphabets ------------------------------------------------------------------------------------------ */

static trained known_reader(const char *characters) {
    trained t = {.alphabet = tw_alphabet_new(ctx, characters)};
    make(&t.net, tw_alphabet_classes(t.alphabet));
    cr_assert_eq(tw_params_seal(t.net.params), TW_OK);
    for (size_t i = 0; i < tw_params_count(t.net.params); i++) {
        tw_tensor *p = tw_params_at(t.net.params, i);
        for (size_t k = 0; k < p->size; k++) p->data[k] = (tw_real)(100 * i + k % 89);
    }
    return t;
}

Test(ocr_training, shared_characters_keep_their_rows) {
    trained from = known_reader("abcd");
    tw_alphabet *alphabet = tw_alphabet_new(ctx,
                                            "dxb\xc3\xa4"
                                            "a");
    static const int source[] = {0, 4, -1, 2, -1, 1}; /* blank, d, x, b, ä, a in "abcd" */
    crnn to, fresh;
    make(&to, tw_alphabet_classes(alphabet));
    make(&fresh, tw_alphabet_classes(alphabet));
    int kept;
    cr_assert_eq(transfer_weights(ctx, &from, "file", alphabet, &to, &kept), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert_eq(kept, 3);
    for (size_t i = 0; i < tw_params_count(to.params); i++) {
        const tw_tensor *t = tw_params_at(to.params, i), *f = tw_params_find(from.net.params, t->name);
        const tw_tensor *first = tw_params_find(fresh.params, t->name);
        bool rows = !strncmp(t->name, "out.", 4);
        size_t row = rows ? t->size / 6 : t->size;
        for (int s = 0; s < (rows ? 6 : 1); s++) {
            const tw_real *want = rows && source[s] < 0 ? first->data + (size_t)s * row
                : rows                                  ? f->data + (size_t)source[s] * row
                                                        : f->data;
            cr_assert_arr_eq(t->data + (size_t)s * row, want, row * sizeof *want, "%s, row %d", t->name, s);
        }
    }
    crnn_free(&fresh);
    crnn_free(&to);
    tw_alphabet_free(alphabet);
    trained_free(&from);
}

Test(ocr_training, another_height_or_design_is_refused) {
    trained from = known_reader("ab");
    crnn higher, small;
    int kept;
    cr_assert_eq(crnn_new(ctx, &higher, crnn_design_find("tiny"), 24, 3), TW_OK);
    cr_assert_eq(transfer_weights(ctx, &from, "m.st", from.alphabet, &higher, &kept), TW_ERR_RANGE);
    cr_assert(strstr(tw_errmsg(ctx), "m.st is a model tiny for pictures 16 high"), "%s", tw_errmsg(ctx));
    tw_error_clear(ctx);
    cr_assert_eq(crnn_new(ctx, &small, crnn_design_find("small"), 16, 3), TW_OK);
    cr_assert_eq(transfer_weights(ctx, &from, "m.st", from.alphabet, &small, &kept), TW_ERR_RANGE);
    crnn_free(&small);
    crnn_free(&higher);
    trained_free(&from);
}

Test(ocr_training, the_alphabet_grows_by_what_is_new) {
    trained from = known_reader("abc");
    tw_alphabet *texts = tw_alphabet_new(ctx,
                                         "b\xc3\xa4"
                                         "x\xe4\xb8\xad");
    tw_alphabet *all = transfer_alphabet(ctx, &from, texts);
    cr_assert(all, "%s", tw_errmsg(ctx));
    int32_t symbol[8];
    size_t n = 8;
    cr_assert_eq(tw_alphabet_classes(all), 7);
    cr_assert_eq(tw_alphabet_encode(ctx, all, "abc\xc3\xa4x\xe4\xb8\xad", symbol, &n), TW_OK);
    for (int32_t i = 0; i < 6; i++) cr_assert_eq(symbol[i], i + 1);
    tw_alphabet_free(all);
    tw_alphabet_free(texts);
    trained_free(&from);
}

/* ---- figures of an unfinished epoch --------------------------------------------------------------------------- */

Test(ocr_training, figures_survive_a_checkpoint) {
    training t =
        {.loss = 1.0 / 3, .read = {7, 5, 3, 29}, .infeasible = 2, .norm_sum = 1e-9, .norm_most = 3, .steps = 4};
    t.recent_weight = 2.5, t.recent_loss = 0.1, t.recent_edits = 4, t.recent_characters = 5;
    training got = {0};
    char text[TRAINING_FIGURES];
    training_write(&t, text);
    cr_assert(training_read(&got, text));
    cr_assert(got.loss == t.loss && got.read.samples == 7 && got.read.characters == 29 && got.norm_sum == 1e-9);
    cr_assert(got.steps == 4 && got.recent_characters == 5);
    training before = got;
    cr_assert(!training_read(&got, "1 2 3"));
    cr_assert(!training_read(&got, "words"));
    cr_assert_eq(got.steps, before.steps);
}

/* ---- labels put aside ------------------------------------------------------------------------------------------ */

static labelled idx_labels(int n) {
    labelled data = {0};
    data.images = (tw_idx){3, {n, 2, 3}, malloc((size_t)n * 6), (size_t)n * 6, NULL};
    data.tsv.row = calloc((size_t)n, sizeof *data.tsv.row);
    data.tsv.n = (size_t)n;
    data.tsv.path = "labels.tsv";
    for (int i = 0; i < n; i++) {
        memset(data.images.data + i * 6, i, 6);
        data.tsv.row[i] = (tw_tsv_row){"p", "t", i, "p"};
    }
    return data;
}

Test(ocr_training, labels_put_aside_are_on_one_side_only) {
    labelled data = idx_labels(100), again = idx_labels(100), other, same;
    cr_assert_eq(labelled_split(ctx, &data, 0.2, 5, &other), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert_eq(labelled_split(ctx, &again, 0.2, 5, &same), TW_OK);
    cr_assert_eq(other.tsv.n, 20);
    cr_assert_eq(data.tsv.n, 80);
    cr_assert(other.images.dim[0] == 20 && data.images.dim[0] == 80);
    bool seen[100] = {0};
    for (int side = 0; side < 2; side++) {
        const labelled *d = side ? &other : &data;
        for (size_t i = 0; i < d->tsv.n; i++) {
            int line = d->tsv.row[i].line;
            cr_assert(!seen[line]);
            seen[line] = true;
            for (int k = 0; k < 6; k++) cr_assert_eq(d->images.data[i * 6 + (size_t)k], line); /* its own picture */
        }
    }
    for (size_t i = 0; i < 20; i++) cr_assert_eq(other.tsv.row[i].line, same.tsv.row[i].line);
    labelled_free(&other);
    labelled_free(&same);
    labelled_free(&data);
    labelled_free(&again);
}

Test(ocr_training, all_rows_of_a_file_go_together_and_neither_side_is_empty) {
    labelled data = {0}, other;
    static const char *const path[] = {"a", "b", "c", "d", "e"};
    data.tsv.row = calloc(50, sizeof *data.tsv.row);
    data.tsv.n = 50;
    data.tsv.path = "labels.tsv";
    for (int i = 0; i < 50; i++) data.tsv.row[i] = (tw_tsv_row){path[i % 5], "t", i, path[i % 5]};
    cr_assert_eq(labelled_split(ctx, &data, 0.3, 1, &other), TW_OK);
    cr_assert(other.tsv.n % 10 == 0 && other.tsv.n && data.tsv.n);
    for (size_t i = 0; i < other.tsv.n; i++)
        for (size_t k = 0; k < data.tsv.n; k++) cr_assert_str_neq(other.tsv.row[i].path, data.tsv.row[k].path);
    labelled_free(&other);
    for (size_t i = 0; i < data.tsv.n; i++) data.tsv.row[i].path = data.tsv.row[i].name = "a";
    cr_assert_eq(labelled_split(ctx, &data, 0.3, 1, &other), TW_ERR_RANGE);
    labelled_free(&data);
}

/* ---- two datasets ----------------------------------------------------------------------------------------------- */

static tw_err get_number(void *user, size_t i, uint64_t stream, tw_sample *sample, char *message, size_t size) {
    (void)stream, (void)message, (void)size;
    cr_assert_eq(sample->width, *(const int *)user);
    sample->x[0] = (tw_real)i;
    sample->width = 1;
    sample->label_length = 0;
    return TW_OK;
}

Test(ocr_training, mixed_samples_come_from_their_own_dataset) {
    int wide = 10, narrow = 4;
    tw_dataset a = {.count = 3, .channels = 1, .height = 8, .max_width = wide, .max_label = 5, .sequences = true};
    tw_dataset b = a, both;
    a.user = &wide, a.get = get_number, b.user = &narrow, b.get = get_number;
    b.count = 2, b.max_width = narrow, b.max_label = 9;
    cr_assert_eq(mixed_dataset(ctx, &a, &b, &both), TW_OK);
    cr_assert(both.count == 5 && both.max_width == 10 && both.max_label == 9);
    for (size_t i = 0; i < 5; i++) {
        tw_real x[80];
        tw_sample sample = {.x = x, .width = both.max_width};
        cr_assert_eq(both.get(both.user, i, 0, &sample, NULL, 0), TW_OK);
        cr_assert_eq(x[0], (tw_real)(i < 3 ? i : i - 3));
        cr_assert_eq(both.width(both.user, i), i < 3 ? wide : narrow);
    }
    tw_dataset_free(&both);
    b.height = 16;
    cr_assert_eq(mixed_dataset(ctx, &a, &b, &both), TW_ERR_SHAPE);
}

/* ---- augmentation ----------------------------------------------------------------------------------------------- */

/* Pictures of every shape, with a fence behind the room that augment.h asks for. */
Test(ocr_training, augmentation_stays_in_its_room_and_keeps_the_ink) {
    for (int strength = 0; strength < AUGMENT_KINDS; strength++)
        for (uint64_t k = 0; k < 400; k++) {
            int height = 1 + (int)(tw_random_bits(k, 0) % 64), width = 1 + (int)(tw_random_bits(k, 1) % 300),
                own = width;
            if (k % 50 == 0) width = own = 4096;
            size_t room = (size_t)height * (size_t)augment_widest(width, (augment_strength)strength);
            tw_real *x = malloc((room + 1) * sizeof *x), *spare = malloc((room + 1) * sizeof *spare);
            tw_real *again = malloc((room + 1) * sizeof *again);
            for (size_t i = 0; i <= room; i++)
                again[i] = x[i] = i < (size_t)height * (size_t)width ? (tw_real)(i / (size_t)(width / 4 + 1) % 2) : 7;
            x[room] = spare[room] = 42;
            augment_picture(x, spare, height, &width, (augment_strength)strength, k);
            cr_assert(x[room] == 42 && spare[room] == 42);
            cr_assert(width >= 1 && width <= augment_widest(own, (augment_strength)strength));
            double ink = 0;
            for (size_t i = 0; i < (size_t)height * (size_t)width; i++) {
                cr_assert(isfinite(x[i]) && fabs((double)x[i]) < 4);
                ink += (double)x[i];
            }
            if (height > 8 && own > 8) cr_assert(ink > 0.2 * height * width * 0.25, "%g of %d", ink, height * width);
            int same = own;
            augment_picture(again, spare, height, &same, (augment_strength)strength, k);
            cr_assert(same == width && !memcmp(x, again, (size_t)height * (size_t)width * sizeof *x));
            free(again);
            free(spare);
            free(x);
        }
}

Test(ocr_training, without_augmentation_nothing_changes) {
    tw_real x[160], before[160], spare[160];
    int width = 20;
    for (int i = 0; i < 160; i++) x[i] = before[i] = (tw_real)i;
    augment_picture(x, spare, 8, &width, AUGMENT_NONE, 3);
    cr_assert(width == 20 && !memcmp(x, before, sizeof x));
}

/* ---- what the network sees ------------------------------------------------------------------------------- */

Test(ocr_training, narrow_pictures_are_stretched_half_way) {
    cr_assert(picture_columns(32, 96) == 96 && picture_columns(32, 500) == 500);
    cr_assert(picture_columns(32, 32) == 64 && picture_columns(32, 1) == 49 && picture_columns(24, 72) == 72);
    for (int w = 1; w < 200; w++)
        cr_assert(picture_columns(32, w) <= picture_columns(32, w + 1) && picture_width(32, w) % CRNN_STEP == 0);
    /* A ramp of gray stays one, from the middle of its first pixel to that of its last; rows stay apart. */
    enum { H = 4, W = 5 };
    int width = W, wide = picture_columns(H, W), row = picture_width(H, W);
    tw_real *x = malloc((size_t)(H * row) * sizeof *x);
    for (int i = 0; i < H * W; i++) x[i] = (tw_real)(0.1 * (i % W) + 0.05 * (i / W)); /* NOLINT: rows are wanted */
    picture_prepare(x, H, &width);
    cr_assert_eq(width, row);
    for (int y = 0; y < H; y++) {
        for (int i = 1; i < wide; i++) cr_assert(x[y * row + i] != x[y * row + i - 1] || i < 2 || i > wide - 2);
        double steps = (double)(x[y * row + wide - 1] - x[y * row]);
        double all = (double)(x[row + wide - 1] - x[row]);
        cr_assert_float_eq(steps, all, 1e-5);
        if (y) cr_assert_float_eq((double)(x[y * row] - x[(y - 1) * row]), all / 8, 1e-5);
        for (int i = wide; i < row; i++) cr_assert_eq(x[y * row + i], 0);
    }
    free(x);
}
