/* markdown.c - Markdown into blocks, and a line into pieces. */
#include "markdown.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* ---- lines ------------------------------------------------------------------------------------------------ */

typedef struct line {
    const char *text; /* [size], without the newline */
    int size, indent;
} line;

/* Takes the next line off *text; false at the end. */
static bool next_line(const char **text, line *l) {
    if (!**text) return false;
    const char *end = strchr(*text, '\n');
    l->text = *text;
    l->size = (int)(end ? end - *text : (long)strlen(*text));
    *text = end ? end + 1 : *text + l->size;
    while (l->size && isspace((unsigned char)l->text[l->size - 1])) l->size--;
    for (l->indent = 0; l->indent < l->size && l->text[l->indent] == ' ';) l->indent++;
    return true;
}

static bool begins(const line *l, const char *word) {
    size_t n = strlen(word);
    return (size_t)(l->size - l->indent) >= n && !strncmp(l->text + l->indent, word, n);
}

static int heading_level(const line *l) {
    int n = 0;
    while (n < l->size && l->text[n] == '#') n++;
    return n <= 6 && n < l->size && l->text[n] == ' ' ? n : 0;
}

/* The length of a list item's marker with the space behind it, or 0. */
static int marker_size(const line *l) {
    const char *p = l->text + l->indent, *end = l->text + l->size;
    int n = 0;
    if (p < end && (*p == '*' || *p == '-' || *p == '+')) n = 1;
    else {
        while (p + n < end && n < 4 && isdigit((unsigned char)p[n])) n++;
        if (!n || p + n == end || (p[n] != '.' && p[n] != ')')) return 0;
        n++;
    }
    return p + n < end && p[n] == ' ' ? n + 1 : 0;
}

static bool is_rule(const line *l) {
    int n = 0;
    for (int i = l->indent; i < l->size; i++) {
        if (l->text[i] != '-' && l->text[i] != ' ') return false;
        n += l->text[i] == '-';
    }
    return n >= 3;
}

/* The line under a table's head: | --- | :-: | */
static bool is_delimiter(const line *l) {
    for (int i = 0; i < l->size; i++)
        if (!strchr("|-: ", l->text[i])) return false;
    return begins(l, "|");
}

/* ---- blocks ------------------------------------------------------------------------------------------------- */

static md_block *add_block(md_document *d, md_kind kind) {
    if (d->n == d->room) {
        int room = d->room ? 2 * d->room : 32;
        md_block *more = realloc(d->block, (size_t)room * sizeof *more);
        if (!more) d->failed = true;
        if (d->failed) return NULL;
        d->block = more, d->room = room;
    }
    d->block[d->n] = (md_block){.kind = kind};
    return &d->block[d->n++];
}

/* Appends to a block's text, after `between` unless it is the first. */
static void append(md_document *d, md_block *b, const char *between, const char *text, int size) {
    size_t had = b->text ? strlen(b->text) : 0, gap = b->text ? strlen(between) : 0;
    char *more = realloc(b->text, had + gap + (size_t)size + 1);
    if (!more) {
        d->failed = true;
        return;
    }
    memcpy(more + had, between, gap);
    memcpy(more + had + gap, text, (size_t)size);
    more[had + gap + (size_t)size] = 0;
    b->text = more;
}

/* The cell that begins at *p, behind a bar; moves *p behind the next bar. A bar in `code` or behind a backslash does
 * not count. */
static char *take_cell(const char **p, const char *end) {
    bool code = false;
    const char *from = *p, *at = from;
    for (; at < end && (code || *at != '|'); at++) {
        if (*at == '`') code = !code;
        if (*at == '\\' && at + 1 < end) at++;
    }
    *p = at < end ? at + 1 : end;
    while (from < at && *from == ' ') from++;
    while (from < at && at[-1] == ' ') at--;
    return strndup(from, (size_t)(at - from));
}

static int count_cells(const line *l) {
    const char *p = l->text + l->indent + 1, *end = l->text + l->size;
    int n = 0;
    for (; p < end; n++) free(take_cell(&p, end));
    return n;
}

static void add_row(md_document *d, md_block *b, const line *l) {
    const char *p = l->text + l->indent + 1, *end = l->text + l->size;
    char **more = realloc(b->cell, (size_t)((b->rows + 1) * b->columns) * sizeof *more);
    if (!more) {
        d->failed = true;
        return;
    }
    b->cell = more;
    for (int i = 0; i < b->columns; i++) {
        char *cell = p < end ? take_cell(&p, end) : strdup("");
        if (!cell) d->failed = true;
        b->cell[b->rows * b->columns + i] = cell;
    }
    b->rows++;
}

static const char *parse_table(md_document *d, const line *head, const char *text) {
    md_block *b = add_block(d, MD_TABLE);
    line l;
    if (!b) return text;
    b->columns = count_cells(head);
    if (b->columns) add_row(d, b, head);
    for (const char *next = text; b->columns && !d->failed && next_line(&next, &l) && begins(&l, "|"); text = next)
        if (!is_delimiter(&l)) add_row(d, b, &l);
    return text;
}

static const char *parse_code(md_document *d, const line *fence, const char *text) {
    md_block *b = add_block(d, MD_CODE);
    line l;
    if (b) append(d, b, "", "", 0);
    for (bool first = true; b && next_line(&text, &l) && !begins(&l, "```"); first = false) {
        int cut = l.indent < fence->indent ? l.indent : fence->indent;
        append(d, b, first ? "" : "\n", l.text + cut, l.size - cut);
    }
    return text;
}

