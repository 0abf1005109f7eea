/* words.h - what is written in the pictures, drawn at random: words, names, numbers, dates, codes, addresses, lines. */
#ifndef CRNN_OCR_WORDS_H
#define CRNN_OCR_WORDS_H

#include "dice.h"

#include <thalweg/text.h>

/* Kinds of text, by weight; the weights of a mix need not sum to 1. */
#define WORD_KINDS(KIND)                                                          \
    KIND(word)     /* of the word list; invented when there is none */            \
    KIND(invented) /* from syllables: nothing can be guessed from a dictionary */ \
    KIND(number)   /* digits, prices, percentages, measures */                    \
    KIND(date)     /* dates and times */                                          \
    KIND(phone)                                                                   \
    KIND(code)    /* letters and digits as on plates, tickets and parcels */      \
    KIND(address) /* of web pages and mail */                                     \
    KIND(brief)   /* one or two characters */                                     \
    KIND(salad)   /* any characters of the alphabet in any order */               \
    KIND(line)    /* several of the above */

typedef struct word_mix {
#define WORD_WEIGHT(name) float name;
    WORD_KINDS(WORD_WEIGHT)
#undef WORD_WEIGHT
    float upper, title, odd; /* parts of the words in capitals, with a first capital, in mixed case; the rest as is */
    float marked;            /* part with quotes, brackets, commas, .. around them */
    int longest;             /* characters of a line */
} word_mix;

typedef struct word_options {
    const char *files;         /* word lists separated by commas, one word a line; each list is drawn from as often
                                       as the others. NULL: words are invented */
    const char *without;       /* a file of texts never to be drawn, in any case of letters, one a line; NULL: none */
    const char *const *except; /* the same as a list that ends with NULL, or NULL */
    const char *pattern;       /* all texts are drawn from this pattern (pattern.h); NULL: from the mix */
} word_options;

typedef struct word_source word_source;

/* Texts use the characters of alphabet only; words with others are passed over. options NULL: all NULL. NULL: an error
 * in ctx. */
word_source *words_new(tw_ctx *ctx, const tw_alphabet *alphabet, const word_options *options);
void words_free(word_source *source);

enum { WORDS_MAX = 48, WORDS_BYTES = 4 * WORDS_MAX + 1 }; /* characters of a text, and bytes with its terminator */
void words_draw(const word_source *source, const word_mix *mix, dice *d, char text[WORDS_BYTES]);
/* A drawn text as symbols of the alphabet; returns how many. Unlike tw_alphabet_encode it needs no context, so the
 * loader's thread may call it. */
int words_encode(const word_source *source, const char *text, int32_t symbol[WORDS_MAX]);
/* Has the text something to see, at most WORDS_MAX characters, all of the alphabet? */
bool words_spell(const word_source *source, const char *text);

#endif
