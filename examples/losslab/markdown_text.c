/* markdown_text.c - Markdown for terminals: wrapped lines, tables that fit, colours where there are any. */
#include "markdown.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Styles inside a line are single bytes of their own, which take no room; they become ANSI at the very end. */
enum { STRONG_ON = 1, STRONG_OFF, SLANT_ON, SLANT_OFF, CODE_ON, CODE_OFF, LINK_ON, LINK_OFF, LAST_STYLE = LINK_OFF };
static const char *const ansi_codes[] = {"",         "\033[1m",  "\033[22m", "\033[3m", "\033[23m",
                                         "\033[36m", "\033[39m", "\033[34m", "\033[39m"};

typedef struct printer {
    FILE *out;
    int width;
    bool ansi;
} printer;

static void put(const printer *p, const char *text, size_t size) {
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == 0 || c > LAST_STYLE) fputc(c, p->out);
        else if (p->ansi) fputs(ansi_codes[c], p->out);
    }
}

/* Columns that size bytes of UTF-8 take. */
static int columns(const char *text, size_t size) {
    int n = 0;
    for (size_t i = 0; i < size && text[i]; i++) {
        unsigned char c = (unsigned char)text[i];
        n += c > LAST_STYLE && (c & 0xc0) != 0x80;
    }
    return n;
}

static void repeat(const printer *p, const char *text, int n) {
    while (n-- > 0) fputs(text, p->out);
}

/* ---- lines ---------------------------------------------------------------------------------------------------- */

static void put_span(void *user, const md_span *s) {
    FILE *out = user;
    if (s->style & MD_IMAGE) {
        fprintf(out, "[picture: %.*s]", s->size, s->text);
        return;
    }
    if (s->style & MD_STRONG) fputc(STRONG_ON, out);
    if (s->style & MD_EMPHASIS) fputc(SLANT_ON, out);
    if (s->style & MD_LITERAL) fputc(CODE_ON, out);
    else if (s->style & MD_LINK) fputc(LINK_ON, out);
    fwrite(s->text, 1, (size_t)s->size, out);
    if (s->style & MD_LITERAL) fputc(CODE_OFF, out);
    else if (s->style & MD_LINK) fputc(LINK_OFF, out);
    if (s->style & MD_EMPHASIS) fputc(SLANT_OFF, out);
    if (s->style & MD_STRONG) fputc(STRONG_OFF, out);
    if (s->style & MD_LINK && s->where_size > 4 && !strncmp(s->where, "http", 4))
        fprintf(out, " <%.*s>", s->where_size, s->where);
}

/* Inline Markdown with style bytes; malloc'd, NULL without memory. */
static char *styled(const char *text) {
    char *made = NULL;
    size_t size;
    FILE *out = open_memstream(&made, &size);
    if (!out) return NULL;
    md_inline(text, put_span, out);
    return fclose(out) ? NULL : made;
}

/* May a line end at p? Not inside 10 000. */
static bool breaks(const char *begin, const char *p) {
    if (*p != ' ') return false;
    bool thousands = p > begin && isdigit((unsigned char)p[-1]) && strspn(p + 1, "0123456789") == 3 && p[4] != '.';
    return !thousands;
}

/* The piece of *text that fits into `width` columns, cut at a space where there is one; moves *text behind it. */
static size_t take(const char **text, int width) {
    const char *p = *text, *fits = NULL;
    int n = 0;
    for (; *p; p++) {
        unsigned char c = (unsigned char)*p;
        if (breaks(*text, p)) fits = p;
        if (c <= LAST_STYLE || (c & 0xc0) == 0x80) continue;
        if (++n > width) break;
    }
    if (!*p) fits = p;
    if (!fits) fits = p > *text ? p : p + 1; /* a word longer than the line */
    size_t size = (size_t)(fits - *text);
    for (*text = fits; **text == ' ';) ++*text;
    return size;
}

static void put_wrapped(const printer *p, const char *text, int indent, const char *first) {
    char *line = styled(text);
    const char *at = line;
    if (!line) return;
    do {
        fputs(at == line ? first : "", p->out);
        if (at != line) repeat(p, " ", indent);
        const char *from = at;
        put(p, from, take(&at, p->width - indent));
        fputc('\n', p->out);
    } while (*at);
    free(line);
}

/* ---- tables ----------------------------------------------------------------------------------------------------- */

typedef struct grid {
    int rows, columns;
    char **cell; /* with style bytes; an entry may be NULL */
    int *width;  /* of each column */
    int *least;  /* as narrow as it can be */
} grid;

static int longest_word(const char *text) {
    int longest = 0;
    for (const char *word = text, *p = text;; p++) {
        if (*p && !breaks(text, p)) continue;
        int n = columns(word, (size_t)(p - word));
        if (n > longest) longest = n;
        if (!*p) return longest;
        word = p + 1;
    }
}

/* The widest column that still can gives way until the table fits; words are not cut. */
static bool fit(grid *g, int room) {
    for (bool narrowed = false;; narrowed = true) {
        int sum = 2 * (g->columns - 1), widest = -1;
        for (int i = 0; i < g->columns; i++) {
            sum += g->width[i];
            if (g->width[i] > g->least[i] && (widest < 0 || g->width[i] > g->width[widest])) widest = i;
        }
        if (sum <= room || widest < 0) return narrowed;
        g->width[widest]--;
    }
}

