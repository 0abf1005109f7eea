/* test_break_sizes.c - what is around the network on sizes that nobody means: readers of no frames and of one class,
 * data sets of no and of one item, pictures of 4 and of 4,000 columns through the whole recogniser. */
#include "util.h"

#include "../examples/crnn_ocr/model.h"

/* ---- reading --------------------------------------------------------------------------------------------------- */

/* The best readings of no frames: the empty text, which is certain. */
static void read_nothing(tw_ctx *ctx, const tw_alphabet *alphabet, const tw_decoder_options *options,
                         bool a_word_only) {
    tw_decoder *d = tw_decoder_new(ctx, alphabet, options);
    cr_assert_not_null(d, "%s", tw_errmsg(ctx));
    for (int k = 0; k < 2; k++) {
        tw_reading r[3];
        int n = 3;
        cr_assert_eq(tw_decoder_read(d, NULL, 0, 2, r, &n), TW_OK, "%s", tw_errmsg(ctx));
        cr_assert_eq(n, a_word_only ? 0 : 1);
        if (n) cr_assert(r[0].n == 0 && r[0].log_prob == 0);
    }
    tw_decoder_free(d);
}

Test(break_sizes, readers_of_no_frames) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_alphabet *a = tw_alphabet_new(ctx, "ab");
    const char *const words[] = {"ab", "b"};
    tw_lexicon *lexicon = tw_lexicon_new(ctx, a, 2, words, false, NULL);
    tw_ngram *lm = tw_ngram_train(ctx, 2, 2, words);
    cr_assert(lexicon && lm, "%s", tw_errmsg(ctx));
    int32_t symbols[1];
    cr_assert_eq(tw_ctc_greedy(NULL, 0, 3, 3, 0, symbols), 0);
    read_nothing(ctx, a, NULL, false);
    read_nothing(ctx, a, &(tw_decoder_options){.lexicon = lexicon}, true);
    read_nothing(ctx, a, &(tw_decoder_options){.lexicon = lexicon, .phrases = true}, false);
    read_nothing(ctx, a, &(tw_decoder_options){.lm = lm, .lm_weight = 0.5}, false);
    double p = -1;
    cr_assert_eq(tw_ctc_align(ctx, NULL, 0, 3, 3, 0, NULL, 0, NULL, &p), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert_eq(p, 0);
    cr_assert_eq(tw_ctc_align(ctx, NULL, 0, 3, 3, 0, (int32_t[]){1}, 1, (tw_span[1]){{0, 0, 0}}, &p), TW_ERR_RANGE);
    tw_error_clear(ctx);
    tw_word word[1];
    int n = -1;
    cr_assert_eq(tw_ctc_words(ctx, a, NULL, 0, 3, NULL, 0, NULL, word, &n), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert_eq(n, 0);
    tw_ngram_free(lm);
    tw_lexicon_free(lexicon);
    tw_alphabet_free(a);
    tw_ctx_free(ctx);
}

/* An alphabet without characters has the blank alone: every frame is it. */
Test(break_sizes, readers_of_one_class) {
    tw_ctx *ctx = tw_ctx_new(1);
    tw_alphabet *a = tw_alphabet_new(ctx, "");
    if (!a) { /* refused: one sentence */
        cr_assert_gt(strlen(tw_errmsg(ctx)), 10);
        tw_ctx_free(ctx);
        return;
    }
    cr_assert_eq(tw_alphabet_classes(a), 1);
    const tw_real scores[] = {-3, 0, 7};
    int32_t symbols[3];
    cr_assert_eq(tw_ctc_greedy(scores, 3, 1, 1, 0, symbols), 0);
    tw_decoder *d = tw_decoder_new(ctx, a, NULL);
    cr_assert_not_null(d, "%s", tw_errmsg(ctx));
    tw_reading r[2];
    int n = 2;
    cr_assert_eq(tw_decoder_read(d, scores, 3, 1, r, &n), TW_OK, "%s", tw_errmsg(ctx));
    cr_assert(n == 1 && r[0].n == 0 && r[0].log_prob == 0);
    tw_decoder_free(d);
    tw_alphabet_free(a);
    tw_ctx_free(ctx);
}

Test(break_sizes, mistakes_in_nothing) {
    tw_ctx *ctx = tw_ctx_new(1);
    cr_assert_eq(tw_edit_distance(ctx, NULL, 0, NULL, 0), 0);
    cr_assert_eq(tw_edit_distance(ctx, NULL, 0, (int32_t[]){1, 2}, 2), 2);
    size_t n = 9;
    cr_assert_eq(tw_edit_align(ctx, NULL, 0, NULL, 0, NULL, &n), TW_OK);
    cr_assert_eq(n, 0);
    tw_score s = {0};
    cr_assert(tw_score_cer(&s) == 0 && tw_score_wer(&s) == 0 && tw_score_exact(&s) == 0);
    cr_assert_eq(tw_score_add(ctx, &s, "", "", 0), TW_OK);
    cr_assert(tw_score_cer(&s) == 0 && tw_score_exact(&s) == 1);
    cr_assert_eq(tw_score_add(ctx, &s, "", "x", 0), TW_OK);
    cr_assert_eq(tw_score_cer(&s), 1);
    cr_assert_eq(tw_reliability_error(&(tw_reliability){0}), 0);
    tw_ctx_free(ctx);
}

/* ---- data ------------------------------------------------------------------------------------------------------ */

static tw_err get(void *user, size_t i, uint64_t stream, tw_sample *s, char *message, size_t size) {
    (void)user, (void)stream, (void)message, (void)size;
    s->width = (int)i + 1;
    for (int k = 0; k < s->width; k++) s->x[k] = (tw_real)i;
    s->label_length = (int)i;
    for (size_t k = 0; k < i; k++) s->label[k] = 1;
    return TW_OK;
}

/* Every sample comes once an epoch, whatever batch, buckets and thread are; of none, an epoch is over at once. */
Test(break_sizes, loaders_of_nothing_and_of_one) {
    tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.threads = 2});
    for (size_t count = 0; count < 4; count++)
        for (int way = 0; way < 64; way++) {
            tw_dataset d = {.count = count,
                            .channels = 1,
                            .height = 1,
                            .max_width = 4,
                            .max_label = 4,
                            .sequences = true,
                            .get = get,
                            .in_memory = way & 16};
            tw_loader_options o = {.batch = way & 1 ? 100 : 1,
                                   .shuffle = way & 2,
                                   .no_thread = way & 4,
                                   .buckets = way & 8 ? 3 : 0,
                                   .width_multiple = 4,
                                   .drop_last = way & 32};
            tw_loader *l = tw_loader_new(ctx, &d, &o);
            cr_assert_not_null(l, "%s", tw_errmsg(ctx));
            const bool dropped = o.drop_last && o.batch > 1;
            cr_assert_eq(tw_loader_batches(l), dropped ? 0 : o.batch == 1 ? count : count > 0);
            for (int epoch = 0; epoch < 3; epoch++) {
                const tw_batch *b;
                size_t seen = 0, symbols = 0;
                for (;;) {
                    cr_assert_eq(tw_loader_next(l, &b), TW_OK, "%s", tw_errmsg(ctx));
                    if (!b) break;
                    cr_assert(b->n > 0 && b->dim[0] == b->n && b->dim[3] == 4);
                    seen += (size_t)b->n;
                    symbols += b->label.n;
                }
                cr_assert_eq(seen, dropped ? 0 : count);
                cr_assert_eq(symbols, dropped || !count ? 0 : count * (count - 1) / 2);
            }
            tw_loader_free(l);
        }
    tw_ctx_free(ctx);
}

