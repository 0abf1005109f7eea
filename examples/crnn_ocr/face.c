/* face.c - a font file through FreeType: coverage, metrics, outlines, kerning. FreeType, unlike stb_truetype, is made
 * for files from anywhere: a damaged one is an error, not a crash. */
#include "face.h"

#include <ctype.h>
#include <ft2build.h>
#include FT_FREETYPE_H
#include FT_OUTLINE_H
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../common/utf8.h"

/* ---- which glyphs can be trusted ------------------------------------------------------------------------------ */

static bool same_outline(const font_face *f, const font_glyph *a, const font_glyph *b) {
    return a->count == b->count &&
        !memcmp(&f->point[a->first], &f->point[b->first], (size_t)a->count * sizeof *f->point);
}

/* Some fonts draw one shape, a box or a picture, for all that they lack. Two characters may share a shape (l and I, O
 * and 0, capitals for small letters), more do not. */
static void drop_placeholders(font_face *f) {
    int kept = 0, twins;
    if (f->nglyph > 1000) return; /* of thousands of signs some are allowed to be equal */
    bool *drop = calloc((size_t)f->nglyph + 1, sizeof *drop);
    if (!drop) return;
    for (int i = 0; i < f->nglyph; i++) {
        if (!f->glyph[i].count || drop[i]) continue;
        twins = 0;
        for (int k = i + 1; k < f->nglyph; k++) twins += same_outline(f, &f->glyph[i], &f->glyph[k]);
        if (twins < 3) continue;
        for (int k = f->nglyph - 1; k >= i; k--) drop[k] = drop[k] || same_outline(f, &f->glyph[i], &f->glyph[k]);
    }
    for (int i = 0; i < f->nglyph; i++)
        if (!drop[i]) f->glyph[kept++] = f->glyph[i];
    f->nglyph = kept;
    free(drop);
}

/* Drawn by hand a small letter and its capital are never equal, but as high: then there are only capitals. */
static bool only_capitals(const font_face *f) {
    static const char pairs[][2] = {{'a', 'A'}, {'e', 'E'}, {'g', 'G'}, {'n', 'N'}, {'r', 'R'}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        const font_glyph *a = font_find(f, (uint32_t)pairs[i][0]), *b = font_find(f, (uint32_t)pairs[i][1]);
        if (a && b && same_outline(f, a, b)) return true;
    }
    const font_glyph *o = font_find(f, 'o'), *x = font_find(f, 'x'), *O = font_find(f, 'O'), *X = font_find(f, 'X');
    return o && x && O && X && o->top > 0.9f * O->top && x->top > 0.9f * X->top;
}

/* Small capitals for small letters: then b and h are no higher than x, and g and p do not go below the line. Letters
 * without one of these tell nothing. */
static bool small_capitals(const font_face *f) {
    const font_glyph *x = font_find(f, 'x');
    if (!x || x->top <= 0) return false;
    for (const char *c = "bdhkl"; *c; c++) {
        const font_glyph *g = font_find(f, (uint32_t)*c);
        if (!g || g->top > 1.12f * x->top) return false;
    }
    for (const char *c = "gpy"; *c; c++) {
        const font_glyph *g = font_find(f, (uint32_t)*c);
        if (!g || g->bottom < -0.12f * x->top) return false;
    }
    return true;
}

static bool is_space(uint32_t code) { return code == 0x20 || code == 0xa0 || code == 0x3000; }

/* ---- outlines --------------------------------------------------------------------------------------------------- */

/* One glyph on its way into face->point. */
typedef struct drawing {
    font_face *face;
    int used, room;
    bool failed, strange; /* out of memory; coordinates that no letter has */
} drawing;

