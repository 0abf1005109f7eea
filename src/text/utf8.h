/* utf8.h - UTF-8 to normalised code points: what the files of this folder share. */
#ifndef TW_TEXT_UTF8_H
#define TW_TEXT_UTF8_H

#include <thalweg/extend.h>
#include <thalweg/text.h>

/* U+034F COMBINING GRAPHEME JOINER: invisible, and what Unicode provides to keep two code points from being composed or
 * reordered. Between the characters of an alphabet it does just that; it is never a symbol. */
enum { TW__JOINER = 0x034f };

/* How many code points tw__nfc needs room for (never less than one), or 0 when utf8 is not UTF-8. */
size_t tw__nfc_room(const char *utf8);
/* The code points after Unicode normalisation form C; returns how many. utf8 is valid, room is enough. */
size_t tw__nfc(const char *utf8, int32_t *point, size_t room);
/* The same in scratch memory; what names the text in messages. NULL leaves the error in ctx. */
int32_t *tw__nfc_scratch(tw_ctx *ctx, const char *what, const char *utf8, size_t *n);
/* The same with Unicode's case folding: "STRASSE" and "Straße" are the same. */
int32_t *tw__casefold_scratch(tw_ctx *ctx, const char *what, const char *utf8, size_t *n);
/* As tw__nfc_scratch, as a line of words: each run of white space is one space, with none at the ends, and no U+034F
 * is left. */
int32_t *tw__line_scratch(tw_ctx *ctx, const char *what, const char *utf8, size_t *n);
bool tw__is_space(int32_t point); /* Unicode's white space */
/* Writes one code point as UTF-8, without a NUL; returns how many bytes (at most 4). */
size_t tw__utf8_put(int32_t point, char *to);
/* How many of its first bytes, at most `most`, to show of a text in a message: characters stay whole. */
int tw__utf8_cut(const char *utf8, int most);

#endif