/* ---- the recogniser -------------------------------------------------------------------------------------------- */

enum { HEIGHT = 32, CLASSES_ = 5 };

/* A step of training on pictures of these widths, one picture of each; the loss of each picture in loss. */
static void recognise(crnn *net, tw_optim *o, int n, const int32_t *widths, tw_real *loss) {
    tw_ctx *ctx = tw_params_ctx(net->params);
    int widest = CRNN_STEP;
    for (int i = 0; i < n; i++) widest = widths[i] > widest ? widths[i] : widest;
    const size_t size = (size_t)n * HEIGHT * (size_t)widest;
    tw_real *x = calloc(size + 1, sizeof *x);
    for (int i = 0; i < n; i++)
        for (int r = 0; r < HEIGHT; r++) /* the same picture whatever stands beside it */
            fill_random(x + ((size_t)i * HEIGHT + (size_t)r) * (size_t)widest, (size_t)widths[i],
                        (uint64_t)(widths[i] * 100 + r), 0, 1);
    int32_t label[16] = {0}, lengths[16] = {0};
    for (int i = 0; i < n; i++) label[i] = 1 + i % 4, lengths[i] = 1;
    tw_step_begin(ctx);
    tw_labels frames;
    tw_tensor *z = crnn_forward(ctx, net, tw_input(ctx, x, 4, (int[]){n, 1, HEIGHT, widest}),
                                (tw_labels){widths, (size_t)n}, &frames);
    cr_assert_not_null(z, "%s", tw_errmsg(ctx));
    for (size_t i = 0; i < z->size; i++) cr_assert(isfinite(z->data[i]));
    tw_ctc_options options = tw_ctc_defaults();
    options.reduction = TW_REDUCTION_NONE;
    tw_tensor *terms = tw_ctc_loss(ctx, z, (tw_labels){label, (size_t)n}, (tw_labels){lengths, (size_t)n}, frames,
                                   &options);
    cr_assert_not_null(terms, "%s", tw_errmsg(ctx));
    if (n) memcpy(loss, terms->data, (size_t)n * sizeof *loss);
    cr_assert_eq(tw_backward(ctx, tw_sum(ctx, terms, 0, NULL, false)), TW_OK, "%s", tw_errmsg(ctx));
    if (o) cr_assert_eq(tw_optim_step(o), TW_OK, "%s", tw_errmsg(ctx));
    for (int i = 0; i < n; i++) { /* and what it reads */
        int32_t *symbols = malloc(((size_t)z->dim[0] + 1) * sizeof *symbols);
        const int read = tw_ctc_greedy(z->data + (size_t)i * CLASSES_, frames.v[i], CLASSES_, (size_t)n * CLASSES_, 0,
                                       symbols);
        cr_assert(read >= 0 && read <= frames.v[i]);
        free(symbols);
    }
    free(x);
}

