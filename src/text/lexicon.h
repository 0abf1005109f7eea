/* lexicon.h - the inside of a lexicon: its words as a trie. */
#ifndef TW_TEXT_LEXICON_H
#define TW_TEXT_LEXICON_H

#include <thalweg/text.h>

/* Nodes are numbered level by level, a node's children side by side and ascending by symbol; 0 is the empty string. */
struct tw_lexicon {
    int K, blank;
    size_t words;
    int32_t n;
    int32_t *symbol; /* [n] the last one of each */
    int32_t *parent; /* [n] */
    int32_t *first;  /* [n + 1] children are first[i] .. first[i + 1] - 1 */
    int32_t *height; /* [n] symbols from here to the end of the longest word */
    bool *word;      /* [n] does a word end here? */
    bool *letter;    /* [K] is it in any word? */
};

/* The child by that symbol, or -1. */
int32_t tw__lexicon_child(const tw_lexicon *lexicon, int32_t node, int32_t symbol);

/* Texts made of words with other symbols between them: the node after one more symbol, or -1 when none goes on so. A
 * symbol that is in no word ends a word, and leads back to the empty string. */
static inline int32_t tw__lexicon_step(const tw_lexicon *l, int32_t node, int32_t symbol) {
    if (l->letter[symbol]) return tw__lexicon_child(l, node, symbol);
    return !node || l->word[node] ? 0 : -1;
}
static inline bool tw__lexicon_may_end(const tw_lexicon *l, int32_t node) { return !node || l->word[node]; }

#endif
