/* test_break_memory_data.c - memory runs out at every place of what reads files of examples, and of what reads
 * texts. */
#include "../examples/crnn_ocr/labelled.h"
#include "../examples/crnn_ocr/picture.h"
#include "tensor/internal.h"
#include "util_failing.h"
#include "util_model.h"
#include "util_trainings.h"

#include <unistd.h>

static void begin(void) {
    if (!malloc_is_ours()) cr_skip_test("malloc belongs to a sanitizer or another C library");
}
TestSuite(break_memory_data, .init = begin, .fini = remove_files, .timeout = 600);

static void check(const char *name, tw_err (*fn)(tw_ctx *ctx, void *user, uint64_t *digest), void *user, long least) {
    long n = each_allocation_fails(&(failing_case){.name = name, .fn = fn, .user = user});
    cr_assert_geq(n, least, "%s: only %ld allocations", name, n);
}

/* ---- files of arrays and tables --------------------------------------------------------------------------------- */

static tw_err load_idx(tw_ctx *ctx, void *user, uint64_t *digest) {
    tw_idx idx;
    tw_err err = tw_idx_load(ctx, user, &idx);
    if (!err) digest_add(digest, idx.data, idx.size);
    else cr_assert(!idx.data && !idx.path);
    tw_idx_free(&idx);
    return err;
}

Test(break_memory_data, idx) {
    enum { N = 3, H = 5, W = 7 };
    uint8_t bytes[16 + N * H * W] = {0, 0, 8, 3, 0, 0, 0, N, 0, 0, 0, H, 0, 0, 0, W};
    made_up_picture(bytes + 16, H, N * W, 1);
    check("raw idx", load_idx, (void *)write_file("raw-idx3-ubyte", bytes, sizeof bytes), 4);
    check("gzipped idx", load_idx, (void *)write_gz("gz-idx3-ubyte", bytes, sizeof bytes), 5);
}

static tw_err load_csv(tw_ctx *ctx, void *user, uint64_t *digest) {
    tw_csv csv;
    tw_dataset d = {0};
    const char *const target[] = {"c"}, *const ignore[] = {"b"};
    const double mean[] = {1, 0, 0, 0}, std[] = {2, 1, 1, 1};
    tw_err err = tw_csv_load(ctx, user, &(tw_csv_options){.header = true}, &csv);
    if (!err) err = tw_dataset_csv(ctx, &csv, &(tw_csv_dataset_options){target, 1, 3, ignore, 1, mean, std}, &d);
    if (!err) digest_add(digest, csv.value, csv.rows * (size_t)csv.columns * sizeof *csv.value);
    else cr_assert(!d.user && !d.get);
    tw_loader *l = err ? NULL : tw_loader_new(ctx, &d, &(tw_loader_options){.batch = 2});
    const tw_batch *b = NULL;
    if (!err && !l) err = tw_error(ctx);
    if (!err) err = tw_loader_next(l, &b);
    if (!err) digest_add(digest, b->x, (size_t)b->n * 2 * sizeof *b->x);
    tw_loader_free(l);
    tw_dataset_free(&d);
    tw_csv_free(&csv);
    return err;
}

Test(break_memory_data, csv) {
    check("csv", load_csv, (void *)write_text("table.csv", "a,b,\"c\",d\n1,2,0,4\n5,6,1,8\n1.5,2e3,2,-1\n"), 20);
}

static tw_err load_npy(tw_ctx *ctx, void *user, uint64_t *digest) {
    tw_npy npy;
    tw_err err = tw_npy_load(ctx, user, &npy);
    if (!err) digest_add(digest, npy.data, npy.size * sizeof *npy.data);
    else cr_assert(!npy.data && !npy.integer && !npy.path);
    tw_npy_free(&npy);
    return err;
}

static tw_err save_npy(tw_ctx *ctx, void *user, uint64_t *digest) {
    const tw_real x[6] = {1, 2, 3, 4, 5, 6};
    (void)digest;
    return tw_npy_save(ctx, user, x, 2, (int[]){2, 3});
}

Test(break_memory_data, npy) {
    const char *path = write_text("a.npy", "");
    check("saving npy", save_npy, (void *)path, 1);
    check("npy", load_npy, (void *)path, 4);
}

/* ---- pictures --------------------------------------------------------------------------------------------------- */

static tw_err load_picture(tw_ctx *ctx, void *user, uint64_t *digest) {
    for (int channels = 0; channels <= 4; channels += channels ? 2 : 1) { /* as it is, 1, 3 */
        tw_image image, fitted = {0};
        tw_err err = tw_image_load(ctx, user, channels, &image);
        if (err) {
            cr_assert_null(image.data);
            return err;
        }
        err = tw_image_fit(ctx, &image, 9, 40, &fitted);
        digest_add(digest, image.data, (size_t)(image.width * image.height * image.channels));
        if (!err) digest_add(digest, fitted.data, (size_t)(fitted.width * fitted.height * fitted.channels));
        else cr_assert_null(fitted.data);
        tw_image_free(&image);
        tw_image_free(&fitted);
        if (err) return err;
    }
    return TW_OK;
}

