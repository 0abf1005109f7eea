/* markdown.h - the part of Markdown that the book uses: headings, paragraphs, lists, code blocks, tables; in a line
 * **strong**, *emphasis*, `code`, [links](where). Comments are left out. */
#ifndef LOSSLAB_MARKDOWN_H
#define LOSSLAB_MARKDOWN_H

#include <stdbool.h>
#include <stdio.h>

typedef enum md_kind { MD_HEADING, MD_PARAGRAPH, MD_ITEM, MD_CODE, MD_TABLE, MD_RULE } md_kind;
typedef struct md_block {
    md_kind kind;
    int level;         /* HEADING: 1 to 6; ITEM: how deep, from 0 */
    char marker[8];    /* ITEM: "*", or the number "3." */
    char *text;        /* one line of inline Markdown; CODE: the lines as they are */
    int rows, columns; /* TABLE; the first row is its head */
    char **cell;       /* [rows * columns], inline Markdown */
} md_block;
typedef struct md_document {
    md_block *block;
    int n, room;
    bool failed; /* memory ran out: the rest is missing */
} md_document;

md_document md_parse(const char *text);
void md_free(md_document *document);

/* A line in pieces of one style. The pieces point into text. */
typedef enum md_style { MD_STRONG = 1, MD_EMPHASIS = 2, MD_LITERAL = 4, MD_LINK = 8, MD_IMAGE = 16 } md_style;
typedef struct md_span {
    unsigned style;    /* of md_style */
    const char *text;  /* [size] */
    const char *where; /* LINK, IMAGE: [where_size] */
    int size, where_size;
} md_span;
/* Calls visit for each piece. */
void md_inline(const char *text, void (*visit)(void *user, const md_span *span), void *user);

/* Text of `width` columns, with ANSI colours or without. */
void md_print(FILE *out, const char *text, int width, bool ansi);
/* HTML. link(user, where, size) prints where a link of the text leads and returns true, or false: then it is left out
 * and only its words remain. */
void md_html(FILE *out, const char *text, bool (*link)(FILE *out, void *user, const char *where, int size), void *user);
/* Characters &, <, > and quotes as HTML writes them. */
void md_html_escape(FILE *out, const char *text, int size);

#endif
