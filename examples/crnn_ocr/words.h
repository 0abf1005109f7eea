/* words.h - what is written in the pictures: words and digit strings, drawn at random.
 *
 * Words are invented from syllables, so that any number can be had, or taken from a file of the user's. */
#ifndef CRNN_OCR_WORDS_H
#define CRNN_OCR_WORDS_H

#include "dice.h"

#include <thalweg/text.h>

typedef struct word_source word_source;

/* Texts use the characters of alphabet only. file: one word a line, NULL: invented words (words with a character
 * outside the alphabet are passed over). except: texts never to be drawn in any case of letters, NULL at the end,
 * or NULL. NULL: an error in ctx. */
word_source *words_new(tw_ctx *ctx, const tw_alphabet *alphabet, const char *file, const char *const *except);
void words_free(word_source *source);

enum { WORDS_MAX = 24, WORDS_BYTES = 4 * WORDS_MAX + 1 }; /* characters of a text, and bytes with its terminator */
void words_draw(const word_source *source, dice *d, char text[WORDS_BYTES]);
/* A drawn text as symbols of the alphabet; returns how many. Unlike tw_alphabet_encode it needs no context, so the
 * loader's thread may call it. */
int words_encode(const word_source *source, const char *text, int32_t symbol[WORDS_MAX]);

#endif