static const char *skip_comment(const line *l, const char *text) {
    const char *end = strstr(l->text + l->indent, "-->");
    if (!end) return text + strlen(text);
    end = strchr(end, '\n');
    return end ? end + 1 : text + strlen(text);
}

static void add_item(md_document *d, const line *l, int size) {
    md_block *b = add_block(d, MD_ITEM);
    if (!b) return;
    b->level = l->indent >= 2 ? 1 : 0;
    memcpy(b->marker, l->text + l->indent, (size_t)(size - 1)); /* at most 5 characters */
    append(d, b, "", l->text + l->indent + size, l->size - l->indent - size);
}

md_document md_parse(const char *text) {
    md_document d = {0};
    line l;
    bool open = false; /* the last block is a paragraph or an item that may go on */
    while (!d.failed && next_line(&text, &l)) {
        int level = heading_level(&l), size = marker_size(&l);
        bool was_open = open;
        open = false;
        if (l.size == 0) continue;
        if (begins(&l, "<!--")) {
            text = skip_comment(&l, text);
        } else if (begins(&l, "```")) {
            text = parse_code(&d, &l, text);
        } else if (begins(&l, "|")) {
            text = parse_table(&d, &l, text);
        } else if (level) {
            md_block *b = add_block(&d, MD_HEADING);
            if (b) b->level = level, append(&d, b, "", l.text + level + 1, l.size - level - 1);
        } else if (is_rule(&l)) {
            add_block(&d, MD_RULE);
        } else if (size) {
            add_item(&d, &l, size);
            open = true;
        } else {
            bool more_of_item = !was_open && l.indent >= 2 && d.n && d.block[d.n - 1].kind == MD_ITEM;
            md_block *b = was_open || more_of_item ? &d.block[d.n - 1] : add_block(&d, MD_PARAGRAPH);
            if (b) append(&d, b, " ", l.text + l.indent, l.size - l.indent);
            open = true;
        }
    }
    return d;
}

void md_free(md_document *d) {
    for (int i = 0; i < d->n; i++) {
        md_block *b = &d->block[i];
        for (int k = 0; k < b->rows * b->columns; k++) free(b->cell[k]);
        free(b->cell);
        free(b->text);
    }
    free(d->block);
    *d = (md_document){0};
}

/* ---- pieces of a line --------------------------------------------------------------------------------------- */

/* [words](where) at p: where its parts lie; false: there is no link. */
static bool find_link(const char *p, const char **words_end, const char **where, const char **where_end) {
    int depth = 0;
    const char *q = p;
    for (; *q; q++) {
        if (*q == '[') depth++;
        if (*q == ']' && --depth == 0) break;
    }
    if (!*q || q[1] != '(') return false;
    const char *close = strchr(q + 2, ')');
    if (!close) return false;
    *words_end = q, *where = q + 2, *where_end = close;
    return true;
}

/* A star opens emphasis before a letter and closes it after one; "2 * 3" is a product. */
static bool star(const char *text, const char *p, bool inside) {
    if (inside) return p > text && p[-1] != ' ';
    return p[1] && p[1] != ' ' && p[1] != '*' && strchr(p + 1, '*');
}

typedef struct inline_state {
    void (*visit)(void *user, const md_span *span);
    void *user;
    md_span span; /* its style and link hold for all pieces */
} inline_state;

static void emit(inline_state *s, const char *from, const char *to, unsigned more) {
    if (from == to) return;
    md_span piece = s->span;
    piece.style |= more, piece.text = from, piece.size = (int)(to - from);
    s->visit(s->user, &piece);
}

static void pieces(inline_state *s, const char *text, const char *end) {
    const char *from = text, *p = text, *words_end, *where, *where_end;
    while (p < end) {
        if (*p == '\\' && p + 1 < end && ispunct((unsigned char)p[1])) {
            emit(s, from, p, 0);
            from = p + 1, p += 2;
        } else if (*p == '`') {
            const char *close = memchr(p + 1, '`', (size_t)(end - p - 1));
            if (!close) break;
            emit(s, from, p, 0);
            emit(s, p + 1, close, MD_LITERAL);
            from = p = close + 1;
        } else if (p[0] == '*' && p + 1 < end && p[1] == '*') {
            emit(s, from, p, 0);
            s->span.style ^= MD_STRONG;
            from = p += 2;
        } else if (*p == '*' && star(text, p, s->span.style & MD_EMPHASIS)) {
            emit(s, from, p, 0);
            s->span.style ^= MD_EMPHASIS;
            from = ++p;
        } else if ((*p == '[' || (*p == '!' && p[1] == '[')) && !(s->span.style & (MD_LINK | MD_IMAGE)) &&
                   find_link(p + (*p == '!'), &words_end, &where, &where_end) && where_end < end) {
            md_style style = *p == '!' ? MD_IMAGE : MD_LINK;
            emit(s, from, p, 0);
            s->span.style |= style, s->span.where = where, s->span.where_size = (int)(where_end - where);
            pieces(s, p + 1 + (*p == '!'), words_end);
            s->span.style &= ~(unsigned)style, s->span.where = NULL, s->span.where_size = 0;
            from = p = where_end + 1;
        } else {
            p++;
        }
    }
    emit(s, from, end, 0);
}

void md_inline(const char *text, void (*visit)(void *user, const md_span *span), void *user) {
    inline_state s = {visit, user, {0}};
    pieces(&s, text, text + strlen(text));
}
