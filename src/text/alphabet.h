/* alphabet.h - single characters of an alphabet, for the decoders. */
#ifndef TW_TEXT_ALPHABET_H
#define TW_TEXT_ALPHABET_H

#include <thalweg/text.h>

/* The code point of a symbol; -1: the blank, or no symbol of this alphabet. */
int32_t tw__alphabet_point(const tw_alphabet *alphabet, int32_t symbol);
/* The symbol of a code point; -1: it has none. */
int32_t tw__alphabet_symbol(const tw_alphabet *alphabet, int32_t point);

#endif
