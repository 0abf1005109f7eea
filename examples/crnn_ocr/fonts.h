/* fonts.h - the system's scalable fonts: found by fontconfig, read by FreeType.
 *
 * A glyph is taken when it has ink of its own: empty ones, the box for missing characters, and shapes that stand for
 * many characters are not. Outlines are taken out of the files once, so that drawing allocates nothing and a set may be
 * used by several threads. */
#ifndef CRNN_OCR_FONTS_H
#define CRNN_OCR_FONTS_H

#include <stdbool.h>
#include <stdint.h>
#include <thalweg/base.h>

/* Outline commands in font units, y upwards; the contour begins at MOVE and is closed. */
typedef enum font_verb { FONT_MOVE = 1, FONT_LINE, FONT_QUAD, FONT_CUBIC } font_verb;
typedef struct font_point {
    int16_t x, y;   /* where it goes */
    int16_t ax, ay; /* first control point: QUAD, CUBIC */
    int16_t bx, by; /* second control point: CUBIC */
    int16_t verb;
} font_point;

typedef struct font_glyph {
    uint32_t code;
    int index;         /* in the font, for kerning */
    float advance;     /* in em, like all floats here */
    float top, bottom; /* of its ink; both 0 for a space */
    int first, count;  /* its outline: face->point[first .. first + count) */
} font_glyph;

typedef struct font_pair {
    int pair; /* left's place in glyph * nglyph + right's */
    float by;
} font_pair;

typedef struct font_face {
    char *family, *style, *path;
    float unit;        /* em per font unit */
    float top, bottom; /* highest and lowest ink of all its glyphs; bottom is negative below the baseline */
    font_glyph *glyph; /* sorted by code */
    float ink;         /* how black it is: 0.2 light, 0.5 black; 0: unknown */
    int nglyph;        /* the query's characters that it can draw */
    bool capitals;     /* small letters look like capitals: only texts in capitals may be drawn with it */
    int16_t *ascii;    /* [128] places in glyph, -1: not there; NULL: to be searched for */
    font_point *point;
    font_pair *kern; /* sorted */
    int nkern;
} font_face;

typedef struct font_set {
    font_face *face; /* sorted by family, then style */
    int n;
    int *family; /* [nfamily + 1] first face of each family */
    int nfamily;
} font_set;

typedef struct font_query {
    const char *const *families; /* names with * wildcards, NULL at the end; NULL: every family */
    const char *characters;      /* UTF-8: what is to be drawn */
    const char *const *deny;     /* families left out, like families; NULL: none beside symbol fonts */
    const char *folders;         /* more folders with fonts, separated by commas; NULL: none */
    float cover;                 /* part of the characters that a face must be able to draw; 0: all */
    bool capitals;               /* also faces that have only capitals */
} font_query;

/* Finds and reads fonts; symbol, colour, bitmap and key-cap fonts are left out, and faces that draw the same as an
 * earlier one under another name. NULL: an error in ctx, e.g. when no face is left. */
font_set *fonts_load(tw_ctx *ctx, const font_query *query);
void fonts_free(font_set *set);

const font_glyph *font_find(const font_face *face, uint32_t code); /* NULL: not one of the query's characters */
float font_kern(const font_face *face, const font_glyph *left, const font_glyph *right); /* in em, mostly negative */

#endif