static font_point *next_point(drawing *d, const FT_Vector *to) {
    if (d->used == d->room) {
        int room = d->room ? 2 * d->room : 4096;
        font_point *point = realloc(d->face->point, (size_t)room * sizeof *point);
        if (!point) d->failed = true;
        if (!point) return NULL;
        d->face->point = point, d->room = room;
    }
    if (labs(to->x) > INT16_MAX || labs(to->y) > INT16_MAX) d->strange = true;
    font_point *p = &d->face->point[d->used++];
    *p = (font_point){.x = (int16_t)to->x, .y = (int16_t)to->y};
    return p;
}

static int move_to(const FT_Vector *to, void *user) {
    font_point *p = next_point(user, to);
    if (p) p->verb = FONT_MOVE;
    return !p;
}
static int line_to(const FT_Vector *to, void *user) {
    font_point *p = next_point(user, to);
    if (p) p->verb = FONT_LINE;
    return !p;
}
static int quad_to(const FT_Vector *a, const FT_Vector *to, void *user) {
    font_point *p = next_point(user, to);
    if (p) p->verb = FONT_QUAD, p->ax = (int16_t)a->x, p->ay = (int16_t)a->y;
    return !p;
}
static int cubic_to(const FT_Vector *a, const FT_Vector *b, const FT_Vector *to, void *user) {
    font_point *p = next_point(user, to);
    if (p)
        p->verb = FONT_CUBIC, p->ax = (int16_t)a->x, p->ay = (int16_t)a->y, p->bx = (int16_t)b->x,
        p->by = (int16_t)b->y;
    return !p;
}

/* FACE_UNFIT: it cannot draw this character. */
static face_status read_glyph(FT_Face ft, font_glyph *g, drawing *d) {
    static const FT_Outline_Funcs verbs = {move_to, line_to, quad_to, cubic_to, 0, 0};
    font_face *f = d->face;
    FT_BBox b;
    if (!g->index || FT_Load_Glyph(ft, (FT_UInt)g->index, FT_LOAD_NO_SCALE)) return FACE_UNFIT;
    long advance = ft->glyph->metrics.horiAdvance;
    g->advance = (float)advance * f->unit;
    g->first = d->used;
    if (advance <= 0 || g->advance > 10) return FACE_UNFIT;
    if (is_space(g->code)) return FACE_OK;
    if (ft->glyph->format != FT_GLYPH_FORMAT_OUTLINE) return FACE_UNFIT;
    d->strange = false;
    bool drawn = !FT_Outline_Decompose(&ft->glyph->outline, &verbs, d);
    g->count = d->used - g->first;
    if (d->failed) return FACE_NO_MEMORY;
    FT_Outline_Get_CBox(&ft->glyph->outline, &b);
    g->top = (float)b.yMax * f->unit, g->bottom = (float)b.yMin * f->unit;
    bool fit = drawn && !d->strange && g->count > 2 && b.xMax > b.xMin && b.yMax > b.yMin && g->top < 3 &&
        g->bottom > -2;
    if (!fit) d->used = g->first;
    return fit ? FACE_OK : FACE_UNFIT;
}

/* The line's height is that of its letters and digits; brackets of some display fonts are twice as high. */
static void measure_line(font_face *f) {
    f->top = f->bottom = 0;
    for (int pass = 0; pass < 2 && f->top <= f->bottom; pass++)
        for (int i = 0; i < f->nglyph; i++) {
            const font_glyph *g = &f->glyph[i];
            bool counts = pass || g->code > 127 || isalnum((int)g->code);
            if (!counts || !g->count) continue;
            f->top = g->top > f->top ? g->top : f->top;
            f->bottom = g->bottom < f->bottom ? g->bottom : f->bottom;
        }
}

/* Ink as a part of the rectangles that letters have to themselves: about 0.2 in a light face, 0.5 in a black one.
 * Curves count as the straight lines between their ends. */
