/* util_face.h - font faces made of rectangles, for tests of rendering that need no fonts. */
#ifndef TEST_UTIL_FACE_H
#define TEST_UTIL_FACE_H

#include "../examples/crnn_ocr/fonts.h"
#include "util.h"

/* Each of the characters (sorted ASCII) is a block 0.5 em wide and 0.7 em high with a hole; a space has none. */
font_face *block_face(const char *characters, bool capitals);
void block_face_free(font_face *f);
/* n faces as a set, each of a family of its own; takes them over. */
font_set *block_set(int n, font_face *const *face);
void block_set_free(font_set *s);

#endif
