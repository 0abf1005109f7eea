/* prefix.h - the beginnings of texts that a beam search meets, as a trie in one block of memory. */
#ifndef TW_TEXT_PREFIX_H
#define TW_TEXT_PREFIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One beginning: its parent's and a symbol. A parent stands before its children, number 0 is the empty one. */
typedef struct tw__prefix {
    int32_t parent, symbol; /* -1, -1: the empty one */
    int32_t child, sibling; /* its newest child and the parent's next one, or -1 */
    int32_t slot;           /* where the beam holds it, or -1 */
    int32_t length;
    int32_t lm, word; /* the states of the language model and the lexicon after it */
    double gain;      /* what those and the length add to its score */
} tw__prefix;

typedef struct tw__prefixes {
    tw__prefix *at;
    int32_t *moved; /* [room] where a sweep moved each one */
    size_t n, room;
} tw__prefixes;

/* Only the empty one, with these states. False: out of memory. */
bool tw__prefixes_begin(tw__prefixes *all, int32_t lm, int32_t word);
void tw__prefixes_free(tw__prefixes *all);
/* The child of that symbol, or -1. */
int32_t tw__prefix_child(const tw__prefixes *all, int32_t parent, int32_t symbol);
/* Adds one; there is room. */
int32_t tw__prefix_add(tw__prefixes *all, int32_t parent, int32_t symbol);
/* The symbols of one, of which it has `length`. */
void tw__prefix_symbols(const tw__prefixes *all, int32_t prefix, int32_t *symbols);
/* Keeps those with a slot and their ancestors; `moved` tells where each is now. */
void tw__prefixes_sweep(tw__prefixes *all);
/* Room for n more, at whatever cost. */
bool tw__prefixes_grow(tw__prefixes *all, size_t n);

#endif
