/* ngram.h - the inside of a character n-gram model: counts as a trie, from which everything else follows.
 *
 * A node stands for a string of at most `order` characters that the training text has, its children for what follows
 * there. Nodes are numbered level by level, and within a level by parent and character, so that a node's children lie
 * side by side and in order. Node 0 is the empty string. A node's suffix is the node of its string without the first
 * character, which always exists. */
#ifndef TW_TEXT_NGRAM_H
#define TW_TEXT_NGRAM_H

#include <thalweg/extend.h>
#include <thalweg/text.h>

/* Characters are numbered: the end of a text, any character the model does not know, then the known ones by code
 * point, and after the last the beginning of a text, which is never predicted. */
enum { TW__NGRAM_END = 0, TW__NGRAM_UNKNOWN = 1, TW__NGRAM_FIRST = 2, TW__NGRAM_MOST_ORDER = 10 };

struct tw_ngram {
    int order;
    int32_t ncode;   /* known characters */
    int32_t *code;   /* [ncode] their code points, ascending */
    int32_t n;       /* nodes */
    int32_t *id;     /* [n] the last character of each */
    uint32_t *count; /* [n] how often it occurs */
    int32_t *first;  /* [n + 1] its children are first[i] .. first[i + 1] - 1 */
    int32_t *suffix; /* [n] */
    float *log_prob; /* [n] ln P(last character | those before it) */
    float *backoff;  /* [n] ln of what a character that does not follow here keeps of its chance after the suffix */
    int32_t *single; /* [ncode + 3] the node of each character alone, or -1 */
};

/* P is over this many: all characters that can be predicted. */
static inline int32_t tw__ngram_outcomes(const tw_ngram *m) { return m->ncode + TW__NGRAM_FIRST; }
static inline int32_t tw__ngram_begin_id(const tw_ngram *m) { return m->ncode + TW__NGRAM_FIRST; }
/* The number of a code point. */
int32_t tw__ngram_id(const tw_ngram *m, int32_t point);
/* The child of a node by that character, or -1. */
int32_t tw__ngram_child(const tw_ngram *m, int32_t node, int32_t id);
/* ln P(character | state), and the state after it. */
double tw__ngram_step(const tw_ngram *m, int32_t state, int32_t id, int32_t *next);

/* A model with room for n nodes, of which only id, count and first are the caller's to fill; NULL: out of memory. */
tw_ngram *tw__ngram_alloc(int order, int32_t ncode, int32_t n);
/* The rest from id, first and the counts of nodes without children. FORMAT: they are not those of any text, NOMEM. */
tw_err tw__ngram_finish(tw_ngram *m);

#endif
