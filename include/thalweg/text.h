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
 * the lexicon fits into the frames, or the beam held none at the end. reading has room for them. NaN or +inf among the
 * scores, and a frame without a possible class, are NONFINITE. Of equal scores the shorter text comes first. Once warm
 * nothing is allocated. */
TW_API TW_MUST_CHECK tw_err tw_decoder_read(tw_decoder *decoder, const tw_real *scores, int T, size_t row_stride,
                                            tw_reading *reading, int *n);

/* ---- where it is, and how sure that is ------------------------------------------------------------------------
 * The likeliest path of a known text (Viterbi). A symbol has the frames [begin, end), at least one; what lies between
 * two spans is blank. confidence: the symbol's largest probability in its frames. */
typedef struct tw_span {
    int begin, end;
    double confidence;
} tw_span;
/* span has room for n. *log_prob (may be NULL): ln p of that path. RANGE when the text does not fit into the frames,
 * has symbols that cannot be, or is impossible. */
TW_API TW_MUST_CHECK tw_err tw_ctc_align(tw_ctx *ctx, const tw_real *scores, int T, int K, size_t row_stride, int blank,
                                         const int32_t *symbols, size_t n, tw_span *span, double *log_prob);

/* A word of a reading: symbols [begin, end), cut at white space, and its frames. */
typedef struct tw_word {
    int begin, end;
    int frame_begin, frame_end; /* of tw_ctc_words; otherwise 0 */
    double confidence;
} tw_word;
/* How sure is each word? By its own frames: p(word | the frames between the spaces around it), all alignments summed;
 * span is that of tw_ctc_align. A text of one word has p(text|frames). word has room for n / 2 + 1; *words: how
 * many, 0 after an error. NONFINITE when a score is NaN or +inf. */
TW_API TW_MUST_CHECK tw_err tw_ctc_words(tw_ctx *ctx, const tw_alphabet *alphabet, const tw_real *scores, int T,
                                         size_t row_stride, const int32_t *symbols, int n, const tw_span *span,
                                         tw_word *word, int *words);
/* By the other readings: the share, in e^score, of those n readings that have the word, too, where the best has it. It
 * knows of lexicon and language model; with few readings it is too sure. word has room for reading[0].n / 2 + 1. */
TW_API TW_MUST_CHECK tw_err tw_readings_words(tw_ctx *ctx, const tw_alphabet *alphabet, const tw_reading *reading,
                                              int n, tw_word *word, int *words);

/* Are confidences as often right as they say? Bins of equal width, for a reliability plot; {0} is empty. */
enum { TW_RELIABILITY_BINS = 10 };
typedef struct tw_reliability {
    size_t n[TW_RELIABILITY_BINS], right[TW_RELIABILITY_BINS];
    double confidence[TW_RELIABILITY_BINS]; /* the sum of those in the bin */
} tw_reliability;
TW_API void tw_reliability_add(tw_reliability *r, double confidence, bool right);
/* The words of a reading, cut at white space, with their confidences (tw_ctc_words). A word counts as right
 * when a minimum-cost alignment of the two texts, by words, keeps it: a missing space makes its two words wrong and no
 * others. SHAPE when there are not as many confidences as words. */
TW_API TW_MUST_CHECK tw_err tw_reliability_add_words(tw_ctx *ctx, tw_reliability *r, const char *truth,
                                                     const char *read, const double *confidence, size_t words);
/* Expected calibration error: the mean over all of |confidence - share that is right|, by bins. 0 when empty. */
TW_API double tw_reliability_error(const tw_reliability *r);

/* ---- mistakes ----------------------------------------------------------------------------------------------
 * Levenshtein distance of two symbol strings / of two UTF-8 texts by code point. (size_t)-1: out of memory or
 * invalid UTF-8, with the error in ctx. */
TW_API size_t tw_edit_distance(tw_ctx *ctx, const int32_t *a, size_t na, const int32_t *b, size_t nb);
TW_API size_t tw_text_distance(tw_ctx *ctx, const char *a, const char *b);

/* A minimum-cost edit path from a to b, in order: pairs of places that are kept or replaced; -1 in b: removed, -1 in a:
 * inserted. edit has room for na + nb; *n: how many. RANGE when what differs is longer than 16,000 symbols or so. */
typedef struct tw_edit {
    int32_t a, b;
} tw_edit;
TW_API TW_MUST_CHECK tw_err tw_edit_align(tw_ctx *ctx, const int32_t *a, size_t na, const int32_t *b, size_t nb,
                                          tw_edit *edit, size_t *n);

/* What a comparison overlooks; several may be added. */
typedef enum tw_ignore {
    TW_IGNORE_CASE = 1,                      /* Unicode's case folding */
    TW_IGNORE_PUNCTUATION = 2,               /* punctuation and symbols, and how much white space there is */
    TW_IGNORE_ALL_BUT_LETTERS_AND_DIGITS = 4 /* white space goes, too, so that a text is one word */
} tw_ignore;
/* Error rates over many texts; {0} is empty. */
typedef struct tw_score {
    size_t texts, exact;      /* exact: read without a mistake */
    size_t edits, characters; /* of the truth */
    size_t word_edits, words; /* words are cut at white space */
} tw_score;
TW_API TW_MUST_CHECK tw_err tw_score_add(tw_ctx *ctx, tw_score *score, const char *truth, const char *read,
                                         unsigned ignore);
TW_API double tw_score_exact(const tw_score *score); /* exact / texts; 0 when there are none */
TW_API double tw_score_cer(const tw_score *score);   /* edits / characters; with none, 1 when something was read */
TW_API double tw_score_wer(const tw_score *score);

/* Which characters are read as which, by aligning pairs of texts. Code points; 0 in truth: inserted, 0 in read: left
 * out. */
typedef struct tw_confusion tw_confusion;
typedef struct tw_confusion_pair {
    int32_t truth, read;
    size_t count;
} tw_confusion_pair;
TW_API TW_MUST_CHECK tw_confusion *tw_confusion_new(tw_ctx *ctx);
TW_API void tw_confusion_free(tw_confusion *confusion);
TW_API TW_MUST_CHECK tw_err tw_confusion_add(tw_confusion *confusion, const char *truth, const char *read);
TW_API size_t tw_confusion_count(const tw_confusion *confusion, int32_t truth, int32_t read); /* also of right ones */
/* The most frequent mistakes; *n: in, the room, out, how many. */
TW_API TW_MUST_CHECK tw_err tw_confusion_top(const tw_confusion *confusion, tw_confusion_pair *pair, size_t *n);

#ifdef __cplusplus
}
#endif
#endif
