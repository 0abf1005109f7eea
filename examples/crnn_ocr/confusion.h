/* confusion.h - how two texts differ, character by character, and how often which character is read as which. */
#ifndef CRNN_OCR_CONFUSION_H
#define CRNN_OCR_CONFUSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One place of an alignment with the fewest edits: 0 stands for nothing there. truth == read: right. */
typedef struct align_step {
    int32_t truth, read; /* code points */
} align_step;

/* Aligns two texts of code points; step has room for nt + nr. Returns how many, or (size_t)-1: out of memory. */
size_t align_texts(const int32_t *truth, size_t nt, const int32_t *read, size_t nr, align_step *step);

typedef struct confusion_pair {
    int32_t truth, read; /* 0: nothing, so that (0, x) is a character too many and (x, 0) one that is missing */
    size_t count;
} confusion_pair;
typedef struct confusion {
    confusion_pair *pair; /* sorted by truth and read, until confusion_sort */
    size_t n, room;
} confusion;

bool confusion_add(confusion *c, const align_step *step, size_t n); /* false: out of memory */
void confusion_sort(confusion *c);                                  /* the most frequent first; the end of adding */
void confusion_free(confusion *c);

#endif
