/* alphabet_option.h - the option --alphabet: the characters themselves, or @ and the file whose first line that is not
 * empty has them. */
#ifndef CRNN_OCR_ALPHABET_OPTION_H
#define CRNN_OCR_ALPHABET_OPTION_H

#include <thalweg/text.h>

/* NULL after an error, which names the file. tw_alphabet_free it. */
tw_alphabet *alphabet_option(tw_ctx *ctx, const char *given);

#endif
