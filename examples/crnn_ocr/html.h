/* html.h - the parts that this program's pages share: one file each, without scripts or anything from elsewhere, light
 * or dark as the reader's system is, and readable on a telephone. */
#ifndef CRNN_OCR_HTML_H
#define CRNN_OCR_HTML_H

#include <stdio.h>
#include <thalweg/data.h>

void html_begin(FILE *f, const char *title); /* head, style, and the title as heading */
void html_end(FILE *f);
void html_text(FILE *f, const char *text); /* escaped */
void html_point(FILE *f, int32_t point);   /* a character, by name where it cannot be seen */

/* Misread pictures: html_mistakes_begin, html_mistake for each, html_mistakes_end. src: what the picture's
 * src attribute says (escaped here). The characters that differ are marked in both texts. */
void html_mistakes_begin(FILE *f);
tw_err html_mistake(tw_ctx *ctx, FILE *f, const char *src, const char *truth, const char *read, double p,
                    const char *where);
void html_mistakes_end(FILE *f);

/* "data:image/png;base64,..", to be freed. The picture goes through a temporary file. NULL: an error in ctx. */
char *html_data_url(tw_ctx *ctx, const tw_image *image);

#endif
