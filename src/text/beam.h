/* beam.h - the state of a prefix beam search: what beam.c and decode.c share. */
#ifndef TW_TEXT_BEAM_H
#define TW_TEXT_BEAM_H

#include "text/frames.h"
#include "text/lexicon.h"
#include "text/ngram.h"
#include "text/prefix.h"

#include <thalweg/text.h>

/* A beginning of a text that the beam holds. The three are logarithms of sums over paths. */
typedef struct tw__entry {
    int32_t prefix;
    double blank;  /* paths that end in a blank */
    double letter; /* paths that end in the prefix's last symbol */
    double both;   /* ln(e^blank + e^letter) */
    double score;  /* both + the prefix's gain */
} tw__entry;

/* What may be in the beam after the frame: a prefix that was there (symbol -1), or one with a symbol more. */
typedef struct tw__candidate {
    tw__entry entry; /* of a longer one, prefix is what it extends */
    int32_t symbol, lm, word;
    double gain;
} tw__candidate;

typedef struct tw__choice {
    double log_prob;
    int32_t symbol;
} tw__choice;

typedef struct tw__beam {
    int width, K, blank;
    double bonus;
    const tw_lexicon *lexicon; /* or NULL */
    const tw_ngram *lm;        /* or NULL */
    const int32_t *lm_id;      /* [K] the model's number of each symbol */
    double lm_weight;

    tw__prefixes prefixes;
    tw__entry *entry; /* [n] */
    size_t n, room;
    tw__candidate *heap; /* [room], the lowest score first */
    int32_t *child;      /* [room] per entry: another one that is one symbol longer, or -1; then the next such */
    int32_t *sibling;    /* [room] */
    tw__choice *choice;  /* [K] the symbols that may extend something in this frame */
    uint32_t *taken;     /* [K] the number of the entry that has an extension by this symbol in the beam */
    uint32_t stamp;
} tw__beam;

bool tw__beam_init(tw__beam *beam, int width, int K, int blank);
void tw__beam_free(tw__beam *beam);
bool tw__beam_begin(tw__beam *beam);
/* One frame. False: out of memory. */
bool tw__beam_frame(tw__beam *beam, const tw__frames *frames, int t);

#endif