static tw_err save_picture(tw_ctx *ctx, void *user, uint64_t *digest) {
    tw_image image;
    tw_err err = tw_image_new(ctx, 31, 17, 4, 200, &image);
    (void)digest;
    if (err) return err;
    made_up_picture(image.data, 17, 31 * 4, 3);
    err = tw_image_save_png(ctx, user, &image);
    tw_image_free(&image);
    return err;
}

Test(break_memory_data, pictures) {
    char pgm[16 + 12 * 20] = "P5 20 12 255\n";
    made_up_picture((uint8_t *)pgm + 13, 12, 20, 2);
    const char *png = write_text("a.png", "");
    check("pgm", load_picture, (void *)write_file("a.pgm", pgm, 13 + 12 * 20), 10);
    check("saving png", save_picture, (void *)png, 5);
    check("png", load_picture, (void *)png, 20);
    static const char *const other[] = {"bmp", "gif", "jpeg", "progressive", "palette_png", "turned"};
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) { /* after a byte that steers the fuzzer */
        char path[64];
        size_t n;
        snprintf(path, sizeof path, "tests/fuzz/corpus/image/%s", other[i]);
        char *bytes = read_file(path, &n);
        check(other[i], load_picture, (void *)write_file(other[i], bytes + 1, n - 1), 10);
        free(bytes);
    }
}

/* A folder of pictures with their texts, as crnn_ocr reads it: the list, the alphabet, the dataset of prepared and
 * augmented pictures, and the loader, in whose thread they are decoded. */
static tw_err load_labelled(tw_ctx *ctx, void *user, uint64_t *digest) {
    labelled data = {0};
    const augment_strength strength = AUGMENT_STRONG;
    tw_err err = labelled_load(ctx, user, NULL, &data);
    tw_alphabet *alphabet = err ? NULL : labelled_alphabet(ctx, &data), *less = NULL;
    if (!err && !alphabet) err = tw_error(ctx);
    size_t foreign = 0;
    if (!err && !(less = tw_alphabet_new(ctx, "ab"))) err = tw_error(ctx);
    tw__arena_free(ctx, &ctx->scratch); /* what is asked for next comes from malloc again */
    if (!err) err = labelled_encode(ctx, less, 16, &strength, true, &foreign, &data);
    if (!err) {
        digest_add(digest, &foreign, sizeof foreign);
        picture_augment(&data.dataset, strength);
    }
    tw_loader *l = err ? NULL : tw_loader_new(ctx, &data.dataset, &(tw_loader_options){.batch = 2, .buckets = 2});
    if (!err && !l) err = tw_error(ctx);
    for (int i = 0; !err && i < 3; i++) {
        const tw_batch *b;
        err = tw_loader_next(l, &b);
        if (!err && b) digest_add(digest, b->x, (size_t)(b->n * b->dim[2] * b->dim[3]) * sizeof *b->x);
        if (!err && b) digest_add(digest, b->label.v, b->label.n * sizeof *b->label.v);
    }
    tw_loader_free(l);
    tw_alphabet_free(alphabet);
    tw_alphabet_free(less);
    labelled_free(&data);
    return err;
}

Test(break_memory_data, folder_of_pictures) {
    const char *folder = make_folder("pictures");
    char path[3][300], tsv[330];
    for (int i = 0; i < 3; i++) {
        char pgm[16 + 16 * 40] = "P5 40 16 255\n";
        made_up_picture((uint8_t *)pgm + 13, 16, 40, (uint64_t)i);
        snprintf(path[i], sizeof path[i], "%s/%d.pgm", folder, i);
        FILE *file = fopen(path[i], "wb");
        cr_assert(file && fwrite(pgm, 1, 13 + 16 * 40, file) == 13 + 16 * 40 && !fclose(file));
    }
    snprintf(tsv, sizeof tsv, "%s/labels.tsv", folder);
    FILE *file = fopen(tsv, "wb");
    cr_assert(file && fputs("0.pgm\tab\n1.pgm\tbca\n2.pgm\tb\n", file) > 0 && !fclose(file));
    check("folder", load_labelled, tsv, 60);
    for (int i = 0; i < 3; i++) unlink(path[i]);
    unlink(tsv);
}

/* ---- texts ------------------------------------------------------------------------------------------------------ */

enum { FRAMES = 20 };
typedef struct text_case {
    const char *words, *lm;
    tw_real score[FRAMES * 5];
} text_case;

