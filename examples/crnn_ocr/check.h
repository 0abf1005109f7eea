/* check.h - what is wrong with a labels.tsv, found before a training finds it out slowly. */
#ifndef CRNN_OCR_CHECK_H
#define CRNN_OCR_CHECK_H

#include "model.h"

#include <thalweg/data.h>
#include <thalweg/text.h>

typedef enum check_kind {
    /* what would hurt */
    CHECK_LINE,     /* no path TAB text in UTF-8 */
    CHECK_PICTURE,  /* cannot be read */
    CHECK_ALPHABET, /* characters outside the alphabet */
    CHECK_FIT,      /* fewer frames than the text needs */
    CHECK_CONTRARY, /* the same picture with another text */
    /* what may be as it should */
    CHECK_EMPTY,
    CHECK_TWICE, /* the same picture with the same text */
    CHECK_ASPECT,
    CHECK_NFC,
    CHECK_KINDS
} check_kind;
enum { CHECK_HURTS = CHECK_EMPTY }; /* kinds below it */

typedef struct check_row {
    char *path, *text; /* NULL: the line has none */
    int line;
    int width, height; /* 0: not read */
    uint64_t hash;     /* of the picture's gray pixels */
    int length, need;  /* characters; frames, one more between equal neighbours */
} check_row;

typedef struct check_finding {
    check_kind kind;
    int line;
    char *words;
} check_finding;

typedef struct check {
    tw_ctx *ctx;
    const char *labels;
    int shown; /* findings of a kind that are kept; the others are only counted */
    check_row *row;
    size_t n, room;
    check_finding *finding;
    size_t nfinding, finding_room;
    size_t count[CHECK_KINDS];
    tw_alphabet *own; /* the characters of all texts; NULL: there are none */
} check;

/* Notes one thing that was found; words is a sentence without its place. */
tw_err check_note(check *c, check_kind kind, int line, const char *format, ...) TW_PRINTF(4, 5);

/* ---- check_rows.c: reading ---- */
tw_err check_read_labels(check *c);
/* images NULL: every row's own file. */
tw_err check_read_pictures(check *c, const char *images);

/* ---- check_find.c: comparing; all after reading ---- */
tw_err check_texts(check *c, const tw_alphabet *given);
tw_err check_duplicates(check *c);
tw_err check_aspects(check *c);
tw_err check_fits(check *c, const crnn_design *design, int height);
/* How many texts do not fit at this height, and the median of frames a needed frame. */
size_t check_unfit(const check *c, const crnn_design *design, int height, double *comfort);

void check_free(check *c);

#endif
