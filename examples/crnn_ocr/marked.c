/* marked.c - see marked.h. */
#include "marked.h"

#include "fonts.h"
#include "render.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/extend.h>

enum { EDGE = 8, LEAST_HEIGHT = 96, MOST_SCALE = 6, BAR = 8, LETTER = 22, FIGURE = 13, TEXT = 24, LEAST_WIDTH = 240 };

typedef struct color {
    uint8_t r, g, b;
} color;
static const color ink = {20, 20, 20}, dim = {110, 110, 110}, border = {0, 90, 200}, frame = {230, 120, 0};

struct marker {
    font_set *fonts;
    const font_face *face;
    renderer *renderer;
    uint8_t *line; /* a caption in the making */
    size_t room;
};

marker *marker_new(tw_ctx *ctx, const char *alphabet) {
    static const char *const usual[] = {"DejaVu Sans", NULL};
    static const char figures[] = "0123456789. ";
    size_t n = strlen(alphabet) + sizeof figures;
    marker *m = calloc(1, sizeof *m);
    char *characters = malloc(n);
    if (m && characters) {
        snprintf(characters, n, "%s%s", figures, alphabet);
        m->renderer = renderer_new();
        m->fonts = fonts_load(ctx, &(font_query){.families = usual, .characters = characters});
        if (!m->fonts && tw_error(ctx) != TW_ERR_NOMEM) { /* another script: any font that has it */
            tw_error_clear(ctx);
            m->fonts = fonts_load(ctx, &(font_query){.characters = characters});
        }
    }
    bool ok = m && characters && m->renderer && m->fonts;
    free(characters);
    if (!ok) {
        if (!tw_error(ctx)) tw_fail(ctx, TW_ERR_NOMEM, "out of memory");
        marker_free(m);
        return NULL;
    }
    m->face = &m->fonts->face[0];
    for (int i = 0; i < m->fonts->n; i++)
        if (!strcmp(m->fonts->face[i].style, "Book")) m->face = &m->fonts->face[i];
    return m;
}

void marker_free(marker *m) {
    if (!m) return;
    fonts_free(m->fonts);
    renderer_free(m->renderer);
    free(m->line);
    free(m);
}

/* ---- drawing --------------------------------------------------------------------------------------------- */

static void fill(tw_image *to, int x, int y, int width, int height, color c) {
    for (int j = y < 0 ? 0 : y; j < y + height && j < to->height; j++)
        for (int i = x < 0 ? 0 : x; i < x + width && i < to->width; i++) {
            uint8_t *p = to->data + 3 * ((size_t)j * (size_t)to->width + (size_t)i);
            p[0] = c.r, p[1] = c.g, p[2] = c.b;
        }
}

static void outline(tw_image *to, int x, int y, int width, int height, color c) {
    fill(to, x, y, width, 1, c);
    fill(to, x, y + height - 1, width, 1, c);
    fill(to, x, y, 1, height, c);
    fill(to, x + width - 1, y, 1, height, c);
}

/* A line of text, at most `room` wide, its middle at `middle`, or its beginning at -middle - 1. */
static void caption(marker *m, tw_image *to, int middle, int y, int room, int height, const char *text, color c) {
    render_look look = render_plain();
    look.left = look.right = look.top = look.bottom = 0;
    look.tight = 0;
    int width = room;
    if (room < 4 || (size_t)room * (size_t)height > m->room) return;
    if (!render_text(m->renderer, m->face, text, &look, height, &width, m->line)) return;
    int x = middle < 0 ? -middle - 1 : middle - width / 2;
    for (int j = 0; j < height; j++)
        for (int i = 0; i < width; i++) {
            if (x + i < 0 || x + i >= to->width || y + j >= to->height) continue;
            uint8_t *p = to->data + 3 * ((size_t)(y + j) * (size_t)to->width + (size_t)(x + i));
            int paper = m->line[j * width + i];
            p[0] = (uint8_t)((c.r * (255 - paper) + p[0] * paper) / 255);
            p[1] = (uint8_t)((c.g * (255 - paper) + p[1] * paper) / 255);
            p[2] = (uint8_t)((c.b * (255 - paper) + p[2] * paper) / 255);
        }
}

