/* decoding.h - from a network's output to texts, as the command line asks for it: greedy, beam search, a lexicon, a
 * language model. Options in one table, what they name loaded once, one function that reads a sample. */
#ifndef CRNN_OCR_DECODING_H
#define CRNN_OCR_DECODING_H

#include <thalweg/text.h>

#include "../common/cli.h"

/* What the command line says. {0} reads greedily. */
typedef struct decoding_options {
    int beam;                 /* prefixes kept; 0: greedy, or 25 when anything below wants a beam */
    int nbest;                /* readings per sample; 0: one */
    const char *lexicon, *lm; /* files, or NULL */
    bool phrases;             /* with a lexicon: several of its words, with anything else between them */
    bool cases;               /* with a lexicon: also its words with a capital, and in capitals */
    double lm_weight, length_bonus;
    bool lm_weight_given; /* on the command line */
} decoding_options;

/* The defaults, and the table's entries for them: `cli_option table[3 + DECODING_OPTIONS]`. */
enum { DECODING_OPTIONS = 8 };
decoding_options decoding_defaults(void);
void decoding_table(decoding_options *options, cli_option table[DECODING_OPTIONS]);
/* After parsing: an option without the one that it belongs to is a mistake of the command line. */
void decoding_check(const decoding_options *options, const cli_command *command);

/* One way to read a sample. Borrowed until the next decoding_read. */
typedef struct decoded {
    const int32_t *symbols;
    int n;
    const char *text; /* UTF-8 */
    double log_prob;  /* ln p(text|picture), over all alignments: e^ of it is the confidence */
    double score;     /* what the readings are sorted by */
} decoded;

typedef struct decoding {
    decoding_options options;
    const tw_alphabet *alphabet; /* borrowed */
    tw_decoder *decoder;         /* NULL: greedy */
    tw_lexicon *lexicon;
    tw_ngram *lm;
    size_t skipped; /* words of the lexicon with characters that the alphabet lacks */
    /* of the last sample */
    decoded *reading;
    int n; /* how many, best first; 0: with a lexicon, when none of its words fits into the frames */
    int32_t *symbols;
    char *text;
    tw_reading *found;
    size_t room, text_room; /* of symbols, of text */
} decoding;

/* Loads what the options name. After an error there is nothing to close. A file's problem is in ctx with its name. */
tw_err decoding_open(tw_ctx *ctx, const decoding_options *options, const tw_alphabet *alphabet, decoding *d);
void decoding_close(decoding *d);
/* Reads scores [T,K] (logits or log-probabilities), row_stride numbers from frame to frame, into d->reading[0 .. n). */
tw_err decoding_read(tw_ctx *ctx, decoding *d, const tw_real *scores, int T, size_t row_stride);

#endif
