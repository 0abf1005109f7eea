/* thalweg/text.h - alphabets, reading CTC outputs, and measuring mistakes. Usable without a network. */
#ifndef THALWEG_TEXT_H
#define THALWEG_TEXT_H

#include <thalweg/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- alphabets: the code points of a UTF-8 string (NFC), in order; symbol 0 is CTC's blank, so code point i is
 * symbol i + 1. Duplicates and invalid UTF-8 are FORMAT errors. The invisible U+034F (combining grapheme joiner) is
 * never a symbol: between two code points of an alphabet it keeps them from being composed, and texts are read as if
 * it were not there. */
typedef struct tw_alphabet tw_alphabet;
TW_API TW_MUST_CHECK tw_alphabet *tw_alphabet_new(tw_ctx *ctx, const char *utf8);
/* The same with the blank as another class, 0 .. characters, or -1 for the last: the code points take the others. */
TW_API TW_MUST_CHECK tw_alphabet *tw_alphabet_new_with(tw_ctx *ctx, const char *utf8, int blank);
/* Every code point of n texts, sorted. */
TW_API TW_MUST_CHECK tw_alphabet *tw_alphabet_from_texts(tw_ctx *ctx, size_t n, const char *const *texts);
TW_API void tw_alphabet_free(tw_alphabet *alphabet);
TW_API int tw_alphabet_classes(const tw_alphabet *alphabet);      /* code points + 1 (the blank) */
TW_API int tw_alphabet_blank(const tw_alphabet *alphabet);        /* the blank's class */
TW_API const char *tw_alphabet_text(const tw_alphabet *alphabet); /* from it tw_alphabet_new makes the same; borrowed */
/* Text to symbols. *n: in, the room; out, the symbols. A character that is not in the alphabet is RANGE and named. */
TW_API TW_MUST_CHECK tw_err tw_alphabet_encode(tw_ctx *ctx, const tw_alphabet *alphabet, const char *utf8,
                                               int32_t *symbols, size_t *n);
/* Symbols to UTF-8 in buffer (blanks are skipped); RANGE when it does not fit: 4 n + 1 bytes always do. */
TW_API TW_MUST_CHECK tw_err tw_alphabet_decode(tw_ctx *ctx, const tw_alphabet *alphabet, const int32_t *symbols,
                                               size_t n, char *buffer, size_t size);
/* Number of code points after NFC; -1 when utf8 is not valid UTF-8. */
TW_API long tw_utf8_length(const char *utf8);

/* ---- lists of words -----------------------------------------------------------------------------------------
 * The lines of a text file that are not empty, without their ends and a byte order mark. What is not UTF-8, or has a
 * NUL, is FORMAT, with the line's number. */
typedef struct tw_lines {
    size_t n;
    char **line; /* [n] */
    char *bytes; /* private */
} tw_lines;
TW_API TW_MUST_CHECK tw_err tw_lines_load(tw_ctx *ctx, const char *path, tw_lines *lines);
TW_API void tw_lines_free(tw_lines *lines);

/* Words over an alphabet, as a trie. A word with a character that the alphabet lacks is left out and counted in
 * *skipped (may be NULL); when none is left, that is FORMAT. cases: also "Word" and "WORD" for "word". */
typedef struct tw_lexicon tw_lexicon;
TW_API TW_MUST_CHECK tw_lexicon *tw_lexicon_new(tw_ctx *ctx, const tw_alphabet *alphabet, size_t n,
                                                const char *const *words, bool cases, size_t *skipped);
TW_API TW_MUST_CHECK tw_lexicon *tw_lexicon_load(tw_ctx *ctx, const tw_alphabet *alphabet, const char *path, bool cases,
                                                 size_t *skipped);
TW_API void tw_lexicon_free(tw_lexicon *lexicon);
TW_API size_t tw_lexicon_words(const tw_lexicon *lexicon); /* different words, cases counted apart */

/* ---- a language model: which characters follow which -------------------------------------------------------
 * P(character | up to order - 1 before it) with the smoothing of Witten and Bell, over the characters of the texts it
 * was trained on, "any other character" and the end of a text. Each text is one line: NFC, runs of white space are one
 * space. order 1 .. 10. An invalid text is FORMAT. */
