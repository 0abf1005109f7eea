/* face.h - one font file: reading it and judging whether it can draw the characters wanted. */
#ifndef CRNN_OCR_FACE_H
#define CRNN_OCR_FACE_H

#include "fonts.h"

typedef enum face_status { FACE_OK, FACE_UNFIT, FACE_NO_MEMORY } face_status;

typedef struct face_query {
    const uint32_t *code; /* sorted, without duplicates */
    int ncode, least;     /* how many there are, and how many of them it must be able to draw */
    bool capitals;        /* is it welcome without small letters? */
} face_query;

void *face_library(void); /* FreeType's state; NULL: out of memory */
void face_library_free(void *library);

/* Unless FACE_OK, *face holds nothing that needs freeing. */
face_status face_open(font_face *face, void *library, const char *family, const char *style, const char *path,
                      int index, const face_query *query);
uint64_t face_drawing(const font_face *face); /* a hash of all its outlines, whatever their size in font units */
void face_close(font_face *face);

/* The distinct code points of a UTF-8 text, sorted; to be freed. NULL: out of memory. */
uint32_t *face_sorted_codes(const char *text, int *n);

#endif
