/* markdown_html.c - Markdown as HTML. */
#include "markdown.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

typedef struct writer {
    FILE *out;
    bool (*link)(FILE *out, void *user, const char *where, int size);
    void *user;
    const char *open; /* where the link leads that is open, or NULL */
    bool linked;      /* it was written */
} writer;

void md_html_escape(FILE *out, const char *text, int size) {
    for (int i = 0; i < size; i++) switch (text[i]) {
        case '<': fputs("&lt;", out); break;
        case '>': fputs("&gt;", out); break;
        case '&': fputs("&amp;", out); break;
        case '"': fputs("&quot;", out); break;
        default: fputc(text[i], out);
        }
}

/* A link may hold several pieces: `code` and words. It stays open as long as they lead to the same place. */
static void close_link(writer *w) {
    if (w->linked) fputs("</a>", w->out);
    w->open = NULL, w->linked = false;
}

static void open_link(writer *w, const md_span *s) {
    w->open = s->where;
    char *where = NULL;
    size_t size;
    FILE *memory = open_memstream(&where, &size);
    bool wanted = memory && w->link(memory, w->user, s->where, s->where_size);
    if (!memory || fclose(memory)) return;
    if (wanted) {
        fputs("<a href=\"", w->out);
        md_html_escape(w->out, where, (int)size);
        fputs("\">", w->out);
        w->linked = true;
    }
    free(where);
}

static void put_span(void *user, const md_span *s) {
    writer *w = user;
    const char *where = s->style & MD_LINK ? s->where : NULL;
    if (w->open != where) {
        close_link(w);
        if (where) open_link(w, s);
    }
    if (s->style & MD_STRONG) fputs("<strong>", w->out);
    if (s->style & MD_EMPHASIS) fputs("<em>", w->out);
    if (s->style & MD_LITERAL) fputs("<code>", w->out);
    md_html_escape(w->out, s->text, s->size);
    if (s->style & MD_LITERAL) fputs("</code>", w->out);
    if (s->style & MD_EMPHASIS) fputs("</em>", w->out);
    if (s->style & MD_STRONG) fputs("</strong>", w->out);
}

static void put_inline(writer *w, const char *text) {
    if (text) md_inline(text, put_span, w);
    close_link(w);
}

/* What a link can name: "Why not for classes" is #why-not-for-classes. */
static void put_anchor(FILE *out, const char *text) {
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (isalnum(c) || c >= 0x80 || c == '-' || c == '_') fputc(tolower(c), out);
        else if (c == ' ') fputc('-', out);
    }
}

static bool is_number(const char *text) {
    static const char minus[] = "−", times[] = "·10";
    if (!strncmp(text, minus, sizeof minus - 1)) text += sizeof minus - 1;
    if (!strcmp(text, "∞")) return true;
    if (!isdigit((unsigned char)*text)) return false;
    text += strspn(text, "0123456789.e+-/ ");
    if (!strncmp(text, times, sizeof times - 1))
        text += strspn(text + sizeof times - 1, "⁻⁰¹²³⁴⁵⁶⁷⁸⁹") + sizeof times - 1;
    return !*text;
}

/* Numbers are set flush right, where a column has nothing else below its head. */
static bool is_numeric(const md_block *b, int column) {
    bool some = false;
    for (int row = 1; row < b->rows; row++) {
        const char *cell = b->cell[row * b->columns + column];
        if (!cell || !*cell) continue;
        if (!is_number(cell)) return false;
        some = true;
    }
    return some;
}

static void put_table(writer *w, const md_block *b) {
    bool head = false;
    for (int i = 0; i < b->columns; i++) head = head || (b->cell[i] && *b->cell[i]);
    fputs("<div class=\"wide\"><table>\n", w->out);
    for (int row = head ? 0 : 1; row < b->rows; row++) {
        const char *tag = row == 0 ? "th" : "td";
        fputs("<tr>", w->out);
        for (int i = 0; i < b->columns; i++) {
            fprintf(w->out, "<%s%s>", tag, is_numeric(b, i) ? " class=\"n\"" : "");
            put_inline(w, b->cell[row * b->columns + i]);
            fprintf(w->out, "</%s>", tag);
        }
        fputs("</tr>\n", w->out);
    }
    fputs("</table></div>\n", w->out);
}

/* Opens and closes lists so that `depth` of them are open, of the item's kind. */
static int list_depth(writer *w, int depth, int wanted, const md_block *item, const char **tag) {
    while (depth > wanted && depth > 0) fprintf(w->out, "</li></%s>\n", tag[--depth]);
    for (; depth < wanted; depth++) {
        tag[depth] = isdigit((unsigned char)item->marker[0]) ? "ol" : "ul";
        fprintf(w->out, "<%s>\n", tag[depth]);
    }
    return depth;
}

static void put_block(writer *w, const md_block *b) {
    switch (b->kind) {
    case MD_HEADING:
        fprintf(w->out, "<h%d id=\"", b->level);
        put_anchor(w->out, b->text);
        fputs("\">", w->out);
        put_inline(w, b->text);
        fprintf(w->out, "</h%d>\n", b->level);
        break;
    case MD_PARAGRAPH:
        fputs("<p>", w->out);
        put_inline(w, b->text);
        fputs("</p>\n", w->out);
        break;
    case MD_CODE:
        fputs("<pre><code>", w->out);
        md_html_escape(w->out, b->text, (int)strlen(b->text));
        fputs("</code></pre>\n", w->out);
        break;
    case MD_TABLE: put_table(w, b); break;
    case MD_RULE: fputs("<hr>\n", w->out); break;
    case MD_ITEM: break; /* in md_html, which knows what surrounds it */
    }
}

void md_html(FILE *out, const char *text, bool (*link)(FILE *out, void *user, const char *where, int size),
             void *user) {
    writer w = {.out = out, .link = link, .user = user};
    const char *tag[2];
    int depth = 0;
    md_document d = md_parse(text);
    for (int i = 0; i < d.n; i++) {
        const md_block *b = &d.block[i];
        if (b->kind == MD_ITEM) {
            int before = depth;
            depth = list_depth(&w, depth, b->level + 1, b, tag);
            fputs(before >= depth ? "</li><li>" : "<li>", out);
            put_inline(&w, b->text);
        } else {
            bool inside = depth && b->kind == MD_CODE && i + 1 < d.n && d.block[i + 1].kind == MD_ITEM;
            if (!inside) depth = list_depth(&w, depth, 0, b, tag);
            put_block(&w, b);
        }
    }
    if (depth) list_depth(&w, depth, 0, &d.block[d.n - 1], tag);
    if (d.failed) fputs("<p>(out of memory: the rest is missing)</p>\n", out);
    md_free(&d);
}
