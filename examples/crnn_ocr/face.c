/* face.c - a font file through stb_truetype: coverage, metrics, outlines. */
#include "face.h"

#include "utf8.h"

#include <ctype.h>
#include <fcntl.h>
#include <math.h>
#include <stb/stb_truetype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct font_file {
    unsigned char *data; /* mapped, because a collection can be 100 MB of which a few pages are used */
    size_t size;
    stbtt_fontinfo info;
} font_file;

static bool map_file(font_file *file, const char *path) {
    struct stat s;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    bool ok = fstat(fd, &s) == 0 && s.st_size > 12;
    if (ok) {
        file->size = (size_t)s.st_size;
        void *data = mmap(NULL, file->size, PROT_READ, MAP_PRIVATE, fd, 0);
        ok = data != MAP_FAILED;
        file->data = ok ? data : NULL;
    }
    close(fd);
    return ok;
}

static void unmap_file(font_file *file) {
    if (!file) return;
    if (file->data) munmap(file->data, file->size);
    free(file);
}

/* ---- which glyphs can be trusted ------------------------------------------------------------------------------ */

static bool same_outline(const font_face *f, const font_glyph *a, const font_glyph *b) {
    return a->count == b->count &&
        !memcmp(&f->point[a->first], &f->point[b->first], (size_t)a->count * sizeof *f->point);
}

/* Some fonts draw one shape, a box or a picture, for all that they lack. Two characters may share a shape (l and I, O
 * and 0, capitals for small letters), more do not. */
static void drop_placeholders(font_face *f) {
    int kept = 0, twins;
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

/* Small capitals for small letters: g and p do not go below the line, and a, e and r look like A, E and R made smaller,
 * which hardly any a or e does. */
static bool scaled(const font_face *f, char small, char capital) {
    const font_glyph *a = font_find(f, (uint32_t)small), *b = font_find(f, (uint32_t)capital);
    if (!a || !b || a->count != b->count || !a->count || b->top <= 0) return false;
    float k = a->top / b->top;
    for (int i = 0; i < a->count; i++) {
        const font_point *p = &f->point[a->first + i], *q = &f->point[b->first + i];
        if (p->verb != q->verb || fabsf(((float)p->y - k * (float)q->y) * f->unit) > 0.04f) return false;
    }
    return true;
}
static bool small_capitals(const font_face *f) {
    return scaled(f, 'e', 'E') && scaled(f, 'r', 'R') && scaled(f, 'g', 'G');
}

static bool is_space(uint32_t code) { return code == 0x20 || code == 0xa0 || code == 0x3000; }

static void add_outline(font_face *f, font_glyph *g, const stbtt_vertex *v, int n) {
    g->count = n;
    for (int i = 0; i < n; i++) {
        int16_t verb = v[i].type == STBTT_vmove ? FONT_MOVE
            : v[i].type == STBTT_vline          ? FONT_LINE
            : v[i].type == STBTT_vcurve         ? FONT_QUAD
                                                : FONT_CUBIC;
        f->point[g->first + i] = (font_point){v[i].x, v[i].y, v[i].cx, v[i].cy, v[i].cx1, v[i].cy1, verb};
    }
}

/* FACE_UNFIT: it cannot draw this character. */
static face_status read_glyph(font_face *f, const stbtt_fontinfo *info, font_glyph *g, int *used, int *room) {
    int advance, bearing, x0, y0, x1, y1;
    if (!g->index) return FACE_UNFIT;
    stbtt_GetGlyphHMetrics(info, g->index, &advance, &bearing);
    g->advance = (float)advance * f->unit;
    g->first = *used;
    if (is_space(g->code)) return advance > 0 ? FACE_OK : FACE_UNFIT;
    if (advance <= 0 || stbtt_IsGlyphEmpty(info, g->index)) return FACE_UNFIT;

    stbtt_vertex *v = NULL;
    int n = stbtt_GetGlyphShape(info, g->index, &v);
    face_status status = n > 2 ? FACE_OK : FACE_UNFIT;
    if (status == FACE_OK && *used + n > *room) {
        int more = 2 * (*used + n);
        font_point *point = realloc(f->point, (size_t)more * sizeof *point);
        if (point) f->point = point, *room = more;
        else status = FACE_NO_MEMORY;
    }
    if (status == FACE_OK) {
        add_outline(f, g, v, n);
        if (!stbtt_GetGlyphBox(info, g->index, &x0, &y0, &x1, &y1) || x1 <= x0 || y1 <= y0) status = FACE_UNFIT;
        else g->top = (float)y1 * f->unit, g->bottom = (float)y0 * f->unit;
        if (g->top > 3 || g->bottom < -2) status = FACE_UNFIT; /* a damaged or fanciful one */
    }
    if (status == FACE_OK) *used += n;
    stbtt_FreeShape(info, v);
    return status;
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

static face_status read_glyphs(font_face *f, const stbtt_fontinfo *info, const face_query *query) {
    int used = 0, room = 0;
    f->glyph = calloc((size_t)query->ncode + 1, sizeof *f->glyph);
    if (!f->glyph) return FACE_NO_MEMORY;
    for (int i = 0; i < query->ncode; i++) {
        font_glyph *g = &f->glyph[f->nglyph];
        *g = (font_glyph){.code = query->code[i], .index = stbtt_FindGlyphIndex(info, (int)query->code[i])};
        face_status status = read_glyph(f, info, g, &used, &room);
        if (status == FACE_NO_MEMORY) return status;
        if (status == FACE_OK) f->nglyph++;
        if (f->nglyph + query->ncode - i - 1 < query->least) return FACE_UNFIT;
    }
    drop_placeholders(f);
    if (f->nglyph < query->least) return FACE_UNFIT;
    measure_line(f);
    f->capitals = only_capitals(f) || small_capitals(f);
    return f->top > f->bottom && (!f->capitals || query->capitals) ? FACE_OK : FACE_UNFIT;
}

face_status face_open(font_face *f, const char *family, const char *style, const char *path, int index,
                      const face_query *query) {
    *f = (font_face){0};
    font_file *file = calloc(1, sizeof *file);
    if (!file) return FACE_NO_MEMORY;
    f->file = file;
    face_status status = FACE_UNFIT;
    if (map_file(file, path)) {
        int offset = stbtt_GetFontOffsetForIndex(file->data, index);
        if (offset >= 0 && stbtt_InitFont(&file->info, file->data, offset)) {
            f->unit = stbtt_ScaleForMappingEmToPixels(&file->info, 1);
            f->family = strdup(family), f->style = strdup(style);
            status = f->family && f->style ? read_glyphs(f, &file->info, query) : FACE_NO_MEMORY;
        }
    }
    if (status != FACE_OK) face_close(f);
    return status;
}

void face_close(font_face *f) {
    unmap_file(f->file);
    free(f->family);
    free(f->style);
    free(f->glyph);
    free(f->point);
    *f = (font_face){0};
}

const font_glyph *font_find(const font_face *f, uint32_t code) {
    int low = 0, high = f->nglyph;
    while (low < high) {
        int middle = (low + high) / 2;
        if (f->glyph[middle].code < code) low = middle + 1;
        else high = middle;
    }
    return low < f->nglyph && f->glyph[low].code == code ? &f->glyph[low] : NULL;
}

float font_kern(const font_face *f, const font_glyph *left, const font_glyph *right) {
    const font_file *file = f->file;
    return (float)stbtt_GetGlyphKernAdvance(&file->info, left->index, right->index) * f->unit;
}

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