static void measure_ink(font_face *f) {
    double ink = 0, room = 0;
    for (int i = 0; i < f->nglyph; i++) {
        const font_glyph *g = &f->glyph[i];
        const font_point *p = &f->point[g->first], *start = p;
        double area = 0;
        if (!g->count || (g->code < 128 && !isalpha((int)g->code))) continue;
        for (int k = 0; k < g->count; k++) {
            const font_point *next = k + 1 < g->count && p[k + 1].verb != FONT_MOVE ? &p[k + 1] : start;
            area += (double)p[k].x * next->y - (double)next->x * p[k].y;
            if (next == start && k + 1 < g->count) start = &p[k + 1];
        }
        ink += fabs(area) * 0.5 * (double)(f->unit * f->unit);
        room += (double)(g->advance * (g->top - g->bottom));
    }
    f->ink = room > 0 ? (float)(ink / room) : 0;
}

static face_status read_glyphs(font_face *f, FT_Face ft, const face_query *query) {
    drawing d = {.face = f};
    f->glyph = calloc((size_t)query->ncode + 1, sizeof *f->glyph);
    if (!f->glyph) return FACE_NO_MEMORY;
    font_glyph missing = {.index = 0}; /* glyph 0 is what is shown for characters that are not there */
    if (!FT_Load_Glyph(ft, 0, FT_LOAD_NO_SCALE) && ft->glyph->format == FT_GLYPH_FORMAT_OUTLINE) {
        missing.index = 1; /* read_glyph takes 0 for none */
        FT_Outline_Funcs verbs = {move_to, line_to, quad_to, cubic_to, 0, 0};
        FT_Outline_Decompose(&ft->glyph->outline, &verbs, &d);
        missing.count = d.used;
    }
    for (int i = 0; i < query->ncode && !d.failed; i++) {
        font_glyph *g = &f->glyph[f->nglyph];
        *g = (font_glyph){.code = query->code[i], .index = (int)FT_Get_Char_Index(ft, query->code[i])};
        if (read_glyph(ft, g, &d) == FACE_OK && !(g->count && same_outline(f, g, &missing))) f->nglyph++;
        if (f->nglyph + query->ncode - i - 1 < query->least) return d.failed ? FACE_NO_MEMORY : FACE_UNFIT;
    }
    if (d.failed) return FACE_NO_MEMORY;
    drop_placeholders(f);
    if (f->nglyph < query->least) return FACE_UNFIT;
    measure_line(f);
    measure_ink(f);
    f->capitals = only_capitals(f) || small_capitals(f);
    return f->top > f->bottom && (!f->capitals || query->capitals) ? FACE_OK : FACE_UNFIT;
}

/* ---- kerning ---------------------------------------------------------------------------------------------------- */

/* Of ASCII letters and digits, from the font's `kern` table (FreeType does not read the newer GPOS). */
static face_status read_kerning(font_face *f, FT_Face ft) {
    int room = 0;
    if (!FT_HAS_KERNING(ft)) return FACE_OK;
    for (int i = 0; i < f->nglyph; i++)
        for (int k = 0; k < f->nglyph; k++) {
            const font_glyph *a = &f->glyph[i], *b = &f->glyph[k];
            FT_Vector by;
            if (a->code > 127 || b->code > 127 || !isalnum((int)a->code) || !isalnum((int)b->code)) continue;
            if (FT_Get_Kerning(ft, (FT_UInt)a->index, (FT_UInt)b->index, FT_KERNING_UNSCALED, &by) || !by.x) continue;
            if (f->nkern == room) {
                int more = room ? 2 * room : 256;
                font_pair *pair = realloc(f->kern, (size_t)more * sizeof *pair);
                if (!pair) return FACE_NO_MEMORY;
                f->kern = pair, room = more;
            }
            float em = (float)by.x * f->unit;
            f->kern[f->nkern++] = (font_pair){i * f->nglyph + k, fminf(fmaxf(em, -0.25f), 0.25f)};
        }
    return FACE_OK;
}

