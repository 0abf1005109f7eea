/* word_search.h - the words of a lexicon that a sample's frames are most likely to show, exactly. */
#ifndef TW_TEXT_WORD_SEARCH_H
#define TW_TEXT_WORD_SEARCH_H

#include "text/lexicon.h"
#include "text/ngram.h"
#include "text/word_sums.h"

/* A word that was found. */
typedef struct tw__found {
    double score, log_prob;
    int32_t node;
} tw__found;

typedef struct tw__branch tw__branch;

typedef struct tw__word_search {
    const tw_lexicon *lexicon;
    const tw_ngram *lm;   /* or NULL */
    const int32_t *lm_id; /* [K] the model's number of each symbol */
    double lm_weight, bonus;

    /* working memory, and how much of it there is */
    tw__sums sums;
    double *column; /* [length][2][T + 1] blank and both of the string that is looked at and all it begins with */
    tw__branch *stack;
    size_t ncolumn, nstack;
} tw__word_search;

void tw__word_search_free(tw__word_search *search);
/* The n best, best first; *n: in, how many are wanted, out, how many have a chance above 0. found has room. */
bool tw__word_search_run(tw__word_search *search, const tw__frames *frames, tw__found *found, int *n);
/* The symbols of a word, from its last node; returns how many. symbols NULL: only that. */
int tw__word_symbols(const tw_lexicon *lexicon, int32_t node, int32_t *symbols);

#endif
