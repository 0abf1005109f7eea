/* fold.h - texts as code points, and what is left of them when case and punctuation do not count. */
#ifndef CRNN_OCR_FOLD_H
#define CRNN_OCR_FOLD_H

#include <stddef.h>
#include <stdint.h>

typedef enum fold_kind {
    FOLD_NOTHING,
    FOLD_CASE,  /* lower case */
    FOLD_PLAIN, /* lower case, and nothing but letters and digits: how scene text is usually compared */
    FOLD_KINDS
} fold_kind;

/* The code points of UTF-8 text; room for one a byte is enough. Returns how many. */
size_t fold_text(const char *text, fold_kind kind, int32_t *point);

#endif