float font_kern(const font_face *f, const font_glyph *left, const font_glyph *right) {
    int wanted = (int)(left - f->glyph) * f->nglyph + (int)(right - f->glyph), low = 0, high = f->nkern;
    while (low < high) {
        int middle = (low + high) / 2;
        if (f->kern[middle].pair < wanted) low = middle + 1;
        else high = middle;
    }
    return low < f->nkern && f->kern[low].pair == wanted ? f->kern[low].by : 0;
}

/* ---- files ------------------------------------------------------------------------------------------------------ */

static face_status read_face(font_face *f, FT_Face ft, const char *family, const char *style, const char *path,
                             const face_query *query) {
    if (!FT_IS_SCALABLE(ft) || !ft->units_per_EM) return FACE_UNFIT;
    f->unit = 1 / (float)ft->units_per_EM;
    f->family = strdup(family), f->style = strdup(style), f->path = strdup(path);
    if (!f->family || !f->style || !f->path) return FACE_NO_MEMORY;
    face_status status = read_glyphs(f, ft, query);
    if (status != FACE_OK) return status;
    int16_t *ascii = malloc(128 * sizeof *ascii);
    if (!ascii) return FACE_NO_MEMORY;
    for (uint32_t code = 0; code < 128; code++) {
        const font_glyph *g = font_find(f, code);
        ascii[code] = (int16_t)(g ? g - f->glyph : -1);
    }
    f->ascii = ascii;
    return read_kerning(f, ft);
}

face_status face_open(font_face *f, void *library, const char *family, const char *style, const char *path, int index,
                      const face_query *query) {
    *f = (font_face){0};
    FT_Face ft = NULL;
    FT_Error error = FT_New_Face(library, path, index, &ft);
    if (error) return error == FT_Err_Out_Of_Memory ? FACE_NO_MEMORY : FACE_UNFIT;
    face_status status = read_face(f, ft, family, style, path, query);
    FT_Done_Face(ft);
    if (status != FACE_OK) face_close(f);
    return status;
}

void *face_library(void) {
    FT_Library library = NULL;
    return FT_Init_FreeType(&library) ? NULL : library;
}
void face_library_free(void *library) {
    if (library) FT_Done_FreeType(library);
}

void face_close(font_face *f) {
    free(f->family);
    free(f->style);
    free(f->path);
    free(f->glyph);
    free(f->ascii);
    free(f->point);
    free(f->kern);
    *f = (font_face){0};
}

const font_glyph *font_find(const font_face *f, uint32_t code) {
    int low = 0, high = f->nglyph;
    if (code < 128 && f->ascii) return f->ascii[code] < 0 ? NULL : &f->glyph[f->ascii[code]];
    while (low < high) {
        int middle = (low + high) / 2;
        if (f->glyph[middle].code < code) low = middle + 1;
        else high = middle;
    }
    return low < f->nglyph && f->glyph[low].code == code ? &f->glyph[low] : NULL;
}

/* ---- characters and drawings ------------------------------------------------------------------------------------ */

uint64_t face_drawing(const font_face *f) {
    uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (int i = 0; i < f->nglyph; i++)
        for (int k = 0; k < f->glyph[i].count; k++) {
            const font_point *p = &f->point[f->glyph[i].first + k];
            h = (h ^ (uint64_t)lroundf((float)p->x * f->unit * 500)) * UINT64_C(0x100000001b3);
            h = (h ^ (uint64_t)lroundf((float)p->y * f->unit * 500)) * UINT64_C(0x100000001b3);
        }
    return h;
}

static int by_code(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

uint32_t *face_sorted_codes(const char *text, int *n) {
    uint32_t *code = calloc(strlen(text) + 1, sizeof *code), c;
    int count = 0, kept = 0;
    if (!code) return NULL;
    while ((c = utf8_next(&text)))
        if (c != 0x034f) code[count++] = c; /* an alphabet's joiner (combining grapheme joiner) is never drawn */
    qsort(code, (size_t)count, sizeof *code, by_code);
    for (int i = 0; i < count; i++)
        if (!kept || code[i] != code[kept - 1]) code[kept++] = code[i];
    *n = kept;
    return code;
}