typedef struct tw_ngram tw_ngram;
TW_API TW_MUST_CHECK tw_ngram *tw_ngram_train(tw_ctx *ctx, int order, size_t n, const char *const *texts);
TW_API void tw_ngram_free(tw_ngram *ngram);
/* The file's format is described in src/text/ngram_file.c. Writing replaces a file whole or not at all; a file that is
 * cut off, damaged or not consistent is FORMAT. */
TW_API TW_MUST_CHECK tw_err tw_ngram_save(tw_ctx *ctx, const tw_ngram *ngram, const char *path);
TW_API TW_MUST_CHECK tw_ngram *tw_ngram_load(tw_ctx *ctx, const char *path);
TW_API int tw_ngram_order(const tw_ngram *ngram);
TW_API size_t tw_ngram_strings(const tw_ngram *ngram); /* how many different strings it has counted */
/* ln P(text), its end included; *characters (may be NULL): how many factors that has, the end one of them, so that the
 * perplexity is e^(-ln P / characters). NaN after an error, which is in ctx. */
TW_API double tw_ngram_log_prob(tw_ctx *ctx, const tw_ngram *ngram, const char *utf8, size_t *characters);
/* One character after another: the state before the first, and ln P of a code point (0: the end of the text) in a
 * state, with the state after it. */
TW_API int32_t tw_ngram_start(const tw_ngram *ngram);
TW_API double tw_ngram_next(const tw_ngram *ngram, int32_t state, int32_t code_point, int32_t *next /* or NULL */);

/* ---- reading CTC outputs -----------------------------------------------------------------------------------
 * scores [T,K] are logits or log-probabilities, -inf a probability of 0, frames row_stride numbers apart.
 * Greedy: the best symbol of each frame, repeats merged, blanks dropped. symbols has room for T. Returns how many.
 * Ties: the lower index. */
TW_API int tw_ctc_greedy(const tw_real *scores, int T, int K, size_t row_stride, int blank, int32_t *symbols);

/* The best readings of a sample, by
 *     score = ln p(text|frames) + lm_weight ln P(text) + length_bonus * characters
 * Prefix beam search: after each frame the `width` best beginnings of texts are kept, each with the sum over its paths.
 * The result is exact when `width` is at least the number of different beginnings.
 * With a lexicon, the text is one of its words, and the search is exact whatever the width. With `phrases` it is a
 * sequence of words, before, between and after which any characters may stand that are in no word of the lexicon (most
 * often spaces and punctuation); that is a beam search again. Options left 0 are the defaults. */
typedef struct tw_decoder tw_decoder;
typedef struct tw_decoder_options {
    int width;          /* default 25 */
    const tw_ngram *lm; /* NULL: none; borrowed. A character it does not know counts as "any other character" */
    double lm_weight;   /* >= 0; default 0 */
    double length_bonus;
    const tw_lexicon *lexicon; /* NULL: any text; borrowed. Made with the same alphabet */
    bool phrases;
} tw_decoder_options;
/* One text: symbols are borrowed until the decoder's next call. */
typedef struct tw_reading {
    const int32_t *symbols;
    int n;
    double log_prob; /* ln p(text|frames); of a beam, summed over the paths it kept: never more than the true one */
    double score;
} tw_reading;
/* options NULL: the defaults. The alphabet is borrowed, and gives K and the blank. */
TW_API TW_MUST_CHECK tw_decoder *tw_decoder_new(tw_ctx *ctx, const tw_alphabet *alphabet,
                                                const tw_decoder_options *options);
TW_API void tw_decoder_free(tw_decoder *decoder);
/* The best readings of one sample, best first; *n: in, how many are wanted, out, how many there are: 0 when no word of
 * the lexicon fits into the frames, or the beam held none at the end. reading has room for them. NaN or +inf among the scores, and a frame without a possible class, are NONFINITE. Of equal scores
 * the shorter text comes first. Once warm nothing is allocated. */
TW_API TW_MUST_CHECK tw_err tw_decoder_read(tw_decoder *decoder, const tw_real *scores, int T, size_t row_stride,
                                            tw_reading *reading, int *n);

/* ---- mistakes ----------------------------------------------------------------------------------------------
 * Levenshtein distance of two symbol strings / of two UTF-8 texts by code point. (size_t)-1: out of memory or
 * invalid UTF-8, with the error in ctx. */
TW_API size_t tw_edit_distance(tw_ctx *ctx, const int32_t *a, size_t na, const int32_t *b, size_t nb);
TW_API size_t tw_text_distance(tw_ctx *ctx, const char *a, const char *b);

#ifdef __cplusplus
}
#endif
#endif