/* From red over yellow to green. */
static color shade(double confidence) {
    double p = confidence < 0 ? 0 : confidence > 1 ? 1 : confidence;
    double red = p < 0.5 ? 1 : 2 - 2 * p, green = p < 0.5 ? 2 * p : 1;
    return (color){(uint8_t)(210 * red), (uint8_t)(170 * green), 30};
}

static void draw_picture(tw_image *to, const tw_image *gray, int scale) {
    for (int y = 0; y < gray->height * scale; y++)
        for (int x = 0; x < gray->width * scale; x++)
            memset(to->data + 3 * ((size_t)(EDGE + y) * (size_t)to->width + (size_t)(EDGE + x)),
                   gray->data[(size_t)(y / scale) * (size_t)gray->width + (size_t)(x / scale)], 3);
}

static void draw_spans(marker *m, tw_image *to, const reading *r, int scale) {
    int top = EDGE + r->seen.y * scale, height = r->seen.height * scale, below = EDGE + r->height * scale + 4;
    for (int i = 0; i < r->best[0].n; i++) {
        const reading_span *s = &r->span[i];
        int x = EDGE + (int)(s->x * scale + 0.5), end = EDGE + (int)((s->x + s->width) * scale + 0.5);
        int wide = end - x > 1 ? end - x : 1, middle = (x + end) / 2;
        fill(to, x, top, 1, height, border);
        fill(to, end, top, 1, height, border);
        fill(to, x + 1, below, wide - 1, BAR, shade(s->confidence));
        char percent[8];
        snprintf(percent, sizeof percent, "%.0f", 100 * s->confidence);
        caption(m, to, middle, below + BAR + 2, 2 * LETTER, LETTER, s->text, ink);
        caption(m, to, middle, below + BAR + LETTER + 4, wide - 2, FIGURE, percent, dim);
    }
}

tw_err marked_write(tw_ctx *ctx, marker *m, const tw_image *gray, const reading *r, const char *path) {
    int scale = 1;
    while (scale < MOST_SCALE && gray->height * scale < LEAST_HEIGHT && gray->width * (scale + 1) <= 4096) scale++;
    int width = gray->width * scale, height = gray->height * scale;
    int below = BAR + LETTER + FIGURE + TEXT + 4 * 4;
    tw_image page;
    tw_err err = tw_image_new(ctx, (width > LEAST_WIDTH ? width : LEAST_WIDTH) + 2 * EDGE, height + below + 2 * EDGE, 3,
                              255, &page);
    if (err) return err;
    size_t room = (size_t)page.width * TEXT;
    uint8_t *line = room > m->room ? realloc(m->line, room) : m->line;
    if (line) {
        m->line = line;
        if (room > m->room) m->room = room;
        draw_picture(&page, gray, scale);
        const tw_box *b = &r->seen;
        if (b->width < gray->width || b->height < gray->height)
            outline(&page, EDGE + b->x * scale, EDGE + b->y * scale, b->width * scale, b->height * scale, frame);
        if (r->n && r->span) draw_spans(m, &page, r, scale);
        char confidence[32];
        snprintf(confidence, sizeof confidence, "%.4f", r->n ? reading_confidence(&r->best[0]) : 0);
        int y = page.height - EDGE - TEXT + 2;
        caption(m, &page, -EDGE - 1, y, 80, TEXT - 6, confidence, dim);
        if (r->n) caption(m, &page, -EDGE - 91, y, page.width - 2 * EDGE - 90, TEXT - 6, r->best[0].text, ink);
        err = tw_image_save_png(ctx, path, &page);
    } else {
        err = tw_fail_err(ctx, TW_ERR_NOMEM, "%s: out of memory", path);
    }
    tw_image_free(&page);
    return err;
}
