/* phrases.h - texts made without a word list: invented words, numbers, dates, codes, addresses. ASCII. */
#ifndef CRNN_OCR_PHRASES_H
#define CRNN_OCR_PHRASES_H

#include "dice.h"

enum { PHRASE_BYTES = 64 };
void phrase_invented(dice *d, char text[PHRASE_BYTES]); /* a word of one to three syllables, in small letters */
void phrase_digits(dice *d, char text[PHRASE_BYTES]);   /* 1 to 8 digits */
void phrase_number(dice *d, char text[PHRASE_BYTES]);   /* also prices, parts, measures */
void phrase_date(dice *d, char text[PHRASE_BYTES]);     /* or a time of day */
void phrase_phone(dice *d, char text[PHRASE_BYTES]);
void phrase_code(dice *d, char text[PHRASE_BYTES]);
/* word: one to three names of which it is made */
void phrase_address(dice *d, const char *const word[3], char text[PHRASE_BYTES]);

#endif