static void put_row(const printer *p, const grid *g, int row) {
    const char *at[64];
    bool more = true;
    for (int i = 0; i < g->columns; i++) at[i] = g->cell[row * g->columns + i] ? g->cell[row * g->columns + i] : "";
    while (more) {
        int owed = 2; /* spaces that are only written when something follows */
        more = false;
        for (int i = 0; i < g->columns; i++) {
            const char *from = at[i];
            size_t size = take(&at[i], g->width[i]);
            if (size) {
                repeat(p, " ", owed);
                if (row == 0 && p->ansi) fputs(ansi_codes[STRONG_ON], p->out);
                put(p, from, size);
                if (row == 0 && p->ansi) fputs(ansi_codes[STRONG_OFF], p->out);
                owed = 0;
            }
            owed += g->width[i] - columns(from, size) + 2;
            more = more || *at[i];
        }
        fputc('\n', p->out);
    }
}

static void put_line(const printer *p, const grid *g) {
    for (int i = 0; i < g->columns; i++) {
        fputs("  ", p->out);
        repeat(p, "─", g->width[i]);
    }
    fputc('\n', p->out);
}

static void put_grid(const printer *p, grid *g) {
    bool wraps = fit(g, p->width - 2), empty = true; /* a head without words is left out */
    for (int i = 0; i < g->columns; i++) empty = empty && (!g->cell[i] || !*g->cell[i]);
    for (int row = empty; row < g->rows; row++) {
        put_row(p, g, row);
        if (row == 0) put_line(p, g);
        else if (wraps && row + 1 < g->rows && row > 0 && g->columns < 4) fputc('\n', p->out);
    }
}

static void put_table(const printer *p, const md_block *b) {
    enum { MOST = 64 };
    int width[MOST] = {0}, least[MOST] = {0}, n = b->rows * b->columns;
    if (b->columns > MOST) return;
    grid g = {b->rows, b->columns, calloc((size_t)n + 1, sizeof(char *)), width, least};
    for (int i = 0; g.cell && i < n; i++) {
        int column = i % b->columns;
        g.cell[i] = b->cell[i] ? styled(b->cell[i]) : NULL;
        if (!g.cell[i]) continue;
        int w = columns(g.cell[i], strlen(g.cell[i])), word = longest_word(g.cell[i]);
        if (w > width[column]) width[column] = w;
        if (word > least[column]) least[column] = word;
    }
    if (g.cell) put_grid(p, &g);
    for (int i = 0; g.cell && i < n; i++) free(g.cell[i]);
    free(g.cell);
}

/* ---- blocks --------------------------------------------------------------------------------------------------- */

static void put_code(const printer *p, const char *text) {
    while (*text) {
        size_t size = strcspn(text, "\n");
        if (p->ansi) fputs(ansi_codes[CODE_ON], p->out);
        fprintf(p->out, "%s%.*s", size ? "    " : "", (int)size, text);
        if (p->ansi) fputs(ansi_codes[CODE_OFF], p->out);
        fputc('\n', p->out);
        text += size + (text[size] == '\n');
    }
}

static void put_heading(const printer *p, const md_block *b) {
    char *line = styled(b->text);
    if (!line) return;
    if (p->ansi) fputs(ansi_codes[STRONG_ON], p->out);
    put(p, line, strlen(line));
    if (p->ansi) fputs(ansi_codes[STRONG_OFF], p->out);
    fputc('\n', p->out);
    if (b->level <= 2) {
        repeat(p, b->level == 1 ? "═" : "─", columns(line, strlen(line)));
        fputc('\n', p->out);
    }
    free(line);
}

static void put_block(const printer *p, const md_block *b) {
    char first[32];
    switch (b->kind) {
    case MD_HEADING: put_heading(p, b); break;
    case MD_PARAGRAPH: put_wrapped(p, b->text, 0, ""); break;
    case MD_CODE: put_code(p, b->text); break;
    case MD_TABLE: put_table(p, b); break;
    case MD_RULE:
        repeat(p, "─", p->width < 40 ? p->width : 40);
        fputc('\n', p->out);
        break;
    case MD_ITEM: {
        bool number = b->marker[0] >= '0' && b->marker[0] <= '9';
        snprintf(first, sizeof first, "%*s%*s ", 2 * b->level, "", number ? 3 : 0, number ? b->marker : "•");
        put_wrapped(p, b->text, columns(first, sizeof first), first);
        break;
    }
    }
}

void md_print(FILE *out, const char *text, int width, bool ansi) {
    printer p = {out, width < 24 ? 24 : width, ansi};
    md_document d = md_parse(text);
    for (int i = 0; i < d.n; i++) {
        bool list_goes_on = i && d.block[i].kind == MD_ITEM && d.block[i - 1].kind == MD_ITEM;
        if (i && !list_goes_on) fputc('\n', out);
        if (d.block[i].kind == MD_HEADING && i && d.block[i].level <= 2) fputc('\n', out);
        put_block(&p, &d.block[i]);
    }
    if (d.failed) fputs("\n(out of memory: the rest is missing)\n", out);
    md_free(&d);
}
