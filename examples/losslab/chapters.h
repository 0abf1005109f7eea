/* chapters.h - the book's chapters on losses, and those on backpropagation and CTC, as part of the program. */
#ifndef LOSSLAB_CHAPTERS_H
#define LOSSLAB_CHAPTERS_H

typedef struct chapter {
    const char *name; /* where it is, seen from docs/losses: "mse", "../ctc" */
    const char *text; /* Markdown */
} chapter;
extern const chapter chapters[]; /* made by tools/embed.sh; name NULL at the end */

/* The chapter of a loss: the one of its name, or the one that the table in README names. NULL: there is none yet. */
const chapter *chapter_of(const char *loss);
const chapter *chapter_named(const char *name);

#endif
