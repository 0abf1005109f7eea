/* site.h - what the pages of `losslab report` have in common. What goes wrong here ends the program. */
#ifndef LOSSLAB_SITE_H
#define LOSSLAB_SITE_H

#include <stdbool.h>
#include <stdio.h>
#include <thalweg/extend.h>

#include "../common/outfile.h"
#include "canvas.h"
#include "chapters.h"

enum { SITE_PATH = 4096 };

typedef struct site {
    const char *folder;
    tw_ctx *ctx;
    bool pass[64]; /* of each loss's gradient */
} site;

/* With the error in s->ctx. */
_Noreturn void site_give_up(const site *s);

/* ---- site.c: a page, from its head to its foot ------------------------------------------------------------- */
typedef struct site_page {
    outfile file;
    char path[SITE_PATH];
} site_page;
void site_check(const site *s); /* can pages be written there? */
FILE *page_open(const site *s, const char *name, const char *title, site_page *p);
void page_close(const site *s, site_page *p);
void page_canvas(FILE *out, canvas *c);  /* as an <svg>; frees c, and NULL is memory that ran out */
void page_picture(FILE *out, canvas *c); /* the same for large ones: as wide as the screen, or to be scrolled */
void page_words(FILE *out, const char *text);
void page_text(FILE *out, const char *text); /* Markdown, with the links of a chapter in docs/losses */
void page_chapter(FILE *out, const chapter *c);

/* ---- site_pages.c: those that are about no single loss ------------------------------------------------------- */
void site_backprop(const site *s);
void site_ctc(const site *s);
bool site_museum(const site *s); /* did everything come out as it should? */
/* A small lattice and what is to be seen in it. */
void page_lattice(FILE *out);

#endif
