/* decoding.c - see decoding.h. */
#include "decoding.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>
#include <thalweg/losses.h>

enum { DEFAULT_BEAM = 25, MOST_READINGS = 1000 };

decoding_options decoding_defaults(void) { return (decoding_options){.nbest = 1, .lm_weight = 0.5}; }

void decoding_table(decoding_options *o, cli_option table[DECODING_OPTIONS]) {
    const cli_option all[DECODING_OPTIONS] = {
        {"beam", 0, CLI_INT, &o->beam, "N",
         "beam search that keeps N beginnings of texts (default: the likeliest\ncharacter of each frame; 25 with the "
         "options below)",
         1, 100000, NULL},
        {"lexicon", 0, CLI_TEXT, &o->lexicon, "FILE", "words, one a line: each picture shows one of them", 0, 0, NULL},
        {"phrases", 0, CLI_FLAG, &o->phrases, NULL,
         "with --lexicon: several of its words, and anything that is in none of\nthem (spaces, digits ..) between", 0,
         0, NULL},
        {"cases", 0, CLI_FLAG, &o->cases, NULL, "with --lexicon: also Word and WORD for word", 0, 0, NULL},
        {"lm", 0, CLI_TEXT, &o->lm, "FILE", "a language model, as `crnn_ocr lm` writes it", 0, 0, NULL},
        {"lm-weight", 0, CLI_REAL, &o->lm_weight, "X", "with --lm: how much its opinion counts beside the\nnetwork's",
         0, 100, &o->lm_weight_given},
        {"length-bonus", 0, CLI_REAL, &o->length_bonus, "X", "added to the score for each character", -100, 100, NULL},
        {"nbest", 0, CLI_INT, &o->nbest, "N", "the N best readings of each picture", 1, MOST_READINGS, NULL},
    };
    memcpy(table, all, sizeof all);
}

void decoding_check(const decoding_options *o, const cli_command *command) {
    if (o->phrases && !o->lexicon) cli_usage_error(command, "--phrases goes with --lexicon FILE");
    if (o->cases && !o->lexicon) cli_usage_error(command, "--cases goes with --lexicon FILE");
    if (o->lm_weight_given && !o->lm) cli_usage_error(command, "--lm-weight goes with --lm FILE");
}

/* ---- what is loaded once --------------------------------------------------------------------------------- */

static bool wants_beam(const decoding_options *o) {
    return o->beam || o->nbest > 1 || o->lexicon || o->lm || o->length_bonus != 0;
}

tw_err decoding_open(tw_ctx *ctx, const decoding_options *options, const tw_alphabet *alphabet, decoding *d) {
    *d = (decoding){.options = *options, .alphabet = alphabet};
    if (d->options.nbest < 1) d->options.nbest = 1;
    size_t nbest = (size_t)d->options.nbest;
    d->reading = calloc(nbest, sizeof *d->reading);
    d->found = calloc(nbest, sizeof *d->found);
    tw_err err = d->reading && d->found ? TW_OK : tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory");
    if (!err && options->lexicon) {
        d->lexicon = tw_lexicon_load(ctx, alphabet, options->lexicon, options->cases, &d->skipped);
        if (!d->lexicon) err = tw_error(ctx);
    }
    if (!err && options->lm && !(d->lm = tw_ngram_load(ctx, options->lm))) err = tw_error(ctx);
    if (!err && wants_beam(options)) {
        tw_decoder_options o = {options->beam ? options->beam : DEFAULT_BEAM,
                                d->lm,
                                options->lm_weight,
                                options->length_bonus,
                                d->lexicon,
                                options->phrases};
        if (!(d->decoder = tw_decoder_new(ctx, alphabet, &o))) err = tw_error(ctx);
    }
    if (err) decoding_close(d);
    return err;
}

void decoding_close(decoding *d) {
    tw_decoder_free(d->decoder);
    tw_lexicon_free(d->lexicon);
    tw_ngram_free(d->lm);
    free(d->reading);
    free(d->found);
    free(d->symbols);
    free(d->text);
    *d = (decoding){0};
}

/* ---- a sample -------------------------------------------------------------------------------------------- */

static bool room_for_symbols(decoding *d, size_t n) {
    if (n <= d->room) return true;
    int32_t *symbols = realloc(d->symbols, n * sizeof *symbols);
    if (!symbols) return false;
    d->symbols = symbols;
    d->room = n;
    return true;
}

static bool room_for_text(decoding *d, size_t n) {
    if (n <= d->text_room) return true;
    char *text = realloc(d->text, n);
    if (!text) return false;
    d->text = text;
    d->text_room = n;
    return true;
}

/* The texts, one after another. */
static tw_err spell(tw_ctx *ctx, decoding *d) {
    size_t bytes = 0;
    for (int i = 0; i < d->n; i++) bytes += 4 * (size_t)d->reading[i].n + 1;
    if (!room_for_text(d, bytes)) return tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory");
    char *at = d->text;
    for (int i = 0; i < d->n; i++) {
        decoded *r = &d->reading[i];
        tw_err err = tw_alphabet_decode(ctx, d->alphabet, r->symbols, (size_t)r->n, at, 4 * (size_t)r->n + 1);
        if (err) return err;
        r->text = at;
        at += strlen(at) + 1;
    }
    return TW_OK;
}

tw_err decoding_read(tw_ctx *ctx, decoding *d, const tw_real *scores, int T, size_t row_stride) {
    int K = tw_alphabet_classes(d->alphabet), blank = tw_alphabet_blank(d->alphabet);
    d->n = 0;
    if (d->decoder) {
        int n = d->options.nbest;
        tw_err err = tw_decoder_read(d->decoder, scores, T, row_stride, d->found, &n);
        if (err) return err;
        d->n = n;
        for (int i = 0; i < n; i++)
            d->reading[i] = (decoded){.symbols = d->found[i].symbols, .n = d->found[i].n, .score = d->found[i].score};
    } else {
        if (!room_for_symbols(d, (size_t)T + 1)) return tw_fail_err(ctx, TW_ERR_NOMEM, "out of memory");
        d->n = 1;
        d->reading[0] = (decoded){.symbols = d->symbols};
        d->reading[0].n = tw_ctc_greedy(scores, T, K, row_stride, blank, d->symbols);
    }
    for (int i = 0; i < d->n; i++) {
        decoded *r = &d->reading[i];
        double log_prob = tw_ctc_log_prob(ctx, scores, T, K, row_stride, r->symbols, r->n, blank);
        if (isnan(log_prob)) return tw_error(ctx);
        r->log_prob = log_prob < 0 ? log_prob : 0; /* rounding may lead above */
        if (!d->decoder) r->score = r->log_prob;
    }
    return spell(ctx, d);
}