Test(break_sizes, pictures_of_4_and_of_4000_columns) {
    static const int32_t none[1] = {0}, narrow[] = {4}, wide[] = {4000}, both[] = {4000, 4},
                         all[] = {4, 8, 12, 16, 20, 24, 28, 32, 36};
    for (int m = 0; m < 2; m++) {
        tw_ctx *ctx = tw_ctx_new_with(&(tw_ctx_options){.seed = 1, .threads = 2});
        crnn net;
        cr_assert_eq(crnn_new(ctx, &net, crnn_design_find(m ? "small" : "tiny"), HEIGHT, CLASSES_), TW_OK);
        tw_optim *o = tw_optim_new(net.params, "sgd:lr=0.0001");
        tw_real loss[9];
        tw_set_training(ctx, true);
        recognise(&net, o, 9, all, loss);
        for (int i = 0; i < 9; i++) cr_assert(isfinite(loss[i]));
        recognise(&net, o, 1, narrow, loss);
        cr_assert(isfinite(loss[0]));
        recognise(&net, o, 1, wide, loss);
        cr_assert(isfinite(loss[0]));
        recognise(&net, o, 2, both, loss);
        cr_assert(isfinite(loss[0]) && isfinite(loss[1]));
        tw_set_training(ctx, false);
        recognise(&net, NULL, 0, none, loss); /* a batch of no pictures */
        tw_optim_free(o);
        crnn_free(&net);
        tw_ctx_free(ctx);
    }
}

/* Narrower than a frame: no label fits, which the loss says, and nothing is read. */
Test(break_sizes, a_picture_of_one_column_has_no_frame) {
    tw_ctx *ctx = tw_ctx_new(1);
    crnn net;
    cr_assert_eq(crnn_new(ctx, &net, crnn_design_find("tiny"), HEIGHT, CLASSES_), TW_OK);
    static const tw_real x[HEIGHT * CRNN_STEP];
    const int32_t width = 1, label = 1, length = 1;
    int32_t symbol;
    tw_labels frames;
    tw_tensor *z = crnn_forward(ctx, &net, tw_input(ctx, x, 4, (int[]){1, 1, HEIGHT, CRNN_STEP}),
                                (tw_labels){&width, 1}, &frames);
    cr_assert(z && frames.n == 1 && frames.v[0] == 0, "%s", tw_errmsg(ctx));
    cr_assert_eq(tw_ctc_greedy(z->data, frames.v[0], CLASSES_, CLASSES_, 0, &symbol), 0);
    tw_tensor *loss = tw_ctc_loss(ctx, z, (tw_labels){&label, 1}, (tw_labels){&length, 1}, frames, NULL);
    cr_assert(loss && isinf(tw_item(loss)));
    cr_assert_eq(tw_backward(ctx, loss), TW_ERR_NONFINITE);
    assert_error(ctx, TW_ERR_NONFINITE, "ctc_loss");
    crnn_free(&net);
    tw_ctx_free(ctx);
}