static tw_err alphabets(tw_ctx *ctx, void *user, uint64_t *digest) {
    const char *const text[] = {"ab\xc3\xa4", "b a\xcc\x88z"};
    int32_t symbol[16];
    char back[64];
    size_t n = 16;
    (void)user;
    tw_alphabet *a = tw_alphabet_from_texts(ctx, 2, text);
    tw_alphabet *b = a ? tw_alphabet_new_with(ctx, tw_alphabet_text(a), -1) : NULL;
    tw_err err = b ? tw_alphabet_encode(ctx, b, text[1], symbol, &n) : tw_error(ctx);
    if (!err) err = tw_alphabet_decode(ctx, b, symbol, n, back, sizeof back);
    if (!err) digest_add(digest, back, strlen(back));
    tw_alphabet_free(a);
    tw_alphabet_free(b);
    return err;
}

static tw_err language_model(tw_ctx *ctx, void *user, uint64_t *digest) {
    const text_case *c = user;
    tw_ngram *m = tw_ngram_train(ctx, 3, 3, (const char *const[]){"ab ba", "aab bab", "baa"}), *m2 = NULL;
    tw_err err = m ? tw_ngram_save(ctx, m, c->lm) : tw_error(ctx);
    if (!err && !(m2 = tw_ngram_load(ctx, c->lm))) err = tw_error(ctx);
    double p = err ? 0 : tw_ngram_log_prob(ctx, m2, "abba", NULL);
    if (!err) err = tw_error(ctx);
    digest_add(digest, &p, sizeof p);
    tw_ngram_free(m);
    tw_ngram_free(m2);
    return err;
}

/* By beam, with a lexicon, and as phrases with a language model; what the words' confidences are. */
static tw_err searches(tw_ctx *ctx, void *user, uint64_t *digest) {
    const text_case *c = user;
    tw_err err = TW_OK;
    tw_alphabet *a = tw_alphabet_new(ctx, "ab c");
    tw_lexicon *l = a ? tw_lexicon_load(ctx, a, c->words, true, NULL) : NULL;
    tw_ngram *m = l ? tw_ngram_load(ctx, c->lm) : NULL;
    if (!m) err = tw_error(ctx);
    for (int i = 0; !err && i < 3; i++) {
        tw_reading r[4];
        tw_word word[FRAMES];
        tw_span span[FRAMES];
        int n = 4, words;
        tw_decoder_options o = {.width = 30,
                                .lm = i == 1 ? NULL : m,
                                .lm_weight = 0.7,
                                .lexicon = i ? l : NULL,
                                .phrases = i == 2};
        tw_decoder *d = tw_decoder_new(ctx, a, &o);
        err = d ? tw_decoder_read(d, c->score, FRAMES, 5, r, &n) : tw_error(ctx);
        if (!err && n > 0) {
            size_t length = (size_t)r[0].n;
            digest_add(digest, r[0].symbols, length * sizeof(int32_t));
            digest_add(digest, &r[0].score, sizeof r[0].score);
            err = tw_readings_words(ctx, a, r, n, word, &words);
            if (!err) err = tw_ctc_align(ctx, c->score, FRAMES, 5, 5, 0, r[0].symbols, length, span, NULL);
            if (!err) err = tw_ctc_words(ctx, a, c->score, FRAMES, 5, r[0].symbols, r[0].n, span, word, &words);
            if (!err && words) digest_add(digest, &word[0].confidence, sizeof word[0].confidence);
        }
        tw_decoder_free(d);
    }
    tw_ngram_free(m);
    tw_lexicon_free(l);
    tw_alphabet_free(a);
    return err;
}

static tw_err measures(tw_ctx *ctx, void *user, uint64_t *digest) {
    tw_score s = {0};
    tw_reliability r = {{0}, {0}, {0}};
    (void)user;
    tw_err err = tw_score_add(ctx, &s, "A Bc", "a c", TW_IGNORE_CASE);
    if (!err) err = tw_reliability_add_words(ctx, &r, "ab cd", "ab cx", (const double[]){0.9, 0.4}, 2);
    if (!err && tw_text_distance(ctx, "abc", "adc") != 1) err = tw_error(ctx);
    tw_confusion *f = err ? NULL : tw_confusion_new(ctx);
    if (!err && !f) err = tw_error(ctx);
    for (int i = 0; !err && i < 100; i++) { /* it grows */
        char a[2] = {(char)('!' + i % 90), 0}, b[2] = {(char)('!' + i * 7 % 90), 0};
        err = tw_confusion_add(f, a, b);
    }
    tw_confusion_pair pair[3];
    size_t n = 3;
    if (!err) err = tw_confusion_top(f, pair, &n);
    if (!err) digest_add(digest, &pair[0].count, sizeof pair[0].count);
    tw_confusion_free(f);
    if (!err) digest_add(digest, &s.edits, sizeof s.edits);
    return err;
}

Test(break_memory_data, texts) {
    text_case c = {.words = write_text("words", "ab\nba\naabb\nxy\n"), .lm = write_text("lm", "")};
    fill_random(c.score, FRAMES * 5, 4, -3, 3);
    check("alphabet", alphabets, &c, 8);
    check("language model", language_model, &c, 20);
    check("beam search", searches, &c, 40);
    check("measures", measures, &c, 5);
}
